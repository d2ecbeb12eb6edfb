//! Bodies of journal records. Read within [`Limits::JOURNAL`](crate::cbor::Limits::JOURNAL).

use carnet_core::document::{Answer, Body};
use carnet_core::journal::{
    ClockEvidence, Delivered, Erasure, Held, Ordered, PassStatus, Received, Record, Running, State,
};

use super::request::embedded;
use crate::cbor::{Cbor, CborError, Decoder, Encoder, Fault};
use crate::envelope::Unverified;
use crate::{choice, record};

choice! {
    Record {
        0 => Checkpoint(state),
        1 => Intent(request),
        2 => Outcome(received),
        3 => EffectsDone,
        4 => RunStarted { run, license, uses, at },
        5 => Used { run, license, uses, at },
        6 => Metered { run, license, seconds, at },
        7 => RunEnded { run, unused, at },
        8 => Disapproved { code, at },
        9 => ClockCorrected { at },
        10 => TailDropped { length, digest },
        11 => RunJoined { run, of, at },
        12 => WithDetail { of, run, begins, sealed },
        13 => RetentionGap { upto, kept, at },
        14 => Erasing(erasure),
        15 => Erased,
    }
    PassStatus { 0 => Valid, 1 => Moving, 2 => Invalid }
}

record! {
    State {
        1 => server,
        2 => name,
        3 => epoch,
        4 => last_answer,
        5 => held,
        6 => totals,
        7 => reported,
        8 => intent,
        9 => portables,
        10 => effects_due,
        11 => refused,
        12 => clock,
        13 => tails_dropped,
        14 => running,
        15 => proof,
        16 => receipt,
        17 => retention,
        18 => contact,
        19 => erasure,
        20 => ordered,
        21 => keys,
    }
    Running { 1 => since, 2 => joined }
    ClockEvidence { 1 => reached, 2 => corrections }
    Erasure { 1 => list, 2 => nonce, 3 => at, 4 => done }
    Ordered { 1 => transaction, 2 => image }
}

/// Only the document is kept; what it says and its digest are read from it.
impl Cbor for Received {
    fn encode(&self, out: &mut Encoder) {
        out.bytes(&self.document);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        let at = from.position();
        let (answer, document) = embedded(from, Some)?;
        let digest = Unverified::<Answer>::parse(&document).and_then(|document| document.body_hash());
        let digest = digest.map_err(|wrong| Fault::Value(format!("the document in it: {wrong}")).at(at))?;
        Ok(Self { answer, digest, document })
    }
}

/// A pass is kept as the document that brought it, so that its signature can be checked at each start.
impl Cbor for Held {
    fn encode(&self, out: &mut Encoder) {
        out.array(2);
        self.status.encode(out);
        out.bytes(&self.document);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        from.array_of(2, "a status and a document")?;
        let status = PassStatus::decode(from)?;
        let (pass, document) = embedded(from, |answer: Answer| match answer.body {
            Body::Pass(pass) => Some(*pass),
            _ => None,
        })?;
        Ok(Self { pass, status, document })
    }
}

/// Keys are kept as the document that brought them.
impl Cbor for Delivered {
    fn encode(&self, out: &mut Encoder) {
        out.bytes(&self.document);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        let (delivery, document) = embedded(from, |answer: Answer| match answer.body {
            Body::Keys(delivery) => Some(*delivery),
            _ => None,
        })?;
        Ok(Self { delivery, document })
    }
}
