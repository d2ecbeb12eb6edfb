//! What can go wrong, each with a stable code and a remedy.

use carnet_api::Problem;
use carnet_core::app::{AppId, OfferName};
use carnet_core::component::Drift;
use carnet_core::device::Disapproval;
use carnet_core::document::Reason;
use carnet_core::id::{Digest, MoveId};
use carnet_device::erase::EraseError;
use carnet_device::identity::IdentityError;
use carnet_device::journal::JournalError;
use carnet_device::report::ReportError;
use carnet_device::{BookError, ContactError, MediumError, PassbookError, StorageError};
use carnet_image::sealed_keys::SealedKeysError;
use carnet_image::{FetchError, ImageError};
use carnet_seal::{SealError, ServerUrl, SignerFault};
use carnet_seam::{NetError, NoRandom};

use crate::person::PersonProblem;
use crate::server::WhichServer;

/// Why something was not done. Says what happened; [`ManagerError::remedy`] says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManagerError {
    /// It is not clear which server is meant.
    #[error(transparent)]
    WhichServer(#[from] WhichServer),
    /// The server is not known here, and nothing says which root key it must have.
    #[error("the server at {url} is not known on this device yet; it says that its root hash is {root}")]
    Untried {
        /// Where.
        url: ServerUrl,
        /// What it says about itself; nobody has confirmed that.
        root: Digest,
    },
    /// No answer came. What was asked stays open and is repeated at the next contact.
    #[error("{}", split(&.0.to_string()).0)]
    Net(NetError),
    /// The server answered with a problem; nothing has changed.
    #[error("{}", .0.title)]
    Problem(Box<Problem>),
    /// Something else than a licensing server answered.
    #[error("{url} answered, but not as a Carnet server does (HTTP {status})")]
    NotCarnet {
        /// Where.
        url: ServerUrl,
        /// The HTTP status.
        status: u16,
    },
    /// An answer that cannot be trusted; it was not taken in.
    #[error("the answer of {url} is not to be trusted: {wrong}")]
    Untrusted {
        /// Where.
        url: ServerUrl,
        /// What is wrong with it.
        wrong: SealError,
    },
    /// The passbook cannot be used.
    #[error("{}", split(&.0.to_string()).0)]
    Passbook(PassbookError),
    /// There is no valid passbook (A6).
    #[error("this device is not registered at {0}")]
    NotRegistered(ServerUrl),
    /// The passbook was made on a machine with too much else in it, and nobody has shown that this is its owner.
    #[error("for {server} this is another machine: {changed}")]
    CodeNeeded {
        /// The server.
        server: ServerUrl,
        /// What was not found again.
        changed: Drift,
    },
    /// What the user told about themselves cannot be taken.
    #[error("{}", in_one_line(.0))]
    Person(Vec<PersonProblem>),
    /// The server's answer was no.
    #[error("{app}: {}", reason.in_words())]
    Refused {
        /// What was asked for.
        app: AppId,
        /// Why not.
        reason: Reason,
    },
    /// The server refused to register this device.
    #[error("this device could not be registered: {}", .0.in_words())]
    RegistrationRefused(Reason),
    /// The server did not do what was wanted with the user's devices or codes.
    #[error("{}", .0.in_words())]
    ManagementRefused(Reason),
    /// The menu has no such offer.
    #[error("the menu of {app} has no offer `{offer}`")]
    NoSuchOffer {
        /// Of which app.
        app: AppId,
        /// What was asked for.
        offer: OfferName,
        /// What there is.
        offers: Vec<OfferName>,
    },
    /// There is a good license, so that there is no menu to decline.
    #[error("the license for {0} is good: there is nothing to decline")]
    StillGood(AppId),
    /// The passbook has a PIN, and nobody has typed it.
    #[error("this passbook has a PIN, and nobody can be asked for it here")]
    PinNeeded,
    /// The PIN is another one.
    #[error("this is not the PIN of this passbook")]
    WrongPin,
    /// That cannot be a PIN.
    #[error("a PIN has 4 to 128 characters and no line end")]
    BadPin,
    /// It may not be asked now.
    #[error("{0}")]
    Disapproved(Disapproval),
    /// The medium cannot be used.
    #[error("{}", split(&.0.to_string()).0)]
    Medium(MediumError),
    /// No pass of this device is on its way.
    #[error("no pass of this device is on its way to another one")]
    NothingMoving,
    /// More than one move could be meant.
    #[error("several passes of {app} are on their way")]
    SeveralMoves {
        /// Of which app.
        app: AppId,
        /// The moves.
        moves: Vec<MoveId>,
    },
    /// This device knows nothing of such a move.
    #[error("the move {0} did not begin on this device")]
    UnknownMove(MoveId),
    /// The system gives no random bytes.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
    /// There is no report or certificate.
    #[error("{}", split(&.0.to_string()).0)]
    Report(EraseError),
    /// The supplier has not asked for this, or not here.
    #[error("this request is not for {app} on this device, or not from its supplier")]
    OtherRequest {
        /// About what it should be.
        app: AppId,
    },
    /// The app may be running.
    #[error("{0} is running, or did not end as it should")]
    Running(AppId),
    /// The image is not what it should be, or cannot be installed here.
    #[error("{0}")]
    Image(ImageError),
    /// The keys of an image do not open.
    #[error("the keys that were delivered cannot be used: {0}")]
    Keys(SealedKeysError),
    /// Nothing of it is installed.
    #[error("{0} is not installed here")]
    NotInstalled(AppId),
    /// Device and server do not get back in step.
    #[error("this device and the server do not get back in step")]
    OutOfStep,
}

impl ManagerError {
    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::WhichServer(which) => which.remedy().into(),
            Self::Untried { .. } => {
                "compare the root hash with what the operator of the server says, then confirm it".into()
            }
            Self::Net(error) => split(&error.to_string()).1,
            Self::Problem(problem) => problem.detail.clone(),
            Self::NotCarnet { .. } => "check the address of the server".into(),
            Self::Untrusted { .. } => {
                "check that this is the right server and the right root hash, then try again; nothing is lost"
                    .into()
            }
            Self::Passbook(PassbookError::Identity(
                IdentityError::TooLittleEvidence { .. } | IdentityError::NothingOfItsOwn,
            )) => {
                "run `carnet register --identity file:PATH`, or set CARNET_IDENTITY=file:PATH for all commands: that file takes the machine's place, and must not be copied along".into()
            }
            Self::Passbook(error) => split(&error.to_string()).1,
            Self::NotRegistered(_) => "run `carnet register`".into(),
            Self::CodeNeeded { .. } => {
                "run `carnet devices repair --code -` with your recovery code, or with what `carnet devices invite` says on another device of yours"
                    .into()
            }
            Self::Person(problems) => problems.first().map_or("", |first| first.remedy).into(),
            Self::Refused { reason, .. }
            | Self::RegistrationRefused(reason)
            | Self::ManagementRefused(reason) => reason.remedy().into(),
            Self::NoSuchOffer { offers, .. } => choose_from(offers),
            Self::StillGood(_) => "use it; the menu comes again when it is used up".into(),
            Self::PinNeeded => "run it at a terminal, or give the PIN with --pin-file".into(),
            Self::WrongPin => "type it again".into(),
            Self::BadPin => "choose another one".into(),
            Self::Disapproved(why) => why.remedy().into(),
            Self::Medium(error) => split(&error.to_string()).1,
            Self::NothingMoving => "see what is here with `carnet passes`".into(),
            Self::SeveralMoves { moves, .. } => {
                let moves: Vec<_> = moves.iter().map(ToString::to_string).collect();
                format!("name the move instead: {}", moves.join(", "))
            }
            Self::UnknownMove(_) => "name its app too, with --app APP".into(),
            Self::NoRandom(_) => "try again in a moment".into(),
            Self::Report(error) => split(&error.to_string()).1,
            Self::OtherRequest { .. } => "ask the supplier for a request for this device".into(),
            Self::Running(_) => "end the program first, or erase it with --stop".into(),
            Self::Image(_) => "get the image again; what was installed before is untouched".into(),
            Self::Keys(_) => "install again; when that does not help, ask the supplier".into(),
            Self::NotInstalled(app) => format!("run `carnet install {app}`"),
            Self::OutOfStep => "ask the supplier".into(),
        }
    }

    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::WhichServer(which) => which.code(),
            Self::Untried { .. } => "untried-server",
            Self::Net(NetError::Timeout) => "server-timeout",
            Self::Net(NetError::Carried) => "to-be-carried",
            Self::Net(_) => "server-unreachable",
            Self::Problem(problem) => &problem.code,
            Self::NotCarnet { .. } => "server-answer",
            Self::Untrusted { .. } => "untrusted",
            Self::Passbook(_) => "passbook",
            Self::NotRegistered(_) => "not-registered",
            Self::CodeNeeded { .. } => "code-needed",
            Self::Person(_) => "personal-data",
            Self::Refused { reason, .. }
            | Self::RegistrationRefused(reason)
            | Self::ManagementRefused(reason) => reason.code(),
            Self::NoSuchOffer { .. } => "no-such-offer",
            Self::StillGood(_) => "still-good",
            Self::PinNeeded => "pin-needed",
            Self::WrongPin => "wrong-pin",
            Self::BadPin => "bad-pin",
            Self::Disapproved(why) => why.code(),
            Self::Medium(error) => error.code(),
            Self::NothingMoving => "nothing-moving",
            Self::SeveralMoves { .. } => "several-moves",
            Self::UnknownMove(_) => "unknown-move",
            Self::NoRandom(_) => "no-random",
            Self::Report(_) => "no-report",
            Self::OtherRequest { .. } => "other-request",
            Self::Running(_) => "running",
            Self::Image(_) => "image",
            Self::Keys(_) => "content-keys",
            Self::NotInstalled(_) => "not-installed",
            Self::OutOfStep => "out-of-step",
        }
    }

    /// What the contact with the server at `url` came to.
    pub(crate) fn of_contact(url: &ServerUrl, error: ContactError) -> Self {
        let url = url.clone();
        match error {
            ContactError::Net(error) => Self::Net(error),
            ContactError::Problem { status, body } => Self::of_answer(&url, status, &body),
            ContactError::Untrusted(wrong) => Self::Untrusted { url, wrong },
            ContactError::Passbook(error) => Self::Passbook(error),
            ContactError::Disapproved(why) => Self::Disapproved(why),
            ContactError::NoRandom(error) => Self::NoRandom(error),
            ContactError::PinNeeded => Self::PinNeeded,
            ContactError::OutOfStep => Self::OutOfStep,
        }
    }

    /// An answer that is not what was asked for: most likely a problem.
    pub(crate) fn of_answer(url: &ServerUrl, status: u16, body: &[u8]) -> Self {
        match serde_json::from_slice::<Problem>(body) {
            Ok(problem) if status >= 400 => Self::Problem(Box::new(problem)),
            _ => Self::NotCarnet { url: url.clone(), status },
        }
    }
}

impl From<PassbookError> for ManagerError {
    fn from(error: PassbookError) -> Self {
        Self::Passbook(error)
    }
}

impl From<SignerFault> for ManagerError {
    fn from(fault: SignerFault) -> Self {
        Self::Passbook(fault.into())
    }
}

impl From<MediumError> for ManagerError {
    fn from(error: MediumError) -> Self {
        Self::Medium(error)
    }
}

impl From<BookError> for ManagerError {
    fn from(error: BookError) -> Self {
        match error {
            BookError::Journal(error) => error.into(),
            BookError::Disapproved(why) => Self::Disapproved(why),
            BookError::Signer(fault) => fault.into(),
            // A document of our own that cannot be made is a defect; it has no other place.
            BookError::Seal(_) => Self::OutOfStep,
        }
    }
}

impl From<EraseError> for ManagerError {
    fn from(error: EraseError) -> Self {
        match error {
            EraseError::Book(error) => error.into(),
            EraseError::Report(ReportError::Journal(error)) => error.into(),
            EraseError::Report(ReportError::NoRandom(error)) => Self::NoRandom(error),
            EraseError::Report(ReportError::Signer(fault)) => fault.into(),
            EraseError::Note(error) => error.into(),
            error => Self::Report(error),
        }
    }
}

impl From<ReportError> for ManagerError {
    fn from(error: ReportError) -> Self {
        EraseError::from(error).into()
    }
}

impl From<FetchError> for ManagerError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Net(error) => Self::Net(error),
            FetchError::Image(error) => error.into(),
        }
    }
}

impl From<ImageError> for ManagerError {
    fn from(error: ImageError) -> Self {
        Self::Image(error)
    }
}

impl From<StorageError> for ManagerError {
    fn from(error: StorageError) -> Self {
        Self::Passbook(error.into())
    }
}

impl From<JournalError> for ManagerError {
    fn from(error: JournalError) -> Self {
        Self::Passbook(error.into())
    }
}

impl From<carnet_seam::FsError> for ManagerError {
    fn from(error: carnet_seam::FsError) -> Self {
        Self::Passbook(error.into())
    }
}

/// Texts of the layers below end with `: ` and the remedy.
fn split(text: &str) -> (String, String) {
    let (what, remedy) = text.rsplit_once(": ").unwrap_or((text, ""));
    (what.to_owned(), remedy.to_owned())
}

fn in_one_line(problems: &[PersonProblem]) -> String {
    problems
        .iter()
        .map(|problem| format!("{} {}", problem.field, problem.what))
        .collect::<Vec<_>>()
        .join("; ")
}

fn choose_from(offers: &[OfferName]) -> String {
    if offers.is_empty() {
        return "its menu is empty: ask the supplier".into();
    }
    let names: Vec<_> = offers.iter().map(OfferName::as_str).collect();
    format!("choose one of: {}", names.join(", "))
}
