//! Every way in which a start can be refused.

use std::time::Duration;

use crate::grant::Grant;
use crate::sandbox::Sandbox;

/// A way in which a start is refused, for looking at how a program tells it to its user.
///
/// ```
/// use carnet_sandbox::Refusal;
///
/// for refusal in Refusal::ALL {
///     let told = refusal.sandbox("acme/paint").controller().start().unwrap_err();
///     assert_eq!(told.code, refusal.code());
///     println!("{}\n  {}\n", told.message, told.remedy);
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// Nobody has registered this device.
    NotRegistered,
    /// The user has not agreed to an offer yet; comes with the menu.
    NoLicense,
    /// The license is used up; comes with the menu.
    UsedUp,
    /// The license has ended; comes with the menu.
    Expired,
    /// The pass is used up, and the server cannot be reached.
    Offline,
    /// The supplier has suspended the license.
    Suspended,
    /// The supplier has revoked the license.
    Revoked,
    /// The license was taken to another device.
    MovedAway,
    /// The passbook was copied from another machine.
    Copied,
    /// The disk is full.
    DiskFull,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::NotRegistered,
        Self::NoLicense,
        Self::UsedUp,
        Self::Expired,
        Self::Offline,
        Self::Suspended,
        Self::Revoked,
        Self::MovedAway,
        Self::Copied,
        Self::DiskFull,
    ];

    /// The code that a program sees.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotRegistered => "not-registered",
            Self::NoLicense => "no-license",
            Self::UsedUp => "exhausted",
            Self::Expired => "expired",
            Self::Offline => "server-unreachable",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::MovedAway => "moving",
            Self::Copied => "another-device",
            Self::DiskFull => "disk-full",
        }
    }

    /// A device on which starts of this app are refused in this way.
    ///
    /// # Panics
    /// When this is no app id.
    #[must_use]
    pub fn sandbox(self, app: &str) -> Sandbox {
        let grant = Grant::new("Ten uses").feature("everything").uses(10);
        match self {
            Self::NotRegistered => return Sandbox::unregistered(app),
            Self::NoLicense => {
                let sandbox = Sandbox::registered(app);
                sandbox.offer(grant);
                return sandbox;
            }
            Self::Expired => {
                let grant = Grant::new("Thirty days").feature("everything").days(30);
                let sandbox = Sandbox::granting(app, grant.grace(Duration::ZERO));
                sandbox.expire();
                return sandbox;
            }
            _ => {}
        }
        let sandbox = Sandbox::granting(app, grant);
        match self {
            Self::UsedUp => sandbox.use_up(),
            Self::Offline => {
                sandbox.go_offline();
                sandbox.use_up();
            }
            Self::Suspended => sandbox.suspend(),
            Self::Revoked => sandbox.revoke(),
            Self::MovedAway => sandbox.move_away(),
            Self::Copied => sandbox.copy_to_another_machine(),
            Self::DiskFull => sandbox.fill_disk(),
            Self::NotRegistered | Self::NoLicense | Self::Expired => {}
        }
        sandbox
    }
}
