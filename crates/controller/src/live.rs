//! What a running program is told: kept in memory, changed by the keeper, read by everybody.

use std::collections::BTreeMap;
use std::time::Duration;

use carnet_core::app::Feature;
use carnet_core::device::Disapproval;
use carnet_core::document::{Ceiling, PassKind};
use carnet_core::journal::{Held, State};
use carnet_core::report::Wanted;
use carnet_core::time::{Seconds, Time};
use carnet_device::Env;

use crate::disapproved::{Disapproved, Why};
use crate::gate::Gate;
use crate::remaining::{Remaining, Warning};
use crate::schedule::Schedule;
use crate::timekeeper::Timekeeper;

/// Nobody wants to be warned of the end of a yearly pass for ten weeks.
const LONGEST_WARNING: Seconds = Seconds(7 * 86_400);

/// Whom to tell that the run is disapproved.
pub(crate) type Listener = Box<dyn Fn(&Disapproved) + Send>;

/// How far a pass reaches. One that reaches no further brings nothing.
fn horizon(state: &State) -> (Option<Time>, Option<Ceiling>) {
    (state.ends().0, state.held.as_ref().and_then(|held| held.pass.seconds))
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Run approved.
    Approved,
    /// The time is up; the server is being asked for more. Nothing is allowed meanwhile.
    Waiting(Why),
    /// Run disapproved.
    Disapproved(Disapproved),
    /// The program has ended the run.
    Ended,
}

/// What one run is allowed, and until when.
pub(crate) struct Live {
    pub phase: Phase,
    pub time: Timekeeper,
    state: State,
    /// When the pass was issued: what "soon" means depends on how long it was good for.
    issued: Time,
    /// When the first pass was issued that ends like this one: one that was issued again is as good for longer.
    begun: Time,
    /// Up to here run time is on record, in microseconds since boot, where this instance counts.
    pub paid_until: Option<u64>,
    gates: BTreeMap<String, Gate>,
    /// What the supplier waits for, as far as it is known here.
    pub asked: Option<(Wanted, Time)>,
    pub schedule: Schedule,
    pub listeners: Vec<Listener>,
}

impl Live {
    pub fn new(state: State, issued: Time, time: Timekeeper) -> Self {
        let (gates, listeners, schedule) = (BTreeMap::new(), Vec::new(), Schedule::default());
        Self {
            phase: Phase::Approved,
            time,
            state,
            issued,
            begun: issued,
            paid_until: None,
            gates,
            asked: None,
            schedule,
            listeners,
        }
    }

    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Disapproved(_) | Phase::Ended)
    }

    pub fn held(&self) -> Option<&Held> {
        self.state.held.as_ref()
    }

    fn features(&self) -> Option<&BTreeMap<Feature, Option<u64>>> {
        let approved = self.phase == Phase::Approved;
        self.held().filter(|_| approved).map(|held| &held.pass.features)
    }

    /// Whether the pass limits run time.
    pub fn counts_time(&self) -> bool {
        self.state.seconds_left().is_some()
    }

    /// Whether the feature may be used now.
    pub fn allows(&self, feature: &str) -> bool {
        self.features().is_some_and(|features| features.contains_key(feature))
    }

    /// The limit of a feature that may be used.
    pub fn limit(&self, feature: &str) -> Option<u64> {
        self.features()?.get(feature).copied().flatten()
    }

    /// The features that may be used, with their limits.
    pub fn all_features(&self) -> BTreeMap<Feature, Option<u64>> {
        self.features().cloned().unwrap_or_default()
    }

    /// The gate of a feature, closed for as long as the feature is not granted.
    pub fn gate(&mut self, feature: &str) -> Gate {
        let open = self.allows(feature);
        self.gates.entry(feature.to_owned()).or_insert_with(|| Gate::new(open)).clone()
    }

    pub fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.set_gates();
    }

    /// The server has given more. Whoever has ended the run meanwhile has the last word.
    pub fn resume(&mut self) {
        if matches!(self.phase, Phase::Waiting(_)) {
            self.enter(Phase::Approved);
        }
    }

    fn set_gates(&self) {
        self.gates.iter().for_each(|(feature, gate)| gate.set(self.allows(feature)));
    }

    /// Takes over what the journal says now, maybe with another pass.
    pub fn take(&mut self, state: State, issued: Option<Time>, time: Option<Timekeeper>) {
        if horizon(&state) != horizon(&self.state) {
            self.schedule.next_pass();
            self.begun = issued.unwrap_or(self.begun);
        }
        (self.state, self.issued) = (state, issued.unwrap_or(self.issued));
        self.time = time.unwrap_or(self.time);
        self.set_gates();
    }

    /// Why the calendar ends the run now, if it does.
    pub fn ended(&self, env: &Env) -> Option<Why> {
        let (ends, grace) = self.state.ends();
        let over = grace.or(ends).is_some_and(|end| end <= self.time.now(env));
        over.then(|| Why::Pass(Disapproval::Expired(ends.unwrap_or(Time::LATEST))))
    }

    /// How many microseconds of approved time are left; none where nothing ends it.
    pub fn left(&self, env: &Env) -> Option<u64> {
        let (ends, grace) = self.state.ends();
        let calendar = grace.or(ends).map(|end| end.0.saturating_sub(self.time.now(env).0));
        let calendar = calendar.map(|left| u64::try_from(left).unwrap_or(0));
        let paid = self.paid_until.map(|until| until.saturating_sub(env.clock.boot_micros()));
        let last_block = paid.filter(|_| self.state.seconds_left() == Some(Seconds(0)));
        calendar.into_iter().chain(last_block).min()
    }

    /// Whether the server should be asked for the next pass now, while this one still runs: once just before
    /// it ends, and earlier where that takes nothing out of the license that is not used.
    pub fn wants_next(&mut self, env: &Env, ahead: Duration) -> bool {
        let ahead = u64::try_from(ahead.as_micros()).unwrap_or(u64::MAX);
        if self.left(env).is_some_and(|left| left <= ahead) {
            return self.schedule.last_chance();
        }
        // Where uses are counted, an early pass would take more of them than are used.
        let free = self.held().is_some_and(|held| held.pass.uses.is_none());
        let soon = self.is_within(env, self.issued, |whole| Seconds(whole.0 / 5));
        free && soon && self.schedule.is_due(env.clock.boot_micros())
    }

    fn is_within(&self, env: &Env, from: Time, last: impl Fn(Seconds) -> Seconds) -> bool {
        let Some(end) = self.state.ends().0 else { return false };
        end.minus(last(end.since(from))) < self.time.now(env)
    }

    pub fn remaining(&self, env: &Env) -> Remaining {
        let unrun =
            self.paid_until.map_or(0, |until| until.saturating_sub(env.clock.boot_micros()) / 1_000_000);
        Remaining::of(&self.state, Seconds(unrun))
    }

    pub fn warnings(&self, env: &Env) -> Vec<Warning> {
        let (ends, grace) = self.state.ends();
        let now = self.time.now(env);
        let temporary = self.state.held.as_ref().is_some_and(|held| held.pass.kind == PassKind::Temporary);
        let mut warnings = if temporary { vec![Warning::Temporary { until: ends }] } else { Vec::new() };
        match (ends, grace) {
            (Some(end), Some(until)) if end <= now && now < until => {
                warnings.push(Warning::InGrace { until });
            }
            (Some(at), _)
                if at > now
                    && self.is_within(env, self.begun, |whole| Seconds(whole.0 / 5).min(LONGEST_WARNING)) =>
            {
                warnings.push(Warning::EndsSoon { at });
            }
            _ => {}
        }
        warnings.extend(self.asked.map(|(wanted, due)| Warning::Asked { wanted, due, overdue: due < now }));
        warnings
    }
}
