//! Loading an image: the tar as a request body, base layers left out where the engine has them, then the proof by inspect.
//!
//! Invariant: with a graph driver and with Podman a load without base layers that fails changes nothing, so it is tried first;
//! the containerd store would keep a broken name, so it is asked before.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use serde_json::Value;

use super::answer::{Messages, Verdict};
use super::client::spelled;
use super::{Engine, EngineError, Kind};
use crate::error::{Error, Result};
use crate::oci::{Digest, Reference};
use crate::transport::archive::tar_stream;
use crate::transport::{BoxFuture, Bundle, Loaded, StreamTarget};

impl Engine {
    async fn load_bundle(&self, bundle: &Bundle) -> Result<Loaded> {
        let image = bundle.first_image()?;
        let own = [bundle.root.descriptor.digest, image.config.digest, Digest::of(&image.raw)];
        let mut there = None;
        let mut missing = Vec::new();
        for name in &bundle.names {
            match self.image_id(name).await? {
                Some(id) if own.contains(&id) => there = Some(name),
                _ => missing.push(name),
            }
        }
        let mut loaded = Loaded::default();
        if let Some(from) = there {
            for name in &missing {
                self.tag(from, name).await?;
            }
            loaded.left_out = bundle.blobs.iter().map(|b| b.descriptor.digest).collect();
        } else {
            loaded = self.send_tar(bundle).await?;
        }
        self.check_names(bundle, &own).await?;
        Ok(loaded)
    }

    /// Sends the tar under the first name, without base layers if that can work, else with them; then tags the rest.
    async fn send_tar(&self, bundle: &Bundle) -> Result<Loaded> {
        let mut one = bundle.clone();
        let rest = if one.names.is_empty() { Vec::new() } else { one.names.split_off(1) };
        let base_layers = self.base_layers(bundle).await?;
        let mut loaded = Loaded { left_out: base_layers, bytes: 0 };
        let partial = !loaded.left_out.is_empty();
        match self.post_tar(&one, &loaded.left_out).await {
            Ok(bytes) => loaded.bytes = bytes,
            Err(error) if partial && is_load_failure(&error) => {
                loaded.left_out.clear();
                loaded.bytes = self.post_tar(&one, &loaded.left_out).await?;
            }
            Err(error) => return Err(error),
        }
        if let Some(first) = one.names.first() {
            for name in &rest {
                self.tag(first, name).await?;
            }
        }
        Ok(loaded)
    }

    /// Layers of the base that may be left out of the first attempt.
    async fn base_layers(&self, bundle: &Bundle) -> Result<BTreeSet<Digest>> {
        let Some(base) = &bundle.base else { return Ok(BTreeSet::new()) };
        if self.kind == Kind::Containerd && !self.has_blobs_of(&Digest::of(&base.raw)).await? {
            return Ok(BTreeSet::new());
        }
        Ok(base.layers.iter().map(|layer| layer.digest).collect())
    }

    /// containerd's store: whether all content of this manifest is there (API 1.48 and later say so).
    async fn has_blobs_of(&self, manifest: &Digest) -> Result<bool> {
        let Some(image) = self.inspect(&manifest.to_string(), "?manifests=1").await? else { return Ok(false) };
        let manifests = image.get("Manifests").and_then(Value::as_array).into_iter().flatten();
        let available = |m: &Value| {
            let digest = m.get("Descriptor").and_then(|d| d.get("digest")).and_then(Value::as_str);
            digest == Some(manifest.to_string().as_str()) && m.get("Available").and_then(Value::as_bool) == Some(true)
        };
        Ok(manifests.into_iter().any(available))
    }

    async fn post_tar(&self, bundle: &Bundle, left_out: &BTreeSet<Digest>) -> Result<u64> {
        let body = tar_stream(bundle, left_out)?;
        let bytes = body.size.unwrap_or_default();
        // The engine or the client may report a broken body in its own words; the reason is ours.
        let own_fault: Arc<Mutex<Option<Error>>> = Arc::default();
        let slot = Arc::clone(&own_fault);
        let stream = body.into_stream().map(move |item| {
            item.map_err(|error| {
                let text = error.to_string();
                slot.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                std::io::Error::other(text)
            })
        });
        // Without a length: a broken body must not look like a complete one, and chunks have an end of their own.
        let request = self.post("/images/load?quiet=1").header("Content-Type", "application/x-tar");
        let result = self.answer(request.body(reqwest::Body::wrap_stream(stream))).await;
        match own_fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(fault) => Err(fault),
            None => Ok(result.map(|()| bytes)?),
        }
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<(), EngineError> {
        let response = self.send(request).await?;
        let mut response = match self.success(response, "loading an image").await {
            Err(EngineError::Status { place, status: 500.., text, .. }) => return Err(EngineError::Load { place, text }),
            other => other?,
        };
        let mut messages = Messages::default();
        while let Some(piece) = response.chunk().await.map_err(|e| self.broken(&e))? {
            messages.feed(&piece);
        }
        let place = self.place.clone();
        match messages.verdict() {
            Verdict::Loaded => Ok(()),
            Verdict::Failed(text) => Err(EngineError::Load { place, text }),
            Verdict::Unclear(cause) => Err(EngineError::Unclear { place, cause }),
        }
    }

    async fn check_names(&self, bundle: &Bundle, own: &[Digest]) -> Result<(), EngineError> {
        let place = || self.place.clone();
        for name in &bundle.names {
            match self.image_id(name).await? {
                Some(id) if own.contains(&id) => {}
                Some(id) => return Err(EngineError::Other { place: place(), name: shown(name), found: id.to_string() }),
                None => return Err(EngineError::Unclear { place: place(), cause: format!("{} is not there", shown(name)) }),
            }
        }
        Ok(())
    }
}

fn shown(name: &Reference) -> String {
    spelled(name)
}

/// Whether the engine refused this tar, so that another one may work.
fn is_load_failure(error: &Error) -> bool {
    let fault: &(dyn std::error::Error + 'static) = error.fault();
    matches!(fault.downcast_ref(), Some(EngineError::Load { .. }))
}

impl StreamTarget for Engine {
    fn place(&self) -> String {
        self.place.clone()
    }
    fn check_rights(&self) -> BoxFuture<'_, Result<()>> {
        // Whoever may connect may load; `connect` asked already.
        Box::pin(async { Ok(()) })
    }
    fn load<'a>(&'a self, bundle: &'a Bundle) -> BoxFuture<'a, Result<Loaded>> {
        Box::pin(self.load_bundle(bundle))
    }
}
