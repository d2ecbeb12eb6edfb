//! What can be wrong with pictures, each with the picture's name and a remedy after the last `: `.

use carnet_seal::armor::Carried;

/// Why pictures could not be drawn or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// More than 255 parts, or more than a QR code holds.
    #[error("{bytes} bytes are too much for pictures: use a file")]
    TooLarge {
        /// How many there are.
        bytes: usize,
    },
    /// The bytes are no PNG picture, or one of absurd size.
    #[error("{name} is not a PNG picture that can be read ({why}): use the PNG file as it was written")]
    NotAPicture {
        /// Which.
        name: String,
        /// In the words of the image library.
        why: String,
    },
    /// No QR code was found.
    #[error("{name} shows no QR code that can be read: take the picture again, straight and sharp")]
    NoCode {
        /// Which.
        name: String,
    },
    /// A QR code of something else.
    #[error("the QR code in {name} is not one of Carnet: use the picture that Carnet has drawn")]
    NotCarnet {
        /// Which.
        name: String,
    },
    /// It begins like one of ours and is none.
    #[error("the QR code in {name} is damaged: take the picture again")]
    Damaged {
        /// Which.
        name: String,
    },
    /// A newer version draws something that this one does not know.
    #[error("{name} carries something that this program does not know: update it")]
    UnknownType {
        /// Which.
        name: String,
    },
    /// No pictures at all.
    #[error("there is no picture to read: name at least one PNG file")]
    Nothing,
    /// Parts of two documents.
    #[error("{name} belongs to another document than {first}: give the pictures of one document only")]
    Mixed {
        /// The first picture.
        first: String,
        /// The one that does not fit.
        name: String,
    },
    /// Not all parts are there.
    #[error("{} of {of} pictures of {carried} {} missing: give all of them", missing.len(), numbers(missing))]
    Missing {
        /// What they carry.
        carried: Carried,
        /// The numbers of those that are missing.
        missing: Vec<u8>,
        /// How many there must be.
        of: u8,
    },
}

fn numbers(missing: &[u8]) -> String {
    let numbers: Vec<_> = missing.iter().map(ToString::to_string).collect();
    let verb = if missing.len() == 1 { "is" } else { "are" };
    format!("(number {}) {verb}", numbers.join(", "))
}
