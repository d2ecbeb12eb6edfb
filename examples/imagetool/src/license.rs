//! What the license allows: the one place where Carnet comes in.

/// The names under which the program's functions and content are licensed: the commands `resize`, `convert` and
/// `sheet`, and for each frame that is content `frame.<name>`.
pub trait License {
    /// Whether a feature may be used now.
    fn allows(&self, feature: &str) -> bool;
}

/// No license is asked for: everything is allowed.
pub struct OpenForAll;

impl License for OpenForAll {
    fn allows(&self, _feature: &str) -> bool {
        true
    }
}
