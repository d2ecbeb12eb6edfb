//! An image of 2 GiB that does not compress, on a disk: how long building and installing take, how much memory at most, and
//! what it costs to go on with a download that was broken off in the middle. Then one of a million files with next to nothing
//! in them. What is fetched comes by ranges from a file, so no network is measured.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "what is measured lies in files that need not last")]

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use carnet_core::app::AppId;
use carnet_core::time::Time;
use carnet_image::build::USUAL_LEVEL;
use carnet_image::front::Wanted;
use carnet_image::install::{From, Order, Place};
use carnet_image::{Built, Patterns, Ranges, Recipe, Trust, Workshop, build};
use carnet_seal::{ImageKey, SigningKey};
use carnet_seam::fs::Access;
use carnet_seam::{Clock, File, Fs, NetError, Random, RealFs, SystemClock, SystemRandom};

const MEBIBYTE: u64 = 1 << 20;
/// Of each file that is packed.
const FILE: u64 = 64 * MEBIBYTE;
/// What either side may take.
const MOST_MEMORY: u64 = 64;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test --benches` runs this too, and measures nothing.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let asked = |name: &str, usual: u64| {
        let given = arguments.iter().skip_while(|argument| *argument != name).nth(1);
        given.map_or(usual, |text| text.parse().unwrap())
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("install-{}", std::process::id()));
    measure(&folder, asked("--mebibytes", 2_048) * MEBIBYTE);
    std::fs::remove_dir_all(&folder).unwrap();
    measure_many(&folder, asked("--files", 1_000_000));
    std::fs::remove_dir_all(&folder).unwrap();
}

fn measure(folder: &Path, size: u64) {
    lay_out(&folder.join("program"), size);
    let image = folder.join("image.cimg");
    let (built, took, memory) = watched(|| seal(&folder.join("program"), &image));
    std::fs::remove_dir_all(folder.join("program")).unwrap();
    report("build", size, took, memory);

    let (files, app) = (RealFs::default(), app());
    let (to, again) = (folder.join("whole"), folder.join("resumed"));
    let whole = Fetched::open(&image, u64::MAX);
    let ((), took, memory) = watched(|| install(&files, &to, &app, &built, &whole).unwrap());
    report("install", size, took, memory);
    let came = whole.come.load(Ordering::Relaxed);
    std::fs::remove_dir_all(&to).unwrap();

    let half = Fetched::open(&image, size / 2);
    install(&files, &again, &app, &built, &half).unwrap_err();
    let first = half.come.load(Ordering::Relaxed);
    let rest = Fetched::open(&image, u64::MAX);
    let started = SystemClock.boot_micros();
    let ((), took, memory) = watched(|| install(&files, &again, &app, &built, &rest).unwrap());
    report("install, second half", size, took, memory);
    let looked = rest.first_new.get().map_or(0, |at| at - started);
    let second = rest.come.load(Ordering::Relaxed);
    println!(
        "going on: {:.1} s to find out what of {} MiB is there; {} MiB came twice",
        Duration::from_micros(looked).as_secs_f64(),
        first / MEBIBYTE,
        (first + second).saturating_sub(came) / MEBIBYTE
    );
}

/// A thousand files in each folder.
fn measure_many(folder: &Path, count: u64) {
    let program = folder.join("program");
    for number in 0..count {
        let below = program.join(format!("folder-{}", number / 1_000));
        if number % 1_000 == 0 {
            std::fs::create_dir_all(&below).unwrap();
        }
        std::fs::write(below.join(format!("file-{number}")), number.to_le_bytes()).unwrap();
    }
    let image = folder.join("image.cimg");
    let (built, took, memory) = watched(|| seal(&program, &image));
    report_many("build", count, took, memory);
    let fetched = Fetched::open(&image, u64::MAX);
    let to = folder.join("whole");
    let ((), took, memory) = watched(|| install(&RealFs::default(), &to, &app(), &built, &fetched).unwrap());
    report_many("install", count, took, memory);
}

fn app() -> AppId {
    "acme/paint".parse().unwrap()
}

fn lay_out(folder: &Path, size: u64) {
    std::fs::create_dir_all(folder).unwrap();
    let mut noise = vec![0; usize::try_from(FILE.min(size)).unwrap()];
    for number in 0..size.div_ceil(FILE) {
        SystemRandom.fill(&mut noise).unwrap();
        std::fs::write(folder.join(format!("picture-{number}")), &noise).unwrap();
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed(&[6; 32])
}

fn seal(folder: &Path, to: &Path) -> Built {
    let core = "core".parse().unwrap();
    let recipe = Recipe {
        folder,
        app: app(),
        version: "1.0.0".parse().unwrap(),
        platform: "any".parse().unwrap(),
        built: Time(0),
        patterns: Patterns::default().with(&core, "**").unwrap(),
        sealed: std::collections::BTreeSet::new(),
        level: USUAL_LEVEL,
    };
    let files = RealFs::default();
    let mut workshop =
        Workshop { files: &files, random: &SystemRandom, signer: &key(), progress: &mut |_, _| {} };
    build(&recipe, &mut workshop, to).unwrap()
}

fn install(
    files: &RealFs,
    below: &Path,
    app: &AppId,
    built: &Built,
    from: &Fetched,
) -> Result<(), carnet_image::fetch::FetchError> {
    let trusted = ImageKey { supplier: "acme".parse().unwrap(), key: key().verifying_key() };
    let wanted = Wanted { app: Some(app.clone()), version: None, at_least: None, platform: None };
    let order = Order { from: From::Fetched(from), trust: Trust::Key(&trusted), wanted, keys: &built.keys };
    Place::of(files, below, app).install(&order, &mut |_| {}).map(drop)
}

/// An image in a file, as a server would give it out, until the line is cut.
struct Fetched {
    file: Box<dyn File>,
    come: AtomicU64,
    cut_after: u64,
    /// When something was asked for that lies beyond the middle.
    first_new: OnceLock<u64>,
}

impl Fetched {
    fn open(path: &Path, cut_after: u64) -> Self {
        let file = RealFs::default().open(path, Access::Read).unwrap();
        Self { file, come: AtomicU64::new(0), cut_after, first_new: OnceLock::new() }
    }
}

impl Ranges for Fetched {
    fn length(&self) -> Result<u64, NetError> {
        Ok(self.file.length().unwrap())
    }

    fn read(&self, offset: u64, length: u64) -> Result<Vec<u8>, NetError> {
        if self.come.load(Ordering::Relaxed) > self.cut_after {
            return Err(NetError::Interrupted("the line is cut".to_owned()));
        }
        if offset > self.length()? / 4 {
            self.first_new.get_or_init(|| SystemClock.boot_micros());
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap()];
        let read = self.file.read_at(offset, &mut bytes).unwrap();
        bytes.truncate(read);
        self.come.fetch_add(read as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

/// What came of it, how long it took, and the most memory meanwhile, in mebibytes.
fn watched<T>(run: impl FnOnce() -> T) -> (T, Duration, u64) {
    // Forgets the peak so far (proc_pid_clear_refs(5)).
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let started = SystemClock.boot_micros();
    let made = run();
    let took = Duration::from_micros(SystemClock.boot_micros() - started);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    (made, took, peak / 1_024)
}

fn report(what: &str, size: u64, took: Duration, memory: u64) {
    let seconds = took.as_secs_f64();
    println!(
        "{what} | {} MiB in {seconds:.1} s, {:.0} MiB/s | {memory} MiB of memory at most, ≤ {MOST_MEMORY}",
        size / MEBIBYTE,
        (size / MEBIBYTE) as f64 / seconds
    );
}

fn report_many(what: &str, count: u64, took: Duration, memory: u64) {
    let seconds = took.as_secs_f64();
    println!("{what} | {count} files in {seconds:.1} s | {memory} MiB of memory at most, ≤ {MOST_MEMORY}");
}
