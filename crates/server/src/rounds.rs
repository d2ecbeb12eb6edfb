//! What a running server does by itself from time to time.

use std::time::Duration;

use carnet_core::time::{Seconds, Time};

use crate::server::Server;

/// From so long before the end of the key set on, the operator is told.
pub const KEY_SET_SOON: Seconds = Seconds(60 * DAY);

const AGAIN: &str = "start the server again, or run `carnetd keys publish` where the root key is offline";
const DAY: u64 = 86_400;
const ROUND: Duration = Duration::from_secs(60);
const ROUNDS_A_DAY: u64 = 24 * 60;

/// Goes round until the process ends.
pub async fn go(server: Server) {
    for round in 0_u64.. {
        // Also where nobody asks for metrics: what is recorded and never summed up only grows.
        server.metrics().upkeep();
        if round % ROUNDS_A_DAY == 0 {
            warn(&server);
        }
        server.images().tend(&server, round).await;
        tokio::time::sleep(ROUND).await;
    }
}

fn warn(server: &Server) {
    let said = about_key_set(server.keys().current().expires(), server.now());
    if let Some(said) = said {
        tracing::warn!(said, "key set");
    }
}

/// What to say about the end of the key set; none: it is far away.
#[must_use]
pub fn about_key_set(ends: Time, now: Time) -> Option<String> {
    let left = ends.since(now);
    if ends <= now {
        return Some(format!(
            "it ended at {ends}: nothing new is accepted until it is signed again: {AGAIN}"
        ));
    }
    (left.0 < KEY_SET_SOON.0).then(|| format!("it ends in {} days: {AGAIN}", left.0 / DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_key_set_is_told_from_sixty_days_before() {
        let ends = Time::EPOCH.plus(Seconds(400 * DAY));
        let before = |seconds: u64| about_key_set(ends, ends.minus(Seconds(seconds)));
        assert_eq!(before(60 * DAY), None);
        assert!(before(60 * DAY - 1).unwrap().contains("in 59 days"));
        assert!(before(1).unwrap().contains("in 0 days"));
        assert!(before(0).unwrap().contains("it ended at 1971-02-05"));
    }
}
