//! Writing.

/// Collects encoded items. Whoever uses it by hand keeps keys in order; records do so by themselves.
#[derive(Debug, Default)]
pub struct Encoder(Vec<u8>);

/// minicbor writes heads in their shortest form. Its only error is that of the writer, and a `Vec` has none.
macro_rules! write {
    ($self:ident, $item:ident($($value:expr)?)) => {{
        let _never_fails = minicbor::Encoder::new(&mut $self.0).$item($($value)?).map(|_| ());
    }};
}

impl Encoder {
    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// An unsigned integer.
    pub fn u64(&mut self, value: u64) {
        write!(self, u64(value));
    }

    /// An integer.
    pub fn i64(&mut self, value: i64) {
        write!(self, i64(value));
    }

    /// True or false.
    pub fn bool(&mut self, value: bool) {
        write!(self, bool(value));
    }

    /// Null: an absent option outside a record.
    pub fn null(&mut self) {
        write!(self, null());
    }

    /// A byte string.
    pub fn bytes(&mut self, value: &[u8]) {
        write!(self, bytes(value));
    }

    /// A text.
    pub fn text(&mut self, value: &str) {
        write!(self, str(value));
    }

    /// The head of an array; that many items follow.
    pub fn array(&mut self, items: usize) {
        write!(self, array(items as u64));
    }

    /// The head of a map; that many pairs follow, their keys in bytewise order.
    pub fn map(&mut self, pairs: usize) {
        write!(self, map(pairs as u64));
    }

    /// Items that are encoded already.
    pub(super) fn raw(&mut self, encoded: &[u8]) {
        self.0.extend_from_slice(encoded);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
