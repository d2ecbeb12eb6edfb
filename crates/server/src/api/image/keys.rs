//! `POST /v1/images/{image}/keys`

use axum::extract::State;
use carnet_api::image::{ImageView, NewImageKeys};
use carnet_api::{Problem, ProblemCode};
use carnet_core::id::ImageId;
use data_encoding::BASE64;

use super::{own, view};
use crate::extract::{Call, Named, Reply};
use crate::key_service::KeyServiceError;
use crate::problem::Failure;
use crate::server::Server;

/// Hand in the content keys of an image
///
/// Sealed to the key service; this server cannot read them. Handing the same keys in again does nothing.
#[utoipa::path(
    post, path = "/v1/images/{image}/keys", operation_id = "images_keys", tag = "images",
    security(("supplier_token" = [])),
    params(
        ("image" = String, Path, description = "The image's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice."),
    ),
    request_body = NewImageKeys,
    responses(
        (status = 200, description = "The key service has them.", body = ImageView),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`: they are not sealed to the key service, or of another image", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`: the key service does not answer", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn hand_in(
    State(server): State<Server>,
    Named(id): Named<ImageId>,
    call: Call,
) -> Result<Reply, Failure> {
    let image = own(&server, call.session.id(), id).await?;
    let new: NewImageKeys = call.json()?;
    let sealed = BASE64.decode(new.sealed.trim().as_bytes());
    let sealed = sealed.map_err(|_| invalid("is not base64".to_owned()))?;
    let manifest = image.manifest.clone();
    server
        .ask_key_service(move |service, key_set| {
            service.take_in(key_set, &manifest, &sealed).map_err(|error| match error {
                KeyServiceError::Refused(why) => invalid(format!("is refused by the key service: {why}")),
                KeyServiceError::Away(_) => {
                    tracing::error!(%error, "keys could not be handed in");
                    Failure::because(ProblemCode::Unavailable, "the key service does not answer")
                }
            })
        })
        .await?;
    let now = server.now();
    server.write("image.keyed", move |tx| Ok(tx.set_image_keyed(id, now)?)).await?;
    let now = own(&server, call.session.id(), id).await?;
    let shown: ImageView = view(&server, now)?;
    Reply::ok(&shown)
}

fn invalid(what: String) -> Failure {
    Failure::invalid("/sealed", what)
}
