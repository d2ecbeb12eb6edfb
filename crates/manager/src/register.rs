//! Registering the user and this device (A6): asked once for each server.

use std::path::PathBuf;

use carnet_core::document::{Brought, Evidence, Joins, Operation, Person, Registration, Secret};
use carnet_core::id::{DeviceId, UserId};
use carnet_device::Passbook;
use carnet_device::identity::Binding;
use carnet_seal::code::digest_of;
use carnet_seam::NetError;
use serde::Serialize;

use crate::error::ManagerError;
use crate::manager::Manager;
use crate::person;

/// Who registers, and with which device.
#[derive(Debug, Clone)]
pub struct Newcomer {
    /// Whose device it will be.
    pub who: Who,
    /// What the user calls this device.
    pub device_name: String,
    /// Who made it, where somebody has said so (B1).
    pub device_maker: Option<String>,
    /// What the device's identity is bound to.
    pub identity: Identity,
}

/// Whose device a new one will be.
#[derive(Debug, Clone)]
pub enum Who {
    /// A new user's; the person is checked.
    NewUser(Person),
    /// That of whoever made this code: a join code, the recovery code, an enrolment code.
    Code(Secret),
    /// That of whoever exported this portable pass, for its license only (A16).
    Brings(Box<Brought>),
}

/// What a new identity is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// This machine.
    Machine,
    /// A file with random bytes, made when it is missing: for containers, and for several devices on one machine.
    File(PathBuf),
    /// The TPM of this machine, which makes the signing key and never gives it out.
    Tpm,
}

/// A registered device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Registered {
    /// The user.
    pub user: UserId,
    /// This device.
    pub device: DeviceId,
    /// What its identity is bound to.
    pub identity: Evidence,
    /// It was registered before; nothing was sent.
    pub already: bool,
}

impl Manager {
    /// Whether this device is registered. A registration that waits for its answer is not finished by this.
    ///
    /// # Errors
    /// [`ManagerError::Passbook`] when the passbook is there but cannot be used.
    pub fn registered(&self) -> Result<Option<Registered>, ManagerError> {
        Ok(self.passbook()?.and_then(|passbook| of(&passbook, true)))
    }

    /// Finishes a registration that was begun before and waits for its answer. None when there is none.
    ///
    /// # Errors
    /// [`ManagerError`]; the registration then stays open.
    pub fn finish_registration(&self) -> Result<Option<Registered>, ManagerError> {
        let Some(mut passbook) = self.passbook()? else { return Ok(None) };
        self.prove(&mut passbook)?;
        Ok(of(&passbook, false))
    }

    /// Registers the user and this device, once: a device that is registered stays as it is.
    ///
    /// # Errors
    /// [`ManagerError`]. Once the registration is written down it is finished by whatever comes next, and
    /// never sent with other data.
    pub fn register(&self, newcomer: &Newcomer) -> Result<Registered, ManagerError> {
        if let Some(registered) = self.registered()? {
            return Ok(registered);
        }
        if let Some(wrong) = person::device(&newcomer.device_name, newcomer.device_maker.as_deref()) {
            return Err(ManagerError::Person(vec![wrong]));
        }
        // Before anything is written: the server is the one that is meant.
        let key_set = match self.way().key_set(&self.server().pin) {
            // Carried by hand: the keys come with the answer, and are checked then.
            Err(ManagerError::Net(NetError::Carried)) => None,
            key_set => Some(key_set?),
        };
        let _turn = self.turn()?;
        let mut passbook = self.open_or_create(&newcomer.identity)?;
        if let Some(key_set) = key_set {
            passbook.keep_key_set(&key_set)?;
        }
        passbook.keep_address(&self.server().url)?;
        if passbook.user().is_none() {
            self.resume(&mut passbook, None)?;
        }
        if let Some(registered) = of(&passbook, false) {
            return Ok(registered);
        }
        self.send(&mut passbook, newcomer)
    }

    fn open_or_create(&self, identity: &Identity) -> Result<Passbook, ManagerError> {
        // What is there knows itself what it is bound to.
        if let Some(passbook) = self.passbook()? {
            return Ok(passbook);
        }
        let setup = self.setup();
        let binding = match identity {
            Identity::Machine => Binding::Machine(&*setup.machine),
            Identity::File(path) => Binding::File(path),
            Identity::Tpm => Binding::Tpm(&*setup.machine),
        };
        Ok(Passbook::create(setup.env.clone(), &setup.home, self.server().pin, &binding)?)
    }

    fn send(&self, passbook: &mut Passbook, newcomer: &Newcomer) -> Result<Registered, ManagerError> {
        let joins = match &newcomer.who {
            Who::NewUser(person) => {
                let recovery = digest_of(self.keep_recovery(passbook)?);
                Joins::NewUser { person: person.clone(), recovery }
            }
            Who::Code(secret) => Joins::By(*secret),
            Who::Brings(brought) => Joins::With(brought.clone()),
        };
        let (signing_key, agreement_key) = passbook.public_keys();
        let operation = Operation::Register(Box::new(Registration {
            signing_key,
            agreement_key,
            evidence: passbook.evidence(),
            device_name: newcomer.device_name.trim().to_owned(),
            device_maker: newcomer.device_maker.as_deref().map(|maker| maker.trim().to_owned()),
            joins,
        }));
        let state = self.ask(passbook, None, &operation)?;
        match (of(passbook, false), state.refused) {
            (Some(registered), _) => Ok(registered),
            (None, Some(reason)) => Err(ManagerError::RegistrationRefused(reason)),
            (None, None) => Err(ManagerError::OutOfStep),
        }
    }
}

fn of(passbook: &Passbook, already: bool) -> Option<Registered> {
    let (device, identity) = (passbook.identity().device(), passbook.evidence());
    passbook.user().map(|user| Registered { user, device, identity, already })
}
