//! Lists that come in pages.

use carnet_api::page::{MOST_PER_PAGE, Page};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::Context;
use crate::failure::Failure;
use crate::http::{Call, Http};

/// Asks for a list, page by page, and shows it; of more than the `most` wanted it is said that they are there.
///
/// # Errors
/// Why it could not be had, or shown.
pub fn show<T: Serialize + DeserializeOwned>(
    context: &Context,
    http: &Http,
    most: Option<u32>,
    (path, filtered): (&'static str, impl Fn(Call<'static>) -> Call<'static>),
    words: impl FnOnce(&[T]) -> String,
) -> Result<(), Failure> {
    let waiting = context.waiting_for(http.server());
    let wanted = most.map_or(usize::MAX, |most| most as usize);
    let found: Page<T> = pages(wanted, |limit, cursor| {
        http.send(filtered(Call::get(path).query("limit", Some(limit)).query("cursor", cursor)))
    })?;
    drop(waiting);
    context.output.result(&found, || words(&found.data))?;
    if found.next_cursor.is_some() && !context.output.is_json() {
        context.output.note("There are more: raise --limit.");
    }
    Ok(())
}

/// All entries of a list.
///
/// # Errors
/// Why it could not be had.
pub fn all<T: DeserializeOwned>(
    http: &Http,
    path: &'static str,
    filtered: impl Fn(Call<'static>) -> Call<'static>,
) -> Result<Vec<T>, Failure> {
    let found = pages(usize::MAX, |limit, cursor| {
        http.send(filtered(Call::get(path).query("limit", Some(limit)).query("cursor", cursor)))
    })?;
    Ok(found.data)
}

/// Asks for pages until `wanted` entries are there or the list ends. `next_cursor` stays where there are more.
///
/// # Errors
/// The first failure; what came before is dropped, because a part looks like a whole.
fn pages<T>(
    wanted: usize,
    mut ask: impl FnMut(u32, Option<&str>) -> Result<Page<T>, Failure>,
) -> Result<Page<T>, Failure> {
    let mut all = Page { data: Vec::new(), next_cursor: None };
    loop {
        let missing = wanted.saturating_sub(all.data.len());
        let limit = u32::try_from(missing).map_or(MOST_PER_PAGE, |missing| missing.min(MOST_PER_PAGE));
        let page = ask(limit, all.next_cursor.as_deref())?;
        // A page may be empty and still have a next one, but never the same one again.
        let over = page.next_cursor.is_none() || page.next_cursor == all.next_cursor;
        all.data.extend(page.data);
        all.next_cursor = page.next_cursor;
        if over || all.data.len() >= wanted {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(limit: u32, cursor: Option<&str>) -> Result<Page<u32>, Failure> {
        let start: u32 = cursor.map_or(0, |text| text.parse().unwrap());
        let end = (start + limit).min(450);
        Ok(Page { data: (start..end).collect(), next_cursor: (end < 450).then(|| end.to_string()) })
    }

    #[test]
    fn pages_are_joined_without_gap_up_to_what_is_wanted() {
        for (wanted, got, more) in
            [(1, 1, true), (200, 200, true), (201, 201, true), (450, 450, false), (999, 450, false)]
        {
            let all = pages(wanted, ask).unwrap();
            assert_eq!(all.data, (0..got).collect::<Vec<_>>());
            assert_eq!(all.next_cursor.is_some(), more);
        }
    }

    #[test]
    fn an_empty_page_is_passed_and_one_that_leads_to_itself_is_not_followed() {
        let sparse = |_, cursor: Option<&str>| match cursor {
            None => Ok(Page { data: Vec::new(), next_cursor: Some("1".into()) }),
            Some(_) => Ok(Page { data: vec![7], next_cursor: None }),
        };
        assert_eq!(pages(10, sparse).unwrap().data, [7]);
        let endless =
            |_, _: Option<&str>| Ok(Page::<u32> { data: Vec::new(), next_cursor: Some("x".into()) });
        assert!(pages(10, endless).unwrap().data.is_empty());
    }
}
