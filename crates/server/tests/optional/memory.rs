//! A large image on its way through the server does not lie in its memory.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::installing::Shop;

const LENGTH: usize = 64 << 20;
const MOST: u64 = 24 << 20;

/// What Linux says of a process, in bytes.
fn memory(pid: u32, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

/// The highest it has been since this was asked for.
fn forget_peak(pid: u32) {
    let mut file = std::fs::OpenOptions::new().write(true).open(format!("/proc/{pid}/clear_refs")).unwrap();
    file.write_all(b"5").unwrap();
}

#[test]
fn b5_i18_64_mib_go_to_the_store_and_to_a_slow_user_in_bounded_memory() {
    let shop = Shop::open();
    let pid = shop.server.as_ref().unwrap().pid();
    let image = shop.build("1.0.0", LENGTH);
    // The peak and not what is left: what was given back is no excuse.
    let grown = |what: &str, before: u64| {
        let grown = memory(pid, "VmHWM:").saturating_sub(before);
        println!("{what}: {} MiB above {} MiB", grown >> 20, before >> 20);
        assert!(grown < MOST, "{what}: {} MiB", grown >> 20);
    };
    let before = memory(pid, "VmRSS:");
    let published = shop.publish(&image);
    grown("published", before);
    let id = published["id"].as_str().unwrap();
    let before = memory(pid, "VmRSS:");
    forget_peak(pid);
    // The reader stops again and again, and the server with it.
    let address = shop.server.as_ref().unwrap().url.trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    let head = format!("GET /v1/images/{id}/content HTTP/1.1\r\nhost: carnet\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let (mut length, mut bytes) = (0, vec![0; 1 << 20]);
    while let Ok(read @ 1..) = stream.read(&mut bytes) {
        if length < 4 << 20 {
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        length += read;
    }
    assert!(length > LENGTH, "{length}");
    grown("fetched", before);
}

/// Who goes away in the middle stops the fetching too.
#[test]
fn b5_nothing_more_is_fetched_for_somebody_who_has_gone_away() {
    let shop = Shop::open();
    let id = shop.publish(&shop.build("1.0.0", 32 << 20))["id"].as_str().unwrap().to_owned();
    let address = shop.server.as_ref().unwrap().url.trim_start_matches("http://").to_owned();
    let before = shop.way.moved();
    let mut stream = TcpStream::connect(&address).unwrap();
    let head = format!("GET /v1/images/{id}/content HTTP/1.1\r\nhost: carnet\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.read_exact(&mut vec![0; 1 << 20]).unwrap();
    drop(stream);
    // Another one, to its end: by then the first has long been noticed.
    let mut whole = TcpStream::connect(&address).unwrap();
    let head = format!(
        "GET /v1/images/{id}/content HTTP/1.1\r\nhost: carnet\r\nrange: bytes=0-8388607\r\nconnection: close\r\n\r\n"
    );
    whole.write_all(head.as_bytes()).unwrap();
    whole.read_to_end(&mut Vec::new()).unwrap();
    let moved = shop.way.moved() - before;
    assert!(moved < (8 + 24) << 20, "{} MiB were fetched for 9", moved >> 20);
}
