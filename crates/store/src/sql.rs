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
    use carnet_core::time::Time;
    use carnet_testkit::postgres::Schema;

    use crate::connection::Connection;
    use crate::postgres::Source;

    const MODULES: &[(&str, &[(&str, &str)])] = &[
        ("app", crate::app::STATEMENTS),
        ("attempt", crate::attempt::STATEMENTS),
        ("charge", crate::charge::STATEMENTS),
        ("check", crate::check::STATEMENTS),
        ("code", crate::code::STATEMENTS),
        ("device", crate::device::STATEMENTS),
        ("erase", crate::erase::STATEMENTS),
        ("event", crate::event::STATEMENTS),
        ("idempotency", crate::idempotency::STATEMENTS),
        ("image", crate::image::STATEMENTS),
        ("journal", crate::journal::STATEMENTS),
        ("key", crate::key::STATEMENTS),
        ("key_transaction", crate::key_transaction::STATEMENTS),
        ("license", crate::license::STATEMENTS),
        ("menu", crate::menu::STATEMENTS),
        ("migrate", crate::migrate::STATEMENTS),
        ("movement", crate::movement::STATEMENTS),
        ("redeem", crate::redeem::STATEMENTS),
        ("report", crate::report::STATEMENTS),
        ("setting", crate::setting::STATEMENTS),
        ("supplier", crate::supplier::STATEMENTS),
        ("user", crate::user::STATEMENTS),
        ("user_code", crate::user_code::STATEMENTS),
    ];

    fn each(modules: &[(&str, &[(&str, &str)])], mut prepare: impl FnMut(&str) -> Option<String>) {
        for (module, statements) in modules {
            for (name, text) in *statements {
                assert_eq!(prepare(text), None, "{module}::{name}");
                assert!(!text.contains('$'), "{module}::{name} must number its parameters with ?n");
            }
        }
    }

    #[test]
    fn every_statement_prepares_on_sqlite() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let connection = Connection::Sqlite(connection);
        crate::migrate::migrate(&connection, Time(0)).unwrap();
        let Connection::Sqlite(connection) = connection else { panic!("it was SQLite") };
        let prepare = |text: &str| connection.prepare(text).err().map(|error| error.to_string());
        each(MODULES, prepare);
        each(&[("backup", crate::backup::STATEMENTS)], prepare);
    }

    #[test]
    fn every_statement_prepares_on_postgres() {
        let schema = Schema::new();
        let source = Source::new(&schema.url().parse().unwrap()).unwrap();
        let connection = Connection::Postgres(source.connect().unwrap());
        crate::migrate::migrate(&connection, Time(0)).unwrap();
        let Connection::Postgres(session) = connection else { panic!("it was PostgreSQL") };
        let prepare = |text: &str| session.prepare(text).err().map(|error| error.to_string());
        each(MODULES, prepare);
        each(
            &[("postgres", crate::postgres::STATEMENTS), ("flush", crate::postgres::FLUSH_STATEMENTS)],
            prepare,
        );
    }

    #[test]
    fn the_rows_of_a_renewal_can_be_written_together_on_postgres() {
        let schema = Schema::new();
        let source = Source::new(&schema.url().parse().unwrap()).unwrap();
        let connection = Connection::Postgres(source.connect().unwrap());
        crate::migrate::migrate(&connection, Time(0)).unwrap();
        let Connection::Postgres(session) = connection else { panic!("it was PostgreSQL") };
        let mut together = Vec::new();
        each(MODULES, |text| {
            let many = session.prepare(text).and_then(|one| session.many(text, &one));
            together.extend(many.as_ref().ok().into_iter().flatten().map(|_| text.to_owned()));
            many.err().map(|error| error.to_string())
        });
        for start in ["UPDATE license SET", "UPDATE journal SET", "INSERT INTO event"] {
            assert!(together.iter().any(|text| text.starts_with(start)), "{start}: {together:?}");
        }
    }

    #[test]
    fn few_statements_are_of_one_database_only() {
        let count = |modules: &[(&str, &[(&str, &str)])]| -> usize {
            modules.iter().map(|(_, statements)| statements.len()).sum()
        };
        let own = crate::postgres::STATEMENTS.len()
            + crate::postgres::FLUSH_STATEMENTS.len()
            + crate::backup::STATEMENTS.len();
        assert!(
            own * 10 < count(MODULES),
            "{own} of {}: one text for both where both accept it",
            count(MODULES)
        );
    }
}
