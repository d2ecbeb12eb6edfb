//! Where the work is done that takes time: the journal and the server.

use std::sync::Arc;
use std::time::Duration;

use carnet_core::device::{Disapproval, Input};
use carnet_core::document::{Body, Operation, Refusal};
use carnet_core::id::{LicenseId, RunId};
use carnet_core::journal::{PassStatus, Running, State};
use carnet_core::report::Wanted;
use carnet_core::time::{Seconds, Time};
use carnet_device::journal::JournalError;
use carnet_device::usage::Details;
use carnet_device::{Alive, Book, BookError, ContactError, Line, Passbook, asked, contact};

use crate::controller::Site;
use crate::disapproved::{Disapproved, Why};
use crate::genuine::Genuine;
use crate::meter::Meter;
use crate::timekeeper::Timekeeper;
use crate::way::Limited;

/// So often the server is asked about one start or use: once, and again if the first answer was one to an
/// earlier question.
const MOST_QUESTIONS: u32 = 2;
/// So often where each answer brought more uses, and other instances were faster in using them.
const MOST_RACES: u32 = 8;
/// So long a program that ends waits at most for the server that takes its seat back.
const LAST_WAIT: Duration = Duration::from_secs(3);
/// Between its start on record and its mark, a run may be this old.
const JUST_STARTED: Seconds = Seconds(2);

/// The passbook and the app's journal in the hands of one run.
#[derive(Debug)]
pub(crate) struct Desk {
    pub site: Arc<Site>,
    pub passbook: Passbook,
    /// None after a failure: what it knew is in doubt, so it is opened again.
    book: Option<Book>,
    /// The book was opened just now, and nothing has happened since.
    is_fresh: bool,
    pub genuine: Option<Genuine>,
    /// The last answer allowed more uses than the pass before it.
    brought_more: bool,
    pub time: Option<Timekeeper>,
    pub meter: Meter,
    /// What the supplier is told of this run, where the contract asks for it (C1).
    pub details: Option<Details>,
    /// Other instances see by it that this run uses the seat.
    alive: Option<Alive>,
}

/// Why something was not recorded.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It may not be done.
    Why(Why),
    /// The journal is in the way.
    Journal(JournalError),
}

/// Why something is disapproved in the end.
#[derive(Debug)]
pub(crate) struct Refused {
    pub told: Disapproved,
    /// What the journal's owner said first, for the record.
    pub why: Option<Why>,
}

/// What the server has said to the question at hand.
#[derive(Debug, Default)]
struct Heard {
    questions: u32,
    /// The last answer brought more uses.
    more: bool,
    granted: bool,
    refusal: Option<Refusal>,
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl From<Failure> for Disapproved {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Why(why) => why.into(),
            Failure::Journal(error) => error.into(),
        }
    }
}

impl Refused {
    fn because(why: Why, told: Disapproved) -> Self {
        Self { told, why: Some(why) }
    }
}

impl Desk {
    /// Opens the passbook, which must be registered (A6): it holds a pass, or the server's receipt.
    pub fn open(site: &Arc<Site>) -> Result<Self, Disapproved> {
        let (passbook, meter) = (site.passbook()?, Meter::default());
        let (site, book) = (site.clone(), None);
        let mut desk = Self {
            site,
            passbook,
            book,
            is_fresh: false,
            genuine: None,
            brought_more: false,
            time: None,
            meter,
            details: None,
            alive: None,
        };
        let site = desk.site.clone();
        let begun = desk.passbook.book_begun(&site.product.app)?;
        if begun.as_ref().is_some_and(|book| book.state().held.is_some()) {
            (desk.book, desk.is_fresh) = (begun, true);
            return Ok(desk);
        }
        // A journal that begins now begins with the receipt.
        desk.passbook.load_receipt()?;
        if desk.passbook.user().is_some() || desk.passbook.lacks_keys() {
            Ok(desk)
        } else {
            Err(Disapproved::not_registered(&site.product.url))
        }
    }

    /// The time by which things are judged and recorded.
    pub fn now(&self) -> Time {
        self.time.map_or_else(|| self.site.env.now(), |time| time.now(&self.site.env))
    }

    fn book(&mut self) -> Result<&mut Book, JournalError> {
        let book = match self.book.take() {
            Some(book) => book,
            None => {
                self.is_fresh = true;
                self.passbook.book(Some(&self.site.product.app))?
            }
        };
        Ok(self.book.insert(book))
    }

    /// What a journal says that was opened just now need not be read again.
    fn refreshed(&mut self) -> Result<State, JournalError> {
        self.book()?;
        let is_fresh = std::mem::take(&mut self.is_fresh);
        let book = self.book()?;
        Ok(if is_fresh { book.state() } else { book.refresh()? }.clone())
    }

    /// The journal as it is now, whoever has written to it; a pass in it is genuine.
    pub fn look(&mut self) -> Result<State, Failure> {
        let state = self.refreshed().inspect_err(|_| self.book = None)?;
        self.check(&state)?;
        Ok(state)
    }

    fn check(&mut self, state: &State) -> Result<(), Failure> {
        if self.passbook.ring().is_none() {
            return Err(Failure::Why(Why::NoKeys));
        }
        let Some(held) = &state.held else { return Ok(()) };
        if held.status != PassStatus::Valid || self.genuine.as_ref().is_some_and(|known| known.is_of(held)) {
            return Ok(());
        }
        self.genuine = Genuine::check(&self.passbook, state, held);
        self.genuine.as_ref().map(|_| ()).ok_or(Failure::Why(Why::NotGenuine))
    }

    /// Records what is wanted, if the journal allows it.
    pub fn act(&mut self, input: Input) -> Result<State, Failure> {
        let now = self.now();
        let mut details = self.details.take();
        let acted = match (self.book(), &mut details) {
            (Ok(book), Some(details)) => book.act_with(input, now, details).cloned(),
            (Ok(book), None) => book.act(input, now).cloned(),
            (Err(error), _) => Err(error.into()),
        };
        self.details = details;
        self.is_fresh = false;
        match acted {
            Ok(state) => {
                // Another process may have changed the pass since the last look.
                self.check(&state)?;
                Ok(state)
            }
            Err(BookError::Disapproved(why)) => Err(Failure::Why(Why::Pass(why))),
            Err(BookError::Journal(error)) => {
                self.book = None;
                Err(error.into())
            }
            // Nothing is signed to be recorded.
            Err(BookError::Seal(_) | BookError::Signer(_)) => Err(Failure::Why(Why::NotGenuine)),
        }
    }

    /// Does what is wanted, with the server's help where that is needed and may help (A8, A9, A12). No server
    /// is asked while the pass is good (D4).
    pub fn settle(&mut self, input: &Input, uses: u64) -> Result<State, Refused> {
        let (mut heard, way) = (Heard::default(), self.way());
        loop {
            match self.attempt(input, heard.granted) {
                Ok(state) => return Ok(state),
                Err(Failure::Journal(error)) => return Err(Refused { told: error.into(), why: None }),
                Err(Failure::Why(why)) => self.seek_help(why, uses, &way, &mut heard)?,
            }
        }
    }

    fn attempt(&mut self, input: &Input, granted: bool) -> Result<State, Failure> {
        let state = self.look()?;
        // What a launcher's start has asked for is not asked for again.
        let joins = matches!(input, Input::Join { .. });
        if state.counts_online() && !granted && !joins {
            return Err(Failure::Why(Why::AskFirst));
        }
        self.act(input.clone())
    }

    fn seek_help(&mut self, why: Why, uses: u64, way: &Limited, heard: &mut Heard) -> Result<(), Refused> {
        let failed = |error| Refused::because(why, Disapproved::without_help(why, error));
        if why == Why::NoKeys {
            return self.fetch_keys(way).map_err(failed);
        }
        if let Some(refusal) = &heard.refusal {
            return Err(Refused::because(why, Disapproved::refused(refusal)));
        }
        let most = if heard.more { MOST_RACES } else { MOST_QUESTIONS };
        if !why.server_helps() || heard.questions >= most {
            return Err(Refused::because(why, why.into()));
        }
        heard.questions += 1;
        let refusal = self.ask(uses, way).map_err(failed)?;
        heard.granted = refusal.is_none();
        heard.more = self.brought_more;
        // A use that the server does not count is not made, whatever the journal still has.
        if let Some(refusal) = refusal.as_ref().filter(|_| why == Why::AskFirst) {
            return Err(Refused::because(why, Disapproved::refused(refusal)));
        }
        heard.refusal = refusal;
        Ok(())
    }

    /// The way to the server, for no longer than the program waits from now on.
    pub fn way(&self) -> Limited {
        Limited::new(&self.site.net, &self.site.env.clock, self.site.start_wait)
    }

    fn fetch_keys(&mut self, way: &Limited) -> Result<(), ContactError> {
        contact::fetch_key_set(&mut self.passbook, Line { net: way, time_limit: self.site.start_wait })?;
        // Only now the receipt is known with which a journal begins.
        self.book = None;
        Ok(())
    }

    /// Asks the server for the next pass. None: there is one.
    pub fn ask(&mut self, uses: u64, way: &Limited) -> Result<Option<Refusal>, ContactError> {
        let site = self.site.clone();
        if self.passbook.user().is_none() {
            self.passbook.load_receipt()?;
            self.book = None;
        }
        if self.passbook.has_pin() {
            return Err(ContactError::PinNeeded);
        }
        let before = self.book()?.state();
        let (fresh, allowed) = (before.intent.is_none(), allowed(before));
        let line = Line { net: way, time_limit: site.start_wait };
        let app = Some(&site.product.app);
        let asked = contact::ask(&mut self.passbook, app, &Operation::Renew { uses }, line);
        self.is_fresh = false;
        let state = asked?;
        self.brought_more = self::allowed(&state) != allowed;
        let answer = self.passbook.last_answer(&state).map_err(ContactError::Untrusted)?;
        if asked::may_be(&state) {
            // What suppliers want is heard at a contact; a server that says nothing of it changes nothing.
            let _ = asked::ask(&self.passbook, line);
        }
        let Some(answer) = answer else { return Ok(None) };
        // The answer to an older question was made at an older time.
        if fresh {
            self.time = Some(Timekeeper::told(answer.head.issued, &site.env));
        }
        Ok(match answer.body {
            Body::Refusal(refusal) => Some(*refusal),
            _ => None,
        })
    }

    /// Records that a start was refused (C1). Whether that works changes nothing for the program.
    pub fn note(&mut self, why: Why) {
        if self.passbook.lacks_keys() {
            // A journal must not begin before it is known with which receipt.
            return;
        }
        let now = self.now();
        let (mut details, why) = (self.details.take(), why.recorded_as());
        if let Ok(book) = self.book() {
            let _ = match &mut details {
                Some(details) => book.note(why.code(), now, details),
                None => book.note_disapproval(&why, now),
            };
        }
        self.details = details;
    }

    /// What the supplier waits for, the first due first.
    pub fn asked(&self, state: &State) -> Option<(Wanted, Time)> {
        let first = asked::may_be(state).then(|| asked::of(&self.passbook, state).into_iter().next());
        first.flatten().map(|request| (request.wanted, request.due))
    }

    /// From here on time does not go back (I13).
    pub fn keep_time(&mut self, state: &State) {
        let env = &self.site.env;
        self.time = self.time.or_else(|| Some(Timekeeper::reached(state.clock.reached, env)));
    }

    /// Takes over what another desk of this run has learnt from the server.
    pub fn adopt(&mut self, other: Self) {
        (self.passbook, self.time) = (other.passbook, other.time.or(self.time));
        self.book = None;
    }

    /// Records the end of a run. Where that fails, it costs the user at most a block.
    pub fn end(&mut self, run: RunId) {
        let unused = self.unused();
        let _ = self.act(Input::End { run, unused });
        // After the record, so that whoever counts on knows what was given back.
        self.meter.release();
    }

    fn unused(&mut self) -> Seconds {
        let Ok(state) = self.look() else { return Seconds(0) };
        let license = state.held.as_ref().map(|held| held.pass.license);
        self.meter.unused(license, self.site.env.clock.boot_micros())
    }

    /// Where the pass is a floating seat, other instances are told that this run uses it.
    pub fn take_seat(&mut self, run: RunId, state: &State) -> Result<(), Disapproved> {
        if self.alive.is_none() && is_seat(state) {
            self.alive = Some(self.passbook.mark_alive(&self.site.product.app, run)?);
        }
        Ok(())
    }

    /// Gives the seat back, if this was the last run by it. Whether that works changes nothing for the program: a seat
    /// comes back by itself when its pass has ended.
    pub fn leave_seat(&mut self) {
        if self.alive.take().is_none() || self.passbook.has_pin() {
            return;
        }
        let (site, now) = (self.site.clone(), self.now());
        let app = &site.product.app;
        let marks = self.passbook.marks(app);
        // One that started just now has not said yet that it lives. What cannot be found out counts as alive.
        let lives = |(run, running): (&RunId, &Running)| {
            running.since.plus(JUST_STARTED) > now || marks.is_alive(*run).unwrap_or(true)
        };
        let in_use = |state: &State| !is_seat(state) || state.running.iter().any(lives);
        let way = Limited::new(&site.net, &site.env.clock, LAST_WAIT);
        let line = Line { net: &way, time_limit: LAST_WAIT };
        let _ = contact::give_back_unless(&mut self.passbook, app, line, in_use);
        self.book = None;
    }

    /// Whether a run may go on by what the journal says, with what is counted already taken for granted.
    pub fn judge(&mut self, state: &State) -> Result<(), Failure> {
        match state.judge(self.now(), self.site.version, 0) {
            // The last block is on record, and being run here or in another instance.
            Err(Disapproval::NoTimeLeft) if self.meter.is_paid(self.site.env.clock.boot_micros()) => Ok(()),
            judged => judged.map(|_| ()).map_err(|why| Failure::Why(Why::Pass(why))),
        }
    }
}

/// A pass that goes back when nothing runs by it any more.
fn is_seat(state: &State) -> bool {
    state.pass_status() == Some(PassStatus::Valid)
        && state.held.as_ref().is_some_and(|held| held.pass.floating)
}

/// Up to which use of which license the pass goes.
fn allowed(state: &State) -> Option<(LicenseId, u64)> {
    let pass = &state.held.as_ref()?.pass;
    Some((pass.license, pass.uses?.upto))
}
