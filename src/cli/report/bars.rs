//! Progress bars: one for each blob that is on its way.
//!
//! Invariant: a bar goes when its blob is there; none is left on the screen when the command ends.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::oci::{Descriptor, Digest};

/// Smaller blobs are gone before an eye sees their bar.
const WORTH_A_BAR: u64 = 256 * 1024;

/// The bars of one command.
#[derive(Debug)]
pub(super) struct Bars {
    screen: MultiProgress,
    moving: Mutex<HashMap<Digest, ProgressBar>>,
}

impl Bars {
    pub(super) fn new() -> Self {
        Self { screen: MultiProgress::new(), moving: Mutex::default() }
    }

    /// Does something to the terminal while no bar is on it.
    pub(super) fn beside(&self, work: impl FnOnce()) {
        self.screen.suspend(work);
    }

    pub(super) fn started(&self, blob: &Descriptor) {
        if blob.size < WORTH_A_BAR {
            return;
        }
        let mut moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = moving.entry(blob.digest).or_insert_with(|| {
            let style = ProgressStyle::with_template("{prefix} [{bar:32}] {bytes}/{total_bytes}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
            self.screen.add(ProgressBar::new(blob.size).with_style(style).with_prefix(blob.digest.short()))
        });
        // A retry starts again.
        bar.set_position(0);
    }

    pub(super) fn moved(&self, blob: &Descriptor, bytes: u64) {
        if let Some(bar) = self.moving.lock().unwrap_or_else(PoisonError::into_inner).get(&blob.digest) {
            bar.inc(bytes);
        }
    }

    pub(super) fn finished(&self, blob: &Descriptor) {
        if let Some(bar) = self.moving.lock().unwrap_or_else(PoisonError::into_inner).remove(&blob.digest) {
            bar.finish_and_clear();
            self.screen.remove(&bar);
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        let _ = self.screen.clear();
    }
}
