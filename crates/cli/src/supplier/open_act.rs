//! What follows from a verdict: it is kept at the server, and done what the offer names (C4).

use std::path::PathBuf;

use carnet_api::act::Act as Why;
use carnet_api::license::License;
use carnet_api::path;
use carnet_api::report::{NewVerdict, ReasonView};
use carnet_core::offer::Sanction;
use carnet_core::report::{Verdict, Wanted};
use carnet_core::term::moment;
use carnet_core::time::Length;
use carnet_seal::report::attachment;
use carnet_seam::fs::replace_file;
use clap::{Args, ValueEnum};

use super::books::Books;
use super::open::Opened;
use super::request::{self, Asker};
use crate::context::Context;
use crate::failure::Failure;
use crate::http::Call;
use crate::text::clean;

/// How long a user has for the same once more.
const ONCE_MORE: Length = Length::days(14);

/// What to do about a verdict.
#[derive(Debug, Args)]
pub struct Acting {
    /// Do what follows: end the contract with a confirmed erasure, ask again for what says nothing or was not erased,
    /// and about a violation what the offer names, or ACT
    #[arg(long, value_name = "ACT", num_args = 0..=1, default_missing_value = "agreed")]
    act: Option<Act>,
    /// Write the words for the user about a violation to a file, as for an e-mail
    #[arg(long, value_name = "FILE")]
    notice: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What is done about a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Act {
    /// What the offer names
    Agreed,
    /// Tell the user
    Notice,
    /// Issue no new pass until it is reinstated
    Suspend,
    /// Issue no pass ever again
    Revoke,
}

/// What has been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// The user is told, in `carnet status`.
    Noticed,
    /// No new pass until it is reinstated.
    Suspended,
    /// No pass ever again.
    Revoked,
    /// The contract has ended.
    Ended,
    /// The same was asked for once more.
    AskedAgain,
}

impl Done {
    /// Stable word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Noticed => "noticed",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Ended => "ended",
            Self::AskedAgain => "asked-again",
        }
    }

    /// In words.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Noticed => "The user is told.",
            Self::Suspended => "The license is suspended, and the user is told.",
            Self::Revoked => "The license is revoked, and the user is told.",
            Self::Ended => "The license is ended.",
            Self::AskedAgain => "The same is asked for again, with a new request.",
        }
    }
}

impl Acting {
    /// Keeps the verdict at the server, and does what follows where that was said.
    ///
    /// # Errors
    /// Why it could not be done; `needs-answer` where nobody can be asked.
    pub fn follow(
        &self,
        context: &Context,
        opened: &Opened,
        code: &[u8],
        books: Option<&Books>,
    ) -> Result<Option<Done>, Failure> {
        self.write_notice(context, opened)?;
        let (Some(books), Some(license)) = (books, opened.says.license) else { return Ok(None) };
        let license = books.license(license)?;
        let done = self.act.and_then(|act| what_follows(act, opened, &license));
        if let Some(done) = done {
            let question = match done {
                Done::Noticed => format!("Tell the user of {}?", license.id),
                Done::Suspended => format!("Suspend {}?", license.id),
                Done::Revoked => format!("Revoke {} for ever?", license.id),
                Done::Ended => format!("End {}?", license.id),
                Done::AskedAgain => format!("Ask for the same about {} again?", license.id),
            };
            context.output.confirm(&question, self.yes)?;
        }
        let notice = matches!(done, Some(Done::Noticed | Done::Suspended | Done::Revoked));
        tell(books, opened, code, &license, notice)?;
        let acted = match done {
            Some(Done::Suspended) => Some(path::suspend(license.id)),
            Some(Done::Revoked) => Some(path::revoke(license.id)),
            Some(Done::Ended) => Some(path::end(license.id)),
            _ => None,
        };
        if let Some(path) = acted {
            let reason = format!("{}: {}", opened.heard.verdict.code(), codes(&opened.heard.verdict));
            let reason = Some(reason.chars().take(200).collect());
            let _: License = books.http().send(Call::post(&path).json(&Why { reason })?)?;
        }
        if asks_again(opened, done) {
            let asker = Asker::new(context, books.http())?;
            let (device, wanted) = (Some(opened.says.device), opened.wanted());
            request::send(books.http(), &asker.request(&license, device, wanted, ONCE_MORE)?)?;
        }
        Ok(done)
    }

    fn write_notice(&self, context: &Context, opened: &Opened) -> Result<(), Failure> {
        let (Some(path), Verdict::Violation(_)) = (&self.notice, &opened.heard.verdict) else {
            return Ok(());
        };
        Ok(replace_file(&*context.files, path, notice(opened).as_bytes())?)
    }
}

/// After a failed erasure the contract goes on until one is confirmed, so it is asked for again.
fn asks_again(opened: &Opened, done: Option<Done>) -> bool {
    let not_erased =
        opened.wanted() == Wanted::Erasure && matches!(opened.heard.verdict, Verdict::Violation(_));
    done == Some(Done::AskedAgain) || (done.is_some() && not_erased)
}

fn what_follows(act: Act, opened: &Opened, license: &License) -> Option<Done> {
    let agreed = license.base.offer.reporting.and_then(|clause| clause.violation);
    match (&opened.heard.verdict, act) {
        (Verdict::WithinContract, _) => None,
        (Verdict::ErasureConfirmed, _) => Some(Done::Ended),
        (Verdict::AskAgain(_), _) => Some(Done::AskedAgain),
        (Verdict::Violation(_), Act::Notice) => Some(Done::Noticed),
        (Verdict::Violation(_), Act::Suspend) => Some(Done::Suspended),
        (Verdict::Violation(_), Act::Revoke) => Some(Done::Revoked),
        (Verdict::Violation(_), Act::Agreed) => Some(match agreed {
            None => Done::Noticed,
            Some(Sanction::Suspend) => Done::Suspended,
            Some(Sanction::Revoke) => Done::Revoked,
        }),
    }
}

/// The server keeps each verdict once; the same code once more changes nothing.
fn tell(books: &Books, opened: &Opened, code: &[u8], license: &License, notice: bool) -> Result<(), Failure> {
    let verdict = &opened.heard.verdict;
    let named = attachment(code);
    let known = books.report(opened.id).and_then(|report| report.verdict.as_ref());
    if known.is_some_and(|known| known.verdict == verdict.code() && (known.notice || !notice)) {
        return Ok(());
    }
    let told = NewVerdict {
        digest: named.digest,
        length: named.length,
        license: license.id,
        device: opened.says.device,
        wanted: opened.wanted(),
        nonce: opened.says.nonce,
        closes: !matches!(verdict, Verdict::AskAgain(_)),
        verdict: verdict.code().to_owned(),
        reasons: ReasonView::of(verdict),
        notice,
    };
    books.tell(opened.id, &told).map(drop)
}

fn codes(verdict: &Verdict) -> String {
    let mut codes: Vec<_> = ReasonView::of(verdict).into_iter().map(|reason| reason.code).collect();
    codes.dedup();
    codes.join(" ")
}

/// The words for the user.
fn notice(opened: &Opened) -> String {
    let says = &opened.says;
    let mut words = format!(
        "About {} on {} ({}), {} of {}:\n\nThe contract was not kept, for these reasons:\n",
        says.app,
        clean(&says.device_name),
        says.device,
        match opened.wanted() {
            Wanted::Usage => "usage report",
            Wanted::Erasure => "erasure certificate",
        },
        moment(says.at)
    );
    for reason in ReasonView::of(&opened.heard.verdict) {
        words += &format!("  - {}\n", clean(&reason.message));
    }
    words + "\nPlease answer this message if you think that this is a mistake.\n"
}
