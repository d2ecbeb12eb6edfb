//! C3 with a program that Carnet has installed: what goes, what stays, and that nothing that ends it half way matters.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::install::{files, install, ordered, publish, reporting_shop, verdict};
use super::shop::{Shop, User};

/// Ann has installed the program, and has put a drawing of hers beside it.
fn with_drawing(shop: &Shop) -> (User, PathBuf) {
    let ann = ordered(shop, "reported");
    install(&ann, &[]);
    let drawing = fs::canonicalize(files(&ann)).unwrap().join("my cat.png");
    let disk = carnet_seam::RealFs::default();
    carnet_seam::fs::replace_file(&disk, &drawing, b"a cat").unwrap();
    (ann, drawing)
}

fn erase(user: &User, certificate: &str) -> Value {
    let ran = user.run(&["erase", "acme/paint", "--to", certificate, "--yes", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.json()
}

/// What the supplier makes of the certificate.
fn judged(shop: &Shop, certificate: &str) -> Value {
    let ran = shop.supplier_home().run(&["supplier", "open", certificate, "--json"]);
    verdict(&ran)
}

fn names(list: &Value) -> Vec<String> {
    let cut = |name: &Value| {
        let name = name.as_str().unwrap();
        name.rsplit_once("-1/").map_or(name, |(_, name)| name).split(" pas_").next().unwrap().to_owned()
    };
    let mut names: Vec<_> = list.as_array().unwrap().iter().map(cut).collect();
    names.sort();
    names
}

/// Every file below the programs.
fn left(user: &User) -> Vec<PathBuf> {
    fn gather(folder: &std::path::Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                gather(&entry.path(), found);
            } else {
                found.push(entry.path());
            }
        }
    }
    let mut found = Vec::new();
    gather(&user.carnet.home.join("programs"), &mut found);
    found
}

const ALL: [&str; 5] = ["features", "files/paint", "front", "the keys of its content", "the pass"];

#[test]
fn c3_an_installed_program_its_keys_and_its_pass_are_erased_and_own_files_stay() {
    let shop = reporting_shop();
    let (ann, drawing) = with_drawing(&shop);
    let certificate = shop.supplier_home().home.join("certificate").display().to_string();
    let asked = ann.run(&["erase", "acme/paint"]);
    assert_eq!(asked.code, 2, "{asked:?}");
    assert!(asked.err.contains("files/paint (11 bytes)") && asked.err.contains("my cat.png"), "{asked:?}");
    assert!(files(&ann).join("paint").exists(), "not before it was confirmed");

    let erased = erase(&ann, &certificate);
    assert_eq!((&erased["outcome"], &erased["kept"]), (&"erased".into(), &serde_json::json!([])));
    assert_eq!(names(&erased["erased"]), ALL);
    assert_eq!(erased["own"], serde_json::json!([drawing]));
    assert_eq!(left(&ann), std::slice::from_ref(&drawing));
    assert_eq!(fs::read(&drawing).unwrap(), b"a cat");
    assert_eq!(
        ann.run(&["uninstall", "acme/paint", "--yes", "--json"]).failed(),
        (1, "not-installed".into())
    );

    let heard = judged(&shop, &certificate);
    assert_eq!(heard["verdict"], "erasure-confirmed", "{heard}");
    assert_eq!(names(&heard["gone"]), ALL, "the certificate names what was erased");
    let words = shop.supplier(&["supplier", "open", &certificate]).out;
    assert!(words.contains("erased: versions/1.0.0-") && words.contains("files/paint (11 bytes)"), "{words}");
    // Once more says the same.
    assert_eq!(names(&erase(&ann, &certificate)["erased"]), ALL);
    assert_eq!(judged(&shop, &certificate)["verdict"], "erasure-confirmed");
}

#[test]
fn c3_i8_wherever_the_device_dies_a_second_erase_finishes_and_certifies_all_of_it() {
    let shop = reporting_shop();
    let certificate = shop.supplier_home().home.join("certificate").display().to_string();
    let mut points: Vec<String> =
        ["contact-before-send", "contact-after-outcome", "file.written", "erasure.begun", "erasure.swept"]
            .map(String::from)
            .into();
    points.extend((1..=3).map(|nth| format!("erasure.gone:{nth}")));
    points.extend(["erasure.forgotten", "erasure.ended"].map(String::from));
    for point in points {
        let (ann, drawing) = with_drawing(&shop);
        assert!(ann.dies(&point, &["erase", "acme/paint", "--yes", "--print"]), "{point}");
        let erased = erase(&ann, &certificate);
        assert_eq!(erased["outcome"], "erased", "{point}");
        assert_eq!(names(&erased["erased"]), ALL, "{point}");
        assert_eq!(left(&ann), [drawing], "{point}");
        let heard = judged(&shop, &certificate);
        assert_eq!(heard["verdict"], "erasure-confirmed", "{point}: {heard}");
        assert_eq!(names(&heard["gone"]), ALL, "{point}");
    }
}

#[test]
fn c3_c4_where_the_signed_list_is_gone_nothing_is_guessed_and_uninstalling_first_helps() {
    let shop = reporting_shop();
    let (ann, _) = with_drawing(&shop);
    let certificate = shop.supplier_home().home.join("certificate").display().to_string();
    fs::remove_file(files(&ann).with_file_name("front")).unwrap();
    let erased = erase(&ann, &certificate);
    assert_eq!(erased["outcome"], "not-all-erased", "{erased}");
    assert!(erased["kept"][0].as_str().unwrap().starts_with("versions/1.0.0-"), "{erased}");
    assert_eq!(left(&ann).iter().filter(|path| path.ends_with("paint")).count(), 1);
    let heard = judged(&shop, &certificate);
    assert_eq!(
        (&heard["verdict"], &heard["reasons"][0]["code"]),
        (&"violation".into(), &"not-erased".into())
    );

    assert_eq!(ann.run(&["uninstall", "acme/paint", "--yes"]).code, 0);
    assert_eq!(erase(&ann, &certificate)["outcome"], "erased");
    assert_eq!(left(&ann), Vec::<PathBuf>::new());
    assert_eq!(judged(&shop, &certificate)["verdict"], "erasure-confirmed");
}

#[test]
fn c3_a_second_place_and_a_cut_download_are_erased_too() {
    let shop = reporting_shop();
    let (ann, drawing) = with_drawing(&shop);
    let second = ann.carnet.home.join("second").display().to_string();
    let third = ann.carnet.home.join("third").display().to_string();
    publish(&shop, "2.0.0");
    install(&ann, &["--to", &second]);
    assert!(ann.dies("install.extracted", &["install", "acme/paint", "--to", &third]));
    let erased = erase(&ann, &shop.supplier_home().home.join("certificate").display().to_string());
    assert_eq!(erased["outcome"], "erased", "{erased}");
    let all = names(&erased["erased"]);
    assert_eq!(all.iter().filter(|name| name.ends_with("files/paint")).count(), 3, "{all:?}");
    assert_eq!(left(&ann), [drawing]);
    assert!(!PathBuf::from(second).join("acme.paint").exists());
    assert!(!PathBuf::from(third).join("acme.paint").exists());
}

#[test]
fn c3_a_running_program_is_not_erased_unless_it_may_be_stopped() {
    let shop = reporting_shop();
    let (ann, drawing) = with_drawing(&shop);
    let flag = ann.carnet.home.join("flag");
    let script = format!("touch {0}; while [ -e {0} ]; do sleep 0.05; done", flag.display());
    let mut running = ann.command_sh(&[], &script).spawn().unwrap();
    while !flag.exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let refused = ann.run(&["erase", "acme/paint", "--yes", "--json"]);
    assert_eq!(refused.failed(), (1, "running".into()), "{refused:?}");
    assert!(files(&ann).join("paint").exists());
    let stopped = ann.run(&["erase", "acme/paint", "--yes", "--stop", "--json"]);
    assert_eq!(stopped.code, 0, "{stopped:?}");
    assert_eq!(left(&ann), [drawing]);
    let _ = fs::remove_file(flag);
    running.wait().unwrap();
}
