//! Further devices of a user, until a test can let them join by a code.

use carnet_core::id::UserId;
use carnet_core::server::Decision;

use super::books::Books;
use super::{FakeServer, Mishap};
use crate::held;

impl FakeServer {
    /// The device that registers next is one of this user.
    pub fn joins(&self, user: UserId) {
        held(&self.0.books).joiner = Some(user);
    }

    /// As [`FakeServer::expect`], after so many exchanges that go well.
    pub fn expect_after(&self, well: usize, mishaps: impl IntoIterator<Item = Mishap>) {
        held(&self.0.wire).expect_after(well, mishaps);
    }
}

impl Books {
    /// Gives a device that registers to the user that it was promised to.
    pub fn joined(&mut self, decision: Decision) -> Decision {
        let Decision::Decided(mut outcome) = decision else { return decision };
        if let Some(device) = &mut outcome.device
            && let Some(user) = self.joiner.take()
        {
            device.user = user;
            outcome.journal.user = user;
            outcome.answer.head.user = user;
        }
        Decision::Decided(outcome)
    }
}
