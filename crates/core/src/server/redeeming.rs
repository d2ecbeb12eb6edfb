//! Offers that were paid for elsewhere: a code is taken up instead of a charge.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::document::{Reason, Redemption, Request};
use crate::id::{Digest, LicenseId, SupplierId};
use crate::license::{License, Overdrawn};
use crate::offer::Listed;
use crate::server::draft::Draft;
use crate::server::operate::new_license;
use crate::server::{Decision, EventKind, Fresh};
use crate::time::Time;

/// What the server knows of a redeem code: what it is good for, and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// Digest of the code.
    pub digest: Digest,
    /// Who has sold it.
    pub supplier: SupplierId,
    /// The offer as it was when the code was made. Later menus do not change it.
    pub listed: Arc<Listed>,
    /// When it was made.
    pub made: Time,
    /// Not good from here on; none: without end.
    pub expires: Option<Time>,
    /// The license that it was taken up for.
    pub used: Option<LicenseId>,
    /// The supplier has withdrawn it.
    pub withdrawn: bool,
}

impl Draft {
    /// Builds the license from the offer behind the code. Nothing is charged for it.
    pub(super) fn redeem(
        mut self,
        request: &Request,
        redemption: &Redemption,
        fresh: &Fresh,
    ) -> Result<Decision, Overdrawn> {
        let grant = match self.redeemable(request, redemption) {
            Ok(grant) => grant,
            Err(reason) => return Ok(self.refused(request, reason, None)),
        };
        let listed = Listed::clone(&grant.listed);
        let license = new_license(fresh.license, &self, grant.supplier, listed);
        self.open(License { paid_elsewhere: true, ..license });
        self.put_grant(Grant { used: Some(fresh.license), ..grant });
        self.renew(request, 1, fresh, EventKind::Redeemed)
    }

    fn redeemable(&self, request: &Request, redemption: &Redemption) -> Result<Grant, Reason> {
        let agreement = &redemption.agreed.agreement;
        if agreement.user != self.device.user || agreement.device != self.device.id {
            return Err(Reason::OtherUser);
        }
        let good = |grant: &&Grant| !grant.withdrawn && grant.expires.is_none_or(|end| self.now < end);
        let grant = self.grant.as_ref().filter(good).ok_or(Reason::BadCode)?;
        if grant.used.is_some() {
            return Err(Reason::CodeUsed);
        }
        let meant =
            *grant.listed == agreement.listed && request.journal.app.as_ref() == Some(&grant.listed.app);
        if !meant {
            return Err(Reason::OfferChanged);
        }
        self.refuses_agreement(&grant.listed).map_or_else(|| Ok(grant.clone()), Err)
    }
}
