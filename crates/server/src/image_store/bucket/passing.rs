//! An image on its way through this server: piece by piece, and as slowly as whoever fetches it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Bytes, HttpBody};
use carnet_core::id::ImageId;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use hyper::body::{Frame, SizeHint};
use object_store::Error;

use super::{Bucket, Deed};

/// The pieces of a range. Dropped with the connection of whoever fetches, and the one to the store with it.
pub struct Passing {
    bucket: Bucket,
    image: ImageId,
    pieces: BoxStream<'static, Result<Bytes, Error>>,
    left: u64,
}

impl Passing {
    /// So many bytes.
    pub fn new(
        bucket: Bucket,
        image: ImageId,
        pieces: BoxStream<'static, Result<Bytes, Error>>,
        left: u64,
    ) -> Self {
        Self { bucket, image, pieces, left }
    }

    /// The connection is cut, so that what was promised and did not come is not taken for the whole; the client goes on
    /// later.
    fn cut(&self, why: impl std::fmt::Display) -> std::io::Error {
        tracing::error!(image = %self.image, left = self.left, %why, "an image broke off on its way from the image store");
        std::io::ErrorKind::UnexpectedEof.into()
    }
}

impl HttpBody for Passing {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let piece = match ready!(self.pieces.poll_next_unpin(context)) {
            None if self.left == 0 => return Poll::Ready(None),
            None => return Poll::Ready(Some(Err(self.cut("it ended before its end")))),
            Some(piece) => self.bucket.heard(Deed::Read, piece),
        };
        Poll::Ready(Some(match piece {
            Err(fault) => Err(self.cut(fault)),
            Ok(bytes) => match self.left.checked_sub(bytes.len() as u64) {
                None => Err(self.cut("it went on after its end")),
                Some(left) => {
                    self.left = left;
                    Ok(Frame::data(bytes))
                }
            },
        }))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
