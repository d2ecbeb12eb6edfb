//! Envelopes by hand, with freedom to make them wrong.

use carnet_seal::{Kind, Signer, SigningKey};

/// The parts of an envelope before it is signed.
#[derive(Clone)]
pub struct Forge {
    pub algorithm: Vec<u8>,
    pub key: Vec<u8>,
    pub typ: String,
    /// What is bound into the signature as the type.
    pub external: String,
    /// The head of the map in the protected header, and further pairs at its end.
    pub pairs: u8,
    pub more: Vec<u8>,
    pub unprotected: Vec<u8>,
    pub payload: Vec<u8>,
}

impl Forge {
    pub fn good(kind: Kind, payload: &[u8], signer: &SigningKey) -> Self {
        Self {
            algorithm: vec![0x32],
            key: signer.key_id().0.to_vec(),
            typ: kind.typ().to_owned(),
            external: kind.typ().to_owned(),
            pairs: 0xa3,
            more: Vec::new(),
            unprotected: vec![0xa0],
            payload: payload.to_vec(),
        }
    }

    pub fn make(&self, signer: &SigningKey) -> Vec<u8> {
        let protected = self.protected();
        let signature = signer.sign(&self.signed(&protected));
        [&[0xd2, 0x84][..], &bytes(&protected), &self.unprotected, &bytes(&self.payload), &bytes(&signature)]
            .concat()
    }

    fn protected(&self) -> Vec<u8> {
        let typ = [head(3, self.typ.len()), self.typ.clone().into_bytes()].concat();
        [&[self.pairs, 1][..], &self.algorithm, &[4], &bytes(&self.key), &[16], &typ, &self.more].concat()
    }

    /// RFC 9052 §4.4.
    fn signed(&self, protected: &[u8]) -> Vec<u8> {
        let external = bytes(self.external.as_bytes());
        [&[0x84, 0x6a][..], b"Signature1", &bytes(protected), &external, &bytes(&self.payload)].concat()
    }
}

/// A byte string.
pub fn bytes(content: &[u8]) -> Vec<u8> {
    [head(2, content.len()), content.to_vec()].concat()
}

/// The shortest head of this major type.
pub fn head(major: u8, value: usize) -> Vec<u8> {
    let value = u32::try_from(value).unwrap().to_be_bytes();
    let major = major << 5;
    match value {
        [0, 0, 0, low] if low < 24 => vec![major | low],
        [0, 0, 0, low] => vec![major | 24, low],
        [0, 0, high, low] => vec![major | 25, high, low],
        all => [&[major | 26][..], &all].concat(),
    }
}

/// Where the parts of an envelope with one-byte tag and array head stand.
pub struct Parts {
    pub protected: std::ops::Range<usize>,
    pub payload: std::ops::Range<usize>,
    pub signature: std::ops::Range<usize>,
}

impl Parts {
    pub fn of(document: &[u8]) -> Self {
        let mut from = minicbor::Decoder::new(&document[2..]);
        let mut string = |before: usize| {
            from.set_position(from.position() + before);
            let length = from.bytes().unwrap().len();
            let end = from.position() + 2;
            end - length..end
        };
        Self { protected: string(0), payload: string(1), signature: string(0) }
    }
}
