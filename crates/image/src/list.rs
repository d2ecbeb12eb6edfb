//! The file list of a feature, in pages of at most 64 KiB.
//!
//! Each page is strict CBOR and is checked by its hash in the table before it is read, so that a list of a
//! million files takes no more memory than one page. What follows from the order is checked from page to page by
//! [`Order`].

use carnet_seal::cbor::{self, CborError, Encoder};
use carnet_seal::{ContentHash, choice, record};

use crate::path::{BadPath, EntryPath, check_target};

/// A file, folder or link in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where.
    pub path: EntryPath,
    /// What.
    pub what: What,
}

/// What has a name in an image. Nothing else can be named: no device, no pipe, no hard link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A folder.
    Folder,
    /// A file.
    File(FileFacts),
    /// A symbolic link.
    Link(String),
}

/// What is known of a file without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileFacts {
    /// Bytes in it.
    pub length: u64,
    /// Hash of its content.
    pub content: ContentHash,
    /// Where its content begins in the feature's stream.
    pub offset: u64,
    /// Whether it is a program.
    pub executable: bool,
}

record! {
    Entry { 1 => path, 2 => what }
    FileFacts { 1 => length, 2 => content, 3 => offset, 4 => executable }
}

choice! { What { 0 => Folder, 1 => File(facts), 2 => Link(target) } }

/// The largest page, in bytes.
pub const LARGEST_PAGE: usize = cbor::Limits::DOCUMENT.bytes;
/// A page is closed when it has more than this: the longest entry, with two paths of 1,024 bytes, still fits.
const FULL_PAGE: usize = LARGEST_PAGE - 4 * 1_024;

/// Collects entries into pages.
#[derive(Debug, Default)]
pub struct PageWriter {
    entries: Vec<Entry>,
    length: usize,
}

impl PageWriter {
    /// Adds an entry; gives a page when one is full.
    pub fn add(&mut self, entry: Entry) -> Option<Vec<u8>> {
        self.length += cbor::encode(&entry).len();
        self.entries.push(entry);
        (self.length > FULL_PAGE).then(|| self.take())
    }

    /// The last page, if there is anything left for it.
    #[must_use]
    pub fn finish(mut self) -> Option<Vec<u8>> {
        (!self.entries.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> Vec<u8> {
        self.length = 0;
        let mut out = Encoder::default();
        cbor::Cbor::encode(&std::mem::take(&mut self.entries), &mut out);
        out.into_bytes()
    }
}

/// The entries of a page whose hash was checked.
///
/// # Errors
/// When it is none.
pub fn read_page(bytes: &[u8]) -> Result<Vec<Entry>, CborError> {
    cbor::decode(bytes)
}

/// What is wrong with a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadList {
    /// Two names that some systems take for one, or one name twice.
    #[error("`{0}` and `{1}` are one file where upper and lower case are the same")]
    Twice(EntryPath, EntryPath),
    /// Not in order.
    #[error("`{0}` is not in its place in the file list")]
    OutOfOrder(EntryPath),
    /// In something that is no folder of the image.
    #[error("`{0}` is in a folder that the file list does not have")]
    NoFolder(EntryPath),
    /// A link that leads out.
    #[error("the target of the link `{0}` {1}")]
    Link(EntryPath, BadPath),
    /// Where a file begins and how long it is does not fit to the files before it, or to the stream.
    #[error("`{0}` is not where the file list says")]
    Place(EntryPath),
    /// More or fewer entries than the manifest says.
    #[error("the file list has not as many entries as the manifest says")]
    Count,
}

/// Checks entry by entry that a list is in order, complete and within its stream.
#[derive(Debug)]
pub struct Order {
    last: Option<EntryPath>,
    /// The folders that the last entry is in.
    folders: Vec<String>,
    /// Where the content of the last file ended.
    reached: u64,
    stream: u64,
    left: u64,
}

impl Order {
    /// For a list of so many entries over a stream of so many bytes.
    #[must_use]
    pub const fn new(entries: u64, stream: u64) -> Self {
        Self { last: None, folders: Vec::new(), reached: 0, stream, left: entries }
    }

    /// The next entry.
    ///
    /// # Errors
    /// [`BadList`]
    pub fn check(&mut self, entry: &Entry) -> Result<(), BadList> {
        let path = &entry.path;
        self.left = self.left.checked_sub(1).ok_or(BadList::Count)?;
        if let Some(last) = &self.last {
            if last.is_same_without_case(path) {
                return Err(BadList::Twice(last.clone(), path.clone()));
            }
            if last >= path {
                return Err(BadList::OutOfOrder(path.clone()));
            }
        }
        self.check_folder(path)?;
        match &entry.what {
            What::Folder => self.folders.push(path.as_str().to_owned()),
            What::File(facts) => self.check_place(path, facts)?,
            What::Link(target) => {
                check_target(path, target).map_err(|wrong| BadList::Link(path.clone(), wrong))?;
            }
        }
        self.last = Some(path.clone());
        Ok(())
    }

    /// A path is only ever created in a folder of the list, never through a link.
    fn check_folder(&mut self, path: &EntryPath) -> Result<(), BadList> {
        let parent = path.parent();
        while let Some(folder) = self.folders.last() {
            if parent.is_some_and(|parent| is_in(parent, folder)) {
                break;
            }
            self.folders.pop();
        }
        if self.folders.last().map(String::as_str) == parent {
            Ok(())
        } else {
            Err(BadList::NoFolder(path.clone()))
        }
    }

    fn check_place(&mut self, path: &EntryPath, facts: &FileFacts) -> Result<(), BadList> {
        let end = facts.offset.checked_add(facts.length).filter(|end| *end <= self.stream);
        match end {
            Some(end) if facts.offset >= self.reached => self.reached = end,
            _ => return Err(BadList::Place(path.clone())),
        }
        Ok(())
    }

    /// The list is over.
    ///
    /// # Errors
    /// When it should have had more.
    pub fn finish(&self) -> Result<(), BadList> {
        if self.left == 0 { Ok(()) } else { Err(BadList::Count) }
    }
}

/// Whether `path` is this folder or in it.
fn is_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(path: &str) -> Entry {
        Entry { path: EntryPath::new(path).unwrap(), what: What::Folder }
    }

    fn file(path: &str, offset: u64, length: u64) -> Entry {
        let facts = FileFacts { length, content: ContentHash([1; 32]), offset, executable: false };
        Entry { path: EntryPath::new(path).unwrap(), what: What::File(facts) }
    }

    fn link(path: &str, target: &str) -> Entry {
        Entry { path: EntryPath::new(path).unwrap(), what: What::Link(target.into()) }
    }

    fn checked(entries: &[Entry]) -> Result<(), BadList> {
        let mut order = Order::new(entries.len() as u64, 10_000);
        entries.iter().try_for_each(|entry| order.check(entry))?;
        order.finish()
    }

    #[test]
    fn b5_a_list_in_order_is_accepted() {
        let good = [
            file("A", 512, 10),
            folder("b"),
            folder("b/c"),
            file("b/c/d", 2_000, 0),
            link("b/c/e", "../../A"),
            file("b/d", 3_000, 7_000),
            link("z", "b/c"),
        ];
        assert_eq!(checked(&good), Ok(()));
    }

    #[test]
    fn b5_names_twice_in_another_case_out_of_order_or_in_no_folder_are_refused() {
        let path = |text: &str| EntryPath::new(text).unwrap();
        let twice = |one: &str, other: &str| Err(BadList::Twice(path(one), path(other)));
        assert_eq!(checked(&[folder("a"), folder("a")]), twice("a", "a"));
        assert_eq!(checked(&[folder("Paint"), folder("paint")]), twice("Paint", "paint"));
        assert_eq!(checked(&[folder("b"), folder("a")]), Err(BadList::OutOfOrder(path("a"))));
        assert_eq!(checked(&[file("a/b", 0, 0)]), Err(BadList::NoFolder(path("a/b"))));
        // Through a link, or through a file, nothing is created.
        assert_eq!(checked(&[link("a", "b"), file("a/b", 0, 0)]), Err(BadList::NoFolder(path("a/b"))));
        assert_eq!(checked(&[file("a", 0, 0), file("a/b", 0, 0)]), Err(BadList::NoFolder(path("a/b"))));
        let left = [folder("a"), folder("b"), file("a/c", 0, 0)];
        assert_eq!(checked(&left), Err(BadList::OutOfOrder(path("a/c"))));
    }

    #[test]
    fn b5_files_lie_one_after_the_other_within_the_stream() {
        let place = |text: &str| Err(BadList::Place(EntryPath::new(text).unwrap()));
        assert_eq!(checked(&[file("a", 9_999, 2)]), place("a"));
        assert_eq!(checked(&[file("a", u64::MAX, 2)]), place("a"));
        assert_eq!(checked(&[file("a", 512, 100), file("b", 600, 1)]), place("b"));
        let mut order = Order::new(2, 10);
        order.check(&folder("a")).unwrap();
        assert_eq!(order.finish(), Err(BadList::Count));
        assert_eq!(Order::new(0, 10).check(&folder("a")), Err(BadList::Count));
    }

    #[test]
    fn the_longest_entry_fits_into_the_fullest_page() {
        let path = format!("{}x", "abcdefghijklmno/".repeat(63));
        let mut writer = PageWriter::default();
        let mut pages = Vec::new();
        for number in 0..100 {
            let entry = Entry {
                path: EntryPath::new(&format!("{path}{number:03}")).unwrap(),
                what: What::Link(
                    "y".repeat(250)
                        + "/"
                        + &"z".repeat(250)
                        + "/"
                        + &"z".repeat(250)
                        + "/"
                        + &"z".repeat(250),
                ),
            };
            pages.extend(writer.add(entry));
        }
        pages.extend(writer.finish());
        let read: usize = pages.iter().map(|page| read_page(page).unwrap().len()).sum();
        assert_eq!((read, pages.len()), (100, 4));
    }
}
