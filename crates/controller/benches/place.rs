//! A registered device on this machine's disk, with a pass of very many uses.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use carnet_controller::{Controller, Run};
use carnet_core::app::AppId;
use carnet_core::document::Answer;
use carnet_core::offer::Reporting;
use carnet_core::time::Length;
use carnet_device::identity::{Binding, GivenMachine};
use carnet_device::{Env, Passbook};
use carnet_seal::Unverified;
use carnet_seal::report::ReportSecrets;
use carnet_seam::fs::{Access, Facts};
use carnet_seam::{Crash, File, Fs, FsError, RealFs, SystemClock};
use carnet_testkit::server::offer;
use carnet_testkit::{FakeServer, customer};

/// After the last checkpoint.
pub const RECORDS: usize = 64;

/// What [`Place::parts`] measures.
pub const PARTS: [&str; 3] =
    ["opening the passbook, its key set verified", "folding the journal", "verifying the pass"];

/// Whether files are really synced.
#[derive(Clone, Copy)]
pub enum Disk {
    Real,
    Unsynced,
}

/// A device's home.
pub struct Place {
    home: PathBuf,
    server: FakeServer,
    machine: GivenMachine,
    /// The journal as it is at the beginning of each start.
    journal: Vec<u8>,
}

fn app() -> AppId {
    "acme/paint".parse().unwrap()
}

impl Place {
    pub fn new(name: &str) -> Self {
        Self::under(name, None)
    }

    /// The same with details of each use sealed to a supplier.
    pub fn reported(name: &str) -> Self {
        let keys = ReportSecrets::from_seeds(&[0x61; 64]).public();
        Self::under(name, Some(Reporting { keys: Some(keys), ..Reporting::kept_for(Length::days(90)) }))
    }

    fn under(name: &str, reporting: Option<Reporting>) -> Self {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("carnet-bench-{name}"));
        let _ = std::fs::remove_dir_all(&home);
        let (server, machine) = (FakeServer::new(SystemClock), GivenMachine::named("bench"));
        let mut place = Self { home, server, machine, journal: Vec::new() };
        place.buy(reporting);
        let run = place.start(Disk::Unsynced);
        // The checkpoint, the intent, its outcome and the start are there; the end comes.
        (0..RECORDS - 4).for_each(|_| assert!(run.consume(1).is_ok()));
        drop(run);
        place.journal = std::fs::read(place.segment()).unwrap();
        place
    }

    fn buy(&self, reporting: Option<Reporting>) {
        let mut many = offer("many", &["resize", "convert", "sheet"]);
        many.term.uses = Some(1_000_000);
        many.reporting = reporting;
        let binding = Binding::Machine(&self.machine);
        let mut passbook = customer::register(&self.server, env(Disk::Real), &self.home, &binding).unwrap();
        customer::agree(&mut passbook, &app(), &self.server, many).unwrap();
    }

    /// A start as of a program that has just been loaded.
    pub fn start(&self, disk: Disk) -> Run {
        Controller::builder(&self.server.product(&app()).to_string())
            .home(&self.home)
            .env(env(disk))
            .net(Arc::new(self.server.clone()))
            .machine(Arc::new(self.machine.clone()))
            .open()
            .unwrap()
            .start()
            .unwrap()
    }

    /// How long the parts of a start take.
    pub fn parts(&self) -> [Duration; 3] {
        let start = Instant::now();
        let passbook =
            Passbook::without_receipt(env(Disk::Unsynced), &self.home, self.server.pin(), &self.machine)
                .unwrap();
        let opened = start.elapsed();
        let book = passbook.book(Some(&app())).unwrap();
        let folded = start.elapsed();
        let held = book.state().held.as_ref().unwrap();
        let document = Unverified::<Answer>::parse(&held.document).unwrap();
        assert!(document.verify_held(passbook.ring().unwrap()).is_ok());
        [opened, folded - opened, start.elapsed() - folded]
    }

    fn segment(&self) -> PathBuf {
        let server: String = self.server.pin().server.0.iter().map(|byte| format!("{byte:02x}")).collect();
        self.home.join(server).join("apps/acme+paint/00000001.seg")
    }

    /// Puts the journal back to [`RECORDS`] records.
    pub fn restore(&self) {
        std::fs::write(self.segment(), &self.journal).unwrap();
    }

    pub fn journal_length(&self) -> u64 {
        std::fs::metadata(self.segment()).unwrap().len()
    }

    /// A file on the same disk.
    pub fn beside(&self) -> PathBuf {
        self.home.join("bare")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

fn env(disk: Disk) -> Env {
    match disk {
        Disk::Real => Env::real(),
        Disk::Unsynced => Env { fs: Arc::new(Unsynced(RealFs::default())), ..Env::real() },
    }
}

/// The real disk, without waiting for it: what is not the disk's doing shows.
#[derive(Debug)]
struct Unsynced(RealFs);

#[derive(Debug)]
struct UnsyncedFile(Box<dyn File>);

fn unsynced(file: Result<Box<dyn File>, FsError>) -> Result<Box<dyn File>, FsError> {
    Ok(Box::new(UnsyncedFile(file?)))
}

impl Fs for Unsynced {
    fn open(&self, path: &Path, access: Access) -> Result<Box<dyn File>, FsError> {
        unsynced(self.0.open(path, access))
    }
    fn create_new(&self, path: &Path) -> Result<Box<dyn File>, FsError> {
        unsynced(self.0.create_new(path))
    }
    fn create_folder(&self, path: &Path) -> Result<(), FsError> {
        self.0.create_folder(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> Result<(), FsError> {
        self.0.rename(from, to)
    }
    fn remove(&self, path: &Path) -> Result<(), FsError> {
        self.0.remove(path)
    }
    fn list(&self, folder: &Path) -> Result<Vec<String>, FsError> {
        self.0.list(folder)
    }
    fn sync_folder(&self, _: &Path) -> Result<(), FsError> {
        Ok(())
    }
    fn facts(&self, path: &Path) -> Result<Option<Facts>, FsError> {
        self.0.facts(path)
    }
    fn network_file_system(&self, path: &Path) -> Result<Option<String>, FsError> {
        self.0.network_file_system(path)
    }
    fn user(&self) -> u32 {
        self.0.user()
    }
    fn crash(&self) -> &Crash {
        self.0.crash()
    }
}

impl File for UnsyncedFile {
    fn length(&self) -> Result<u64, FsError> {
        self.0.length()
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FsError> {
        self.0.read_at(offset, buffer)
    }
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), FsError> {
        self.0.write_at(offset, bytes)
    }
    fn truncate(&self, length: u64) -> Result<(), FsError> {
        self.0.truncate(length)
    }
    fn sync(&self) -> Result<(), FsError> {
        Ok(())
    }
    fn lock(&self, patience: Duration) -> Result<(), FsError> {
        self.0.lock(patience)
    }
    fn unlock(&self) -> Result<(), FsError> {
        self.0.unlock()
    }
}
