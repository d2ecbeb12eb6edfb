//! Offers that were paid for elsewhere.

pub mod create;
pub mod list;
pub mod show;
pub mod withdraw;

use carnet_api::redeem::RedeemCode;
use carnet_store::redeem::LabelledGrant;

fn view(labelled: &LabelledGrant) -> RedeemCode {
    let LabelledGrant { grant, label } = labelled;
    RedeemCode {
        digest: grant.digest,
        app: grant.listed.app.clone(),
        offer: grant.listed.offer.name.clone(),
        label: label.clone(),
        made: grant.made,
        expires: grant.expires,
        license: grant.used,
        withdrawn: grant.withdrawn,
    }
}
