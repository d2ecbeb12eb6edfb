//! Licenses for the tests of licensed programs. For `[dev-dependencies]` only.
//!
//! ```
//! use std::time::Duration;
//! use carnet_sandbox::{Grant, Sandbox};
//!
//! let sandbox = Sandbox::granting("acme/paint", Grant::new("Ten runs").feature("resize").uses(10));
//! let run = sandbox.controller().start()?;     // a real `Controller`, a real `Run`
//! assert!(run.allows("resize"));
//! assert_eq!(run.remaining().uses, Some(9));   // the start was one of them
//!
//! sandbox.revoke();                            // what the supplier might do
//! assert_eq!(run.disapproved().map(|told| told.code), Some("pass-invalid"));
//! # Ok::<(), carnet_controller::Disapproved>(())
//! ```
//!
//! # What is real here, and what is not
//!
//! [`Sandbox::controller`] is the very [`Controller`](carnet_controller::Controller) of a shipped program, with
//! its journal, its signatures and its [`Run`](carnet_controller::Run). Behind it is a licensing server that
//! decides with the product's own decisions and signs with keys of its own. Not real are disk, clock, machine and
//! network: they are in memory, and the test has them in its hand. So what a test sees is what a user will see,
//! down to the words.
//!
//! # Why a crate and not a switch
//!
//! A cargo feature of the controller that makes licenses could be turned on by anybody's dependency and be
//! shipped unnoticed. A crate that only `[dev-dependencies]` name cannot. And there are no sandbox *apps* on real
//! servers: what a real server gives away without a contract must be guarded there for ever, and a test that
//! needs it needs a network, an account and real time. To try the whole thing by hand, `carnetd up` in an empty
//! folder is a server in a second.
//!
//! # Whole programs
//!
//! [`Local`] is for tests that start the program as a process, or several processes at once: the same server on a
//! port of this machine, the passbook on the real disk, and real time.
//!
//! # Time
//!
//! The clock stands still until the test says so. [`Sandbox::time_passes`] lets the program run on, second by
//! second; [`Sandbox::sleep`] is a closed lid: much time, and nothing runs. Runs are looked after then and there,
//! in the calling thread; there are no others.

mod grant;
mod http;
mod local;
mod refusal;
mod sandbox;

pub use grant::Grant;
pub use local::Local;
pub use refusal::Refusal;
pub use sandbox::{Sandbox, is_sandbox};

/// The guide, so that its code is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/sdk-guide.md")]
struct Guide;
