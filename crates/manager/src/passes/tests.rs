//! One state of a journal after the other, and what a user reads about it.

use carnet_core::app::VersionRange;
use carnet_core::document::{JournalName, Operation, Pass, PublicKey, Reason, Request, Totals};
use carnet_core::id::{DeviceId, Digest, PassId, RequestId, SupplierId};
use carnet_core::journal::{Held, PassStatus};
use carnet_core::time::Length;
use carnet_seal::keys::RootPin;

use super::*;

const LICENSE: LicenseId = LicenseId([3; 16]);
const NOW: Time = Time(1_790_000_000_000_000);

fn app() -> AppId {
    "acme/paint".parse().unwrap()
}

fn server() -> KnownServer {
    KnownServer { url: "https://a.example".parse().unwrap(), pin: RootPin::of_first_root(Digest([1; 32])) }
}

fn empty() -> State {
    let name = JournalName { device: DeviceId([2; 16]), app: Some(app()) };
    State::new(server().pin.server, name, Digest([0; 32]), NOW)
}

fn ten_runs() -> Pass {
    Pass {
        id: PassId([4; 16]),
        supplier: SupplierId([5; 16]),
        app: app(),
        license: LICENSE,
        right: 0,
        generation: 1,
        kind: PassKind::Full,
        condition: "Ten runs".into(),
        features: BTreeMap::new(),
        not_before: NOW,
        expires: None,
        grace_until: None,
        from_first_use: None,
        uses: Some(Ceiling { upto: 1, licensed: 10, remaining: 9 }),
        seconds: None,
        counting: Counting::Offline,
        floating: false,
        versions: VersionRange::default(),
        reporting: None,
        device_key: PublicKey([6; 32]).into(),
        previous: Digest([0; 32]),
        from_move: None,
    }
}

fn holding(pass: Pass) -> State {
    State { held: Some(Held { pass, status: PassStatus::Valid, document: Vec::new() }), ..empty() }
}

fn waiting(state: State, operation: Operation) -> State {
    let intent = Request {
        server: state.server,
        journal: state.name.clone(),
        id: RequestId([7; 16]),
        epoch: 0,
        last_answer: Digest([0; 32]),
        head: Digest([0; 32]),
        at: NOW,
        totals: BTreeMap::new(),
        portables: std::collections::BTreeSet::new(),
        operation,
    };
    State { intent: Some(intent), ..state }
}

fn seen(state: &State, clock: Time) -> (Standing, bool, String) {
    let view = PassView::of(&app(), state, &server(), clock).unwrap();
    (view.status, view.runs, view.status_in_words)
}

#[test]
fn a7_every_state_of_a_pass_is_told_in_words() {
    let period = Pass {
        uses: None,
        expires: Some(NOW.plus(Seconds(60))),
        grace_until: Some(NOW.plus(Seconds(120))),
        ..ten_runs()
    };
    let used =
        State { totals: [(LICENSE, Totals { uses: 1, ..Totals::default() })].into(), ..holding(ten_runs()) };
    let nothing_behind = Ceiling { upto: 1, licensed: 10, remaining: 0 };
    let last =
        State { totals: used.totals.clone(), ..holding(Pass { uses: Some(nothing_behind), ..ten_runs() }) };
    let marked = |status, refused| {
        let mut state = State { refused, ..holding(ten_runs()) };
        state.held = state.held.map(|held| Held { status, ..held });
        state
    };
    let later = Pass { not_before: NOW.plus(Seconds(86_400)), ..ten_runs() };
    let at = |seconds| NOW.plus(Seconds(seconds));
    let cases = [
        (holding(ten_runs()), NOW, Standing::Valid, true, "valid"),
        (
            waiting(holding(ten_runs()), Operation::Renew { uses: 1 }),
            NOW,
            Standing::Valid,
            true,
            "valid; a request waits for the server",
        ),
        (holding(period.clone()), at(59), Standing::Valid, true, "valid"),
        (
            holding(period.clone()),
            at(90),
            Standing::InGrace,
            true,
            "over, runs in grace until 2026-09-21 14:15 UTC",
        ),
        (holding(period), at(121), Standing::Expired, false, "expired"),
        (used, NOW, Standing::UsedUp, false, "used up, more at the server"),
        (last, NOW, Standing::UsedUp, false, "used up"),
        (marked(PassStatus::Invalid, Some(Reason::Exhausted)), NOW, Standing::UsedUp, false, "used up"),
        (marked(PassStatus::Invalid, Some(Reason::Expired)), NOW, Standing::Expired, false, "expired"),
        (holding(later), NOW, Standing::NotBegun, false, "begins at 2026-09-22 14:13 UTC"),
        (marked(PassStatus::Moving, None), NOW, Standing::Moving, false, "moving"),
        (
            waiting(holding(ten_runs()), Operation::Export),
            NOW,
            Standing::Moving,
            false,
            "moving; a request waits for the server",
        ),
        (
            marked(PassStatus::Invalid, Some(Reason::Suspended)),
            NOW,
            Standing::Invalid,
            false,
            "invalid: the supplier has suspended the license",
        ),
        (
            waiting(empty(), Operation::Renew { uses: 1 }),
            NOW,
            Standing::Waiting,
            false,
            "waits for the server",
        ),
        (
            State { refused: Some(Reason::NoLicense), ..empty() },
            NOW,
            Standing::None,
            false,
            "none: there is no license for this app yet",
        ),
        (
            holding(ten_runs()),
            Time(NOW.0 - 30 * 86_400_000_000),
            Standing::Doubtful,
            false,
            "the clock is set before 2026-09-21T14:13:20Z, a time that was already reached",
        ),
    ];
    for (state, clock, standing, runs, words) in cases {
        assert_eq!(seen(&state, clock), (standing, runs, words.to_owned()));
    }
    assert_eq!(PassView::of(&app(), &empty(), &server(), NOW), None, "nothing was ever asked for");
}

#[test]
fn a12_what_is_left_counts_the_pass_and_the_license_behind_it() {
    let of = |pass: Pass| PassView::of(&app(), &holding(pass), &server(), NOW).unwrap();
    let uses = of(ten_runs());
    assert_eq!(uses.uses.map(|line| (line.in_pass, line.on_license, line.left())), Some((1, 9, 10)));
    assert_eq!(uses.remaining_in_words, "10 uses");
    let hours = Ceiling { upto: 1_800, licensed: 28_800, remaining: 25_200 };
    let both = of(Pass { seconds: Some(hours), ..ten_runs() });
    assert_eq!(both.remaining_in_words, "10 uses, 7 hours 30 minutes");
    let period = Pass { uses: None, expires: Some(NOW.plus_length(Length::days(30))), ..ten_runs() };
    assert_eq!(of(period).remaining_in_words, "not counted");
    assert_eq!(of(Pass { uses: None, ..ten_runs() }).remaining_in_words, "without end");
}

#[test]
fn the_names_of_standings_are_frozen() {
    use Standing::{Doubtful, Expired, InGrace, Invalid, Moving, None, NotBegun, UsedUp, Valid, Waiting};
    let names = [Valid, InGrace, NotBegun, UsedUp, Expired, Moving, Invalid, Waiting, None, Doubtful];
    assert_eq!(
        serde_json::to_value(names).unwrap(),
        serde_json::json!([
            "valid",
            "in-grace",
            "not-begun",
            "used-up",
            "expired",
            "moving",
            "invalid",
            "waiting",
            "none",
            "doubtful"
        ])
    );
}
