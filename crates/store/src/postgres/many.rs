//! One statement for many rows, made of the statement for one.
//!
//! A batch writes the same few statements again and again: the renewal's license, journal and event. Sent one by one, each costs
//! the database a round through its executor; as arrays in one statement (`unnest`), they cost one. The hand-written text
//! stays one for both databases; SQLite has no such rounds to save.

use tokio_postgres::types::Type;

/// The statement for many rows, with an array for each parameter; none for a statement of another form than
/// `INSERT … VALUES (…)` or `UPDATE … SET … WHERE …`.
pub(super) fn for_many(sql: &str, types: &[Type]) -> Option<String> {
    let names: Vec<&str> = types.iter().map(array_of).collect::<Option<_>>()?;
    let arrays: Vec<String> = (1..).zip(names).map(|(at, name)| format!("${at}::{name}")).collect();
    let columns: Vec<String> = (1..=types.len()).map(|at| format!("p{at}")).collect();
    let from = format!("unnest({}) AS many({})", arrays.join(", "), columns.join(", "));
    if types.is_empty() || sql.contains(" ON CONFLICT") || sql.contains(" RETURNING") {
        None
    } else if sql.starts_with("INSERT INTO ") {
        let (head, values) = sql.split_once(" VALUES (")?;
        let values = values.strip_suffix(')').filter(|values| !values.contains('('))?;
        Some(format!("{head} SELECT {} FROM {from}", columns_for(values)))
    } else if sql.starts_with("UPDATE ") {
        let (head, condition) = sql.split_once(" WHERE ")?;
        let one = !condition.contains(" WHERE ") && !head.contains('(');
        one.then(|| format!("{} FROM {from} WHERE {}", columns_for(head), columns_for(condition)))
    } else {
        None
    }
}

fn array_of(ty: &Type) -> Option<&'static str> {
    match *ty {
        Type::INT8 => Some("bigint[]"),
        Type::TEXT => Some("text[]"),
        Type::BYTEA => Some("bytea[]"),
        _ => None,
    }
}

/// `?12` becomes `many.p12`.
fn columns_for(text: &str) -> String {
    text.replace('?', "many.p")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserts_and_guarded_updates_take_arrays_and_nothing_else_does() {
        let types = [Type::INT8, Type::BYTEA];
        assert_eq!(
            for_many("INSERT INTO t (a, b, version) VALUES (?1, ?2, 1)", &types).as_deref(),
            Some(
                "INSERT INTO t (a, b, version) SELECT many.p1, many.p2, 1 \
                 FROM unnest($1::bigint[], $2::bytea[]) AS many(p1, p2)"
            )
        );
        assert_eq!(
            for_many("UPDATE t SET a = ?1, version = version + 1 WHERE b = ?2 AND version = ?1", &types)
                .as_deref(),
            Some(
                "UPDATE t SET a = many.p1, version = version + 1 \
                 FROM unnest($1::bigint[], $2::bytea[]) AS many(p1, p2) \
                 WHERE b = many.p2 AND version = many.p1"
            )
        );
        for other in [
            "INSERT INTO t (a) VALUES (?1) ON CONFLICT DO NOTHING",
            "INSERT INTO t (a) VALUES (lower(?1))",
            "INSERT INTO t (a) SELECT b FROM c WHERE d = ?1",
            "UPDATE t SET a = (SELECT b FROM c WHERE d = ?1) WHERE e = ?2",
            "DELETE FROM t WHERE a = ?1",
        ] {
            assert_eq!(for_many(other, &types), None, "{other}");
        }
        assert_eq!(for_many("DELETE FROM t", &[]), None);
        assert_eq!(for_many("UPDATE t SET a = ?1 WHERE b = ?2", &[Type::INT4, Type::INT8]), None);
    }
}
