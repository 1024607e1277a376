//! The self-extracting installer: a shell header, then payloads whose sizes the header states (constructor, `shar.py`).
//!
//! Invariant: what [`Installer::read`] accepts has a header of constructor's form, exactly the bytes that it announces, and the
//! MD5 that it states over them. MD5 guards against damage only; trust comes from the SHA-256 that a recipe or lock pins.

use std::io::{BufRead as _, BufReader, Read};

use md5::{Digest as _, Md5};

use crate::error::{Class, Fault, Side};

/// Headers are some tens of KiB; the end marker must lie within the first MiB.
const LONGEST_HEADER: u64 = 1 << 20;

/// What the header says of the installer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installer {
    /// `# NAME:`
    pub name: String,
    /// `# VER:`
    pub version: String,
    /// `# PLAT:`, a conda subdir such as `linux-64`.
    pub platform: String,
    /// Sizes of the payloads, in order; the last is the tar with the packages.
    pub payloads: Vec<u64>,
}

/// Why some bytes are no installer that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallerError {
    /// They cannot be read.
    #[error("the installer cannot be read: {0}")]
    Read(#[source] std::io::Error),
    /// Not constructor's form.
    #[error("this is no installer made by constructor: {0}")]
    Form(&'static str),
    /// Fewer or more bytes than announced.
    #[error("the installer's payloads are {found} bytes, its header announces {announced}")]
    Size {
        /// By the header.
        announced: u64,
        /// In the file.
        found: u64,
    },
    /// Damaged.
    #[error("the installer is damaged: its payloads have MD5 {found}, its header says {stated}")]
    Damaged {
        /// By the header.
        stated: String,
        /// Of the bytes.
        found: String,
    },
    /// For another platform.
    #[error("the installer is for {found}, the image for {wanted}")]
    Platform {
        /// By the header.
        found: String,
        /// Of the image, as conda names it.
        wanted: String,
    },
}

impl Fault for InstallerError {
    fn class(&self) -> Class {
        if matches!(self, Self::Read(_)) { Class::Local } else { Class::Input }
    }
    fn side(&self) -> Side {
        Side::Source
    }
    fn hint(&self) -> Option<String> {
        Some("--miniforge-installer FILE, or --without miniforge".into())
    }
}

impl Installer {
    /// Reads an installer to its end and checks it against its own header.
    pub fn read(input: impl Read) -> Result<Self, InstallerError> {
        let mut input = BufReader::new(input);
        let header = header(&mut input)?;
        let value = |key: &str| header.lines().find_map(|l| l.strip_prefix(key)).map(|v| v.trim().to_owned());
        let (Some(name), Some(version), Some(platform), Some(stated)) =
            (value("# NAME:"), value("# VER:"), value("# PLAT:"), value("# MD5:"))
        else {
            return Err(InstallerError::Form("its header lacks NAME, VER, PLAT or MD5"));
        };
        let payloads = payloads(&header)?;
        let announced = payloads
            .iter()
            .try_fold(0_u64, |sum, size| sum.checked_add(*size))
            .ok_or(InstallerError::Form("its sizes overflow"))?;
        let (found, md5) = sum(&mut input)?;
        if found != announced {
            return Err(InstallerError::Size { announced, found });
        }
        if md5 != stated {
            return Err(InstallerError::Damaged { stated: stated.chars().take(64).collect(), found: md5 });
        }
        Ok(Self { name, version, platform, payloads })
    }

    /// Fails unless the installer is for this machine (`uname -m`).
    pub fn check_machine(&self, machine: &str) -> Result<(), InstallerError> {
        let wanted = match machine {
            "x86_64" => "linux-64".to_owned(),
            other => format!("linux-{other}"),
        };
        if self.platform == wanted { Ok(()) } else { Err(InstallerError::Platform { found: self.platform.clone(), wanted }) }
    }
}

/// The text up to and with the line `@@END_HEADER@@`.
fn header(input: &mut BufReader<impl Read>) -> Result<String, InstallerError> {
    let mut limited = input.take(LONGEST_HEADER);
    let mut text = Vec::new();
    loop {
        let before = text.len();
        let read = limited.read_until(b'\n', &mut text).map_err(InstallerError::Read)?;
        let line = text.get(before..).unwrap_or_default();
        if line.starts_with(b"@@END_HEADER@@") {
            return String::from_utf8(text).map_err(|_| InstallerError::Form("its header is not UTF-8"));
        }
        if read == 0 {
            return Err(InstallerError::Form("it has no end of header"));
        }
    }
}

/// The literal in `boundary1=$(( boundary0 + SIZE ))` and its followers, in order; up to constructor 3.3 the inner name has a `$`.
fn payloads(header: &str) -> Result<Vec<u64>, InstallerError> {
    let size = |line: &str| -> Option<u64> {
        let rest = line.trim().strip_prefix("boundary")?;
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("=$((")?.trim_start().trim_start_matches('$');
        let rest = rest.strip_prefix("boundary")?.trim_start_matches(|c: char| c.is_ascii_digit());
        rest.trim_start().strip_prefix('+')?.trim().strip_suffix("))")?.trim().parse().ok()
    };
    let sizes: Vec<u64> = header.lines().filter_map(size).collect();
    if matches!(sizes.len(), 2 | 3) {
        Ok(sizes)
    } else {
        Err(InstallerError::Form("its header states no two or three payload sizes"))
    }
}

/// Bytes and MD5 of all that follows.
fn sum(input: &mut impl Read) -> Result<(u64, String), InstallerError> {
    use std::fmt::Write as _;
    let (mut hash, mut size, mut piece) = (Md5::new(), 0_u64, vec![0; 64 << 10]);
    loop {
        match input.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => {
                hash.update(&piece[..n]);
                size += n as u64;
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(InstallerError::Read(e)),
        }
    }
    let mut text = String::with_capacity(32);
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    Ok((size, text))
}

/// A whole installer for `platform`, without anything useful in it.
#[cfg(test)]
pub(crate) fn sample(platform: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(&tests::installer("", None, &[7; 1000])).replace("linux-64", platform);
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn installer(inner: &str, md5: Option<&str>, payload: &[u8]) -> Vec<u8> {
        let (_, right) = sum(&mut &*payload).expect("bytes");
        let (first, second) = (payload.len() / 3, payload.len() - payload.len() / 3);
        let header = format!(
            "#!/bin/sh\n# NAME:  Miniforge3\n# VER:   26.3.2-3\n# PLAT:  linux-64\n# MD5:   {}\n\
             grep '^@@END_HEADER@@' x\nboundary1=$(( {inner}boundary0 + {first} ))\nboundary2=$(( {inner}boundary1 + {second} ))\n@@END_HEADER@@\n",
            md5.unwrap_or(&right)
        );
        [header.as_bytes(), payload].concat()
    }

    #[test]
    fn both_dialects_of_the_header_are_read() {
        for inner in ["", "$"] {
            let read = Installer::read(installer(inner, None, &[7; 1000]).as_slice()).expect("an installer");
            assert_eq!((read.name.as_str(), read.platform.as_str(), read.payloads), ("Miniforge3", "linux-64", vec![333, 667]));
        }
    }

    #[test]
    fn what_is_damaged_short_long_or_no_installer_is_refused() {
        let good = installer("", None, &[7; 1000]);
        let longer = [good.as_slice(), b"x"].concat();
        assert!(matches!(Installer::read(&good[..good.len() - 1]), Err(InstallerError::Size { .. })));
        assert!(matches!(Installer::read(longer.as_slice()), Err(InstallerError::Size { .. })));
        let wrong = installer("", Some("00000000000000000000000000000000"), &[7; 1000]);
        assert!(matches!(Installer::read(wrong.as_slice()), Err(InstallerError::Damaged { .. })));
        for text in ["", "<html>not found</html>", "#!/bin/sh\n@@END_HEADER@@\n"] {
            assert!(matches!(Installer::read(text.as_bytes()), Err(InstallerError::Form(_))), "{text}");
        }
    }

    #[test]
    fn an_installer_for_another_machine_is_refused() {
        let read = Installer::read(installer("", None, &[7; 10]).as_slice()).expect("an installer");
        assert!(read.check_machine("x86_64").is_ok());
        assert!(matches!(read.check_machine("aarch64"), Err(InstallerError::Platform { .. })));
    }
}
