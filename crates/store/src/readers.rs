//! A few connections that read.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::StoreError;
use crate::connection::Connection;

type Open = Box<dyn Fn() -> Result<Connection, StoreError> + Send + Sync>;

pub(crate) struct Readers {
    open: Open,
    /// How long a reader waits for a connection before it is told that there are too many of them.
    patience: Duration,
    /// None inside: a connection that was lost and is made again when somebody needs it.
    idle: Mutex<Option<Vec<Option<Connection>>>>,
    returned: Condvar,
}

impl Readers {
    pub(crate) fn open(count: usize, patience: Duration, open: Open) -> Result<Self, StoreError> {
        let connections = (0..count).map(|_| open().map(Some)).collect::<Result<_, _>>()?;
        Ok(Self { open, patience, idle: Mutex::new(Some(connections)), returned: Condvar::new() })
    }

    /// Runs `work` over one snapshot.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut borrowed = Borrowed { connection: self.take()?, begun: true, readers: self };
        let connection = self.begin(&mut borrowed.connection)?;
        work(connection)
    }

    /// Runs `work`, which asks a single question, without a transaction around it: across a connection that is one round trip
    /// and not three. A connection that is found lost is made again, once.
    pub(crate) fn ask<T>(
        &self,
        work: impl Fn(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut borrowed = Borrowed { connection: self.take()?, begun: false, readers: self };
        match borrowed.connection.as_ref().map(&work) {
            Some(Err(error)) if error.is_of_connection() => {}
            Some(done) => return done,
            None => {}
        }
        borrowed.connection = None;
        work(borrowed.connection.insert((self.open)()?))
    }

    /// A connection that is found lost is made again, once.
    fn begin<'a>(&self, place: &'a mut Option<Connection>) -> Result<&'a Connection, StoreError> {
        let begun = place.as_ref().map(Connection::begin_reading);
        match begun {
            Some(Ok(())) => {}
            Some(Err(error)) if !matches!(error, StoreError::Unreachable { .. }) => return Err(error),
            _ => {
                *place = None;
                let fresh = (self.open)()?;
                fresh.begin_reading()?;
                *place = Some(fresh);
            }
        }
        place.as_ref().ok_or(StoreError::Closed)
    }

    fn take(&self) -> Result<Option<Connection>, StoreError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let connections = idle.as_mut().ok_or(StoreError::Closed)?;
            if let Some(connection) = connections.pop() {
                return Ok(connection);
            }
            let (again, waited) =
                self.returned.wait_timeout(idle, self.patience).unwrap_or_else(PoisonError::into_inner);
            idle = again;
            if waited.timed_out() && idle.as_ref().is_some_and(Vec::is_empty) {
                return Err(StoreError::Busy);
            }
        }
    }

    fn put(&self, connection: Option<Connection>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connections) = idle.as_mut() {
            connections.push(connection);
            self.returned.notify_one();
        }
    }

    pub(crate) fn close(&self) {
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.returned.notify_all();
    }
}

/// Goes back to the pool with its transaction ended, whatever happened in between.
struct Borrowed<'a> {
    connection: Option<Connection>,
    /// A transaction was begun.
    begun: bool,
    readers: &'a Readers,
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        if !self.begun {
            return self.readers.put(self.connection.take());
        }
        let ended = self.connection.take().filter(|connection| match connection.end_reading() {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "a reading connection is lost, another takes its place");
                false
            }
        });
        self.readers.put(ended);
    }
}
