//! The server over HTTP with a million licenses: rates, latencies, start-up and memory.
//!
//! `cargo bench -p carnet-server --bench http -- [--licenses 1000000] [--seconds 10] [--rounds 5]
//! [--connections 64] [--data DIR] [--without-proofs] [--postgres] [--key-delivery]`
//!
//! With `--data` the filled folder is kept and used again the next time; else it lies in the system's folder for
//! temporary files and goes at the end. `--without-proofs` leaves out the receipt and the last answer that every
//! device sends beside its request, to see what they cost; the targets are meant with them.
//!
//! With `--postgres` the server keeps its books in a PostgreSQL cluster of its own, with durable commits, in the same folder, made
//! anew each time; `pgbench -N` with as many connections runs on the same cluster by turns with the renewals.
//!
//! With `--key-delivery` something else is measured: ordering and presenting a license key, see the module `keys`.
//!
//! # How to read the output
//!
//! Each line is `name | measured | target | reference`; `MISSED` stands behind a target that was not reached.
//! Lines that begin with `#` are the single rounds, and the machine's load before the first of them. Client and
//! servers share the machine's cores, so rates are worth something only against the reference of the same run:
//!
//! * the **reference server** is this program once more, as a process of its own: the same connections, layers,
//!   body extractor and `submission` (parse, look the device's key up among as many devices, check the signatures
//!   of request and proofs), then a constant answer. No ledger, no signing;
//! * **renewals** are closed loop: each of the connections sends a request once it has the answer to its last one.
//!   Each is a request of another, randomly chosen device, signed before the clock starts; a device's state is read
//!   from the database between rounds. Both servers get the very same requests, by turns. The ratio is the median of
//!   the rounds' ratios. *CPU* is what the process used per request, *others* the share of the machine that went to
//!   neither client nor server, both by `/proc`: with more than a few percent, the numbers say little;
//! * **open loop** sends at half of the median rate, evenly, whether or not answers come; its latency counts from
//!   when a request was planned. Its reference is fdatasync of one 4 KiB page written over in the same folder,
//!   before and after each round; the *bare route* is the reference server, sent the same requests at the same rate;
//! * **same second** opens as many connections as devices, all at once, one renewal each;
//! * **one hot license** is a pool of 64 seats, one to each connection, against one fresh license after another.
//!   Here the next request depends on the last answer, so the client signs between them, on both sides;
//! * **errors** are everything but a pass with status 200, over all phases; a connection that has seen one asks no
//!   more. After each round all answers are checked as a device does, and the round's history against the invariants; the
//!   ledger check goes over the whole database at the end.

mod fill;
mod image;
mod keys;
mod offers;
mod order;
mod population;
mod process;
mod reference;
mod stages;
mod turn;

use std::path::PathBuf;

use carnet_testkit::load::Failed;
use carnet_testkit::postgres::Cluster;
use population::Names;
use process::Daemon;
use stages::Stages;

/// The first word of a command line that makes this program the reference server.
const REFERENCE: &str = "--reference-server";

fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, folder] = words.as_slice()
        && word == REFERENCE
    {
        return reference::serve(folder.into());
    }
    if !words.iter().any(|word| word == "--bench") {
        println!("nothing is measured: only `cargo bench` asks for that");
        return Ok(());
    }
    let arguments = Arguments::read(words)?;
    let folder = Folder::of(&arguments)?;
    let cores = std::thread::available_parallelism()?;
    println!("# {cores} cores, load {}", std::fs::read_to_string("/proc/loadavg")?.trim());
    println!("name | measured | target | reference");
    let cluster = arguments.postgres.then(|| Cluster::durable(&folder.path.join("cluster")));
    let beside = cluster.as_ref().map(turn::beside);
    let url = cluster.as_ref().map(|cluster| cluster.database("carnet"));
    if arguments.key_delivery {
        return keys::measure(&arguments, &folder.path.join("keys"));
    }
    let population = fill::open(&folder.path, url, arguments.licenses, arguments.proofs, Names::Numbers)?;
    Stages::size(&folder.path)?;
    stages::start(&population)?;
    let carnetd = Daemon::carnetd(&population)?;
    let reference = Daemon::reference(&population.reference)?;
    let mut stages = Stages::new(arguments, population, carnetd, reference, beside)?;
    stages.idle()?;
    let rate = stages.renewals()?;
    stages.open_loop(rate / 2.0)?;
    stages.hot(rate)?;
    stages.loaded()?;
    stages.same_second()?;
    stages.end()?;
    drop(cluster);
    Ok(())
}

/// What the command line says.
#[derive(Debug)]
struct Arguments {
    licenses: u64,
    seconds: u64,
    rounds: u32,
    connections: usize,
    proofs: bool,
    postgres: bool,
    key_delivery: bool,
    data: Option<PathBuf>,
}

impl Arguments {
    fn read(words: Vec<String>) -> Result<Self, Failed> {
        let mut read = Self {
            licenses: 1_000_000,
            seconds: 10,
            rounds: 5,
            connections: 64,
            proofs: true,
            postgres: false,
            key_delivery: false,
            data: None,
        };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                // Cargo says so by itself, unless it only tests.
                "--bench" => {}
                "--postgres" => read.postgres = true,
                "--key-delivery" => read.key_delivery = true,
                "--without-proofs" => read.proofs = false,
                "--licenses" => read.licenses = value()?.parse()?,
                "--seconds" => read.seconds = value()?.parse()?,
                "--rounds" => read.rounds = value()?.parse()?,
                "--connections" => read.connections = value()?.parse()?,
                "--data" => read.data = Some(value()?.into()),
                other => return Err(format!("unknown argument {other}").into()),
            }
        }
        let none = read.licenses == 0 || read.seconds == 0 || read.rounds == 0 || read.connections == 0;
        if none { Err("every number must be at least 1".into()) } else { Ok(read) }
    }
}

/// Where everything lies. Goes at the end unless it was named.
struct Folder {
    path: PathBuf,
    kept: bool,
}

impl Folder {
    fn of(arguments: &Arguments) -> Result<Self, Failed> {
        let temporary = || std::env::temp_dir().join(format!("carnet-http-{}", std::process::id()));
        let path = arguments.data.clone().unwrap_or_else(temporary);
        std::fs::create_dir_all(&path)?;
        Ok(Self { path, kept: arguments.data.is_some() })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            eprintln!("{} is left behind: {error}", self.path.display());
        }
    }
}
