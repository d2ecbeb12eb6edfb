//! What the doctor finds, and how it says so to people and to programs.
#![expect(clippy::disallowed_methods, reason = "a test damages files on purpose")]

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::process::{Daemon, printed, run};
use crate::world::Folder;

fn chmod(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_healthy_server_is_told_so_and_whatever_is_wrong_decides_how_it_ends() {
    let folder = Folder::new();
    let data = folder.data();
    assert_eq!(run(&data, &["doctor"]).status.code(), Some(6), "there is no server");
    let daemon = Daemon::start(&data, "up");
    let healthy = run(&data, &["doctor"]);
    let text = printed(&healthy);
    assert!(!text.contains("WRONG") && text.contains("all good") && text.contains("ROOT KEY"), "{text}");
    // The disk of the machine that runs the test may be nearly full.
    assert!(healthy.status.code() == Some(0) || text.contains("soon   disk"), "{text}");
    let quick = run(&data, &["doctor", "--quick", "--json"]);
    let told: Value = serde_json::from_str(&printed(&quick)).unwrap();
    let findings = told["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["what"] != "ledger"), "{told}");
    let key_set = findings.iter().find(|finding| finding["what"] == "key set").unwrap();
    assert_eq!(key_set["level"], "good", "{told}");
    assert_eq!(daemon.stop(), Some(0));

    let wrong = |word: &str| {
        let output = run(&data, &["doctor", "--quick"]);
        assert_eq!(output.status.code(), Some(6), "{}", printed(&output));
        let text = printed(&output);
        assert!(text.lines().any(|line| line.starts_with("WRONG") && line.contains(word)), "{word}: {text}");
    };
    chmod(&data, 0o755);
    wrong("chmod 700");
    chmod(&data, 0o700);
    chmod(&data.join("root.hash"), 0o644);
    wrong("chmod 600");
    chmod(&data.join("root.hash"), 0o600);
    std::fs::write(data.join("secret.key"), format!("{}\n", "0".repeat(64))).unwrap();
    wrong("same backup");
    std::fs::remove_file(data.join("secret.key")).unwrap();
    wrong("secret.key is missing");
    let database = data.join("carnet.db");
    let mut bytes = std::fs::read(&database).unwrap();
    bytes.iter_mut().skip(4_096).for_each(|byte| *byte ^= 0x5a);
    std::fs::write(&database, bytes).unwrap();
    wrong("database");
}
