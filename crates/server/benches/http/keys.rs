//! Ordering a license key and presenting the order (B6, B7), over HTTP.
//!
//! Three servers with the same books and devices, all of them real processes: one with the key service inside, one with a key
//! service behind a Unix socket, one with a key service that is called by TLS. In each round, by turns at each of them and with one
//! connection and with sixteen: devices order and present, one after the other; then other devices renew. At the end of the round the
//! reference server answers renewals without deciding them.
//!
//! *Both* is the sum of the two latencies of one key; what the device does in between is not in it. Requests are signed, and answers
//! checked, between the measurements, by the same two cores.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use carnet_core::document::{Answer, Body, Effect, Operation};
use carnet_core::id::{ImageId, TransactionId};
use carnet_core::provision::KeyRedemption;
use carnet_core::time::{Seconds, Time};
use carnet_seal::Unverified;
use carnet_seam::fs::replace_file;
use carnet_seam::{Clock, RealFs, SystemClock};
use carnet_server::key_service::{Place, pair};
use carnet_server::keys::Current;
use carnet_testkit::load::table::{Latency, line, target};
use carnet_testkit::load::{self, Connection, Signed};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::image::OnSale;
use crate::population::{AGREEMENT_KEY, Known, Names, Population};
use crate::process::{self, Daemon};
use crate::{Arguments, Failed, fill};

/// How many connections are there at a time.
const CONNECTIONS: [usize; 2] = [1, 16];
/// Devices that use one connection, one key after the other.
const DEVICES: u64 = 32;

/// Measures, and says what came of it.
pub fn measure(arguments: &Arguments, folder: &Path) -> Result<(), Failed> {
    if arguments.licenses < Places::LAST {
        return Err(format!("at least {} licenses are needed", Places::LAST).into());
    }
    std::fs::create_dir_all(folder)?;
    let population = fill::open(folder, None, arguments.licenses, arguments.proofs, Names::Keys)?;
    let on_sale = OnSale::publish(&population.data, folder)?;
    let population = Population { keys: on_sale.keys().clone(), ..population };
    let reference = Daemon::reference(&population.reference)?;
    let mut shops = ["inside", "by socket", "by TLS"]
        .map(|way| Shop::open(way, folder, &population, &on_sale))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    let mut bare = CONNECTIONS.map(|_| Vec::new());
    for round in 0..arguments.rounds {
        for shop in &mut shops {
            for at in 0..CONNECTIONS.len() {
                shop.round(round, at, arguments.seconds)?;
            }
        }
        let numbers: Vec<u64> = Places::renewing(0).collect();
        let messages = Arc::new(population.messages(&numbers)?);
        for (connections, bare) in CONNECTIONS.into_iter().zip(&mut bare) {
            let sources = vec![Signed::of(messages.clone(), true); connections];
            bare.push(Latency::of(&load::closed(reference.address, sources, arguments.seconds)?.micros));
        }
    }
    for shop in &shops {
        shop.summed_up(&bare);
    }
    shops.into_iter().try_for_each(Shop::close)
}

/// Which devices do what.
struct Places;

impl Places {
    const OF_EACH: u64 = DEVICES * 16;
    /// More than that are not needed.
    const LAST: u64 = 4 * Self::OF_EACH;

    /// Those that order, with this number of connections.
    fn ordering(at: usize) -> std::ops::Range<u64> {
        let first = at as u64 * Self::OF_EACH;
        first..first + DEVICES * CONNECTIONS[at] as u64
    }

    /// Those that renew: one for each connection.
    fn renewing(at: usize) -> std::ops::Range<u64> {
        let first = (2 + at as u64) * Self::OF_EACH;
        first..first + CONNECTIONS[at] as u64
    }
}

/// A server, its devices, and what was seen there.
struct Shop {
    way: &'static str,
    population: Population,
    carnetd: Daemon,
    service: Option<Service>,
    image: ImageId,
    /// For each number of connections: those of each connection that order, and those that renew.
    ordering: Vec<Vec<Vec<Known>>>,
    renewing: Vec<Vec<u64>>,
    seen: Vec<Vec<Seen>>,
    keys: u64,
}

/// One round with one number of connections.
struct Seen {
    order: Latency,
    present: Latency,
    both: Latency,
    renew: Latency,
}

impl Shop {
    fn open(
        way: &'static str,
        folder: &Path,
        population: &Population,
        on_sale: &OnSale,
    ) -> Result<Self, Failed> {
        let folder = folder.join(way.replace(' ', "-"));
        let data = folder.join("data");
        fill::copy(&population.data, &data)?;
        let population = Population {
            data,
            reference: population.reference.clone(),
            keys: population.keys.clone(),
            app: population.app.clone(),
            url: None,
            ..*population
        };
        let mut ordering = Vec::new();
        for at in 0..CONNECTIONS.len() {
            let numbers: Vec<u64> = Places::ordering(at).collect();
            let connections = numbers.chunks(usize::try_from(DEVICES)?);
            ordering.push(connections.map(|some| population.all_known(some)).collect::<Result<_, _>>()?);
        }
        let service = match way {
            "inside" => {
                on_sale.hand_in_here(&population.data)?;
                None
            }
            "by socket" => Some(Service::behind_socket(&folder, &population)?),
            _ => Some(Service::called_by_tls(&folder, &population)?),
        };
        let mut options = Vec::new();
        if let Some(service) = &service {
            on_sale.hand_in_at(&service.place)?;
            options = service.options();
        }
        let carnetd = Daemon::carnetd_with(&population, &options)?;
        let renewing = (0..CONNECTIONS.len()).map(|at| Places::renewing(at).collect()).collect();
        let seen = CONNECTIONS.iter().map(|_| Vec::new()).collect();
        let image = on_sale.id;
        Ok(Self { way, population, carnetd, service, image, ordering, renewing, seen, keys: 0 })
    }

    fn round(&mut self, round: u32, at: usize, seconds: u64) -> Result<(), Failed> {
        let [order, present, both] = self.deliver(at, seconds)?;
        let numbers = self.renewing.get(at).ok_or("no such number of connections")?;
        let renewing = self.population.all_known(numbers)?;
        let renewed = load::closed(self.carnetd.address, renewing, seconds)?;
        if let Some(error) = renewed.error {
            return Err(format!("a renewal: {error}").into());
        }
        let rate = both.len() as f64 / seconds as f64;
        let latency = |micros: &Histogram<u64>| Latency::of(micros);
        let renew = latency(&renewed.micros);
        let now = Seen { order: latency(&order), present: latency(&present), both: latency(&both), renew };
        let (Seen { order, present, renew, .. }, connections) = (&now, told(CONNECTIONS[at]));
        let way = self.way;
        println!(
            "# round {}: {way}, {connections}: {rate:.0} keys/s, order {order}, present {present}, renewal {renew}",
            round + 1
        );
        self.keys += both.len();
        if let Some(seen) = self.seen.get_mut(at) {
            seen.push(now);
        }
        Ok(())
    }

    /// Each connection gets one key after the other: latencies of orders, of presenting them, and of both together.
    fn deliver(&mut self, at: usize, seconds: u64) -> Result<[Histogram<u64>; 3], Failed> {
        let ordering = self.ordering.get_mut(at).map(std::mem::take).unwrap_or_default();
        let (address, image) = (self.carnetd.address, self.image);
        let keys = self.population.keys.current();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (micros, devices) = runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for devices in ordering {
                let connection = Connection::open(address).await?;
                let end = SystemClock.boot_micros() + seconds * 1_000_000;
                tasks.spawn(customers(end, connection, devices, image, keys.clone()));
            }
            let (mut all, mut devices) = (histograms()?, Vec::new());
            while let Some(done) = tasks.join_next().await {
                let (micros, used) = done??;
                for (all, micros) in all.iter_mut().zip(micros) {
                    all.add(micros)?;
                }
                devices.push(used);
            }
            Ok::<_, Failed>((all, devices))
        })?;
        if let Some(ordering) = self.ordering.get_mut(at) {
            *ordering = devices;
        }
        Ok(micros)
    }

    fn summed_up(&self, bare: &[Vec<Latency>; 2]) {
        for ((connections, seen), bare) in CONNECTIONS.iter().zip(&self.seen).zip(bare) {
            let middle =
                |pick: fn(&Seen) -> Latency| Latency::median(&seen.iter().map(pick).collect::<Vec<_>>());
            let beside =
                format!("a renewal: {}; bare route: {}", middle(|seen| seen.renew), Latency::median(bare));
            let way = format!("key service {}, {}", self.way, told(*connections));
            line(format!("{way}: order"), middle(|seen| seen.order), "–", &beside);
            line(format!("{way}: present"), middle(|seen| seen.present), "–", &beside);
            line(format!("{way}: both"), middle(|seen| seen.both), "–", &beside);
        }
    }

    fn close(self) -> Result<(), Failed> {
        self.carnetd.stop()?;
        drop(self.service);
        let (clean, said) = process::check_ledger(&self.population)?;
        let told = format!("{} keys; {said}", self.keys);
        line(format!("ledger check, key service {}", self.way), told, target("clean", clean), "–");
        Ok(())
    }
}

fn told(connections: usize) -> String {
    if connections == 1 { "1 connection".to_owned() } else { format!("{connections} connections") }
}

fn histograms() -> Result<[Histogram<u64>; 3], Failed> {
    let one = || Histogram::new_with_bounds(1, 120_000_000, 3);
    Ok([one()?, one()?, one()?])
}

/// One connection: its devices in turn, until the end.
async fn customers(
    end: u64,
    mut connection: Connection,
    mut devices: Vec<Known>,
    image: ImageId,
    keys: Arc<Current>,
) -> Result<([Histogram<u64>; 3], Vec<Known>), Failed> {
    let [mut orders, mut presented, mut both] = histograms()?;
    let mut next = 0;
    while SystemClock.boot_micros() < end {
        let device = devices.get_mut(next).ok_or("no devices")?;
        let (answer, ordering) = ask(&mut connection, device, Operation::OrderKey(image), &keys).await?;
        let transaction = ordered(&answer)?;
        let (seal_to, pass) = (AGREEMENT_KEY, device.pass().to_vec());
        let redemption = KeyRedemption { transaction, image, seal_to, pass };
        let redeem = Operation::RedeemKey(Box::new(redemption));
        let (answer, presenting) = ask(&mut connection, device, redeem, &keys).await?;
        delivered(&answer, transaction)?;
        orders.saturating_record(ordering);
        presented.saturating_record(presenting);
        both.saturating_record(ordering + presenting);
        next = (next + 1) % devices.len();
    }
    Ok(([orders, presented, both], devices))
}

/// What the server says, checked as a device does it, and after how many microseconds.
async fn ask(
    connection: &mut Connection,
    device: &mut Known,
    operation: Operation,
    keys: &Current,
) -> Result<(Answer, u64), Failed> {
    let message = device.message_of(operation)?;
    let sent = SystemClock.boot_micros();
    let document = connection.ask(message.bytes).await?;
    let micros = SystemClock.boot_micros() - sent;
    let now = Time(SystemClock.wall_micros());
    let signed = Unverified::<Answer>::parse(&document)?.verify(keys.ring(), now)?;
    device.receive(&document)?;
    Ok((signed.into_parts().0, micros))
}

fn ordered(answer: &Answer) -> Result<TransactionId, Failed> {
    match &answer.body {
        Body::Receipt(receipt) => match receipt.effect {
            Effect::KeyOrdered { transaction, .. } => Ok(transaction),
            ref other => Err(format!("not ordered: {other:?}").into()),
        },
        other => Err(format!("not ordered: {other:?}").into()),
    }
}

fn delivered(answer: &Answer, transaction: TransactionId) -> Result<(), Failed> {
    match &answer.body {
        Body::Keys(delivery) if delivery.transaction == transaction && !delivery.sealed.is_empty() => Ok(()),
        other => Err(format!("not delivered: {other:?}").into()),
    }
}

/// A key service as a process of its own.
struct Service {
    child: Child,
    place: Place,
}

impl Service {
    fn behind_socket(folder: &Path, population: &Population) -> Result<Self, Failed> {
        let socket = folder.join("socket");
        let listen = ["--socket".to_owned(), socket.display().to_string()];
        let (child, _) = Self::start(folder, population, &listen)?;
        Ok(Self { child, place: Place::Socket(socket) })
    }

    fn called_by_tls(folder: &Path, population: &Population) -> Result<Self, Failed> {
        let halves = pair::make(Time(SystemClock.wall_micros()), Seconds(86_400))?;
        let paths = ["service.pair", "server.pair"].map(|name| folder.join(name));
        for (path, half) in paths.iter().zip(&halves) {
            replace_file(&RealFs::default(), path, half.as_bytes())?;
        }
        let [ours, pair] = paths;
        let ours = ours.display().to_string();
        let listen = ["--listen", "127.0.0.1:0", "--pair", &ours].map(str::to_owned);
        let (child, address) = Self::start(folder, population, &listen)?;
        Ok(Self { child, place: Place::Machine { address, pair } })
    }

    /// Where it says that it listens is the last word of its first line.
    fn start(folder: &Path, population: &Population, listen: &[String]) -> Result<(Child, String), Failed> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carnetd"));
        command.env_clear().arg("--data").arg(folder.join("service")).args(["keys", "serve"]);
        command.args(["--root", &population.keys.root().to_string()]).args(listen);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut said = String::new();
        let stdout = child.stdout.take().ok_or("the key service has no standard output")?;
        BufReader::new(stdout).read_line(&mut said)?;
        let place = said.trim().rsplit(' ').next().filter(|place| !place.is_empty());
        Ok((child, place.ok_or("the key service did not start")?.to_owned()))
    }

    /// What a server is told that is to call it.
    fn options(&self) -> Vec<String> {
        let mut options = vec!["--key-service".to_owned(), self.place.to_string()];
        if let Place::Machine { pair, .. } = &self.place {
            options.extend(["--key-service-pair".to_owned(), pair.display().to_string()]);
        }
        options
    }
}

/// No key service outlives the bench.
impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
