//! The HTTP contract between devices, people, suppliers and the server.
//!
//! Both sides are built from these types: the server's routes and its OpenAPI document, and every client.
//! Devices speak in signed documents (`application/cose`), which are made and read by `carnet-seal`;
//! everything else is JSON with snake_case names, RFC 3339 times in UTC and prefixed ids.
//!
//! * [`path`] – where things are; [`header`] – which headers mean something;
//! * [`problem`] – what went wrong, and what to do about it (RFC 9457);
//! * [`page`] – lists;
//! * one module for each noun: [`server`], [`supplier`], [`app`], [`menu`], [`license`], [`event`],
//!   [`account`], [`act`], [`token`], [`image`], [`report`];
//! * [`schema`] – the shapes of the domain's types, for the OpenAPI document.

pub mod account;
pub mod act;
pub mod app;
pub mod catalog;
pub mod event;
pub mod header;
pub mod held;
pub mod image;
pub mod license;
pub mod menu;
pub mod page;
pub mod path;
pub mod problem;
pub mod redeem;
pub mod report;
pub mod schema;
pub mod server;
pub mod shop;
pub mod supplier;
pub mod token;
pub mod transfer;

pub use problem::{FieldError, Problem, ProblemCode};

/// The content type of signed documents (RFC 9052 §2), with `cose-type` left out.
pub const COSE: &str = "application/cose";
/// The content type of everything else.
pub const JSON: &str = "application/json";
/// The content type of problems (RFC 9457 §3).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The most bytes that a device's request or a menu may have.
pub const LARGEST_BODY: usize = 256 * 1024;

/// What every supplier's token begins with, so that leaked ones are found by scanners.
pub const TOKEN_PREFIX: &str = "carnet_sup_";
/// What every set-up code begins with.
pub const SETUP_PREFIX: &str = "carnet_setup_";
