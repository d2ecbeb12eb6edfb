//! PostgreSQL: sessions, what is sent over them, and what their failures mean.
//!
//! The store is synchronous: whoever has asked waits for the answer, and either moves the bytes meanwhile or leaves that to one thread with a
//! small runtime (`mover`). What belongs together is sent together ([`Session::later`], [`Session::rows_of_each`],
//! [`Session::ask_early`]): one round trip, however many statements.

mod early;
mod failure;
mod flush;
mod many;
mod mover;
mod pooler;
mod source;
mod value;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::Pin;

use futures_util::TryStreamExt;
use futures_util::future::{join_all, join4};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, Row, Statement};

use crate::StoreError;
use crate::connection::Asked;
use crate::sql::statements;
use crate::value::{Owned, Value};

use early::{Early, Question};
use failure::{failed, is_survived};
use flush::Instance;
#[cfg(test)]
pub(crate) use flush::STATEMENTS as FLUSH_STATEMENTS;
pub(crate) use flush::{Flusher, Promise, Seen, Tell};
use mover::Mover;
use pooler::Backend;
pub(crate) use source::Source;
pub(crate) use value::column;

statements! {
    /// The row of the first migration is the seat of whoever writes: one transaction at a time in all servers of a
    /// database, as SQLite has it by itself. Events are numbered without gaps, and every decision sees all that
    /// was decided before. The guards by version stay, for those who do not take the seat. Who takes it says which session it is.
    SEAT = "SELECT pg_backend_pid()::BIGINT FROM migration WHERE number = 1 FOR UPDATE";
    LAST_EVENT = "SELECT max(seq) FROM event";
}

/// How many rows a walk over a whole table fetches at a time.
const FETCHED: u32 = 2_000;

/// One connection, and what is prepared on it.
pub(crate) struct Session {
    client: Client,
    /// Who serves it, always the same one.
    backend: Backend,
    prepared: RefCell<HashMap<String, Statement>>,
    /// What was asked before it was needed.
    early: Early,
    /// Writes that wait to be sent together.
    queue: RefCell<Vec<Queued>>,
    /// A statement has failed, so the transaction can only be rolled back.
    failed: Cell<bool>,
    /// One has failed because the transaction came in another's way.
    disordered: Cell<bool>,
    walks: Cell<u32>,
    /// Which process of the database server this is, once somebody has asked.
    instance: Cell<Option<Instance>>,
    /// Whether rows that are written alike go together in one statement.
    together: Cell<bool>,
    mover: Mover,
}

/// What a commit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Commit {
    /// It returns when it is durable.
    Waits,
    /// It returns before; a [`Flusher`] says when it is durable.
    Goes,
}

/// How a question with several sets of parameters is put.
enum Form {
    /// Once for each.
    Each(Statement),
    /// Once for all; each row says in its last column for which set it was found.
    All(Statement),
}

/// A question, and the rows for each of its sets.
type Answered = (Question, Result<Vec<Vec<Row>>, StoreError>);

struct Queued {
    sql: &'static str,
    values: Vec<Owned>,
    /// What it means when not exactly one row was written; none: that does not matter.
    otherwise: Option<StoreError>,
}

impl Session {
    fn over(client: Client, backend: Backend, mover: Mover) -> Self {
        let (prepared, queue, early) = (RefCell::default(), RefCell::default(), Early::default());
        let (failed, disordered) = (Cell::new(false), Cell::new(false));
        let (walks, together, instance) = (Cell::new(0), Cell::new(false), Cell::new(None));
        Self { client, backend, prepared, early, queue, failed, disordered, walks, together, instance, mover }
    }

    /// Which process of the database server this is; to be asked outside a transaction.
    pub(crate) fn instance(&self) -> Result<Instance, StoreError> {
        if let Some(known) = self.instance.get() {
            return Ok(known);
        }
        let instance = self.mover.wait(Instance::of(&self.client)).map_err(|error| failed(&error))?;
        self.instance.set(Some(instance));
        Ok(instance)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Begins a transaction that writes, alone among all servers; returns the number of the last event. What one batch asks
    /// as the one before is asked with it.
    pub(crate) fn begin_writing(&self, commit: Commit, batch: bool) -> Result<i64, StoreError> {
        self.forget();
        let usual = if batch { self.early.usual() } else { Vec::new() };
        let usual = usual.into_iter().map(|question| Ok((self.form(question.sql, 1)?, question)));
        let usual: Vec<(Form, Question)> = usual.collect::<Result<_, StoreError>>()?;
        let begin = match commit {
            Commit::Waits => "BEGIN ISOLATION LEVEL READ COMMITTED",
            Commit::Goes => "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off",
        };
        let (seat, last) = (self.prepare(SEAT)?, self.prepare(LAST_EVENT)?);
        let (begun, seated, last, usual) = self.mover.wait(join4(
            self.client.batch_execute(begin),
            self.client.query(&seat, &[]),
            self.client.query(&last, &[]),
            self.answers(usual),
        ));
        begun.map_err(|error| self.note(error))?;
        let seated = seated.map_err(|error| self.note(error))?;
        self.require_same(&seated)?;
        let rows = last.map_err(|error| self.note(error))?;
        self.keep(usual)?;
        Ok(rows.first().and_then(|row| row.get::<_, Option<i64>>(0)).unwrap_or(0))
    }

    /// A pooler may have given this session to somebody else meanwhile, and another one to us.
    fn require_same(&self, seated: &[Row]) -> Result<(), StoreError> {
        let now = seated.first().and_then(|row| row.try_get(0).ok());
        now.map_or(Ok(()), |now| self.backend.is(now)).inspect_err(|_| self.failed.set(true))
    }

    /// Begins a transaction that reads one snapshot.
    pub(crate) fn begin_reading(&self) -> Result<(), StoreError> {
        self.forget();
        self.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    }

    fn forget(&self) {
        self.queue.borrow_mut().clear();
        self.early.forget();
        self.failed.set(false);
        self.disordered.set(false);
    }

    /// Whether a statement of this transaction has come in another transaction's way. Whoever has run it may have made
    /// something else of the error meanwhile.
    pub(crate) fn is_disordered(&self) -> bool {
        self.disordered.get()
    }

    /// Commits. An error that the session has survived means that nothing is stored; the other kind,
    /// [`StoreError::Unknown`], that nobody can tell.
    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        if self.failed.get() {
            // COMMIT would be answered by a rollback, and without an error.
            return Err(StoreError::Defect);
        }
        self.mover.wait(self.client.batch_execute("COMMIT")).map_err(|error| match error.as_db_error() {
            // A server that shuts down or breaks down says so, and may have committed before: with no room for more of the log, its
            // beginning may be on the disk. A pooler says so too when it has lost the server.
            Some(said) if is_survived(said) && !said.code().code().starts_with("57") => failed(&error),
            _ => StoreError::Unknown,
        })
    }

    pub(crate) fn roll_back(&self) -> Result<(), StoreError> {
        self.forget();
        self.run("ROLLBACK")
    }

    /// Runs a text without parameters, of several statements perhaps.
    pub(crate) fn run(&self, text: &str) -> Result<(), StoreError> {
        self.mover.wait(self.client.batch_execute(text)).map_err(|error| self.note(error))
    }

    pub(crate) fn execute(&self, sql: &'static str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        self.flush()?;
        self.early.forget();
        let statement = self.prepare(sql)?;
        let rows = self.mover.wait(self.client.execute_raw(&statement, values.iter().copied()));
        rows.map(count).map_err(|error| self.note(error))
    }

    /// Sends a write together with others: before the next statement that is not such a write, at the latest.
    pub(crate) fn later(&self, sql: &'static str, values: &[Value<'_>], otherwise: Option<StoreError>) {
        self.early.forget();
        let values = values.iter().copied().map(Owned::from).collect();
        self.queue.borrow_mut().push(Queued { sql, values, otherwise });
    }

    /// Whether rows that are written alike go together in one statement from now on.
    pub(crate) fn write_together(&self, together: bool) {
        self.together.set(together);
    }

    /// Sends what waits, and checks what became of each.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        let queue = self.queue.take();
        if queue.is_empty() {
            return Ok(());
        }
        let alike: Vec<&[Queued]> = queue.chunk_by(|one, next| one.sql == next.sql).collect();
        let mut parts = Vec::with_capacity(queue.len());
        for rows in alike {
            let one = self.prepare(rows.first().map_or("", |row| row.sql))?;
            match self.for_many(rows, &one)? {
                Some(many) => parts.push((many, rows)),
                None => parts.extend(rows.chunks(1).map(|row| (one.clone(), row))),
            }
        }
        let sent = parts.iter().map(|(statement, rows)| self.send(statement, rows));
        let done = self.mover.wait(join_all(sent));
        for (written, (_, rows)) in done.into_iter().zip(&parts) {
            let written = written.map_err(|error| self.note(error))?;
            let otherwise = rows.iter().find_map(|row| row.otherwise.as_ref());
            if let Some(error) = otherwise.filter(|_| written != rows.len() as u64) {
                self.failed.set(true);
                return Err(error.clone());
            }
        }
        Ok(())
    }

    /// The statement that writes all of these at once, where there is one and each of them must write its row.
    fn for_many(&self, rows: &[Queued], one: &Statement) -> Result<Option<Statement>, StoreError> {
        let guarded = rows.iter().all(|row| row.otherwise.is_some());
        if !self.together.get() || rows.len() < 2 || !guarded {
            return Ok(None);
        }
        self.many(rows.first().map_or("", |row| row.sql), one)
    }

    /// The statement that does for many rows what this one does for one, where there is one.
    pub(crate) fn many(&self, sql: &str, one: &Statement) -> Result<Option<Statement>, StoreError> {
        many::for_many(sql, one.params()).map(|text| self.prepare(&text)).transpose()
    }

    async fn send(&self, statement: &Statement, rows: &[Queued]) -> Result<u64, Error> {
        match rows {
            [row] => self.client.execute_raw(statement, row.values.iter().map(Owned::value)).await,
            rows => {
                let column = |at: usize| -> Vec<Value<'_>> {
                    rows.iter().map(|row| row.values.get(at).map_or(Value::Null, Owned::value)).collect()
                };
                self.client.execute_raw(statement, (0..statement.params().len()).map(column)).await
            }
        }
    }

    pub(crate) fn rows(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        if !self.early.is_empty()
            && let Some(rows) = self.early.take(sql, &[values.to_vec()])
        {
            return Ok(rows.into_iter().flatten().collect());
        }
        self.flush()?;
        let statement = self.prepare(sql)?;
        self.mover.wait(self.ask(&statement, values)).map_err(|error| self.note(error))
    }

    /// The rows of a question that the next batch will ask too: with its beginning, from then on.
    pub(crate) fn usual_rows(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        self.early.is_usual(sql, values);
        self.rows(sql, values)
    }

    /// The rows for each of several sets of parameters, all asked for at once.
    pub(crate) fn rows_of_each(
        &self,
        sql: &'static str,
        sets: &[Vec<Value<'_>>],
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        if let Some(rows) = self.early.take(sql, sets) {
            return Ok(rows);
        }
        self.flush()?;
        let form = self.form(sql, sets.len())?;
        self.mover.wait(self.answer(&form, sets))
    }

    /// Asks all of these questions at once. Their answers wait until somebody asks for them.
    pub(crate) fn ask_early(&self, questions: &[Asked<'_>]) -> Result<(), StoreError> {
        self.flush()?;
        // Where there is no transaction, nothing else lets go of an answer that nobody has asked for.
        questions.iter().for_each(|(sql, _)| self.early.forget_about(sql));
        let questions = questions.iter().filter(|(_, sets)| !sets.is_empty());
        let formed = questions.map(|(sql, sets)| Ok((self.form(sql, sets.len())?, Question::of(sql, sets))));
        let formed: Vec<(Form, Question)> = formed.collect::<Result<_, StoreError>>()?;
        self.keep(self.mover.wait(self.answers(formed)))
    }

    async fn answers(&self, asked: Vec<(Form, Question)>) -> Vec<Answered> {
        let answer = async |(form, question): (Form, Question)| {
            let rows = self.answer(&form, &question.sets()).await;
            (question, rows)
        };
        join_all(asked.into_iter().map(answer)).await
    }

    fn keep(&self, answers: Vec<Answered>) -> Result<(), StoreError> {
        for (question, rows) in answers {
            self.early.keep(question, rows?);
        }
        Ok(())
    }

    fn form(&self, sql: &'static str, sets: usize) -> Result<Form, StoreError> {
        let statement = self.prepare(sql)?;
        if self.together.get()
            && sets > 1
            && let Some(text) = many::of_each(sql, statement.params())
        {
            return self.prepare(&text).map(Form::All);
        }
        Ok(Form::Each(statement))
    }

    async fn answer(&self, form: &Form, sets: &[Vec<Value<'_>>]) -> Result<Vec<Vec<Row>>, StoreError> {
        match form {
            Form::Each(statement) => {
                let found = join_all(sets.iter().map(|values| self.ask(statement, values))).await;
                found.into_iter().map(|rows| rows.map_err(|error| self.note(error))).collect()
            }
            Form::All(statement) => {
                let column = |at: usize| -> Vec<Value<'_>> {
                    sets.iter().map(|values| values.get(at).copied().unwrap_or(Value::Null)).collect()
                };
                let columns = (0..statement.params().len()).map(column);
                let asked = async {
                    self.client.query_raw(statement, columns).await?.try_collect::<Vec<Row>>().await
                };
                by_set(asked.await.map_err(|error| self.note(error))?, sets.len())
            }
        }
    }

    async fn ask(&self, statement: &Statement, values: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        self.client.query_raw(statement, values.iter().copied()).await?.try_collect().await
    }

    /// All rows of a table that may not fit into memory, inside a transaction. Other statements may be run
    /// between them.
    pub(crate) fn walk(
        &self,
        sql: &str,
        mut visit: impl FnMut(&Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.flush()?;
        let name = format!("walk_{}", self.walks.replace(self.walks.get().wrapping_add(1)));
        self.run(&format!("DECLARE {name} NO SCROLL CURSOR FOR {sql}"))?;
        let fetch = format!("FETCH {FETCHED} FROM {name}");
        loop {
            let rows = self.mover.wait(self.client.query(&fetch, &[])).map_err(|error| self.note(error))?;
            rows.iter().try_for_each(&mut visit)?;
            if rows.len() < FETCHED as usize {
                return self.run(&format!("CLOSE {name}"));
            }
        }
    }

    /// A statement that is asked once, so nothing is kept of it.
    pub(crate) fn rows_once(&self, sql: &str) -> Result<Vec<Row>, StoreError> {
        self.mover.wait(self.client.query(sql, &[])).map_err(|error| self.note(error))
    }

    /// Begins to write many rows of one table, whose columns `like` selects.
    pub(crate) fn copy_in(&self, copy: &str, like: &str) -> Result<CopyIn<'_>, StoreError> {
        let begun = async {
            let statement = self.client.prepare(like).await?;
            let types: Vec<Type> = statement.columns().iter().map(|column| column.type_().clone()).collect();
            Ok(BinaryCopyInWriter::new(self.client.copy_in(copy).await?, &types))
        };
        let writer = self.mover.wait(begun).map_err(|error| self.note(error))?;
        Ok(CopyIn { session: self, writer: Box::pin(writer) })
    }

    pub(crate) fn prepare(&self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(known) = self.prepared.borrow().get(sql) {
            return Ok(known.clone());
        }
        let text = numbered(sql);
        let made = self.mover.wait(self.client.prepare(&text)).map_err(|error| self.note(error))?;
        self.prepared.borrow_mut().insert(sql.to_owned(), made.clone());
        Ok(made)
    }

    fn note(&self, error: Error) -> StoreError {
        let error = failed(&error);
        self.failed.set(true);
        self.disordered.set(self.disordered.get() || error.is_of_order());
        error
    }
}

/// Rows on their way into one table.
pub(crate) struct CopyIn<'s> {
    session: &'s Session,
    writer: Pin<Box<BinaryCopyInWriter>>,
}

impl CopyIn<'_> {
    pub(crate) fn write(&mut self, row: &[Value<'_>]) -> Result<(), StoreError> {
        let written = self.session.mover.wait(self.writer.as_mut().write_raw(row.iter().copied()));
        written.map_err(|error| self.session.note(error))
    }

    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        self.session
            .mover
            .wait(self.writer.as_mut().finish())
            .map(drop)
            .map_err(|error| self.session.note(error))
    }
}

/// The statement with its parameters as PostgreSQL numbers them: `$1` for `?1`.
pub(crate) fn numbered(sql: &str) -> String {
    sql.replace('?', "$")
}

/// The rows of a statement that says of each row in its last column for which set it was found.
fn by_set(rows: Vec<Row>, sets: usize) -> Result<Vec<Vec<Row>>, StoreError> {
    let mut found: Vec<Vec<Row>> = (0..sets).map(|_| Vec::new()).collect();
    for row in rows {
        let nth = row.len().checked_sub(1).and_then(|at| row.try_get::<_, i64>(at).ok());
        let place = nth.and_then(|nth| found.get_mut(usize::try_from(nth).ok()?.checked_sub(1)?));
        place.ok_or(StoreError::Defect)?.push(row);
    }
    Ok(found)
}

fn count(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}
