//! Numbers, texts, strings of bytes, and collections of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cbor, CborError, Decoder, Encoder, Fault};

impl Cbor for u64 {
    fn encode(&self, out: &mut Encoder) {
        out.u64(*self);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        from.u64()
    }
}

impl Cbor for i64 {
    fn encode(&self, out: &mut Encoder) {
        out.i64(*self);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        from.i64()
    }
}

/// `u8` is left out on purpose: `Vec<u8>` is a byte string, not an array of numbers.
macro_rules! narrow {
    ($($narrow:ty),+) => {$(
        impl Cbor for $narrow {
            fn encode(&self, out: &mut Encoder) {
                out.u64(u64::from(*self));
            }

            fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
                let at = from.position();
                let expected = concat!("an unsigned integer of type ", stringify!($narrow));
                Self::try_from(from.u64()?).map_err(|_| Fault::Expected(expected).at(at))
            }
        }
    )+};
}

narrow!(u16, u32);

impl Cbor for bool {
    fn encode(&self, out: &mut Encoder) {
        out.bool(*self);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        from.bool()
    }
}

impl Cbor for String {
    fn encode(&self, out: &mut Encoder) {
        out.text(self);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        from.text().map(Self::from)
    }
}

impl Cbor for Vec<u8> {
    fn encode(&self, out: &mut Encoder) {
        out.bytes(self);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        from.bytes().map(Self::from)
    }
}

impl<const N: usize> Cbor for [u8; N] {
    fn encode(&self, out: &mut Encoder) {
        out.bytes(self);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        let at = from.position();
        Self::try_from(from.bytes()?).map_err(|_| Fault::Expected("bytes of another length").at(at))
    }
}

/// Left out of records when absent, `null` elsewhere. An option in an option has no encoding of its own.
impl<T: Cbor> Cbor for Option<T> {
    fn encode(&self, out: &mut Encoder) {
        match self {
            Some(value) => value.encode(out),
            None => out.null(),
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        if from.null() { Ok(None) } else { T::decode(from).map(Some) }
    }

    fn is_present(&self) -> bool {
        self.is_some()
    }

    fn when_missing() -> Option<Self> {
        Some(None)
    }

    fn decode_present(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        T::decode(from).map(Some)
    }
}

impl<T: Cbor> Cbor for Box<T> {
    fn encode(&self, out: &mut Encoder) {
        (**self).encode(out);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        T::decode(from).map(Self::new)
    }
}

impl<A: Cbor, B: Cbor> Cbor for (A, B) {
    fn encode(&self, out: &mut Encoder) {
        out.array(2);
        self.0.encode(out);
        self.1.encode(out);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        from.array_of(2, "an array of two")?;
        Ok((A::decode(from)?, B::decode(from)?))
    }
}

impl<T: Cbor> Cbor for Vec<T> {
    fn encode(&self, out: &mut Encoder) {
        out.array(self.len());
        self.iter().for_each(|item| item.encode(out));
    }

    /// Grows as items are read: the count in the head is the sender's word, not ours.
    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        (0..from.array()?).map(|_| T::decode(from)).collect::<Result<_, _>>()
    }
}

/// Keys in bytewise order of their encodings, which is not always the order of the values: `b` < `aa`.
impl<K: Cbor + Ord, V: Cbor> Cbor for BTreeMap<K, V> {
    fn encode(&self, out: &mut Encoder) {
        let mut pairs: Vec<_> = self.iter().map(|(key, value)| (super::encode(key), value)).collect();
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        out.map(pairs.len());
        for (key, value) in pairs {
            out.raw(&key);
            value.encode(out);
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        let mut map = Self::new();
        for _ in 0..from.map()? {
            let at = from.position();
            let (key, value) = (K::decode(from)?, V::decode(from)?);
            if map.insert(key, value).is_some() {
                return Err(Fault::Repeated.at(at));
            }
        }
        Ok(map)
    }
}

/// An array whose items stand in bytewise order of their encodings, like the keys of a map.
impl<T: Cbor + Ord> Cbor for BTreeSet<T> {
    fn encode(&self, out: &mut Encoder) {
        let mut items: Vec<_> = self.iter().map(super::encode).collect();
        items.sort();
        out.array(items.len());
        items.iter().for_each(|item| out.raw(item));
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        let mut set = Self::new();
        let mut last: &[u8] = &[];
        for _ in 0..from.array()? {
            let at = from.position();
            set.insert(T::decode(from)?);
            let item = from.since(at);
            match last.cmp(item) {
                std::cmp::Ordering::Less => last = item,
                std::cmp::Ordering::Equal => return Err(Fault::Repeated.at(at)),
                std::cmp::Ordering::Greater => return Err(Fault::OutOfOrder.at(at)),
            }
        }
        Ok(set)
    }
}
