//! A connection that may take so long altogether, however slowly the other side speaks.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use carnet_seam::{Clock, SystemClock};

/// A stream that can be told how long to wait.
pub trait Timed: Read + Write {
    /// Waits no longer than this for the next bytes, either way.
    ///
    /// # Errors
    /// What the system reports.
    fn wait_at_most(&self, length: Duration) -> io::Result<()>;
}

impl Timed for UnixStream {
    fn wait_at_most(&self, length: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(length))?;
        self.set_write_timeout(Some(length))
    }
}

impl Timed for TcpStream {
    fn wait_at_most(&self, length: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(length))?;
        self.set_write_timeout(Some(length))
    }
}

/// A stream with an end to its patience.
#[derive(Debug)]
pub struct Patient<S> {
    stream: S,
    until: u64,
}

impl<S: Timed> Patient<S> {
    /// Everything on this stream together takes no longer than this.
    pub fn new(stream: S, length: Duration) -> Self {
        let length = u64::try_from(length.as_micros()).unwrap_or(u64::MAX);
        Self { stream, until: SystemClock.boot_micros().saturating_add(length) }
    }

    fn wait(&self) -> io::Result<()> {
        let left = self.until.saturating_sub(SystemClock.boot_micros());
        if left == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.wait_at_most(Duration::from_micros(left))
    }
}

impl<S: Timed> Read for Patient<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait()?;
        self.stream.read(buffer)
    }
}

impl<S: Timed> Write for Patient<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait()?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
