//! Why bytes were refused.

/// Why bytes were refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {fault}")]
pub struct CborError {
    /// Offset of the item that was refused.
    pub at: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with an encoded item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The input is larger than the reader accepts.
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// Arrays and maps are nested deeper than the reader accepts.
    #[error("nested deeper than {0}")]
    TooDeep(usize),
    /// The input ends inside an item, or a length promises more than is there.
    #[error("cut short")]
    CutShort,
    /// Something follows the one item.
    #[error("something follows the end")]
    Trailing,
    /// An integer or length is not in its shortest form.
    #[error("not the shortest form")]
    NotShortest,
    /// An item of indefinite length.
    #[error("an indefinite length")]
    Indefinite,
    /// A head that RFC 8949 §3 reserves.
    #[error("a reserved head")]
    Reserved,
    /// A tag where none belongs.
    #[error("a tag")]
    Tagged,
    /// A float, `undefined` or another simple value than false, true and null.
    #[error("a float or simple value")]
    Simple,
    /// Text that is not UTF-8.
    #[error("text that is not UTF-8")]
    NotText,
    /// A map key that is neither an integer nor a string.
    #[error("an array, map or simple value as key")]
    BadKey,
    /// A key, or a member of a set, that occurs twice.
    #[error("the same key twice")]
    Repeated,
    /// Keys, or members of a set, that are not in ascending bytewise order.
    #[error("keys out of order")]
    OutOfOrder,
    /// An item of another type or range.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A key that this claim set does not have.
    #[error("unknown key {0}")]
    UnknownKey(i64),
    /// A key that this claim set must have.
    #[error("missing key {0}")]
    MissingKey(i64),
    /// A choice that does not exist.
    #[error("unknown choice {0}")]
    UnknownChoice(u64),
    /// A text or number that is well formed but not a value of its type.
    #[error("{0}")]
    Value(String),
}

impl Fault {
    /// This fault at that offset.
    #[must_use]
    pub const fn at(self, at: usize) -> CborError {
        CborError { at, fault: self }
    }
}
