//! Package files of this machine as one more index, behind those of the archives.
//!
//! Invariant: what counts is the control file inside the package; path, size and digest are ours, whatever it says.

use crate::apt::deb822;
use crate::apt::packages::Index;
use crate::error::Result;

use super::SolverRequest;

/// The index of all package files that the requests name, each once; nothing if there are none.
pub(super) fn index(requests: &[SolverRequest], architecture: &str) -> Result<Option<Index>> {
    let mut known = Vec::new();
    let mut text = Vec::new();
    for file in requests.iter().flat_map(|request| &request.files) {
        if known.contains(&file.word.as_str()) {
            continue;
        }
        known.push(file.word.as_str());
        let Some(stanza) = deb822::stanzas(&file.control).next() else { continue };
        text.extend_from_slice(stanza.text().trim_ascii_end());
        // The last field of a name counts.
        text.extend_from_slice(
            format!("\nFilename: {}\nSize: {}\nSHA256: {}\n\n", file.word, file.size, file.digest.hex()).as_bytes(),
        );
    }
    Ok(if known.is_empty() { None } else { Some(Index::read(&text, architecture)?) })
}
