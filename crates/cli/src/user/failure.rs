//! What the manager says went wrong, in the shape of all failures.

use carnet_api::ProblemCode;
use carnet_manager::ManagerError;
use carnet_manager::server::WhichServer;
use ureq::http::StatusCode;

use crate::exit::Exit;
use crate::failure::{Detail, Failure};
use crate::http;

impl From<ManagerError> for Failure {
    fn from(error: ManagerError) -> Self {
        if let ManagerError::Problem(problem) = &error
            && problem.status != 401
        {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
            return http::refusal(problem, status);
        }
        if let ManagerError::Image(error) = error {
            return error.into();
        }
        let failure = Self::new(exit_of(&error), error.code(), error.to_string()).with_remedy(error.remedy());
        match &error {
            ManagerError::Person(problems) => {
                let detail = |problem: &carnet_manager::person::PersonProblem| Detail {
                    message: format!("{} {}", problem.field, problem.what),
                    remedy: problem.remedy.to_owned(),
                    ..Detail::default()
                };
                failure.with_details(problems.iter().map(detail).collect())
            }
            _ => failure,
        }
    }
}

fn exit_of(error: &ManagerError) -> Exit {
    match error {
        ManagerError::WhichServer(WhichServer::None) | ManagerError::NotRegistered(_) => Exit::NotRegistered,
        ManagerError::WhichServer(_) | ManagerError::Untried { .. } | ManagerError::Person(_) => Exit::Usage,
        ManagerError::NoSuchOffer { .. }
        | ManagerError::CodeNeeded { .. }
        | ManagerError::PinNeeded
        | ManagerError::WrongPin
        | ManagerError::BadPin
        | ManagerError::SeveralMoves { .. }
        | ManagerError::UnknownMove(_) => Exit::Usage,
        ManagerError::Medium(_) => Exit::Medium,
        ManagerError::Net(_) => Exit::Unreachable,
        ManagerError::NotCarnet { status: 502..=504, .. } => Exit::Unreachable,
        ManagerError::Passbook(_) => Exit::PassbookUnusable,
        ManagerError::Refused { .. }
        | ManagerError::RegistrationRefused(_)
        | ManagerError::ManagementRefused(_) => Exit::Refused,
        // A device proves itself with its signature: there is no token that could be wrong.
        ManagerError::Problem(_) => Exit::Refused,
        _ => Exit::Failure,
    }
}

/// An app that the server does not know, in the words of whoever has named it.
#[must_use]
pub fn unknown_app(failure: Failure, app: &carnet_core::app::AppId) -> Failure {
    if failure.code != ProblemCode::NotFound.as_str() {
        return failure;
    }
    Failure { message: format!("the server knows no app {app}"), ..failure }
        .with_remedy("check the app id, and that this is the right server")
}

#[cfg(test)]
mod tests {
    use carnet_api::Problem;
    use carnet_core::document::Reason;
    use carnet_seam::NetError;

    use super::*;

    #[test]
    fn every_failure_has_a_remedy_and_the_exit_code_of_its_kind() {
        let url: carnet_seal::ServerUrl = "https://a.example".parse().unwrap();
        let app: carnet_core::app::AppId = "acme/paint".parse().unwrap();
        let errors = [
            (ManagerError::WhichServer(WhichServer::None), 3, "no-server"),
            (ManagerError::WhichServer(WhichServer::Several(vec![])), 2, "several-servers"),
            (ManagerError::NotRegistered(url.clone()), 3, "not-registered"),
            (ManagerError::Net(NetError::Timeout), 6, "server-timeout"),
            (ManagerError::Net(NetError::Unreachable("x: y".into())), 6, "server-unreachable"),
            (ManagerError::NotCarnet { url: url.clone(), status: 503 }, 6, "server-answer"),
            (ManagerError::NotCarnet { url: url.clone(), status: 200 }, 1, "server-answer"),
            (ManagerError::Untrusted { url, wrong: carnet_seal::SealError::OtherRoot }, 1, "untrusted"),
            (ManagerError::Problem(Box::new(Problem::new(ProblemCode::Stale))), 5, "stale"),
            (ManagerError::Problem(Box::new(Problem::new(ProblemCode::UnknownDevice))), 5, "unknown-device"),
            (ManagerError::Problem(Box::new(Problem::new(ProblemCode::Unavailable))), 6, "unavailable"),
            (ManagerError::Refused { app: app.clone(), reason: Reason::OfferChanged }, 5, "offer-changed"),
            (ManagerError::StillGood(app), 1, "still-good"),
            (ManagerError::OutOfStep, 1, "out-of-step"),
        ];
        for (error, exit, code) in errors {
            let failure = Failure::from(error);
            assert_eq!((failure.exit.number(), failure.code.as_str()), (exit, code));
            assert!(!failure.message.is_empty() && !failure.remedy.is_empty(), "{failure:?}");
        }
    }
}
