//! What an operator changes about the keys: new ones in the place of old ones, and keys that are good for nothing any more.

use carnet_core::app::SupplierName;
use carnet_core::id::SupplierId;
use carnet_core::time::Time;
use carnet_seal::KeyId;
use carnet_seam::Random;
use carnet_store::key::{KeyState, ServerKey};
use carnet_store::{Store, StoreError, Writing};
use serde::{Deserialize, Serialize};

use super::at_rest::AtRest;
use super::book::{IMAGE, ISSUE, NewKey, ROOT, SERVER};
use super::root::Brought;
use super::{KeyFault, Published};

/// A change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// New keys sign from now on. The old ones stay in the key set: what they have signed stays good.
    Rotate(Whose),
    /// This key is good for nothing any more, and what it has signed neither (I16). Where it signs now, a new one takes its place.
    Revoke(String),
    /// A key set with the same keys, good for another 400 days.
    Publish,
}

/// Whose keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// The server's own.
    Server,
    /// One supplier's.
    Supplier(SupplierName),
    /// All of them.
    All,
}

/// What a change has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// Keys made.
    pub made: usize,
    /// Keys that no longer sign.
    pub retired: usize,
    /// Keys that are good for nothing any more.
    pub revoked: usize,
}

/// The rows that a change writes.
struct Plan {
    made: Vec<NewKey>,
    states: Vec<(Vec<u8>, KeyState)>,
    /// A key that the database does not know: it was lost with a disk, and must not come back.
    unknown: Option<ServerKey>,
}

/// Carries a change out, all or nothing. A running server uses it once it has reloaded its keys.
///
/// # Errors
/// [`KeyFault::RootAway`] when nobody has brought the root, [`KeyFault::Unknown`] for no such key or supplier.
pub fn carry_out(
    store: &Store,
    at_rest: &AtRest,
    root: Option<&Brought>,
    change: &Change,
    random: &dyn Random,
    now: Time,
) -> Result<Changed, KeyFault> {
    let before = store.read(Published::read)?;
    let plan = plan(&before, at_rest, change, random, now)?;
    let mut after = before.clone();
    plan.apply(&mut after.rows);
    after.advance(now);
    let here = before.root(at_rest)?;
    let signer = here.as_ref().or(root.map(|brought| &brought.signer)).ok_or(KeyFault::RootAway)?;
    let document = after.sign(signer, now)?;
    after.document = here.is_none().then_some(document);
    let changed = plan.summary();
    store.write("keys.change", move |tx| {
        plan.write(tx)?;
        after.keep(tx)
    })?;
    Ok(changed)
}

fn plan(
    before: &Published,
    at_rest: &AtRest,
    change: &Change,
    random: &dyn Random,
    now: Time,
) -> Result<Plan, KeyFault> {
    let mut plan = Plan { made: Vec::new(), states: Vec::new(), unknown: None };
    let active = before.rows.iter().filter(|row| row.state == KeyState::Active);
    // Nor are keys for images made here.
    let active = active.filter(|row| row.purpose != ROOT && row.purpose != IMAGE);
    match change {
        Change::Publish => {}
        Change::Rotate(whose) => {
            let of = supplier_of(before, whose)?;
            for row in active.filter(|row| of.is_none_or(|of| row.supplier == of)) {
                plan.replace(row, KeyState::Retired, at_rest, random, now)?;
            }
        }
        Change::Revoke(text) => {
            let id = key_id(text)?;
            match before.rows.iter().find(|row| row.id == id.0) {
                Some(root) if root.purpose == ROOT => {
                    return Err(KeyFault::Unknown(format!(
                        "{id} is the root, which only a new server replaces"
                    )));
                }
                Some(row) if row.state == KeyState::Active && row.purpose != IMAGE => {
                    plan.replace(row, KeyState::Revoked, at_rest, random, now)?;
                }
                Some(row) => plan.states.push((row.id.clone(), KeyState::Revoked)),
                None => plan.unknown = Some(lost(id, now)),
            }
            plan.states.retain(|(id, _)| {
                before.rows.iter().any(|row| row.id == *id && row.state != KeyState::Revoked)
            });
        }
    }
    Ok(plan)
}

/// None: everybody.
fn supplier_of(before: &Published, whose: &Whose) -> Result<Option<Option<SupplierId>>, KeyFault> {
    match whose {
        Whose::All => Ok(None),
        Whose::Server => Ok(Some(None)),
        Whose::Supplier(name) => match before.supplier(name) {
            Some(id) => Ok(Some(Some(id))),
            None => Err(KeyFault::Unknown(format!("there is no supplier `{name}`"))),
        },
    }
}

fn key_id(text: &str) -> Result<KeyId, KeyFault> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok();
    let id = bytes.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    id.map(KeyId)
        .ok_or_else(|| KeyFault::Unknown(format!("`{text}` is no key id, which has 16 hexadecimal digits")))
}

fn lost(id: KeyId, now: Time) -> ServerKey {
    ServerKey {
        id: id.0.to_vec(),
        purpose: "lost".into(),
        supplier: None,
        state: KeyState::Revoked,
        public_key: Vec::new(),
        sealed: Vec::new(),
        created: now,
    }
}

impl Plan {
    fn replace(
        &mut self,
        old: &ServerKey,
        state: KeyState,
        at_rest: &AtRest,
        random: &dyn Random,
        now: Time,
    ) -> Result<(), KeyFault> {
        let purpose = if old.supplier.is_some() { ISSUE } else { SERVER };
        self.made.push(NewKey::make(purpose, old.supplier, at_rest, random, now)?);
        self.states.push((old.id.clone(), state));
        Ok(())
    }

    /// The rows as they are going to be, to sign them before anything is written.
    fn apply(&self, rows: &mut Vec<ServerKey>) {
        for row in rows.iter_mut() {
            if let Some((_, state)) = self.states.iter().find(|(id, _)| *id == row.id) {
                row.state = *state;
            }
        }
        rows.extend(self.made.iter().map(|made| made.row().clone()));
        rows.extend(self.unknown.clone());
    }

    fn write(&self, tx: &Writing<'_>) -> Result<(), StoreError> {
        self.states.iter().try_for_each(|(id, state)| tx.set_key_state(id, *state))?;
        self.made.iter().map(NewKey::row).chain(&self.unknown).try_for_each(|row| tx.add_key(row))
    }

    fn summary(&self) -> Changed {
        let count = |wanted| self.states.iter().filter(|(_, state)| *state == wanted).count();
        Changed {
            made: self.made.len(),
            retired: count(KeyState::Retired),
            revoked: count(KeyState::Revoked) + usize::from(self.unknown.is_some()),
        }
    }
}
