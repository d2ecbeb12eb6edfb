//! What was asked and what was answered, written down while a load runs, and checked afterwards against what must hold
//! whatever happened to the server meanwhile.
//!
//! A history sees what devices see. Of the invariants it shows:
//!
//! * **I4** no journal is allowed less than before or more than the license has, and what all devices together say that
//!   they have used is no more than was sold;
//! * **I5** the same request gets byte-identical answers, or `superseded`;
//! * **I7** a portable pass is imported at most once;
//! * **I8** a device that does only what is right is never told that it went backwards;
//! * **I9** what was acknowledged stays: each epoch of a journal is acknowledged to one request, and none is missing.
//!
//! The rest is in the books, where the ledger checker looks: I3, who holds how many rights (I1, I2), and whether every
//! answer has its row. I6 is about requests that no honest device sends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use carnet_core::document::{Answer, Body, JournalName, Operation, Reason, Request};
use carnet_core::id::{LicenseId, MoveId, RequestId};

/// Requests and their answers.
#[derive(Debug, Default)]
pub struct History(Mutex<Vec<Told>>);

/// One answer to one request.
#[derive(Debug, Clone)]
struct Told {
    request: Request,
    answer: Answer,
    document: Vec<u8>,
}

impl History {
    /// Writes down that this request got this answer, which came as this document. Repeats are told too.
    pub fn told(&self, request: &Request, answer: &Answer, document: &[u8]) {
        let told = Told { request: request.clone(), answer: answer.clone(), document: document.to_vec() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(told);
    }

    /// How many answers were written down.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether nothing was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What must not be, each with the invariant that it breaks. Nothing: the history is good.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut faults = Vec::new();
        repeats(&told, &mut faults);
        epochs(&told, &mut faults);
        honesty(&told, &mut faults);
        ceilings(&told, &mut faults);
        uses(&told, &mut faults);
        imports(&told, &mut faults);
        faults
    }
}

impl Told {
    const fn journal(&self) -> &JournalName {
        &self.request.journal
    }

    fn reason(&self) -> Option<Reason> {
        match &self.answer.body {
            Body::Refusal(refusal) => Some(refusal.reason),
            _ => None,
        }
    }

    fn is_superseded(&self) -> bool {
        self.reason() == Some(Reason::Superseded)
    }
}

fn repeats(told: &[Told], faults: &mut Vec<String>) {
    let mut first: BTreeMap<RequestId, &Told> = BTreeMap::new();
    for told in told.iter().filter(|told| !told.is_superseded()) {
        let known = first.entry(told.request.id).or_insert(told);
        if known.document != told.document {
            faults.push(format!("I5: two answers to request {:?}", told.request.id));
        }
    }
}

fn epochs(told: &[Told], faults: &mut Vec<String>) {
    let mut acknowledged: BTreeMap<&JournalName, BTreeMap<u64, BTreeSet<RequestId>>> = BTreeMap::new();
    for told in told.iter().filter(|told| !told.is_superseded()) {
        let head = &told.answer.head;
        if head.epoch > head.quoted {
            let epochs = acknowledged.entry(told.journal()).or_default();
            epochs.entry(head.epoch).or_default().insert(told.request.id);
        }
    }
    for (journal, epochs) in acknowledged {
        for (epoch, requests) in &epochs {
            if requests.len() > 1 {
                faults.push(format!(
                    "I9: epoch {epoch} of {journal:?} was given to {} requests",
                    requests.len()
                ));
            }
        }
        let missing =
            epochs.keys().zip(epochs.keys().skip(1)).find(|(before, after)| **before + 1 != **after);
        if let Some((before, after)) = missing {
            faults.push(format!("I9: after epoch {before} of {journal:?} came {after}"));
        }
    }
}

fn honesty(told: &[Told], faults: &mut Vec<String>) {
    for told in told {
        if matches!(told.reason(), Some(Reason::ForkOrRollback | Reason::UnderReview)) {
            faults.push(format!("I8: {:?} was told that it went backwards", told.journal()));
        }
    }
}

fn ceilings(told: &[Told], faults: &mut Vec<String>) {
    let mut highest: BTreeMap<(&JournalName, LicenseId), BTreeMap<u64, u64>> = BTreeMap::new();
    for told in told {
        let Body::Pass(pass) = &told.answer.body else { continue };
        let Some(ceiling) = pass.uses else { continue };
        if ceiling.upto > ceiling.licensed {
            faults.push(format!("I4: {:?} may use {} of {}", pass.license, ceiling.upto, ceiling.licensed));
        }
        let epochs = highest.entry((told.journal(), pass.license)).or_default();
        epochs.insert(told.answer.head.epoch, ceiling.upto);
    }
    for ((journal, license), epochs) in highest {
        if epochs.values().zip(epochs.values().skip(1)).any(|(before, after)| after < before) {
            faults.push(format!("I4: what {journal:?} may use of {license:?} went back"));
        }
    }
}

/// What is told with a request was used, whatever becomes of the request.
fn uses(told: &[Told], faults: &mut Vec<String>) {
    let mut used: BTreeMap<LicenseId, BTreeMap<&JournalName, u64>> = BTreeMap::new();
    let mut sold: BTreeMap<LicenseId, u64> = BTreeMap::new();
    for told in told {
        for (license, totals) in &told.request.totals {
            let most = used.entry(*license).or_default().entry(told.journal()).or_default();
            *most = totals.uses.max(*most);
        }
        if let Body::Pass(pass) = &told.answer.body
            && let Some(ceiling) = pass.uses
        {
            sold.insert(pass.license, ceiling.licensed);
        }
    }
    for (license, sold) in sold {
        let used: u64 = used.get(&license).into_iter().flat_map(BTreeMap::values).sum();
        if used > sold {
            faults.push(format!("I4: {used} uses of {license:?}, {sold} were sold"));
        }
    }
}

fn imports(told: &[Told], faults: &mut Vec<String>) {
    let mut imported: BTreeMap<MoveId, BTreeSet<RequestId>> = BTreeMap::new();
    for told in told {
        if let (Operation::Import(brought), Body::Pass(_)) = (&told.request.operation, &told.answer.body) {
            imported.entry(brought.portable.movement).or_default().insert(told.request.id);
        }
    }
    for (movement, requests) in imported.iter().filter(|(_, requests)| requests.len() > 1) {
        faults.push(format!("I7: {movement:?} was imported {} times", requests.len()));
    }
}

#[cfg(test)]
mod tests {
    use carnet_core::document::{Effect, Head, Receipt, Refusal};
    use carnet_core::id::{DeviceId, Digest, ServerId, UserId};
    use carnet_core::time::Time;

    use super::*;

    fn request(number: u8, epoch: u64) -> Request {
        Request {
            server: ServerId([0; 16]),
            journal: JournalName { device: DeviceId([1; 16]), app: None },
            id: RequestId([number; 16]),
            epoch,
            last_answer: Digest([0; 32]),
            head: Digest([0; 32]),
            at: Time(0),
            totals: BTreeMap::new(),
            portables: BTreeSet::new(),
            operation: Operation::Renew { uses: 1 },
        }
    }

    fn answer(request: &Request, body: Body) -> Answer {
        let head = Head {
            server: request.server,
            user: UserId([2; 16]),
            journal: request.journal.clone(),
            request: request.id,
            quoted: request.epoch,
            epoch: request.epoch + 1,
            issued: Time(0),
            resume: None,
            over: BTreeSet::new(),
        };
        Answer { head, body }
    }

    fn done() -> Body {
        Body::Receipt(Box::new(Receipt { effect: Effect::Returned(LicenseId([3; 16])) }))
    }

    fn refused(reason: Reason) -> Body {
        Body::Refusal(Box::new(Refusal::because(reason, None)))
    }

    /// Tells of requests in the order given: number, epoch, the document's one byte.
    fn history(of: &[(u8, u64, u8)]) -> Vec<String> {
        let history = History::default();
        for (number, epoch, document) in of {
            let request = request(*number, *epoch);
            history.told(&request, &answer(&request, done()), &[*document]);
        }
        history.faults()
    }

    #[test]
    fn a_good_history_has_no_faults_repeats_included() {
        assert_eq!(history(&[(1, 0, 1), (1, 0, 1), (2, 1, 2), (3, 2, 3), (2, 1, 2)]), [""; 0]);
    }

    #[test]
    fn i5_another_answer_to_the_same_request_is_found() {
        assert!(history(&[(1, 0, 1), (1, 0, 9)])[0].starts_with("I5"));
    }

    #[test]
    fn i9_a_lost_or_doubled_acknowledgement_is_found() {
        // Epoch 1 was acknowledged twice: what the first one had was lost.
        assert!(history(&[(1, 0, 1), (2, 0, 2)])[0].starts_with("I9: epoch 1"));
        assert!(history(&[(1, 0, 1), (2, 5, 2)])[0].starts_with("I9: after epoch 1"));
    }

    #[test]
    fn i8_an_honest_device_that_is_flagged_is_found() {
        let history = History::default();
        let request = request(1, 0);
        history.told(&request, &answer(&request, refused(Reason::ForkOrRollback)), b"x");
        assert!(history.faults()[0].starts_with("I8"));
    }
}
