//! Docker and Podman over the Docker Engine API: load an image, save one, ask what is there.
//!
//! Invariant: an image counts as loaded only if the answer's stream ended with its success and each name was then found to
//! be the image. Base layers are left out only where a miss is noticed, and are then sent.

mod answer;
mod client;
mod error;
mod load;
mod save;

pub use client::{Connection, Engine, Kind};
pub use error::EngineError;
