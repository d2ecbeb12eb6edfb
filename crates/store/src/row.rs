//! Rows become domain values through checked conversions: an impossible value is named by table, column and
//! row, never guessed at.

use std::str::FromStr;

use carnet_core::id::Digest;
use carnet_core::time::Time;
use rusqlite::types::ValueRef;

use crate::StoreError;
use crate::postgres;
use crate::value::Value;

/// Reads the columns of one row from left to right, in the order of the SELECT.
pub(crate) struct Columns<'r> {
    sql: &'static str,
    row: Row<'r>,
    next: usize,
}

/// A row of either database.
#[derive(Clone, Copy)]
pub(crate) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl<'r> Row<'r> {
    pub(crate) fn value(self, at: usize) -> Option<Value<'r>> {
        match self {
            Self::Sqlite(row) => match row.get_ref(at).ok()? {
                ValueRef::Null => Some(Value::Null),
                ValueRef::Integer(number) => Some(Value::Number(number)),
                ValueRef::Real(_) => None,
                ValueRef::Text(text) => std::str::from_utf8(text).ok().map(Value::Text),
                ValueRef::Blob(blob) => Some(Value::Blob(blob)),
            },
            Self::Postgres(row) => postgres::column(row, at),
        }
    }
}

impl<'r> Columns<'r> {
    pub(crate) const fn of(sql: &'static str, row: Row<'r>) -> Self {
        Self { sql, row, next: 0 }
    }

    fn value(&mut self, column: &'static str) -> Result<Value<'r>, StoreError> {
        let at = self.next;
        self.next += 1;
        self.row.value(at).ok_or_else(|| self.corrupt(column))
    }

    /// The error that names this row.
    pub(crate) fn corrupt(&self, column: &'static str) -> StoreError {
        let parts: Vec<String> = (0..3).filter_map(|at| self.row.value(at)).map(shown).collect();
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
            Value::Null => Ok(None),
            Value::Blob(blob) => Ok(Some(blob)),
            _ => Err(self.corrupt(column)),
        }
    }

    pub(crate) fn text(&mut self, column: &'static str) -> Result<&'r str, StoreError> {
        self.some_text(column)?.ok_or_else(|| self.corrupt(column))
    }

    pub(crate) fn some_text(&mut self, column: &'static str) -> Result<Option<&'r str>, StoreError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
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
            Value::Null => Ok(None),
            Value::Number(number) => Ok(Some(number)),
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

fn shown(value: Value<'_>) -> String {
    match value {
        Value::Null => "-".into(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.chars().take(130).collect(),
        Value::Blob(blob) => blob.iter().take(16).map(|byte| format!("{byte:02x}")).collect(),
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
