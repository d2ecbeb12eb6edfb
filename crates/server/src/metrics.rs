//! What the server counts, in a recorder of its own: two servers in one process do not share numbers.

pub mod page;
pub mod store;

use std::fmt;

use axum::http::Method;
use carnet_api::ProblemCode;
use carnet_core::document::Reason;
use carnet_store::Counts;
use metrics::{Key, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// Requests by route, method and status.
pub const REQUESTS: &str = "carnet_http_requests_total";
/// Time until the answer, by route.
pub const REQUEST_SECONDS: &str = "carnet_http_request_seconds";
/// Problems by code.
pub const PROBLEMS: &str = "carnet_problems_total";
/// Answers to devices, by type of document and whether they were decided or repeated.
pub const ANSWERS: &str = "carnet_device_answers_total";
/// Passes issued for the operation `renew`.
pub const RENEWALS: &str = "carnet_renewals_total";
/// Time from a device's request to its signed answer, by operation.
pub const OPERATION_SECONDS: &str = "carnet_device_operation_seconds";
/// Refusals answered to devices, by reason.
pub const REFUSALS: &str = "carnet_device_refusals_total";
/// Journals that wait for a supplier's review.
pub const FLAGGED: &str = "carnet_flagged_journals";
/// Pieces of work that the ledger has settled.
pub const SETTLED: &str = "carnet_ledger_settled_total";
/// Pieces of work that wait for the ledger.
pub const QUEUE: &str = "carnet_ledger_queue_length";
/// When the key set ends, in seconds since 1970.
pub const KEY_SET_ENDS: &str = "carnet_key_set_expires_seconds";

/// Calls to the key service that got no reply.
pub const KEY_SERVICE_MISSED: &str = "carnet_key_service_missed_total";

/// Calls to an image store that were not done, for its own sake.
pub const IMAGE_STORE_MISSED: &str = "carnet_image_store_missed_total";

const DESCRIBED: [(&str, Kind, &str); 13] = [
    (REQUESTS, Kind::Counter, "HTTP requests by route, method and status"),
    (REQUEST_SECONDS, Kind::Histogram, "time until the answer, in seconds, by route"),
    (PROBLEMS, Kind::Counter, "problems answered, by code"),
    (ANSWERS, Kind::Counter, "documents answered to devices, by type and how they came about"),
    (RENEWALS, Kind::Counter, "passes issued to renewals"),
    (OPERATION_SECONDS, Kind::Histogram, "time until a device's answer is signed, in seconds, by operation"),
    (REFUSALS, Kind::Counter, "refusals answered to devices, by reason"),
    (FLAGGED, Kind::Gauge, "journals that wait for a supplier's review"),
    (SETTLED, Kind::Counter, "pieces of work that the ledger has settled"),
    (QUEUE, Kind::Gauge, "pieces of work waiting for the ledger"),
    (KEY_SERVICE_MISSED, Kind::Counter, "calls to a key service of its own that got no reply"),
    (IMAGE_STORE_MISSED, Kind::Counter, "calls to an image store that it did not carry out"),
    (KEY_SET_ENDS, Kind::Gauge, "when the key set ends, in seconds since 1970"),
];

/// The names of everything that is measured.
pub fn names() -> impl Iterator<Item = &'static str> {
    DESCRIBED.iter().map(|(name, ..)| *name).chain(store::NAMES)
}

/// From a cached answer to a stalled disk, in seconds.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1.0, 5.0, 30.0];

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

const META: Metadata<'static> = Metadata::new("carnet", Level::INFO, None);

/// The server's own recorder.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Metrics {
    /// A recorder with nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).unwrap_or_default();
        let recorder = builder.build_recorder();
        for (name, kind, text) in DESCRIBED {
            match kind {
                Kind::Counter => recorder.describe_counter(name.into(), None, text.into()),
                Kind::Gauge => recorder.describe_gauge(name.into(), None, text.into()),
                Kind::Histogram => recorder.describe_histogram(name.into(), Some(Unit::Seconds), text.into()),
            }
        }
        let handle = recorder.handle();
        let metrics = Self { recorder, handle };
        metrics.begin();
        metrics
    }

    /// What has no labels, or one of a known few, is there from the start, so that an alert finds a zero.
    fn begin(&self) {
        [RENEWALS, SETTLED, KEY_SERVICE_MISSED, IMAGE_STORE_MISSED]
            .iter()
            .for_each(|name| self.count(name, Vec::new(), 0));
        self.set(QUEUE, 0.0);
        for code in ProblemCode::ALL {
            self.count(PROBLEMS, vec![Label::from_static_parts("code", code.as_str())], 0);
        }
    }

    /// One HTTP request.
    pub fn request(&self, method: &Method, route: &str, status: u16, micros: u64, code: Option<ProblemCode>) {
        let route = Label::new("route", route.to_owned());
        let labels = vec![
            route.clone(),
            Label::new("method", known(method)),
            Label::new("status", status.to_string()),
        ];
        self.count(REQUESTS, labels, 1);
        // A request is over long before microseconds outgrow what a float holds exactly.
        let seconds = std::time::Duration::from_micros(micros).as_secs_f64();
        let key = Key::from_parts(REQUEST_SECONDS, vec![route]);
        self.recorder.register_histogram(&key, &META).record(seconds);
        if let Some(code) = code {
            self.count(PROBLEMS, vec![Label::from_static_parts("code", code.as_str())], 1);
        }
    }

    /// One document answered to a device.
    pub fn answer(&self, document: &'static str, how: &'static str, renewal: bool) {
        let labels =
            vec![Label::from_static_parts("document", document), Label::from_static_parts("how", how)];
        self.count(ANSWERS, labels, 1);
        if renewal {
            self.count(RENEWALS, Vec::new(), 1);
        }
    }

    /// How long a device has waited for its answer, from its request's last byte on.
    pub fn operation(&self, operation: &'static str, micros: u64) {
        let labels = vec![Label::from_static_parts("operation", operation)];
        let seconds = std::time::Duration::from_micros(micros).as_secs_f64();
        let key = Key::from_parts(OPERATION_SECONDS, labels);
        self.recorder.register_histogram(&key, &META).record(seconds);
    }

    /// One refusal answered to a device.
    pub fn refusal(&self, reason: Reason) {
        self.count(REFUSALS, vec![Label::from_static_parts("reason", reason.code())], 1);
    }

    /// How many journals wait for a supplier's review.
    pub fn flagged(&self, journals: u64) {
        self.set(FLAGGED, f64::from(u32::try_from(journals).unwrap_or(u32::MAX)));
    }

    /// The ledger's own counts.
    pub fn ledger(&self, settled: u64, queue: u64) {
        self.recorder.register_counter(&Key::from_name(SETTLED), &META).absolute(settled);
        self.set(QUEUE, f64::from(u32::try_from(queue).unwrap_or(u32::MAX)));
    }

    /// How many calls to the key service got no reply.
    pub fn key_service_missed(&self, calls: u64) {
        self.recorder.register_counter(&Key::from_name(KEY_SERVICE_MISSED), &META).absolute(calls);
    }

    /// How often the image store did not do what it was asked.
    pub fn image_store_missed(&self, calls: u64) {
        self.recorder.register_counter(&Key::from_name(IMAGE_STORE_MISSED), &META).absolute(calls);
    }

    /// When the key set ends.
    pub fn key_set_ends(&self, seconds: i64) {
        self.set(
            KEY_SET_ENDS,
            std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).as_secs_f64(),
        );
    }

    /// Everything, in the Prometheus text format.
    #[must_use]
    pub fn render(&self, store: &Counts) -> String {
        self.upkeep();
        let mut text = self.handle.render();
        // Writing to a string does not fail.
        let _ = store::render(&mut text, store);
        text
    }

    /// Sums up what histograms have recorded. To be called now and then: what nobody sums up only grows.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    fn count(&self, name: &'static str, labels: Vec<Label>, more: u64) {
        self.recorder.register_counter(&Key::from_parts(name, labels), &META).increment(more);
    }

    fn set(&self, name: &'static str, value: f64) {
        self.recorder.register_gauge(&Key::from_name(name), &META).set(value);
    }
}

/// A method that nobody knows must not make a new series.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(…)")
    }
}
