//! Opening a journal and adding to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet_seam::fs::{Access, Facts, create_folders, read_range, replace_file};
use carnet_seam::{File, Fs, FsError, FsFault};

use super::frame::Frame;
use super::load::{Position, Segments, take_in};
use super::make::{new_segment, size_of, write_all};
use super::walk::End;
use super::{Entry, Fold, Head, JournalError, JournalName, Record, Settings, Tail};
use crate::storage::{lock_file, owned};

/// An open journal and the state its records fold to.
///
/// Any number of these may be open on one folder, in one process or in several; each append of each sees
/// all appends before it.
#[derive(Debug)]
pub struct Journal<F: Fold> {
    pub(super) fs: Arc<dyn Fs>,
    pub(super) folder: PathBuf,
    name: JournalName,
    settings: Settings,
    /// The state before anything was recorded.
    new: F,
    pub(super) state: F,
    pub(super) at: Position,
    lock: Box<dyn File>,
    /// The newest segment, when it was written or read by this handle before.
    file: Option<Box<dyn File>>,
    poisoned: bool,
}

impl<F: Fold> Journal<F> {
    /// Opens the journal in `folder`, which is made when it is missing. Reads the newest segment only.
    /// `new` is the state before anything was recorded.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy. A torn tail is no error: see [`Journal::tail`].
    pub fn open(
        fs: Arc<dyn Fs>,
        folder: &Path,
        name: JournalName,
        new: F,
        settings: Settings,
    ) -> Result<Self, JournalError> {
        let facts = match fs.facts(folder)? {
            Some(facts) => facts,
            None => {
                create_folders(&*fs, folder)?;
                let made = fs.facts(folder)?;
                made.ok_or_else(|| FsError::new("open", folder, FsFault::NotFound))?
            }
        };
        Self::open_in(fs, folder, &facts, name, new, settings)
    }

    /// Opens the journal in `folder`, if that is there.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_begun(
        fs: Arc<dyn Fs>,
        folder: &Path,
        name: JournalName,
        new: F,
        settings: Settings,
    ) -> Result<Option<Self>, JournalError> {
        let Some(facts) = fs.facts(folder)? else { return Ok(None) };
        Self::open_in(fs, folder, &facts, name, new, settings).map(Some)
    }

    fn open_in(
        fs: Arc<dyn Fs>,
        folder: &Path,
        facts: &Facts,
        name: JournalName,
        new: F,
        settings: Settings,
    ) -> Result<Self, JournalError> {
        owned(&*fs, folder, facts, 0o022)?;
        let lock = lock_file(&*fs, &folder.join("lock"))?;
        lock.lock(settings.patience)?;
        let mut state = new.clone();
        let loaded = Segments { fs: &*fs, folder, name: &name }.load(&mut state);
        lock.unlock()?;
        let (at, folder) = (loaded?, folder.to_owned());
        Ok(Self { fs, folder, name, settings, new, state, at, lock, file: None, poisoned: false })
    }

    /// The state all records fold to, as of the last look at the disk.
    #[must_use]
    pub fn state(&self) -> &F {
        &self.state
    }

    /// The last record, as of the last look at the disk.
    #[must_use]
    pub fn head(&self) -> Head {
        self.at.walk.head
    }

    /// Whose journal it is.
    #[must_use]
    pub fn name(&self) -> &JournalName {
        &self.name
    }

    /// The number of the newest segment; 0 before the first record.
    #[must_use]
    pub fn segment(&self) -> u64 {
        self.at.segment
    }

    /// A torn tail that is not on record yet. The next append puts it there, before its own records.
    #[must_use]
    pub fn tail(&self) -> Option<Tail> {
        self.at.tail
    }

    /// Adds records as they are. See [`Journal::append_with`].
    ///
    /// # Errors
    /// As there.
    pub fn append(&mut self, records: Vec<Record>) -> Result<Head, JournalError> {
        self.append_with(|_, _| Ok(records))
    }

    /// Decides on the newest state and adds what was decided: all of it or nothing (I10), durable when
    /// this returns. Costs one write and one sync.
    ///
    /// `plan` gets the state and the head with everything that others have added, and with the record
    /// of a dropped tail if there is one. It may decide to add nothing. Its own error ends the append.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy. The state is then as before the append, or newer by what others
    /// have added; the records are on the disk or not, as the next [`Journal::reopen`] tells.
    pub fn append_with<E: From<JournalError>>(
        &mut self,
        plan: impl FnOnce(&F, Head) -> Result<Vec<Record>, E>,
    ) -> Result<Head, E> {
        self.locked(|journal| {
            let (state, mut records) = journal.begin()?;
            let known = records.len();
            records.extend(plan(&state, journal.head())?);
            Ok(journal.write(state, records, known)?)
        })
    }

    /// Folds what other processes have added.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn refresh(&mut self) -> Result<Head, JournalError> {
        self.locked(|journal| Ok(journal.head()))
    }

    /// Makes sure that a power loss takes none of the records that [`Journal::state`] folds. An append
    /// does this by itself; who acts on a state without appending – sends an intent found at the start,
    /// for one – must ask for it (I8).
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn ensure_durable(&mut self) -> Result<Head, JournalError> {
        self.locked(|journal| {
            journal.secure()?;
            Ok(journal.head())
        })
    }

    /// Reads everything again, also after a failed sync.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn reopen(&mut self) -> Result<Head, JournalError> {
        self.lock.lock(self.settings.patience)?;
        let loaded = self.reload();
        self.lock.unlock()?;
        loaded?;
        self.poisoned = false;
        Ok(self.head())
    }

    pub(super) fn segments(&self) -> Segments<'_> {
        Segments { fs: &*self.fs, folder: &self.folder, name: &self.name }
    }

    /// Runs with the lock held and everything folded that others have added.
    pub(super) fn locked<T, E: From<JournalError>>(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let wrong = |error| E::from(JournalError::from(error));
        self.lock.lock(self.settings.patience).map_err(wrong)?;
        let result = self.catch_up().map_err(E::from).and_then(|()| run(self));
        // A lock that cannot be let go is let go with the process; what was recorded is recorded.
        let _ = self.lock.unlock();
        result
    }

    /// Looks at two names: a newer segment, or ours gone, means that others have gone on without us.
    fn catch_up(&mut self) -> Result<(), JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned(self.folder.clone()));
        }
        let newer = self.fs.facts(&self.segments().path(self.at.next))?;
        let ours = match self.at.segment {
            0 => None,
            number => self.fs.facts(&self.segments().path(number))?,
        };
        match (newer, ours) {
            (None, Some(ours)) if ours.length == self.at.length => Ok(()),
            (None, Some(ours)) if ours.length >= self.at.walk.good => self.read_on(ours.length),
            (None, Some(_)) => Err(JournalError::Shortened(self.segments().path(self.at.segment))),
            _ => self.reload(),
        }
    }

    /// Folds what others have added to the newest segment.
    fn read_on(&mut self, length: u64) -> Result<(), JournalError> {
        let (path, mut walk, mut state) =
            (self.segments().path(self.at.segment), self.at.walk.clone(), self.state.clone());
        let bytes = read_range(self.file()?, walk.good, length - walk.good)?;
        if walk.go(&bytes, &mut |frame: &Frame<'_>| take_in(&mut state, frame, &path))? == End::Damaged {
            return Err(self.segments().corrupt(self.at.segment, walk.good));
        }
        let kept = usize::try_from(walk.good - self.at.walk.good).unwrap_or(usize::MAX);
        let rest = bytes.get(kept..).unwrap_or_default();
        self.at.tail = (!rest.is_empty()).then(|| Tail::of(rest));
        self.at.leftover = Tail::of(rest);
        self.at.named |= walk.added;
        (self.at.length, self.at.walk, self.state) = (length, walk, state);
        Ok(())
    }

    fn reload(&mut self) -> Result<(), JournalError> {
        let mut state = self.new.clone();
        let at = self.segments().load(&mut state)?;
        if at.walk.head.sequence < self.head().sequence {
            return Err(JournalError::Shortened(self.folder.clone()));
        }
        (self.at, self.state, self.file) = (at, state, None);
        Ok(())
    }

    fn file(&mut self) -> Result<&dyn File, JournalError> {
        let path = self.segments().path(self.at.segment);
        let file = match self.file.take() {
            Some(file) => file,
            None => self.fs.open(&path, Access::Write)?,
        };
        Ok(&**self.file.insert(file))
    }

    /// What a decision starts from, and what is written before it: the record of a dropped tail.
    fn begin(&self) -> Result<(F, Vec<Record>), JournalError> {
        let (mut state, mut records) = (self.state.clone(), Vec::new());
        if let Some(tail) = &self.at.tail {
            records.push(state.tail_dropped(tail));
            // A tail ends its segment, so a checkpoint comes first.
            fold_in(&mut state, self.head().sequence + 1, &records)?;
        }
        Ok((state, records))
    }

    /// Writes records, the first `known` of which `state` has taken in already.
    fn write(&mut self, mut state: F, records: Vec<Record>, known: usize) -> Result<Head, JournalError> {
        if records.is_empty() {
            return Ok(self.head());
        }
        let (fresh, head) = (self.needs_segment(size_of(&records)?), self.head());
        let (torn, kept_past) = (self.at.tail.is_some(), self.state.keeps_past());
        fold_in(&mut state, head.sequence + u64::from(fresh) + known as u64, &records[known..])?;
        if fresh {
            self.make_segment(&records)?;
        } else {
            let mut bytes = Vec::new();
            let head = write_all(&mut bytes, head, self.at.walk.durable, 0, &records);
            self.put(bytes, head)?;
        }
        self.state = state;
        self.point("journal.synced")?;
        if (fresh && !torn || kept_past) && !self.state.keeps_past() {
            // The records are safe whatever comes of this.
            let _ = self.let_go();
        }
        Ok(self.head())
    }

    /// Adds records to the newest segment, however full that is.
    pub(super) fn add(&mut self, records: &[Record]) -> Result<(), JournalError> {
        let (mut state, mut bytes, head) = (self.state.clone(), Vec::new(), self.head());
        fold_in(&mut state, head.sequence, records)?;
        let head = write_all(&mut bytes, head, self.at.walk.durable, 0, records);
        self.put(bytes, head)?;
        self.state = state;
        Ok(())
    }

    /// A torn tail ends a segment, and so does a full one. One with a large checkpoint may have as many
    /// bytes of records: else each append would write the checkpoint again.
    fn needs_segment(&self, more: u64) -> bool {
        let checkpoint = self.at.walk.checkpoint_end.unwrap_or(0);
        let limit = self.settings.segment_size.max(2 * checkpoint);
        self.at.segment == 0 || self.at.tail.is_some() || self.at.walk.good + more > limit
    }

    /// Adds bytes that end with `head` to the newest segment, after whatever is not known to be durable:
    /// the system may have given up writing that (see the [module](super)).
    fn put(&mut self, bytes: Vec<u8>, head: Head) -> Result<(), JournalError> {
        if !self.at.named {
            self.name_durably()?;
        }
        let (start, good) = (self.at.walk.durable_end, self.at.walk.good);
        let mut bytes = bytes;
        let end = good + bytes.len() as u64;
        if start < good {
            let again = read_range(self.file()?, start, good - start)?;
            bytes.splice(0..0, again);
        }
        self.point("journal.append")?;
        if let Err(error) = self.file()?.write_at(start, &bytes) {
            self.cut_back(good);
            return Err(error.into());
        }
        self.point("journal.written")?;
        if let Err(error) = self.file()?.sync() {
            self.cut_back(good);
            self.poisoned = true;
            return Err(error.into());
        }
        self.at.walk.added(head, end);
        self.at.length = self.at.length.max(end);
        Ok(())
    }

    /// Takes a failed append off again. Where that fails too, the next one to open finds a tail.
    fn cut_back(&mut self, good: u64) {
        let tail = self.at.tail.is_some();
        let cut = tail || self.file.as_ref().is_some_and(|file| file.truncate(good).is_ok());
        self.poisoned |= !cut;
    }

    /// Makes the name of the newest segment durable, and with the first one those of the folders above it:
    /// whoever made them may have died before they were durable.
    fn name_durably(&mut self) -> Result<(), JournalError> {
        let levels = if self.at.segment == 1 { usize::MAX } else { 1 };
        for folder in self.folder.ancestors().take(levels).filter(|folder| !folder.as_os_str().is_empty()) {
            self.fs.sync_folder(folder)?;
        }
        self.at.named = true;
        Ok(())
    }

    /// Everything so far becomes durable where it is.
    pub(super) fn secure(&mut self) -> Result<(), JournalError> {
        if self.at.walk.durable < self.head().sequence || !self.at.named {
            let head = self.head();
            self.put(Vec::new(), head)?;
        }
        Ok(())
    }

    /// Begins another segment with these records. It has its name only when all of it is durable.
    fn make_segment(&mut self, records: &[Record]) -> Result<(), JournalError> {
        if self.at.segment > 0 {
            self.secure()?;
        }
        let made = new_segment(&self.segments(), &self.at, &self.state, records)?;
        let path = self.segments().path(self.at.next);
        if let Err(error) = replace_file(&*self.fs, &path, &made.bytes) {
            // Before the rename nothing has happened; after it, or in it, only a look tells.
            self.poisoned |= error.action == "rename" || error.path == self.folder;
            return Err(error.into());
        }
        (self.at, self.file) = (made.position, None);
        if self.at.segment == 1 {
            self.name_durably().inspect_err(|_| self.poisoned = true)?;
        }
        Ok(())
    }

    pub(super) fn point(&self, name: &str) -> Result<(), JournalError> {
        self.fs.crash().point(name).map_err(|crashed| JournalError::crashed(crashed, &self.folder))
    }
}

/// Folds records that are about to be written; `before` is the number of the record before them.
fn fold_in<F: Fold>(state: &mut F, before: u64, records: &[Record]) -> Result<(), JournalError> {
    for (sequence, record) in (before + 1..).zip(records) {
        let entry = Entry { sequence, kind: record.kind, body: &record.body };
        state.apply(&entry).map_err(JournalError::Refused)?;
    }
    Ok(())
}
