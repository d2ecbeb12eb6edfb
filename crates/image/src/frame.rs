//! One frame: up to 1 MiB of a stream, compressed and encrypted by itself.
//!
//! AES-256-GCM under a key that is used for one feature of one build and never again, so the number of the frame
//! can be the nonce (NIST SP 800-38D §8.2.1). Image, feature, number and whether it is the last are bound into the
//! tag: no frame can stand in for another, and none can be missing at the end.

use carnet_core::app::Feature;
use carnet_core::id::ImageId;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::error::ImageError;
use crate::keys::ContentKey;
use crate::table::{Frame, LARGEST_FRAME, LARGEST_SEALED, hash};

/// Of which stream a frame is.
#[derive(Debug)]
pub(crate) struct Stream {
    image: ImageId,
    feature: Feature,
    key: LessSafeKey,
}

impl Stream {
    pub(crate) fn new(image: ImageId, feature: &Feature, key: &ContentKey) -> Result<Self, ImageError> {
        let key = UnboundKey::new(&AES_256_GCM, key.bytes()).map_err(|_| ImageError::Cipher)?;
        Ok(Self { image, feature: feature.clone(), key: LessSafeKey::new(key) })
    }

    pub(crate) const fn feature(&self) -> &Feature {
        &self.feature
    }

    /// The feature comes last, so that no two different names give the same bytes.
    fn bound(&self, index: u64, last: bool) -> Aad<Vec<u8>> {
        let parts: [&[u8]; 5] = [
            b"carnet image frame",
            &self.image.0,
            &index.to_be_bytes(),
            &[u8::from(last)],
            self.feature.as_str().as_bytes(),
        ];
        Aad::from(parts.concat())
    }
}

fn nonce(index: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[NONCE_LEN - 8..].copy_from_slice(&index.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// Makes the frames of one stream, one after the other.
pub(crate) struct Sealer {
    stream: Stream,
    zstd: zstd::bulk::Compressor<'static>,
    buffer: Vec<u8>,
    next: u64,
}

impl Sealer {
    pub(crate) fn new(stream: Stream, level: i32) -> Result<Self, std::io::Error> {
        let zstd = zstd::bulk::Compressor::new(level)?;
        Ok(Self { stream, zstd, buffer: Vec::with_capacity(LARGEST_SEALED), next: 0 })
    }

    /// The next frame, and its row.
    pub(crate) fn seal(&mut self, plain: &[u8], last: bool) -> Result<(&[u8], Frame), String> {
        self.buffer.clear();
        self.zstd.compress_to_buffer(plain, &mut self.buffer).map_err(|error| error.to_string())?;
        let bound = self.stream.bound(self.next, last);
        let sealed = self.stream.key.seal_in_place_append_tag(nonce(self.next), bound, &mut self.buffer);
        sealed.map_err(|_| "the encryption refused to work".to_owned())?;
        self.next += 1;
        let frame = Frame {
            sealed_length: u32::try_from(self.buffer.len()).unwrap_or(u32::MAX),
            sealed: hash(&self.buffer),
            plain_length: u32::try_from(plain.len()).unwrap_or(u32::MAX),
            plain: hash(plain),
        };
        Ok((&self.buffer, frame))
    }
}

/// Opens the frames of one stream, in any order.
pub(crate) struct Opener {
    stream: Stream,
    zstd: zstd::bulk::Decompressor<'static>,
}

impl Opener {
    pub(crate) fn new(stream: Stream) -> Result<Self, ImageError> {
        let zstd = zstd::bulk::Decompressor::new().map_err(|_| ImageError::Cipher)?;
        Ok(Self { stream, zstd })
    }

    /// Replaces `plain` by the content of a frame. `sealed` is used up.
    ///
    /// The hash of the encrypted bytes is in the signed table, so that a damaged frame is told from a wrong key, and
    /// can be fetched again by somebody who has no key. What comes out needs no hash after that: it is what the
    /// supplier has encrypted. Only its length is checked, before it is taken: no frame gives more than its row says.
    pub(crate) fn open(
        &mut self,
        row: &Frame,
        index: u64,
        last: bool,
        sealed: &mut [u8],
        plain: &mut Vec<u8>,
    ) -> Result<(), ImageError> {
        let feature = || self.stream.feature.clone();
        check(row, index, self.stream.feature(), sealed)?;
        let bound = self.stream.bound(index, last);
        let opened = self.stream.key.open_in_place(nonce(index), bound, sealed);
        let opened = opened.map_err(|_| ImageError::Sealed { feature: feature(), index })?;
        let expected = (row.plain_length as usize).min(LARGEST_FRAME);
        // More than `expected` does not fit, and is an error.
        plain.resize(expected, 0);
        match self.zstd.decompress_to_buffer(opened, plain.as_mut_slice()) {
            Ok(length) if length == expected => Ok(()),
            _ => Err(ImageError::Content { feature: feature(), index }),
        }
    }
}

/// Whether these bytes are the frame of this row.
pub(crate) fn check(row: &Frame, index: u64, feature: &Feature, sealed: &[u8]) -> Result<(), ImageError> {
    if sealed.len() == row.sealed_length as usize && hash(sealed) == row.sealed {
        Ok(())
    } else {
        Err(ImageError::Frame { feature: feature.clone(), index })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(image: u8, feature: &str, key: u8) -> Stream {
        Stream::new(ImageId([image; 16]), &feature.parse().unwrap(), &ContentKey::new([key; 32])).unwrap()
    }

    fn sealed(plain: &[u8], number: u64, last: bool) -> (Vec<u8>, Frame) {
        let mut sealer = Sealer::new(stream(1, "core", 7), 3).unwrap();
        sealer.next = number;
        let (bytes, row) = sealer.seal(plain, last).unwrap();
        (bytes.to_vec(), row)
    }

    fn opened(
        stream: Stream,
        index: u64,
        last: bool,
        bytes: &[u8],
        row: &Frame,
    ) -> Result<Vec<u8>, ImageError> {
        let mut plain = Vec::new();
        Opener::new(stream)?.open(row, index, last, &mut bytes.to_vec(), &mut plain).map(|()| plain)
    }

    #[test]
    fn d1_a_frame_opens_in_its_place_with_its_key_only() {
        let (bytes, row) = sealed(&[9; 5_000], 3, true);
        assert!(bytes.len() < 200);
        assert_eq!(opened(stream(1, "core", 7), 3, true, &bytes, &row), Ok(vec![9; 5_000]));
        let refused = |index| Err(ImageError::Sealed { feature: "core".parse().unwrap(), index });
        assert_eq!(opened(stream(2, "core", 7), 3, true, &bytes, &row), refused(3), "another build");
        assert_eq!(opened(stream(1, "core", 8), 3, true, &bytes, &row), refused(3), "another key");
        assert_eq!(opened(stream(1, "core", 7), 2, true, &bytes, &row), refused(2), "another place");
        assert_eq!(opened(stream(1, "core", 7), 3, false, &bytes, &row), refused(3), "not the end");
        let other = Err(ImageError::Sealed { feature: "more".parse().unwrap(), index: 3 });
        assert_eq!(opened(stream(1, "more", 7), 3, true, &bytes, &row), other, "another feature");
    }

    #[test]
    fn d1_a_changed_byte_is_found_without_a_key() {
        let (mut bytes, row) = sealed(b"content", 0, true);
        bytes[3] ^= 1;
        let damaged = Err(ImageError::Frame { feature: "core".parse().unwrap(), index: 0 });
        assert_eq!(opened(stream(1, "core", 7), 0, true, &bytes, &row), damaged);
        assert_eq!(opened(stream(1, "core", 7), 0, true, &bytes[1..], &row), damaged);
    }

    #[test]
    fn i18_a_frame_that_would_grow_beyond_its_row_is_refused() {
        let bomb = vec![0; LARGEST_FRAME];
        let (bytes, row) = sealed(&bomb, 0, true);
        for plain_length in [row.plain_length - 1, 16, 1] {
            let lie = Frame { plain_length, ..row };
            let refused = Err(ImageError::Content { feature: "core".parse().unwrap(), index: 0 });
            assert_eq!(opened(stream(1, "core", 7), 0, true, &bytes, &lie), refused);
        }
        // Fewer bytes than promised are no frame either.
        let (bytes, row) = sealed(b"short", 0, true);
        let lie = Frame { plain_length: 1_000, ..row };
        assert!(opened(stream(1, "core", 7), 0, true, &bytes, &lie).is_err());
    }

    #[test]
    fn what_does_not_compress_still_fits() {
        let mut noise = vec![0; LARGEST_FRAME];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        let (bytes, row) = sealed(&noise, 0, true);
        assert!(bytes.len() > LARGEST_FRAME && bytes.len() <= LARGEST_SEALED);
        assert_eq!(opened(stream(1, "core", 7), 0, true, &bytes, &row), Ok(noise));
    }
}
