//! Names in paths and queries. One that is malformed names nothing: it is answered like one that is unknown
//! (I15).

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use carnet_api::ProblemCode;
use carnet_core::app::AppId;
use serde::de::DeserializeOwned;

use crate::problem::Failure;
use crate::server::Server;

/// The one id in the path.
#[derive(Debug, Clone, Copy)]
pub struct Named<T>(pub T);

impl<T: FromStr> FromRequestParts<Server> for Named<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Failure> {
        let unknown = || Failure::new(ProblemCode::NotFound);
        let Path(text) = Path::<String>::from_request_parts(parts, server).await.map_err(|_| unknown())?;
        text.parse().map(Self).map_err(|_| unknown())
    }
}

/// The app id that the parts of the path make up, two or three.
#[derive(Debug, Clone)]
pub struct AppName(pub AppId);

impl FromRequestParts<Server> for AppName {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Failure> {
        let unknown = || Failure::new(ProblemCode::NotFound);
        let Path(names) =
            Path::<Vec<(String, String)>>::from_request_parts(parts, server).await.map_err(|_| unknown())?;
        let names: Vec<String> = names.into_iter().map(|(_, name)| name).collect();
        names.join("/").parse().map(Self).map_err(|_| unknown())
    }
}

/// The query, read strictly: a misspelled filter must not list everything.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Server> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Server) -> Result<Self, Failure> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        read.map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection| Failure::because(ProblemCode::BadQuery, rejection.body_text()))
    }
}
