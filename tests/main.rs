//! The one integration binary: every file here is a module of it.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where it finds what it did not expect"
)]

mod dictionary;
mod golden_stats;
mod layers;
mod support;
