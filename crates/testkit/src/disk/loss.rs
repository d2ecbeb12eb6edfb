//! What a power loss may leave.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::state::{Edit, Inode, Node, State};
use crate::SeededRandom;

/// Which part of what was not synced is lost. Whatever was synced is always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// All of it was written in time.
    Nothing,
    /// None of it was.
    Everything,
    /// Bytes are there, names are not.
    Names,
    /// Names are there, bytes are not: files are short or empty.
    Bytes,
    /// Names and lengths are there, the bytes are zero.
    Zeros,
    /// Of the bytes, every other sector is there, beginning with the first.
    EvenSectors,
    /// Of the bytes, every other sector is there, beginning with the second.
    OddSectors,
    /// The first half of each write is there.
    FirstHalves,
    /// Any of these for each write, and any number of the changes of names in each folder, by this seed.
    Mixed(u64),
}

const SECTOR: usize = 512;

impl Loss {
    /// All but the mixed ones.
    pub const SYSTEMATIC: [Self; 8] = [
        Self::Nothing,
        Self::Everything,
        Self::Names,
        Self::Bytes,
        Self::Zeros,
        Self::EvenSectors,
        Self::OddSectors,
        Self::FirstHalves,
    ];
}

/// The disk as the next start finds it: all of it durable, nobody there.
pub(super) fn image(state: &State, loss: &Loss) -> State {
    let random = Dice::new(*loss);
    let inodes = state.inodes.iter().map(|(number, inode)| (*number, left_of(inode, *loss, &random)));
    let mut image = State::holding(names_left(state, *loss, &random), inodes.collect());
    (image.modes, image.owners) = (state.modes.clone(), state.owners.clone());
    (image.capacity, image.read_only, image.network) =
        (state.capacity, state.read_only, state.network.clone());
    image
}

fn names_left(state: &State, loss: Loss, dice: &Dice) -> BTreeMap<PathBuf, Node> {
    let mut names = state.durable_names.clone();
    let mut cut = BTreeMap::new();
    for naming in &state.pending_names {
        let folder = naming.folder().to_owned();
        let lost = *cut.entry(folder.clone()).or_insert(false) || loses_name(loss, dice);
        cut.insert(folder, lost);
        if !lost {
            naming.apply(&mut names);
        }
    }
    without_orphans(names)
}

fn loses_name(loss: Loss, dice: &Dice) -> bool {
    match loss {
        Loss::Everything | Loss::Names => true,
        Loss::Mixed(_) => dice.below(3) == 0,
        _ => false,
    }
}

/// A name in a folder that was never made durable is gone with it.
fn without_orphans(names: BTreeMap<PathBuf, Node>) -> BTreeMap<PathBuf, Node> {
    let has_folders =
        |path: &PathBuf| path.ancestors().skip(1).all(|above| names.get(above) == Some(&Node::Folder));
    let kept: Vec<_> = names.keys().filter(|path| has_folders(path)).cloned().collect();
    kept.into_iter().filter_map(|path| names.get(&path).map(|node| (path.clone(), *node))).collect()
}

fn left_of(inode: &Inode, loss: Loss, dice: &Dice) -> Inode {
    let mut left = inode.durable.clone();
    for edit in &inode.pending {
        let how = match loss {
            Loss::Mixed(_) => MIXTURE[usize::try_from(dice.below(MIXTURE.len() as u64)).unwrap_or(0)],
            loss => loss,
        };
        apply_part(edit, how, dice, &mut left);
    }
    Inode { durable: left.clone(), bytes: left, pending: Vec::new() }
}

/// What may become of one write in a mixed loss.
const MIXTURE: [Loss; 7] = [
    Loss::Nothing,
    Loss::Nothing,
    Loss::Everything,
    Loss::Zeros,
    Loss::EvenSectors,
    Loss::OddSectors,
    Loss::FirstHalves,
];

fn apply_part(edit: &Edit, loss: Loss, dice: &Dice, to: &mut Vec<u8>) {
    let Edit::Write { offset, bytes } = edit else {
        if !matches!(loss, Loss::Everything | Loss::Bytes) {
            edit.apply(to);
        }
        return;
    };
    match loss {
        Loss::Everything | Loss::Bytes => {}
        Loss::Zeros => Edit::Truncate { length: to.len().max(offset + bytes.len()) }.apply(to),
        Loss::EvenSectors => sectors(*offset, bytes, 0, to),
        Loss::OddSectors => sectors(*offset, bytes, 1, to),
        Loss::FirstHalves => {
            let end = bytes.len() / 2 + usize::try_from(dice.below(2)).unwrap_or(0) * (bytes.len() / 3);
            Edit::Write { offset: *offset, bytes: bytes[..end].to_owned() }.apply(to);
        }
        Loss::Nothing | Loss::Names | Loss::Mixed(_) => edit.apply(to),
    }
}

/// Every other sector of a write; the length is there.
fn sectors(offset: usize, bytes: &[u8], first: usize, to: &mut Vec<u8>) {
    let end = offset + bytes.len();
    to.resize(to.len().max(end), 0);
    for at in offset..end {
        if at / SECTOR % 2 == first {
            to[at] = bytes[at - offset];
        }
    }
}

/// Chance by seed; always the same where nothing is mixed.
struct Dice(Option<SeededRandom>);

impl Dice {
    fn new(loss: Loss) -> Self {
        Self(if let Loss::Mixed(seed) = loss { Some(SeededRandom::silent(seed)) } else { None })
    }

    fn below(&self, end: u64) -> u64 {
        self.0.as_ref().map_or(0, |random| random.below(end))
    }
}
