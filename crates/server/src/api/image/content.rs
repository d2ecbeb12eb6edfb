//! `GET` and `PUT /v1/images/{image}/content`

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use carnet_api::image::{IMAGE, ImageState, ImageView, Offset};
use carnet_api::{FieldError, Problem, ProblemCode};
use carnet_core::id::ImageId;
use carnet_seam::fs::{Access, create_folders};
use carnet_seam::{File, Fs, FsError, FsFault};
use carnet_store::image::Image;
use tokio::sync::mpsc::{Receiver, channel};

use super::{folder, on_disk, own, part, view, whole};
use crate::extract::{Call, Named, Query, Reply, Session};
use crate::problem::Failure;
use crate::server::Server;

/// How much is read at a time, in bytes.
const PIECE: u64 = 256 * 1024;
/// How many pieces wait for a slow network.
const AHEAD: usize = 2;

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
        return Err(invalid("", "nothing more of it is expected".to_owned()));
    }
    let row = image.clone();
    on_disk(&server, move |server, fs| add(server, fs, &row, at.offset, &bytes)).await?;
    let shown: ImageView = view(&server, image)?;
    Reply::ok(&shown)
}

fn add(server: &Server, fs: &dyn Fs, image: &Image, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
    let path = part(server, image.id);
    create_folders(fs, &folder(server)).map_err(disk)?;
    let file = match fs.open(&path, Access::Write) {
        Err(FsError { fault: FsFault::NotFound, .. }) => fs.create_new(&path),
        opened => opened,
    };
    let file = file.map_err(disk)?;
    // Two senders of one image would write over each other.
    file.lock(std::time::Duration::ZERO)
        .map_err(|_| invalid("/offset", "another part is being written: send it again".to_owned()))?;
    let arrived = file.length().map_err(disk)?;
    let end = offset.checked_add(bytes.len() as u64).filter(|end| *end <= image.length);
    if offset != arrived || end.is_none() {
        return Err(invalid("/offset", format!("must be {arrived}, of {} bytes in all", image.length)));
    }
    file.write_at(offset, bytes).map_err(disk)
}

/// The operator's disk is the operator's affair, and full for everybody.
fn disk(error: FsError) -> Failure {
    match error.fault {
        FsFault::DiskFull => Failure::because(ProblemCode::Unavailable, "the server's disk is full"),
        _ => Failure::internal(error),
    }
}

fn invalid(pointer: &str, what: String) -> Failure {
    let errors = vec![FieldError::new(pointer, what)];
    Failure::Problem(Box::new(Problem::new(ProblemCode::Invalid).with_errors(errors)))
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
    let file = on_disk(&server, move |server, fs| {
        fs.open(&whole(server, id), Access::Read).map_err(Failure::internal)
    })
    .await?;
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
            (usual, [(header::CONTENT_LENGTH, length.to_string())], sent(file, 0, length)).into_response()
        }
        Some(Asked::Part(from, end)) => {
            let part = format!("bytes {from}-{}/{length}", end - 1);
            let more = [(header::CONTENT_RANGE, part), (header::CONTENT_LENGTH, (end - from).to_string())];
            (StatusCode::PARTIAL_CONTENT, usual, more, sent(file, from, end)).into_response()
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

/// The bytes of a file, read while they are sent: no more than a few pieces are in memory.
fn sent(file: Box<dyn File>, from: u64, end: u64) -> Body {
    let (send, arriving) = channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut at = from;
        while at < end {
            let mut piece = vec![0; usize::try_from((end - at).min(PIECE)).unwrap_or_default()];
            match file.read_at(at, &mut piece) {
                Ok(read) if read == piece.len() => at += read as u64,
                // A file that became shorter or cannot be read: the connection is cut, and the client goes on later.
                wrong => {
                    tracing::error!(?wrong, "an image could not be read");
                    let _ = send.blocking_send(Err(std::io::ErrorKind::UnexpectedEof.into()));
                    return;
                }
            }
            // Whoever asked has gone away.
            if send.blocking_send(Ok(piece.into())).is_err() {
                return;
            }
        }
    });
    Body::new(Arriving(arriving))
}

struct Arriving(Receiver<Result<Bytes, std::io::Error>>);

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, std::io::Error>>> {
        let piece = self.0.poll_recv(context);
        piece.map(|piece| piece.map(|piece| piece.map(hyper::body::Frame::data)))
    }
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
