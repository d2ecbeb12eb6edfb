//! Who moves the bytes of a session.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use futures_executor::block_on;
use tokio::runtime::Runtime;

/// One of two, for each session.
pub(super) enum Mover {
    /// A thread that serves many sessions. What happens to one is noticed at once, also while nobody asks it anything.
    Thread {
        /// Without it, nobody moves them.
        _background: Arc<Background>,
    },
    /// Whoever waits for an answer, meanwhile: nobody has to be woken twice for each answer. For sessions on which others
    /// wait, that are asked all the time. Not to be waited for inside another runtime.
    Asker(Box<Asker>),
}

impl Mover {
    /// Waits for what a session was asked.
    pub(super) fn wait<T>(&self, asked: impl Future<Output = T>) -> T {
        match self {
            Self::Thread { .. } => block_on(asked),
            Self::Asker(asker) => asker.wait(asked),
        }
    }
}

/// The thread.
pub(super) struct Background(pub(super) Option<Runtime>);

impl Drop for Background {
    fn drop(&mut self) {
        // Waiting for it is not allowed on every thread that may be the last one here.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The bytes of one session, moved until it ends.
pub(super) type Moving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How long a session may take to say that it ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// A session without a thread.
pub(super) struct Asker {
    moving: RefCell<Option<Moving>>,
    runtime: Runtime,
}

/// Whoever asked is gone by now, so that what is left to say is that the session ends: a pooler would take silence for a crash.
impl Drop for Asker {
    fn drop(&mut self) {
        if let Some(moving) = self.moving.get_mut().take() {
            // Where it cannot be said, the system will say it.
            let _ = self.runtime.block_on(async { tokio::time::timeout(FAREWELL, moving).await });
        }
    }
}

impl Asker {
    pub(super) fn new(runtime: Runtime, moving: Moving) -> Self {
        Self { moving: RefCell::new(Some(moving)), runtime }
    }

    fn wait<T>(&self, asked: impl Future<Output = T>) -> T {
        let mut asked = pin!(asked);
        self.runtime.block_on(poll_fn(|context| {
            self.go_on(context);
            asked.as_mut().poll(context)
        }))
    }

    /// What has ended is let go, so that whoever still waits for it hears of it.
    fn go_on(&self, context: &mut Context<'_>) {
        let mut moving = self.moving.borrow_mut();
        if moving.as_mut().is_some_and(|bytes| bytes.as_mut().poll(context).is_ready()) {
            *moving = None;
        }
    }
}
