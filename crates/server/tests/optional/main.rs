//! Images in a store that speaks S3's protocol: the routes in process, and the real programs where processes matter.
#![cfg(test)]

/// For the world that these stories share with those on a folder.
const POSTGRES: bool = false;

mod bucket_world;
mod copying;
mod credentials;
mod faults;
mod installing;
mod killed;
mod memory;
mod programs;
mod publishing;
mod secure;
mod store;
mod way;

#[path = "../it/image_world.rs"]
mod image_world;
#[path = "../it/world.rs"]
#[expect(dead_code, reason = "what is not about images stands there too")]
mod world;
