//! Under which licenses we take packages: permissive ones. `deny.toml` lists the same.

use std::collections::BTreeSet;

use spdx::{Expression, Licensee, ParseMode};

use super::graph::{Graph, Kind};

/// For everything that can end up in a release.
pub const ALLOWED: &[&str] = &[
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "0BSD",
    "ISC",
    "Zlib",
    "Unlicense",
    "CC0-1.0",
    "Unicode-3.0",
    "BlueOak-1.0.0",
    "CDLA-Permissive-2.0",
];

/// In addition, for packages only tests use: what is not handed on asks for no source to be handed on.
const ALLOWED_FOR_TESTS: &[&str] = &["MPL-2.0"];

/// Packages whose license asks for something not allowed.
pub fn violations(graph: &Graph) -> Vec<String> {
    let members = || graph.members().map(|(id, _)| id);
    let reached = |kinds| -> BTreeSet<&str> {
        members().flat_map(|id| graph.reached(id, kinds).into_keys().collect::<Vec<_>>()).collect()
    };
    let released = reached(&[Kind::Normal, Kind::Build]);
    let all = reached(&[Kind::Normal, Kind::Build, Kind::Dev]);
    all.into_iter().filter_map(|id| refusal(graph, id, released.contains(id))).collect()
}

fn refusal(graph: &Graph, id: &str, released: bool) -> Option<String> {
    let package = graph.package(id)?;
    let more = if released { &[] } else { ALLOWED_FOR_TESTS };
    let reason = match &package.license {
        None => "states no license expression".to_owned(),
        Some(license) => match allows(license, more) {
            Ok(true) => return None,
            Ok(false) => format!("is under {license}, which the list in licenses.rs does not allow"),
            Err(error) => format!("has a license expression that cannot be read: {error}"),
        },
    };
    Some(format!("license: {} {reason}", package.name))
}

/// Whether the allowed licenses, and those of `more`, satisfy an expression. `MIT/Apache-2.0`, the old way to write
/// `OR`, is understood.
fn allows(license: &str, more: &[&str]) -> Result<bool, String> {
    let expression = Expression::parse_mode(license, ParseMode::LAX).map_err(|error| error.to_string())?;
    let accepted =
        ALLOWED.iter().chain(more).map(|name| Licensee::parse(name)).collect::<Result<Vec<_>, _>>();
    let accepted = accepted.map_err(|error| error.to_string())?;
    Ok(expression.evaluate(|required| accepted.iter().any(|licensee| licensee.satisfies(required))))
}

#[cfg(test)]
mod tests {
    use super::allows;

    #[test]
    fn expressions_are_satisfied_as_spdx_says() {
        let cases = [
            ("MIT", true),
            ("MIT/Apache-2.0", true),
            ("Apache-2.0 / MIT", true),
            ("MIT OR GPL-3.0-only", true),
            ("MIT AND GPL-3.0-only", false),
            ("ISC AND (Apache-2.0 OR ISC) AND OpenSSL", false),
            ("ISC AND (Apache-2.0 OR OpenSSL)", true),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("MPL-2.0", false),
            ("LGPL-2.1-or-later", false),
        ];
        for (license, allowed) in cases {
            assert_eq!(allows(license, &[]), Ok(allowed), "{license}");
        }
        assert_eq!(allows("MPL-2.0", &["MPL-2.0"]), Ok(true));
    }

    #[test]
    fn an_expression_that_cannot_be_read_is_an_error() {
        allows("MIT OR", &[]).unwrap_err();
        allows("My-Own-Terms", &[]).unwrap_err();
    }
}
