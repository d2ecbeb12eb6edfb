//! Offers that were paid for elsewhere: a code is looked at, then taken up.

use carnet_api::path::REDEEM;
use carnet_api::redeem::{RedeemQuery, RedeemTerms};
use carnet_core::document::{Operation, Redemption, Secret};
use carnet_seal::code::{CodeKind, CodeText};

use crate::agree::Outcome;
use crate::error::ManagerError;
use crate::manager::Manager;

impl Manager {
    /// What the code is good for. Nothing is taken up by looking.
    ///
    /// # Errors
    /// [`ManagerError::Problem`] with `bad-code` or `code-used`.
    pub fn redeem_terms(&self, code: Secret) -> Result<RedeemTerms, ManagerError> {
        let text = CodeText { kind: CodeKind::Redeem, secret: code }.to_string();
        self.way().post(REDEEM, &RedeemQuery { code: text })
    }

    /// Agrees to the offer behind the code. Whoever was asked before has seen `terms`.
    ///
    /// # Errors
    /// [`ManagerError::Refused`] with the reason.
    pub fn redeem(&self, code: Secret, terms: &RedeemTerms) -> Result<Outcome, ManagerError> {
        let app = &terms.app;
        let mut passbook = self.valid_passbook()?;
        let _turn = self.turn()?;
        let finished = self.resume(&mut passbook, Some(app))?;
        if matches!(&finished, Some(Operation::Redeem(redemption)) if redemption.code == code)
            && let Some(pass) = self.good(app, &passbook.look(app)?)
        {
            return Ok(Outcome::CarriedOn(pass));
        }
        let agreed = self.consent(&passbook, app, &terms.listed)?;
        let operation = Operation::Redeem(Box::new(Redemption { agreed, code }));
        let state = self.ask(&mut passbook, Some(app), &operation)?;
        Ok(Outcome::Agreed(self.granted(app, &state)?))
    }
}
