//! Floating seats: `carnet borrow`, and who has the seats that somebody waits for.

use carnet_core::app::AppId;
use carnet_core::document::Reason;
use carnet_core::term::moment;
use carnet_core::time::{Length, length_in_words};
use carnet_manager::Manager;
use carnet_manager::passes::PassView;
use carnet_manager::seats::SeatHolder;
use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Detail, Failure};
use crate::text::clean;
use crate::user::which::{self, Licensed};

/// Borrow a floating seat, for work without a network.
#[derive(Debug, Args)]
pub struct Borrow {
    /// The app id, or the product string of the program
    #[arg(value_name = "APP")]
    licensed: Licensed,
    /// For how long, like `3 days` or `12 hours`
    #[arg(long = "for", value_name = "LENGTH")]
    length: Length,
}

#[derive(Serialize)]
struct Shown<'a> {
    app: &'a AppId,
    pass: &'a PassView,
}

impl Borrow {
    /// Borrows it. A seat that is here already is kept for longer.
    ///
    /// # Errors
    /// `not-borrowable` with the longest time that is possible; `held-elsewhere` with who has the seats.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let app = self.licensed.app();
        if self.length.is_zero() {
            return Err(Failure::usage("a seat cannot be borrowed for no time at all")
                .with_remedy("say for how long, like --for '3 days'"));
        }
        let manager = which::manager(context, Some(&self.licensed))?;
        let waiting = context.waiting_for(&manager.server().url);
        let borrowed = manager.borrow_seat(app, self.length);
        drop(waiting);
        let pass = borrowed.map_err(|error| explained(error.into(), &manager, app))?;
        context.output.result(&Shown { app, pass: &pass }, || {
            let until = pass.valid_until.map_or_else(|| "it is given back".to_owned(), moment);
            format!(
                "A seat of {app} is borrowed until {until}, with or without a network.\nGive it back sooner with: \
                 carnet return {app}\n"
            )
        })
    }
}

/// Adds to a refusal what the user can do something with: who has the seats, for how long one may be borrowed.
#[must_use]
pub fn explained(failure: Failure, manager: &Manager, app: &AppId) -> Failure {
    if failure.code == Reason::HeldElsewhere.code() {
        let holders = manager.seat_holders(app).unwrap_or_default();
        return failure.with_details(holders.iter().map(held).collect());
    }
    let most = || manager.last_refusal(app).ok().flatten().and_then(|refusal| refusal.borrow);
    if failure.code == Reason::NotBorrowable.code()
        && let Some(most) = most()
    {
        return failure.with_remedy(format!("borrow it for {} at most", length_in_words(most)));
    }
    failure
}

fn held(holder: &SeatHolder) -> Detail {
    let SeatHolder { device, name, until } = holder;
    let who =
        name.as_deref().map_or_else(|| device.to_string(), |name| format!("{} ({device})", clean(name)));
    let until = until.map(|until| format!(" until {} at the latest", moment(until))).unwrap_or_default();
    let remedy = "end the program there, or give the seat back there with `carnet return`".to_owned();
    Detail { message: format!("{who} has one{until}"), remedy, ..Detail::default() }
}
