//! Load: closed loop, open loop, and everybody at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use carnet_core::id::RequestId;
use carnet_seam::{Clock, SystemClock};
use hdrhistogram::Histogram;
use hyper::body::Bytes;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::Failed;
use crate::client::Connection;
use crate::population::{Known, Message};

/// One of so many answers is kept to be checked in full.
const SAMPLED: u64 = 64;

/// What the connections of one round have seen.
pub struct Tally {
    /// Latencies of answers.
    pub micros: Histogram<u64>,
    /// Whatever was not answered with a pass.
    pub errors: u64,
    /// The first of them.
    pub error: Option<String>,
    /// Answers to be checked, each with the id of its request.
    pub sample: Vec<(RequestId, Bytes)>,
    /// How long the round took.
    pub seconds: f64,
}

impl Tally {
    pub fn new() -> Result<Self, Failed> {
        let micros = Histogram::new_with_bounds(1, 120_000_000, 3)?;
        Ok(Self { micros, errors: 0, error: None, sample: Vec::new(), seconds: 0.0 })
    }

    /// Answers in a second.
    pub fn rate(&self) -> f64 {
        self.micros.len() as f64 / self.seconds
    }

    fn take(&mut self, id: RequestId, micros: u64, outcome: Result<Bytes, Failed>) -> Option<Bytes> {
        match outcome {
            Ok(answer) => {
                self.micros.saturating_record(micros);
                if self.micros.len() % SAMPLED == 1 {
                    self.sample.push((id, answer.clone()));
                }
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
        self.sample.extend(other.sample);
        Ok(())
    }
}

/// Where a connection has its next request from.
pub trait Source: Send + 'static {
    /// The next request; none: there are no more.
    fn next(&mut self) -> Result<Option<Message>, Failed>;

    /// What its answer was.
    fn answered(&mut self, _: &[u8]) -> Result<(), Failed> {
        Ok(())
    }
}

/// Signed beforehand, shared by all connections.
#[derive(Clone)]
pub struct Signed {
    messages: Arc<Vec<Message>>,
    next: Arc<AtomicUsize>,
    /// Nothing comes of a request to the reference server, so there it may come again.
    again: bool,
}

impl Signed {
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

/// Signed as they are needed: one device, which goes on from each answer.
impl Source for Known {
    fn next(&mut self) -> Result<Option<Message>, Failed> {
        Self::next(self).map(Some)
    }

    fn answered(&mut self, document: &[u8]) -> Result<(), Failed> {
        self.receive(document)
    }
}

/// Signed as they are needed: one device after the other.
impl Source for std::vec::IntoIter<Known> {
    fn next(&mut self) -> Result<Option<Message>, Failed> {
        Iterator::next(self).map(|known| known.next()).transpose()
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
        let Some((id, message)) = source.next()? else { break };
        let sent = SystemClock.boot_micros();
        let outcome = connection.renew(message).await;
        let Some(answer) = tally.take(id, SystemClock.boot_micros() - sent, outcome) else { break };
        source.answered(&answer)?;
    }
    Ok(tally)
}

/// Sends these evenly, so many in a second, over whichever connection is free. Latencies count from when a request
/// was planned, so one that waits for a connection is as late as it is for the device.
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
        let Some((due, (id, message))) = planned.lock().await.recv().await else { break };
        let outcome = connection.renew(message).await;
        if tally.take(id, SystemClock.boot_micros() - due, outcome).is_none() {
            break;
        }
    }
    Ok(tally)
}

/// Every request over a connection of its own, all at once. Latencies count from the beginning.
pub fn at_once(address: SocketAddr, messages: Vec<Message>) -> Result<Tally, Failed> {
    runtime()?.block_on(async {
        let began = SystemClock.boot_micros();
        let mut tasks = JoinSet::new();
        for (id, message) in messages {
            tasks.spawn(async move {
                let outcome = async { Connection::open(address).await?.renew(message).await }.await;
                (id, SystemClock.boot_micros() - began, outcome)
            });
        }
        let mut tally = Tally::new()?;
        while let Some(done) = tasks.join_next().await {
            let (id, micros, outcome) = done?;
            tally.take(id, micros, outcome);
        }
        tally.seconds = (SystemClock.boot_micros() - began) as f64 / 1e6;
        Ok(tally)
    })
}
