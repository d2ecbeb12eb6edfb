//! Which file systems live on another machine, where locks and syncs are promises of somebody else.
//!
//! Only Linux is known how to ask; elsewhere every file system counts as local.

use std::io;
use std::path::Path;

#[cfg(target_os = "linux")]
const BY_NUMBER: [(u64, &str); 12] = [
    (0x6969, "nfs"),
    (0x517B, "smb"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb2"),
    (0x564C, "ncp"),
    (0x5346_414F, "afs"),
    (0x7375_7245, "coda"),
    (0x00C3_6400, "ceph"),
    (0x0BD0_0BD0, "lustre"),
    (0x7461_636F, "ocfs2"),
    (0x0116_1970, "gfs2"),
    (0x1983_0326, "beegfs"),
];
#[cfg(target_os = "linux")]
const FUSE: u64 = 0x6573_5546;
/// Programs behind FUSE that reach over the network; others (NTFS, overlays of containers) are local.
const OVER_FUSE: [&str; 10] =
    ["sshfs", "rclone", "s3fs", "glusterfs", "ceph", "curlftpfs", "davfs", "gcsfuse", "blobfuse", "gvfsd"];

#[cfg(target_os = "linux")]
pub(crate) fn file_system(path: &Path) -> io::Result<Option<String>> {
    // The kernel keeps 32 bits; where the field is signed, some of these numbers are negative.
    let number = rustix::fs::statfs(path)?.f_type as u64 & 0xFFFF_FFFF;
    if number == FUSE {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
        return Ok(fuse_program(&mounts, &std::fs::canonicalize(path)?));
    }
    Ok(BY_NUMBER.iter().find(|(known, _)| *known == number).map(|(_, name)| (*name).to_owned()))
}

/// The networked FUSE file system that `path` lies on, by the deepest mount point above it.
fn fuse_program(mounts: &str, path: &Path) -> Option<String> {
    let mut deepest = (0, None);
    for line in mounts.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let Some(point) = left.split(' ').nth(4) else { continue };
        let kind = right.split(' ').next().unwrap_or_default();
        if path.starts_with(point.replace("\\040", " ")) && point.len() >= deepest.0 {
            deepest = (point.len(), Some(kind));
        }
    }
    let kind = deepest.1?;
    OVER_FUSE.iter().any(|program| kind.contains(program)).then(|| kind.to_owned())
}
#[cfg(not(target_os = "linux"))]
pub(crate) fn file_system(_path: &Path) -> io::Result<Option<String>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_networked_fuse_mount_is_told_from_a_local_one() {
        let mounts = "\
27 1 254:0 / / rw - ext4 /dev/vda rw
40 27 0:50 / /people/ann/far rw - fuse.sshfs ann@far:/ rw
41 27 0:51 / /mnt/my\\040disk rw - fuseblk /dev/sdb1 rw
";
        let at = |path: &str| fuse_program(mounts, Path::new(path));
        assert_eq!(at("/people/ann/far/carnet").as_deref(), Some("fuse.sshfs"));
        assert_eq!(at("/people/ann/near"), None);
        assert_eq!(at("/mnt/my disk/carnet"), None);
    }
}
