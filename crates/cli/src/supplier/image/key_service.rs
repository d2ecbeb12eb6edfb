//! The key service's public key: asked of the server once, then pinned. A server that was taken over cannot put its own
//! key in the place of the one that is known here.

use carnet_api::image::KeyServiceView;
use carnet_api::path::KEY_SERVICE;
use carnet_core::app::SupplierName;
use carnet_core::document::PublicKey;
use carnet_core::id::Digest;
use carnet_seam::fs::replace_file;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Call;
use crate::supplier::credentials;

const PIN: &str = "key-service";

/// The key of the key service of this supplier's server: the one that is pinned, else what the server says now, which
/// is pinned with it.
///
/// # Errors
/// `other-key-service` when the server names another one than is pinned.
pub fn pinned(context: &Context, name: &SupplierName) -> Result<PublicKey, Failure> {
    let http = credentials::http_of_anybody(context, Some(name))?;
    let said: KeyServiceView = http.send(Call::get(KEY_SERVICE))?;
    let Some(folder) = credentials::folder(context, name)? else { return Ok(PublicKey(said.public_key.0)) };
    let file = folder.join(PIN);
    let known: Option<Digest> = context.small_file(&file)?.and_then(|text| text.trim().parse().ok());
    match known {
        Some(known) if known != said.public_key => {
            let what = format!("the server names another key service than before: {}", said.public_key);
            Err(Failure::new(Exit::Failure, "other-key-service", what).with_remedy(format!(
                "ask its operator; if that is right, give the new one with --key-service, or remove {}",
                file.display()
            )))
        }
        Some(known) => Ok(PublicKey(known.0)),
        None => {
            replace_file(&*context.files, &file, format!("{}\n", said.public_key).as_bytes())?;
            let words = format!(
                "The key service has the key {}; from now on no other one is accepted.",
                said.public_key
            );
            context.output.note(&words);
            Ok(PublicKey(said.public_key.0))
        }
    }
}
