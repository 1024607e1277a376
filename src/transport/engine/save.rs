//! `docker-daemon:NAME`: an image out of an engine, as a `docker save` archive in a file without a name.
//!
//! Invariant: the file lies in the folder that was given and is gone when the source is dropped, also after a kill.

use std::io::Write as _;
use std::path::Path;

use super::client::spelled;
use super::{Engine, EngineError};
use crate::error::{Error, IoFault, Result};
use crate::oci::Reference;
use crate::transport::archive::DockerArchive;

impl Engine {
    /// Saves the image `name` into `folder` and opens it.
    pub async fn save(&self, name: &Reference, folder: &Path) -> Result<DockerArchive> {
        let spelled = spelled(name);
        let response = self.send(self.get(&format!("/images/{spelled}/get"))).await?;
        let mut response = match self.success(response, &format!("saving {spelled}")).await {
            Err(EngineError::Status { place, status: 404, .. }) => {
                return Err(EngineError::NotFound { place, name: name.familiar() }.into());
            }
            // Podman and old engines say 500 with these words.
            Err(EngineError::Status { place, text, .. }) if text.to_lowercase().contains("no such image") => {
                return Err(EngineError::NotFound { place, name: name.familiar() }.into());
            }
            other => other?,
        };
        let failed = |e| Error::from(IoFault::new(folder.display().to_string(), e));
        let mut file = tempfile::tempfile_in(folder).map_err(failed)?;
        while let Some(piece) = response.chunk().await.map_err(|e| self.broken(&e))? {
            file.write_all(&piece).map_err(failed)?;
        }
        let place = format!("docker-daemon:{}", name.familiar());
        let read = tokio::task::spawn_blocking(move || DockerArchive::read(file, &place));
        read.await.map_err(|e| IoFault::new("a worker thread", std::io::Error::other(e)))?
    }
}
