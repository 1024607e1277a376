//! Commands on images in layouts and archives.

use std::io::Read as _;
use std::process::Stdio;

use serde_json::Value;

use crate::layout::{LARGE, Sample, file, large, sample, sha256};
use crate::program::Place;

/// A place with the sample image as `oci:image:v1`.
fn place() -> (Place, Sample) {
    let (place, sample) = (Place::new(), sample());
    sample.write(&place.at("image"));
    (place, sample)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_image_is_inspected_for_people_and_for_programs() {
    let (place, sample) = place();
    let told = place.ok(&["inspect", "oci:image:v1"]);
    assert!(told.contains(&format!("Digest      {}\n", sample.manifest.digest)));
    assert!(told.contains("Env         X=a\\u{1b}b\n"), "{told}");
    let document = json(&place.ok(&["inspect", "oci:image", "--json"]));
    assert_eq!(document["digest"], sample.manifest.digest.as_str());
    assert_eq!(document["image"]["platform"], "linux/amd64");
    assert_eq!(document["image"]["layers"].as_array().unwrap().len(), 2);
    for (flag, blob) in [("--raw", &sample.manifest), ("--config", &sample.config)] {
        assert_eq!(sha256(place.ok(&["inspect", "oci:image:v1", flag]).as_bytes()), blob.digest, "{flag}");
    }
}

#[test]
fn files_of_an_image_are_listed_with_whiteouts_and_links_followed() {
    let (place, _) = place();
    let names = |words: &[&str]| -> Vec<String> {
        let rows = json(&place.ok(&[words, &["--json"]].concat()));
        rows.as_array().unwrap().iter().map(|row| row["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&["ls", "oci:image:v1"]), ["/etc", "/usr"]);
    assert_eq!(names(&["ls", "oci:image:v1", "/etc"]), ["/etc/new\u{1b}[31m", "/etc/os-release", "/etc/passwd"]);
    assert_eq!(names(&["ls", "oci:image:v1", "usr", "-r"]), ["/usr/share", "/usr/share/large", "/usr/share/link"]);
    assert_eq!(names(&["ls", "oci:image:v1", "/usr/share/link"]), ["/usr/share/large"]);
    let rows = place.ok(&["ls", "oci:image:v1", "/etc"]);
    assert!(!rows.contains('\u{1b}'), "{rows}");
    assert!(rows.lines().any(|row| row.starts_with("-rw-r--r--") && row.ends_with("/etc/passwd")), "{rows}");
    assert!(place.refused(&["ls", "oci:image:v1", "/nowhere"], 5).contains("/nowhere"));
}

#[test]
fn a_file_is_printed_from_memory_or_out_of_its_layer() {
    let (place, _) = place();
    assert_eq!(place.ok(&["cat", "oci:image:v1", "/etc/passwd"]), "root:x:0:0:root:/root:/bin/sh\n");
    for path in ["/usr/share/large", "usr/share/link"] {
        let ran = place.run(&["cat", "oci:image:v1", path]);
        assert_eq!((ran.status, ran.stdout.len()), (0, LARGE), "{path}: {}", ran.stderr);
        assert_eq!(ran.stdout, large(), "{path}");
    }
    for path in ["/etc/old", "/etc", "/none"] {
        place.refused(&["cat", "oci:image:v1", path], 5);
    }
}

#[test]
fn a_whole_image_verifies_and_a_flipped_byte_in_any_blob_does_not() {
    let (place, sample) = place();
    let told = place.ok(&["verify", "oci:image:v1"]);
    assert_eq!(told.lines().filter(|l| l.starts_with("ok ")).count(), 4, "{told}");
    assert_eq!(told.lines().filter(|l| l.ends_with("diff ID too")).count(), 2, "{told}");
    assert_eq!(json(&place.ok(&["verify", "oci:image:v1", "--json"]))["whole"], true);
    for (kind, blob) in sample.blobs() {
        let path = file(&place.at("image"), blob);
        let good = std::fs::read(&path).unwrap();
        for at in [0, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, bad).unwrap();
            let ran = place.run(&["verify", "oci:image:v1"]);
            assert_eq!(ran.status, 3, "byte {at} of a {kind}: {}", ran.stderr);
            assert!(format!("{}{}", String::from_utf8_lossy(&ran.stdout), ran.stderr).contains(&blob.digest), "{kind} {at}");
        }
        std::fs::write(&path, &good[..good.len() - 1]).unwrap();
        place.refused(&["verify", "oci:image:v1"], 3);
        std::fs::write(&path, good).unwrap();
    }
    place.ok(&["verify", "oci:image:v1"]);
}

#[test]
fn an_image_is_copied_to_a_layout_byte_for_byte() {
    let (place, sample) = place();
    let wanted = format!("oci:copy:v2@{}\n", sample.manifest.digest);
    assert_eq!(place.ok(&["copy", "oci:image:v1", "oci:copy:v2"]), wanted);
    assert_eq!(place.ok(&["copy", "oci:image:v1", "oci:copy:v2"]), wanted, "again");
    for (_, blob) in sample.blobs() {
        assert_eq!(sha256(&std::fs::read(file(&place.at("copy"), blob)).unwrap()), blob.digest);
    }
    let receipt = json(&place.ok(&["copy", "oci:copy:v2", "oci:third", "--json"]));
    assert_eq!((receipt["names"][0].as_str(), receipt["unchanged"].as_bool()), (Some("v2"), Some(false)));
    place.ok(&["verify", "oci:third:v2"]);
}

#[test]
fn an_image_goes_into_one_tar_and_comes_out_the_same() {
    let (place, sample) = place();
    for transport in ["oci-archive", "docker-archive"] {
        let name = format!("{transport}:{transport}.tar");
        place.ok(&["copy", "oci:image:v1", &name]);
        place.refused(&["copy", "oci:image:v1", &name], 8);
    }
    place.ok(&["copy", "oci-archive:oci-archive.tar", "oci:back:x"]);
    assert!(place.ok(&["inspect", "oci:back:x"]).contains(&sample.manifest.digest));
    place.ok(&["verify", "docker-archive:docker-archive.tar"]);
    assert_eq!(place.ok(&["cat", "docker-archive:docker-archive.tar", "/etc/os-release"]), "ID=debian\n");
    let ran = place.run(&["copy", "oci:image:v1", "docker-archive:-"]);
    assert_eq!((ran.status, ran.stdout), (0, std::fs::read(place.at("docker-archive.tar")).unwrap()));
}

#[test]
fn a_copy_that_is_refused_leaves_nothing() {
    let (place, sample) = place();
    let files = || std::fs::read_dir(place.path()).unwrap().count();
    place.ok(&["store", "check"]);
    let before = files();
    place.refused(&["copy", "oci:image:v1", "docker-archive:no/such/x.tar"], 7);
    place.refused(&["copy", "oci:image:none", "docker-archive:x.tar"], 5);
    place.refused(&["copy", "oci:nowhere", "docker-archive:x.tar"], 2);
    place.refused(&["copy", "oci:image:v1", "store:x"], 2);
    std::fs::write(file(&place.at("image"), &sample.layers[0]), "damaged").unwrap();
    place.refused(&["copy", "oci:image:v1", "docker-archive:x.tar"], 3);
    assert_eq!(files(), before);
}

#[test]
fn a_tag_that_names_another_image_stays() {
    let (place, _) = place();
    let other = place.at("other");
    let mut sample = sample();
    sample.layers.truncate(2);
    sample.write(&other);
    place.ok(&["copy", "oci:image:v1", "oci:target:t"]);
    place.ok(&["copy", "oci:image:v1", "oci:target:u"]);
    place.write("layer.txt", "x");
    let text = place.ok(&["build", "oci:image:v1", "--profile", "none", "--file", "layer.txt:/x", "-o", "oci:other-image:t", "-q"]);
    assert!(text.contains("sha256:"), "{text}");
    place.refused(&["copy", "oci:other-image:t", "oci:target:t"], 8);
    place.ok(&["copy", "oci:other-image:t", "oci:target:w"]);
}

#[test]
fn an_image_that_goes_nowhere_is_kept_and_the_next_commands_are_named() {
    let (place, _) = place();
    place.write("f", "x");
    let build = |more: &[&str]| {
        let ran = place.run(&[&["build", "oci:image:v1", "--profile", "none", "--file", "f:/f"], more].concat());
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        (String::from_utf8(ran.stdout).unwrap().trim_end().to_owned(), ran.stderr)
    };
    let (digest, told) = build(&[]);
    // The base's layers lie in a layout, which a name in the store does not lead to.
    assert!(told.contains("stays in the store\nhint: the same command with"), "{told}");
    assert!(place.ok(&["inspect", &format!("store:{digest}")]).contains(&digest));
    assert_eq!(build(&["-t", "my/image:1"]).0, format!("my/image@{digest}"));
    assert!(place.ok(&["inspect", "store:my/image:1"]).contains(&digest));
    let (_, told) = build(&["-q"]);
    assert_eq!(told, "");
    let document = json(&build(&["--json", "--digest-file", "d", "--metadata-file", "m"]).0);
    assert_eq!(document["images"][0]["digest"], digest.as_str());
    assert_eq!(std::fs::read_to_string(place.at("d")).unwrap(), digest);
    assert_eq!(json(&std::fs::read_to_string(place.at("m")).unwrap()), document);
}

#[test]
fn a_ply_that_was_linked_is_listed_and_shown_by_its_key() {
    let (place, _) = place();
    let plies = |place: &Place| -> Vec<Value> {
        let listed = json(&place.ok(&["layers", "list", "--layers-dir", "own", "--json"]));
        listed.as_array().unwrap().iter().filter(|one| one["kind"] == "ply").cloned().collect()
    };
    place.write("own/large/layer.toml", format!("[[file]]\nto = '/opt/large'\ncontent = '{}'\n", "x".repeat(70 << 10)));
    assert_eq!(plies(&place), Vec::<Value>::new());
    assert!(!place.at("store").exists());
    place.ok(&["-q", "build", "oci:image:v1", "--profile", "none", "--layers-dir", "own", "--with", "large"]);
    let listed = plies(&place);
    assert_eq!((listed.len(), &listed[0]["recipe"]), (1, &Value::from("large")));
    let key = listed[0]["key"].as_str().unwrap();
    let line = format!("key {key}");
    assert!(place.ok(&["layers", "list"]).lines().any(|l| l.starts_with("ply      large ") && l.ends_with(&line)));
    for word in [key, &key["sha256:".len()..], &key["sha256:".len()..][..12]] {
        let shown = json(&place.ok(&["layers", "show", word]));
        assert_eq!((&shown["digest"], &shown["key"]), (&listed[0]["digest"], &listed[0]["key"]));
    }
    for unknown in ["0123456789ab", &key["sha256:".len()..][..7]] {
        place.refused(&["layers", "show", unknown], 2);
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let (place, _) = place();
    for words in [&["cat", "oci:image:v1", "/usr/share/large"][..], &["completions", "bash"], &["schema"]] {
        let mut child = place.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut told = String::new();
        child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        assert_eq!((child.wait().unwrap().code(), told.as_str()), (Some(0), ""), "{words:?}");
    }
}

#[test]
fn a_full_disk_behind_stdout_is_exit_7() {
    let (place, _) = place();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = place.command(&["cat", "oci:image:v1", "/usr/share/large"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", String::from_utf8_lossy(&output.stderr));
}
