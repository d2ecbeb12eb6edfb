//! What is recorded for the supplier: who uses a program, where, and what of it (C1).
//!
//! Details are sealed to the supplier as they are recorded, one HPKE context for each run, which is never written
//! down. The user sees that a record has details, and of which kind of record; neither they nor this program can open
//! them again.

use std::path::Path;
use std::sync::Arc;

use carnet_core::app::{AppId, Feature, Version};
use carnet_core::document::{JournalName, Pass};
use carnet_core::id::{Digest, RunId};
use carnet_core::journal::{Record, State};
use carnet_core::offer::{Reporting, UserNames};
use carnet_core::report::{COPIED, Detail, Surroundings};
use carnet_core::time::{Seconds, Time};
use carnet_seal::detail::DetailSealer;
use carnet_seal::keys::RootPin;
use carnet_seam::{NoRandom, random};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::book::{Book, BookError};
use crate::env::Env;
use crate::identity::{Machine, Unbound};
use crate::passbook::{Passbook, PassbookError};
use crate::place::Place;

/// Seals the details of one run, or of one refused start.
#[derive(Debug)]
pub struct Details {
    secret: Zeroizing<[u8; 32]>,
    run: RunId,
    /// Asked only when there is somebody to tell.
    machine: Arc<dyn Machine>,
    version: Option<Version>,
    salt: Zeroizing<[u8; 32]>,
    feature: Option<Feature>,
    copied: bool,
    since: Option<Time>,
    sealer: Option<DetailSealer>,
}

impl Details {
    /// The details of `run` on this machine. Pseudonyms are made with a secret of this device, so that nobody
    /// guesses the names behind them.
    ///
    /// # Errors
    /// [`NoRandom`] when the system gives no random bytes.
    pub fn of(
        passbook: &Passbook,
        machine: &Arc<dyn Machine>,
        run: RunId,
        version: Option<Version>,
    ) -> Result<Self, NoRandom> {
        let secret = passbook.identity().own_secret();
        let salt = Sha256::new().chain_update(b"carnet pseudonym").chain_update(secret).finalize();
        Self::with(passbook.env(), machine, run, version, salt.into())
    }

    fn with(
        env: &Env,
        machine: &Arc<dyn Machine>,
        run: RunId,
        version: Option<Version>,
        salt: [u8; 32],
    ) -> Result<Self, NoRandom> {
        Ok(Self {
            secret: Zeroizing::new(random::bytes(&*env.random)?),
            run,
            machine: machine.clone(),
            version,
            salt: Zeroizing::new(salt),
            feature: None,
            copied: false,
            since: None,
            sealer: None,
        })
    }

    /// What the next use is of, where the program tells.
    pub fn using(&mut self, feature: Option<Feature>) {
        self.feature = feature;
    }

    /// The record as it is to be written: with its details where the contract of today asks for them. What is
    /// returned must be recorded, or [`Details::give_up`] be called.
    #[must_use]
    pub fn attach(&mut self, state: &State, record: Record) -> Record {
        let held = state.held.as_ref().map(|held| &held.pass);
        let clause = held.and_then(|pass| Some((pass, pass.reporting?)));
        let Some((pass, clause)) = clause.filter(|_| record.takes_detail()) else { return record };
        let Some(keys) = clause.keys else { return record };
        let Some(detail) = self.detail(&record, pass, clause) else { return record };
        if self.sealer.as_ref().is_none_or(|sealer| sealer.whose() != (self.run, keys.seal_to)) {
            // A key that nothing can be sealed to is the supplier's mistake, and no reason not to run.
            self.sealer = DetailSealer::begin(self.run, keys.seal_to, self.next_seed()).ok();
        }
        let Some(sealer) = &mut self.sealer else { return record };
        sealer.seal(record.clone(), &detail).unwrap_or(record)
    }

    /// Seeds of seals, all made of one that was drawn: nobody finds out one by another.
    fn next_seed(&mut self) -> [u8; 32] {
        let from = |secret: &[u8; 32], what: &[u8]| {
            Sha256::new().chain_update(secret).chain_update(what).finalize().into()
        };
        let seed = from(&self.secret, b"seed");
        *self.secret = from(&self.secret, b"next");
        seed
    }

    /// A record was not written: what follows begins a seal of its own.
    pub fn give_up(&mut self) {
        self.sealer = None;
    }

    fn detail(&mut self, record: &Record, pass: &Pass, clause: Reporting) -> Option<Detail> {
        match record {
            Record::RunStarted { at, .. } | Record::RunJoined { at, .. } => {
                self.since = Some(*at);
                Some(Detail::Started(self.surroundings(pass, clause)))
            }
            Record::Used { .. } => Some(Detail::Used { feature: self.feature.clone() }),
            Record::Metered { .. } => Some(Detail::Used { feature: None }),
            Record::RunEnded { at, .. } => {
                Some(Detail::Ended { lasted: self.since.map_or(Seconds(0), |since| at.since(since)) })
            }
            Record::Disapproved { .. } => {
                Some(Detail::Refused { by: self.surroundings(pass, clause), copied: self.copied })
            }
            _ => None,
        }
    }

    fn surroundings(&self, pass: &Pass, clause: Reporting) -> Surroundings {
        let name = || self.machine.user_name();
        let who = match clause.users {
            Some(UserNames::Hidden) => None,
            Some(UserNames::SystemNames) => name(),
            None => name().map(|name| self.pseudonym(pass, &name)),
        };
        Surroundings { who, host: self.machine.host_name(), version: self.version }
    }

    /// The same for one user of one license on one device, and saying nothing else.
    fn pseudonym(&self, pass: &Pass, name: &str) -> String {
        let hash =
            Sha256::new().chain_update(*self.salt).chain_update(pass.license.0).chain_update(name).finalize();
        let digits = Digest(hash.into()).to_string();
        format!("user-{}", &digits[..12])
    }
}

/// Puts on record that a copy of a passbook was tried on a machine that it was not made on (A19, C1): in the copy,
/// where else. Does nothing for an app that has no journal in it.
///
/// # Errors
/// [`BookError`], when it cannot be recorded.
pub fn note_copy(
    env: &Env,
    home: &Path,
    pin: RootPin,
    app: &AppId,
    machine: &Arc<dyn Machine>,
) -> Result<(), BookError> {
    let Ok(Some((place, unbound))) = copied(env, home, pin) else { return Ok(()) };
    let name = JournalName { device: unbound.device(), app: Some(app.clone()) };
    let new = State::new(pin.server, name, Digest([0; 32]), Time::EPOCH);
    let Some(mut book) = Book::open_begun(env.fs.clone(), &place.app_journal(app), new)? else {
        return Ok(());
    };
    let (Ok(run), Ok(salt)) = (random::bytes(&*env.random), random::bytes(&*env.random)) else {
        return Ok(());
    };
    let Ok(mut details) = Details::with(env, machine, RunId(run), None, salt) else { return Ok(()) };
    details.copied = true;
    book.note(COPIED, env.now(), &mut details)
}

fn copied(env: &Env, home: &Path, pin: RootPin) -> Result<Option<(Place, Unbound)>, PassbookError> {
    let Some(place) = Place::look(&*env.fs, home, pin.server)? else { return Ok(None) };
    let unbound = Unbound::read(&*env.fs, &place.identity(), pin.server)?;
    Ok(Some((place, unbound)))
}
