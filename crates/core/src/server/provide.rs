//! License keys of images: ordered, then released (B6, B7).
//!
//! Both steps ask the same question: are user, device and software registered together, and is the license good? What
//! the key service gives out is released here and nowhere else, so that nothing leaves before it is written down.

use crate::document::{Body, Effect, Reason, Request};
use crate::id::{ImageId, LicenseId};
use crate::license::License;
use crate::provision::{Handed, KeyDelivery, KeyRedemption, KeyTransaction, TransactionStatus};
use crate::server::draft::Draft;
use crate::server::{Decision, EventKind, Fresh, View, receipt};

type Refused = (Reason, Option<LicenseId>);

impl Draft {
    /// Notes that this device may have the license key of an image, under a transaction id.
    pub(super) fn order_key(
        mut self,
        request: &Request,
        image: ImageId,
        view: &View,
        fresh: &Fresh,
    ) -> Decision {
        let transaction = match self.orderable(request, image, view, fresh) {
            Ok(transaction) => transaction,
            Err((reason, license)) => return self.refused(request, reason, license),
        };
        // One order of a journal waits at a time: whoever finds an older id can do nothing with it.
        let before = view.transactions.iter().filter(|before| before.status != TransactionStatus::Closed);
        let closed =
            |before: &KeyTransaction| KeyTransaction { status: TransactionStatus::Closed, ..before.clone() };
        self.transactions.extend(before.map(closed));
        let id = transaction.id;
        self.transactions.push(transaction);
        let effect = Effect::KeyOrdered { transaction: id, image };
        self.decided(request, receipt(effect), EventKind::KeyOrdered { image })
    }

    fn orderable(
        &self,
        request: &Request,
        image: ImageId,
        view: &View,
        fresh: &Fresh,
    ) -> Result<KeyTransaction, Refused> {
        let license = self.running_license()?;
        let known = view.image.as_ref().filter(|known| known.id == image && known.keyed);
        let ours = known.filter(|known| Some(&known.app) == request.journal.app.as_ref());
        let image = ours.ok_or((Reason::NoImage, Some(license.id)))?;
        if !license.offer().versions.covers(image.version) {
            return Err((Reason::VersionNotCovered, Some(license.id)));
        }
        Ok(KeyTransaction {
            id: fresh.transaction,
            user: self.device.user,
            device: self.device.id,
            app: image.app.clone(),
            license: license.id,
            image: image.id,
            version: image.version,
            ordered: self.now,
            status: TransactionStatus::Open,
        })
    }

    /// Releases what the key service has sealed for this order.
    pub(super) fn redeem_key(
        mut self,
        request: &Request,
        redemption: &KeyRedemption,
        view: &View,
    ) -> Decision {
        let transaction = match self.redeemable_key(request, redemption, view) {
            Ok(transaction) => transaction.clone(),
            Err((reason, license)) => return self.refused(request, reason, license),
        };
        let sealed = match &view.handed {
            Handed::Nothing => return Decision::WantsKeys(Box::new(transaction)),
            Handed::Refused => return self.refused(request, Reason::KeyRefused, None),
            Handed::Sealed(sealed) => sealed.clone(),
        };
        let supplier = self.licenses.get(&transaction.license).map(|license| license.supplier);
        let Some(supplier) = supplier else { return self.refused(request, Reason::NoTransaction, None) };
        let KeyTransaction { id, license, image, version, .. } = transaction;
        let delivery = KeyDelivery { supplier, transaction: id, image, version, license, sealed };
        self.transactions.push(KeyTransaction { status: TransactionStatus::Delivered, ..transaction });
        self.decided(request, Body::Keys(Box::new(delivery)), EventKind::KeyDelivered { image })
    }

    /// An order of another device, a guessed one and a closed one look alike.
    fn redeemable_key<'v>(
        &self,
        request: &Request,
        redemption: &KeyRedemption,
        view: &'v View,
    ) -> Result<&'v KeyTransaction, Refused> {
        let ours = |known: &&KeyTransaction| {
            known.id == redemption.transaction
                && known.device == self.device.id
                && known.user == self.device.user
                && Some(&known.app) == request.journal.app.as_ref()
                && known.image == redemption.image
                && known.status != TransactionStatus::Closed
        };
        let none = (Reason::NoTransaction, None);
        let transaction = view.transactions.iter().find(ours).ok_or(none)?;
        let license = self.running_license()?;
        // Ordered under a license that another one has followed: the key would be the wrong one.
        if license.id != transaction.license || redemption.seal_to != self.device.agreement_key {
            return Err(none);
        }
        Ok(transaction)
    }

    /// Why there is no pass here: no license is good, or one is, and nobody has asked for its pass.
    fn no_pass(&self) -> Refused {
        let why =
            |id: LicenseId| (self.licenses.get(&id).and_then(|license| license.refuses_pass(self.now)), id);
        let all: Vec<_> = self.candidates().into_iter().map(why).collect();
        match all.first() {
            Some((Some(reason), id)) if all.iter().all(|(reason, _)| reason.is_some()) => {
                (*reason, Some(*id))
            }
            _ => (Reason::NoPass, None),
        }
    }

    /// The license that this journal has a pass of, and that is good.
    fn running_license(&self) -> Result<&License, Refused> {
        let active = self.journal.active.filter(|active| active.moved.is_none());
        let Some(active) = active else { return Err(self.no_pass()) };
        let license = self.licenses.get(&active.license).ok_or_else(|| self.no_pass())?;
        if let Some(reason) = license.refuses_pass(self.now) {
            return Err((reason, Some(license.id)));
        }
        let ours = self.is_held_here(active.place());
        let over = active.grace_until.or(active.expires).is_some_and(|end| end <= self.now);
        if ours && !over { Ok(license) } else { Err((Reason::NoPass, Some(license.id))) }
    }
}
