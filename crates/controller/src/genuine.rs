//! Whether the pass in the journal is what the server gave to this device.

use carnet_core::document::{Answer, Body};
use carnet_core::journal::{Held, State};
use carnet_core::time::Time;
use carnet_device::Passbook;
use carnet_seal::Unverified;

/// A pass that was found genuine, so that it is checked once and not at each look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Genuine {
    held: Held,
    /// When the server issued it.
    pub issued: Time,
}

impl Genuine {
    /// Checks the signature of the pass that is held, that the journal says what the document says, and
    /// that it was given to this journal and this device's key (A11, A19). None: it is not to be believed.
    pub fn check(passbook: &Passbook, state: &State, held: &Held) -> Option<Self> {
        let document = Unverified::<Answer>::parse(&held.document).ok()?;
        let signed = document.verify_held(passbook.ring()?).ok()?;
        let Answer { head, body } = signed.claims();
        let Body::Pass(pass) = body else { return None };
        let ours = head.server == state.server
            && head.journal == state.name
            && **pass == held.pass
            && state.name.app.as_ref() == Some(&pass.app)
            && pass.device_key == passbook.identity().signing_public();
        ours.then(|| Self { held: held.clone(), issued: head.issued })
    }

    /// Whether this is the pass that was checked. What has become of it since is another question.
    pub fn is_of(&self, held: &Held) -> bool {
        self.held.document == held.document && self.held.pass == held.pass
    }
}
