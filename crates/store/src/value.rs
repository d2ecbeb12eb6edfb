//! What statements are given and columns hold: BIGINT, TEXT, bytes, or nothing; the same for both databases.

use rusqlite::types::{ToSqlOutput, ValueRef};

/// One parameter, or one column of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Null,
    Number(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// Something that can be a parameter.
pub(crate) trait Bind {
    fn bind(&self) -> Value<'_>;
}

/// The parameters of a statement, in the order of their numbers.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::value::Bind::bind(&$value)),*] };
}
pub(crate) use params;

impl Bind for i64 {
    fn bind(&self) -> Value<'_> {
        Value::Number(*self)
    }
}

impl Bind for i32 {
    fn bind(&self) -> Value<'_> {
        Value::Number(i64::from(*self))
    }
}

impl Bind for u32 {
    fn bind(&self) -> Value<'_> {
        Value::Number(i64::from(*self))
    }
}

impl Bind for u16 {
    fn bind(&self) -> Value<'_> {
        Value::Number(i64::from(*self))
    }
}

impl Bind for bool {
    fn bind(&self) -> Value<'_> {
        Value::Number(i64::from(*self))
    }
}

impl Bind for str {
    fn bind(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl Bind for String {
    fn bind(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl Bind for [u8] {
    fn bind(&self) -> Value<'_> {
        Value::Blob(self)
    }
}

impl Bind for Vec<u8> {
    fn bind(&self) -> Value<'_> {
        Value::Blob(self)
    }
}

impl<const N: usize> Bind for [u8; N] {
    fn bind(&self) -> Value<'_> {
        Value::Blob(self)
    }
}

impl<T: Bind + ?Sized> Bind for &T {
    fn bind(&self) -> Value<'_> {
        (**self).bind()
    }
}

impl<T: Bind> Bind for Option<T> {
    fn bind(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, Bind::bind)
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Number(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(blob) => ValueRef::Blob(blob),
        }))
    }
}

/// A parameter that outlives the call that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owned {
    Null,
    Number(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl From<Value<'_>> for Owned {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Number(number) => Self::Number(number),
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::Blob(blob) => Self::Blob(blob.to_vec()),
        }
    }
}

impl Owned {
    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Number(number) => Value::Number(*number),
            Self::Text(text) => Value::Text(text),
            Self::Blob(blob) => Value::Blob(blob),
        }
    }
}
