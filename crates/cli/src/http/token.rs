//! The secret of a supplier.

use std::fmt;

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
    fn i17_a_token_is_not_shown_by_debug_output() {
        let token = Token::in_text(" carnet_sup_canary\n").unwrap();
        assert_eq!((format!("{token:?}").as_str(), token.reveal()), ("Token(…)", "carnet_sup_canary"));
        assert_eq!(Token::in_text("two words"), None);
    }
}
