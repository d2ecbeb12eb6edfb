//! Parameters and columns in PostgreSQL's binary form. Any other type than ours is a defect, never converted.

use bytes::BytesMut;
use tokio_postgres::Row;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::value::Value;

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (self, ty) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Number(number), &Type::INT8) => number.to_sql(ty, out),
            (Self::Text(text), &Type::TEXT) => text.to_sql(ty, out),
            (Self::Blob(blob), &Type::BYTEA) => blob.to_sql(ty, out),
            // Without the value: it may be a personal one.
            _ => Err(format!("a parameter of type {ty} was given something else").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A column; none when there is none or it has another type than ours.
pub(crate) fn column(row: &Row, at: usize) -> Option<Value<'_>> {
    let found = match *row.columns().get(at)?.type_() {
        Type::INT8 => row.try_get::<_, Option<i64>>(at).ok()?.map(Value::Number),
        Type::TEXT => row.try_get::<_, Option<&str>>(at).ok()?.map(Value::Text),
        Type::BYTEA => row.try_get::<_, Option<&[u8]>>(at).ok()?.map(Value::Blob),
        _ => return None,
    };
    Some(found.unwrap_or(Value::Null))
}
