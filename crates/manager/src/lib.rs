//! The license manager: the user's agent on a device.
//!
//! It registers the user and keeps the fixed passbook (A6), shows menus and carries the user's consent to the
//! server (A10), and tells what is held here and what the server's books say (A7, A23). It decides nothing
//! about licenses: that is done by the server and by the journal.
//!
//! Whatever is asked of a server is written down first, in the passbook's journals. A manager that dies, or
//! that gets no answer, has therefore lost nothing: the next one finds the open request, repeats the very
//! same bytes, and takes the answer in.
//!
//! * [`Setup`] – files, clock, random, carrier, home: everything from outside;
//! * [`server`] – which server is meant, and how a new one comes to be trusted;
//! * [`Manager`] – at one server: [`register`], [`agree`] (menu, agree, decline, renew), [`account`], [`status`];
//! * [`moves`] – passes on their way between devices: export, import, cancel;
//! * [`catalog`] – what is on sale;
//! * [`install`] – programs from installation images, with their keys;
//! * [`forecast`] – what a transfer would do;
//! * [`transfer`] – from one of the user's devices to another, and what each side does for it;
//! * [`report`] – what is recorded for suppliers: totals and reports, [`erasing`] – the end of it;
//! * [`passes`] – what is held here, of all servers;
//! * [`person`] – what a user tells about themselves, and what is refused;
//! * [`error`] – what can go wrong, each with code and remedy.

pub mod account;
pub mod agree;
pub mod catalog;
pub mod devices;
pub mod erasing;
pub mod error;
pub mod forecast;
mod image_keys;
pub mod install;
pub mod manager;
pub mod moves;
pub mod passes;
pub mod person;
pub mod pin;
pub mod recovery;
pub mod redeem;
pub mod register;
mod relay;
pub mod repair;
pub mod report;
pub mod seats;
pub mod server;
pub mod status;
pub mod transfer;
mod way;

pub use error::ManagerError;
pub use manager::{Carrier, Manager, Setup};
