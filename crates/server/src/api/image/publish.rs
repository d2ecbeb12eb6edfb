//! `POST /v1/images/{image}/publish` and `…/withdraw`

use axum::extract::State;
use carnet_api::image::{ImageState, ImageView};
use carnet_api::{FieldError, Problem, ProblemCode};
use carnet_core::id::ImageId;
use carnet_core::time::Time;
use carnet_image::read::check_frames;
use carnet_image::{Front, ImageError, Source};
use carnet_seal::{ImageManifest, Signed};
use carnet_seam::fs::{Access, discard};
use carnet_seam::{Fs, FsFault};
use carnet_store::Writing;

use super::create::verified;
use super::{folder, on_disk, only_build, own, part, view, whole};
use crate::extract::{Call, Named, Reply};
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
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`: it is not all there, or not what was signed", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn publish(
    State(server): State<Server>,
    Named(id): Named<ImageId>,
    call: Call,
) -> Result<Reply, Failure> {
    let image = own(&server, call.session.id(), id).await?;
    if image.state == ImageState::Uploading.as_str() {
        let manifest = verified(&server, &call.session, &image.manifest).await?;
        on_disk(&server, move |server, fs| take(server, fs, &manifest)).await?;
    }
    let published = image.clone();
    let at = server.now();
    server
        .write("image.publish", move |tx| {
            only_build(tx, &published)?;
            set(tx, id, ImageState::Published, at)
        })
        .await?;
    let now = own(&server, call.session.id(), id).await?;
    let shown: ImageView = view(&server, now)?;
    Reply::ok(&shown)
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
    ),
)]
pub async fn withdraw(
    State(server): State<Server>,
    Named(id): Named<ImageId>,
    call: Call,
) -> Result<Reply, Failure> {
    let image = own(&server, call.session.id(), id).await?;
    if image.state != ImageState::Withdrawn.as_str() {
        let at = server.now();
        server.write("image.withdraw", move |tx| set(tx, id, ImageState::Withdrawn, at)).await?;
    }
    on_disk(&server, move |server, fs| {
        [part(server, id), whole(server, id)]
            .iter()
            .try_for_each(|path| discard(fs, path))
            .map_err(Failure::internal)
    })
    .await?;
    let now = own(&server, call.session.id(), id).await?;
    let shown: ImageView = view(&server, now)?;
    Reply::ok(&shown)
}

fn set(tx: &Writing<'_>, id: ImageId, state: ImageState, now: Time) -> Result<(), Failure> {
    // Withdrawn meanwhile: for whoever asks it is gone.
    tx.set_image_state(id, state.as_str(), now).map_err(|_| Failure::new(ProblemCode::NotFound))
}

/// Checks what has arrived and gives it its name. Done again after a crash in between, it finds the name given.
fn take(server: &Server, fs: &dyn Fs, manifest: &Signed<ImageManifest>) -> Result<(), Failure> {
    let id = manifest.claims().id;
    let (from, to) = (part(server, id), whole(server, id));
    if fs.facts(&from).map_err(Failure::internal)?.is_none()
        && fs.facts(&to).map_err(Failure::internal)?.is_some()
    {
        return Ok(());
    }
    let file = fs.open(&from, Access::Read).map_err(|error| match error.fault {
        FsFault::NotFound => refused("nothing has arrived"),
        _ => Failure::internal(error),
    })?;
    check(&file, manifest).map_err(|error| match error {
        ImageError::Fs(error) => Failure::internal(error),
        wrong => refused(&wrong.to_string()),
    })?;
    file.sync().and_then(|()| fs.rename(&from, &to)).map_err(Failure::internal)?;
    fs.sync_folder(&folder(server)).map_err(Failure::internal)
}

/// What has arrived must begin with the manifest that was announced.
fn check(source: &dyn Source, manifest: &Signed<ImageManifest>) -> Result<(), ImageError> {
    let front = Front::again(source, manifest)?;
    front.check_length(source)?;
    for stream in &front.manifest().features {
        let table = front.table(source, &stream.feature)?;
        (0..table.pages.len())
            .try_for_each(|page| front.page(source, &stream.feature, &table, page).map(drop))?;
        check_frames(source, &front, &table, &stream.feature, |_| {})?;
    }
    Ok(())
}

fn refused(what: &str) -> Failure {
    let errors = vec![FieldError::new("", what)];
    Failure::Problem(Box::new(Problem::new(ProblemCode::Invalid).with_errors(errors)))
}
