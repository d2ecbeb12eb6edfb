//! Codes by which devices join a user. The codes themselves are nowhere.

use carnet_core::document::Purpose;
use carnet_core::id::{Digest, UserId};
use carnet_core::server::Code;
use carnet_core::time::Seconds;

use crate::StoreError;
use crate::row::{Columns, stored};
use crate::sql::statements;
use crate::tx::{Reading, Writing};
use crate::value::params;

/// A code as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct CodeRow {
    pub(crate) code: Code,
    /// 0: not stored yet.
    pub(crate) version: i64,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT digest, user_id, purpose, most, lifetime, made, expires, used, withdrawn, version ",
            "FROM user_code ",
            $rest
        )
    };
}

statements! {
    BY_DIGEST = select!("WHERE digest = ?1");
    OF_USER = select!("WHERE user_id = ?1 AND withdrawn = 0 ORDER BY made, digest");
    INSERT = "INSERT INTO user_code (digest, user_id, purpose, most, lifetime, made, expires, used, withdrawn, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1)";
    UPDATE = "UPDATE user_code SET used = ?2, withdrawn = ?3, version = version + 1 WHERE digest = ?1 AND version = ?4";
}

impl Reading<'_> {
    /// The codes of a user that are not withdrawn.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn codes_of(&self, user: UserId) -> Result<Vec<Code>, StoreError> {
        Ok(self.code_rows(user)?.into_iter().map(|row| row.code).collect())
    }

    pub(crate) fn code_rows(&self, user: UserId) -> Result<Vec<CodeRow>, StoreError> {
        self.all(OF_USER, params![user.0], code)
    }

    pub(crate) fn code_row(&self, digest: Digest) -> Result<Option<CodeRow>, StoreError> {
        self.one(BY_DIGEST, params![digest.0], code)
    }
}

impl Writing<'_> {
    /// Writes a new or changed code, guarded by its version.
    pub(crate) fn write_code(&self, row: &CodeRow) -> Result<(), StoreError> {
        let Code { digest, user, purpose, made, expires, used, withdrawn } = &row.code;
        let conflict = StoreError::Conflict { what: "the code" };
        if row.version == 0 {
            let (purpose, most, lifetime) = match purpose {
                Purpose::Join => ("join", None, None),
                Purpose::Recovery => ("recovery", None, None),
                Purpose::Enrolment { most, lifetime } => {
                    ("enrolment", Some(*most), Some(stored(lifetime.0, "lifetime")?))
                }
            };
            let expires = expires.map(|time| time.0);
            self.guarded(
                INSERT,
                params![digest.0, user.0, purpose, most, lifetime, made.0, expires, used, withdrawn],
                conflict,
            )
        } else {
            self.guarded(UPDATE, params![digest.0, used, withdrawn, row.version], conflict)
        }
    }
}

fn code(mut row: Columns<'_>) -> Result<CodeRow, StoreError> {
    let digest = row.digest("digest")?;
    let user = UserId(row.bytes("user_id")?);
    let purpose = row.text("purpose")?;
    let (most, lifetime) = (row.some_amount("most")?, row.some_amount("lifetime")?);
    let purpose = match (purpose, most, lifetime) {
        ("join", None, None) => Purpose::Join,
        ("recovery", None, None) => Purpose::Recovery,
        ("enrolment", Some(most), Some(lifetime)) => Purpose::Enrolment {
            most: u32::try_from(most).map_err(|_| row.corrupt("most"))?,
            lifetime: Seconds(lifetime),
        },
        _ => return Err(row.corrupt("purpose")),
    };
    let code = Code {
        digest,
        user,
        purpose,
        made: row.time("made")?,
        expires: row.some_time("expires")?,
        used: row.amount("used")?,
        withdrawn: row.amount::<i64>("withdrawn")? != 0,
    };
    Ok(CodeRow { code, version: row.number("version")? })
}
