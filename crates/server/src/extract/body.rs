//! Bodies, up to a size.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use carnet_api::{LARGEST_BODY, ProblemCode};
use http_body_util::BodyExt;

use crate::problem::Failure;

/// So much of a body that is too large is still read and thrown away: a client that is in the middle of
/// sending would otherwise see a broken connection instead of the answer.
const THROWN_AWAY: usize = 8 * 1024 * 1024;

/// The whole body.
pub async fn whole(mut body: Body) -> Result<Bytes, Failure> {
    let (mut bytes, mut thrown_away) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::because(ProblemCode::BadJson, "the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if thrown_away == 0 && bytes.len() + data.len() <= LARGEST_BODY {
            bytes.extend_from_slice(&data);
        } else {
            thrown_away += data.len();
            bytes = Vec::new();
            if thrown_away > THROWN_AWAY {
                break;
            }
        }
    }
    if thrown_away == 0 { Ok(bytes.into()) } else { Err(Failure::new(ProblemCode::TooLarge)) }
}

/// Refuses a body that says to be something else.
pub fn expect_type(headers: &HeaderMap, wanted: &str) -> Result<(), Failure> {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = said.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(wanted) {
        Ok(())
    } else {
        Err(Failure::because(ProblemCode::UnsupportedMediaType, format!("`{wanted}` is expected here")))
    }
}
