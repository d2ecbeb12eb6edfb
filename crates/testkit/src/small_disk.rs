//! A small disk of its own that can be filled: a real file system (ext2) in a file, mounted by FUSE.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use carnet_seam::{Clock, SystemClock};

/// What takes the room away is written in pieces of this size, and when those do not fit any more, of the next.
const PIECES: [usize; 3] = [1 << 20, 1 << 14, 1];

/// A disk, gone with this value.
#[derive(Debug)]
pub struct SmallDisk {
    /// Where it is mounted.
    pub folder: PathBuf,
    mounted: Child,
}

impl SmallDisk {
    /// One with so many bytes, in this folder. None where no file system can be mounted: the test says so, past whatever
    /// keeps the output of tests that pass.
    ///
    /// # Panics
    /// When the folder cannot be written.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test whose surroundings fail has failed")]
    #[expect(clippy::disallowed_methods, reason = "a disk for a test need not last")]
    pub fn new(home: &Path, size: u64) -> Option<Self> {
        let (image, folder) = (home.join("disk.img"), home.join("disk"));
        fs::create_dir_all(&folder).expect("a folder to mount on");
        File::create(&image).and_then(|file| file.set_len(size)).expect("the file of the disk");
        let image = image.display().to_string();
        let made = tool("mke2fs", &["-q", "-F", "-t", "ext2", "-m", "0", &image]);
        let device = || fs::metadata(&folder).map(|folder| folder.dev()).ok();
        let before = device();
        // What root has mounted is for root alone otherwise, and some programs refuse to be root.
        let all = if rustix::process::geteuid().is_root() { ",allow_other" } else { "" };
        let mut command = Command::new("fuse2fs");
        command.args(["-f", "-o", &format!("rw,fakeroot{all}"), &image]).arg(&folder);
        let mounted = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Some(mut mounted) = mounted.ok().filter(|_| made) else {
            return not_tested("there is no fuse2fs here");
        };
        while device() == before {
            if mounted.try_wait().is_ok_and(|ended| ended.is_some()) {
                return not_tested("no file system can be mounted here");
            }
            SystemClock.sleep(Duration::from_millis(5));
        }
        Some(Self { folder, mounted })
    }

    /// Leaves only so much room. Removing the file that this returns gives it back.
    ///
    /// # Panics
    /// When somebody else is faster.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test whose surroundings fail has failed")]
    pub fn fill(&self, room: u64) -> PathBuf {
        let free = rustix::fs::statvfs(&self.folder).expect("the disk is there");
        let length = (free.f_bavail * free.f_frsize).saturating_sub(room);
        let (path, mut file) = self.ballast();
        let piece = [1; 1 << 14];
        for _ in 0..length / piece.len() as u64 {
            file.write_all(&piece).expect("nobody else fills this disk");
        }
        let rest = usize::try_from(length % piece.len() as u64).unwrap_or_default();
        file.write_all(piece.get(..rest).unwrap_or_default()).expect("nobody else fills this disk");
        path
    }

    /// Leaves no room at all, however much others write meanwhile. Removing the file that this returns gives it back.
    #[must_use]
    pub fn fill_up(&self) -> PathBuf {
        let (path, mut file) = self.ballast();
        for size in PIECES {
            let piece = vec![1; size];
            // Until the disk says that it is full.
            while file.write_all(&piece).is_ok() {}
        }
        path
    }

    #[expect(clippy::expect_used, reason = "a test whose surroundings fail has failed")]
    #[expect(clippy::disallowed_methods, reason = "what fills the disk need not last")]
    fn ballast(&self) -> (PathBuf, File) {
        let path = self.folder.join("ballast");
        let file = File::create(&path).expect("a file on the disk");
        (path, file)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if tool("fusermount", &["-u", &self.folder.display().to_string()]) {
            let _ = self.mounted.wait();
        }
    }
}

fn not_tested(why: &str) -> Option<SmallDisk> {
    // Nobody is there to be told where this fails.
    let _ = writeln!(std::io::stderr(), "not tested: {why}");
    None
}

fn tool(name: &str, arguments: &[&str]) -> bool {
    // Where Debian keeps the tools of file systems, whether or not the caller looks there.
    let script = "PATH=$PATH:/usr/sbin:/sbin; exec \"$0\" \"$@\"";
    let ran = Command::new("sh").args(["-c", script, name]).args(arguments).output();
    ran.is_ok_and(|output| output.status.success())
}
