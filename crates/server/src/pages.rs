//! Lists, a page at a time.

use std::fmt::Display;
use std::str::FromStr;

use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use carnet_api::page::{MOST_PER_PAGE, PER_PAGE, Page};
use carnet_api::{FieldError, Problem, ProblemCode};
use carnet_core::time::Time;
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;

use crate::problem::Failure;

/// How many entries are wanted.
///
/// # Errors
/// When it is none or too many.
pub fn limit(asked: Option<u32>) -> Result<u32, Failure> {
    match asked {
        None => Ok(PER_PAGE),
        Some(limit @ 1..=MOST_PER_PAGE) => Ok(limit),
        Some(_) => {
            Err(Failure::because(ProblemCode::BadQuery, format!("`limit` must be 1 to {MOST_PER_PAGE}")))
        }
    }
}

/// What a cursor of ours says; none: the first page.
///
/// # Errors
/// When it is not one of ours.
pub fn after<T>(cursor: Option<&str>, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Failure> {
    let Some(cursor) = cursor else { return Ok(None) };
    let text = BASE64URL_NOPAD.decode(cursor.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match text.as_deref().and_then(read) {
        Some(value) => Ok(Some(value)),
        None => Err(Failure::because(ProblemCode::BadQuery, "`cursor` is not the `next_cursor` of a page")),
    }
}

/// Where the next page of a list in the order of time begins; what has one time is told apart by its id.
pub fn cursor_of((time, id): (Time, impl Display)) -> String {
    format!("{}.{id}", time.0)
}

/// What [`cursor_of`] has written.
#[must_use]
pub fn time_and_id<T: FromStr>(cursor: &str) -> Option<(Time, T)> {
    let (time, id) = cursor.split_once('.')?;
    Some((Time(time.parse().ok()?), id.parse().ok()?))
}

/// One page, with a link to the next where there is one.
pub fn page<T: Serialize>(data: Vec<T>, next: Option<String>, uri: &Uri) -> Response {
    let next_cursor = next.map(|next| BASE64URL_NOPAD.encode(next.as_bytes()));
    let link = next_cursor.as_deref().map(|cursor| link(uri, cursor));
    let mut response = axum::Json(Page { data, next_cursor }).into_response();
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// The same list and filter, from the cursor on.
fn link(uri: &Uri, cursor: &str) -> String {
    let others = uri.query().unwrap_or_default().split('&');
    let kept: String = others
        .filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="))
        .map(|pair| format!("{pair}&"))
        .collect();
    format!("<{}?{kept}cursor={cursor}>; rel=\"next\"", uri.path())
}

/// A value in the query that cannot be what it should.
#[must_use]
pub fn bad_filter(name: &str, what: impl Display) -> Failure {
    let errors = vec![FieldError::new("", format!("`{name}`: {what}"))];
    Failure::Problem(Box::new(Problem::new(ProblemCode::BadQuery).with_errors(errors)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_keeps_the_filter_and_replaces_the_cursor() {
        let uri = "/v1/licenses?status=active&cursor=old&limit=2".parse().unwrap();
        assert_eq!(link(&uri, "new"), "</v1/licenses?status=active&limit=2&cursor=new>; rel=\"next\"");
        let uri = "/v1/apps".parse().unwrap();
        assert_eq!(link(&uri, "new"), "</v1/apps?cursor=new>; rel=\"next\"");
    }
}
