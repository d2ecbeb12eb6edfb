//! The claims of an answer, in two maps: what CWT has registered (RFC 8392) outside, what is ours inside.
//!
//! Our claims share one private-use claim, −70001, because a private-use key of their own would cost each
//! of them four bytes more.

use carnet_core::app::AppId;
use carnet_core::time::Time;

use crate::cbor::{Cbor, CborError, Decoder, Encoder, Fault, MapReader, MapWriter};

/// The private-use claim that holds ours.
const OURS: i64 = -70_001;
const MICROS: i64 = 1_000_000;

/// Where a fact stands: the key of its CWT claim or of ours, and the key of ours for the part of a second.
pub(super) enum TimeKey {
    /// A registered claim; its part of a second is ours.
    Registered(i64, i64),
    /// Both ours.
    Ours(i64, i64),
}

/// What both sides know already when they come to the body of an answer; not said twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// When the answer was issued.
    pub(super) issued: Time,
    /// The app of the journal.
    pub(super) app: Option<AppId>,
}

impl Known {
    /// Nothing: the body stands alone.
    pub(super) const NOTHING: Self = Self { issued: Time::EPOCH, app: None };

    /// NumericDate is whole seconds here, since deterministic documents have no floats; the rest is mostly
    /// that of the time of issue.
    const fn fraction(&self) -> i64 {
        self.issued.0.rem_euclid(MICROS)
    }
}

/// Both maps, being written.
#[derive(Default)]
pub(super) struct FactWriter {
    pub(super) registered: MapWriter,
    pub(super) ours: MapWriter,
}

impl FactWriter {
    pub(super) fn finish(mut self, out: &mut Encoder) {
        self.registered.put_map(OURS, self.ours);
        self.registered.finish(out);
    }

    pub(super) fn time(&mut self, key: &TimeKey, time: Option<Time>, known: &Known) {
        let Some(Time(micros)) = time else { return };
        let (map, at, rest) = match key {
            TimeKey::Registered(at, rest) => (&mut self.registered, at, rest),
            TimeKey::Ours(at, rest) => (&mut self.ours, at, rest),
        };
        map.put(*at, &micros.div_euclid(MICROS));
        self.ours.put_unless(*rest, &micros.rem_euclid(MICROS), &known.fraction());
    }
}

/// Both maps, being read.
pub(super) struct FactReader<'b> {
    pub(super) registered: MapReader<'b>,
    pub(super) ours: MapReader<'b>,
}

impl<'b> FactReader<'b> {
    pub(super) fn open(from: &mut Decoder<'b>) -> Result<Self, CborError> {
        let mut registered = MapReader::open(from)?;
        let ours = registered.take_map(OURS)?;
        Ok(Self { registered, ours })
    }

    pub(super) fn finish(self) -> Result<(), CborError> {
        self.registered.finish()?;
        self.ours.finish()
    }

    pub(super) fn time(&mut self, key: &TimeKey, known: &Known) -> Result<Option<Time>, CborError> {
        let (map, at, rest) = match key {
            TimeKey::Registered(at, rest) => (&mut self.registered, at, rest),
            TimeKey::Ours(at, rest) => (&mut self.ours, at, rest),
        };
        let Some(seconds) = map.take::<Option<i64>>(*at)? else { return Ok(None) };
        let fraction = self.ours.take_or(*rest, known.fraction())?;
        // Wider on the way: the first second of the earliest time begins before it.
        let micros = i64::try_from(i128::from(seconds) * i128::from(MICROS) + i128::from(fraction));
        let micros = micros.ok().filter(|_| (0..MICROS).contains(&fraction));
        micros.map(Time).map(Some).ok_or_else(|| self.ours.wrong(Fault::Expected("a time")))
    }

    pub(super) fn required_time(&mut self, key: &TimeKey, known: &Known) -> Result<Time, CborError> {
        let (TimeKey::Registered(at, _) | TimeKey::Ours(at, _)) = key;
        self.time(key, known)?.ok_or_else(|| self.registered.wrong(Fault::MissingKey(*at)))
    }
}

/// Claims that stand in both maps.
pub(super) trait Facts: Sized {
    fn put(&self, facts: &mut FactWriter, known: &Known);

    fn take(facts: &mut FactReader<'_>, known: &Known) -> Result<Self, CborError>;

    fn encode_alone(&self, out: &mut Encoder) {
        let mut facts = FactWriter::default();
        self.put(&mut facts, &Known::NOTHING);
        facts.finish(out);
    }

    fn decode_alone(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        let mut facts = FactReader::open(from)?;
        let claims = Self::take(&mut facts, &Known::NOTHING)?;
        facts.finish()?;
        Ok(claims)
    }
}

/// A value in its text form, where CWT asks for text (RFC 8392 §3.1: StringOrURI).
#[derive(PartialEq, Eq)]
pub(super) struct AsText<T>(pub(super) T);

impl<T: std::fmt::Display + std::str::FromStr<Err: std::fmt::Display>> Cbor for AsText<T> {
    fn encode(&self, out: &mut Encoder) {
        out.text(&self.0.to_string());
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        let at = from.position();
        from.text()?.parse().map(Self).map_err(|wrong: T::Err| Fault::Value(wrong.to_string()).at(at))
    }
}
