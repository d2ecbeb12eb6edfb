//! The way between a server and its store, which a test can hold up, cut and mend.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    Store,
    Server,
}

#[derive(Default)]
struct State {
    away: bool,
    /// After so many more bytes in one direction, nothing moves any more.
    hold: Option<(bool, u64)>,
    held: bool,
    /// Everything that has moved towards the server.
    moved: u64,
    ends: Vec<TcpStream>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// A way; ends with the test.
#[derive(Clone)]
pub struct Way {
    address: String,
    shared: Arc<Shared>,
}

impl Way {
    pub fn to(store: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let (store, way) = (store.to_owned(), Self { address, shared });
        let shared = Arc::clone(&way.shared);
        std::thread::spawn(move || {
            for server in listener.incoming().map_while(Result::ok) {
                join(server, &store, &shared);
            }
        });
        way
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The connections break, and no new ones come about.
    pub fn cut(&self) {
        let mut state = self.shared.state.lock().unwrap();
        state.away = true;
        for end in state.ends.drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
        self.shared.changed.notify_all();
    }

    /// All is well again.
    pub fn mend(&self) {
        let mut state = self.shared.state.lock().unwrap();
        (state.away, state.hold, state.held) = (false, None, false);
        self.shared.changed.notify_all();
    }

    /// Nothing moves any more once so many bytes have moved that way.
    pub fn hold_after(&self, towards: Towards, bytes: u64) {
        self.shared.state.lock().unwrap().hold = Some((towards == Towards::Store, bytes));
    }

    /// Waits until that has happened.
    pub fn wait_until_held(&self) {
        let state = self.shared.state.lock().unwrap();
        drop(self.shared.changed.wait_while(state, |state| !state.held).unwrap());
    }

    /// How many bytes have moved towards the server.
    pub fn moved(&self) -> u64 {
        self.shared.state.lock().unwrap().moved
    }
}

fn join(server: TcpStream, store: &str, shared: &Arc<Shared>) {
    if shared.state.lock().unwrap().away {
        return;
    }
    let Ok(store) = TcpStream::connect(store) else { return };
    let end = |stream: &TcpStream| stream.try_clone().unwrap();
    shared.state.lock().unwrap().ends.extend([end(&server), end(&store)]);
    for (from, to, towards_store) in [(end(&server), end(&store), true), (store, server, false)] {
        let shared = Arc::clone(shared);
        std::thread::spawn(move || carry(from, to, towards_store, &shared));
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, towards_store: bool, shared: &Shared) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        let mut state = shared.state.lock().unwrap();
        if !towards_store {
            state.moved += read as u64;
        }
        match &mut state.hold {
            Some((which, left)) if *which == towards_store => match left.checked_sub(read as u64) {
                Some(rest) => *left = rest,
                None => {
                    state.held = true;
                    shared.changed.notify_all();
                    state = shared.changed.wait_while(state, |state| state.held && !state.away).unwrap();
                }
            },
            _ => {}
        }
        let away = state.away;
        drop(state);
        if away || to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
