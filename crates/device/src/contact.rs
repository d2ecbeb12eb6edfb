//! Asking the server: write down, send, check, take in. The same for controller and manager, over any carrier.

use std::time::Duration;

use carnet_core::app::AppId;
use carnet_core::device::Disapproval;
use carnet_core::document::{Body, Operation, Reason, Request};
use carnet_core::journal::State;
use carnet_seal::{RequestMessage, SealError, SignerFault};
use carnet_seam::net::{Method, Request as NetRequest};
use carnet_seam::{Net, NetError, NoRandom};

use crate::book::{Book, BookError};
use crate::journal::JournalError;
use crate::passbook::{Passbook, PassbookError};

/// Where requests are handed in.
pub const DEVICE_PATH: &str = "/v1/device";
/// Where the key set is.
pub const KEY_SET_PATH: &str = "/v1/key-set";
/// What requests, answers and the key set are sent as.
pub const CONTENT_TYPE: &str = "application/cose";

/// The status (RFC 6585, section 3) by which a server asks for the device's key set beside the request.
const KEY_SET_WANTED: u16 = 428;
/// Answers are a single document.
const LARGEST_ANSWER: usize = 64 << 10;
/// Getting back in step takes two answers at most; more of them means that something is wrong.
const MOST_ROUNDS: usize = 5;

/// Why there is no answer. The request stays open and is repeated at the next contact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContactError {
    /// The server cannot be reached, or did not answer in time.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The server answered with a problem instead of a document.
    #[error("the server answered with status {status}")]
    Problem {
        /// The HTTP status.
        status: u16,
        /// The body, most likely `application/problem+json`.
        body: Vec<u8>,
    },
    /// What came back is no answer that can be trusted.
    #[error(
        "the server's answer is not to be trusted ({0}): check that this is the right server, then repeat"
    )]
    Untrusted(SealError),
    /// The passbook cannot be used.
    #[error(transparent)]
    Passbook(#[from] PassbookError),
    /// Nothing was asked: it may not be done now.
    #[error(transparent)]
    Disapproved(Disapproval),
    /// The system gives no random bytes.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
    /// Nothing was asked: the passbook has a PIN, and a program cannot ask for it (A21).
    #[error("this passbook has a PIN, and only the license manager asks for it: run `carnet renew APP`")]
    PinNeeded,
    /// Device and server do not get back in step.
    #[error("the device and the server do not get back in step: ask the supplier")]
    OutOfStep,
}

impl From<BookError> for ContactError {
    fn from(error: BookError) -> Self {
        match error {
            BookError::Journal(error) => Self::Passbook(error.into()),
            BookError::Disapproved(why) => Self::Disapproved(why),
            BookError::Signer(fault) => fault.into(),
            BookError::Seal(error) => Self::Untrusted(error),
        }
    }
}

impl From<SignerFault> for ContactError {
    fn from(fault: SignerFault) -> Self {
        Self::Passbook(fault.into())
    }
}

impl From<JournalError> for ContactError {
    fn from(error: JournalError) -> Self {
        Self::Passbook(error.into())
    }
}

/// The way to a server, and how long to wait for it.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// The carrier.
    pub net: &'a dyn Net,
    /// For one exchange.
    pub time_limit: Duration,
}

impl Line<'_> {
    pub(crate) fn exchange(&self, method: Method, path: &str, body: &[u8]) -> Result<Vec<u8>, ContactError> {
        self.exchange_as(CONTENT_TYPE, method, path, body)
    }

    /// The same for what is no document.
    pub(crate) fn exchange_as(
        &self,
        content_type: &str,
        method: Method,
        path: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, ContactError> {
        let (time_limit, size_limit) = (self.time_limit, LARGEST_ANSWER);
        let request = NetRequest { method, path, content_type, body, time_limit, size_limit };
        let answer = self.net.exchange(&request)?;
        let is_document = answer.status == 200 && answer.content_type.starts_with(content_type);
        if is_document {
            Ok(answer.body)
        } else {
            Err(ContactError::Problem { status: answer.status, body: answer.body })
        }
    }
}

/// Fetches the server's key set and keeps it.
///
/// # Errors
/// [`ContactError`]; an older or foreign key set is refused.
pub fn fetch_key_set(passbook: &mut Passbook, line: Line<'_>) -> Result<(), ContactError> {
    let bytes = line.exchange(Method::Get, KEY_SET_PATH, &[])?;
    match passbook.keep_key_set(&bytes) {
        Ok(()) => Ok(()),
        Err(PassbookError::KeySet(wrong)) => Err(ContactError::Untrusted(wrong)),
        Err(error) => Err(error.into()),
    }
}

/// Nothing can be checked without keys, but asked it can: where requests are carried by hand, the keys come with the
/// answer.
fn fetch_first_key_set(passbook: &mut Passbook, line: Line<'_>) -> Result<(), ContactError> {
    if passbook.ring().is_some() {
        return Ok(());
    }
    match fetch_key_set(passbook, line) {
        Err(ContactError::Net(NetError::Carried)) => Ok(()),
        fetched => fetched,
    }
}

/// Asks for an operation and takes the answer in. An earlier request that is still open is finished first; if
/// it asked for the same, its answer is the answer.
///
/// # Errors
/// [`ContactError`]. The request then stays open, and asking again resumes it; nothing is done twice.
pub fn ask(
    passbook: &mut Passbook,
    app: Option<&AppId>,
    operation: &Operation,
    line: Line<'_>,
) -> Result<State, ContactError> {
    fetch_first_key_set(passbook, line)?;
    let mut book = passbook.book(app)?;
    for _ in 0..MOST_ROUNDS {
        let open = book.refresh()?.intent.clone();
        let asked = match open {
            Some(intent) => intent,
            None => match intend(passbook, &mut book, operation) {
                // Another process was faster: its request is finished first.
                Err(ContactError::Disapproved(Disapproval::IntentOpen)) => continue,
                asked => asked?,
            },
        };
        let state = send(passbook, &mut book, line)?;
        let state = confirmed(passbook, &mut book, &asked.operation, state, line);
        if asked.operation == *operation && !again(&state) {
            return Ok(state);
        }
    }
    Err(ContactError::OutOfStep)
}

/// Gives a floating seat back, unless the newest state says that a program still runs by it. Whether it was asked for.
///
/// The server is looked for before anything is written down: where it is away the seat stays good here, and comes back
/// by itself when its pass has ended.
///
/// # Errors
/// [`ContactError`]. A request that was sent and not answered stays open.
pub fn give_back_unless(
    passbook: &mut Passbook,
    app: &AppId,
    line: Line<'_>,
    in_use: impl Fn(&State) -> bool,
) -> Result<bool, ContactError> {
    let mut book = passbook.book(Some(app))?;
    let state = book.refresh()?;
    if in_use(state) || state.intent.is_some() {
        return Ok(false);
    }
    fetch_key_set(passbook, line)?;
    let (id, now) = (passbook.env().request_id()?, passbook.env().now());
    if !book.ask_unless(id, Operation::Return, now, |state| in_use(state) || state.intent.is_some())? {
        return Ok(false);
    }
    send(passbook, &mut book, line)?;
    Ok(true)
}

/// Finishes an open request, if there is one.
///
/// # Errors
/// [`ContactError`]; the request then stays open.
pub fn resume(passbook: &mut Passbook, app: Option<&AppId>, line: Line<'_>) -> Result<State, ContactError> {
    let mut book = passbook.book(app)?;
    let Some(open) = book.state().intent.clone() else { return Ok(book.state().clone()) };
    fetch_first_key_set(passbook, line)?;
    let state = send(passbook, &mut book, line)?;
    Ok(confirmed(passbook, &mut book, &open.operation, state, line))
}

/// Whoever is told that the app was transferred away says at once that it knows, and what it has used: only then the
/// other device may go on (B10). Where that fails it stays open, and the next contact carries it on.
fn confirmed(
    passbook: &mut Passbook,
    book: &mut Book,
    asked: &Operation,
    state: State,
    line: Line<'_>,
) -> State {
    if state.refused != Some(Reason::Transferred) || *asked == Operation::Return {
        return state;
    }
    match intend(passbook, book, &Operation::Return).and_then(|_| send(passbook, book, line)) {
        Ok(after) => after,
        Err(_) => state,
    }
}

fn intend(passbook: &Passbook, book: &mut Book, operation: &Operation) -> Result<Request, ContactError> {
    let (id, now) = (passbook.env().request_id()?, passbook.env().now());
    let state = book.ask(id, operation.clone(), now)?;
    state.intent.clone().ok_or(ContactError::OutOfStep)
}

/// The answer only brought device and server back in step; what was wanted is still to be asked.
fn again(state: &State) -> bool {
    matches!(state.refused, Some(Reason::ForkOrRollback | Reason::Reconcile | Reason::Superseded))
}

fn send(passbook: &mut Passbook, book: &mut Book, line: Line<'_>) -> Result<State, ContactError> {
    let Some(message) = passbook.message(book)? else { return Ok(book.state().clone()) };
    passbook.env().fs.crash().point("contact-before-send").map_err(crashed)?;
    let bytes = hand_in(passbook, message, line)?;
    passbook.env().fs.crash().point("contact-before-outcome").map_err(crashed)?;
    let answer = match passbook.check_answer(&bytes) {
        Err(SealError::UnknownKey(_) | SealError::KeySetExpired(_)) => {
            fetch_key_set(passbook, line)?;
            passbook.check_answer(&bytes)
        }
        checked => checked,
    };
    let answer = answer.map_err(ContactError::Untrusted)?;
    let registered =
        matches!(answer.claims().body, Body::Receipt(_)) && answer.claims().head.journal.app.is_none();
    let now = passbook.env().now();
    match book.receive(answer, now) {
        // Another process of this device was faster; its outcome is ours.
        Err(BookError::Disapproved(Disapproval::WrongAnswer(_))) => {
            book.refresh()?;
        }
        received => {
            received?;
        }
    }
    passbook.env().fs.crash().point("contact-after-outcome").map_err(crashed)?;
    if registered {
        passbook.load_receipt()?;
    }
    Ok(book.state().clone())
}

/// The key set is large, and of use only to a server that has lost keys with its disk: it says so. Where each exchange is
/// a walk, it goes along at once.
fn hand_in(
    passbook: &Passbook,
    mut message: RequestMessage,
    line: Line<'_>,
) -> Result<Vec<u8>, ContactError> {
    if line.net.is_carried() {
        message.key_set = Some(passbook.key_set()).filter(|keys| !keys.is_empty());
    }
    match line.exchange(Method::Post, DEVICE_PATH, &message.encode()) {
        Err(ContactError::Problem { status: KEY_SET_WANTED, .. }) if message.key_set.is_none() => {
            message.key_set = Some(passbook.key_set());
            line.exchange(Method::Post, DEVICE_PATH, &message.encode())
        }
        answered => answered,
    }
}

fn crashed(point: carnet_seam::Crashed) -> ContactError {
    let error = carnet_seam::FsError::new("use", std::path::Path::new(""), point.into());
    ContactError::Passbook(error.into())
}
