//! `POST /v1/images/{image}/publish` and `…/withdraw`

use axum::extract::State;
use carnet_api::image::{ImageState, ImageView};
use carnet_api::{Problem, ProblemCode};
use carnet_core::id::ImageId;

use super::create::verified;
use super::{builds, is_only_build, only_build, own, view};
use crate::extract::{Call, Named, Reply};
use crate::image_store::Publication;
use crate::problem::Failure;
use crate::server::Server;

/// Publish an image
///
/// Its signature is checked once more, and every part of it is held against its manifest. From then on everybody can have it.
#[utoipa::path(
    post, path = "/v1/images/{image}/publish", operation_id = "images_publish", tag = "images",
    security(("supplier_token" = [])),
    params(
        ("image" = String, Path, description = "The image's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice."),
    ),
    responses(
        (status = 200, description = "Published.", body = ImageView),
        (status = 202, description = "On its way into the server's image store, which takes longer: ask again.", body = ImageView),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`: it is not all there, or not what was signed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`: the server's image store does not take it; ask again", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn publish(
    State(server): State<Server>,
    Named(id): Named<ImageId>,
    call: Call,
) -> Result<Reply, Failure> {
    let image = own(&server, call.session.id(), id).await?;
    let mut published = Publication::Done;
    if image.state == ImageState::Uploading.as_str() {
        let manifest = verified(&server, &call.session, &image.manifest).await?;
        // Before it is checked and sent on, which may take long.
        let this = image.clone();
        is_only_build(&server.read(move |tx| builds(tx, &this)).await?, &image)?;
        published = server.images().publish(&server, manifest).await?;
    } else {
        set(&server, id, ImageState::Published).await?;
    }
    let now = own(&server, call.session.id(), id).await?;
    let shown: ImageView = view(&server, now)?;
    match published {
        Publication::Done => Reply::ok(&shown),
        Publication::Underway => Reply::accepted(&shown),
    }
}

/// Withdraw an image
///
/// Nobody gets it any more, and its bytes are removed. Who has it keeps it; it cannot be published again.
#[utoipa::path(
    post, path = "/v1/images/{image}/withdraw", operation_id = "images_withdraw", tag = "images",
    security(("supplier_token" = [])),
    params(
        ("image" = String, Path, description = "The image's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice."),
    ),
    responses(
        (status = 200, description = "Withdrawn.", body = ImageView),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`: the server's image store does not let go of it; it is withdrawn all the same, ask again", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn withdraw(
    State(server): State<Server>,
    Named(id): Named<ImageId>,
    call: Call,
) -> Result<Reply, Failure> {
    let image = own(&server, call.session.id(), id).await?;
    if image.state != ImageState::Withdrawn.as_str() {
        set(&server, id, ImageState::Withdrawn).await?;
    }
    server.images().remove(id).await?;
    let now = own(&server, call.session.id(), id).await?;
    let shown: ImageView = view(&server, now)?;
    Reply::ok(&shown)
}

/// Writes down how far an image has come.
pub(crate) async fn set(server: &Server, id: ImageId, state: ImageState) -> Result<(), Failure> {
    let now = server.now();
    server
        .write("image.state", move |tx| {
            if let Some(image) = tx.image(id)?.filter(|_| state == ImageState::Published) {
                only_build(tx, &image)?;
            }
            // Withdrawn meanwhile: for whoever asks it is gone.
            tx.set_image_state(id, state.as_str(), now).map_err(|_| Failure::new(ProblemCode::NotFound))
        })
        .await
}
