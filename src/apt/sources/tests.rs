//! Both formats as bases have them, and what apt refuses.

use super::super::files::tests::Made;
use super::*;

fn read(path: &str, text: &str) -> Result<Sources, SourcesError> {
    Sources::read(&Made::default().with(path, text), "amd64")
}

fn one_line(text: &str) -> Sources {
    read("/etc/apt/sources.list", text).expect("sources")
}

fn deb822(text: &str) -> Sources {
    read("/etc/apt/sources.list.d/x.sources", text).expect("sources")
}

fn shown(sources: &Sources) -> Vec<String> {
    sources.sources.iter().map(|s| format!("{s} {}", s.components.join(" ")).trim_end().to_owned()).collect()
}

const OFFICIAL: &str = "Types: deb
# comment
URIs: http://archive.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: http://archive.test/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
";

#[test]
fn the_stanzas_of_an_official_image_name_three_archives_in_order() {
    let sources = deb822(OFFICIAL);
    assert_eq!(
        shown(&sources),
        [
            "http://archive.test/debian/ bookworm main",
            "http://archive.test/debian/ bookworm-updates main",
            "http://archive.test/debian-security/ bookworm-security main"
        ]
    );
    let keys = SignedBy::Keys(vec![KeyName::File("/usr/share/keyrings/debian-archive-keyring.gpg".into())]);
    assert!(sources.sources.iter().all(|s| s.options.signed_by == keys));
    assert_eq!(sources.sources.iter().map(|s| s.line).collect::<Vec<_>>(), [1, 1, 8]);
    assert_eq!(sources.sources[0].release_directory(), "dists/bookworm/");
}

#[test]
fn both_formats_say_the_same() {
    let line = "deb [arch=amd64,arm64 signed-by=/k.gpg trusted=yes check-valid-until=no valid-until-max=60 by-hash=force] http://archive.test/d s a b";
    let stanza = "Types: deb\nURIs: http://archive.test/d\nSuites: s\nComponents: a b\nArchitectures: amd64 arm64\nSigned-By: /k.gpg\nTrusted: yes\nCheck-Valid-Until: no\nValid-Until-Max: 60\nBy-Hash: force\n";
    let (a, b) = (one_line(line), deb822(stanza));
    assert_eq!(a.sources[0].options, b.sources[0].options);
    assert_eq!(shown(&a), shown(&b));
    assert_eq!(a.sources[0].options.valid_until_max, Some(60));
    assert_eq!(a.sources[0].options.by_hash, Some(ByHash::Force));
}

#[test]
fn what_does_not_concern_this_base_is_left_out() {
    for text in [
        "deb-src http://archive.test/d s main",
        "# deb http://archive.test/d s main",
        "deb [arch=arm64] http://archive.test/d s main",
        "deb [arch-=amd64] http://archive.test/d s main",
    ] {
        assert_eq!(one_line(text), Sources::default(), "{text}");
    }
    for text in [
        "Types: deb-src\nURIs: http://a.test/\nSuites: s\nComponents: main\n",
        "Types: deb\nURIs: http://a.test/\nSuites: s\nComponents: main\nEnabled: no\nSigned-By: rubbish\n",
        "Types: deb\nURIs: http://a.test/\nSuites: s\nComponents: main\nArchitectures: arm64\n",
    ] {
        assert_eq!(deb822(text), Sources::default(), "{text}");
    }
    assert_eq!(shown(&one_line("deb [arch=arm64 arch+=amd64] http://a.test/d s main")).len(), 1);
}

#[test]
fn flat_archives_and_the_architecture_variable_are_understood() {
    let sources = one_line("deb http://a.test/$(ARCH) ./\ndeb http://a.test/x stable/$(ARCH)/\ndeb http://a.test/y /");
    assert_eq!(shown(&sources), ["http://a.test/amd64/ ./", "http://a.test/x/ stable/amd64/", "http://a.test/y/ /"]);
    let directories: Vec<_> = sources.sources.iter().map(Source::release_directory).collect();
    assert_eq!(directories, ["", "stable/amd64/", ""]);
}

#[test]
fn a_suite_that_is_named_again_gains_components_in_its_first_place() {
    let sources = one_line("deb http://a.test/d s main\ndeb http://a.test/e s main\ndeb http://a.test/d/ s main contrib contrib");
    assert_eq!(shown(&sources), ["http://a.test/d/ s main contrib", "http://a.test/e/ s main"]);
    let clash = read("/etc/apt/sources.list", "deb http://a.test/d s main\ndeb [signed-by=/k.gpg] http://a.test/d s contrib");
    assert!(clash.expect_err("two trusts").to_string().contains("Signed-By"));
}

#[test]
fn files_are_read_in_the_order_of_apt() {
    let line = |name: &str| format!("deb http://{name}.test/ s main\n");
    let stanza = |name: &str| format!("Types: deb\nURIs: http://{name}.test/\nSuites: s\nComponents: main\n");
    let made = Made::default()
        .with("/etc/apt/sources.list.d/b.sources", stanza("third"))
        .with("/etc/apt/sources.list.d/a.list", line("second"))
        .with("/etc/apt/sources.list.d/c.list.save", "rubbish")
        .with("/etc/apt/sources.list", line("first"));
    let sources = Sources::read(&made, "amd64").expect("sources");
    assert_eq!(
        sources.sources.iter().map(|s| s.uri.host().to_owned()).collect::<Vec<_>>(),
        ["first.test", "second.test", "third.test"]
    );
}

#[test]
fn an_unsupported_method_is_a_warning_and_the_rest_is_read() {
    let sources =
        one_line("deb cdrom:[Debian GNU/Linux 12 \"x\"]/ bookworm main\ndeb tor+http://a.test/ s main\ndeb http://a.test/ s main");
    assert_eq!(sources.sources.len(), 1);
    assert_eq!(sources.warnings.iter().map(|w| w.line).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn keys_are_named_by_path_fingerprint_or_in_line() {
    let hex = "a".repeat(40);
    let sources = one_line(&format!("deb [signed-by=/a.gpg,{hex}!] http://a.test/ s main"));
    let names = vec![KeyName::File("/a.gpg".into()), KeyName::Fingerprint { hex: "A".repeat(40), exact: true }];
    assert_eq!(sources.sources[0].options.signed_by, SignedBy::Keys(names));
    let inline = "Types: deb\nURIs: http://a.test/\nSuites: s\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ==\n -----END PGP PUBLIC KEY BLOCK-----\n";
    let expected = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n-----END PGP PUBLIC KEY BLOCK-----";
    assert_eq!(deb822(inline).sources[0].options.signed_by, SignedBy::Inline(expected.into()));
}

#[test]
fn what_apt_refuses_is_refused_with_its_line() {
    for bad in [
        "deb http://a.test/",
        "deb http://a.test/ s",
        "deb http://a.test/ s/ main",
        "deb [trusted] http://a.test/ s main",
        "deb [trusted=maybe] http://a.test/ s main",
        "deb [signed-by=0xABCD] http://a.test/ s main",
        "deb [arch=amd64 http://a.test/ s main",
        "rpm http://a.test/ s main",
        "deb a.test s main",
        "deb http://a.test/ ../../x main",
        "deb",
    ] {
        let error = read("/etc/apt/sources.list", &format!("\n{bad}\n")).expect_err(bad);
        assert!(error.to_string().starts_with("/etc/apt/sources.list:2: "), "{error}");
    }
    for bad in [
        "URIs: http://a.test/\nSuites: s\nComponents: main\n",
        "Types: deb\nSuites: s\nComponents: main\n",
        "Types: deb\nURIs: http://a.test/\n",
    ] {
        assert!(read("/etc/apt/sources.list.d/x.sources", bad).is_err(), "{bad}");
    }
    let many = format!(
        "Types: deb\nURIs: http://a.test/\nComponents: main\nSuites:{}\n",
        " s".to_owned() + &(0..2000).map(|n| n.to_string()).collect::<Vec<_>>().join(" s")
    );
    assert!(read("/etc/apt/sources.list.d/x.sources", &many).expect_err("too many").to_string().contains("too many archives"));
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "(deb|Types|URIs|[ -~\n:\\[\\]=#]){0,60}") {
        let _ = read("/etc/apt/sources.list", &text);
        let _ = read("/etc/apt/sources.list.d/x.sources", &text);
    }
}
