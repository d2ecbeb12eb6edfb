//! Servers that are not there, not Carnet, not the right one, or not honest.

use carnet_api::menu::MenuView;
use carnet_api::{COSE, Problem, ProblemCode};
use carnet_cli::menu_file::Source;
use carnet_core::offer::{Menu, Offer};

use super::shop::{Shop, TWO_RUNS};
use crate::carnet::{Carnet, Ran};
use crate::fake::{Fake, Says, json, problem};

fn register(url: &str, more: &[&str]) -> Ran {
    let carnet = Carnet::new();
    let identity = format!("file:{}", carnet.home.join("id").display());
    let who =
        ["--name", "Ann", "--email", "ann@example.org", "--identity", &identity, "--timeout", "1", "--json"];
    let ran = carnet.run(&[&["register", "--server", url][..], &who, more].concat());
    assert!(
        !carnet.home.join("id").exists(),
        "nothing is made before the server is known to be the right one"
    );
    ran
}

#[test]
fn a6_whatever_answers_instead_of_the_server_gets_no_registration() {
    let root = "5a".repeat(32);
    let html = || Says::Answer(200, "text/html", "<html>hello</html>".into());
    let answers = [
        (html(), (1, "server-answer")),
        (Says::Answer(200, COSE, "no document".into()), (1, "untrusted")),
        (Says::Answer(200, COSE, String::new()), (1, "untrusted")),
        (Says::Answer(502, "text/html", "bad gateway".into()), (6, "server-answer")),
        (problem(&Problem::new(ProblemCode::Unavailable)), (6, "unavailable")),
        (problem(&Problem::new(ProblemCode::Internal)), (1, "internal")),
        (Says::Bytes(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()), (6, "server-unreachable")),
        (Says::Bytes(Vec::new()), (6, "server-unreachable")),
        (Says::Nothing, (6, "server-timeout")),
    ];
    for (at, (says, (exit, code))) in answers.into_iter().enumerate() {
        let fake = Fake::new(vec![says]);
        assert_eq!(register(&fake.url, &["--root", &root]).failed(), (exit, code.to_owned()), "answer {at}");
    }
    assert_eq!(register(&Fake::nobody(), &["--root", &root]).failed(), (6, "server-unreachable".into()));
    // A root that it cannot prove.
    let claims =
        serde_json::json!({ "id": format!("srv_{}", "5a".repeat(16)), "root": root, "version": "0.1.0" });
    let liar = Fake::new(vec![json(&claims), Says::Answer(200, COSE, "no document".into())]);
    assert_eq!(register(&liar.url, &["--trust-on-first-use"]).failed(), (1, "untrusted".into()));
}

#[test]
fn a_server_that_others_could_read_along_with_gets_no_personal_data() {
    let root = "5a".repeat(32);
    assert_eq!(register("http://licenses.example.org", &["--root", &root]).failed(), (2, "usage".into()));
    let product = carnet_seal::ProductString {
        app: "acme/paint".parse().unwrap(),
        url: "http://licenses.example.org".parse().unwrap(),
        root: root.parse().unwrap(),
    };
    let ran = register("https://a.example", &["--product", &product.to_string()]);
    assert_eq!(ran.failed(), (2, "usage".into()));
    assert!(ran.out.contains("not protected"), "{ran:?}");
}

#[test]
fn i14_another_server_at_the_same_address_is_not_taken_for_the_one_that_is_known() {
    let mut shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    ann.agree("two-runs");
    shop.replace();
    assert_eq!(ann.sh("exit 7").code, 7, "the pass is as good as before");
    assert_eq!(
        ann.run(&["run", "acme/paint", "--json", "--", "/bin/sh"]).failed(),
        (4, "server-problem".into())
    );
    assert_eq!(ann.run(&["status", "--resume", "--json"]).failed(), (5, "wrong-server".into()));
    let status = ann.run(&["status", "--json"]).json();
    let server = &status["servers"][0];
    assert_eq!((&server["reachable"], &server["problem"]["code"]), (&true.into(), &"wrong-server".into()));
    assert_eq!(ann.run(&["register", "--json"]).json()["already"], true);
}

#[test]
fn i12_what_a_terminal_would_obey_is_shown_as_a_mark_wherever_a_server_says_it() {
    let nasty = "Two\u{1b}]0;title\u{7}\u{202e} runs";
    let file = Source { name: "menu".into(), text: format!("app = \"acme/paint\"\n{TWO_RUNS}") };
    let file = file.parse().unwrap();
    let offers = file.offers.into_iter().map(|offer| Offer { condition: nasty.into(), ..offer }).collect();
    let view = MenuView::new(file.app.clone(), &Menu::default().replaced(&file.app, offers));
    let fake = Fake::new(vec![json(&view)]);
    let ran = Carnet::new().run(&["menu", "acme/paint", "--server", &fake.url]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("Two") && !ran.out.contains('\u{1b}') && !ran.out.contains('\u{202e}'),
        "{ran:?}"
    );
}
