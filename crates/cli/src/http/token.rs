//! The secret of a supplier.

use std::fmt;

use carnet_core::id::Digest;
use carnet_seam::{NoRandom, Random};
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// What a supplier proves itself with. Wiped from memory after use, and never shown (I17).
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// The token in a text that may have spaces or line ends around it; none when it cannot be one.
    #[must_use]
    pub fn in_text(text: &str) -> Option<Self> {
        let token = text.trim();
        let visible =
            !token.is_empty() && token.len() <= 500 && token.bytes().all(|byte| byte.is_ascii_graphic());
        visible.then(|| Self(Zeroizing::new(token.to_owned())))
    }

    /// A new token: 256 random bits.
    ///
    /// # Errors
    /// [`NoRandom`] when the system gives none.
    pub fn fresh(random: &dyn Random) -> Result<Self, NoRandom> {
        let secret = Zeroizing::new(carnet_seam::random::bytes::<32>(random)?);
        let text = Zeroizing::new(BASE64URL_NOPAD.encode(&*secret));
        Ok(Self(Zeroizing::new(carnet_api::supplier::token_of(&text))))
    }

    /// What a server keeps of it.
    #[must_use]
    pub fn hash(&self) -> Digest {
        Digest(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The token, to be stored or shown this once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_token_has_the_form_of_all_tokens_and_is_never_the_same() {
        let [one, two] = [(); 2].map(|()| Token::fresh(&carnet_seam::SystemRandom).unwrap());
        assert!(one.reveal().starts_with("carnet_sup_") && one.reveal().len() == 54, "{}", one.reveal());
        assert!(one != two && one.hash() != two.hash());
        assert_eq!(Token::in_text(one.reveal()), Some(one));
    }

    #[test]
    fn i17_a_token_is_not_shown_by_debug_output() {
        let token = Token::in_text(" carnet_sup_canary\n").unwrap();
        assert_eq!((format!("{token:?}").as_str(), token.reveal()), ("Token(…)", "carnet_sup_canary"));
        assert_eq!(Token::in_text("two words"), None);
    }
}
