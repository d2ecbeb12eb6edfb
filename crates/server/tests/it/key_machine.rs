//! B7: the key service on another machine: two that know each other, and whatever else knocks at the door.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::StatusCode;
use carnet_core::document::PublicKey;
use carnet_core::id::{Digest, ServerId};
use carnet_core::time::{Seconds, Time};
use carnet_seal::keys::RootPin;
use carnet_seam::fs::replace_file;
use carnet_seam::{Clock, Crash, RealFs, SystemClock};
use carnet_server::admission::Policy;
use carnet_server::key_service::vault::Outside;
use carnet_server::key_service::{Apart, Half, KeyService, KeyServiceError, Place, Vault, machine, pair};
use carnet_testkit::{FakeClock, SeededRandom};

use crate::process::{complaint, printed, run};
use crate::provision::{delivered, sold};
use crate::world::{Folder, START, World};

/// Longer than a call takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

fn now() -> Time {
    Time(SystemClock.wall_micros())
}

/// Both halves in files: of the key service, of the public server.
fn halves(folder: &Path, name: &str, made: Time) -> [PathBuf; 2] {
    let texts = pair::make(made, Seconds(86_400)).unwrap();
    let paths = ["service", "server"].map(|side| folder.join(format!("{name}-{side}.pair")));
    for (path, text) in paths.iter().zip(&texts) {
        replace_file(&RealFs::default(), path, text.as_bytes()).unwrap();
    }
    paths
}

fn vault(folder: &Path, pin: RootPin) -> Arc<Vault> {
    let (clock, random) = (FakeClock::at(START), SeededRandom::new(11));
    let outside =
        Outside { fs: Arc::new(RealFs::default()), random: Arc::new(random), clock: Arc::new(clock) };
    let folder = folder.join("vault");
    carnet_server::data::prepare(&RealFs::default(), &folder).unwrap();
    Arc::new(Vault::open(outside, &folder, pin).unwrap())
}

/// A key service that listens, until the test ends.
fn listening(vault: &Arc<Vault>, half: &Path, patience: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = Half::load(&RealFs::default(), half).unwrap().listening().unwrap();
    let (address, vault) = (listener.local_addr().unwrap(), Arc::clone(vault));
    std::thread::spawn(move || machine::serve(&listener, &config, &vault, patience));
    address
}

fn place(address: SocketAddr, pair: &Path) -> Place {
    Place::Machine { address: address.to_string(), pair: pair.to_owned() }
}

fn asked(address: SocketAddr, pair: &Path) -> Result<PublicKey, KeyServiceError> {
    KeyService::Apart(Apart::at(&place(address, pair), &RealFs::default()).unwrap()).public()
}

fn away(asked: Result<PublicKey, KeyServiceError>) -> String {
    match asked.unwrap_err() {
        KeyServiceError::Away(why) => why,
        refused @ KeyServiceError::Refused(_) => panic!("{refused}"),
    }
}

fn some_pin() -> RootPin {
    RootPin { server: ServerId([1; 16]), root: Digest([2; 32]) }
}

#[test]
fn b7_each_side_accepts_the_other_and_nobody_else() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.data()).unwrap();
    let vault = vault(&folder.data(), some_pin());
    let [service, server] = halves(&folder.data(), "ours", now());
    let [their_service, their_server] = halves(&folder.data(), "theirs", now());
    let (ours, theirs) = (listening(&vault, &service, PATIENCE), listening(&vault, &their_service, PATIENCE));
    assert_eq!(asked(ours, &server), Ok(vault.public()));
    assert_eq!(asked(theirs, &their_server), Ok(vault.public()));
    for (address, pair) in [(ours, &their_server), (theirs, &server), (ours, &service)] {
        let why = away(asked(address, pair));
        assert!(why.contains("certificate"), "{why}");
    }
    // Whoever knows the key service's certificate, but has another key than the server.
    let blocks = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.split_inclusive("-----\n").collect::<Vec<_>>().chunks(2).map(<[_]>::concat).collect::<Vec<_>>()
    };
    let (theirs, known) = (blocks(&their_server), blocks(&server));
    let forged = folder.data().join("forged.pair");
    let text = [&theirs[0], &theirs[1], &known[2]].map(String::as_str).concat();
    replace_file(&RealFs::default(), &forged, text.as_bytes()).unwrap();
    away(asked(ours, &forged));
    assert_eq!(asked(ours, &server), Ok(vault.public()), "who was refused is in nobody's way");
}

#[test]
fn b7_an_expired_pair_is_refused_and_says_what_to_do() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.data()).unwrap();
    let vault = vault(&folder.data(), some_pin());
    let [service, server] = halves(&folder.data(), "old", now().minus(Seconds(90_000)));
    let address = listening(&vault, &service, PATIENCE);
    let why = away(asked(address, &server));
    assert!(why.contains("expired") && why.contains("carnetd keys pair"), "{why}");
    // Whoever calls all the same finds that the other side does not accept it either.
    let half = Half::load(&RealFs::default(), &server).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let name = "key-service.carnet".try_into().unwrap();
    let mut call = tokio_rustls::rustls::ClientConnection::new(half.calling().unwrap(), name).unwrap();
    let refused = (0..8).find_map(|_| call.complete_io(&mut stream).err()).unwrap();
    assert!(refused.to_string().contains("xpired"), "{refused}");
}

#[test]
fn b7_whoever_speaks_slowly_plainly_or_not_at_all_is_sent_away() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.data()).unwrap();
    let vault = vault(&folder.data(), some_pin());
    let [service, server] = halves(&folder.data(), "ours", now());
    let patience = Duration::from_millis(1_500);
    let address = listening(&vault, &service, patience);

    let mut plain = TcpStream::connect(address).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: keys\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    // An alert (RFC 8446 section 6), or an end: no reply in any case.
    let _ = plain.read_to_end(&mut answer);
    assert!(answer.len() < 16, "{answer:?}");

    // Enough of a beginning to be waited for, one byte at a time.
    let mut slow = TcpStream::connect(address).unwrap();
    let hello = [&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3][..], &[0; 200]].concat();
    let sent = AtomicUsize::new(0);
    let ended = hello.iter().chain(std::iter::repeat(&0)).take(2_000).any(|byte| {
        SystemClock.sleep(Duration::from_millis(25));
        sent.fetch_add(1, Ordering::Relaxed);
        slow.write_all(&[*byte]).is_err()
    });
    assert!(ended && sent.into_inner() < 1_000, "bytes do not buy time");

    let silent: Vec<_> = (0..64).map(|_| TcpStream::connect(address).unwrap()).collect();
    let answered = (0..200).any(|_| {
        SystemClock.sleep(Duration::from_millis(50));
        asked(address, &server).is_ok()
    });
    assert!(answered, "places are free again when patience is over");
    drop(silent);
}

/// Lets so many bytes of each call through to where the door leads, then cuts the line.
fn cutting(door: &Arc<OnceLock<SocketAddr>>, bytes: &Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, door, bytes) = (listener.local_addr().unwrap(), Arc::clone(door), Arc::clone(bytes));
    std::thread::spawn(move || {
        for here in listener.incoming() {
            let (mut here, mut there) = (here.unwrap(), TcpStream::connect(door.get().unwrap()).unwrap());
            let (mut back_from, mut back_to) = (there.try_clone().unwrap(), here.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut back_from, &mut back_to);
                let _ = back_to.shutdown(Shutdown::Both);
            });
            let left = bytes.load(Ordering::Relaxed) as u64;
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut Read::by_ref(&mut here).take(left), &mut there);
                let _ = (here.shutdown(Shutdown::Both), there.shutdown(Shutdown::Both));
            });
        }
    });
    address
}

const ALL: usize = usize::MAX >> 1;

#[tokio::test]
async fn b7_while_the_line_is_cut_the_server_is_ready_the_order_waits_and_the_metric_counts() {
    let folder = Arc::new(Folder::new());
    let [service, server] = halves(folder.data().parent().unwrap(), "ours", now());
    // The key service believes the server's root, so the server is there first.
    let (bytes, door) = (Arc::new(AtomicUsize::new(ALL)), Arc::new(OnceLock::new()));
    let address = cutting(&door, &bytes);
    let (clock, random) = (FakeClock::at(START), Arc::new(SeededRandom::new(7)));
    let at = Some(place(address, &server));
    let world = World::at(clock, random, folder.clone(), Crash::never(), Policy::default(), at);
    let pin = RootPin { server: world.server.keys().server(), root: world.server.keys().root() };
    let vault = vault(folder.data().parent().unwrap(), pin);
    door.set(listening(&vault, &service, PATIENCE)).unwrap();

    let mut sold = sold(&world).await;
    let transaction = sold.order(&world).await;
    let request = sold.device.request(&world, Some(&sold.app), sold.redemption(transaction));
    let message = sold.device.message(&request);
    for cut_after in [0, 1, 100, 400, 1_000, 1_500] {
        bytes.store(cut_after, Ordering::Relaxed);
        let answer = world.document(message.clone()).await;
        assert_eq!(answer.code(), "unavailable", "{cut_after}");
        assert_eq!(world.get("/readyz").await.status, StatusCode::OK, "{cut_after}");
    }
    let counted = world.metrics().await;
    assert!(counted.contains("carnet_key_service_missed_total 6"), "{counted}");
    bytes.store(ALL, Ordering::Relaxed);
    let answer = world.document(message).await;
    delivered(&sold.device.receive(&world, &request, &answer.body));
}

#[test]
fn b7_a_pair_is_made_once_and_settings_that_do_not_fit_are_told() {
    let folder = Folder::new();
    let data = folder.data();
    let to = data.join("pairs");
    let to = to.to_str().unwrap();
    let made = run(&data, &["keys", "pair", "--to", to]);
    assert!(made.status.success(), "{}", complaint(&made));
    let text = printed(&made);
    for word in
        ["key-service.pair", "server.pair", "--key-service tls://HOST:PORT", "--listen ADDRESS --pair FILE"]
    {
        assert!(text.contains(word), "{text}");
    }
    let again = run(&data, &["keys", "pair", "--to", to]);
    assert!(
        !again.status.success() && complaint(&again).contains("is there already"),
        "{}",
        complaint(&again)
    );
    let pair = format!("{to}/server.pair");
    for (arguments, said) in [
        (&["serve", "--key-service", "tls://keys:8475"][..], "--key-service-pair"),
        (&["serve", "--key-service-pair", &pair][..], "tls://HOST:PORT"),
        (&["serve", "--key-service", "tls://keys", "--key-service-pair", &pair][..], "has a port"),
        (&["keys", "serve", "--listen", "127.0.0.1:0"][..], "--pair"),
        (&["keys", "serve"][..], "--socket"),
    ] {
        let refused = run(&data, arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {}", complaint(&refused));
        assert!(complaint(&refused).contains(said), "{arguments:?}: {}", complaint(&refused));
    }
}
