//! Suppliers and their access tokens.

use carnet_core::app::SupplierName;
use carnet_core::id::{Digest, SupplierId};
use carnet_core::time::Time;

use crate::StoreError;
use crate::row::Columns;
use crate::sql::{one_row, statements};
use crate::tx::{Reading, Writing};
use crate::value::params;

/// Whoever licenses software to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supplier {
    /// Its id.
    pub id: SupplierId,
    /// Its short name, unique on this server.
    pub name: SupplierName,
    /// What people call it.
    pub title: String,
    /// When it joined.
    pub created: Time,
}

/// An access token of a supplier. The token itself is shown once and never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// SHA-256 of the token.
    pub hash: Digest,
    /// Whose.
    pub supplier: SupplierId,
    /// What the supplier calls it.
    pub label: String,
    /// What it may do; the server's words, separated by spaces.
    pub scopes: String,
    /// When it was made.
    pub created: Time,
    /// Since when it is no good.
    pub revoked: Option<Time>,
}

statements! {
    BY_ID = "SELECT supplier_id, name, title, created FROM supplier WHERE supplier_id = ?1";
    BY_NAME = "SELECT supplier_id, name, title, created FROM supplier WHERE name = ?1";
    ALL = "SELECT supplier_id, name, title, created FROM supplier ORDER BY name";
    INSERT = "INSERT INTO supplier (supplier_id, name, title, created) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    TOKEN = "SELECT hash, supplier_id, label, scopes, created, revoked FROM supplier_token WHERE hash = ?1";
    TOKENS = "SELECT hash, supplier_id, label, scopes, created, revoked FROM supplier_token WHERE supplier_id = ?1 ORDER BY created, hash";
    INSERT_TOKEN = "INSERT INTO supplier_token (hash, supplier_id, label, scopes, created) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    REVOKE_TOKEN = "UPDATE supplier_token SET revoked = ?3 WHERE supplier_id = ?1 AND hash = ?2 AND revoked IS NULL";
}

impl Reading<'_> {
    /// The supplier of that id.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn supplier(&self, id: SupplierId) -> Result<Option<Supplier>, StoreError> {
        self.one(BY_ID, params![id.0], supplier)
    }

    /// The supplier of that name.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn supplier_named(&self, name: &SupplierName) -> Result<Option<Supplier>, StoreError> {
        self.one(BY_NAME, params![name.as_str()], supplier)
    }

    /// All suppliers, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn suppliers(&self) -> Result<Vec<Supplier>, StoreError> {
        self.all(ALL, params![], supplier)
    }

    /// The token of that hash and its supplier; a revoked one is found too.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn token(&self, hash: &Digest) -> Result<Option<(Token, Supplier)>, StoreError> {
        let Some(found) = self.one(TOKEN, params![hash.0], token)? else { return Ok(None) };
        Ok(self.supplier(found.supplier)?.map(|supplier| (found, supplier)))
    }

    /// The supplier's tokens, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn tokens(&self, supplier: SupplierId) -> Result<Vec<Token>, StoreError> {
        self.all(TOKENS, params![supplier.0], token)
    }
}

impl Writing<'_> {
    /// Registers a supplier. Use up its invitation ([`Writing::use_code`]) in the same unit of work.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the name or id is taken.
    pub fn add_supplier(&self, supplier: &Supplier) -> Result<(), StoreError> {
        let Supplier { id, name, title, created } = supplier;
        let rows = self.execute(INSERT, params![id.0, name.as_str(), title, created.0])?;
        one_row(rows, StoreError::Exists { what: "supplier" })
    }

    /// Adds a token.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the very token is there already.
    pub fn add_token(&self, token: &Token) -> Result<(), StoreError> {
        let Token { hash, supplier, label, scopes, created, revoked: _ } = token;
        let rows = self.execute(INSERT_TOKEN, params![hash.0, supplier.0, label, scopes, created.0])?;
        one_row(rows, StoreError::Exists { what: "token" })
    }

    /// Makes a token useless.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when this supplier has no such good token (I15).
    pub fn revoke_token(&self, supplier: SupplierId, hash: &Digest, at: Time) -> Result<(), StoreError> {
        let rows = self.execute(REVOKE_TOKEN, params![supplier.0, hash.0, at.0])?;
        one_row(rows, StoreError::NotFound { what: "token" })
    }
}

fn supplier(mut row: Columns<'_>) -> Result<Supplier, StoreError> {
    Ok(Supplier {
        id: SupplierId(row.bytes("supplier_id")?),
        name: row.parsed("name")?,
        title: row.text("title")?.to_owned(),
        created: row.time("created")?,
    })
}

fn token(mut row: Columns<'_>) -> Result<Token, StoreError> {
    Ok(Token {
        hash: row.digest("hash")?,
        supplier: SupplierId(row.bytes("supplier_id")?),
        label: row.text("label")?.to_owned(),
        scopes: row.text("scopes")?.to_owned(),
        created: row.time("created")?,
        revoked: row.some_time("revoked")?,
    })
}
