//! Names of images: completed, refused, shortened, read back.
//!
//! Invariant: each refusal stands beside a name that is taken.

use proptest::prelude::*;

use super::*;

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn canonical(text: &str) -> String {
    text.parse::<Reference>().unwrap_or_else(|e| panic!("{text}: {e}")).to_string()
}

#[test]
fn names_are_completed_as_docker_completes_them() {
    let digested = format!("debian:12@sha256:{HEX}");
    for (given, full) in [
        ("debian", "docker.io/library/debian:latest"),
        ("debian:12", "docker.io/library/debian:12"),
        ("library/debian", "docker.io/library/debian:latest"),
        ("docker.io/debian", "docker.io/library/debian:latest"),
        ("index.docker.io/user/app:1", "docker.io/user/app:1"),
        ("localhost/app", "localhost/app:latest"),
        ("LOCALHOST:5000/app", "localhost:5000/app:latest"),
        ("Registry.Example.org/app", "registry.example.org/app:latest"),
        ("host:5000/a/b:t", "host:5000/a/b:t"),
        ("127.0.0.1:5000/a", "127.0.0.1:5000/a:latest"),
        ("[::1]:5000/a", "[::1]:5000/a:latest"),
        ("[::1]/a:x", "[::1]/a:x"),
        ("user/a__b/c--d.e:T_1.x-y", "docker.io/user/a__b/c--d.e:T_1.x-y"),
        (digested.as_str(), &format!("docker.io/library/{digested}")),
    ] {
        assert_eq!(canonical(given), full);
        assert_eq!(canonical(&canonical(given)), full);
    }
}

#[test]
fn what_is_no_name_is_refused_before_it_becomes_part_of_a_url() {
    let long = format!("host.example/{}", "a/".repeat(130) + "a");
    let tag = format!("a:{}", "t".repeat(129));
    for text in [
        "",
        ":",
        ":tag",
        "@",
        "/",
        "a/",
        "/a",
        "a//b",
        "a:",
        "a b",
        "a\nb",
        "a\0b",
        "-a",
        "a-",
        "a..b",
        "a___b",
        "a/.b",
        "a:-t",
        "a:.t",
        "Debian",
        "user/App",
        "MyHost/app",
        "host:99999/a",
        "host:0/a",
        "host:+5/a",
        "host:/a",
        "[::1/a",
        "[zz]/a",
        "host./a",
        "a_b.c/d",
        "127.1/a",
        "0x7f.0x1/a",
        "1.2.3.999/a",
        "user:secret@host/a",
        "user@host.example/a",
        HEX,
        "a@sha256:00",
        "a@sha512:00",
        "a@b",
        &long,
        &tag,
        "ä/b",
        "http://host/a",
    ] {
        assert!(text.parse::<Reference>().is_err(), "{text:?}");
    }
    let refused = "user:secret@host/a".parse::<Reference>().expect_err("user info");
    assert!(!refused.to_string().contains("secret"));
    let capitals = "Debian".parse::<Reference>().expect_err("capitals");
    assert_eq!(capitals.hint().as_deref(), Some("did you mean debian?"));
    assert!("debian:12".parse::<Repository>().is_err());
}

#[test]
fn the_familiar_form_is_the_short_one_only_where_it_means_the_same() {
    for (full, short) in [
        ("docker.io/library/debian:12", "debian:12"),
        ("docker.io/user/app:1", "user/app:1"),
        ("docker.io/foo.bar/app:1", "docker.io/foo.bar/app:1"),
        ("docker.io/localhost/app:1", "docker.io/localhost/app:1"),
        ("docker.io/library/a/b:1", "library/a/b:1"),
        ("host:5000/a:1", "host:5000/a:1"),
    ] {
        assert_eq!(full.parse::<Reference>().expect(full).familiar(), short);
    }
    assert_eq!("debian".parse::<Repository>().expect("a name").api_host(), "registry-1.docker.io");
}

#[test]
fn a_registry_alone_is_a_host_that_a_name_can_begin_with() {
    for (given, host) in [
        ("docker.io", "docker.io"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("GHCR.io", "ghcr.io"),
        ("localhost", "localhost"),
        ("https://h.example:5000/v2/", "h.example:5000"),
        ("[::1]:5000", "[::1]:5000"),
    ] {
        assert_eq!(registry_host(given).expect(given), host);
    }
    for bad in ["", "plain", "..", "../x", "a.b/c", "user:word@h.example", "h.example:0", "h.example\n", "ftp://h.example"] {
        assert!(registry_host(bad).is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn a_name_reads_back_as_it_was_written(
        host in "(|localhost/|docker\\.io/|[a-z]{1,8}\\.[a-z]{2,4}/|[a-z]{1,8}:[1-9][0-9]{0,3}/|\\[fd00::[1-9a-f]{1,4}\\]:5000/)",
        path in "[a-z0-9]{1,6}((_|__|-{1,3})[a-z0-9]{1,6}){0,2}(/[a-z0-9]{1,6}(\\.[a-z0-9]{1,6}){0,1}){0,3}",
        tag in "(|:[A-Za-z0-9_][A-Za-z0-9._-]{0,20})",
        digest in any::<bool>(),
    ) {
        let text = format!("{host}{path}{tag}{}", if digest { format!("@sha256:{HEX}") } else { String::new() });
        let read: Reference = text.parse().map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        let again: Reference = read.to_string().parse().expect("the canonical form");
        prop_assert_eq!(&again.repository, &read.repository);
        prop_assert_eq!(again.to_string(), read.to_string());
        prop_assert_eq!(read.familiar().parse::<Reference>().expect("the familiar form"), read);
    }
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}") {
        let _ = text.parse::<Reference>();
    }
}
