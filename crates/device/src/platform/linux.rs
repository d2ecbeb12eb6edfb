//! What a Linux machine shows to everybody, below a root folder: `/`, or where a machine was recorded.
//!
//! Serial numbers that only root may read are one more word for the board, never the only one.

#[cfg(test)]
mod recorded;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::identity::Feature;

/// The machine's own number where it can be read, then maker and model, from the firmware of PCs or the device tree
/// of boards.
pub(super) fn board(root: &Path) -> Vec<Feature> {
    let (firmware, tree) = (root.join("sys/class/dmi/id"), root.join("proc/device-tree"));
    let numbers = ["product_uuid", "product_serial", "board_serial"].map(|name| firmware.join(name));
    let numbers = numbers.into_iter().chain([tree.join("serial-number")]);
    let own = numbers.filter_map(|path| text(&path)).filter(|own| is_own(own));
    let names = ["sys_vendor", "product_name", "board_vendor", "board_name"];
    let model = joined(names.iter().filter_map(|name| text(&firmware.join(name))))
        .or_else(|| joined(["model", "serial-number"].iter().filter_map(|name| text(&tree.join(name)))));
    own.map(Feature::unique).chain(model.map(Feature::common)).collect()
}

/// Makers who give no number write something all the same, the same for all.
fn is_own(number: &str) -> bool {
    const WORDS: [&str; 6] = ["default", "o.e.m.", "not ", "none", "serial", "0123456789"];
    let (lower, mut signs) = (number.to_lowercase(), number.chars().filter(|sign| sign.is_alphanumeric()));
    let first = signs.next();
    let varies = signs.any(|sign| Some(sign) != first);
    varies && !WORDS.iter().any(|word| lower.contains(word)) && !lower.starts_with("03000200-0400")
}

pub(super) fn processor(root: &Path) -> Vec<Feature> {
    // The first processor is in the first part; a large machine lists hundreds.
    let mut listing = Vec::new();
    let read =
        fs::File::open(root.join("proc/cpuinfo")).and_then(|file| file.take(4096).read_to_end(&mut listing));
    let named = read.ok().and_then(|_| processor_in(&String::from_utf8_lossy(&listing)));
    named.map(Feature::common).into_iter().collect()
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

/// How many layers of encryption, volumes and arrays lie between a file system and its disks at most.
const LAYERS: usize = 8;

/// The serial numbers of the disks under `/`, through encryption, volumes and arrays; then the names of the volume,
/// which a copy of the disk brings along.
pub(super) fn disk(root: &Path) -> Vec<Feature> {
    let Some(block) = root_block(root) else { return Vec::new() };
    let mut disks = Vec::new();
    below(&block, LAYERS, &mut disks);
    let numbers = ["wwid", "serial", "device/wwid", "device/serial"];
    let serials =
        disks.iter().flat_map(|disk| numbers.map(|name| disk.join(name))).filter_map(|path| text(&path));
    let volumes = ["dm/uuid", "md/uuid"].map(|name| block.join(name));
    let volumes = volumes.iter().filter_map(|path| text(path)).chain(file_system(root, &block));
    serials.map(Feature::unique).chain(volumes.map(Feature::common)).collect()
}

/// Where the kernel shows the device that is mounted at `/`: found by its name, or by its number where the name says
/// nothing (`/dev/root`).
fn root_block(root: &Path) -> Option<PathBuf> {
    let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).ok()?;
    let (name, number) = root_device(root, &mounts)?;
    let shown = [root.join("sys/class/block").join(name), root.join("sys/dev/block").join(number)];
    shown.iter().find_map(|path| fs::canonicalize(path).ok())
}

/// The kernel's name of the device that is mounted at `/`, as in `nvme0n1p2`, and its number, as in `259:2`.
fn root_device(root: &Path, mounts: &str) -> Option<(String, String)> {
    let line = mounts.lines().find(|line| line.split(' ').nth(4) == Some("/"))?;
    let source = line.split_once(" - ")?.1.split(' ').nth(1)?;
    let named = source.strip_prefix("/dev/")?;
    let target = fs::read_link(root.join("dev").join(named)).ok();
    let name = target.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
    let name = name.map_or_else(|| named.replace('/', "!"), ToOwned::to_owned);
    Some((name, line.split(' ').nth(2)?.to_owned()))
}

/// The disks that a device is made of. A partition has no number of its own; the disk it is part of is the folder
/// above.
fn below(block: &Path, layers: usize, disks: &mut Vec<PathBuf>) {
    let slaves = fs::read_dir(block.join("slaves")).into_iter().flatten().filter_map(Result::ok);
    let mut slaves: Vec<_> = slaves.filter_map(|slave| fs::canonicalize(slave.path()).ok()).collect();
    slaves.sort();
    if slaves.is_empty() || layers == 0 {
        disks.push(block.to_owned());
        disks.extend(block.parent().map(Path::to_owned));
    }
    slaves.iter().filter(|_| layers > 0).for_each(|slave| below(slave, layers - 1, disks));
}

/// The identifier of the file system, as `/dev/disk/by-uuid` names it.
fn file_system(root: &Path, block: &Path) -> Option<String> {
    let links = fs::read_dir(root.join("dev/disk/by-uuid")).ok()?.filter_map(Result::ok);
    let mut ours =
        links.filter(|link| fs::read_link(link.path()).is_ok_and(|to| to.file_name() == block.file_name()));
    ours.next()?.file_name().into_string().ok()
}

/// The permanent addresses of the built-in adapters, by their place in the machine; those in a dock come last.
/// Adapters at the USB come and go; addresses that the system made up (tunnels, bridges, containers) change.
pub(super) fn network(root: &Path) -> Vec<Feature> {
    let adapters = fs::read_dir(root.join("sys/class/net")).into_iter().flatten().filter_map(Result::ok);
    let mut built_in: Vec<_> = adapters
        .filter_map(|adapter| Some((fs::read_link(adapter.path()).ok()?, adapter.path())))
        .filter(|(place, _)| {
            let place = place.to_string_lossy();
            !place.contains("/virtual/") && !place.contains("/usb")
        })
        .filter(|(_, adapter)| text(&adapter.join("addr_assign_type")).as_deref() == Some("0"))
        .map(|(place, adapter)| {
            let docked = text(&adapter.join("device/removable")).as_deref() == Some("removable");
            (docked, place, adapter)
        })
        .collect();
    built_in.sort();
    let addresses = built_in.iter().filter_map(|(_, _, adapter)| text(&adapter.join("address")));
    addresses.map(Feature::unique).collect()
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
        let users = "root:x:0:0:root:/:/bin/sh\nann:x:1001:1001::/ann:/bin/sh\n";
        assert_eq!(name_of(users, "1001").as_deref(), Some("ann"));
        assert_eq!(name_of(users, "1002"), None);
        assert!(user_name().is_some());
    }

    #[test]
    fn the_root_device_is_found_among_the_mounts() {
        let mounts = "22 27 0:21 / /proc rw - proc proc rw\n27 1 254:0 / / rw - ext4 /dev/no-such-disk2 rw\n";
        let named = |mounts| root_device(Path::new("/"), mounts);
        assert_eq!(named(mounts), Some(("no-such-disk2".into(), "254:0".into())));
        assert_eq!(named("27 1 0:40 / / rw - overlay overlay rw\n"), None);
    }

    #[test]
    fn a_number_that_all_machines_of_a_make_have_is_none() {
        for same in [
            "To be filled by O.E.M.",
            "Default string",
            "00000000-0000-0000-0000-000000000000",
            "System Serial Number",
            "Not Specified",
            "FFFFFFFF",
            "03000200-0400-0500-0006-000700080009",
        ] {
            assert!(!is_own(same), "{same}");
        }
        assert!(is_own("4c4c4544-0042-3510-8054-b7c04f4d3233") && is_own("PF2X7KQ1"));
    }
}
