//! Maps with integer keys: how records are written and read.

use super::{Cbor, CborError, Decoder, Encoder, Fault};

/// The claims of a record. Two records may share one map, as the head and the body of an answer do.
pub trait Claims: Sized {
    /// Puts every claim.
    fn put(&self, map: &mut MapWriter);

    /// Takes every claim.
    ///
    /// # Errors
    /// When a claim is missing or is not what it should be.
    fn take(map: &mut MapReader<'_>) -> Result<Self, CborError>;

    /// Writes the record as a map of its own.
    fn encode_map(&self, out: &mut Encoder) {
        let mut map = MapWriter::default();
        self.put(&mut map);
        map.finish(out);
    }

    /// Reads the record from a map of its own.
    ///
    /// # Errors
    /// When a claim is missing, unknown, or not what it should be.
    fn decode_map(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        let mut map = MapReader::open(from)?;
        let claims = Self::take(&mut map)?;
        map.finish()?;
        Ok(claims)
    }
}

/// Collects the pairs of one map.
#[derive(Debug, Default)]
pub struct MapWriter {
    pairs: Vec<(i64, std::ops::Range<usize>)>,
    values: Encoder,
}

impl MapWriter {
    /// Puts a value under its key, unless it is an absent option.
    pub fn put<T: Cbor>(&mut self, key: i64, value: &T) {
        if value.is_present() {
            self.pair(key, |values| value.encode(values));
        }
    }

    /// Puts a value under its key, unless it is what the reader assumes anyway.
    pub fn put_unless<T: Cbor + PartialEq>(&mut self, key: i64, value: &T, assumed: &T) {
        if value != assumed {
            self.pair(key, |values| value.encode(values));
        }
    }

    /// Puts a map under its key.
    pub fn put_map(&mut self, key: i64, map: Self) {
        self.pair(key, |values| map.finish(values));
    }

    fn pair(&mut self, key: i64, write: impl FnOnce(&mut Encoder)) {
        let start = self.values.len();
        write(&mut self.values);
        self.pairs.push((key, start..self.values.len()));
    }

    /// Writes the map, its keys in the order that RFC 8949 §4.2.1 asks for.
    pub fn finish(mut self, out: &mut Encoder) {
        self.pairs.sort_by_key(|(key, _)| rank(*key));
        out.map(self.pairs.len());
        for (key, value) in self.pairs {
            out.i64(key);
            out.raw(self.values.as_bytes().get(value).unwrap_or_default());
        }
    }
}

/// Hands out the values of one map by key.
#[derive(Debug)]
pub struct MapReader<'b> {
    from: Decoder<'b>,
    /// Key and offset of each value that nobody took yet, the last one first: they are mostly taken in the
    /// order in which they stand.
    pairs: Vec<(i64, usize)>,
    start: usize,
}

impl<'b> MapReader<'b> {
    /// Finds the keys of the map that comes next, and steps over it.
    ///
    /// # Errors
    /// When it is not a map with integer keys.
    pub fn open(from: &mut Decoder<'b>) -> Result<Self, CborError> {
        let start = from.position();
        let count = from.map()?;
        // No record of ours has more keys; a larger count is the sender's word.
        let mut pairs = Vec::with_capacity(usize::try_from(count).unwrap_or(usize::MAX).min(32));
        for _ in 0..count {
            pairs.push((from.i64()?, from.position()));
            from.skip()?;
        }
        pairs.reverse();
        Ok(Self { from: from.clone(), pairs, start })
    }

    /// The value under this key.
    ///
    /// # Errors
    /// When it is missing and not an option, or not of this type.
    pub fn take<T: Cbor>(&mut self, key: i64) -> Result<T, CborError> {
        if self.find(key) {
            T::decode_present(&mut self.from)
        } else {
            T::when_missing().ok_or_else(|| self.wrong(Fault::MissingKey(key)))
        }
    }

    /// The value under this key, or what is assumed without it. Spelling out what is assumed is refused, as
    /// it would be a second spelling.
    ///
    /// # Errors
    /// When it is not of this type, or is what would have been assumed.
    pub fn take_or<T: Cbor + PartialEq>(&mut self, key: i64, assumed: T) -> Result<T, CborError> {
        if !self.find(key) {
            return Ok(assumed);
        }
        let at = self.from.position();
        let value = T::decode(&mut self.from)?;
        if value == assumed {
            Err(Fault::Expected("nothing, as this value is assumed").at(at))
        } else {
            Ok(value)
        }
    }

    /// The map under this key.
    ///
    /// # Errors
    /// When it is missing, or not a map with integer keys.
    pub fn take_map(&mut self, key: i64) -> Result<Self, CborError> {
        if self.find(key) { Self::open(&mut self.from) } else { Err(self.wrong(Fault::MissingKey(key))) }
    }

    fn find(&mut self, key: i64) -> bool {
        let found = self.pairs.iter().rposition(|(other, _)| *other == key);
        found.map(|found| self.pairs.remove(found).1).inspect(|at| self.from.go_to(*at)).is_some()
    }

    /// Refuses the record for what is wrong with it, if anything is.
    ///
    /// # Errors
    /// When something is wrong with it.
    pub fn check(&self, wrong: Option<&str>) -> Result<(), CborError> {
        wrong.map_or(Ok(()), |wrong| Err(self.wrong(Fault::Value(wrong.to_owned()))))
    }

    /// This fault of the whole record.
    #[must_use]
    pub const fn wrong(&self, fault: Fault) -> CborError {
        fault.at(self.start)
    }

    /// Leaves the map; refuses what nobody took.
    ///
    /// # Errors
    /// When a key is unknown.
    pub fn finish(self) -> Result<(), CborError> {
        self.pairs.last().map_or(Ok(()), |(key, at)| Err(Fault::UnknownKey(*key).at(*at)))
    }
}

/// Bytewise order of the shortest encodings: 0, 1, 2, …, then −1, −2, ….
const fn rank(key: i64) -> (bool, u64) {
    (key < 0, key.unsigned_abs())
}

/// Whether keys stand in the order in which they are written, each once.
#[doc(hidden)]
#[must_use]
pub const fn in_order(keys: &[i64]) -> bool {
    let mut at = 1;
    while at < keys.len() {
        let ((before_negative, before), (negative, after)) = (rank(keys[at - 1]), rank(keys[at]));
        let rises = if before_negative == negative { before < after } else { negative };
        if !rises {
            return false;
        }
        at += 1;
    }
    true
}
