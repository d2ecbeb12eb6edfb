//! `carnetd health`

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use carnet_api::Problem;
use carnet_api::path::READYZ;

use super::{Exit, Stopped, say};
use crate::config::Listen;

/// A server that takes longer is not well.
const PATIENCE: Duration = Duration::from_secs(5);
/// Far more than the answer has.
const MOST_BYTES: u64 = 65_536;

/// Asks the server of this machine whether it is ready, as its settings say where it listens.
pub fn run(listen: &Listen) -> Result<Exit, Stopped> {
    let address = address(listen)?;
    let answer = ask(address)
        .map_err(|error| Stopped::because(format_args!("no server answers on {address}: {error}")))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.split(' ').nth(1) == Some("200") {
        return say(format_args!("ready\n"));
    }
    let problem = serde_json::from_str::<Problem>(body).map(|problem| problem.detail);
    let said = problem.unwrap_or_else(|_| head.lines().next().unwrap_or_default().to_owned());
    Err(Stopped::because(format_args!("the server on {address} is not ready: {said}")))
}

/// Where it can be asked without TLS: first where it is measured.
fn address(listen: &Listen) -> Result<SocketAddr, Stopped> {
    let unfit = |message: String| Stopped { exit: Exit::Usage, message };
    let tls = listen.tls.files().map_err(|error| unfit(error.to_string()))?.is_some();
    let mut address = match listen.metrics.metrics_listen {
        Some(address) => address,
        None if tls => {
            return Err(unfit(
                "the server speaks TLS: set `metrics-listen`, where it can be asked without".into(),
            ));
        }
        None => listen.listen,
    };
    if address.port() == 0 {
        return Err(unfit(format!("{address} is a free port, which nobody knows: name one")));
    }
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Ok(address)
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET {READYZ} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(MOST_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}
