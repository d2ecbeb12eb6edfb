//! Wrong codes: a few are a mistake, many are somebody trying.
//!
//! Counted by address, and by user where a known device tries; in the database, so that a restart forgives nothing. A
//! wrong code names nobody else: who made it, or whose it might have been, is not known. Of an address only a digest
//! is kept, and only until the last wrong code is forgotten. A code has 128 bits: this keeps the log readable and the
//! database idle rather than the code secret.

use std::time::Duration;

use carnet_api::ProblemCode;
use carnet_core::id::{Digest, UserId};
use carnet_core::time::Time;
use carnet_store::Submission;

use crate::admission::{Client, later};
use crate::ids::sha256;
use crate::problem::Failure;
use crate::server::Server;

/// So long a wrong code counts when there were as many as are allowed.
const WINDOW: i64 = 3_600_000_000;

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Whoever asks from this address.
    Client(Client),
    /// All devices of this user.
    User(UserId),
}

impl Subject {
    /// Another one at each server, so that digests of addresses cannot be compared between servers.
    fn digest(self, server: &Server) -> Digest {
        let who = match self {
            Self::Client(client) => format!("client {client}"),
            Self::User(user) => format!("user {user}"),
        };
        sha256(&[b"carnet attempts ", &server.keys().server().0, b" ", who.as_bytes()])
    }
}

/// Asked before a code is looked at, so that a right one among many wrong ones is not found out either.
///
/// # Errors
/// [`ProblemCode::TooManyAttempts`] when there were too many wrong ones.
pub async fn may_try(server: &Server, subject: Subject) -> Result<(), Failure> {
    let Some(step) = step(server) else { return Ok(()) };
    let digest = subject.digest(server);
    let until = server.read(move |tx| tx.attempts_until(&digest)).await?;
    match wait(until, server.now(), step) {
        None => Ok(()),
        Some(wait) => Err(later(ProblemCode::TooManyAttempts, "too many wrong codes came", wait)),
    }
}

/// A wrong code came.
///
/// # Errors
/// When the database fails.
pub async fn note(server: &Server, subject: Subject) -> Result<(), Failure> {
    let Some(step) = step(server) else { return Ok(()) };
    let (digest, now) = (subject.digest(server), server.now());
    let noted = server.write("attempts.note", move |tx| {
        tx.forget_attempts(now)?;
        let until = tx.attempts_until(&digest)?;
        Ok(tx.put_attempts(&digest, after(until, now, step))?)
    });
    noted.await
}

/// Counts the code that a device shows, where it shows one that nobody has made.
///
/// # Errors
/// [`ProblemCode::TooManyAttempts`] when there were too many wrong ones before.
pub async fn watch(server: &Server, client: Client, submission: &Submission) -> Result<(), Failure> {
    let Some(code) = submission.code else { return Ok(()) };
    let known = server.device_keys(submission.request.journal.device).await?;
    let subject = known.map_or(Subject::Client(client), |known| Subject::User(known.user));
    may_try(server, subject).await?;
    let made = server.read(move |tx| tx.knows_code(&code)).await?;
    if made { Ok(()) } else { note(server, subject).await }
}

/// What one wrong code costs, in microseconds; none: nobody counts.
fn step(server: &Server) -> Option<i64> {
    match server.admission().policy().wrong_codes_per_hour {
        0 => None,
        most => Some(WINDOW / i64::from(most)),
    }
}

/// Each wrong code moves the end of the waiting on by one step, and nobody may be further ahead than the window.
fn after(until: Option<Time>, now: Time, step: i64) -> Time {
    Time(since_now(until, now) + now.0 + step)
}

fn wait(until: Option<Time>, now: Time, step: i64) -> Option<Duration> {
    let over = since_now(until, now) + step - WINDOW;
    u64::try_from(over).ok().filter(|over| *over > 0).map(Duration::from_micros)
}

/// A clock set back must not close the door for longer than the window.
fn since_now(until: Option<Time>, now: Time) -> i64 {
    until.map_or(0, |until| until.0.saturating_sub(now.0).clamp(0, WINDOW))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: i64 = WINDOW / 30;

    #[test]
    fn after_thirty_wrong_codes_there_is_one_more_every_two_minutes() {
        let now = Time(WINDOW);
        let mut until = None;
        for _ in 0..30 {
            assert_eq!(wait(until, now, STEP), None);
            until = Some(after(until, now, STEP));
        }
        assert_eq!(wait(until, now, STEP), Some(Duration::from_secs(120)));
        let later = Time(now.0 + STEP);
        assert_eq!(wait(until, later, STEP), None);
        until = Some(after(until, later, STEP));
        assert_eq!(wait(until, later, STEP), Some(Duration::from_secs(120)));
        assert_eq!(wait(until, Time(later.0 + WINDOW), STEP), None);
    }

    #[test]
    fn a_clock_set_back_closes_the_door_for_no_longer_than_the_window() {
        let until = Some(after(None, Time(100 * WINDOW), STEP));
        assert_eq!(wait(until, Time(WINDOW), STEP), Some(Duration::from_secs(120)));
    }
}
