//! Media: where portable passbooks travel (A18).
//!
//! Any folder will do: a USB stick, a network share, the other device's shared folder. What is kept there is one
//! small file, rewritten whole: a new file beside it, sync, rename, sync the folder. FAT has no journal of its own: when a
//! medium is pulled out or the power goes while it is written, the file system itself may suffer. Nothing is lost by
//! that: the source keeps each portable pass until its move is over, and writes it again.

mod error;
mod files;

use std::fmt;

use carnet_core::id::{ServerId, UserId};

pub use error::MediumError;
pub use files::{Folder, OneFile};

use crate::portable::PortablePassbook;

/// Whose passes are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whose {
    /// At which server.
    pub server: ServerId,
    /// Of whom.
    pub user: UserId,
}

impl Whose {
    pub(crate) fn file_name(self) -> String {
        PortablePassbook::file_name(self.server, self.user)
    }

    /// The passbook, when it is theirs.
    ///
    /// # Errors
    /// [`MediumError::OtherUser`], [`MediumError::OtherServer`].
    pub fn check(self, book: PortablePassbook, name: &str) -> Result<PortablePassbook, MediumError> {
        let name = || name.to_owned();
        if book.server() != self.server {
            return Err(MediumError::OtherServer { name: name(), url: book.url.to_string() });
        }
        if book.user != self.user {
            return Err(MediumError::OtherUser { name: name(), user: book.user });
        }
        Ok(book)
    }
}

/// Something that carries a portable passbook.
pub trait Medium: fmt::Debug {
    /// What people call it.
    fn name(&self) -> String;

    /// Shows that so many bytes can be written. Changes nothing that is there.
    ///
    /// # Errors
    /// [`MediumError`], with the remedy.
    fn probe(&self, whose: Whose, bytes: usize) -> Result<(), MediumError>;

    /// The portable passbook that further passes are added to; none: there is none yet.
    ///
    /// # Errors
    /// [`MediumError`]; what is there and cannot be read is never written over.
    fn existing(&self, whose: Whose) -> Result<Option<PortablePassbook>, MediumError>;

    /// The portable passbook.
    ///
    /// # Errors
    /// [`MediumError::Nothing`] when there is none, [`MediumError::OtherUser`] when it is somebody else's.
    fn read(&self, whose: Whose) -> Result<PortablePassbook, MediumError>;

    /// Every portable passbook that can be read, whoever it belongs to: for a device that has no user yet.
    ///
    /// # Errors
    /// [`MediumError`] when the medium itself cannot be read.
    fn all(&self) -> Result<Vec<PortablePassbook>, MediumError>;

    /// Writes the portable passbook whole.
    ///
    /// # Errors
    /// [`MediumError`]; the old one or the new one is there then.
    fn write(&self, book: &PortablePassbook) -> Result<(), MediumError>;
}
