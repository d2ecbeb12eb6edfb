//! What a shop hands over for one device: where to register, as whose device, and by which code.
//!
//! It is plain text, so that whoever gets it can see what it does. The check at its end finds damage, not forgery:
//! whoever changes the file can do no more than with a code of their own.

use std::path::Path;

use carnet_core::id::{Digest, UserId};
use carnet_core::time::Time;
use carnet_seal::report::attachment;
use carnet_seam::fs::read_file;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// The most bytes that are read.
const LARGEST: u64 = 64 << 10;
/// The only form there is.
const FORM: u32 = 1;

/// What is handed over for one device.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShopFile {
    /// The form of this file.
    pub carnet_shop_file: u32,
    /// The licensing server.
    pub server: String,
    /// The hash of its root key.
    pub root: Digest,
    /// Who has sold it.
    pub shop: String,
    /// Whose device it will be.
    pub user: UserId,
    /// What the device will be called.
    pub device: String,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maker: Option<String>,
    /// The join code, good once.
    pub code: String,
    /// Until when it is good.
    pub until: Time,
    /// Codes for offers that were paid for in the shop.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redeem: Vec<String>,
}

/// As it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    sale: ShopFile,
    check: Digest,
}

/// The codes are as good as what they open (I17).
impl std::fmt::Debug for ShopFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ShopFile({}, …)", self.user)
    }
}

impl ShopFile {
    /// The form that this program writes.
    #[must_use]
    pub const fn form() -> u32 {
        FORM
    }

    /// As text.
    ///
    /// # Errors
    /// When it has no such form.
    pub fn text(&self) -> Result<String, Failure> {
        let written = Written { sale: self.clone(), check: check(self)? };
        let text =
            serde_json::to_string_pretty(&written).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(text + "\n")
    }

    /// Reads what a shop has handed over.
    ///
    /// # Errors
    /// `bad-shop-file` when it is none, or is damaged.
    pub fn read(context: &Context, path: &Path) -> Result<Self, Failure> {
        let bytes = read_file(&*context.files, path, LARGEST)?;
        let bytes = bytes.ok_or_else(|| bad(path, "there is no such file"))?;
        let written: Written = serde_json::from_slice(&bytes)
            .map_err(|_| bad(path, "it is no file of a shop, or is damaged"))?;
        if written.sale.carnet_shop_file != FORM {
            return Err(bad(path, "it is of a newer form than this program knows"));
        }
        if check(&written.sale)? != written.check {
            return Err(bad(path, "it is damaged, or was changed"));
        }
        Ok(written.sale)
    }
}

fn check(file: &ShopFile) -> Result<Digest, Failure> {
    let bytes = serde_json::to_vec(file).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(attachment(&bytes).digest)
}

fn bad(path: &Path, why: &str) -> Failure {
    let what = format!("{} cannot be taken over: {why}", path.display());
    Failure::new(Exit::Failure, "bad-shop-file", what)
        .with_remedy("copy it again from what the shop has handed over, or register with `carnet register`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b1_a_file_of_a_shop_does_not_show_its_codes_by_accident() {
        let file = ShopFile {
            carnet_shop_file: FORM,
            server: "https://licenses.example.org".into(),
            root: Digest([1; 32]),
            shop: "acme".into(),
            user: UserId([2; 16]),
            device: "atelier".into(),
            maker: None,
            code: "join1-secret".into(),
            until: Time::EPOCH,
            redeem: vec!["redeem1-secret".into()],
        };
        assert!(!format!("{file:?}").contains("secret"));
        let text = file.text().unwrap();
        assert!(text.contains("join1-secret") && !text.contains("maker"), "{text}");
    }
}
