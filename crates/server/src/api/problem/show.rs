//! `GET /problems/{code}`

use axum::Json;
use axum::extract::Path;
use carnet_api::problem::Explanation;
use carnet_api::{Problem, ProblemCode};

use crate::problem::Failure;

/// What a problem means
///
/// The `type` of every problem points here.
#[utoipa::path(
    get, path = "/problems/{code}", operation_id = "problems_show", tag = "operations",
    params(("code" = String, Path, description = "The code of a problem.", example = "not-found")),
    responses(
        (status = 200, description = "What it means.", body = Explanation),
        (status = 404, description = "There is no such code.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn show(Path(code): Path<String>) -> Result<Json<Explanation>, Failure> {
    let known = ProblemCode::ALL.into_iter().find(|known| known.as_str() == code);
    known.map(|code| Json(code.into())).ok_or_else(|| Failure::new(ProblemCode::NotFound))
}
