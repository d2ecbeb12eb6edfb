//! What the server answers. A pass is a CWT (RFC 8392) with a confirmation key (RFC 8747).

use std::collections::BTreeSet;

use carnet_core::app::VersionRange;
use carnet_core::device_key::DeviceSigningKey;
use carnet_core::document::{
    Answer, Body, Ceiling, Effect, Head, JournalName, Pass, PassKind, PortablePass, Reason, Receipt, Refusal,
    Resume, SeatHolder,
};
use carnet_core::offer::Counting;
use carnet_core::provision::KeyDelivery;
use carnet_core::transfer::Handover;

use super::facts::{AsText, FactReader, FactWriter, Facts, Known, TimeKey};
use crate::cbor::{Cbor, CborError, Claims, Decoder, Encoder, Fault};
use crate::envelope::Document;
use crate::keys::CoseKey;
use crate::kind::Kind;
use crate::{choice, record};

// RFC 8392 §4, RFC 8747 §7.1.
const ISS: i64 = 1;
const AUD: i64 = 3;
const EXP: TimeKey = TimeKey::Registered(4, 26);
const NBF: TimeKey = TimeKey::Registered(5, 25);
const IAT: TimeKey = TimeKey::Registered(6, 7);
const CTI: i64 = 7;
const CNF: i64 = 8;
/// Our own claim, beside those that are registered.
const GRACE: TimeKey = TimeKey::Ours(15, 27);
const APP: i64 = 24;
const OVER: i64 = 28;
const FLOATING: i64 = 29;

record! {
    Resume { 1 => totals, 2 => void }
    Refusal { 8 => reason, 9 => license, 10 => menu, 11 => holders, 12 => borrow }
    SeatHolder { 1 => device, 2 => until }
    Receipt { 8 => effect }
    KeyDelivery { 8 => supplier, 9 => license, 10 => transaction, 11 => image, 12 => version, 13 => sealed }
    Confirmation { 1 => cose_key }
}

choice! {
    PassKind { 0 => Full, 1 => Temporary }
    Effect {
        0 => Registered { signing_key, agreement_key, evidence, only, until },
        1 => Declined(license),
        2 => MoveCancelled(movement),
        3 => Returned(license),
        4 => Invited(digest),
        5 => Withdrawn(digest),
        6 => DeviceGone(device),
        7 => Renamed(device),
        8 => KeyOrdered { transaction, image },
        9 => Transferred(apps),
    }
    Handover { 0 => AtOnce { uses, seconds }, 1 => Waits { until }, 2 => Refused(reason) }
    Reason {
        0 => NoLicense,
        1 => Exhausted,
        2 => Expired,
        3 => Declined,
        4 => Suspended,
        5 => ChargeFailed,
        6 => PaymentPending,
        7 => Ended,
        8 => Revoked,
        9 => HeldElsewhere,
        10 => UnderReview,
        11 => ForkOrRollback,
        12 => Reconcile,
        13 => Superseded,
        14 => OfferChanged,
        15 => OnlyOnce,
        16 => HardwareOnly,
        17 => UnknownApp,
        18 => NothingToMove,
        19 => Moving,
        20 => MoveOver,
        21 => OtherUser,
        22 => Retired,
        23 => NotEnoughLeft,
        24 => StillGood,
        25 => BadCode,
        26 => CodeUsed,
        27 => CodeFull,
        28 => NoSuchDevice,
        29 => StillHolds,
        30 => TooManyLost,
        31 => Guest,
        32 => NotBorrowable,
        33 => NoImage,
        34 => VersionNotCovered,
        35 => NoTransaction,
        36 => NoPass,
        37 => KeyRefused,
        38 => ReportOverdue,
        39 => Transferred,
        40 => SameDevice,
        41 => NotHeldThere,
        42 => GuestThere,
        43 => RetiredThere,
    }
}

/// RFC 8747 §3.1: the key that the holder of the pass must have.
struct Confirmation {
    cose_key: CoseKey,
}

impl Cbor for Ceiling {
    fn encode(&self, out: &mut Encoder) {
        out.array(3);
        [self.upto, self.licensed, self.remaining].iter().for_each(|amount| out.u64(*amount));
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        from.array_of(3, "an array of three")?;
        Ok(Self { upto: from.u64()?, licensed: from.u64()?, remaining: from.u64()? })
    }
}

/// The type says which body it is; the head comes first, as the body leaves out what the head says.
impl Document for Answer {
    const KINDS: &'static [Kind] =
        &[Kind::Pass, Kind::PortablePass, Kind::Refusal, Kind::Receipt, Kind::KeyDelivery];

    fn kind(&self) -> Kind {
        match self.body {
            Body::Pass(_) => Kind::Pass,
            Body::Portable(_) => Kind::PortablePass,
            Body::Refusal(_) => Kind::Refusal,
            Body::Receipt(_) => Kind::Receipt,
            Body::Keys(_) => Kind::KeyDelivery,
        }
    }

    fn encode_claims(&self, out: &mut Encoder) {
        let mut facts = FactWriter::default();
        let known = known_from(&self.head);
        put_head(&self.head, &mut facts);
        match &self.body {
            Body::Pass(pass) => pass.put(&mut facts, &known),
            Body::Portable(portable) => portable.put(&mut facts, &known),
            Body::Refusal(refusal) => refusal.put(&mut facts.ours),
            Body::Receipt(receipt) => receipt.put(&mut facts.ours),
            Body::Keys(delivery) => delivery.put(&mut facts.ours),
        }
        facts.finish(out);
    }

    fn decode_claims(kind: Kind, from: &mut Decoder<'_>) -> Result<Self, CborError> {
        let at = from.position();
        let mut facts = FactReader::open(from)?;
        let head = take_head(&mut facts)?;
        let known = known_from(&head);
        let body = match kind {
            Kind::Pass => Body::Pass(Box::new(Facts::take(&mut facts, &known)?)),
            Kind::PortablePass => Body::Portable(Box::new(Facts::take(&mut facts, &known)?)),
            Kind::Refusal => Body::Refusal(Box::new(Claims::take(&mut facts.ours)?)),
            Kind::Receipt => Body::Receipt(Box::new(Claims::take(&mut facts.ours)?)),
            Kind::KeyDelivery if head.journal.app.is_none() => {
                return Err(Fault::Expected("the journal of an app").at(at));
            }
            Kind::KeyDelivery => Body::Keys(Box::new(Claims::take(&mut facts.ours)?)),
            _ => return Err(Fault::Expected("an answer").at(at)),
        };
        facts.finish()?;
        Ok(Self { head, body })
    }
}

fn known_from(head: &Head) -> Known {
    Known { issued: head.issued, app: head.journal.app.clone() }
}

fn put_head(head: &Head, facts: &mut FactWriter) {
    facts.registered.put(ISS, &AsText(head.server));
    facts.registered.put(AUD, &head.journal.app);
    facts.time(&IAT, Some(head.issued), &Known::NOTHING);
    facts.ours.put(1, &head.user);
    facts.ours.put(2, &head.journal.device);
    facts.ours.put(3, &head.request);
    facts.ours.put(4, &head.quoted);
    facts.ours.put_unless(5, &head.epoch, &head.quoted.saturating_add(1));
    facts.ours.put(6, &head.resume);
    facts.ours.put_unless(OVER, &head.over, &BTreeSet::new());
}

fn take_head(facts: &mut FactReader<'_>) -> Result<Head, CborError> {
    let AsText(server) = facts.registered.take(ISS)?;
    let app = facts.registered.take(AUD)?;
    let issued = facts.required_time(&IAT, &Known::NOTHING)?;
    let ours = &mut facts.ours;
    let user = ours.take(1)?;
    let journal = JournalName { device: ours.take(2)?, app };
    let (request, quoted) = (ours.take(3)?, ours.take::<u64>(4)?);
    let epoch = ours.take_or(5, quoted.saturating_add(1))?;
    let (resume, over) = (ours.take(6)?, ours.take_or(OVER, BTreeSet::new())?);
    Ok(Head { server, user, journal, request, quoted, epoch, issued, resume, over })
}

impl Facts for Pass {
    fn put(&self, facts: &mut FactWriter, known: &Known) {
        facts.time(&EXP, self.expires, known);
        facts.time(&NBF, Some(self.not_before), known);
        facts.time(&GRACE, self.grace_until, known);
        facts.registered.put(CTI, &self.id);
        facts.registered.put(CNF, &Confirmation { cose_key: self.device_key.into() });
        let ours = &mut facts.ours;
        ours.put(8, &self.supplier);
        ours.put(9, &self.license);
        ours.put(10, &self.right);
        ours.put(11, &self.generation);
        ours.put_unless(12, &self.kind, &PassKind::Full);
        ours.put(13, &self.condition);
        ours.put(14, &self.features);
        ours.put(16, &self.from_first_use);
        ours.put(17, &self.uses);
        ours.put(18, &self.seconds);
        ours.put_unless(19, &self.counting, &Counting::Offline);
        ours.put_unless(FLOATING, &self.floating, &false);
        ours.put_unless(20, &self.versions, &VersionRange::default());
        ours.put(21, &self.reporting);
        ours.put(22, &self.previous);
        ours.put(23, &self.from_move);
        ours.put_unless(APP, &Some(self.app.clone()), &known.app);
    }

    fn take(facts: &mut FactReader<'_>, known: &Known) -> Result<Self, CborError> {
        let confirmation: Confirmation = facts.registered.take(CNF)?;
        let device_key = match confirmation.cose_key {
            CoseKey::Ed25519(public) => public.into(),
            CoseKey::P256 { x, y } => DeviceSigningKey::P256 { x, y },
            CoseKey::X25519(_) => {
                return Err(facts.registered.wrong(Fault::Expected("a key that signs in `cnf`")));
            }
        };
        let expires = facts.time(&EXP, known)?;
        let not_before = facts.required_time(&NBF, known)?;
        let grace_until = facts.time(&GRACE, known)?;
        let id = facts.registered.take(CTI)?;
        let app = take_app(facts, known)?;
        let ours = &mut facts.ours;
        Ok(Self {
            id,
            supplier: ours.take(8)?,
            app,
            license: ours.take(9)?,
            right: ours.take(10)?,
            generation: ours.take(11)?,
            kind: ours.take_or(12, PassKind::Full)?,
            condition: ours.take(13)?,
            features: ours.take(14)?,
            not_before,
            expires,
            grace_until,
            from_first_use: ours.take(16)?,
            uses: ours.take(17)?,
            seconds: ours.take(18)?,
            counting: ours.take_or(19, Counting::Offline)?,
            floating: ours.take_or(FLOATING, false)?,
            versions: ours.take_or(20, VersionRange::default())?,
            reporting: ours.take(21)?,
            device_key,
            previous: ours.take(22)?,
            from_move: ours.take(23)?,
        })
    }
}

impl Facts for PortablePass {
    fn put(&self, facts: &mut FactWriter, known: &Known) {
        facts.time(&EXP, self.expires, known);
        facts.registered.put(CTI, &self.movement);
        let ours = &mut facts.ours;
        ours.put(8, &self.supplier);
        ours.put(9, &self.license);
        ours.put(10, &self.right);
        ours.put(11, &self.generation);
        ours.put(12, &self.source);
        ours.put(13, &self.condition);
        ours.put(14, &self.features);
        ours.put(17, &self.uses);
        ours.put(18, &self.seconds);
        ours.put_unless(APP, &Some(self.app.clone()), &known.app);
    }

    fn take(facts: &mut FactReader<'_>, known: &Known) -> Result<Self, CborError> {
        let expires = facts.time(&EXP, known)?;
        let movement = facts.registered.take(CTI)?;
        let app = take_app(facts, known)?;
        let ours = &mut facts.ours;
        Ok(Self {
            movement,
            supplier: ours.take(8)?,
            app,
            license: ours.take(9)?,
            right: ours.take(10)?,
            generation: ours.take(11)?,
            condition: ours.take(13)?,
            features: ours.take(14)?,
            uses: ours.take(17)?,
            seconds: ours.take(18)?,
            expires,
            source: ours.take(12)?,
        })
    }
}

/// The app is said in the body only where the journal is not already that of the app.
fn take_app(facts: &mut FactReader<'_>, known: &Known) -> Result<carnet_core::app::AppId, CborError> {
    let app = facts.ours.take_or(APP, known.app.clone())?;
    app.ok_or_else(|| facts.ours.wrong(Fault::MissingKey(APP)))
}

/// Passes stand alone in journals.
macro_rules! alone {
    ($($name:ty),+) => {$(
        impl Cbor for $name {
            fn encode(&self, out: &mut Encoder) {
                self.encode_alone(out);
            }

            fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
                Self::decode_alone(from)
            }
        }
    )+};
}

alone!(Pass, PortablePass);

/// In a journal there is no envelope to name the type.
impl Cbor for Answer {
    fn encode(&self, out: &mut Encoder) {
        out.array(2);
        out.u64(self.kind().number());
        self.encode_claims(out);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        from.array_of(2, "a type of answer and its claims")?;
        let (at, number) = (from.position(), from.u64()?);
        let kind = Self::KINDS.iter().find(|kind| kind.number() == number);
        Self::decode_claims(*kind.ok_or_else(|| Fault::UnknownChoice(number).at(at))?, from)
    }
}
