//! One statement for many rows, made of the statement for one.
//!
//! A batch runs the same few statements again and again: a renewal's device, journal and license are read, license, journal and
//! event are written. Run one by one, each costs the database a round through its executor; as arrays in one statement
//! (`unnest`), they cost one. The hand-written text stays one for both databases; SQLite has no such rounds to save.

use tokio_postgres::types::Type;

/// The statement for many rows, with an array for each parameter; none for a statement of another form than
/// `INSERT … VALUES (…)` or `UPDATE … SET … WHERE …`.
pub(super) fn for_many(sql: &str, types: &[Type]) -> Option<String> {
    let from = arrays(types, "")?;
    if sql.contains(" ON CONFLICT") || sql.contains(" RETURNING") {
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

/// The question for many sets of parameters, whose rows say in their last column which set they belong to, counted from 1;
/// none for one of another form than `SELECT … FROM … WHERE …`.
pub(super) fn of_each(sql: &str, types: &[Type]) -> Option<String> {
    let (columns, rest) = sql.strip_prefix("SELECT ")?.split_once(" FROM ")?;
    let (table, condition) = rest.split_once(" WHERE ")?;
    let nested = rest.contains(" FROM ") || condition.contains(" WHERE ") || condition.contains(" LIMIT ");
    if nested || columns.contains('(') || table.contains([' ', ',']) {
        return None;
    }
    let from = arrays(types, " WITH ORDINALITY")?;
    Some(format!("SELECT {columns}, many.nth FROM {table}, {from} WHERE {}", columns_for(condition)))
}

/// The parameters as rows of a table.
fn arrays(types: &[Type], numbered: &str) -> Option<String> {
    let names: Vec<&str> = types.iter().map(array_of).collect::<Option<_>>()?;
    let arrays: Vec<String> = (1..).zip(&names).map(|(at, name)| format!("${at}::{name}")).collect();
    let mut columns: Vec<String> = (1..=types.len()).map(|at| format!("p{at}")).collect();
    if !numbered.is_empty() {
        columns.push("nth".to_owned());
    }
    let (arrays, columns) = (arrays.join(", "), columns.join(", "));
    (!names.is_empty()).then(|| format!("unnest({arrays}){numbered} AS many({columns})"))
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

    #[test]
    fn a_question_is_asked_for_many_sets_at_once() {
        let types = [Type::BYTEA, Type::TEXT];
        assert_eq!(
            of_each("SELECT a, b FROM t WHERE c = ?1 AND d = ?2 ORDER BY a", &types).as_deref(),
            Some(
                "SELECT a, b, many.nth FROM t, unnest($1::bytea[], $2::text[]) WITH ORDINALITY \
                 AS many(p1, p2, nth) WHERE c = many.p1 AND d = many.p2 ORDER BY a"
            )
        );
        for other in [
            "SELECT max(a) FROM t WHERE b = ?1",
            "SELECT a FROM t, u WHERE b = ?1",
            "SELECT a FROM t WHERE b = ?1 LIMIT 1",
            "SELECT a FROM t WHERE b IN (SELECT c FROM u WHERE d = ?1)",
            "SELECT a FROM t",
        ] {
            assert_eq!(of_each(other, &types), None, "{other}");
        }
    }
}
