//! The shell header of an installer: facts by key, sizes of the payloads, the settings that it would write.
//!
//! Invariant: shell text is searched, never evaluated; what a shell would expand is refused rather than guessed.

use std::io::{BufRead, Read as _};

use serde::{Deserialize, Serialize};

use super::InstallerError;

/// Headers are some tens of KiB; the end marker must lie within the first MiB.
const LONGEST: u64 = 1 << 20;

/// What the header says of the installer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// `# NAME:`
    pub name: String,
    /// `# VER:`
    pub version: String,
    /// `# PLAT:`, a conda subdir such as `linux-64`.
    pub platform: String,
    /// `# MD5:` over all payloads.
    pub md5: String,
    /// Sizes of the payloads, in order; the last is the tar with the packages.
    pub payloads: Vec<u64>,
    /// Bytes of the header itself.
    pub length: u64,
    /// What it writes to `.condarc` of the prefix (up to constructor 3.15).
    pub condarc: Option<String>,
}

impl Header {
    /// Reads it, up to and with the line `@@END_HEADER@@`.
    pub(super) fn read(input: &mut impl BufRead) -> Result<Self, InstallerError> {
        let text = text(input)?;
        let value = |key: &str| text.lines().find_map(|l| l.strip_prefix(key)).map(|v| v.trim().to_owned());
        let (Some(name), Some(version), Some(platform), Some(md5)) =
            (value("# NAME:"), value("# VER:"), value("# PLAT:"), value("# MD5:"))
        else {
            return Err(InstallerError::Form("its header lacks NAME, VER, PLAT or MD5"));
        };
        let (payloads, condarc) = (payloads(&text)?, condarc(&text)?);
        let md5 = md5.chars().take(64).collect::<String>().to_ascii_lowercase();
        Ok(Self { name, version, platform, md5, payloads, length: text.len() as u64, condarc })
    }

    /// Bytes of all payloads.
    pub(super) fn announced(&self) -> Result<u64, InstallerError> {
        let sum = self.payloads.iter().try_fold(0_u64, |sum, size| sum.checked_add(*size));
        sum.ok_or(InstallerError::Form("its sizes overflow"))
    }
}

fn text(input: &mut impl BufRead) -> Result<String, InstallerError> {
    let mut limited = input.take(LONGEST);
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

/// The lines of `cat <<EOF >"$PREFIX/.condarc"`.
fn condarc(header: &str) -> Result<Option<String>, InstallerError> {
    let mut lines = header.lines();
    let start = lines.by_ref().map(str::trim_start).find_map(|line| {
        let rest = line.strip_prefix("cat <<")?;
        let (delimiter, target) = rest.split_once('>')?;
        target.trim().trim_matches('"').ends_with("$PREFIX/.condarc").then(|| delimiter.trim().to_owned())
    });
    let Some(delimiter) = start else { return Ok(None) };
    let plain = delimiter.trim_matches(['\'', '"', '\\']);
    let mut found = String::new();
    for line in lines {
        if line == plain {
            let expanded = plain.len() == delimiter.len() && found.contains(['$', '`', '\\']);
            let problem = "its header writes a .condarc that a shell would have to expand";
            return if expanded { Err(InstallerError::Form(problem)) } else { Ok(Some(found)) };
        }
        found.push_str(line);
        found.push('\n');
    }
    Err(InstallerError::Form("its header writes a .condarc without an end"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Header, String> {
        Header::read(&mut text.as_bytes()).map_err(|e| e.to_string())
    }

    fn header(extra: &str) -> String {
        format!(
            "#!/bin/sh\n# NAME:  Miniforge3\n# VER:   1\n# PLAT:  linux-64\n# MD5:   ABC\n\
             boundary1=$(( boundary0 + 1 ))\nboundary2=$(( boundary1 + 2 ))\n{extra}@@END_HEADER@@\nrest"
        )
    }

    #[test]
    fn settings_are_taken_from_the_text_and_never_expanded() {
        for target in ["\"$PREFIX/.condarc\"", "$PREFIX/.condarc"] {
            let text = header(&format!("    cat <<EOF >{target}\nchannels:\n  - conda-forge\nEOF\ncat <<EOF >other\nEOF\n"));
            assert_eq!(read(&text).expect("a header").condarc.as_deref(), Some("channels:\n  - conda-forge\n"));
        }
        assert_eq!(read(&header("")).expect("a header").condarc, None);
        for dangerous in ["$HOME", "`id`", "a\\b"] {
            let text = header(&format!("cat <<EOF >$PREFIX/.condarc\nx: {dangerous}\nEOF\n"));
            assert!(read(&text).expect_err("refused").contains("would have to expand"), "{dangerous}");
            let quoted = header(&format!("cat <<'EOF' >$PREFIX/.condarc\nx: {dangerous}\nEOF\n"));
            assert_eq!(read(&quoted).expect("a header").condarc, Some(format!("x: {dangerous}\n")));
        }
        assert!(read(&header("cat <<EOF >$PREFIX/.condarc\nx\n")).expect_err("refused").contains("without an end"));
    }

    #[test]
    fn the_header_ends_at_its_marker() {
        let text = header("");
        let read = read(&text).expect("a header");
        assert_eq!((read.length, read.md5.as_str(), read.payloads), (text.len() as u64 - 4, "abc", vec![1, 2]));
    }
}
