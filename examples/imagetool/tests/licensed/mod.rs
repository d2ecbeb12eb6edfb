//! Devices with licenses, as the sandbox makes them for a supplier's tests.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use carnet_sandbox::{Grant, Local};

const APP: &str = "acme/imagetool";

/// Everything that the program can do.
const EVERYTHING: [&str; 6] = ["resize", "convert", "sheet", "frame.film", "frame.polaroid", "frame.deco"];

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("imagetool-home-{name}"))
}

/// A device that nobody has registered.
pub fn unregistered(name: &str) -> Local {
    Local::unregistered(&folder(name), APP).unwrap()
}

/// A registered device whose user has agreed to this.
pub fn with(name: &str, grant: Grant) -> Local {
    Local::granting(&folder(name), APP, grant).unwrap()
}

/// One device for all tests that are not about licenses.
pub fn with_everything() -> &'static Local {
    static DEVICE: OnceLock<Local> = OnceLock::new();
    DEVICE.get_or_init(|| {
        let grant = EVERYTHING.iter().fold(Grant::new("Everything"), |grant, name| grant.feature(name));
        with("everything", grant)
    })
}

/// Runs the program in a folder; words are separated by single spaces.
pub fn imagetool(device: &Local, folder: &Path, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imagetool"))
        .current_dir(folder)
        .args(line.split(' '))
        .env("CARNET_HOME", device.home())
        .env("IMAGETOOL_PRODUCT", device.product().to_string())
        .output()
        .unwrap()
}
