//! How a device comes to belong to a user, and the codes that let it.

use serde::{Deserialize, Serialize};

use crate::document::{
    Answer, Body, Effect, Head, Invitation, Joins, Operation, PortablePass, Purpose, Reason, Refusal,
    Registration, Request,
};
use crate::id::{Digest, UserId};
use crate::license::Overdrawn;
use crate::server::draft::Draft;
use crate::server::{Decision, Device, EventKind, MoveStatus, View, receipt, user_of};
use crate::time::{Seconds, Time};

/// A join code is good for so long.
pub const JOIN_CODE_LASTS: Seconds = Seconds(15 * 60);
/// The most devices that one enrolment code may have at once.
pub const MOST_ENROLLED: u32 = 10_000;

/// What the server knows of a code that it has never seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Code {
    /// Digest of the code.
    pub digest: Digest,
    /// Whose devices join by it.
    pub user: UserId,
    /// What for.
    pub purpose: Purpose,
    /// When it was made.
    pub made: Time,
    /// Not good from here on; none: until withdrawn.
    pub expires: Option<Time>,
    /// How many devices have joined by it.
    pub used: u32,
    /// The user has withdrawn or replaced it.
    pub withdrawn: bool,
}

impl Code {
    fn of(invitation: &Invitation, user: UserId, now: Time) -> Self {
        let expires = match invitation.purpose {
            Purpose::Join => Some(now.plus(JOIN_CODE_LASTS)),
            Purpose::Recovery | Purpose::Enrolment { .. } => None,
        };
        let Invitation { digest, purpose } = *invitation;
        Self { digest, user, purpose, made: now, expires, used: 0, withdrawn: false }
    }

    fn is_good(&self, now: Time) -> bool {
        !self.withdrawn && self.expires.is_none_or(|end| now < end)
    }
}

/// What a request to register says about its device.
pub(super) enum Newcomer {
    /// It belongs to a user from now on.
    Device(Box<Device>),
    /// It does not, and nothing of it is kept.
    Refused(Reason),
}

/// Judges a registration of a device that is not known yet.
pub(super) fn newcomer(view: &View, request: &Request, registration: &Registration, now: Time) -> Newcomer {
    let device = |user| Device {
        id: request.journal.device,
        user,
        signing_key: registration.signing_key,
        agreement_key: registration.agreement_key,
        evidence: registration.evidence,
        receipt: request.last_answer,
        registered: now,
        settled: None,
        retired: false,
        lost: None,
        until: None,
        enrolled: None,
        only: None,
    };
    let admitted = match &registration.joins {
        Joins::NewUser { .. } => Ok(device(user_of(view.body))),
        Joins::By(_) => admit_by_code(view, now).map(|(code, until)| Device {
            until,
            enrolled: until.map(|_| code.digest),
            ..device(code.user)
        }),
        Joins::With(brought) => admit_with(view, &brought.portable)
            .map(|user| Device { only: Some(brought.portable.license), ..device(user) }),
    };
    admitted.map_or_else(Newcomer::Refused, |device| Newcomer::Device(Box::new(device)))
}

fn admit_by_code(view: &View, now: Time) -> Result<(&Code, Option<Time>), Reason> {
    let code = view.codes.first().filter(|code| code.is_good(now)).ok_or(Reason::BadCode)?;
    match code.purpose {
        Purpose::Join if code.used > 0 => Err(Reason::CodeUsed),
        Purpose::Join | Purpose::Recovery => Ok((code, None)),
        Purpose::Enrolment { most, lifetime } => {
            let here = |device: &&Device| device.enrolled == Some(code.digest) && !device.is_over(now);
            let count = view.siblings.iter().filter(here).count();
            if count < most as usize { Ok((code, Some(now.plus(lifetime)))) } else { Err(Reason::CodeFull) }
        }
    }
}

/// Whoever brings a portable pass that is still on its way may have it, and nothing else of its user's.
fn admit_with(view: &View, portable: &PortablePass) -> Result<UserId, Reason> {
    let known = view.moves.iter().find(|movement| movement.id == portable.movement);
    let on_its_way = known.filter(|movement| {
        movement.status == MoveStatus::Moving
            && movement.license == portable.license
            && movement.generation == portable.generation
    });
    on_its_way.map(|movement| movement.user).ok_or(Reason::MoveOver)
}

/// A refusal that is kept nowhere: whoever was refused is nobody here, and may try again.
pub(super) fn kept_out(view: &View, request: &Request, reason: Reason, now: Time) -> Decision {
    Decision::Unrecorded(Box::new(Answer {
        head: Head {
            server: view.server,
            user: UserId([0; 16]),
            journal: request.journal.clone(),
            request: request.id,
            quoted: request.epoch,
            epoch: request.epoch,
            issued: now,
            resume: None,
            over: std::collections::BTreeSet::new(),
        },
        body: Body::Refusal(Box::new(Refusal::because(reason, None))),
    }))
}

impl Draft {
    /// Takes the newcomer in.
    pub(super) fn register(
        mut self,
        request: &Request,
        registration: &Registration,
    ) -> Result<Decision, Overdrawn> {
        match &registration.joins {
            Joins::NewUser { recovery, .. } => {
                let invitation = Invitation { digest: *recovery, purpose: Purpose::Recovery };
                self.put_code(Code::of(&invitation, self.device.user, self.now));
            }
            Joins::By(_) => {
                if let Some(code) = self.codes.first().cloned() {
                    self.put_code(Code { used: code.used.saturating_add(1), ..code });
                }
            }
            Joins::With(_) => {}
        }
        let effect = Effect::Registered {
            signing_key: registration.signing_key,
            agreement_key: registration.agreement_key,
            evidence: registration.evidence,
            only: self.device.only,
            until: self.device.until,
        };
        Ok(self.decided(request, receipt(effect), EventKind::Registered))
    }

    /// Makes a code. A digest that is taken already belongs to somebody's code; nobody finds a second one by
    /// chance.
    pub(super) fn invite(
        mut self,
        request: &Request,
        invitation: &Invitation,
    ) -> Result<Decision, Overdrawn> {
        let taken = self.codes.iter().any(|code| code.digest == invitation.digest);
        let absurd = match invitation.purpose {
            Purpose::Enrolment { most, lifetime } => {
                !(1..=MOST_ENROLLED).contains(&most) || lifetime.0 == 0 || lifetime > LONGEST_ENROLMENT
            }
            Purpose::Join | Purpose::Recovery => false,
        };
        if taken || absurd {
            return Ok(self.refused(request, Reason::BadCode, None));
        }
        if invitation.purpose == Purpose::Recovery {
            let user = self.device.user;
            let replaced = |code: &&Code| code.user == user && code.purpose == Purpose::Recovery;
            let before: Vec<Code> = self.codes.iter().filter(replaced).cloned().collect();
            for code in before {
                self.put_code(Code { withdrawn: true, ..code });
            }
        }
        self.put_code(Code::of(invitation, self.device.user, self.now));
        let effect = receipt(Effect::Invited(invitation.digest));
        Ok(self.decided(request, effect, EventKind::Invited { purpose: invitation.purpose }))
    }

    /// Makes a code useless. A recovery code is only ever replaced: without one a user could be locked out.
    pub(super) fn withdraw(mut self, request: &Request, digest: Digest) -> Result<Decision, Overdrawn> {
        let ours = |code: &&Code| {
            code.digest == digest && code.user == self.device.user && code.purpose != Purpose::Recovery
        };
        let Some(code) = self.codes.iter().find(ours).cloned() else {
            return Ok(self.refused(request, Reason::BadCode, None));
        };
        self.put_code(Code { withdrawn: true, ..code });
        Ok(self.decided(request, receipt(Effect::Withdrawn(digest)), EventKind::Withdrawn))
    }
}

/// An enrolled machine belongs to the user for a year at most.
pub const LONGEST_ENROLMENT: Seconds = Seconds(366 * 86_400);

/// The code that a request shows.
#[must_use]
pub const fn shown(operation: &Operation) -> Option<crate::document::Secret> {
    match operation {
        Operation::Register(registration) => match registration.joins {
            Joins::By(secret) => Some(secret),
            Joins::NewUser { .. } | Joins::With(_) => None,
        },
        Operation::Redeem(redemption) => Some(redemption.code),
        _ => None,
    }
}
