//! Headers that mean something beyond HTTP's own.

/// Names one request, in the answer, in problems and in the server's log. A client's own is not taken over.
pub const REQUEST_ID: &str = "x-request-id";

/// On a mutating call of a supplier: a text of the client's choice, at most [`LONGEST_IDEMPOTENCY_KEY`]
/// bytes. The same key with the same request gives the same answer and does nothing twice, for 24 hours.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The most bytes of an [`IDEMPOTENCY_KEY`].
pub const LONGEST_IDEMPOTENCY_KEY: usize = 255;

/// The entity tag of a menu with this serial, for `ETag` and `If-Match`.
///
/// ```
/// assert_eq!(carnet_api::header::etag_of_serial(3), "\"3\"");
/// assert_eq!(carnet_api::header::serial_of_etag("\"3\""), Some(3));
/// ```
#[must_use]
pub fn etag_of_serial(serial: u64) -> String {
    format!("\"{serial}\"")
}

/// The serial in an entity tag; none when it is not one of ours.
#[must_use]
pub fn serial_of_etag(tag: &str) -> Option<u64> {
    tag.trim().strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}
