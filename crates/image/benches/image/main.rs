//! Building and extracting an image against zstd alone: the same bytes, the same level, the same 1 MiB frames, in
//! turns, on one core, without a disk.
//!
//! What is packed is this program itself, the sources of this workspace, and a quarter of bytes that do not compress,
//! as pictures would not.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]

mod memory;

use std::path::Path;
use std::time::Duration;

use carnet_core::time::Time;
use carnet_image::{
    Built, Extraction, Front, Patterns, Recipe, Source, Trust, Workshop, build, build::USUAL_LEVEL,
};
use carnet_seal::{ImageKey, SigningKey};
use carnet_seam::fs::Access;
use carnet_seam::{Clock, File, Fs, SystemClock};
use carnet_testkit::SeededRandom;

use memory::Memory;

const FRAME: usize = 1024 * 1024;
const ROUNDS: usize = 9;

fn main() {
    // `cargo test --benches` runs this too, and measures nothing.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let files = Memory::default();
    let total = lay_out(&files);
    println!("{:.0} MiB in frames of 1 MiB, zstd level {USUAL_LEVEL}, {ROUNDS} rounds in turns", mib(total));
    let mut plain = Rounds::default();
    let mut ours = Rounds::default();
    let (mut plain_open, mut our_open) = (Rounds::default(), Rounds::default());
    for round in 0..ROUNDS {
        let (seconds, lengths) = timed(|| compress(&files));
        plain.add(seconds);
        let (seconds, built) = timed(|| seal(&files, round as u64));
        ours.add(seconds);
        let (seconds, unpacked) = timed(|| decompress(&files, &lengths));
        plain_open.add(seconds);
        assert_eq!(unpacked, total);
        let (seconds, ()) = timed(|| open(&files, &built));
        our_open.add(seconds);
        assert!(files.bytes("to/program") == files.bytes("from/program"));
        files.forget("to");
    }
    report("seal", total, &plain, &ours);
    report("open", total, &plain_open, &our_open);
}

/// Puts what is packed into the folder `from`; its size.
fn lay_out(files: &Memory) -> usize {
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let mut sources = Vec::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut sources);
    // Enough of each that one round takes long enough.
    let (program, sources) =
        (program.repeat(24_000_000 / program.len() + 1), sources.repeat(8_000_000 / sources.len() + 1));
    let mut noise = vec![0; (program.len() + sources.len()) / 3];
    carnet_seam::Random::fill(&SeededRandom::new(1), &mut noise).unwrap();
    files.add("from/program", &program);
    files.add("from/share/sources", &sources);
    files.add("from/share/pictures", &noise);
    program.len() + sources.len() + noise.len()
}

fn gather(folder: &Path, sources: &mut Vec<u8>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            gather(&path, sources);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            sources.extend(std::fs::read(path).unwrap());
        }
    }
}

/// The reference: read, compress, write. The lengths of the pieces, plain and compressed.
fn compress(files: &Memory) -> Vec<(usize, usize)> {
    let mut zstd = zstd::bulk::Compressor::new(USUAL_LEVEL).unwrap();
    files.remove(Path::new("packed")).unwrap();
    let to = files.create_new(Path::new("packed")).unwrap();
    let (mut lengths, mut written) = (Vec::new(), 0);
    let (mut piece, mut packed) = (vec![0; FRAME], Vec::with_capacity(2 * FRAME));
    for path in ["from/program", "from/share/sources", "from/share/pictures"] {
        let file = files.open(Path::new(path), Access::Read).unwrap();
        let mut at = 0;
        loop {
            let read = file.read_at(at, &mut piece).unwrap();
            if read == 0 {
                break;
            }
            zstd.compress_to_buffer(&piece[..read], &mut packed).unwrap();
            to.write_at(written, &packed).unwrap();
            lengths.push((read, packed.len()));
            (at, written) = (at + read as u64, written + packed.len() as u64);
            packed.clear();
        }
    }
    lengths
}

fn decompress(files: &Memory, lengths: &[(usize, usize)]) -> usize {
    files.remove(Path::new("unpacked")).unwrap();
    let to = files.create_new(Path::new("unpacked")).unwrap();
    let from = files.open(Path::new("packed"), Access::Read).unwrap();
    let mut zstd = zstd::bulk::Decompressor::new().unwrap();
    let (mut piece, mut packed) = (vec![0; FRAME], vec![0; 2 * FRAME]);
    let (mut at, mut written) = (0, 0);
    for (plain, length) in lengths {
        from.read_at(at, &mut packed[..*length]).unwrap();
        assert_eq!(zstd.decompress_to_buffer(&packed[..*length], piece.as_mut_slice()).unwrap(), *plain);
        to.write_at(written, &piece[..*plain]).unwrap();
        (at, written) = (at + *length as u64, written + *plain as u64);
    }
    usize::try_from(to.length().unwrap()).unwrap()
}

fn key() -> SigningKey {
    SigningKey::from_seed(&[6; 32])
}

fn seal(files: &Memory, seed: u64) -> Built {
    let core = "core".parse().unwrap();
    let recipe = Recipe {
        folder: Path::new("from"),
        app: "acme/paint".parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        platform: "any".parse().unwrap(),
        built: Time(0),
        patterns: Patterns::default().with(&core, "**").unwrap(),
        sealed: std::collections::BTreeSet::new(),
        level: USUAL_LEVEL,
    };
    let random = Quiet(seed);
    let mut workshop = Workshop { files, random: &random, signer: &key(), progress: &mut |_, _| {} };
    build(&recipe, &mut workshop, Path::new("image")).unwrap()
}

/// Keys of a measurement.
#[derive(Debug)]
struct Quiet(u64);

impl carnet_seam::Random for Quiet {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), carnet_seam::NoRandom> {
        bytes.fill(self.0 as u8);
        Ok(())
    }
}

fn open(files: &Memory, built: &Built) {
    let image: Box<dyn File> = files.open(Path::new("image"), Access::Read).unwrap();
    let source: &dyn Source = &image;
    let trusted = ImageKey { supplier: "acme".parse().unwrap(), key: key().verifying_key() };
    let front = Front::open(source, Trust::Key(&trusted)).unwrap();
    let extraction =
        Extraction { source, front: &front, keys: &built.keys, reuse: None, files, to: Path::new("to") };
    extraction.run(&built.keys.keys().cloned().collect::<Vec<_>>(), &mut |_| {}).unwrap();
}

/// Seconds of each round.
#[derive(Default)]
struct Rounds(Vec<f64>);

impl Rounds {
    fn add(&mut self, took: Duration) {
        self.0.push(took.as_secs_f64());
    }

    fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }
}

fn timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let started = SystemClock.boot_micros();
    let made = run();
    (Duration::from_micros(SystemClock.boot_micros() - started), made)
}

fn mib(bytes: usize) -> f64 {
    bytes as f64 / FRAME as f64
}

fn report(what: &str, total: usize, plain: &Rounds, ours: &Rounds) {
    let ratios = plain.0.iter().zip(&ours.0).map(|(plain, ours)| plain / ours);
    let ratio = Rounds(ratios.collect()).median();
    let speed = |rounds: &Rounds| mib(total) / rounds.median();
    println!(
        "{what}: {:.0} MiB/s, zstd alone {:.0} MiB/s, ratio {ratio:.2} (median of the rounds)",
        speed(ours),
        speed(plain)
    );
}
