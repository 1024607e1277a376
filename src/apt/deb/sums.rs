//! The `md5sums` that dpkg makes where a package has none: summed while the package is read, since its files are not read again.
//!
//! Invariant: regular files alone, in archive order; the sums guard nothing, they tell whether a user changed a file.

use std::fmt::Write as _;
use std::io::{self, Read};

use md5::{Digest as _, Md5};

use crate::layer::ControlFile;
use crate::stream::{Entry, EntryPath};
use crate::system::dpkg::info;

const NAME: &str = "md5sums";

/// Sums of the files so far; nothing is done where the package has its own.
pub(super) struct Sums(Option<Vec<(EntryPath, String)>>);

impl Sums {
    pub(super) fn of(control: &[ControlFile]) -> Self {
        let has_own = control.iter().any(|file| file.name == NAME);
        Self((!has_own).then(Vec::new))
    }

    /// A reader of one file that sums what it gives.
    pub(super) fn reading<R: Read>(&self, body: R) -> Summed<R> {
        Summed { body, sum: self.0.is_some().then(Md5::new) }
    }

    /// Notes a file, after reading what nobody asked for.
    pub(super) fn note<R: Read>(&mut self, path: &EntryPath, mut file: Summed<R>) -> io::Result<()> {
        let Some(sums) = &mut self.0 else { return Ok(()) };
        io::copy(&mut file, &mut io::sink())?;
        let sum = file.sum.map(Md5::finalize).unwrap_or_default();
        let hex = sum.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        sums.push((path.clone(), hex));
        Ok(())
    }

    /// The control file, as new as the newest entry.
    pub(super) fn file(self, entries: &[Entry]) -> Option<ControlFile> {
        let bytes = info::md5sums(self.0?.iter().map(|(path, sum)| (path.as_bytes(), sum.clone())));
        let mtime = entries.iter().map(|entry| entry.mtime).max().unwrap_or(0);
        Some(ControlFile { name: NAME.into(), mode: 0o644, mtime, bytes: bytes.into() })
    }
}

/// A reader that sums what it gives.
pub(super) struct Summed<R> {
    body: R,
    sum: Option<Md5>,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.body.read(buffer)?;
        if let (Some(sum), Some(read)) = (&mut self.sum, buffer.get(..length)) {
            sum.update(read);
        }
        Ok(length)
    }
}
