//! What devices say: requests and agreements.

use carnet_core::component::{Component, Drift};
use carnet_core::document::{
    Agreed, Agreement, Answer, Body, Brought, Evidence, Invitation, Joins, JournalName, Operation, Person,
    Purpose, Redemption, Registration, Replacement, Request, Secret, Totals,
};

use carnet_core::provision::KeyRedemption;
use carnet_core::transfer::{MOST_TRANSFERRED, Transfer, Which};

use crate::cbor::{Cbor, CborError, Decoder, Encoder, Fault};
use crate::envelope::{Document, Unverified};
use crate::{choice, newtype, record};

newtype! { Secret }

record! {
    Request where unsound_request {
        1 => server,
        2 => journal,
        3 => id,
        4 => epoch,
        5 => last_answer,
        6 => head,
        7 => at,
        8 => totals,
        9 => operation,
        10 => portables,
    }
    JournalName { 1 => device, 2 => app }
    Totals where unsound_totals { 1 => uses, 2 => seconds, 3 => first_use }
    Registration { 1 => signing_key, 2 => agreement_key, 3 => evidence, 4 => device_name, 5 => joins, 6 => device_maker }
    Invitation { 1 => digest, 2 => purpose }
    Replacement { 1 => device, 2 => changed }
    Drift where unsound_drift { 1 => changed, 2 => of }
    Redemption { 1 => agreed, 2 => code }
    KeyRedemption { 1 => transaction, 2 => image, 3 => seal_to, 4 => pass }
    Transfer where unsound_transfer { 1 => from, 2 => to, 3 => apps, 4 => retire, 5 => wait }
    Person { 1 => name, 2 => email, 3 => address, 4 => telephone, 5 => payment_reference }
    Agreement { 1 => server, 2 => user, 3 => device, 4 => at, 5 => listed }
}

choice! {
    Operation {
        0 => Register(registration),
        1 => Renew { uses },
        2 => Agree(agreed),
        3 => Decline,
        4 => Export,
        5 => Import(brought),
        6 => CancelMove(movement),
        7 => Return,
        8 => Redeem(redemption),
        9 => Invite(invitation),
        10 => Withdraw(digest),
        11 => Lost(device),
        12 => Retire(device),
        13 => Rename { device, name },
        14 => Borrow(length),
        15 => OrderKey(image),
        16 => RedeemKey(redemption),
        17 => Transfer(transfer),
        18 => Replaced(replacement),
    }
    Which { 0 => All, 1 => Named(apps) }
    Joins { 0 => NewUser { person, recovery }, 1 => By(secret), 2 => With(brought) }
    Purpose { 0 => Join, 1 => Recovery, 2 => Enrolment { most, lifetime } }
    Evidence { 0 => Hardware, 1 => File, 2 => Tpm }
    Component { 0 => MachineId, 1 => Board, 2 => Processor, 3 => Disk, 4 => Network }
}

/// Nobody counts that far honestly. Two such numbers can be added up, and one fits into a database.
const BOUND: u64 = 1 << 62;

fn unsound_request(request: &Request) -> Option<&'static str> {
    let uses = if let Operation::Renew { uses } = request.operation { uses } else { 0 };
    (request.epoch > BOUND || uses > BOUND).then_some("a request beyond all bounds")
}

fn unsound_transfer(transfer: &Transfer) -> Option<&'static str> {
    let named = |apps: &Which| matches!(apps, Which::Named(apps) if apps.len() > MOST_TRANSFERRED);
    named(&transfer.apps).then_some("more apps than one transfer takes")
}

fn unsound_totals(totals: &Totals) -> Option<&'static str> {
    (totals.uses > BOUND || totals.seconds > BOUND).then_some("totals beyond all bounds")
}

fn unsound_drift(drift: &Drift) -> Option<&'static str> {
    let (changed, all) = (drift.changed.len(), Component::ALL.len());
    (changed == 0 || changed > drift.of as usize || drift.of as usize > all)
        .then_some("a drift of what is not there")
}

/// Only the document travels. What it says is read from it, so that the two cannot differ; its signature is
/// checked together with that of the request.
impl Cbor for Agreed {
    fn encode(&self, out: &mut Encoder) {
        out.bytes(&self.document);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        let (agreement, document) = embedded(from, Some)?;
        Ok(Self { agreement, document })
    }
}

/// Only the document travels, as with [`Agreed`].
impl Cbor for Brought {
    fn encode(&self, out: &mut Encoder) {
        out.bytes(&self.document);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        let (portable, document) = embedded(from, |answer: Answer| match answer.body {
            Body::Portable(portable) => Some(*portable),
            _ => None,
        })?;
        Ok(Self { portable, document })
    }
}

pub(super) fn embedded<T: Document, C>(
    from: &mut Decoder<'_>,
    claims: impl FnOnce(T) -> Option<C>,
) -> Result<(C, Vec<u8>), CborError> {
    let at = from.position();
    let document = from.bytes()?;
    let found = Unverified::<T>::parse(document).and_then(|document| document.unverified_claims());
    let found = found.map_err(|wrong| Fault::Value(format!("the document in it: {wrong}")).at(at))?;
    let claims = claims(found).ok_or_else(|| Fault::Expected("another document in it").at(at))?;
    Ok((claims, document.to_vec()))
}
