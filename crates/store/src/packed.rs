//! The compact form of lists that live inside a hot row: rights, accounts, the active pass, former rights.
//!
//! A pool of 10,000 seats is 10,000 rights in one row, so they are packed: a tag byte, variable-length numbers,
//! ids as they are. Each blob starts with the number of its form.

use std::collections::BTreeMap;

use carnet_core::document::PassKind;
use carnet_core::id::{DeviceId, LicenseId, MoveId, PassId};
use carnet_core::license::{Holder, Rest, Right};
use carnet_core::server::{Account, Active, Held};
use carnet_core::time::Time;
use carnet_core::transfer::{Gone, Lost};

/// The form written today; a later one gets another number and this one stays readable (I20).
const FORM: u8 = 1;

/// Times one after the other, eight bytes each.
pub(crate) fn pack_times(times: &[Time]) -> Vec<u8> {
    times.iter().flat_map(|time| time.0.to_be_bytes()).collect()
}

pub(crate) fn unpack_times(blob: &[u8]) -> Option<Vec<Time>> {
    let (times, rest) = blob.as_chunks::<8>();
    rest.is_empty().then(|| times.iter().map(|bytes| Time(i64::from_be_bytes(*bytes))).collect())
}

/// Beside the kind of the holder: something paid for was given back.
const WITH_REST: u8 = 0x10;

pub(crate) fn pack_rights(rights: &[Right]) -> Vec<u8> {
    let mut out = Packer::with_room(1 + rights.len() * 27);
    for right in rights {
        let kind = match right.holder {
            Holder::Free => 0,
            Holder::Device { until: Some(_), .. } => 1,
            Holder::Device { until: None, .. } => 2,
            Holder::Move(_) => 3,
            Holder::Leaving { until: Some(_), .. } => 4,
            Holder::Leaving { until: None, .. } => 5,
            Holder::Promised(_) => 6,
        };
        out.byte(kind | if right.rest.is_some() { WITH_REST } else { 0 });
        out.number(right.generation);
        match right.holder {
            Holder::Free => {}
            Holder::Device { device, until } => {
                out.bytes(&device.0);
                until.into_iter().for_each(|until| out.bytes(&until.0.to_be_bytes()));
            }
            Holder::Move(movement) => out.bytes(&movement.0),
            Holder::Leaving { device, until, to } => {
                out.bytes(&device.0);
                until.into_iter().for_each(|until| out.bytes(&until.0.to_be_bytes()));
                out.bytes(&to.0);
            }
            Holder::Promised(to) => out.bytes(&to.0),
        }
        right.rest.iter().for_each(|rest| out.rest(rest));
    }
    out.0
}

pub(crate) fn unpack_rights(blob: &[u8]) -> Option<Vec<Right>> {
    let mut from = Unpacker::open(blob)?;
    let mut rights = Vec::new();
    while !from.0.is_empty() {
        let tag = from.byte()?;
        let generation = from.number()?;
        let kind = tag & !WITH_REST;
        let holder = match kind {
            0 => Holder::Free,
            1 => Holder::Device { device: DeviceId(from.bytes()?), until: Some(from.time()?) },
            2 => Holder::Device { device: DeviceId(from.bytes()?), until: None },
            3 => Holder::Move(MoveId(from.bytes()?)),
            4 | 5 => Holder::Leaving {
                device: DeviceId(from.bytes()?),
                until: if kind == 4 { Some(from.time()?) } else { None },
                to: DeviceId(from.bytes()?),
            },
            6 => Holder::Promised(DeviceId(from.bytes()?)),
            _ => return None,
        };
        let rest = if tag == kind { None } else { Some(from.rest()?) };
        rights.push(Right { generation, holder, rest });
    }
    Some(rights)
}

pub(crate) fn pack_accounts(accounts: &BTreeMap<LicenseId, Account>) -> Vec<u8> {
    let mut out = Packer::with_room(1 + accounts.len() * 24);
    for (license, account) in accounts {
        out.bytes(&license.0);
        out.byte(u8::from(account.uses.is_some()) | u8::from(account.seconds.is_some()) << 1);
        for held in [account.uses, account.seconds].into_iter().flatten() {
            out.number(held.upto);
            out.number(held.acknowledged);
        }
    }
    out.0
}

pub(crate) fn unpack_accounts(blob: &[u8]) -> Option<BTreeMap<LicenseId, Account>> {
    let mut from = Unpacker::open(blob)?;
    let mut accounts = BTreeMap::new();
    while !from.0.is_empty() {
        let license = LicenseId(from.bytes()?);
        let lines = from.byte()?;
        if lines > 3 {
            return None;
        }
        let uses = if lines & 1 == 0 { None } else { Some(from.held()?) };
        let seconds = if lines & 2 == 0 { None } else { Some(from.held()?) };
        if accounts.insert(license, Account { uses, seconds }).is_some() {
            return None;
        }
    }
    Some(accounts)
}

pub(crate) fn pack_former(former: &[(LicenseId, u32)]) -> Vec<u8> {
    let mut out = Packer::with_room(1 + former.len() * 17);
    for (license, right) in former {
        out.bytes(&license.0);
        out.number(u64::from(*right));
    }
    out.0
}

pub(crate) fn unpack_former(blob: &[u8]) -> Option<Vec<(LicenseId, u32)>> {
    let mut from = Unpacker::open(blob)?;
    let mut former = Vec::new();
    while !from.0.is_empty() {
        former.push((LicenseId(from.bytes()?), u32::try_from(from.number()?).ok()?));
    }
    Some(former)
}

pub(crate) fn pack_gone(gone: &Gone) -> Vec<u8> {
    let mut out = Packer::with_room(26 + gone.lost.len() * 24);
    out.bytes(&gone.to.0);
    out.bytes(&gone.at.0.to_be_bytes());
    for (license, lost) in &gone.lost {
        out.bytes(&license.0);
        [lost.uses, lost.seconds, u64::from(lost.rights)].into_iter().for_each(|number| out.number(number));
    }
    out.0
}

pub(crate) fn unpack_gone(blob: &[u8]) -> Option<Gone> {
    let mut from = Unpacker::open(blob)?;
    let mut gone = Gone { to: DeviceId(from.bytes()?), at: from.time()?, lost: BTreeMap::new() };
    while !from.0.is_empty() {
        let license = LicenseId(from.bytes()?);
        let (uses, seconds) = (from.number()?, from.number()?);
        let lost = Lost { uses, seconds, rights: u32::try_from(from.number()?).ok()? };
        if gone.lost.insert(license, lost).is_some() {
            return None;
        }
    }
    Some(gone)
}

pub(crate) fn pack_active(active: &Active) -> Vec<u8> {
    let mut out = Packer::with_room(80);
    let present = [active.expires.is_some(), active.grace_until.is_some(), active.moved.is_some()];
    out.byte(flags(present) | u8::from(active.kind == PassKind::Temporary) << 3);
    out.bytes(&active.license.0);
    out.bytes(&active.pass.0);
    out.number(u64::from(active.right));
    out.number(active.generation);
    for time in [active.expires, active.grace_until].into_iter().flatten() {
        out.bytes(&time.0.to_be_bytes());
    }
    active.moved.into_iter().for_each(|movement| out.bytes(&movement.0));
    out.0
}

pub(crate) fn unpack_active(blob: &[u8]) -> Option<Active> {
    let mut from = Unpacker::open(blob)?;
    let flags = from.byte()?;
    if flags > 15 {
        return None;
    }
    let active = Active {
        license: LicenseId(from.bytes()?),
        pass: PassId(from.bytes()?),
        right: u32::try_from(from.number()?).ok()?,
        generation: from.number()?,
        kind: if flags & 8 == 0 { PassKind::Full } else { PassKind::Temporary },
        expires: if flags & 1 == 0 { None } else { Some(from.time()?) },
        grace_until: if flags & 2 == 0 { None } else { Some(from.time()?) },
        moved: if flags & 4 == 0 { None } else { Some(MoveId(from.bytes()?)) },
    };
    from.0.is_empty().then_some(active)
}

/// One bit for each part that may be there, the first one lowest.
fn flags(present: [bool; 3]) -> u8 {
    present.iter().enumerate().fold(0, |flags, (bit, present)| flags | u8::from(*present) << bit)
}

struct Packer(Vec<u8>);

impl Packer {
    fn with_room(room: usize) -> Self {
        let mut bytes = Vec::with_capacity(room);
        bytes.push(FORM);
        Self(bytes)
    }

    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn rest(&mut self, rest: &Rest) {
        let present = [rest.uses.is_some(), rest.seconds.is_some(), rest.expires.is_some()];
        self.byte(flags(present));
        [rest.uses, rest.seconds].into_iter().flatten().for_each(|number| self.number(number));
        rest.expires.iter().for_each(|time| self.bytes(&time.0.to_be_bytes()));
    }

    /// Seven bits a byte, lowest first, the high bit says that more follows (LEB128).
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

struct Unpacker<'a>(&'a [u8]);

impl<'a> Unpacker<'a> {
    fn open(blob: &'a [u8]) -> Option<Self> {
        blob.split_first().filter(|(form, _)| **form == FORM).map(|(_, rest)| Self(rest))
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            let shifted = part << shift;
            // No bit may fall off, and no number has two forms.
            if shifted >> shift != part || (byte == 0 && shift > 0) {
                return None;
            }
            number |= shifted;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn time(&mut self) -> Option<Time> {
        self.bytes().map(|bytes| Time(i64::from_be_bytes(bytes)))
    }

    fn rest(&mut self) -> Option<Rest> {
        let flags = self.byte().filter(|flags| *flags < 8)?;
        let number = |from: &mut Self, bit: u8| match flags & bit {
            0 => Some(None),
            _ => from.number().map(Some),
        };
        let (uses, seconds) = (number(self, 1)?, number(self, 2)?);
        let expires = if flags & 4 == 0 { None } else { Some(self.time()?) };
        Some(Rest { uses, seconds, expires })
    }

    fn held(&mut self) -> Option<Held> {
        Some(Held { upto: self.number()?, acknowledged: self.number()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holder() -> impl Strategy<Value = Holder> {
        prop_oneof![
            Just(Holder::Free),
            (any::<[u8; 16]>(), any::<Option<i64>>())
                .prop_map(|(id, until)| Holder::Device { device: DeviceId(id), until: until.map(Time) }),
            any::<[u8; 16]>().prop_map(|id| Holder::Move(MoveId(id))),
            any::<[u8; 16]>().prop_map(|id| Holder::Promised(DeviceId(id))),
            (any::<[[u8; 16]; 2]>(), any::<Option<i64>>()).prop_map(|([device, to], until)| {
                Holder::Leaving { device: DeviceId(device), until: until.map(Time), to: DeviceId(to) }
            }),
        ]
    }

    fn rest() -> impl Strategy<Value = Option<Rest>> {
        let rest = any::<(Option<u64>, Option<u64>, Option<i64>)>();
        let rest = rest.prop_map(|(uses, seconds, end)| Rest { uses, seconds, expires: end.map(Time) });
        prop_oneof![Just(None), rest.prop_map(Some)]
    }

    fn held() -> impl Strategy<Value = Option<Held>> {
        any::<Option<(u64, u64)>>()
            .prop_map(|held| held.map(|(upto, acknowledged)| Held { upto, acknowledged }))
    }

    proptest! {
        #[test]
        fn packed_values_come_back(
            rights in prop::collection::vec((any::<u64>(), holder(), rest()), 0..20),
            accounts in prop::collection::btree_map(any::<[u8; 16]>(), (held(), held()), 0..10),
            former in prop::collection::vec((any::<[u8; 16]>(), any::<u32>()), 0..5),
        ) {
            let right = |(generation, holder, rest)| Right { generation, holder, rest };
            let rights: Vec<_> = rights.into_iter().map(right).collect();
            let accounts: BTreeMap<_, _> = accounts
                .into_iter()
                .map(|(id, (uses, seconds))| (LicenseId(id), Account { uses, seconds }))
                .collect();
            let former: Vec<_> = former.into_iter().map(|(id, right)| (LicenseId(id), right)).collect();
            prop_assert_eq!(unpack_rights(&pack_rights(&rights)), Some(rights));
            prop_assert_eq!(unpack_accounts(&pack_accounts(&accounts)), Some(accounts));
            prop_assert_eq!(unpack_former(&pack_former(&former)), Some(former));
        }

        #[test]
        fn an_active_pass_comes_back(
            ids in any::<[[u8; 16]; 2]>(), numbers in any::<(u32, u64)>(), temporary in any::<bool>(),
            times in any::<[Option<i64>; 2]>(), moved in any::<Option<[u8; 16]>>(),
        ) {
            let active = Active {
                license: LicenseId(ids[0]),
                pass: PassId(ids[1]),
                right: numbers.0,
                generation: numbers.1,
                kind: if temporary { PassKind::Temporary } else { PassKind::Full },
                expires: times[0].map(Time),
                grace_until: times[1].map(Time),
                moved: moved.map(MoveId),
            };
            prop_assert_eq!(unpack_active(&pack_active(&active)), Some(active));
        }

        #[test]
        fn what_has_gone_comes_back(
            to in any::<[u8; 16]>(), at in any::<i64>(),
            lost in prop::collection::btree_map(any::<[u8; 16]>(), any::<(u64, u64, u32)>(), 0..5),
        ) {
            let lost = lost.into_iter().map(|(id, (uses, seconds, rights))| {
                (LicenseId(id), Lost { uses, seconds, rights })
            });
            let gone = Gone { to: DeviceId(to), at: Time(at), lost: lost.collect() };
            prop_assert_eq!(unpack_gone(&pack_gone(&gone)), Some(gone));
        }

        #[test]
        fn any_bytes_are_refused_or_mean_one_thing(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(rights) = unpack_rights(&bytes) {
                prop_assert_eq!(pack_rights(&rights), bytes.clone());
            }
            if let Some(active) = unpack_active(&bytes) {
                prop_assert_eq!(pack_active(&active), bytes);
            }
        }
    }
}
