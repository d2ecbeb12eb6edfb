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
        self.on(&mut borrowed.connection, Connection::begin_reading)?;
        work(borrowed.connection.as_ref().ok_or(StoreError::Closed)?)
    }

    /// Runs `work`, which asks a single question, without a transaction around it: across a connection that is one round trip
    /// and not three.
    pub(crate) fn ask<T>(
        &self,
        work: impl Fn(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut borrowed = Borrowed { connection: self.take()?, begun: false, readers: self };
        self.on(&mut borrowed.connection, work)
    }

    /// A connection that is found lost is made again, once.
    fn on<T>(
        &self,
        place: &mut Option<Connection>,
        work: impl Fn(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match place.as_ref().map(&work) {
            None | Some(Err(StoreError::Unreachable { .. } | StoreError::Pooled)) => *place = None,
            Some(done) => return done,
        }
        work(place.insert((self.open)()?))
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
