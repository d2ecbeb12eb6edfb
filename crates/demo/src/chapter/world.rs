//! Who and what plays in the story.

use std::collections::BTreeMap;

use crate::device::Device;
use crate::facts::Facts;
use crate::server::Server;
use crate::stage::Stage;
use crate::surprise::Surprise;

/// Everybody in the story.
#[derive(Debug)]
pub struct World<'s> {
    /// Where it is played.
    pub stage: &'s Stage,
    /// The licensing server.
    pub server: Server<'s>,
    /// A supplier.
    pub acme: Device<'s>,
    /// Another supplier.
    pub sono: Device<'s>,
    /// A user.
    pub ann: Device<'s>,
    /// The product strings of apps.
    pub products: BTreeMap<&'static str, String>,
}

impl<'s> World<'s> {
    /// At the beginning.
    ///
    /// # Errors
    /// What the system reports.
    pub fn new(stage: &'s Stage, server: Server<'s>) -> Result<Self, Surprise> {
        let device = |name| Device::new(stage, name);
        let (acme, sono, ann) = (device("acme")?, device("sono")?, device("ann")?);
        Ok(Self { stage, server, acme, sono, ann, products: BTreeMap::new() })
    }

    /// The product string of an app: what its supplier has compiled into the program.
    ///
    /// # Errors
    /// Before there is one.
    pub fn product(&self, app: &str) -> Result<String, Surprise> {
        let known = self.products.get(app).cloned();
        known.ok_or_else(|| Surprise::new(format!("a product string of {app}"), "none is known yet"))
    }

    /// A license as its supplier sees it.
    ///
    /// # Errors
    /// Where the supplier sees none.
    pub fn license(&self, id: &str) -> Result<Facts, Surprise> {
        self.acme.ask(&["supplier", "license", "show", id])?.done()
    }
}

/// The amounts of a counted line, in the supplier's view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// Sold.
    pub total: u64,
    /// Not given out.
    pub remaining: u64,
    /// In a pass.
    pub held: u64,
    /// Used.
    pub used: u64,
    /// Given out and lost.
    pub forfeited: u64,
}

impl Balance {
    /// The uses of a license. Checks that nothing is lost and nothing doubled (I3).
    ///
    /// # Errors
    /// Where the parts are not the whole.
    pub fn of_uses(license: &Facts) -> Result<Self, Surprise> {
        let uses = license.at("/validity/uses")?;
        let part = |name| uses.number(name);
        let balance = Self {
            total: part("/total")?,
            remaining: part("/remaining")?,
            held: part("/held")?,
            used: part("/used")?,
            forfeited: part("/forfeited")?,
        };
        uses.holds("total = remaining + held + used + forfeited", |_| balance.is_whole())?;
        Ok(balance)
    }

    const fn is_whole(self) -> bool {
        self.total == self.remaining + self.held + self.used + self.forfeited
    }
}
