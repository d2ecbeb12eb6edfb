//! The license controller: the part of Carnet inside a licensed program.
//!
//! ```no_run
//! use carnet_controller::Controller;
//!
//! # const PRODUCT: &str = "";
//! # fn paint() -> Result<(), carnet_controller::Disapproved> {
//! let controller = Controller::open(PRODUCT)?; // one public product string, from the supplier's tools
//! let run = controller.start()?;               // approved; counts for as long as it lives
//! if run.allows("resize") {
//!     // …
//! }
//! run.consume(3)?;                             // three uses more, durable before the work is done
//! # Ok(())
//! # }
//! ```
//!
//! `docs/sdk-guide.md` is the guide; its tests need no server, thanks to `carnet-sandbox`.
//!
//! Blocking calls only: no runtime, no state of the process, nothing printed, no panic. Each [`Run`] has one
//! thread that looks after it once a second (or none: [`Builder::without_thread`]).
//!
//! # How long it waits
//!
//! A good pass needs no server, and then none is asked: not at the start, not while the program runs until
//! the pass is near its end. Where a server is needed, [`Controller::start`] and [`Run::consume`] wait for it
//! at most [`START_WAIT`] (3 s, see [`Builder::start_wait`]), over all exchanges. What comes later stays on
//! record and is finished at the next contact; nothing is done twice. Another process that uses the passbook
//! is waited for up to 10 s; normally it lets go within milliseconds.
//!
//! # While it runs
//!
//! * Run time is counted in blocks of 30 s that are recorded before they are run; a clean end gives back what
//!   was not run, a crash costs at most a block. However many instances run, time is counted once. Each start
//!   counts a use.
//! * The next pass is fetched in the background when less than a fifth of the time of this one is left, and
//!   just before its end. Where uses are counted, only just before its end.
//! * When the time is up and there is no next pass, the run is disapproved: every [`Gate`] closes within a
//!   second, [`Run::disapproved`] says why, and [`Run::on_disapproved`] tells. The same happens at once when
//!   the pass is moved to another device, given back or revoked. A license that was only suspended lets an
//!   approved run go on to its end.
//! * A floating seat is given back when the last run by it on this device has ended: dropping that [`Run`] waits for the
//!   server, at most three seconds.
//! * Setting the clock back does not make a pass last longer.
//!
//! # Codes
//!
//! [`Disapproved::code`] is stable. Beside the codes of [`Disapproval`](carnet_core::device::Disapproval)
//! (what is wrong with the pass) and of [`Reason`](carnet_core::document::Reason) (why the server refuses):
//!
//! | code | what happened | who can do something about it |
//! |---|---|---|
//! | `not-registered` | this device has no valid passbook at the server | the user: `carnet register` |
//! | `server-unreachable` | the server was needed and did not answer; the message says why it was needed | the user: network |
//! | `server-problem` | the server answered with an error | the supplier |
//! | `server-not-trusted` | what answered is not the right server | the user: address, clock; the supplier |
//! | `clock-ahead` | the server's keys have ended, by this device's clock | the user: clock |
//! | `pin-needed` | the next pass is needed, and the passbook has a PIN | the user: `carnet renew` |
//! | `out-of-step` | device and server do not come to terms | the supplier |
//! | `pass-not-genuine` | the pass was changed, or was given to another device | the user: connect once |
//! | `another-device` | the passbook is a copy from another machine | the user: register this device |
//! | `passbook-unusable` | damaged, locked, of another owner … | the user, as the message says |
//! | `passbook-read-only` | nothing can be recorded there | the user: mount it writable |
//! | `disk-full` | nothing can be recorded any more | the user: free some space |
//! | `no-home` | no folder for the passbook is known | the user: `CARNET_HOME` |
//! | `no-random`, `no-thread` | the system is out of something | the user: try again |
//! | `not-granted` | the license does not grant the feature | the user: another offer |
//! | `not-installed` | there is no content, because nothing was installed from an image | the user: `carnet install` |
//! | `no-content` | what is installed has no such content | the supplier |
//! | `no-content-key` | no key for this content was delivered to this device | the user: `carnet install` |
//! | `content-unusable` | the content on the disk is damaged | the user: `carnet install` |
//! | `bad-product` | the product string is none | the supplier |
//!
//! # Errors
//!
//! There is one: [`Disapproved`]. Its text is for the user, with what to do, and
//! [`Disapproved::menu`] has the license menu where buying helps; [`Disapproved::explained`] is all of it, as a
//! program prints it.

mod content;
mod controller;
mod desk;
mod disapproved;
mod explained;
mod gate;
mod genuine;
mod holding;
mod keeper;
mod live;
mod meter;
mod remaining;
mod run;
mod schedule;
mod timekeeper;
mod way;

pub use carnet_core::app::{Feature, Version};
pub use carnet_core::id::RunId;
pub use carnet_core::offer::{Listed, Offer};
pub use carnet_core::report::Wanted;
pub use carnet_core::time::Time;
pub use carnet_device::Env;
pub use carnet_device::identity::Machine;
pub use carnet_seal::ProductString;
pub use carnet_seam::Net;

pub use content::Content;
pub use controller::{Builder, Controller, LAUNCHED_BY, START_WAIT};
pub use disapproved::Disapproved;
pub use gate::Gate;
pub use holding::Holding;
pub use remaining::{Remaining, Warning};
pub use run::Run;
