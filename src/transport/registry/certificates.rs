//! `certs.d/HOST[:PORT]`: CAs (`*.crt`) and our certificate (`NAME.cert` with `NAME.key`) for one registry.
//!
//! Invariant: only plain files of the folder itself are read; an unreadable one is an error, an absent folder is none.

use std::path::{Path, PathBuf};

use crate::error::IoFault;
use crate::http::HostTls;

/// What the first folder that has the host says of it.
pub(super) fn read(folders: &[PathBuf], host: &str) -> Result<Option<HostTls>, IoFault> {
    folders.iter().map(|f| f.join(host)).find(|f| f.is_dir()).map(|folder| read_folder(&folder)).transpose()
}

fn read_folder(folder: &Path) -> Result<HostTls, IoFault> {
    let fault = |path: &Path, cause| IoFault::new(path.display().to_string(), cause);
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| fault(folder, e))? {
        files.push(entry.map_err(|e| fault(folder, e))?.path());
    }
    files.sort();
    let bytes = |path: &Path| std::fs::read(path).map_err(|e| fault(path, e));
    let mut tls = HostTls::default();
    for file in &files {
        match file.extension().and_then(|e| e.to_str()) {
            Some("crt") => tls.authorities.push(bytes(file)?),
            Some("cert") => tls.identity = Some((bytes(file)?, bytes(&file.with_extension("key"))?)),
            _ => {}
        }
    }
    Ok(tls)
}
