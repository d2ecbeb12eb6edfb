//! Load on a server: closed loop, open loop, and everybody at once; and what became of it.
//!
//! * **closed loop**: each connection asks again once it has its answer: how much the server can do;
//! * **open loop**: requests go off at a steady rate, whether or not answers come, and their latencies count from when they
//!   were planned. A server that stops for a second makes a thousand requests late in a thousand a second, not one;
//! * **at once**: a connection for each request, all in the same moment.
//!
//! All answers are kept, to be checked when the clock has stopped ([`Tally::told`], [`crate::history`]).

mod client;
pub mod table;

pub use client::{Connection, PASS};

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use carnet_core::document::{Answer, Request};
use carnet_seam::{Clock, SystemClock};
use hdrhistogram::Histogram;
use hyper::body::Bytes;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::history::History;

/// Why a load could not be made.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A request, and how it travels.
#[derive(Debug, Clone)]
pub struct Message {
    /// What is asked.
    pub request: Arc<Request>,
    /// With its signature and proofs.
    pub bytes: Bytes,
}

/// What the connections of one round have seen.
#[derive(Debug)]
pub struct Tally {
    /// Latencies of answers.
    pub micros: Histogram<u64>,
    /// Whatever was not answered with a pass.
    pub errors: u64,
    /// The first of them.
    pub error: Option<String>,
    /// All answers, each with its request.
    pub answers: Vec<(Arc<Request>, Bytes)>,
    /// How long the round took.
    pub seconds: f64,
}

impl Tally {
    /// Nothing seen yet.
    ///
    /// # Errors
    /// Never: the bounds are good.
    pub fn new() -> Result<Self, Failed> {
        let micros = Histogram::new_with_bounds(1, 120_000_000, 3)?;
        Ok(Self { micros, errors: 0, error: None, answers: Vec::new(), seconds: 0.0 })
    }

    /// Answers in a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.micros.len() as f64 / self.seconds
    }

    /// Writes all answers down in a history; `open` reads one, if it is what a device would accept. Returns how many are
    /// not.
    pub fn told(&mut self, history: &History, open: impl Fn(&Request, &[u8]) -> Option<Answer>) -> u64 {
        let mut wrong = 0;
        for (request, document) in std::mem::take(&mut self.answers) {
            match open(&request, &document) {
                Some(answer) => history.told(&request, &answer, &document),
                None => wrong += 1,
            }
        }
        wrong
    }

    fn take(&mut self, request: Arc<Request>, micros: u64, outcome: Result<Bytes, Failed>) -> Option<Bytes> {
        match outcome {
            Ok(answer) => {
                self.micros.saturating_record(micros);
                self.answers.push((request, answer.clone()));
                Some(answer)
            }
            Err(error) => {
                self.errors += 1;
                self.error.get_or_insert_with(|| error.to_string());
                None
            }
        }
    }

    fn add(&mut self, other: Self) -> Result<(), Failed> {
        self.micros.add(other.micros)?;
        self.errors += other.errors;
        self.error = self.error.take().or(other.error);
        self.answers.extend(other.answers);
        Ok(())
    }
}

/// Where a connection has its next request from.
pub trait Source: Send + 'static {
    /// The next request; none: there are no more.
    ///
    /// # Errors
    /// When it cannot be made.
    fn next(&mut self) -> Result<Option<Message>, Failed>;

    /// What its answer was.
    ///
    /// # Errors
    /// When it cannot be read.
    fn answered(&mut self, _: &[u8]) -> Result<(), Failed> {
        Ok(())
    }
}

/// Signed beforehand, shared by all connections.
#[derive(Debug, Clone)]
pub struct Signed {
    messages: Arc<Vec<Message>>,
    next: Arc<AtomicUsize>,
    /// Where nothing comes of a request it may come again.
    again: bool,
}

impl Signed {
    /// These; from the first one on when all had their turn, if they may come again.
    #[must_use]
    pub fn of(messages: Arc<Vec<Message>>, again: bool) -> Self {
        Self { messages, next: Arc::default(), again }
    }
}

impl Source for Signed {
    fn next(&mut self) -> Result<Option<Message>, Failed> {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        let at = if self.again { at % self.messages.len() } else { at };
        Ok(self.messages.get(at).cloned())
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failed> {
    // One thread: the servers need the rest of the machine.
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

async fn together(mut tasks: JoinSet<Result<Tally, Failed>>, began: u64) -> Result<Tally, Failed> {
    let mut all = Tally::new()?;
    while let Some(done) = tasks.join_next().await {
        all.add(done??)?;
    }
    all.seconds = (SystemClock.boot_micros() - began) as f64 / 1e6;
    Ok(all)
}

async fn connect(address: SocketAddr, count: usize) -> Result<Vec<Connection>, Failed> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        connections.push(Connection::open(address).await?);
    }
    Ok(connections)
}

/// Each connection asks again as soon as it has its answer.
///
/// # Errors
/// When a connection cannot be made; what is answered wrongly is counted.
pub fn closed<S: Source>(address: SocketAddr, sources: Vec<S>, seconds: u64) -> Result<Tally, Failed> {
    runtime()?.block_on(async {
        let connections = connect(address, sources.len()).await?;
        let began = SystemClock.boot_micros();
        let end = began + seconds * 1_000_000;
        let mut tasks = JoinSet::new();
        for (connection, source) in connections.into_iter().zip(sources) {
            tasks.spawn(ask_until(end, connection, source));
        }
        together(tasks, began).await
    })
}

async fn ask_until<S: Source>(end: u64, mut connection: Connection, mut source: S) -> Result<Tally, Failed> {
    let mut tally = Tally::new()?;
    while SystemClock.boot_micros() < end {
        let Some(Message { request, bytes }) = source.next()? else { break };
        let sent = SystemClock.boot_micros();
        let outcome = connection.renew(bytes).await;
        let Some(answer) = tally.take(request, SystemClock.boot_micros() - sent, outcome) else { break };
        source.answered(&answer)?;
    }
    Ok(tally)
}

/// Sends these evenly, so many in a second, over whichever connection is free. Latencies count from when a request
/// was planned, so one that waits for a connection is as late as it is for the device.
///
/// # Errors
/// When a connection cannot be made; what is answered wrongly is counted.
pub fn open(
    address: SocketAddr,
    messages: Vec<Message>,
    rate: f64,
    connections: usize,
) -> Result<Tally, Failed> {
    runtime()?.block_on(async {
        let connections = connect(address, connections).await?;
        let began = SystemClock.boot_micros();
        let (sender, planned) = mpsc::unbounded_channel();
        // Timers of the runtime are good to a millisecond only.
        let pacing = std::thread::spawn(move || pace(began, rate, messages, &sender));
        let planned = Arc::new(Mutex::new(planned));
        let mut tasks = JoinSet::new();
        for connection in connections {
            tasks.spawn(ask_planned(connection, planned.clone()));
        }
        let all = together(tasks, began).await;
        pacing.join().map_err(|_| "the thread that paces ended in a panic")?;
        all
    })
}

type Planned = (u64, Message);

fn pace(began: u64, rate: f64, messages: Vec<Message>, sender: &mpsc::UnboundedSender<Planned>) {
    for (number, message) in messages.into_iter().enumerate() {
        let planned = began + (number as f64 * 1e6 / rate) as u64;
        let early = planned.saturating_sub(SystemClock.boot_micros());
        if early > 0 {
            SystemClock.sleep(std::time::Duration::from_micros(early));
        }
        if sender.send((planned, message)).is_err() {
            return;
        }
    }
}

async fn ask_planned(
    mut connection: Connection,
    planned: Arc<Mutex<mpsc::UnboundedReceiver<Planned>>>,
) -> Result<Tally, Failed> {
    let mut tally = Tally::new()?;
    loop {
        let Some((due, Message { request, bytes })) = planned.lock().await.recv().await else { break };
        let outcome = connection.renew(bytes).await;
        if tally.take(request, SystemClock.boot_micros() - due, outcome).is_none() {
            break;
        }
    }
    Ok(tally)
}

/// Every request over a connection of its own, all at once. Latencies count from the beginning.
///
/// # Errors
/// When a connection cannot be made; what is answered wrongly is counted.
pub fn at_once(address: SocketAddr, messages: Vec<Message>) -> Result<Tally, Failed> {
    runtime()?.block_on(async {
        let began = SystemClock.boot_micros();
        let mut tasks = JoinSet::new();
        for Message { request, bytes } in messages {
            tasks.spawn(async move {
                let outcome = async { Connection::open(address).await?.renew(bytes).await }.await;
                (request, SystemClock.boot_micros() - began, outcome)
            });
        }
        let mut tally = Tally::new()?;
        while let Some(done) = tasks.join_next().await {
            let (request, micros, outcome) = done?;
            tally.take(request, micros, outcome);
        }
        tally.seconds = (SystemClock.boot_micros() - began) as f64 / 1e6;
        Ok(tally)
    })
}
