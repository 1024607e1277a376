//! `oci:DIR`: read by skopeo and umoci, written by many at once, hostile ones refused.

use std::fs;
use std::sync::Arc;

use plywood::Class;
use plywood::deliver::{Held, How, Job, Limits, copy, gather};
use plywood::image::{Base, index, verify};
use plywood::oci::{Family, Platform};
use plywood::transport::layout::{LayoutSource, LayoutTarget};
use plywood::transport::{Selector, Source, Target};

use crate::sample::{image, image_on, run, runtime, silent, write};

#[test]
fn skopeo_and_umoci_read_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layout");
    let job = image_on(&["one", "two"]);
    let receipt = runtime().block_on(write(&job, &path, "a")).unwrap();
    assert!(receipt.blobs.iter().all(|b| b.how == How::Sent));
    let place = format!("oci:{}:a", path.display());
    assert_eq!(run("skopeo", &["inspect", "--raw", &place]), job.root.raw);
    let tags = run("umoci", &["ls", "--layout", path.to_str().unwrap()]);
    assert_eq!(String::from_utf8_lossy(&tags).trim(), "a");
    let image = format!("{}:a", path.display());
    let bundle = folder.path().join("bundle");
    run("umoci", &["unpack", "--rootless", "--image", &image, bundle.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(bundle.join("rootfs/etc/two")).unwrap(), "two");
}

#[test]
fn a_second_copy_moves_nothing_and_a_taken_tag_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        write(&image("x"), folder.path(), "a").await.unwrap();
        assert!(write(&image("x"), folder.path(), "a").await.unwrap().unchanged);
        let again = write(&image("x"), folder.path(), "b").await.unwrap();
        assert!(again.blobs.iter().all(|b| b.how == How::Present) && again.sent_bytes == 0);
        let before = fs::read(folder.path().join("index.json")).unwrap();
        let error = write(&image("y"), folder.path(), "a").await.unwrap_err();
        assert_eq!((error.class(), fs::read(folder.path().join("index.json")).unwrap()), (Class::Refused, before));
    });
}

#[test]
fn what_other_tools_wrote_into_the_index_stays() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        write(&image("x"), folder.path(), "a").await.unwrap();
        let path = folder.path().join("index.json");
        let foreign = fs::read_to_string(&path).unwrap().replacen('{', r#"{"x-foreign":{"b":1,"a":2},"#, 1);
        fs::write(&path, foreign).unwrap();
        write(&image("y"), folder.path(), "b").await.unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(r#"{"x-foreign":{"b":1,"a":2},"#) && text.contains(r#""b"}"#), "{text}");
    });
}

#[test]
fn concurrent_writers_keep_all_tags() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new");
    std::thread::scope(|scope| {
        for n in 0..12 {
            let path = &path;
            scope.spawn(move || runtime().block_on(write(&image(&format!("file{n}")), path, &format!("t{n}"))).unwrap());
        }
    });
    runtime().block_on(async {
        let source = LayoutSource::folder(&path);
        for n in 0..12 {
            let root = source.resolve(&Selector::Name(format!("t{n}"))).await.unwrap();
            assert!(verify(&source, &root).await.unwrap().is_whole());
        }
    });
    let left: Vec<_> = fs::read_dir(&path).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "no temporary file is left: {left:?}");
}

#[test]
fn a_failed_write_leaves_the_old_index_and_its_image() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        write(&image("x"), folder.path(), "a").await.unwrap();
        let before = fs::read(folder.path().join("index.json")).unwrap();
        let mut broken = image("y");
        broken.blobs[0].supply = Arc::new(Held(b"other bytes".as_slice().into()));
        let error = write(&broken, folder.path(), "b").await.unwrap_err();
        assert_eq!(error.class(), Class::Input, "{error}");
        assert_eq!(fs::read(folder.path().join("index.json")).unwrap(), before);
        let blob = folder.path().join("blobs/sha256").join(broken.blobs[0].descriptor.digest.hex());
        assert!(!blob.exists());
        let source = LayoutSource::folder(folder.path());
        let root = source.resolve(&Selector::Only).await.unwrap();
        assert!(verify(&source, &root).await.unwrap().is_whole());
    });
}

#[test]
fn a_flipped_byte_is_found_in_every_kind_of_blob() {
    let job = image_on(&["one", "two"]);
    let digests: Vec<_> = job.blobs.iter().map(|b| b.descriptor.digest).collect();
    for digest in digests {
        let folder = tempfile::tempdir().unwrap();
        runtime().block_on(async {
            write(&job, folder.path(), "a").await.unwrap();
            let path = folder.path().join("blobs/sha256").join(digest.hex());
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, bytes).unwrap();
            let source = LayoutSource::folder(folder.path());
            let root = source.resolve(&Selector::Only).await.unwrap();
            let report = verify(&source, &root).await.unwrap();
            let damaged: Vec<_> = report.checked.iter().filter(|c| c.damage.is_some()).map(|c| c.descriptor.digest).collect();
            assert_eq!(damaged, [digest]);
            // A damaged blob counts as absent, so a copy heals it.
            assert!(!LayoutTarget::new(folder.path()).has(&find(&job, &digest)).await.unwrap());
            let healed = write(&job, folder.path(), "b").await.unwrap();
            assert!(healed.sent_bytes > 0 && verify(&source, &root).await.unwrap().is_whole());
        });
    }
}

fn find(job: &plywood::deliver::Job, digest: &plywood::oci::Digest) -> plywood::oci::Descriptor {
    job.blobs.iter().find(|b| b.descriptor.digest == *digest).unwrap().descriptor.clone()
}

#[test]
fn a_blob_that_is_no_plain_file_is_refused() {
    let job = image("x");
    for kind in ["link", "pipe", "folder", "plain"] {
        let folder = tempfile::tempdir().unwrap();
        runtime().block_on(async {
            write(&job, folder.path(), "a").await.unwrap();
            let path = folder.path().join("blobs/sha256").join(job.blobs[0].descriptor.digest.hex());
            let elsewhere = folder.path().join("elsewhere");
            fs::rename(&path, &elsewhere).unwrap();
            match kind {
                "link" => std::os::unix::fs::symlink(&elsewhere, &path).unwrap(),
                "pipe" => drop(run("mkfifo", &[path.to_str().unwrap()])),
                "folder" => fs::create_dir(&path).unwrap(),
                _ => fs::rename(&elsewhere, &path).unwrap(),
            }
            let opened = LayoutSource::folder(folder.path()).open(&job.blobs[0].descriptor, 0..1).await;
            assert_eq!(opened.is_ok(), kind == "plain", "{kind}");
            assert!(opened.map_or_else(|e| e.class() == Class::Input, |_| true), "{kind}");
        });
    }
}

#[test]
fn other_folders_are_not_written_into() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "x").unwrap();
    runtime().block_on(async {
        assert_eq!(write(&image("x"), folder.path(), "a").await.unwrap_err().class(), Class::Refused);
        let missing = LayoutTarget::new(folder.path().join("no/such/parent"));
        assert_eq!(missing.check_rights().await.unwrap_err().class(), Class::Local);
    });
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_layout_of_skopeo_is_copied_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second, third) = (folder.path().join("1"), folder.path().join("2"), folder.path().join("3"));
    let job = image("x");
    runtime().block_on(write(&job, &first, "a")).unwrap();
    let (from, to) = (format!("oci:{}:a", first.display()), format!("oci:{}:b", second.display()));
    run("skopeo", &["--insecure-policy", "copy", "--preserve-digests", &from, &to]);
    runtime().block_on(async {
        let source: Arc<dyn Source> = Arc::new(LayoutSource::folder(&second));
        let root = source.resolve(&Selector::Name("b".into())).await.unwrap();
        let again = gather(source, root).await.unwrap();
        copy(&again, &[], &LayoutTarget::new(&third), &silent(), Limits::default()).await.unwrap();
    });
    assert_eq!(run("skopeo", &["inspect", "--raw", &format!("oci:{}", third.display())]), job.root.raw);
}

#[test]
fn a_base_is_read_for_the_platform_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let job = image("x");
        let mut entry = job.root.descriptor.clone();
        entry.platform = Some(Platform::linux("amd64"));
        let mut wrong = entry.clone();
        wrong.platform = Some(Platform::linux("arm64"));
        let root = index(Family::Oci, &[entry, wrong], &std::collections::BTreeMap::new());
        let both = Job { root: root.clone(), documents: vec![job.root.clone()], ..job.clone() };
        write(&both, folder.path(), "a").await.unwrap();
        let source = LayoutSource::folder(folder.path());
        let (here, root) = (&source, &root);
        let read = |architecture| async move { Base::read(here, root, &Platform::linux(architecture)).await };
        assert_eq!(read("amd64").await.unwrap().manifest.raw, job.root.raw);
        // The index says arm64, the config amd64.
        assert_eq!(read("arm64").await.unwrap_err().class(), Class::Input);
        assert_eq!(read("s390x").await.unwrap_err().class(), Class::NotFound);
        let child = source.resolve(&Selector::Digest(job.root.descriptor.digest)).await.unwrap();
        assert_eq!(child.raw, job.root.raw);
        assert_eq!(source.resolve(&Selector::Name("b".into())).await.unwrap_err().class(), Class::NotFound);
    });
}
