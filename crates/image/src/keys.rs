//! Content keys: 32 random bytes for each feature of each build.

use std::collections::BTreeMap;
use std::fmt;

use carnet_core::app::Feature;
use carnet_seam::{NoRandom, Random};
use zeroize::Zeroizing;

/// What encrypts the frames of one feature of one build. Never used for another.
#[derive(Clone, PartialEq, Eq)]
pub struct ContentKey(Zeroizing<[u8; 32]>);

impl ContentKey {
    /// The key with these bytes, as they were delivered.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A key that nobody has seen before.
    pub(crate) fn random(random: &dyn Random) -> Result<Self, NoRandom> {
        let mut key = Zeroizing::new([0; 32]);
        random.fill(&mut *key)?;
        Ok(Self(key))
    }

    /// Its bytes, for whoever seals them to somebody.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Keys are never shown (I17).
impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(…)")
    }
}

/// The content keys at hand, by feature: all of them where an image is built, on a device those of the features
/// that its license grants.
pub type ContentKeys = BTreeMap<Feature, ContentKey>;
