//! The one pass that refuses every other spelling, before any type is looked at.

use super::{CborError, Fault, Limits};

/// Accepts exactly one well-formed item in core deterministic encoding (RFC 8949 §4.2.1), with no tag,
/// float or `undefined` in it. Never recurses, never allocates more than a frame per level.
pub(super) fn scan(bytes: &[u8], limits: Limits) -> Result<(), CborError> {
    if bytes.len() > limits.bytes {
        return Err(Fault::TooLong(limits.bytes).at(limits.bytes));
    }
    let mut scan = Scan { bytes, at: 0, depth: limits.depth, open: Vec::new() };
    while !scan.item()? {}
    if scan.at == bytes.len() { Ok(()) } else { Err(Fault::Trailing.at(scan.at)) }
}

struct Scan<'b> {
    bytes: &'b [u8],
    at: usize,
    depth: usize,
    open: Vec<Frame<'b>>,
}

/// An array or map whose items are still coming.
struct Frame<'b> {
    left: u64,
    map: bool,
    last_key: Option<&'b [u8]>,
}

/// What an item's head says.
enum Head {
    Scalar,
    Simple,
    Array(u64),
    Map(u64),
}

impl<'b> Scan<'b> {
    /// Takes one head with its string; true when the outermost item is complete.
    fn item(&mut self) -> Result<bool, CborError> {
        let start = self.at;
        let head = self.head()?;
        let is_key = self.open.last().is_some_and(|frame| frame.map && frame.left % 2 == 0);
        if is_key {
            self.key(start, &head)?;
        }
        match head {
            Head::Array(items) => self.enter(start, items, false),
            Head::Map(pairs) => self.enter(start, pairs.saturating_mul(2), true),
            Head::Scalar | Head::Simple => Ok(self.complete()),
        }
    }

    fn key(&mut self, start: usize, head: &Head) -> Result<(), CborError> {
        if !matches!(head, Head::Scalar) {
            return Err(Fault::BadKey.at(start));
        }
        let key = self.bytes.get(start..self.at).unwrap_or_default();
        let Some(frame) = self.open.last_mut() else { return Ok(()) };
        match frame.last_key.replace(key) {
            Some(last) if last == key => Err(Fault::Repeated.at(start)),
            Some(last) if last > key => Err(Fault::OutOfOrder.at(start)),
            _ => Ok(()),
        }
    }

    fn enter(&mut self, start: usize, items: u64, map: bool) -> Result<bool, CborError> {
        if self.open.len() >= self.depth {
            return Err(Fault::TooDeep(self.depth).at(start));
        }
        // Every item takes at least one byte, so a larger count is a lie.
        if items > self.remaining() {
            return Err(Fault::CutShort.at(start));
        }
        if items == 0 {
            return Ok(self.complete());
        }
        self.open.push(Frame { left: items, map, last_key: None });
        Ok(false)
    }

    /// Closes the item, and with it every array and map of which it was the last.
    fn complete(&mut self) -> bool {
        while let Some(frame) = self.open.last_mut() {
            frame.left -= 1;
            if frame.left > 0 {
                return false;
            }
            self.open.pop();
        }
        true
    }

    fn head(&mut self) -> Result<Head, CborError> {
        let start = self.at;
        let first = self.take(1)?.first().copied().unwrap_or_default();
        let (major, info) = (first >> 5, first & 0x1f);
        if major == 7 {
            return match info {
                20..=22 => Ok(Head::Simple),
                31 => Err(Fault::Indefinite.at(start)),
                _ => Err(Fault::Simple.at(start)),
            };
        }
        let value = self.argument(start, info)?;
        match major {
            0 | 1 => Ok(Head::Scalar),
            2 => self.string(start, value).map(|_| Head::Scalar),
            3 => {
                let text = self.string(start, value)?;
                std::str::from_utf8(text).map(|_| Head::Scalar).map_err(|_| Fault::NotText.at(start))
            }
            4 => Ok(Head::Array(value)),
            5 => Ok(Head::Map(value)),
            _ => Err(Fault::Tagged.at(start)),
        }
    }

    /// The argument of a head, refused unless it is in its shortest form.
    fn argument(&mut self, start: usize, info: u8) -> Result<u64, CborError> {
        let (width, smallest) = match info {
            0..=23 => return Ok(u64::from(info)),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            31 => return Err(Fault::Indefinite.at(start)),
            _ => return Err(Fault::Reserved.at(start)),
        };
        let value = self.take(width)?.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        if value < smallest { Err(Fault::NotShortest.at(start)) } else { Ok(value) }
    }

    fn string(&mut self, start: usize, length: u64) -> Result<&'b [u8], CborError> {
        let length = usize::try_from(length).map_err(|_| Fault::CutShort.at(start))?;
        self.take(length).map_err(|_| Fault::CutShort.at(start))
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], CborError> {
        let end = self.at.checked_add(length).ok_or_else(|| Fault::CutShort.at(self.at))?;
        let taken = self.bytes.get(self.at..end).ok_or_else(|| Fault::CutShort.at(self.at))?;
        self.at = end;
        Ok(taken)
    }

    fn remaining(&self) -> u64 {
        u64::try_from(self.bytes.len() - self.at).unwrap_or(u64::MAX)
    }
}
