//! A19, B2: machines as their kernels show them, and what becomes of them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use carnet_core::id::ServerId;
use carnet_testkit::{MemDisk, SeededRandom};

use crate::identity::{Binding, Component, DeviceIdentity, Drift, Feature, IdentityError, Machine, Unbound};

const SERVER: ServerId = ServerId([1; 16]);
const IDENTITY: &str = "/people/ann/carnet/server/identity";

/// Files below a folder of its own that stand for a machine's `/`; `-> ` begins a link.
#[derive(Debug, Clone)]
struct Recorded {
    files: Vec<(String, String)>,
    machine_id: &'static str,
}

impl Recorded {
    fn new(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self { files, machine_id: "0f3a" }
    }

    /// The same machine with further files, or others in the place of those.
    fn with(mut self, files: &[(&str, &str)]) -> Self {
        for (path, text) in files {
            self = self.without(path);
            self.files.push(((*path).to_owned(), (*text).to_owned()));
        }
        self
    }

    /// The same machine without a file or folder.
    fn without(mut self, gone: &str) -> Self {
        let below = format!("{gone}/");
        self.files.retain(|(path, _)| path != gone && !path.starts_with(&below));
        self
    }

    fn shown(&self) -> Shown {
        let root = lay_out(&self.files);
        let features = |component| match component {
            Component::MachineId if self.machine_id.is_empty() => Vec::new(),
            Component::MachineId => vec![Feature::common(self.machine_id)],
            other => super::super::shown(&root, other),
        };
        let shown = Shown(Component::ALL.map(features));
        std::fs::remove_dir_all(&root).unwrap();
        shown
    }
}

#[expect(clippy::disallowed_methods, reason = "a test lays out a recorded machine")]
fn lay_out(files: &[(String, String)]) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let root = std::env::temp_dir().join(format!("carnet-machine-{}-{number}", std::process::id()));
    for (path, text) in files {
        let place = root.join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        match text.strip_prefix("-> ") {
            Some(target) => std::os::unix::fs::symlink(target, place).unwrap(),
            None => std::fs::write(place, format!("{text}\n")).unwrap(),
        }
    }
    std::fs::create_dir_all(&root).unwrap();
    root
}

#[derive(Debug)]
struct Shown([Vec<Feature>; 5]);

impl Machine for Shown {
    fn features(&self, component: Component) -> Vec<Feature> {
        self.0[Component::ALL.iter().position(|one| *one == component).unwrap()].clone()
    }
}

const CPU: &str = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 142\nmodel name\t: i7-8650U";
const NVME: &str = "sys/devices/pci0000:00/0000:00:1d.0/nvme/nvme0/nvme0n1";

/// A laptop with an encrypted disk, a network socket of its own, and radio.
fn laptop() -> Recorded {
    Recorded::new(&[
        ("proc/cpuinfo", CPU),
        ("sys/class/dmi/id/sys_vendor", "LENOVO"),
        ("sys/class/dmi/id/product_name", "20L7CTO1WW"),
        ("sys/class/dmi/id/board_name", "20L7CTO1WW"),
        ("proc/self/mountinfo", "28 1 253:1 / / rw,relatime - ext4 /dev/mapper/vg-root rw"),
        ("dev/mapper/vg-root", "-> ../dm-1"),
        ("sys/class/block/dm-1", "-> ../../devices/virtual/block/dm-1"),
        ("sys/devices/virtual/block/dm-1/dm/uuid", "LVM-7kQ2"),
        ("sys/devices/virtual/block/dm-1/slaves/dm-0", "-> ../../dm-0"),
        ("sys/devices/virtual/block/dm-0/dm/uuid", "CRYPT-LUKS2-55aa"),
        (
            "sys/devices/virtual/block/dm-0/slaves/nvme0n1p3",
            "-> ../../../../pci0000:00/0000:00:1d.0/nvme/nvme0/nvme0n1/nvme0n1p3",
        ),
        (&format!("{NVME}/wwid"), "eui.0025388b710b1c3f"),
        (&format!("{NVME}/nvme0n1p3/partition"), "3"),
        ("dev/disk/by-uuid/8d0c", "-> ../../dm-1"),
        ("sys/class/net/enp0s31f6", "-> ../../devices/pci0000:00/0000:00:1f.6/net/enp0s31f6"),
        ("sys/devices/pci0000:00/0000:00:1f.6/net/enp0s31f6/addr_assign_type", "0"),
        ("sys/devices/pci0000:00/0000:00:1f.6/net/enp0s31f6/address", "8c:16:45:00:00:01"),
        ("sys/class/net/wlp2s0", "-> ../../devices/pci0000:00/0000:00:1c.6/0000:02:00.0/net/wlp2s0"),
        ("sys/devices/pci0000:00/0000:00:1c.6/0000:02:00.0/net/wlp2s0/addr_assign_type", "0"),
        ("sys/devices/pci0000:00/0000:00:1c.6/0000:02:00.0/net/wlp2s0/address", "8c:16:45:00:00:02"),
    ])
}

/// Its adapter lies before the built-in ones on the bus.
fn docked(machine: Recorded) -> Recorded {
    let nic = "sys/devices/pci0000:00/0000:00:07.0/0000:03:00.0/net/enp3s0";
    machine.with(&[
        ("sys/class/net/enp3s0", "-> ../../devices/pci0000:00/0000:00:07.0/0000:03:00.0/net/enp3s0"),
        (&format!("{nic}/device"), "-> ../.."),
        (&format!("{nic}/addr_assign_type"), "0"),
        (&format!("{nic}/address"), "00:50:b6:00:00:09"),
        ("sys/devices/pci0000:00/0000:00:07.0/0000:03:00.0/removable", "removable"),
        ("sys/class/net/enx00", "-> ../../devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/net/enx00"),
        ("sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/net/enx00/addr_assign_type", "0"),
        ("sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/net/enx00/address", "00:50:b6:00:00:0a"),
    ])
}

fn with_a_tunnel(machine: Recorded) -> Recorded {
    machine.with(&[
        ("sys/class/net/a-tunnel", "-> ../../devices/virtual/net/a-tunnel"),
        ("sys/devices/virtual/net/a-tunnel/addr_assign_type", "0"),
        ("sys/devices/virtual/net/a-tunnel/address", "02:00:00:00:00:01"),
    ])
}

fn with_another_disk(machine: Recorded) -> Recorded {
    machine.with(&[(&format!("{NVME}/wwid"), "eui.ffff000000000001")])
}

fn with_other_adapters(machine: Recorded) -> Recorded {
    machine.with(&[
        ("sys/devices/pci0000:00/0000:00:1f.6/net/enp0s31f6/address", "8c:16:45:00:00:f1"),
        ("sys/devices/pci0000:00/0000:00:1c.6/0000:02:00.0/net/wlp2s0/address", "8c:16:45:00:00:f2"),
    ])
}

/// A virtual machine whose disk has no serial number, as most have.
fn virtual_machine() -> Recorded {
    Recorded::new(&[
        ("proc/cpuinfo", CPU),
        ("sys/class/dmi/id/sys_vendor", "QEMU"),
        ("sys/class/dmi/id/product_name", "Standard PC (Q35 + ICH9, 2009)"),
        ("proc/self/mountinfo", "28 1 254:1 / / rw,relatime - ext4 /dev/root rw"),
        ("sys/dev/block/254:1", "-> ../../devices/pci0000:00/0000:00:05.0/virtio2/block/vda/vda1"),
        ("sys/devices/pci0000:00/0000:00:05.0/virtio2/block/vda/vda1/partition", "1"),
        ("dev/disk/by-uuid/8d0c", "-> ../../vda1"),
        ("sys/class/net/eth0", "-> ../../devices/pci0000:00/0000:00:03.0/virtio0/net/eth0"),
        ("sys/devices/pci0000:00/0000:00:03.0/virtio0/net/eth0/addr_assign_type", "0"),
        ("sys/devices/pci0000:00/0000:00:03.0/virtio0/net/eth0/address", "52:54:00:00:00:01"),
    ])
}

fn with_new_address(machine: Recorded) -> Recorded {
    machine.with(&[("sys/devices/pci0000:00/0000:00:03.0/virtio0/net/eth0/address", "52:54:00:00:00:02")])
}

/// A container sees the host's make, and nothing of its own but what came with its picture.
fn container() -> Recorded {
    Recorded::new(&[
        ("proc/cpuinfo", CPU),
        ("sys/class/dmi/id/sys_vendor", "LENOVO"),
        ("sys/class/dmi/id/product_name", "20L7CTO1WW"),
        ("proc/self/mountinfo", "520 480 0:61 / / rw,relatime - overlay overlay rw"),
        ("sys/class/net/eth0", "-> ../../devices/virtual/net/eth0"),
        ("sys/devices/virtual/net/eth0/addr_assign_type", "0"),
        ("sys/devices/virtual/net/eth0/address", "02:42:ac:11:00:02"),
    ])
}

fn bind(machine: &Recorded) -> Result<MemDisk, IdentityError> {
    let disk = MemDisk::new();
    let shown = machine.shown();
    let binding = Binding::Machine(&shown);
    let random = SeededRandom::new(5);
    DeviceIdentity::open_or_create(&disk.fs(), Path::new(IDENTITY), SERVER, &binding, &random)?;
    Ok(disk)
}

/// What is said when an identity that one machine has made is opened on another.
fn opened(then: &Recorded, now: &Recorded) -> (bool, String) {
    let disk = bind(then).unwrap();
    let shown = now.shown();
    match DeviceIdentity::open(&disk.fs(), Path::new(IDENTITY), SERVER, &Binding::Machine(&shown)) {
        Ok(identity) => (true, identity.drift().to_string()),
        Err(IdentityError::AnotherMachine { drift, .. }) => (false, drift.to_string()),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a19_b2_what_happens_to_recorded_machines() {
    let unchanged = "none of 5 changed";
    let other_board = |machine: Recorded| machine.with(&[("sys/class/dmi/id/board_name", "20L8")]);
    let mut reinstalled = with_another_disk(laptop());
    reinstalled.machine_id = "77c1";
    let newer_kernel = laptop()
        .with(&[(&format!("{NVME}/serial"), "S4EVNX0M1"), ("sys/class/dmi/id/bios_version", "N23ET88W")]);
    let silent_radio = laptop()
        .without("sys/class/net/enp0s31f6")
        .with(&[("sys/devices/pci0000:00/0000:00:1c.6/0000:02:00.0/net/wlp2s0/addr_assign_type", "3")]);
    let clone = with_other_adapters(with_another_disk(laptop()));
    let with_uuid = |machine: Recorded, uuid| machine.with(&[("sys/class/dmi/id/product_uuid", uuid)]);
    let own = "4c4c4544-0042-3510-8054-b7c04f4d3233";
    for (story, then, now, runs, says) in [
        ("nothing", laptop(), laptop(), true, unchanged),
        ("docked", laptop(), docked(laptop()), true, unchanged),
        ("registered in the dock, and taken out", docked(laptop()), laptop(), true, unchanged),
        ("a tunnel", laptop(), with_a_tunnel(laptop()), true, unchanged),
        ("a newer kernel, driver and firmware", laptop(), newer_kernel.clone(), true, unchanged),
        ("an older kernel", newer_kernel, laptop(), true, unchanged),
        (
            "other network cards",
            laptop(),
            with_other_adapters(laptop()),
            true,
            "1 of 5 changed: network adapter",
        ),
        ("a radio that hides its address", laptop(), silent_radio, true, "1 of 5 changed: network adapter"),
        (
            "another disk, restored from a backup",
            laptop(),
            with_another_disk(laptop()),
            true,
            "1 of 5 changed: disk",
        ),
        ("another disk, installed anew", laptop(), reinstalled, true, "2 of 5 changed: machine id, disk"),
        (
            "another board with its network",
            laptop(),
            with_other_adapters(other_board(laptop())),
            true,
            "2 of 5 changed: board, network adapter",
        ),
        (
            "the disk cloned to a like laptop",
            laptop(),
            clone.clone(),
            false,
            "2 of 5 changed: disk, network adapter",
        ),
        (
            "another board, disk and network",
            laptop(),
            other_board(clone),
            false,
            "3 of 5 changed: board, disk, network adapter",
        ),
        ("a virtual machine", virtual_machine(), virtual_machine(), true, unchanged),
        (
            "a cloned virtual machine, whose copied disk is no proof",
            virtual_machine(),
            with_new_address(virtual_machine()),
            false,
            "1 of 5 changed: network adapter",
        ),
        (
            "a virtual machine that shows its number gets another adapter",
            with_uuid(virtual_machine(), own),
            with_new_address(with_uuid(virtual_machine(), own)),
            true,
            "1 of 5 changed: network adapter",
        ),
        (
            "a clone of that one",
            with_uuid(virtual_machine(), own),
            with_new_address(with_uuid(virtual_machine(), "4c4c4544-0042-3510-8054-b7c04f4d3299")),
            false,
            "2 of 5 changed: board, network adapter",
        ),
    ] {
        assert_eq!(opened(&then, &now), (runs, says.to_owned()), "{story}");
    }
}

#[test]
fn a19_b2_a_container_is_told_to_keep_a_file() {
    assert_eq!(bind(&container()).unwrap_err(), IdentityError::NothingOfItsOwn);
    let mut bare = container();
    bare.machine_id = "";
    assert_eq!(bind(&bare).unwrap_err(), IdentityError::TooLittleEvidence { found: 2, needed: 3 });
    for error in [IdentityError::NothingOfItsOwn, IdentityError::TooLittleEvidence { found: 2, needed: 3 }] {
        assert!(error.to_string().contains("file:PATH"), "{error}");
    }
}

/// Identities that were made before disks were looked for below encryption and volumes.
#[test]
fn b2_an_identity_that_knows_the_volume_only_still_opens() {
    let then = laptop().without("sys/devices/virtual/block/dm-1/slaves");
    assert_eq!(opened(&then, &laptop()), (true, "none of 5 changed".into()));
    assert_eq!(opened(&then, &with_another_disk(laptop())), (true, "none of 5 changed".into()));
    let clone = with_other_adapters(with_another_disk(laptop()));
    assert_eq!(opened(&then, &clone), (false, "1 of 5 changed: network adapter".into()));
}

#[test]
fn b2_noted_changes_make_room_for_more() {
    let disk = bind(&laptop()).unwrap();
    let path = Path::new(IDENTITY);
    let identity =
        |machine: &Shown| DeviceIdentity::open(&disk.fs(), path, SERVER, &Binding::Machine(machine));
    let key = identity(&laptop().shown()).unwrap().signing_public();
    let note = |machine: &Recorded| {
        let shown = machine.shown();
        let unbound = Unbound::read(&disk.fs(), path, SERVER).unwrap();
        unbound.note_changes(&disk.fs(), &Binding::Machine(&shown), &SeededRandom::new(9))
    };
    let mut reinstalled = with_another_disk(laptop());
    reinstalled.machine_id = "77c1";
    assert_eq!(note(&laptop()), Ok(Drift { changed: [].into(), of: 5 }));
    assert_eq!(note(&reinstalled).unwrap().to_string(), "2 of 5 changed: machine id, disk");
    let later = with_other_adapters(reinstalled);
    let opened = identity(&later.shown()).unwrap();
    assert_eq!(
        (opened.signing_public(), opened.drift().to_string().as_str()),
        (key, "1 of 5 changed: network adapter")
    );
    let refused = note(&with_other_adapters(laptop())).unwrap_err();
    assert!(matches!(refused, IdentityError::AnotherMachine { .. }), "{refused}");
    assert!(identity(&later.shown()).is_ok(), "what is refused changes nothing");
}
