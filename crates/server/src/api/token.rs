//! The supplier's access tokens.

pub mod create;
pub mod list;
pub mod revoke;

use carnet_api::token::TokenView;
use carnet_store::supplier::Token;

use crate::extract::{Session, scope};

fn view(token: &Token, session: &Session) -> TokenView {
    TokenView {
        token_hash: token.hash,
        label: token.label.clone(),
        scopes: scope::read(&token.scopes),
        made: token.created,
        revoked: token.revoked,
        this: token.hash == session.token(),
    }
}
