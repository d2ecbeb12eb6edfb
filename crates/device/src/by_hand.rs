//! A carrier without a network (D4): what a device asks is written down, somebody carries it to a machine that reaches the
//! server, and what comes back is taken in by the same command.
//!
//! [`ByHand`] is a [`Net`] like any other, so that every operation goes this way without knowing. What it is asked to
//! send it keeps, and says [`NetError::Carried`]; what was brought it hands out. A journal resumes its open request anyway, so
//! that the answer finds it.
//!
//! Neither file is secret or to be trusted: requests are signed by the device, answers and keys by the server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carnet_core::id::Digest;
use carnet_seal::cbor::{self, CborError, Limits};
use carnet_seal::{RequestMessage, ServerUrl, body_hash, record};
use carnet_seam::net::{Answer, Method, Request as NetRequest};
use carnet_seam::{Net, NetError};

use crate::contact::{CONTENT_TYPE, ContactError, DEVICE_PATH, KEY_SET_PATH, Line};

const LIMITS: Limits = Limits { bytes: 1 << 20, depth: 8 };
/// A menu.
const LARGEST_PAGE: usize = 512 << 10;
/// What anybody may read, and devices need: menus.
const PUBLIC: &str = "/v1/menu/";

/// What is carried to a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestPacket {
    /// Where to.
    pub url: String,
    /// Requests with what travels beside them, as they are sent.
    pub messages: Vec<Vec<u8>>,
    /// Public pages that are wanted too.
    pub pages: Vec<String>,
}

/// What is carried back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnswerPacket {
    /// Where from.
    pub url: String,
    /// The signed key set.
    pub key_set: Vec<u8>,
    /// Answers, each with the digest of its request.
    pub answers: Vec<(Digest, Vec<u8>)>,
    /// Public pages as JSON, each with its path.
    pub pages: Vec<(String, Vec<u8>)>,
}

record! { RequestPacket { 1 => url, 2 => messages, 3 => pages } }
record! { AnswerPacket { 1 => url, 2 => key_set, 3 => answers, 4 => pages } }

impl RequestPacket {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// From bytes.
    ///
    /// # Errors
    /// [`CborError`] when they are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        cbor::decode_within(bytes, LIMITS)
    }

    /// Whether nothing is asked but the server's keys.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.pages.is_empty()
    }

    /// Hands everything in, on a machine that reaches the server.
    ///
    /// # Errors
    /// [`ContactError`]; handing in once more does nothing twice.
    pub fn hand_in(&self, line: Line<'_>) -> Result<AnswerPacket, ContactError> {
        let key_set = line.exchange(Method::Get, KEY_SET_PATH, &[])?;
        let mut packet = AnswerPacket { url: self.url.clone(), key_set, ..AnswerPacket::default() };
        for message in &self.messages {
            let answer = line.exchange(Method::Post, DEVICE_PATH, message)?;
            packet.answers.push((name_of(message), answer));
        }
        for path in self.pages.iter().filter(|path| path.starts_with(PUBLIC)) {
            let request = NetRequest {
                method: Method::Get,
                path,
                content_type: "application/json",
                body: &[],
                time_limit: line.time_limit,
                size_limit: LARGEST_PAGE,
            };
            let answer = line.net.exchange(&request)?;
            // A page that is not there is not there for the device either.
            if answer.status == 200 {
                packet.pages.push((path.clone(), answer.body));
            }
        }
        Ok(packet)
    }
}

impl AnswerPacket {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// From bytes.
    ///
    /// # Errors
    /// [`CborError`] when they are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        cbor::decode_within(bytes, LIMITS)
    }
}

/// Which request a message brings: the signed document alone, for the proofs beside it may differ.
fn name_of(message: &[u8]) -> Digest {
    let request = RequestMessage::decode(message).map(|message| message.request);
    body_hash(&request.unwrap_or_default())
}

/// The carrier. Clones are the same one.
#[derive(Debug, Clone)]
pub struct ByHand(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    brought: Option<AnswerPacket>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What is to be carried, by server.
    out: Vec<RequestPacket>,
    /// Pages that were of use, to be brought again with whatever the next answer is.
    pages: Vec<String>,
    /// Answers that were taken in.
    used: usize,
}

impl ByHand {
    /// With what was brought back, if anything was.
    #[must_use]
    pub fn new(brought: Option<AnswerPacket>) -> Self {
        Self(Arc::new(Shared { brought, state: Mutex::default() }))
    }

    /// The way to this server.
    #[must_use]
    pub fn to(&self, url: &ServerUrl) -> Box<dyn Net> {
        Box::new(Way { by: self.clone(), url: url.to_string() })
    }

    /// What is to be carried now, a packet for each server. An empty one where only keys are missing.
    #[must_use]
    pub fn out(&self) -> Vec<RequestPacket> {
        let state = self.state();
        let mut out = state.out.clone();
        if out.iter().any(|packet| !packet.is_empty()) {
            out.retain(|packet| !packet.is_empty());
            out.iter_mut().for_each(|packet| packet.pages.extend(state.pages.iter().cloned()));
        }
        out
    }

    /// Whether something that was brought has been of use; also when nothing was brought.
    #[must_use]
    pub fn was_of_use(&self) -> bool {
        self.0.brought.as_ref().is_none_or(|brought| brought.answers.is_empty()) || self.state().used > 0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way to one server.
#[derive(Debug)]
struct Way {
    by: ByHand,
    url: String,
}

impl Way {
    fn brought(&self) -> Option<&AnswerPacket> {
        self.by.0.brought.as_ref().filter(|brought| brought.url == self.url)
    }

    fn note(&self, note: impl FnOnce(&mut RequestPacket)) {
        let mut state = self.by.state();
        let found = state.out.iter().position(|packet| packet.url == self.url);
        let at = found.unwrap_or_else(|| {
            state.out.push(RequestPacket { url: self.url.clone(), ..RequestPacket::default() });
            state.out.len() - 1
        });
        state.out.get_mut(at).map(note);
    }

    fn message(&self, message: &[u8]) -> Option<Vec<u8>> {
        let name = name_of(message);
        let (_, answer) = self.brought()?.answers.iter().find(|(request, _)| *request == name)?;
        self.by.state().used += 1;
        Some(answer.clone())
    }

    fn page(&self, path: &str) -> Option<Vec<u8>> {
        let (_, body) = self.brought()?.pages.iter().find(|(known, _)| known == path)?;
        Some(body.clone())
    }
}

impl Net for Way {
    fn is_carried(&self) -> bool {
        true
    }

    fn exchange(&self, request: &NetRequest<'_>) -> Result<Answer, NetError> {
        let (content_type, found) = match (request.method, request.path) {
            (Method::Get, KEY_SET_PATH) => {
                let keys = self.brought().map(|brought| brought.key_set.clone());
                if keys.is_none() {
                    self.note(|_| {});
                }
                (CONTENT_TYPE, keys)
            }
            (Method::Post, DEVICE_PATH) => {
                let answer = self.message(request.body);
                if answer.is_none() {
                    self.note(|packet| packet.messages.push(request.body.to_vec()));
                }
                (CONTENT_TYPE, answer)
            }
            (Method::Get, path) if path.starts_with(PUBLIC) => {
                let page = self.page(path);
                match page {
                    Some(_) => self.by.state().pages.push(path.to_owned()),
                    None => self.note(|packet| {
                        packet.pages.retain(|known| known != path);
                        packet.pages.push(path.to_owned());
                    }),
                }
                ("application/json", page)
            }
            // Everything else is for the moment only, and does not wait.
            _ => return Err(NetError::Unreachable("without a network this is not possible".into())),
        };
        let body = found.ok_or(NetError::Carried)?;
        Ok(Answer { status: 200, content_type: content_type.to_owned(), body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d4_packets_come_back_and_damage_is_refused() {
        let request = RequestPacket {
            url: "https://licenses.example.org".into(),
            messages: vec![vec![1; 300], Vec::new()],
            pages: vec!["/v1/menu/acme/paint".into()],
        };
        assert_eq!(RequestPacket::decode(&request.encode()), Ok(request.clone()));
        let answer = AnswerPacket {
            url: request.url.clone(),
            key_set: vec![2; 200],
            answers: vec![(Digest([3; 32]), vec![4; 90])],
            pages: vec![("/v1/menu/acme/paint".into(), b"{}".to_vec())],
        };
        assert_eq!(AnswerPacket::decode(&answer.encode()), Ok(answer.clone()));
        assert!(AnswerPacket::decode(&answer.encode()[1..]).is_err());
        assert!(RequestPacket::decode(&answer.encode()).is_err());
    }
}
