//! Takes images apart and puts them together again, rightly signed, with something else in them.

use carnet_image::front::Front;
use carnet_image::list::{Entry, PageWriter};
use carnet_image::table::{Page, Table, hash};
use carnet_seal::{ImageManifest, sign};

use crate::world::{feature, open, signing_key};

/// The parts of an image with one feature.
#[derive(Clone)]
pub struct Forge {
    pub manifest: ImageManifest,
    pub table: Table,
    pub entries: Vec<Entry>,
    pub frames: Vec<Vec<u8>>,
}

impl Forge {
    pub fn of(image: &Vec<u8>) -> Self {
        let (front, core) = (open(image).unwrap(), feature("core"));
        let table = front.table(image, &core).unwrap();
        let pages = 0..table.pages.len();
        let entries = pages.flat_map(|page| front.page(image, &core, &table, page).unwrap()).collect();
        let frames = front.frames(&core, &table).map(|placed| {
            let at = usize::try_from(placed.at).unwrap();
            image[at..at + placed.row.sealed_length as usize].to_vec()
        });
        Self { manifest: front.manifest().clone(), entries, frames: frames.collect(), table }
    }

    /// Signed by the supplier: only what a reader checks itself stands in the way.
    pub fn image(mut self) -> Vec<u8> {
        let (pages, lists) = pages(&self.entries);
        self.table.pages = pages;
        let (table, stream) = (self.table.encode(), &mut self.manifest.features[0]);
        stream.table = hash(&table);
        stream.table_length = u32::try_from(table.len()).unwrap();
        stream.list_length = lists.len() as u64;
        stream.sealed_length = self.frames.iter().map(|frame| frame.len() as u64).sum();
        stream.plain_length = self.table.frames.iter().map(|frame| u64::from(frame.plain_length)).sum();
        stream.entries = self.entries.len() as u64;
        let manifest = sign(self.manifest, &signing_key()).unwrap();
        let length = u32::try_from(manifest.bytes().len()).unwrap().to_be_bytes();
        let parts = [b"CARNETIM", &1_u32.to_be_bytes()[..], &length, manifest.bytes(), &table, &lists];
        [parts.concat(), self.frames.concat()].concat()
    }
}

fn pages(entries: &[Entry]) -> (Vec<Page>, Vec<u8>) {
    let (mut writer, mut pages) = (PageWriter::default(), Vec::new());
    pages.extend(entries.iter().filter_map(|entry| writer.add(entry.clone())).collect::<Vec<_>>());
    pages.extend(writer.finish());
    let rows = pages.iter().map(|page| Page { length: u32::try_from(page.len()).unwrap(), hash: hash(page) });
    (rows.collect(), pages.concat())
}

pub fn front_length(front: &Front) -> usize {
    usize::try_from(front.length()).unwrap()
}
