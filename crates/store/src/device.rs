//! Devices: their keys, whose they are, what they are called.

use carnet_core::device_key::DeviceSigningKey;
use carnet_core::document::{Evidence, PublicKey};
use carnet_core::id::{DeviceId, LicenseId, UserId};
use carnet_core::server::Device;

use crate::StoreError;
use crate::connection::Asked;
use crate::row::Columns;
use crate::sql::statements;
use crate::store::Store;
use crate::tx::{Reading, Writing};
use crate::value::{Bind, params};

/// What never changes of a device: enough to check what it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceKeys {
    /// Which.
    pub id: DeviceId,
    /// Whose.
    pub user: UserId,
    /// Checks what it signs.
    pub signing_key: DeviceSigningKey,
    /// What is meant for it alone is sealed to this.
    pub agreement_key: PublicKey,
}

/// A device and what its user calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedDevice {
    /// The device.
    pub device: Device,
    /// Its name; a personal value (I19).
    pub name: Option<String>,
    /// Who made it, where somebody has said so (B1).
    pub maker: Option<String>,
}

/// A device as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct DeviceRow {
    pub(crate) device: Device,
    /// 0: not stored yet.
    pub(crate) version: i64,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT device_id, user_id, signing_key, signing_y, agreement_key, evidence, receipt, registered, settled, ",
            "retired, lost, until, enrolled, only_license, version FROM device ",
            $rest
        )
    };
}

statements! {
    BY_ID = select!("WHERE device_id = ?1");
    OF_USER = select!("WHERE user_id = ?1 ORDER BY device_id");
    EVERY = select!("ORDER BY device_id");
    NAME = "SELECT device_id, name, maker FROM device_name WHERE device_id = ?1";
    PUT_NAME = "INSERT INTO device_name (device_id, user_id, name, maker) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (device_id) DO UPDATE SET name = excluded.name";
    INSERT = "INSERT INTO device (device_id, user_id, signing_key, agreement_key, evidence, receipt, registered, settled, retired, lost, until, enrolled, only_license, signing_y, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 1)";
    UPDATE = "UPDATE device SET receipt = ?2, settled = ?3, retired = ?4, lost = ?5, version = version + 1 WHERE device_id = ?1 AND version = ?6";
}

impl DeviceKeys {
    pub(crate) const fn of(device: &Device) -> Self {
        let Device { id, user, signing_key, agreement_key, .. } = *device;
        Self { id, user, signing_key, agreement_key }
    }
}

impl Store {
    /// The keys of a device, where they were asked for lately.
    #[must_use]
    pub fn remembered_keys(&self, id: DeviceId) -> Option<DeviceKeys> {
        self.shared().devices.find(&id)
    }

    /// Looks the keys of a device up. Across a connection that is done together with those of others who ask, and returns at
    /// once; `reply` is then called on a thread that others wait for: hand over and return. From a file it is done here: four pages, for
    /// which nobody else has to be woken. `reply` gets [`StoreError::Busy`] when too many ask, and what the database reports.
    pub fn look_up_keys(
        &self,
        id: DeviceId,
        reply: impl FnOnce(Result<Option<DeviceKeys>, StoreError>) + Send + 'static,
    ) {
        match self.lookups() {
            Some(lookups) => lookups.ask(id, Box::new(reply)),
            None => {
                reply(self.ask(|tx| tx.device(id)).map(|found| found.map(|device| self.remember(&device))))
            }
        }
    }

    fn remember(&self, device: &Device) -> DeviceKeys {
        let keys = DeviceKeys::of(device);
        self.shared().devices.keep(keys.id, keys);
        keys
    }

    /// The keys of a device, remembered or looked up.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn device_keys(&self, id: DeviceId) -> Result<Option<DeviceKeys>, StoreError> {
        if let Some(known) = self.remembered_keys(id) {
            return Ok(Some(known));
        }
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.look_up_keys(id, move |found| {
            // Whoever waited has gone away.
            let _ = sender.send(found);
        });
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }
}

impl Reading<'_> {
    /// The device of that id.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn device(&self, id: DeviceId) -> Result<Option<Device>, StoreError> {
        Ok(self.device_row(id)?.map(|row| row.device))
    }

    /// A user's devices.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn devices_of(&self, user: UserId) -> Result<Vec<NamedDevice>, StoreError> {
        let rows = self.all(OF_USER, params![user.0], device)?;
        let named = |row: DeviceRow| {
            let (name, maker) = self.device_name(row.device.id)?.unzip();
            Ok(NamedDevice { device: row.device, name, maker: maker.flatten() })
        };
        rows.into_iter().map(named).collect()
    }

    fn device_name(&self, id: DeviceId) -> Result<Option<(String, Option<String>)>, StoreError> {
        self.one(NAME, params![id.0], |mut row| {
            row.bytes::<16>("device_id")?;
            let name = row.text("name")?.to_owned();
            Ok((name, row.some_text("maker")?.map(ToOwned::to_owned)))
        })
    }

    pub(crate) fn device_rows(&self, user: UserId) -> Result<Vec<DeviceRow>, StoreError> {
        self.all(OF_USER, params![user.0], device)
    }

    pub(crate) fn device_row(&self, id: DeviceId) -> Result<Option<DeviceRow>, StoreError> {
        self.one(BY_ID, params![id.0], device)
    }

    /// The devices of those ids, in their order.
    pub(crate) fn device_rows_of(&self, ids: &[DeviceId]) -> Result<Vec<Option<DeviceRow>>, StoreError> {
        let found = self.all_of_each(&by_id(ids), device)?;
        Ok(found.into_iter().map(|mut rows| rows.pop()).collect())
    }

    /// Every device there is, for the ledger check.
    pub(crate) fn each_device(
        &self,
        mut visit: impl FnMut(Result<DeviceRow, StoreError>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.each(EVERY, |row| visit(device(row)))
    }
}

impl Writing<'_> {
    /// Names a device. Who made it is said once.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn name_device(
        &self,
        id: DeviceId,
        user: UserId,
        name: &str,
        maker: Option<&str>,
    ) -> Result<(), StoreError> {
        self.unguarded(PUT_NAME, params![id.0, user.0, name, maker])
    }

    /// Writes a new or changed device, guarded by its version. Its keys never change.
    pub(crate) fn write_device(&self, row: &DeviceRow) -> Result<(), StoreError> {
        let Device { id, user, evidence, receipt, registered, settled, retired, lost, .. } = &row.device;
        let Device { signing_key, agreement_key, until, enrolled, only, .. } = &row.device;
        let (settled, lost) = (settled.map(|time| time.0), lost.map(|time| time.0));
        let (signing_key, signing_y) = columns(signing_key);
        let conflict = StoreError::Conflict { what: "the device" };
        if row.version == 0 {
            self.guarded(
                INSERT,
                params![
                    id.0,
                    user.0,
                    *signing_key,
                    agreement_key.0,
                    code(*evidence),
                    receipt.0,
                    registered.0,
                    settled,
                    retired,
                    lost,
                    until.map(|time| time.0),
                    enrolled.map(|digest| digest.0),
                    only.map(|license| license.0),
                    signing_y
                ],
                conflict,
            )
        } else {
            self.guarded(UPDATE, params![id.0, receipt.0, settled, retired, lost, row.version], conflict)
        }
    }
}

/// Asks for the devices of those ids.
pub(crate) fn by_id(ids: &[DeviceId]) -> Asked<'_> {
    (BY_ID, ids.iter().map(|id| vec![id.0.bind()]).collect())
}

/// The key in two columns: the second coordinate is there for P-256 alone.
const fn columns(key: &DeviceSigningKey) -> (&[u8; 32], Option<[u8; 32]>) {
    match key {
        DeviceSigningKey::Ed25519(PublicKey(public)) => (public, None),
        DeviceSigningKey::P256 { x, y } => (x, Some(*y)),
    }
}

fn signing_key(first: [u8; 32], second: Option<[u8; 32]>) -> DeviceSigningKey {
    second.map_or(PublicKey(first).into(), |y| DeviceSigningKey::P256 { x: first, y })
}

const fn code(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Hardware => "hardware",
        Evidence::File => "file",
        Evidence::Tpm => "tpm",
    }
}

fn device(mut row: Columns<'_>) -> Result<DeviceRow, StoreError> {
    let id = DeviceId(row.bytes("device_id")?);
    let device = Device {
        id,
        user: UserId(row.bytes("user_id")?),
        signing_key: signing_key(row.bytes("signing_key")?, row.some_bytes("signing_y")?),
        agreement_key: PublicKey(row.bytes("agreement_key")?),
        evidence: match row.text("evidence")? {
            "hardware" => Evidence::Hardware,
            "file" => Evidence::File,
            "tpm" => Evidence::Tpm,
            _ => return Err(row.corrupt("evidence")),
        },
        receipt: row.digest("receipt")?,
        registered: row.time("registered")?,
        settled: row.some_time("settled")?,
        retired: row.amount::<i64>("retired")? != 0,
        lost: row.some_time("lost")?,
        until: row.some_time("until")?,
        enrolled: row.some_digest("enrolled")?,
        only: row.some_bytes("only_license")?.map(LicenseId),
    };
    Ok(DeviceRow { device, version: row.number("version")? })
}
