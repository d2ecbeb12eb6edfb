//! A server in this process, and suppliers that call it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use carnet_api::supplier::{NewSupplier, RegisteredSupplier};
use carnet_core::time::Seconds;
use carnet_seam::{Clock, Crash, RealFs};
use carnet_server::admission::Policy;
use carnet_server::api;
use carnet_server::invitation;
use carnet_server::key_service::Place;
use carnet_server::server::{Server, Surroundings};
use carnet_testkit::postgres::Schema;
use carnet_testkit::{FakeClock, SeededRandom};
use serde_json::{Value, json};
use tower::ServiceExt;

/// 2026-11-21T00:00:00Z.
pub const START: i64 = 1_795_219_200_000_000;

/// A folder that goes with the test, and in the tests on PostgreSQL a schema.
pub struct Folder {
    path: PathBuf,
    schema: Option<Schema>,
}

/// A copy of a database.
pub enum Saved {
    File(PathBuf),
    Schema(Schema),
}

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("carnet-server-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        let schema = crate::POSTGRES.then(Schema::new);
        let folder = Self { path, schema };
        if let Some(url) = folder.url() {
            replace_url(&folder.data(), &url);
        }
        folder
    }

    pub fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// The address of the database, where it is not a file in the folder.
    pub fn url(&self) -> Option<String> {
        self.schema().map(Schema::url)
    }

    /// Where the tables are, when they are not in a file.
    pub fn schema(&self) -> Option<&Schema> {
        self.schema.as_ref()
    }

    /// A copy of the database, as a backup has it. No server may run.
    pub fn save(&self) -> Saved {
        match &self.schema {
            Some(schema) => {
                let copy = Schema::new();
                schema.copy_to(&copy);
                Saved::Schema(copy)
            }
            None => {
                let copy = self.path.join("saved");
                std::fs::copy(self.data().join("carnet.db"), &copy).unwrap();
                Saved::File(copy)
            }
        }
    }

    /// Puts it back.
    pub fn put_back(&self, saved: &Saved) {
        match (saved, &self.schema) {
            (Saved::File(copy), None) => {
                std::fs::copy(copy, self.data().join("carnet.db")).unwrap();
            }
            (Saved::Schema(copy), Some(schema)) => schema.restore(copy),
            _ => panic!("a copy of another kind of database"),
        }
    }
}

/// Beside a data folder: where the database of its server is, when it is not in the folder.
pub fn url_file(data: &Path) -> PathBuf {
    data.with_extension("url")
}

/// Says where it is.
#[expect(clippy::disallowed_methods, reason = "a test says where its database is")]
pub fn replace_url(data: &Path, url: &str) {
    std::fs::write(url_file(data), url).unwrap();
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A server in this process.
pub struct World {
    pub server: Server,
    pub routes: Router,
    pub clock: FakeClock,
    pub random: Arc<SeededRandom>,
    pub folder: Arc<Folder>,
    pub policy: Policy,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn code(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text());
        let problem: carnet_api::Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status.as_u16());
        assert_eq!(problem.request_id.as_deref(), self.headers["x-request-id"].to_str().ok());
        problem.code
    }

    /// The pointers of a problem, in order.
    pub fn pointers(&self) -> Vec<String> {
        let json = self.json();
        let errors = json["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    }

    /// The body without what differs from request to request.
    pub fn without_request_id(&self) -> Value {
        let mut json = self.json();
        json.as_object_mut().unwrap().remove("request_id");
        json
    }
}

impl World {
    pub fn new() -> Self {
        Self::with(Policy::default())
    }

    /// A server whose operator allows this.
    pub fn with(policy: Policy) -> Self {
        let (clock, random) = (FakeClock::at(START), Arc::new(SeededRandom::new(7)));
        Self::on(clock, random, Arc::new(Folder::new()), Crash::never(), policy)
    }

    /// A server on this folder, which dies where a test says so.
    pub fn on(
        clock: FakeClock,
        random: Arc<SeededRandom>,
        folder: Arc<Folder>,
        crash: Crash,
        policy: Policy,
    ) -> Self {
        Self::at(clock, random, folder, crash, policy, None)
    }

    /// The same with a key service of its own.
    pub fn at(
        clock: FakeClock,
        random: Arc<SeededRandom>,
        folder: Arc<Folder>,
        crash: Crash,
        policy: Policy,
        key_service: Option<Place>,
    ) -> Self {
        let around = Surroundings {
            database: folder.url().map(|url| url.parse().unwrap()),
            clock: Arc::new(clock.clone()),
            random: random.clone(),
            fs: Arc::new(RealFs::with_crash(crash)),
            data: folder.data(),
            key_service,
        };
        let server = Server::open_with(around, policy.clone()).unwrap();
        Self { routes: api::service(&server), server, clock, random, folder, policy }
    }

    /// The process ends and another one starts on the same data.
    pub fn restart(self) -> Self {
        self.restart_with(Crash::never())
    }

    /// [`World::restart`], with a place where the new process dies.
    pub fn restart_with(self, crash: Crash) -> Self {
        let Self { server, routes, clock, random, folder, policy } = self;
        server.close();
        drop((server, routes));
        Self::on(clock, random, folder, crash, policy)
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.routes, request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// What the server counts, as its own listener tells it.
    pub async fn metrics(&self) -> String {
        let routes = carnet_server::metrics::page::service(&self.server, None);
        send(&routes, Request::get("/metrics").body(Body::empty()).unwrap()).await.text()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = Request::post(path).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// What a device sends.
    pub async fn document(&self, bytes: Vec<u8>) -> Answer {
        let request = Request::post("/v1/device").header("content-type", "application/cose");
        self.send(request.body(Body::from(bytes)).unwrap()).await
    }

    /// A set-up code, as an operator makes one.
    pub fn code(&self) -> String {
        let now = self.server.now();
        let (made, kept) = invitation::make(now, Seconds(900), self.random.as_ref()).unwrap();
        invitation::leave(&RealFs::default(), &self.folder.data(), &kept).unwrap();
        made.code.to_string()
    }

    pub async fn register(&self, code: &str, name: &str) -> Answer {
        let new = NewSupplier {
            setup_code: code.to_owned(),
            name: name.parse().unwrap(),
            display_name: format!("{name} Ltd."),
            token_hash: None,
        };
        self.post("/v1/suppliers", &serde_json::to_value(new).unwrap()).await
    }

    /// A registered supplier.
    pub async fn supplier(&self, name: &str) -> Supplier<'_> {
        let answer = self.register(&self.code(), name).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        let registered: RegisteredSupplier = serde_json::from_slice(&answer.body).unwrap();
        Supplier { world: self, token: registered.token.unwrap(), name: name.to_owned() }
    }

    pub fn now(&self) -> carnet_core::time::Time {
        carnet_core::time::Time(self.clock.wall_micros())
    }
}

pub async fn send(routes: &Router, request: Request<Body>) -> Answer {
    let response = routes.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// A supplier that calls the server.
pub struct Supplier<'w> {
    pub world: &'w World,
    pub token: String,
    pub name: String,
}

impl Supplier<'_> {
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.call_with(method, path, body, &[]).await
    }

    pub async fn call_with(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", format!("Bearer {}", self.token));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.world.send(request.body(body).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// An app with this menu.
    pub async fn app(&self, part: &str, offers: &[Value]) -> String {
        let id = format!("{}/{part}", self.name);
        let answer = self.post("/v1/apps", &json!({"id": id, "display_name": "An app"})).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        let answer = self.put(&format!("/v1/menu/{id}"), &json!({"offers": offers})).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        id
    }
}

/// Ten uses, one at a time, free.
pub fn ten_runs() -> Value {
    json!({
        "name": "ten-runs", "condition": "Ten runs", "features": {"resize": null},
        "term": {"uses": 10}, "fee": "0 EUR", "pass_term": {"uses": 1},
    })
}
