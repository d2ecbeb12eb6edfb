//! What a store has said, in our words. Its own are repeated nowhere: an error of S3 holds what was signed, and by whom.

use std::error::Error as StdError;

use object_store::Error;
use object_store::client::HttpError;

use crate::image_store::Fault;

/// The longest code of an error; AWS's have fewer.
const LONGEST_CODE: usize = 48;

const STRANGERS: [&str; 8] = [
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];
const BUSY: [&str; 4] = ["InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown"];

/// What the bucket answers in the wrong region.
const REDIRECTS: [&str; 2] = ["PermanentRedirect", "TemporaryRedirect"];
/// What the library says of an answer that names no other place.
const BARE_REDIRECT: &str = "redirect without LOCATION";
const ELSEWHERE: &str =
    "that the bucket is elsewhere: look at `image-store-region` and `image-store-endpoint`";

/// What went wrong.
pub fn fault(error: &Error) -> Fault {
    if let Some(broken) = broken(error) {
        return Fault::Away(broken);
    }
    let text = error.to_string();
    let code = code(&text);
    match code {
        Some("NoSuchBucket") => return Fault::NoBucket,
        Some("NoSuchKey" | "NoSuchUpload") => return Fault::Missing,
        Some(code) if STRANGERS.contains(&code) => return Fault::Stranger(code.to_owned()),
        Some(code) if BUSY.contains(&code) => return Fault::Away(code.to_owned()),
        _ => {}
    }
    let said = code.or_else(|| status(&text)).unwrap_or("something else than was asked for").to_owned();
    if said.starts_with('3') || REDIRECTS.contains(&said.as_str()) || text.contains(BARE_REDIRECT) {
        return Fault::Answered(ELSEWHERE.to_owned());
    }
    match error {
        Error::NotFound { .. } => Fault::Missing,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Fault::Denied(said),
        _ if said.starts_with('5') => Fault::Away(format!("status {said}")),
        _ => Fault::Answered(said),
    }
}

/// The innermost reason why there was no whole answer.
fn broken(error: &Error) -> Option<String> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    let mut within = false;
    let mut reason = None;
    while let Some(error) = next {
        within |= error.is::<HttpError>();
        if within {
            reason = Some(error.to_string());
        }
        next = error.source();
    }
    reason
}

/// The code in an error of S3.
fn code(text: &str) -> Option<&str> {
    let (code, _) = text.split_once("<Code>")?.1.split_once("</Code>")?;
    let plain = code.len() <= LONGEST_CODE && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (plain && !code.is_empty()).then_some(code)
}

fn status(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3).filter(|status| status.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &'static str) -> Error {
        Error::Generic { store: "S3", source: text.into() }
    }

    #[test]
    fn i17_of_what_a_store_says_the_code_is_kept_and_nothing_else() {
        let said = generic(
            "Server returned non-2xx status code: 403 Forbidden: <Error><Code>SignatureDoesNotMatch</Code>\
             <AWSAccessKeyId>canary</AWSAccessKeyId><StringToSign>canary</StringToSign></Error>",
        );
        assert_eq!(fault(&said), Fault::Stranger("SignatureDoesNotMatch".into()));
        for (text, expected) in [
            ("status code: 404 Not Found: <Error><Code>NoSuchBucket</Code>", Fault::NoBucket),
            ("status code: 503 X: <Error><Code>SlowDown</Code>", Fault::Away("SlowDown".into())),
            ("status code: 502 Bad Gateway: <html>canary", Fault::Away("status 502".into())),
            ("status code: 400 X: <Error><Code>Odd</Code>", Fault::Answered("Odd".into())),
            ("status code: 400 X: <Code>can ary</Code>", Fault::Answered("400".into())),
            ("status code: 4\u{e9}0", Fault::Answered("something else than was asked for".into())),
            ("status code: 301 X: <Error><Code>PermanentRedirect</Code>", Fault::Answered(ELSEWHERE.into())),
            ("Received redirect without LOCATION, canary", Fault::Answered(ELSEWHERE.into())),
            ("canary", Fault::Answered("something else than was asked for".into())),
        ] {
            assert_eq!(fault(&generic(text)), expected, "{text}");
        }
    }
}
