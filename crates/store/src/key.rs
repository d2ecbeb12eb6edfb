//! The server's own keys, as blobs that the server has encrypted before they come here.

use carnet_core::id::SupplierId;
use carnet_core::time::Time;

use crate::StoreError;
use crate::row::Columns;
use crate::sql::{one_row, statements};
use crate::tx::{Reading, Writing};
use crate::value::params;

/// One key of the server.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerKey {
    /// Its name in documents.
    pub id: Vec<u8>,
    /// What it is for; the server's word.
    pub purpose: String,
    /// For which supplier it signs; none for the server itself.
    pub supplier: Option<SupplierId>,
    /// Whether it is in use.
    pub state: KeyState,
    /// Its public half.
    pub public_key: Vec<u8>,
    /// Its secret half, encrypted by the server.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created: Time,
}

/// Sealed bytes stay out of logs (I17).
impl std::fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { purpose, supplier, state, .. } = self;
        write!(f, "ServerKey({purpose}, {supplier:?}, {state:?})")
    }
}

/// Whether a key is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Signs.
    Active,
    /// Signs repeats only.
    Retired,
    /// Never signs again.
    Revoked,
}

impl KeyState {
    const fn code(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }
}

statements! {
    ALL = "SELECT key_id, purpose, supplier_id, state, public_key, sealed, created FROM server_key ORDER BY created, key_id";
    BY_ID = "SELECT key_id, purpose, supplier_id, state, public_key, sealed, created FROM server_key WHERE key_id = ?1";
    INSERT = "INSERT INTO server_key (key_id, purpose, supplier_id, state, public_key, sealed, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
    SET_STATE = "UPDATE server_key SET state = ?2 WHERE key_id = ?1 AND state <> 'revoked'";
    RESEAL = "UPDATE server_key SET sealed = ?3 WHERE key_id = ?1 AND sealed = ?2";
}

impl Reading<'_> {
    /// All keys, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn keys(&self) -> Result<Vec<ServerKey>, StoreError> {
        self.all(ALL, params![], key)
    }

    /// The key of that id.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn key(&self, id: &[u8]) -> Result<Option<ServerKey>, StoreError> {
        self.one(BY_ID, params![id], key)
    }
}

impl Writing<'_> {
    /// Adds a key.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the id is taken.
    pub fn add_key(&self, key: &ServerKey) -> Result<(), StoreError> {
        let ServerKey { id, purpose, supplier, state, public_key, sealed, created } = key;
        let supplier = supplier.map(|supplier| supplier.0);
        let rows = self
            .execute(INSERT, params![id, purpose, supplier, state.code(), public_key, sealed, created.0])?;
        one_row(rows, StoreError::Exists { what: "key" })
    }

    /// Changes a key's state; a revoked key stays revoked (I16).
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such key, or it is revoked.
    pub fn set_key_state(&self, id: &[u8], state: KeyState) -> Result<(), StoreError> {
        let rows = self.execute(SET_STATE, params![id, state.code()])?;
        one_row(rows, StoreError::NotFound { what: "key" })
    }

    /// Puts a newly encrypted blob in the place of the old one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the old blob is not there any more.
    pub fn reseal_key(&self, id: &[u8], old: &[u8], new: &[u8]) -> Result<(), StoreError> {
        let rows = self.execute(RESEAL, params![id, old, new])?;
        one_row(rows, StoreError::Conflict { what: "the key" })
    }
}

fn key(mut row: Columns<'_>) -> Result<ServerKey, StoreError> {
    Ok(ServerKey {
        id: row.blob("key_id")?.to_vec(),
        purpose: row.text("purpose")?.to_owned(),
        supplier: row.some_bytes("supplier_id")?.map(SupplierId),
        state: match row.text("state")? {
            "active" => KeyState::Active,
            "retired" => KeyState::Retired,
            "revoked" => KeyState::Revoked,
            _ => return Err(row.corrupt("state")),
        },
        public_key: row.blob("public_key")?.to_vec(),
        sealed: row.blob("sealed")?.to_vec(),
        created: row.time("created")?,
    })
}
