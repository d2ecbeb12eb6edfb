//! A disapproval as a program prints it.

use carnet_core::offer::Listed;

use crate::disapproved::Disapproved;

impl Disapproved {
    /// For a terminal or a message box: what happened and what to do in one line, and behind it, one line each,
    /// what can be bought where buying helps.
    ///
    /// ```
    /// # use carnet_controller::Controller;
    /// if let Err(told) = Controller::open("acme/paint@nowhere") {
    ///     eprintln!("{}", told.explained());
    /// }
    /// ```
    #[must_use]
    pub fn explained(&self) -> String {
        let on_offer = if self.menu.is_empty() { "" } else { "\non offer:" };
        let lines: String = self.menu.iter().map(|listed| format!("\n  {}", in_a_line(listed))).collect();
        format!("{self}{on_offer}{lines}")
    }
}

fn in_a_line(listed: &Listed) -> String {
    let offer = &listed.offer;
    let price = if offer.fee.minor == 0 { "free".to_owned() } else { offer.fee.to_string() };
    format!("{}: {price}, {}", offer.condition, offer.term.in_words())
}
