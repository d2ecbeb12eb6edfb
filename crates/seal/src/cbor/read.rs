//! Reading bytes that `scan` has accepted.

use super::{CborError, Fault};

/// Reads items out of bytes that are known to be well formed, definite and in their one spelling.
#[derive(Debug, Clone)]
pub struct Decoder<'b>(minicbor::Decoder<'b>);

impl<'b> Decoder<'b> {
    pub(super) fn of_scanned(bytes: &'b [u8]) -> Self {
        Self(minicbor::Decoder::new(bytes))
    }

    pub(crate) fn finish(&self) -> Result<(), CborError> {
        let at = self.position();
        if at == self.0.input().len() { Ok(()) } else { Err(Fault::Trailing.at(at)) }
    }

    /// Offset of the next item.
    #[must_use]
    pub fn position(&self) -> usize {
        self.0.position()
    }

    pub(super) fn go_to(&mut self, position: usize) {
        self.0.set_position(position);
    }

    /// The bytes from an offset up to the next item.
    pub(super) fn since(&self, start: usize) -> &'b [u8] {
        self.0.input().get(start..self.position()).unwrap_or_default()
    }

    /// An unsigned integer.
    ///
    /// # Errors
    /// When something else comes.
    pub fn u64(&mut self) -> Result<u64, CborError> {
        self.take("an unsigned integer", minicbor::Decoder::u64)
    }

    /// An integer of 64 bits.
    ///
    /// # Errors
    /// When something else comes.
    pub fn i64(&mut self) -> Result<i64, CborError> {
        self.take("an integer", minicbor::Decoder::i64)
    }

    /// True or false.
    ///
    /// # Errors
    /// When something else comes.
    pub fn bool(&mut self) -> Result<bool, CborError> {
        self.take("true or false", minicbor::Decoder::bool)
    }

    /// A byte string.
    ///
    /// # Errors
    /// When something else comes.
    pub fn bytes(&mut self) -> Result<&'b [u8], CborError> {
        self.take("bytes", minicbor::Decoder::bytes)
    }

    /// A text.
    ///
    /// # Errors
    /// When something else comes.
    pub fn text(&mut self) -> Result<&'b str, CborError> {
        self.take("a text", minicbor::Decoder::str)
    }

    /// The head of an array: how many items follow.
    ///
    /// # Errors
    /// When something else comes.
    pub fn array(&mut self) -> Result<u64, CborError> {
        let at = self.position();
        self.take("an array", minicbor::Decoder::array)?.ok_or_else(|| Fault::Indefinite.at(at))
    }

    /// The head of an array of exactly so many items.
    ///
    /// # Errors
    /// When something else comes.
    pub fn array_of(&mut self, items: u64, expected: &'static str) -> Result<(), CborError> {
        let at = self.position();
        if self.array()? == items { Ok(()) } else { Err(Fault::Expected(expected).at(at)) }
    }

    /// The head of a map: how many pairs follow.
    ///
    /// # Errors
    /// When something else comes.
    pub fn map(&mut self) -> Result<u64, CborError> {
        let at = self.position();
        self.take("a map", minicbor::Decoder::map)?.ok_or_else(|| Fault::Indefinite.at(at))
    }

    /// Takes a null, if one comes.
    pub fn null(&mut self) -> bool {
        let start = self.position();
        let null = self.0.null().is_ok();
        if !null {
            self.go_to(start);
        }
        null
    }

    /// The head of an enum: which choice, and how many fields follow. Without fields it is an integer, with
    /// fields an array that begins with one.
    ///
    /// # Errors
    /// When something else comes.
    pub fn choice(&mut self) -> Result<(u64, u64), CborError> {
        let at = self.position();
        let expected = || Fault::Expected("a choice: an integer, or an array that begins with one").at(at);
        if let Ok(choice) = self.u64() {
            return Ok((choice, 0));
        }
        self.go_to(at);
        let fields = self.array().map_err(|_| expected())?.checked_sub(1).filter(|fields| *fields > 0);
        Ok((self.u64().map_err(|_| expected())?, fields.ok_or_else(expected)?))
    }

    /// Steps over one item.
    pub(super) fn skip(&mut self) -> Result<(), CborError> {
        self.take("an item", minicbor::Decoder::skip)
    }

    /// minicbor says what it found in words; a comparable error says what was expected, and where.
    fn take<T>(
        &mut self,
        expected: &'static str,
        read: impl FnOnce(&mut minicbor::Decoder<'b>) -> Result<T, minicbor::decode::Error>,
    ) -> Result<T, CborError> {
        let at = self.position();
        read(&mut self.0).map_err(|_| Fault::Expected(expected).at(at))
    }
}
