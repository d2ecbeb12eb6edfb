//! The catalog of problems.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $title:literal, $remedy:literal;)+) => {
        /// The kinds of problems. Codes are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum ProblemCode {
            $($(#[$doc])* $name,)+
        }

        impl ProblemCode {
            /// All of them.
            pub const ALL: [Self; [$(Self::$name),+].len()] = [$(Self::$name),+];

            /// Stable code.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// What it says, in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// What to do about it.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)+ }
            }
        }
    };
}

codes! {
    /// The body is not JSON, or ends too early.
    BadJson = "bad-json", 400, "The body is not JSON", "send one complete JSON value in UTF-8";
    /// The query of the URL cannot be read.
    BadQuery = "bad-query", 400, "The query cannot be read", "check the names and values after the `?`";
    /// A header cannot be read.
    BadHeader = "bad-header", 400, "A header cannot be read", "check the header that is named";
    /// The document is malformed, of another type, or says something else than what is embedded in it.
    BadDocument = "bad-document", 400, "Not a document that can be read", "update the program, then make the request again";
    /// The operation does not belong to the journal.
    WrongJournal = "wrong-journal", 400, "The operation does not belong to this journal", "update the program, then make the request again";
    /// There is no token, or not a good one.
    Unauthorized = "unauthorized", 401, "No good token", "send `Authorization: Bearer carnet_sup_…` with the token shown at registration";
    /// The signature is not that of the device.
    BadSignature = "bad-signature", 401, "The signature is wrong", "use the device's own passbook, or register the device again";
    /// What the device has signed is too old, or from the future.
    Stale = "stale", 401, "The statement is too old or too new", "set the device's clock right, then ask again";
    /// The token is good for something else.
    OutOfScope = "out-of-scope", 403, "The token is not good for this", "use a token with that scope; `carnet supplier token list` shows what each is good for";
    /// The set-up code is wrong, used or over.
    WrongSetupCode = "wrong-setup-code", 403, "The set-up code is not good", "ask the operator for a new one; `carnetd up` prints one while there is no supplier";
    /// There is no such thing, or not for you.
    NotFound = "not-found", 404, "Not found", "check the path, the id and whose token is used";
    /// There is no such code, or it is no longer good.
    BadCode = "bad-code", 404, "No such code", "check the code letter by letter, or ask whoever gave it to you";
    /// The device is not registered here.
    UnknownDevice = "unknown-device", 404, "The device is not registered here", "check the server's address, or register the device";
    /// The path exists, but not with this method.
    MethodNotAllowed = "method-not-allowed", 405, "Not with this method", "use one of the methods in the `Allow` header";
    /// The request id was used for another request.
    RequestConflict = "request-conflict", 409, "The request id was used for another request", "make a new request with a new id";
    /// The code was taken up before.
    CodeUsed = "code-used", 409, "The code was used before", "look at your passes, or ask whoever gave it to you";
    /// The name is in use.
    NameTaken = "name-taken", 409, "The name is taken", "choose another name";
    /// The license is in a state to which this does not apply.
    NotApplicable = "not-applicable", 409, "Not possible in this state", "look at the license's status first";
    /// The same idempotency key is being worked on.
    IdempotencyRunning = "idempotency-running", 409, "The same request is still running", "wait a moment, then send it again";
    /// The menu has changed since it was read.
    MenuChanged = "menu-changed", 412, "The menu has changed meanwhile", "read the menu again, make the change there, and send its new serial in `If-Match`";
    /// The body is too large.
    TooLarge = "too-large", 413, "The body is too large", "send at most 256 KiB";
    /// The content type is not understood here.
    UnsupportedMediaType = "unsupported-media-type", 415, "Not this content type", "send `application/json`, or `application/cose` where a document is expected";
    /// The document is for another server.
    WrongServer = "wrong-server", 421, "The document is for another server", "send it to the server that it names";
    /// Fields are wrong; `errors` says which.
    Invalid = "invalid", 422, "Something in the body is wrong", "mend the fields that `errors` names";
    /// The idempotency key was used with another request.
    IdempotencyReused = "idempotency-reused", 422, "The idempotency key was used for another request", "use a new key for a new request";
    /// The server was restored from a backup, and does not know a key of its own any more.
    KeySetWanted = "key-set-wanted", 428, "The server does not know the key that has signed the last answer or the receipt", "send the same request again with the device's key set beside it; devices do so by themselves";
    /// Too many requests from one address without a proof of who asks.
    TooManyRequests = "too-many-requests", 429, "Too many requests", "wait as long as `Retry-After` says; what a known device signs is not limited";
    /// Too many wrong codes.
    TooManyAttempts = "too-many-attempts", 429, "Too many attempts", "wait as long as `Retry-After` says";
    /// A defect of the server.
    Internal = "internal", 500, "The server failed", "try again; if it stays so, tell the operator the request id";
    /// The root key is offline, or the key set is full.
    NoMoreSuppliers = "no-more-suppliers", 503, "This server takes no new suppliers just now", "ask its operator to bring the root key back for a moment (`carnetd keys root bring-back`), then register with the same code";
    /// The server cannot work just now.
    Unavailable = "unavailable", 503, "Not available just now", "try again in a moment; repeating does nothing twice";
    /// It took too long.
    Timeout = "timeout", 503, "It took too long", "try again; repeating does nothing twice";
}
