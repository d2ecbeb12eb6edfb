//! The demonstration: `carnetd`, `carnet` and a licensed program play a story, and every step is checked.
//!
//! Nothing here knows how the product works inside. Programs are started as a person would start them, over real
//! HTTP on this machine and with real files; what they print as JSON and how they end decides whether a step is
//! as it should be.
//!
//! * [`stage`] – the folder, the programs and the processes of one performance;
//! * [`line`] and [`ran`] – a command line, and what came of it;
//! * [`facts`] – what a program has printed as JSON;
//! * [`surprise`] – what came where something else was expected;
//! * [`chapter`] – the story.

pub mod chapter;
pub mod device;
pub mod facts;
pub mod files;
pub mod line;
pub mod process;
pub mod ran;
pub mod running;
pub mod server;
pub mod stage;
pub mod surprise;
pub mod terminal;
pub mod voice;

pub use stage::{Options, Stage};
pub use surprise::Surprise;
pub use voice::Summary;

/// Plays the whole story.
///
/// # Errors
/// The first [`Surprise`]; whatever was started is stopped when the stage is dropped.
pub fn tell(stage: &Stage) -> Result<Summary, Surprise> {
    chapter::all(stage)?;
    Ok(stage.voice().close())
}
