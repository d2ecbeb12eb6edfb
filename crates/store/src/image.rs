//! Installation images: what was signed, and who gets them. Their bytes are not in the database.

use carnet_core::app::{AppId, Platform, Version};
use carnet_core::id::{ImageId, SupplierId};
use carnet_core::time::Time;

use crate::StoreError;
use crate::row::{Columns, stored};
use crate::sql::{one_row, statements};
use crate::tx::{Reading, Writing};
use crate::value::params;

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// This build.
    pub id: ImageId,
    /// Whose.
    pub supplier: SupplierId,
    /// Of which app.
    pub app: AppId,
    /// Which version.
    pub version: Version,
    /// For which machines.
    pub platform: Platform,
    /// Its length in bytes.
    pub length: u64,
    /// Its signed manifest.
    pub manifest: Vec<u8>,
    /// Where it can be had, when not here.
    pub url: Option<String>,
    /// The server's word for how far it has come.
    pub state: String,
    /// When it was announced.
    pub created: Time,
    /// Since when the key service has its content keys.
    pub keyed: Option<Time>,
}

/// The state in which an image is given out.
pub const PUBLISHED: &str = "published";

statements! {
    BY_ID = "SELECT image_id, supplier_id, app_id, version, platform, length, manifest, url, state, created, keyed FROM image WHERE image_id = ?1";
    OF_APP = "SELECT image_id, supplier_id, app_id, version, platform, length, manifest, url, state, created, keyed FROM image WHERE app_id = ?1 AND state = ?2 ORDER BY created DESC, image_id LIMIT ?3";
    INSERT = "INSERT INTO image (image_id, supplier_id, app_id, version, platform, length, manifest, url, state, created, changed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10) ON CONFLICT DO NOTHING";
    SET_KEYED = "UPDATE image SET keyed = ?2, changed = ?2 WHERE image_id = ?1 AND state <> 'withdrawn' AND keyed IS NULL";
    SET_STATE = "UPDATE image SET state = ?2, changed = ?3 WHERE image_id = ?1 AND state <> 'withdrawn'";
}

impl Reading<'_> {
    /// The image of that id.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn image(&self, id: ImageId) -> Result<Option<Image>, StoreError> {
        self.one(BY_ID, params![id.0], image)
    }

    /// Images of an app in this state, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn images(&self, app: &AppId, state: &str, limit: u32) -> Result<Vec<Image>, StoreError> {
        self.all(OF_APP, params![app.as_str(), state, limit], image)
    }
}

impl Writing<'_> {
    /// Adds an image.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when there is one of that id.
    pub fn add_image(&self, image: &Image) -> Result<(), StoreError> {
        let Image { id, supplier, app, version, platform, length, manifest, url, state, created, .. } = image;
        let (version, length) = (version.to_string(), stored(*length, "image length")?);
        let rows = self.execute(
            INSERT,
            params![
                id.0,
                supplier.0,
                app.as_str(),
                version,
                platform.as_str(),
                length,
                manifest,
                url,
                state,
                created.0
            ],
        )?;
        one_row(rows, StoreError::Exists { what: "image" })
    }

    /// Notes that the key service has the content keys of an image. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn set_image_keyed(&self, id: ImageId, now: Time) -> Result<(), StoreError> {
        self.execute(SET_KEYED, params![id.0, now.0]).map(drop)
    }

    /// Says how far an image has come. What was withdrawn stays so.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none, or it was withdrawn.
    pub fn set_image_state(&self, id: ImageId, state: &str, now: Time) -> Result<(), StoreError> {
        let rows = self.execute(SET_STATE, params![id.0, state, now.0])?;
        one_row(rows, StoreError::NotFound { what: "image" })
    }
}

fn image(mut row: Columns<'_>) -> Result<Image, StoreError> {
    Ok(Image {
        id: ImageId(row.bytes("image_id")?),
        supplier: SupplierId(row.bytes("supplier_id")?),
        app: row.parsed("app_id")?,
        version: row.parsed("version")?,
        platform: row.parsed("platform")?,
        length: row.amount("length")?,
        manifest: row.blob("manifest")?.to_vec(),
        url: row.some_text("url")?.map(ToOwned::to_owned),
        state: row.text("state")?.to_owned(),
        created: row.time("created")?,
        keyed: row.some_number("keyed")?.map(Time),
    })
}
