//! Rows become domain values through checked conversions: an impossible value is named by table, column and
//! row, never guessed at.

use std::str::FromStr;

use carnet_core::id::Digest;
use carnet_core::time::Time;
use rusqlite::Row;
use rusqlite::types::ValueRef;

use crate::StoreError;

/// Reads the columns of one row from left to right, in the order of the SELECT.
pub(crate) struct Columns<'r> {
    sql: &'static str,
    row: &'r Row<'r>,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) const fn of(sql: &'static str, row: &'r Row<'r>) -> Self {
        Self { sql, row, next: 0 }
    }

    fn value(&mut self, column: &'static str) -> Result<ValueRef<'r>, StoreError> {
        let at = self.next;
        self.next += 1;
        self.row.get_ref(at).map_err(|_| self.corrupt(column))
    }

    /// The error that names this row.
    pub(crate) fn corrupt(&self, column: &'static str) -> StoreError {
        let parts: Vec<String> = (0..3).filter_map(|at| self.row.get_ref(at).ok()).map(shown).collect();
        StoreError::CorruptRow { table: table(self.sql), column, row: parts.join("/") }
    }

    pub(crate) fn bytes<const N: usize>(&mut self, column: &'static str) -> Result<[u8; N], StoreError> {
        self.some_bytes(column)?.ok_or_else(|| self.corrupt(column))
    }

    pub(crate) fn some_bytes<const N: usize>(
        &mut self,
        column: &'static str,
    ) -> Result<Option<[u8; N]>, StoreError> {
        match self.some_blob(column)? {
            None => Ok(None),
            Some(blob) => blob.try_into().map(Some).map_err(|_| self.corrupt(column)),
        }
    }

    pub(crate) fn digest(&mut self, column: &'static str) -> Result<Digest, StoreError> {
        self.bytes(column).map(Digest)
    }

    pub(crate) fn some_digest(&mut self, column: &'static str) -> Result<Option<Digest>, StoreError> {
        Ok(self.some_bytes(column)?.map(Digest))
    }

    pub(crate) fn blob(&mut self, column: &'static str) -> Result<&'r [u8], StoreError> {
        self.some_blob(column)?.ok_or_else(|| self.corrupt(column))
    }

    pub(crate) fn some_blob(&mut self, column: &'static str) -> Result<Option<&'r [u8]>, StoreError> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Blob(blob) => Ok(Some(blob)),
            _ => Err(self.corrupt(column)),
        }
    }

    pub(crate) fn text(&mut self, column: &'static str) -> Result<&'r str, StoreError> {
        self.some_text(column)?.ok_or_else(|| self.corrupt(column))
    }

    pub(crate) fn some_text(&mut self, column: &'static str) -> Result<Option<&'r str>, StoreError> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Text(text) => std::str::from_utf8(text).map(Some).map_err(|_| self.corrupt(column)),
            _ => Err(self.corrupt(column)),
        }
    }

    pub(crate) fn parsed<T: FromStr>(&mut self, column: &'static str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|_| self.corrupt(column))
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(
        &mut self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        serde_json::from_str(self.text(column)?).map_err(|_| self.corrupt(column))
    }

    pub(crate) fn number(&mut self, column: &'static str) -> Result<i64, StoreError> {
        self.some_number(column)?.ok_or_else(|| self.corrupt(column))
    }

    pub(crate) fn some_number(&mut self, column: &'static str) -> Result<Option<i64>, StoreError> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(number) => Ok(Some(number)),
            _ => Err(self.corrupt(column)),
        }
    }

    /// A number that is never negative.
    pub(crate) fn amount<T: TryFrom<i64>>(&mut self, column: &'static str) -> Result<T, StoreError> {
        let number = self.number(column)?;
        T::try_from(number).map_err(|_| self.corrupt(column))
    }

    pub(crate) fn some_amount(&mut self, column: &'static str) -> Result<Option<u64>, StoreError> {
        let number = self.some_number(column)?;
        number.map(|number| u64::try_from(number).map_err(|_| self.corrupt(column))).transpose()
    }

    pub(crate) fn time(&mut self, column: &'static str) -> Result<Time, StoreError> {
        self.number(column).map(Time)
    }

    pub(crate) fn some_time(&mut self, column: &'static str) -> Result<Option<Time>, StoreError> {
        Ok(self.some_number(column)?.map(Time))
    }
}

/// The table that a SELECT reads.
fn table(sql: &'static str) -> &'static str {
    let mut words = sql.split_whitespace().skip_while(|word| *word != "FROM");
    words.nth(1).unwrap_or("?")
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "-".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).chars().take(130).collect(),
        ValueRef::Blob(blob) => blob.iter().take(16).map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// An amount as a column holds it. Everything in Carnet is far below the limit.
pub(crate) fn stored(amount: u64, what: &'static str) -> Result<i64, StoreError> {
    i64::try_from(amount).map_err(|_| StoreError::OutOfRange { what })
}

/// A value as JSON text. Only for types whose maps have text keys.
pub(crate) fn json<T: serde::Serialize>(value: &T, what: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::OutOfRange { what })
}
