//! JSON bodies, with a pointer to whatever is wrong in them.

use axum::extract::{FromRequest, Request};
use carnet_api::{JSON, ProblemCode};
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use super::body;
use crate::problem::Failure;
use crate::server::Server;

/// A JSON body of somebody who needs no token.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Server> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &Server) -> Result<Self, Failure> {
        body::expect_type(request.headers(), JSON)?;
        read(&body::whole(request.into_body()).await?).map(Self)
    }
}

/// Reads one JSON value.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let mut from = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let pointer = pointer_of(error.path());
        failure(&pointer, &error.into_inner())
    })?;
    from.end().map_err(|error| failure("", &error))?;
    Ok(value)
}

fn failure(pointer: &str, error: &serde_json::Error) -> Failure {
    if error.is_data() {
        Failure::invalid(pointer, spoken(error))
    } else {
        Failure::because(
            ProblemCode::BadJson,
            format!("something is wrong at line {}, column {}", error.line(), error.column()),
        )
    }
}

/// The JSON pointer (RFC 6901) of a place in a value.
#[must_use]
pub fn pointer_of(path: &Path) -> String {
    let part = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { variant } => format!("/{variant}"),
        Segment::Unknown => String::new(),
    };
    path.iter().map(part).collect()
}

/// What is wrong, in words for people who do not know the program.
#[must_use]
pub fn spoken(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // The place follows as " at line 1 column 2"; the pointer says it better.
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    for numbers in [", expected u64", ", expected u32"] {
        if let Some((found, _)) = text.split_once(numbers) {
            let found = found.split_once(": ").map_or(found, |(_, found)| found);
            return format!("{found} is not possible here: write a whole number, zero or more");
        }
    }
    text.to_owned()
}
