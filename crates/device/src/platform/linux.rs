//! What a Linux machine shows to everybody.
//!
//! Serial numbers that only root may read are left out: a program started once with `sudo` and once
//! without must see the same machine.

use std::fs;
use std::io::Read;
use std::path::Path;

/// Maker and model, from the firmware of PCs or the device tree of boards.
pub(super) fn board() -> Option<String> {
    let firmware = Path::new("/sys/class/dmi/id");
    let names = ["sys_vendor", "product_name", "board_vendor", "board_name"];
    let tree = Path::new("/proc/device-tree");
    joined(names.iter().filter_map(|name| text(&firmware.join(name))))
        .or_else(|| joined(["model", "serial-number"].iter().filter_map(|name| text(&tree.join(name)))))
}

pub(super) fn processor() -> Option<String> {
    // The first processor is in the first part; a large machine lists hundreds.
    let mut listing = Vec::new();
    fs::File::open("/proc/cpuinfo").ok()?.take(4096).read_to_end(&mut listing).ok()?;
    processor_in(&String::from_utf8_lossy(&listing))
}

fn processor_in(listing: &str) -> Option<String> {
    const FACTS: [&str; 8] = [
        "vendor_id",
        "cpu family",
        "model",
        "model name",
        "CPU implementer",
        "CPU part",
        "CPU variant",
        "Hardware",
    ];
    let first = listing.split("\n\n").next()?;
    let facts = first.lines().filter_map(|line| line.split_once(':'));
    joined(facts.filter(|(name, _)| FACTS.contains(&name.trim())).map(|(_, value)| value.trim().to_owned()))
}

/// The serial number of the disk under `/`, or the name of the volume where it lies on several.
pub(super) fn disk() -> Option<String> {
    let device = root_device(&fs::read_to_string("/proc/self/mountinfo").ok()?)?;
    let blocks = Path::new("/sys/class/block");
    let block = blocks.join(fs::read_link(blocks.join(device)).ok()?);
    // A partition has no serial number of its own; the disk it is part of is the folder above.
    let candidates = ["wwid", "serial", "device/wwid", "device/serial", "dm/uuid", "md/uuid"];
    let disks = [block.as_path(), block.parent()?];
    disks.iter().flat_map(|disk| candidates.map(|name| disk.join(name))).find_map(|path| text(&path))
}

/// The kernel's name of the device that is mounted at `/`, as in `nvme0n1p2`.
fn root_device(mounts: &str) -> Option<String> {
    let line = mounts.lines().find(|line| line.split(' ').nth(4) == Some("/"))?;
    let source = line.split_once(" - ")?.1.split(' ').nth(1)?;
    let named = source.strip_prefix("/dev/")?;
    let target = fs::read_link(source).ok();
    let name = target.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
    Some(name.map_or_else(|| named.replace('/', "!"), ToOwned::to_owned))
}

/// The permanent address of the first built-in interface, by its place in the machine. Adapters that are
/// plugged in come and go; addresses that the system made up change.
pub(super) fn network() -> Option<String> {
    let interfaces = fs::read_dir("/sys/class/net").ok()?.filter_map(Result::ok);
    let mut built_in: Vec<_> = interfaces
        .filter_map(|interface| Some((fs::read_link(interface.path()).ok()?, interface.path())))
        .filter(|(place, _)| {
            let place = place.to_string_lossy();
            !place.contains("/virtual/") && !place.contains("/usb")
        })
        .filter(|(_, interface)| text(&interface.join("addr_assign_type")).as_deref() == Some("0"))
        .collect();
    built_in.sort();
    text(&built_in.first()?.1.join("address"))
}

pub(super) fn host_name() -> Option<String> {
    text(Path::new("/proc/sys/kernel/hostname"))
}

/// The name that goes with the effective user id; the number itself where nobody has given it a name.
pub(super) fn user_name() -> Option<String> {
    let id = effective_user(&fs::read_to_string("/proc/self/status").ok()?)?;
    let named = fs::read_to_string("/etc/passwd").ok().and_then(|users| name_of(&users, &id));
    Some(named.unwrap_or(id))
}

fn effective_user(status: &str) -> Option<String> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1).map(ToOwned::to_owned)
}

fn name_of(users: &str, id: &str) -> Option<String> {
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    fields.into_iter().find(|fields| fields.get(2) == Some(&id)).map(|fields| fields[0].to_owned())
}

fn text(path: &Path) -> Option<String> {
    let content = fs::read_to_string(path).ok()?;
    let text = content.trim_matches(|sign: char| sign.is_whitespace() || sign == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

fn joined(parts: impl Iterator<Item = String>) -> Option<String> {
    let all = parts.collect::<Vec<_>>().join("; ");
    (!all.is_empty()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_its_make_and_not_its_speed_of_the_moment() {
        let listing = |mhz: &str, first: &str| {
            format!(
                "{first}processor\t: 0\nvendor_id\t: Maker\nmodel name\t: Fast 9\ncpu MHz\t\t: {mhz}\n\nprocessor\t: 1\n"
            )
        };
        assert_eq!(processor_in(&listing("800.0", "")), processor_in(&listing("2596.1", "")));
        assert_eq!(processor_in(&listing("800.0", "")).as_deref(), Some("Maker; Fast 9"));
        assert_eq!(processor_in(""), None);
    }

    #[test]
    fn a_user_is_called_by_name_where_there_is_one() {
        let status = "Name:\tcarnet\nUid:\t1000\t1001\t1000\t1000\nGid:\t1000\n";
        assert_eq!(effective_user(status).as_deref(), Some("1001"));
        let users = "root:x:0:0:root:/root:/bin/sh\nann:x:1001:1001::/srv/ann:/bin/sh\n";
        assert_eq!(name_of(users, "1001").as_deref(), Some("ann"));
        assert_eq!(name_of(users, "1002"), None);
        assert!(user_name().is_some());
    }

    #[test]
    fn the_root_device_is_found_among_the_mounts() {
        let mounts = "22 27 0:21 / /proc rw - proc proc rw\n27 1 254:0 / / rw - ext4 /dev/no-such-disk2 rw\n";
        assert_eq!(root_device(mounts).as_deref(), Some("no-such-disk2"));
        assert_eq!(root_device("27 1 0:40 / / rw - overlay overlay rw\n"), None);
    }
}
