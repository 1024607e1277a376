//! Tests of the delivery against a place in memory that can be told to refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::*;
use crate::error::{Class, Result};
use crate::oci::{Descriptor, Digest, MediaType, Repository};
use crate::transport::registry::RegistryError;
use crate::transport::{BoxFuture, Root, Supply, Target};

/// A registry's repository in memory, with everything that was asked of it.
#[derive(Debug, Default)]
struct Place {
    repository: Option<Repository>,
    blobs: Mutex<BTreeSet<Digest>>,
    /// Blobs that `has` claims although they are not there.
    claimed: BTreeSet<Digest>,
    /// Whether a mount works.
    mounts: bool,
    /// Whether it is a folder: nobody else keeps it whole, and its names stay.
    folder: bool,
    names: Mutex<BTreeMap<String, Descriptor>>,
    log: Mutex<Vec<String>>,
    needed: Vec<Digest>,
}

impl Place {
    fn say(&self, what: &str, digest: &Digest) {
        self.log.lock().expect("a log").push(format!("{what} {}", digest.short()));
    }
    fn log(&self) -> Vec<String> {
        self.log.lock().expect("a log").clone()
    }
}

impl Target for Place {
    fn place(&self) -> String {
        "memory".into()
    }
    fn repository(&self) -> Option<&Repository> {
        self.repository.as_ref()
    }
    fn published<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Descriptor>>> {
        Box::pin(async move { Ok(self.names.lock().expect("names").get(name).cloned()) })
    }
    fn can_move(&self, _: &str, has: &Descriptor) -> Result<()> {
        let taken = || RegistryError::MissingBlobs { registry: "memory".into(), blobs: vec![has.digest] };
        if self.folder { Err(taken().into()) } else { Ok(()) }
    }
    fn is_local(&self) -> bool {
        self.folder
    }
    fn check_rights(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }
    fn has<'a>(&'a self, blob: &'a Descriptor) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            self.say("has", &blob.digest);
            Ok(self.claimed.contains(&blob.digest) || self.blobs.lock().expect("blobs").contains(&blob.digest))
        })
    }
    fn mount<'a>(&'a self, blob: &'a Descriptor, _from: &'a Repository) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            self.say("mount", &blob.digest);
            Ok(self.mounts && self.blobs.lock().expect("blobs").insert(blob.digest))
        })
    }
    fn put<'a>(&'a self, blob: &'a Descriptor, supply: &'a dyn Supply) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.say("put", &blob.digest);
            let mut body = supply.open().await?;
            while let Some(piece) = body.next().await {
                piece?;
            }
            self.blobs.lock().expect("blobs").insert(blob.digest);
            Ok(())
        })
    }
    fn put_document<'a>(&'a self, root: &'a Root) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.say("document", &root.descriptor.digest);
            let there = self.blobs.lock().expect("blobs");
            let blobs: Vec<Digest> = self.needed.iter().filter(|d| !there.contains(d)).copied().collect();
            if blobs.is_empty() {
                return Ok(());
            }
            Err(RegistryError::MissingBlobs { registry: "memory".into(), blobs }.into())
        })
    }
    fn publish<'a>(&'a self, root: &'a Root, names: &'a [String]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.say("publish", &root.descriptor.digest);
            let mut known = self.names.lock().expect("names");
            known.extend(names.iter().map(|n| (n.clone(), root.descriptor.clone())));
            Ok(())
        })
    }
}

fn repository(name: &str) -> Repository {
    name.parse().expect("a repository")
}

fn blob(text: &'static str, role: Role, mounts: &[&str]) -> Blob {
    let kind =
        if text == "foreign" { "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" } else { MediaType::OCI_LAYER_GZIP };
    Blob {
        descriptor: Descriptor::of(kind, text.as_bytes()),
        role,
        supply: Arc::new(Held(text.into())),
        mounts: mounts.iter().map(|m| repository(m)).collect(),
    }
}

fn job() -> Job {
    let raw = bytes::Bytes::from_static(b"{}");
    let root = Root { descriptor: Descriptor::of(MediaType::OCI_MANIFEST, &raw), raw };
    let blobs = vec![
        blob("config", Role::Config, &[]),
        blob("base", Role::Layer, &["host.example:5000/base", "other.example/base"]),
        blob("ours", Role::Layer, &[]),
        blob("foreign", Role::Layer, &[]),
    ];
    Job { root, documents: Vec::new(), blobs, base: None }
}

fn place(mounts: bool) -> Place {
    Place { repository: Some(repository("host.example:5000/sandbox")), mounts, ..Place::default() }
}

fn deliver(place: &Place, names: &[&str]) -> Result<Receipt> {
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let events: Arc<dyn Events> = Arc::new(Silent);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(copy(&job(), &names, place, &events, Limits::default()))
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn how(receipt: &Receipt, text: &str) -> Option<How> {
    receipt.blobs.iter().find(|b| b.digest == digest(text)).map(|b| b.how)
}

#[test]
fn layers_come_first_then_the_config_then_the_document_then_the_name() {
    let place = place(true);
    let receipt = deliver(&place, &["a"]).expect("delivered");
    let at = |what: &str, text: &str| place.log().iter().position(|l| *l == format!("{what} {}", digest(text).short()));
    let order = [at("put", "ours"), at("put", "config"), at("document", "{}"), at("publish", "{}")];
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{:?}", place.log());
    assert_eq!([how(&receipt, "base"), how(&receipt, "ours")], [Some(How::Mounted), Some(How::Sent)]);
    assert_eq!(how(&receipt, "foreign"), Some(How::Foreign));
    assert!(!place.log().iter().any(|l| l.ends_with(&digest("foreign").short())));
    assert_eq!((receipt.sent_bytes, receipt.mounted_bytes), (10, 4));
}

#[test]
fn a_name_that_has_the_digest_already_is_the_only_question() {
    let place = place(true);
    deliver(&place, &["a"]).expect("delivered");
    place.log.lock().expect("a log").clear();
    assert!(deliver(&place, &["a"]).expect("nothing to do").unchanged);
    assert!(place.log().is_empty());
    let receipt = deliver(&place, &["a", "b"]).expect("tagged");
    assert!(!receipt.unchanged && receipt.blobs.is_empty());
    assert_eq!(place.log(), [format!("publish {}", digest("{}").short())]);
}

#[test]
fn a_mount_that_is_refused_becomes_an_upload_and_other_hosts_are_not_asked() {
    let place = place(false);
    let receipt = deliver(&place, &["a"]).expect("delivered");
    assert_eq!(how(&receipt, "base"), Some(How::Sent));
    assert_eq!(place.log().iter().filter(|l| l.starts_with("mount")).count(), 1);
}

#[test]
fn blobs_that_the_place_said_it_had_are_sent_once_more_and_no_more() {
    let honest = Place { claimed: [digest("base")].into(), needed: vec![digest("base"), digest("ours")], ..place(true) };
    let receipt = deliver(&honest, &["a"]).expect("healed");
    assert_eq!(how(&receipt, "base"), Some(How::Sent));
    assert_eq!(honest.log().iter().filter(|l| l.starts_with("document")).count(), 2);
    let stubborn = Place { needed: vec![digest("never sent")], ..place(true) };
    let error = deliver(&stubborn, &["a"]).expect_err("refused");
    assert_eq!(error.class(), Class::Remote);
    assert!(!stubborn.log().iter().any(|l| l.starts_with("publish")));
}

#[test]
fn a_name_that_stays_with_another_image_is_refused_before_anything_is_written() {
    let other = Descriptor::of(MediaType::OCI_MANIFEST, b"other");
    for folder in [true, false] {
        let place = Place { folder, ..place(false) };
        place.names.lock().expect("names").insert("a".into(), other.clone());
        assert_eq!(deliver(&place, &["a"]).is_err(), folder);
        assert_eq!(place.log().is_empty(), folder);
    }
}

#[test]
fn a_blob_that_a_folder_lost_is_sent_again_under_the_same_name() {
    for (folder, sent) in [(true, 4), (false, 0)] {
        let place = Place { folder, ..place(false) };
        deliver(&place, &["a"]).expect("delivered");
        let again = deliver(&place, &["a"]).expect("nothing to do");
        assert_eq!(again.sent_bytes, 0);
        place.blobs.lock().expect("blobs").remove(&digest("ours"));
        let healed = deliver(&place, &["a"]).expect("healed");
        assert_eq!((healed.sent_bytes, healed.unchanged), (sent, !folder));
    }
}
