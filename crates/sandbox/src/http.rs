//! One thread that answers on this machine, one exchange at a time.

use std::io::{BufRead, BufReader, Error, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use carnet_seam::net::Method;
use carnet_testkit::FakeServer;

/// A body that is larger is none of ours.
const LARGEST_BODY: usize = 1 << 20;
/// Who connects and says nothing is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server that can be reached until this is dropped.
#[derive(Debug)]
pub(crate) struct Reachable {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Reachable {
    /// At this port of this machine; 0 for any that is free.
    pub fn at(port: u16, server: FakeServer) -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let (address, over) = (listener.local_addr()?, Arc::new(AtomicBool::new(false)));
        let told = over.clone();
        let thread = std::thread::spawn(move || {
            let connections = listener.incoming().take_while(|_| !told.load(Ordering::SeqCst));
            connections.flatten().for_each(|stream| {
                // Whoever hangs up has no answer; nobody else is concerned.
                let _ = answer(&server, &stream);
            });
        });
        Ok(Self { address, over, thread: Some(thread) })
    }

    pub const fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Reachable {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // The thread sits and waits for a connection: here is one.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// HTTP/1.1, as much of it as the carrier speaks.
fn answer(server: &FakeServer, mut stream: &TcpStream) -> Result<(), Error> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(Error::other)?;
        }
    }
    let mut body = vec![0; LARGEST_BODY.min(length)];
    reader.read_exact(&mut body)?;
    let path = first.split(' ').nth(1).unwrap_or_default();
    let method = if first.starts_with("POST") { Method::Post } else { Method::Get };
    let answer = server.answer_to(method, path, &body);
    let (status, kind, length) = (answer.status, answer.content_type, answer.body.len());
    write!(
        stream,
        "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )?;
    stream.write_all(&answer.body)
}
