//! What becomes of every way in which a server can answer, or not.

use std::time::{Duration, Instant};

use carnet_api::{Problem, ProblemCode};

use crate::carnet::{Carnet, TOKEN};
use crate::fake::{Fake, Says, problem};

const LIST: [&str; 4] = ["supplier", "app", "list", "--json"];

fn failed(says: Says) -> (i32, String) {
    let fake = Fake::new(vec![says]);
    let ran = Carnet::new().run_at(&fake.url, &LIST);
    assert!(!ran.out.contains(TOKEN) && !ran.err.contains(TOKEN), "I17: {ran:?}");
    ran.failed()
}

#[test]
fn problems_of_the_server_keep_their_code_and_get_an_exit_code() {
    for code in ProblemCode::ALL {
        let expected = match code.status() {
            401 => (8, "bad-token".to_owned()),
            500 => (1, code.as_str().to_owned()),
            503 => (6, code.as_str().to_owned()),
            _ => (5, code.as_str().to_owned()),
        };
        assert_eq!(failed(problem(&Problem::new(code))), expected);
    }
}

#[test]
fn answers_that_are_not_carnets_are_told_apart() {
    let html = |status| Says::Answer(status, "text/html", "<html>hello</html>".into());
    let answers = [
        (html(200), (1, "server-answer")),
        (html(404), (1, "server-answer")),
        (html(500), (1, "server-answer")),
        (html(502), (6, "server-unavailable")),
        (html(401), (8, "bad-token")),
        (Says::Answer(200, "application/json", "{\"data\": 3}".into()), (1, "server-answer")),
        (Says::Answer(200, "application/json", "{\"data\": [".into()), (1, "server-answer")),
        (Says::Answer(422, carnet_api::PROBLEM_JSON, "{\"type\": 1}".into()), (1, "server-answer")),
        (Says::Bytes(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()), (1, "server-answer")),
        (Says::Bytes(Vec::new()), (6, "server-unreachable")),
        (Says::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec()), (6, "server-unreachable")),
    ];
    for (at, (says, (exit, code))) in answers.into_iter().enumerate() {
        assert_eq!(failed(says), (exit, code.to_owned()), "answer {at}");
    }
}

#[test]
fn a_redirect_is_not_followed_so_that_the_token_goes_nowhere_else() {
    let elsewhere = Fake::new(vec![Says::Answer(200, "application/json", "{\"data\": []}".into())]);
    let head = format!("HTTP/1.1 307 X\r\nlocation: {}/v1/apps\r\ncontent-length: 0\r\n\r\n", elsewhere.url);
    assert_eq!(failed(Says::Bytes(head.into_bytes())), (1, "server-answer".into()));
    assert!(elsewhere.seen().is_empty());
}

#[test]
fn a_server_that_is_not_there_ends_with_6() {
    let ran = Carnet::new().run_at(&Fake::nobody(), &LIST);
    assert_eq!(ran.failed(), (6, "server-unreachable".into()));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how long a process waits is what is tested")]
fn a_server_that_says_nothing_is_not_waited_for_longer_than_told() {
    let fake = Fake::new(vec![Says::Nothing]);
    let start = Instant::now();
    let ran = Carnet::new().run_at(&fake.url, &["supplier", "app", "list", "--json", "--timeout", "1"]);
    assert_eq!(ran.failed(), (6, "server-timeout".into()));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn an_answer_without_end_is_not_read_to_its_end() {
    let body = vec![b' '; 17 * 1024 * 1024];
    let mut bytes = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend(body);
    assert_eq!(failed(Says::Bytes(bytes)), (1, "server-answer".into()));
}

#[test]
fn i12_what_a_terminal_would_obey_is_never_printed() {
    let nasty = Problem::new(ProblemCode::NotFound).because("\u{1b}]0;title\u{7}\u{202e}");
    let fake = Fake::new(vec![problem(&nasty)]);
    let ran = Carnet::new().run_at(&fake.url, &LIST[..3]);
    assert_eq!(ran.code, 5);
    assert!(!ran.err.contains('\u{1b}') && !ran.err.contains('\u{202e}'), "{ran:?}");
}
