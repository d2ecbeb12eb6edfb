//! The encodings of what `carnet-core` knows.
//!
//! One line per field. Numbers are part of the format: they are never used again for something else.

mod answer;
mod facts;
mod journal;
mod names;
mod offer;
mod report;
mod request;
