//! Servers as processes of their own: started, looked at, stopped. What is looked at is in Linux's `/proc`.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use carnet_api::path::READYZ;
use carnet_seam::{Clock, SystemClock};
use hdrhistogram::Histogram;
use rustix::process::{Pid, Signal, kill_process};

use crate::population::Population;
use crate::{Failed, REFERENCE};

/// Linux counts the time of processes in these.
const TICKS_PER_SECOND: f64 = 100.0;

/// A server that was started here.
pub struct Daemon {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Daemon {
    /// The real server, just as it was built.
    pub fn carnetd(population: &Population) -> Result<Self, Failed> {
        Self::carnetd_with(population, &[])
    }

    /// The same with further options.
    pub fn carnetd_with(population: &Population, options: &[String]) -> Result<Self, Failed> {
        let mut command = carnetd(population);
        Self::start(command.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn"]).args(options))
    }

    /// This program as the reference server.
    pub fn reference(data: &Path) -> Result<Self, Failed> {
        Self::start(Command::new(std::env::current_exe()?).env_clear().arg(REFERENCE).arg(data))
    }

    fn start(command: &mut Command) -> Result<Self, Failed> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or("the server has no standard output")?;
        let mut said = String::new();
        BufReader::new(stdout).read_line(&mut said)?;
        let (_, address) = said.trim().rsplit_once("http://").ok_or("the server did not start")?;
        Ok(Self { address: address.parse()?, child })
    }

    /// Waits until it says that it can do its work.
    pub fn ready(&self) -> Result<(), Failed> {
        let mut stream = TcpStream::connect(self.address)?;
        write!(stream, "GET {READYZ} HTTP/1.1\r\nhost: carnet\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(format!("not ready: {answer}").into()) }
    }

    /// Resident memory now, and the most there ever was, in MiB.
    pub fn memory(&self) -> Result<(f64, f64), Failed> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let mebibytes = |name: &str| -> Result<f64, Failed> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kibibytes = line.and_then(|line| line.split_whitespace().next());
            Ok(kibibytes.ok_or("no memory in /proc")?.parse::<f64>()? / 1_024.0)
        };
        Ok((mebibytes("VmRSS:")?, mebibytes("VmHWM:")?))
    }

    /// Stops it as a service manager does.
    pub fn stop(mut self) -> Result<(), Failed> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).ok_or("no process")?;
        kill_process(pid, Signal::TERM)?;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}").into()) }
    }
}

/// No server outlives the bench.
impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the processor time of everybody before and after something.
pub struct Meter<'a> {
    server: &'a Daemon,
    began: u64,
    before: [f64; 3],
}

/// Processor time that was used meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    /// By the server, in seconds.
    pub server: f64,
    /// By this process, in seconds.
    pub client: f64,
    /// By whoever else is on the machine: the share of it that they have taken.
    pub others: f64,
}

impl<'a> Meter<'a> {
    pub fn start(server: &'a Daemon) -> Result<Self, Failed> {
        Ok(Self { server, began: SystemClock.boot_micros(), before: Self::read(server)? })
    }

    fn read(server: &Daemon) -> Result<[f64; 3], Failed> {
        Ok([cpu(&server.child.id().to_string())?, cpu("self")?, cpu_of_all()?])
    }

    pub fn stop(self) -> Result<Used, Failed> {
        let [server, client, all] = Self::read(self.server)?;
        let (server, client) = (server - self.before[0], client - self.before[1]);
        let cores = std::thread::available_parallelism()?.get() as f64;
        let there = cores * (SystemClock.boot_micros() - self.began) as f64 / 1e6;
        let others = (all - self.before[2] - server - client).max(0.0) / there;
        Ok(Used { server, client, others })
    }
}

fn cpu(process: &str) -> Result<f64, Failed> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may hold anything; utime and stime are the 12th and 13th word after it.
    let (_, words) = stat.rsplit_once(") ").ok_or("no times in /proc")?;
    let ticks = words.split(' ').skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / TICKS_PER_SECOND)
}

/// All but idle and waiting, of all processors.
fn cpu_of_all() -> Result<f64, Failed> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu ")).ok_or("no times in /proc")?;
    let ticks = line.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    // user, nice, system, idle, iowait, irq, softirq, steal; what follows is counted in the first two already.
    Ok(ticks
        .iter()
        .take(8)
        .enumerate()
        .filter(|(at, _)| !matches!(at, 3 | 4))
        .map(|(_, ticks)| ticks)
        .sum::<f64>()
        / TICKS_PER_SECOND)
}

/// The real server's program, with this population's folder and database.
fn carnetd(population: &Population) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carnetd"));
    command.env_clear().arg("--data").arg(&population.data);
    command.envs(population.url.iter().map(|url| ("CARNETD_DATABASE_URL", url)));
    command
}

/// How many bytes the program has as it is delivered: without symbols.
pub fn stripped(folder: &Path) -> Result<u64, Failed> {
    let to = folder.join("carnetd.stripped");
    let done = Command::new("strip").arg("-o").arg(&to).arg(env!("CARGO_BIN_EXE_carnetd")).status()?;
    if !done.success() {
        return Err("strip has failed".into());
    }
    let size = std::fs::metadata(&to)?.len();
    std::fs::remove_file(&to)?;
    Ok(size)
}

/// What the ledger check says about this folder.
pub fn check_ledger(population: &Population) -> Result<(bool, String), Failed> {
    let output = carnetd(population).arg("check-ledger").output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    Ok((output.status.success(), said.lines().last().unwrap_or("it said nothing").to_owned()))
}

/// A page written over and synced, again and again, in this folder: what a commit costs at the very least.
pub fn bare_syncs(folder: &Path, count: u32, micros: &mut Histogram<u64>) -> Result<(), Failed> {
    let path = folder.join("bare-sync");
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
    let page = [0x5a; 4_096];
    file.write_all_at(&page, 0)?;
    file.sync_all()?;
    for _ in 0..count {
        let began = SystemClock.boot_micros();
        file.write_all_at(&page, 0)?;
        file.sync_data()?;
        micros.saturating_record(SystemClock.boot_micros() - began);
    }
    std::fs::remove_file(&path)?;
    Ok(())
}
