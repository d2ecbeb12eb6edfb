//! Statements of tests, which reach around the store, on either database.

use crate::Kind;

/// The statement as this database spells it; written as SQLite has it. `WHERE first` is the row of the first
/// device, or of its license or journal.
pub fn spell(kind: Kind, statement: &str) -> String {
    let text = first_row(statement);
    if kind == Kind::Sqlite {
        return text;
    }
    // Bytes: `x'00'` here is `'\x00'::bytea` there.
    let mut parts = text.split("x'");
    let mut spelled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_once('\'').unwrap();
        if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            spelled.push_str(&format!("'\\x{digits}'::bytea{rest}"));
        } else {
            spelled.push_str(&format!("x'{part}"));
        }
    }
    while let Some(at) = spelled.find("zeroblob(") {
        let length = spelled.get(at + 9..).and_then(|rest| rest.split(')').next()).unwrap().to_owned();
        spelled = spelled
            .replace(&format!("zeroblob({length})"), &format!("decode(repeat('00', {length}), 'hex')"));
    }
    spelled
}

fn first_row(statement: &str) -> String {
    let device = "(SELECT device_id FROM device ORDER BY device_id LIMIT 1)";
    let table = statement.trim_start_matches("UPDATE ").trim_start_matches("DELETE FROM ");
    let condition = match table.split(' ').next() {
        Some("license") => format!("agreed_on = {device}"),
        Some("journal") => format!("device_id = {device} AND app_id <> ''"),
        Some("agreement") => {
            format!("license_id = (SELECT license_id FROM license WHERE agreed_on = {device})")
        }
        _ => format!("device_id = {device}"),
    };
    statement.replace("WHERE first", &format!("WHERE {condition}"))
}
