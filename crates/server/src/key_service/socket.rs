//! The key service behind a Unix socket: one call and one reply on each connection, each with its length before it.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use carnet_seal::cbor::{self, Cbor, Limits};

use super::message::{Call, Reply};
use super::patient::Patient;
use super::vault::Vault;

/// The most bytes of a call: three documents, and some more.
const LARGEST: u32 = 512 * 1024;
/// Neither side takes longer over a call and its reply.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the key service behind this socket.
///
/// # Errors
/// What the system reports, or that the reply is none.
pub fn ask(socket: &Path, call: &Call) -> io::Result<Reply> {
    exchange(&mut Patient::new(UnixStream::connect(socket)?, PATIENCE), call)
}

/// One call and its reply.
pub(super) fn exchange(stream: &mut (impl Read + Write), call: &Call) -> io::Result<Reply> {
    write(stream, call)?;
    read(stream)
}

/// Answers calls until the process ends. Each connection has a thread of its own, for [`PATIENCE`] at most.
///
/// # Errors
/// When the system gives no connections any more.
pub fn serve(listener: &UnixListener, vault: &Arc<Vault>) -> io::Result<()> {
    for stream in listener.incoming() {
        let (stream, vault) = (stream?, Arc::clone(vault));
        std::thread::Builder::new().name("key-service".into()).spawn(move || {
            if let Err(error) = attend(&mut Patient::new(stream, PATIENCE), &vault) {
                tracing::debug!(%error, "a call to the key service ended early");
            }
        })?;
    }
    Ok(())
}

/// Answers one call.
pub(super) fn attend(stream: &mut (impl Read + Write), vault: &Vault) -> io::Result<()> {
    let call: Call = read(stream)?;
    write(stream, &vault.answer(&call))
}

fn write(stream: &mut impl Write, message: &impl Cbor) -> io::Result<()> {
    let bytes = cbor::encode(message);
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= LARGEST);
    let length = length.ok_or(io::ErrorKind::InvalidInput)?;
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(&bytes)?;
    stream.flush()
}

fn read<T: Cbor>(stream: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length as usize];
    stream.read_exact(&mut bytes)?;
    let limits = Limits { bytes: LARGEST as usize, ..Limits::JOURNAL };
    cbor::decode_within(&bytes, limits).map_err(io::Error::other)
}
