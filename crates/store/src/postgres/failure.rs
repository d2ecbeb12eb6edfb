//! What an error of the database means, and who can do something about it.

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity};

use crate::StoreError;
use crate::error::{ORDER, STANDBY};

/// Only the message is told, never the detail, which quotes values of rows (I17).
pub(super) fn failed(error: &Error) -> StoreError {
    let Some(said) = error.as_db_error() else {
        return StoreError::Unreachable { why: reason(error) };
    };
    let (code, message) = (said.code().code(), said.message());
    match code {
        // Serialization failure, deadlock, a row that another server has written first.
        "40001" | "40P01" | "23505" => StoreError::Conflict { what: ORDER },
        // Somebody else holds what we wait for.
        "55P03" => StoreError::Busy,
        "53100" => StoreError::DiskFull,
        // A statement that was prepared in this session is not there, or was before: it is another session.
        "42P05" | "26000" => StoreError::Pooled,
        "25006" => StoreError::Denied { why: STANDBY.into() },
        "22021" | "22P05" => StoreError::OutOfRange { what: "a text" },
        "42501" | "3D000" | "3F000" => StoreError::Denied { why: message.to_owned() },
        _ if code.starts_with("28") => StoreError::Denied { why: message.to_owned() },
        // Connection exceptions, too many connections, shutting down or starting, a transaction idle for too long.
        _ if code.starts_with("08")
            || code.starts_with("53")
            || code.starts_with("57")
            || code == "25P03" =>
        {
            StoreError::Unreachable { why: message.to_owned() }
        }
        // It may be as odd as a file that does not fit any more while it recovers: the session has ended by it.
        _ if !is_survived(said) => StoreError::Unreachable { why: message.to_owned() },
        _ => StoreError::Failed(format!("{message} [{code}]")),
    }
}

/// Whether the session goes on after this.
pub(super) fn is_survived(said: &DbError) -> bool {
    said.parsed_severity() == Some(Severity::Error)
}

/// The innermost cause says what happened: "connection refused", not "error connecting to server".
fn reason(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
