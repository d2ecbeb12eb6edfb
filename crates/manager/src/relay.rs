//! Handing in what a device without a network has written down (D4). Needs no passbook: nothing is known here of what is
//! carried.

use carnet_device::by_hand::{AnswerPacket, RequestPacket};
use carnet_seal::ServerUrl;

use crate::error::ManagerError;
use crate::manager::Setup;

impl Setup {
    /// Hands in all requests of a packet at this server. May be repeated.
    ///
    /// # Errors
    /// [`ManagerError`] when the server cannot be asked, or refuses to look at a request.
    pub fn relay(&self, url: &ServerUrl, packet: &RequestPacket) -> Result<AnswerPacket, ManagerError> {
        packet.hand_in(self.way(url).line()).map_err(|error| ManagerError::of_contact(url, error))
    }
}
