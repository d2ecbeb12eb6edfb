//! SQL texts by name, so that a test can prepare every one of them.

/// Declares the SQL texts of a module, and `STATEMENTS` that lists them all.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* const $name: &str = $text;)*
        #[cfg(test)]
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}
pub(crate) use statements;

/// Asserts that a guarded write hit its row (the guard is a version or serial in the WHERE clause).
pub(crate) fn one_row(rows: usize, otherwise: crate::StoreError) -> Result<(), crate::StoreError> {
    if rows == 1 { Ok(()) } else { Err(otherwise) }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    #[test]
    fn every_statement_prepares() {
        let connection = Connection::open_in_memory().unwrap();
        crate::migrate::migrate(&connection, carnet_core::time::Time(0)).unwrap();
        let modules = [
            ("app", crate::app::STATEMENTS),
            ("attempt", crate::attempt::STATEMENTS),
            ("backup", crate::backup::STATEMENTS),
            ("charge", crate::charge::STATEMENTS),
            ("code", crate::code::STATEMENTS),
            ("device", crate::device::STATEMENTS),
            ("erase", crate::erase::STATEMENTS),
            ("event", crate::event::STATEMENTS),
            ("idempotency", crate::idempotency::STATEMENTS),
            ("image", crate::image::STATEMENTS),
            ("journal", crate::journal::STATEMENTS),
            ("key", crate::key::STATEMENTS),
            ("license", crate::license::STATEMENTS),
            ("menu", crate::menu::STATEMENTS),
            ("migrate", crate::migrate::STATEMENTS),
            ("movement", crate::movement::STATEMENTS),
            ("redeem", crate::redeem::STATEMENTS),
            ("setting", crate::setting::STATEMENTS),
            ("supplier", crate::supplier::STATEMENTS),
            ("user", crate::user::STATEMENTS),
            ("user_code", crate::user_code::STATEMENTS),
            ("check", crate::check::STATEMENTS),
        ];
        for (module, statements) in modules {
            for (name, text) in statements {
                let prepared = connection.prepare(text);
                assert!(prepared.is_ok(), "{module}::{name}: {:?}", prepared.err());
                assert!(!text.contains('$'), "{module}::{name} must number its parameters with ?n");
            }
        }
    }
}
