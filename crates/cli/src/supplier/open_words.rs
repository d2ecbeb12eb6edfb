//! Opened reports in plain words, as a table and as a chart.

use std::fmt::Write as _;

use carnet_core::journal::Record;
use carnet_core::report::{Detail, Detailing, Entry, Summary, Trail, Verdict};
use carnet_core::term::{day, moment};
use carnet_core::time::{Seconds, Time, counted, seconds_in_words};

use super::open::{Opened, gone};
use crate::offer_words::aligned;
use crate::output::BOLD;
use crate::text::clean;
use crate::width;

/// Nobody reads more; `--json` has all.
const MOST_NAMED: usize = 20;
const MICROS_OF_DAY: i64 = 86_400_000_000;

/// The plain report.
#[must_use]
pub fn in_words(opened: &Opened, done: Option<&str>) -> String {
    let Opened { id, says, heard, list, trail } = opened;
    let verdict = match &heard.verdict {
        Verdict::WithinContract => "within contract",
        Verdict::ErasureConfirmed => "erasure confirmed",
        Verdict::Violation(_) => "violation",
        Verdict::AskAgain(_) => "ask again",
    };
    let mut facts = vec![
        ("Report", id.to_string()),
        ("App", says.app.to_string()),
        ("License", says.license.map_or("–".into(), |license| license.to_string())),
        ("Device", format!("{} ({})", clean(&says.device_name), says.device)),
        ("Made", moment(says.at)),
    ];
    facts.extend(says.changed.as_ref().map(|changed| ("Machine", changed.to_string())));
    if trail.is_some() {
        let Summary { runs, uses, seconds, users, hosts, .. } = &heard.summary;
        let used = format!(
            "{}, {}, {}",
            counted(*runs, "run"),
            counted(*uses, "use"),
            seconds_in_words(Seconds(*seconds))
        );
        facts.push(("Used", used));
        let joined = |names: &std::collections::BTreeSet<String>| {
            clean(&names.iter().cloned().collect::<Vec<_>>().join(", "))
        };
        facts.push(("By", joined(users)));
        facts.push(("On", joined(hosts)));
    } else {
        facts.push(("Erased", format!("{} of {}", gone(list).count(), list.len())));
    }
    let mut words = format!("{BOLD}{verdict}{BOLD:#}\n{}", aligned(&facts, "  ", width::of_stdout()));
    match &heard.verdict {
        Verdict::Violation(reasons) => {
            reasons.iter().for_each(|reason| words += &format!("  - {}\n", clean(&reason.to_string())));
        }
        Verdict::AskAgain(doubt) => words += &format!("  - {doubt}\n"),
        _ => {}
    }
    for item in gone(list).take(MOST_NAMED) {
        words += &format!("  erased: {} ({} bytes)\n", clean(&item.what.to_string()), item.size);
    }
    if gone(list).count() > MOST_NAMED {
        words += &format!("  and {} more\n", gone(list).count() - MOST_NAMED);
    }
    heard.notices.iter().for_each(|notice| words += &format!("  note: {}\n", clean(&notice.to_string())));
    if let Some(done) = done {
        words += &format!("  {done}\n");
    }
    words + "\n"
}

/// All records, one in each line (RFC 4180).
#[must_use]
pub fn csv(trail: &Trail) -> String {
    let mut text = String::from("record,time,kind,run,uses,seconds,who,machine,version,feature,reason\r\n");
    for row in trail.entries.iter().filter_map(row) {
        let cells: Vec<_> = row.iter().map(|cell| quoted(cell)).collect();
        // Writing to a String cannot fail.
        let _ = write!(text, "{}\r\n", cells.join(","));
    }
    text
}

/// A cell that a table program would take for a formula is made a text.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

fn row(entry: &Entry) -> Option<[String; 11]> {
    let (kind, run, at, uses, seconds, reason) = match &entry.record {
        Record::RunStarted { run, uses, at, .. } => ("started", Some(run), *at, *uses, 0, ""),
        Record::RunJoined { run, at, .. } => ("joined", Some(run), *at, 0, 0, ""),
        Record::Used { run, uses, at, .. } => ("used", Some(run), *at, *uses, 0, ""),
        Record::Metered { run, seconds, at, .. } => ("ran", Some(run), *at, 0, seconds.0, ""),
        Record::RunEnded { run, at, .. } => ("ended", Some(run), *at, 0, 0, ""),
        Record::Disapproved { code, at } => ("refused", None, *at, 0, 0, code.as_str()),
        Record::ClockCorrected { at } => ("clock corrected", None, *at, 0, 0, ""),
        _ => return None,
    };
    let mut cells = [const { String::new() }; 11];
    cells[0] = entry.sequence.to_string();
    cells[1] = at.to_string();
    cells[2] = kind.into();
    cells[3] = run.map(ToString::to_string).unwrap_or_default();
    cells[4] = uses.to_string();
    cells[5] = seconds.to_string();
    cells[10] = reason.into();
    let Detailing::Read(detail) = &entry.detail else { return Some(cells) };
    match &**detail {
        Detail::Started(by) | Detail::Refused { by, .. } => {
            cells[6] = by.who.clone().unwrap_or_default();
            cells[7] = by.host.clone().unwrap_or_default();
            cells[8] = by.version.map(|version| version.to_string()).unwrap_or_default();
        }
        Detail::Used { feature } => {
            cells[9] = feature.as_ref().map(ToString::to_string).unwrap_or_default();
        }
        Detail::Ended { lasted } => cells[5] = lasted.0.to_string(),
    }
    Some(cells)
}

/// A bar for each day, as high as its uses, or its runs where no uses are counted.
#[must_use]
pub fn svg(summary: &Summary) -> String {
    const WIDE: i64 = 960;
    const HIGH: i64 = 320;
    let of = |uses: u64, runs: u64| if summary.uses > 0 { uses } else { runs };
    let first = summary.days.keys().next().copied().unwrap_or_default();
    let last = summary.days.keys().next_back().copied().unwrap_or_default();
    let most = summary.days.values().map(|day| of(day.uses, day.runs)).max().unwrap_or(0).max(1);
    let days = (last - first + 1).max(1);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDE} {HIGH}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>{} of each day</title>\n<rect width=\"{WIDE}\" height=\"{HIGH}\" fill=\"#fff\"/>\n",
        if summary.uses > 0 { "Uses" } else { "Runs" }
    );
    for (number, used) in &summary.days {
        let amount = of(used.uses, used.runs);
        let tall = i64::try_from(u128::from(amount) * 250 / u128::from(most)).unwrap_or(250).max(1);
        let (left, wide) = (40 + (number - first) * 900 / days, (900 / days).clamp(1, 60));
        let _ = writeln!(
            text,
            "<rect x=\"{left}\" y=\"{}\" width=\"{wide}\" height=\"{tall}\" fill=\"#2a6f97\"><title>{}: {amount}</title></rect>",
            280 - tall,
            date(*number)
        );
    }
    let _ = writeln!(
        text,
        "<text x=\"40\" y=\"300\">{}</text>\n<text x=\"940\" y=\"300\" text-anchor=\"end\">{}</text>\n<text x=\"4\" y=\"34\">{most}</text>\n</svg>",
        date(first),
        date(last)
    );
    text
}

fn date(number: i64) -> String {
    day(Time(number.saturating_mul(MICROS_OF_DAY)))
}
