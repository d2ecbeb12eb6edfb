//! A device's side of the truth.
//!
//! * [`place`] – where things lie below `CARNET_HOME`, and which homes are refused;
//! * [`journal`] – the append-only record of one app (or of the device itself) at one server;
//! * [`identity`] – the keys of this device, bound to the machine;
//! * [`platform`] – what only the operating system knows;
//! * [`storage`] – what can go wrong with files, each with its remedy;
//! * [`book`] – a journal whose records mean something;
//! * [`passbook`] – everything that one device keeps for one server;
//! * [`alive`] – which runs still live;
//! * [`contact`] – asking the server, over any carrier;
//! * [`by_hand`] – a carrier without a network;
//! * [`portable`] – passes on their way between devices, [`medium`] – where they travel;
//! * [`replaced`] – a passbook that was made on another machine, and the way on;
//! * [`installed`] – installed programs and the keys that were delivered for them;
//! * [`asked`] – what suppliers want, and handing it in;
//! * [`usage`] – what is recorded for the supplier, [`report`] – saying it, and opening what was said, [`erase`] – ending it;
//! * [`mod@env`] – files, clock and random, handed over.

pub mod alive;
pub mod asked;
pub mod book;
pub mod by_hand;
pub mod contact;
pub mod env;
pub mod erase;
pub mod identity;
pub mod installed;
pub mod journal;
pub mod medium;
pub mod passbook;
pub mod place;
pub mod platform;
pub mod portable;
pub mod replaced;
pub mod report;
pub mod storage;
pub mod usage;

pub use alive::Alive;
pub use book::{Book, BookError};
pub use contact::{ContactError, Line};
pub use env::Env;
pub use medium::{Medium, MediumError};
pub use passbook::{Passbook, PassbookError};
pub use storage::StorageError;
