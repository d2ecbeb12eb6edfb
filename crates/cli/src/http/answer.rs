//! What an answer, or its absence, means: a value, or a failure with an exit code (one mapping, so that every
//! command tells the same thing in the same words).

use std::io::ErrorKind;

use carnet_api::{Problem, ProblemCode};
use carnet_seal::ServerUrl;
use serde::de::DeserializeOwned;
use ureq::Error;
use ureq::http::StatusCode;

use crate::exit::Exit;
use crate::failure::{Detail, Failure};

/// The value in an answer.
///
/// # Errors
/// The server's problem, or that this is no answer of a Carnet server.
pub(super) fn understood<T: DeserializeOwned>(
    server: &ServerUrl,
    status: StatusCode,
    body: &[u8],
) -> Result<T, Failure> {
    if status.is_success() {
        return serde_json::from_slice(body).map_err(|_| not_carnet(server, status));
    }
    Err(match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => refusal(&problem, status),
        Err(_) if status == StatusCode::UNAUTHORIZED => bad_token("the server does not accept the token"),
        // A proxy in front of the server answers for it.
        Err(_) if (502..=504).contains(&status.as_u16()) => {
            let what = format!("{server} is not available just now (HTTP {})", status.as_u16());
            Failure::new(Exit::Unreachable, "server-unavailable", what).with_remedy("try again in a moment")
        }
        Err(_) => not_carnet(server, status),
    })
}

fn not_carnet(server: &ServerUrl, status: StatusCode) -> Failure {
    strange(format!("{server} answered, but not as a Carnet server does (HTTP {})", status.as_u16()))
}

fn strange(what: String) -> Failure {
    Failure::new(Exit::Failure, "server-answer", what)
        .with_remedy("check the address given with --server, and that both sides have a matching version")
}

/// What it means that no whole answer came.
pub(super) fn missing(server: &ServerUrl, error: &Error) -> Failure {
    let (code, what, remedy) = match error {
        Error::BodyExceedsLimit(_)
        | Error::Protocol(_)
        | Error::Http(_)
        | Error::LargeResponseHeader(..)
        | Error::BadUri(_) => {
            return strange(format!("{server} answered, but not as a Carnet server does ({error})"));
        }
        Error::Timeout(_) => (
            "server-timeout",
            format!("{server} did not answer in time"),
            "look whether it was done, then try again, with more --timeout",
        ),
        Error::Rustls(_) | Error::Tls(_) => (
            "server-tls",
            format!("{server} did not prove who it is ({error})"),
            "check the address, the server's certificate and this machine's clock",
        ),
        Error::Io(broken) if broken.kind() == ErrorKind::UnexpectedEof => (
            "server-unreachable",
            format!("the connection to {server} broke before the answer was complete"),
            "look whether it was done, then try again",
        ),
        _ => (
            "server-unreachable",
            format!("{server} cannot be reached ({error})"),
            "check that the server runs, the address given with --server and the network",
        ),
    };
    Failure::new(Exit::Unreachable, code, what).with_remedy(remedy)
}

/// The token is missing, wrong or expired.
#[must_use]
pub fn bad_token(what: &str) -> Failure {
    Failure::new(Exit::BadToken, "bad-token", what)
        .with_remedy("give the token shown at registration with --token-file or CARNET_TOKEN")
}

/// The server's problem in the shape of all failures. Its detail says what happened and what to do.
pub(crate) fn refusal(problem: &Problem, status: StatusCode) -> Failure {
    let code = problem.known_code();
    let exit = match (code, status.as_u16()) {
        (Some(ProblemCode::Unauthorized), _) | (_, 401) => Exit::BadToken,
        (Some(ProblemCode::Unavailable | ProblemCode::Timeout), _) | (_, 502..=504) => Exit::Unreachable,
        (_, 500..=599) => Exit::Failure,
        _ => Exit::Refused,
    };
    let (message, remedy) = words_of(problem);
    let errors = problem.errors.iter().map(|error| Detail {
        message: if error.pointer.is_empty() {
            error.detail.clone()
        } else {
            format!("{}: {}", error.pointer, error.detail)
        },
        ..Detail::default()
    });
    let id = problem.request_id.as_ref().filter(|_| status.is_server_error());
    let message = id.map_or(message.clone(), |id| format!("{message} (request {id})"));
    let code = if exit == Exit::BadToken { "bad-token" } else { problem.code.as_str() };
    let remedy = if exit == Exit::BadToken { bad_token("").remedy } else { remedy };
    Failure::new(exit, code, message).with_remedy(remedy).with_details(errors.collect())
}

/// `detail` is the remedy of the code, or what happened with that remedy behind it.
fn words_of(problem: &Problem) -> (String, String) {
    let remedy = problem.known_code().map(ProblemCode::remedy).unwrap_or_default();
    let happened = problem.detail.strip_suffix(remedy).filter(|_| !remedy.is_empty());
    match happened.map(|text| text.trim_end_matches(": ")) {
        Some("") => (problem.title.clone(), remedy.to_owned()),
        Some(what) => (format!("{}: {what}", problem.title), remedy.to_owned()),
        None => (problem.title.clone(), problem.detail.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_becomes_message_and_remedy_and_keeps_its_code() {
        let problem = Problem::new(ProblemCode::NameTaken).because("`acme/paint` exists");
        let failure = refusal(&problem, StatusCode::CONFLICT);
        assert_eq!(
            failure.to_string(),
            "error[name-taken]: The name is taken: `acme/paint` exists\nhelp: choose another name"
        );
        assert_eq!(failure.exit, Exit::Refused);
    }

    #[test]
    fn every_problem_has_an_exit_code_of_its_own_kind() {
        for code in ProblemCode::ALL {
            let exit = refusal(&Problem::new(code), StatusCode::from_u16(code.status()).unwrap()).exit;
            let expected = match code.status() {
                401 => Exit::BadToken,
                503 => Exit::Unreachable,
                500 => Exit::Failure,
                _ => Exit::Refused,
            };
            assert_eq!(exit, expected, "{code:?}");
        }
    }
}
