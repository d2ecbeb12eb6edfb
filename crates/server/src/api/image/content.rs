//! `GET` and `PUT /v1/images/{image}/content`

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use carnet_api::image::{IMAGE, ImageState, ImageView, Offset};
use carnet_api::{Problem, ProblemCode};
use carnet_core::id::ImageId;
use carnet_store::image::Image;

use super::{own, view};
use crate::extract::{Call, Named, Query, Reply, Session};
use crate::image_store::Folder;
use crate::problem::Failure;
use crate::server::Server;

/// Send a part of an image
///
/// It begins where what has arrived ends; so whatever ends a transfer, it goes on from there.
#[utoipa::path(
    put, path = "/v1/images/{image}/content", operation_id = "images_write", tag = "images",
    security(("supplier_token" = [])),
    params(("image" = String, Path, description = "The image's id."), Offset),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "It is here, and how much has arrived: there the next part begins.", body = ImageView),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "`too-large`: at most 256 KiB at once", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "`unsupported-media-type`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`: the offset is not where what has arrived ends, or nothing more is expected", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn write(
    State(server): State<Server>,
    // Before the query is read: who has no token learns nothing, not even what is wrong with it.
    session: Session,
    Named(id): Named<ImageId>,
    Query(at): Query<Offset>,
    call: Call,
) -> Result<Reply, Failure> {
    let image = own(&server, session.id(), id).await?;
    let bytes = call.bytes_of(IMAGE)?;
    if image.state != ImageState::Uploading.as_str() {
        return Err(Failure::invalid("", "nothing more of it is expected"));
    }
    let (id, length) = (image.id, image.length);
    let add = move |folder: &Folder| folder.append(id, length, at.offset, &bytes);
    server.images().folder().run(add).await?;
    let shown: ImageView = view(&server, image)?;
    Reply::ok(&shown)
}

/// Get an image
///
/// Or one range of it (RFC 9110 §14.2). For anybody: without a license it is of no use.
#[utoipa::path(
    get, path = "/v1/images/{image}/content", operation_id = "images_read", tag = "images",
    params(
        ("image" = String, Path, description = "The image's id."),
        ("Range" = Option<String>, Header, description = "One range of bytes.", example = "bytes=0-1048575"),
    ),
    responses(
        (status = 200, description = "All of it.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, description = "`bad-header`: the range lies beyond its end", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`: there is none, it is not published, or it lies elsewhere", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`: the server's image store is away, or does not have it as it was published", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn read(
    State(server): State<Server>,
    Named(id): Named<ImageId>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let found = server.read(move |tx| tx.image(id)).await?;
    let published = |image: &Image| image.state == ImageState::Published.as_str() && image.url.is_none();
    let image = found.filter(published).ok_or_else(|| Failure::new(ProblemCode::NotFound))?;
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let length = image.length;
    let usual = [
        (header::CONTENT_TYPE, IMAGE.to_owned()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        // An id names one build for ever.
        (header::CACHE_CONTROL, "public, max-age=86400, immutable".to_owned()),
    ];
    Ok(match asked.map(|asked| range(asked, length)) {
        None | Some(Asked::All) => {
            let body = server.images().body(&image, 0..length).await?;
            (usual, [(header::CONTENT_LENGTH, length.to_string())], body).into_response()
        }
        Some(Asked::Part(from, end)) => {
            let part = format!("bytes {from}-{}/{length}", end - 1);
            let more = [(header::CONTENT_RANGE, part), (header::CONTENT_LENGTH, (end - from).to_string())];
            let body = server.images().body(&image, from..end).await?;
            (StatusCode::PARTIAL_CONTENT, usual, more, body).into_response()
        }
        Some(Asked::Nothing) => {
            let what = format!("the range lies beyond the end of the image, which has {length} bytes");
            return Err(Failure::because(ProblemCode::BadHeader, what));
        }
    })
}

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// It is none that is understood: RFC 9110 §14.2 lets it be ignored.
    All,
    /// From a byte on, up to before another.
    Part(u64, u64),
    /// Nothing that is there.
    Nothing,
}

fn range(header: &str, length: u64) -> Asked {
    let Some((from, to)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asked::All;
    };
    let part = match (from.parse::<u64>(), to.parse::<u64>(), from.is_empty(), to.is_empty()) {
        (Ok(from), Ok(to), ..) if from <= to => (from, to.saturating_add(1).min(length)),
        (Ok(from), _, _, true) => (from, length),
        (_, Ok(last), true, _) => (length.saturating_sub(last), length),
        _ => return Asked::All,
    };
    if part.0 < part.1 { Asked::Part(part.0, part.1) } else { Asked::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b5_one_range_is_understood_and_anything_else_is_all_or_nothing() {
        for (header, asked) in [
            ("bytes=0-0", Asked::Part(0, 1)),
            ("bytes=10-19", Asked::Part(10, 20)),
            ("bytes=90-500", Asked::Part(90, 100)),
            ("bytes=90-", Asked::Part(90, 100)),
            ("bytes=-10", Asked::Part(90, 100)),
            ("bytes=-500", Asked::Part(0, 100)),
            ("bytes=100-", Asked::Nothing),
            ("bytes=100-200", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=20-10", Asked::All),
            ("bytes=0-1,5-6", Asked::All),
            ("items=0-1", Asked::All),
            ("bytes=x-y", Asked::All),
            ("bytes=0-18446744073709551615", Asked::Part(0, 100)),
        ] {
            assert_eq!(range(header, 100), asked, "{header}");
        }
    }
}
