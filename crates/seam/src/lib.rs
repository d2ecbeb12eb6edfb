//! Everything impure that Carnet touches, as arguments: clock, random, files, network.
//!
//! A rule that can be tested for every failing write, every lost sync and every wrong clock is a rule
//! that does not reach for the operating system by itself. So nothing in Carnet calls the clock, the
//! random source, the files or the network directly (`clippy.toml` forbids it); it is handed one of the
//! small traits of this crate. The real implementations are here too, the fakes are in `carnet-testkit`.
//!
//! * [`clock`] – the time of day and the time since boot;
//! * [`random`] – unpredictable bytes;
//! * [`fs`] – what durable files need, and nothing more; [`real`] does it on the machine's disk;
//! * [`tree`] – whole folders of programs, with their links;
//! * [`net`] – one request, one answer;
//! * [`crash`] – named points at which a test lets a process die.

pub mod clock;
pub mod crash;
pub mod fs;
pub mod net;
mod network;
pub mod random;
pub mod real;
pub mod tree;

pub use clock::{Clock, SystemClock};
pub use crash::{Crash, Crashed};
pub use fs::{File, Fs, FsError, FsFault};
pub use net::{Net, NetError};
pub use random::{NoRandom, Random, SystemRandom};
pub use real::RealFs;
pub use tree::{Found, Tree};
