//! Talk on stderr: what is being done, bars on a terminal and plain lines elsewhere, nothing with `--quiet`.
//!
//! Invariant: stdout is never touched; a stderr that cannot be written to changes nothing; foreign texts come out plain.

use std::io::{self, Write as _};
use std::sync::Arc;

use crate::deliver::{Events, How};
use crate::oci::Descriptor;

use super::failure::labelled;
use super::host::Host;
use super::plain::plain;

mod bars;
mod lines;

use bars::Bars;

/// Who tells the user.
#[derive(Debug)]
pub(super) struct Report {
    quiet: bool,
    colours: bool,
    progress: Progress,
}

#[derive(Debug)]
enum Progress {
    Bars(Bars),
    Lines,
    Nothing,
}

impl Report {
    /// As the terminal and the flags say.
    pub(super) fn new(host: &Host) -> Arc<Self> {
        let quiet = host.global.quiet;
        let progress = match () {
            () if quiet => Progress::Nothing,
            () if host.moves() => Progress::Bars(Bars::new()),
            () => Progress::Lines,
        };
        Arc::new(Self { quiet, colours: host.colours(), progress })
    }

    /// One line of talk; further lines are indented by the caller.
    pub(super) fn say(&self, text: &str) {
        if !self.quiet {
            self.write(&format!("{}\n", plain(text)));
        }
    }

    /// What a user must know, also with `--quiet`.
    pub(super) fn warn(&self, text: &str) {
        self.write(&labelled("warning", "33", text, self.colours));
    }

    /// A command that may be of use now.
    pub(super) fn hint(&self, text: &str) {
        if !self.quiet {
            self.write(&labelled("hint", "36", text, self.colours));
        }
    }

    fn write(&self, text: &str) {
        let write = || {
            let _ = io::stderr().lock().write_all(text.as_bytes());
        };
        match &self.progress {
            Progress::Bars(bars) => bars.beside(write),
            Progress::Lines | Progress::Nothing => write(),
        }
    }
}

impl Events for Report {
    fn started(&self, blob: &Descriptor) {
        if let Progress::Bars(bars) = &self.progress {
            bars.started(blob);
        }
    }
    fn moved(&self, blob: &Descriptor, bytes: u64) {
        if let Progress::Bars(bars) = &self.progress {
            bars.moved(blob, bytes);
        }
    }
    fn finished(&self, blob: &Descriptor, how: How) {
        match &self.progress {
            Progress::Bars(bars) => bars.finished(blob),
            Progress::Lines => {
                if let Some(line) = lines::finished(blob, how) {
                    self.say(&line);
                }
            }
            Progress::Nothing => {}
        }
    }
    fn warning(&self, text: &str) {
        self.warn(text);
    }
}
