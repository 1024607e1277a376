//! One tar: read by skopeo in both of its forms, by our own readers, hostile ones refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use plywood::Class;
use plywood::deliver::{Job, gather, load};
use plywood::image::{index, verify};
use plywood::oci::{Family, Platform};
use plywood::transport::archive::{DockerArchive, Members, TarTarget};
use plywood::transport::layout::LayoutSource;
use plywood::transport::{Selector, Source};

use crate::sample::{image, image_on, run, runtime, silent};

async fn write(job: &Job, path: &Path, names: &[&str]) -> plywood::Result<plywood::deliver::Receipt> {
    let names: Vec<_> = names.iter().map(|n| n.parse().unwrap()).collect();
    load(job, &names, &TarTarget::file(path), &silent()).await
}

#[test]
fn skopeo_reads_both_forms() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tar");
    let job = image_on(&["one", "two"]);
    runtime().block_on(write(&job, &path, &["sandbox:one"])).unwrap();
    assert_eq!(run("skopeo", &["inspect", "--raw", &format!("oci-archive:{}", path.display())]), job.root.raw);
    let out = format!("oci:{}:x", folder.path().join("out").display());
    let docker = format!("docker-archive:{}", path.display());
    run("skopeo", &["--insecure-policy", "copy", &docker, &out]);
    let tags = run("skopeo", &["list-tags", &docker]);
    assert!(String::from_utf8_lossy(&tags).contains("docker.io/library/sandbox:one"), "{tags:?}");
}

#[test]
fn the_bytes_depend_on_nothing_else_and_an_existing_file_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("1.tar"), folder.path().join("2.tar"));
    runtime().block_on(async {
        let receipt = write(&image("x"), &first, &["a:1", "b:2"]).await.unwrap();
        assert_eq!(receipt.sent_bytes, fs::metadata(&first).unwrap().len());
        write(&image("x"), &second, &["a:1", "b:2"]).await.unwrap();
        assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
        assert_eq!(write(&image("y"), &first, &["a:1"]).await.unwrap_err().class(), Class::Refused);
        assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    });
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn both_of_our_readers_read_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tar");
    let job = image_on(&["one", "two"]);
    runtime().block_on(async {
        write(&job, &path, &["sandbox:one", "host:5000/a/b:c"]).await.unwrap();
        let oci = LayoutSource::new(Members::open(&path, "oci-archive:image.tar".into()).unwrap());
        for name in ["one", "c", "docker.io/library/sandbox:one", "host:5000/a/b:c"] {
            let root = oci.resolve(&Selector::Name(name.into())).await.unwrap();
            assert_eq!(root.raw, job.root.raw);
            assert!(verify(&oci, &root).await.unwrap().checked.iter().all(|c| c.damage.is_none()));
        }
        let docker = DockerArchive::open(&path).unwrap();
        for which in [Selector::Only, Selector::Name("sandbox:one".into()), Selector::Name("host:5000/a/b:c".into())] {
            let root = docker.resolve(&which).await.unwrap();
            let report = verify(&docker, &root).await.unwrap();
            assert!(report.is_whole() && report.checked.iter().filter(|c| c.diff_id).count() == 2, "{report:?}");
        }
        assert_eq!(docker.resolve(&Selector::Name("sandbox:two".into())).await.unwrap_err().class(), Class::NotFound);
    });
}

#[test]
fn an_archive_of_skopeo_has_its_layers_checked() {
    let folder = tempfile::tempdir().unwrap();
    let (path, docker) = (folder.path().join("image.tar"), folder.path().join("docker.tar"));
    runtime().block_on(write(&image_on(&["one", "two"]), &path, &["a:1"])).unwrap();
    let (from, to) = (format!("oci-archive:{}", path.display()), format!("docker-archive:{}:a:1", docker.display()));
    run("skopeo", &["--insecure-policy", "copy", &from, &to]);
    runtime().block_on(async {
        let source: Arc<dyn Source> = Arc::new(DockerArchive::open(&docker).unwrap());
        let root = source.resolve(&Selector::Name("docker.io/library/a:1".into())).await.unwrap();
        let report = verify(&*source, &root).await.unwrap();
        assert!(report.is_whole() && report.checked.iter().filter(|c| c.diff_id).count() == 2, "{report:?}");
        assert_eq!(gather(source, root).await.unwrap().blobs.len(), 3);
    });
    // One flipped byte inside an uncompressed layer.
    let mut bytes = fs::read(&docker).unwrap();
    let at = bytes.windows(8).position(|w| w == b"etc/one\0").unwrap();
    bytes[at + 600] ^= 1;
    fs::write(&docker, bytes).unwrap();
    assert_eq!(DockerArchive::open(&docker).unwrap_err().class(), Class::Input);
}

#[test]
fn several_platforms_stand_in_one_tar() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tar");
    let (first, second) = (image("x"), image("y"));
    let entry = |job: &Job, architecture: &str| {
        let mut descriptor = job.root.descriptor.clone();
        descriptor.platform = Some(Platform::linux(architecture));
        descriptor
    };
    let root = index(Family::Oci, &[entry(&first, "amd64"), entry(&second, "arm64")], &BTreeMap::new());
    let layer_of_first = crate::sample::manifest(&first).layers[0].digest.to_string();
    let both = Job {
        root: root.clone(),
        documents: vec![first.root.clone(), second.root],
        blobs: first.blobs.into_iter().chain(second.blobs).collect(),
        base: None,
    };
    runtime().block_on(write(&both, &path, &["a:1"])).unwrap();
    assert_eq!(run("skopeo", &["inspect", "--raw", &format!("oci-archive:{}:1", path.display())]), root.raw);
    let docker = runtime().block_on(async { DockerArchive::open(&path).unwrap().resolve(&Selector::Only).await.unwrap() });
    assert!(String::from_utf8_lossy(&docker.raw).contains(&layer_of_first));
}

/// A docker-archive of a layer named `layer`, which is a link to `link` where that is given.
fn hostile(path: &Path, layer: &str, link: Option<&str>) {
    let job = image("x");
    let gz = runtime().block_on(async { bytes_of(&job, 0).await });
    let config = runtime().block_on(async { bytes_of(&job, 1).await });
    let mut builder = tar::Builder::new(fs::File::create(path).unwrap());
    let mut add = |name: &str, bytes: &[u8], link: Option<&str>| {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_mode(0o644);
        if let Some(link) = link {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_link_name_literal(link).unwrap();
        }
        let bytes = if link.is_some() { &[][..] } else { bytes };
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        builder.append(&header, bytes).unwrap();
    };
    add("real/layer.tar", &gz, None);
    if layer != "real/layer.tar" {
        add(layer, &gz, link);
    }
    add("config.json", &config, None);
    let listing = serde_json::json!([{"Config": "config.json", "RepoTags": null, "Layers": [layer]}]);
    add("manifest.json", listing.to_string().as_bytes(), None);
    builder.finish().unwrap();
}

async fn bytes_of(job: &Job, at: usize) -> Vec<u8> {
    let mut body = job.blobs[at].supply.open().await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    bytes
}

#[test]
fn members_that_lead_elsewhere_are_refused_and_links_of_docker_save_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("real/layer.tar", None, true),
        ("copy/layer.tar", Some("../real/layer.tar"), true),
        ("copy/layer.tar", Some("../../real/layer.tar"), false),
        ("copy/layer.tar", Some("/etc/passwd"), false),
        ("copy/layer.tar", Some("../nowhere"), false),
        ("copy/layer.tar", Some("../copy/layer.tar"), false),
        ("../outside.tar", None, false),
        ("/absolute.tar", None, false),
    ];
    for (at, (layer, link, good)) in cases.into_iter().enumerate() {
        let path = folder.path().join(format!("{at}.tar"));
        hostile(&path, layer, link);
        let opened = DockerArchive::open(&path);
        assert_eq!(opened.is_ok(), good, "{layer} {link:?}: {opened:?}");
        assert!(opened.map_or_else(|e| e.class() == Class::Input, |_| true));
    }
}

#[test]
fn what_is_no_archive_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    assert_eq!(DockerArchive::open(&path).unwrap_err().class(), Class::Usage);
    for (bytes, word) in [(&b"\x1f\x8b\x08\0\0\0\0\0\0\0"[..], "gzip"), (b"", "manifest.json"), (b"hello", "")] {
        fs::write(&path, bytes).unwrap();
        let error = DockerArchive::open(&path).unwrap_err();
        assert!(error.class() == Class::Input && error.to_string().contains(word), "{error}");
    }
}

#[test]
fn an_archive_that_ends_early_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tar");
    runtime().block_on(write(&image("x"), &path, &["a:1"])).unwrap();
    let bytes = fs::read(&path).unwrap();
    // The last blob's header is whole, its bytes are not there.
    let at = bytes.len() - 1024 - 512;
    fs::write(&path, &bytes[..at]).unwrap();
    let error = Members::open(&path, "oci-archive:image.tar".into()).unwrap_err();
    assert!(error.class() == Class::Input && error.to_string().contains("truncated"), "{error}");
    fs::write(&path, &bytes).unwrap();
    assert!(Members::open(&path, "oci-archive:image.tar".into()).is_ok());
}
