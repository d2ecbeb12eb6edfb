//! Offers, terms and slices.

use carnet_core::offer::{
    Charging, Counting, Floating, Issuance, Listed, Offer, OncePer, OpenedBy, Overdue, Reporting, Sanction,
    UserNames,
};
use carnet_core::report::ReportKeys;
use carnet_core::term::{Period, Slice, Term};

use crate::{choice, record};

record! {
    Offer {
        1 => name,
        2 => condition,
        3 => features,
        4 => term,
        5 => devices,
        6 => fee,
        7 => charging,
        8 => issuance,
        9 => pass_term,
        10 => temporary_pass_term,
        11 => counting,
        12 => grace,
        13 => lost_devices_per_year,
        14 => reporting,
        15 => once_per,
        16 => hardware_only,
        17 => versions,
        18 => floating,
    }
    Listed { 1 => app, 2 => serial, 3 => offer }
    Floating { 1 => borrow }
    Issuance { 1 => temporary_at_purchase, 2 => temporary_when_refused }
    Reporting { 1 => record_retention, 2 => keys, 3 => users, 4 => overdue, 5 => violation, 6 => opened_by }
    ReportKeys { 1 => seal_to, 2 => asks }
    Term { 1 => period, 2 => duration, 3 => uses }
    Slice { 1 => uses, 2 => duration, 3 => period }
}

choice! {
    Charging { 0 => Free, 1 => Once, 2 => PerPass, 3 => PerPeriod }
    Counting { 0 => Offline, 1 => Online }
    UserNames { 0 => Hidden, 1 => SystemNames }
    Overdue { 0 => RefuseRenewal, 1 => Suspend }
    Sanction { 0 => Suspend, 1 => Revoke }
    OpenedBy { 0 => Server }
    OncePer { 0 => User, 1 => Device }
    Period { 0 => Between { start, end }, 1 => FromAgreement(length), 2 => FromFirstUse(length) }
}
