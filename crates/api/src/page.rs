//! Lists: a page at a time, from a cursor.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The most entries of one page.
pub const MOST_PER_PAGE: u32 = 200;
/// The entries of one page when nothing is asked for.
pub const PER_PAGE: u32 = 50;

/// One page of a list. The header `Link: <…>; rel="next"` names the next one too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The entries.
    pub data: Vec<T>,
    /// Where the next page begins; absent on the last one. Opaque: only good for the same list and filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Which page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// How many entries, 1 to 200; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}
