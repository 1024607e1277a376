//! Release files of real shape, and each refusal beside the twin that passes.

use std::time::Duration;

use super::super::files::tests::Made;
use super::super::sources::Sources;
use super::*;

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn source(line: &str) -> Source {
    let sources = Sources::read(&Made::default().with("/etc/apt/sources.list", line), "amd64").expect("sources");
    sources.sources.into_iter().next().expect("one source")
}

fn debian() -> Source {
    source("deb http://archive.test/debian bookworm main contrib")
}

fn text(changes: &[(&str, &str)]) -> String {
    let mut text = String::from(
        "Origin: Debian\nLabel: Debian\nSuite: oldstable\nVersion: 12.9\nCodename: bookworm\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nValid-Until: Thu, 08 Jan 2026 00:00:00 UTC\nAcquire-By-Hash: yes\nNo-Support-for-Architecture-all: Packages\nArchitectures: all amd64 arm64\nComponents: main contrib\nMD5Sum:\n d41d8cd98f00b204e9800998ecf8427e 0 main/binary-amd64/Packages\nSHA256:\n",
    );
    for file in [
        "main/binary-all/Packages.xz",
        "main/binary-amd64/Packages",
        "main/binary-amd64/Packages.gz",
        "main/binary-amd64/Packages.xz",
        "contrib/binary-amd64/Packages.xz",
    ] {
        let size = file.len();
        text = format!("{text} {HEX} {size:>8} {file}\n");
    }
    changes.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{from:?}");
        text.replace(from, to)
    })
}

fn release(changes: &[(&str, &str)]) -> Result<Release, ReleaseError> {
    Release::parse(&VerifiedText::trusted_by_source(text(changes).as_bytes()).expect("a text"), &debian())
}

/// Days after the Release file's date.
fn after(days: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs((1_767_225_600 + days * 86_400) as u64)
}

fn conf(text: &str) -> AptConf {
    AptConf::read(&Made::default().with("/etc/apt/apt.conf", text)).expect("a configuration")
}

#[test]
fn the_fields_are_read() {
    let release = release(&[]).expect("a Release file");
    assert_eq!((release.suite.as_deref(), release.codename.as_deref()), (Some("oldstable"), Some("bookworm")));
    assert_eq!((release.date, release.valid_until), (1_767_225_600, Some(1_767_830_400)));
    assert!(release.by_hash && release.no_separate_all);
    assert_eq!(release.automatic, Automatic::Always);
    for (fields, automatic) in
        [("NotAutomatic: yes\n", Automatic::Never), ("NotAutomatic: yes\nButAutomaticUpgrades: yes\n", Automatic::Upgrades)]
    {
        let release = self::release(&[("Origin: Debian\n", fields)]).expect("a Release file");
        assert_eq!(release.automatic, automatic, "{fields}");
    }
    assert_eq!(release.file("main/binary-amd64/Packages.gz").map(|(size, _)| size), Some(29));
    let facts = release.facts(&debian(), "main");
    assert_eq!((facts.archive.as_str(), facts.component.as_str(), facts.host.as_str()), ("oldstable", "main", "archive.test"));
}

#[test]
fn a_malformed_or_weak_file_is_refused() {
    for (from, to) in [
        ("Date: Thu", "Dated: Thu"),
        ("Date: Thu, 01 Jan 2026 00:00:00 UTC", "Date: yesterday"),
        ("Until: Thu, 08 Jan 2026 00:00:00 UTC", "Until: soon"),
        ("SHA256:\n", "SHA256:\n e3b0 0 main/x\n"),
        ("SHA256:\n", "SHA256:\n zz\n"),
        ("       26 main", "      -26 main"),
        ("Components:", "\nComponents:"),
    ] {
        let error = release(&[(from, to)]).expect_err(to);
        assert!(matches!(error, ReleaseError::Malformed { .. }), "{to}: {error}");
    }
    let twice = format!("SHA256:\n {HEX} 1 main/binary-amd64/Packages\n");
    assert!(release(&[("SHA256:\n", &twice)]).is_err());
    assert!(matches!(release(&[("SHA256:\n", "SHA1:\n")]), Err(ReleaseError::WeakDigests { .. })));
}

#[test]
fn time_is_checked_as_source_and_configuration_say() {
    let release = release(&[]).expect("a Release file");
    let check = |line: &str, apt_conf: &str, days: i64| release.check(&source(line), &conf(apt_conf), after(days), false);
    let plain = "deb http://a.test/ bookworm main";
    for (line, apt_conf, days, good) in [
        (plain, "", 6, true),
        (plain, "", 8, false),
        (plain, "", -1, false),
        (plain, "Acquire::Check-Valid-Until \"false\";", 8, true),
        (plain, "Acquire::Check-Date \"false\";", -1, true),
        (plain, "Acquire::Check-Date \"false\";", 8, true),
        (plain, "Acquire::Max-FutureTime \"100000\";", -1, true),
        (plain, "Acquire::Max-ValidTime \"86400\";", 2, false),
        (plain, "Acquire::Max-ValidTime \"86400\"; Acquire::Max-ValidTime::Debian \"259200\";", 2, true),
        (plain, "Acquire::Min-ValidTime \"864000\";", 9, true),
        ("deb [check-valid-until=no] http://a.test/ bookworm main", "", 8, true),
        ("deb [check-valid-until=yes] http://a.test/ bookworm main", "Acquire::Check-Valid-Until no;", 8, false),
        ("deb [valid-until-max=86400] http://a.test/ bookworm main", "", 2, false),
        ("deb [check-date=no] http://a.test/ bookworm main", "", 8, true),
    ] {
        assert_eq!(check(line, apt_conf, days).is_ok(), good, "{line} {apt_conf} {days}");
    }
    let error = check(plain, "", 8).expect_err("expired");
    assert!(error.hint().is_some_and(|hint| hint.contains("--allow-expired")));
    assert_eq!(error.class(), Class::Input);
    let warnings = release.check(&debian(), &conf(""), after(8), true).expect("allowed");
    assert_eq!(warnings.len(), 1);
}

#[test]
fn another_suite_than_asked_for_is_a_warning() {
    let release = release(&[]).expect("a Release file");
    for (suite, warnings) in [("bookworm", 0), ("oldstable", 0), ("bookworm/updates", 0), ("trixie", 1)] {
        let source = source(&format!("deb http://a.test/ {suite} main"));
        assert_eq!(release.check(&source, &conf(""), after(1), false).expect("usable").len(), warnings, "{suite}");
    }
}

fn paths(plan: &FetchPlan) -> Vec<String> {
    plan.files.iter().flat_map(|f| &f.candidates).flat_map(|c| &c.paths).cloned().collect()
}

#[test]
fn index_files_are_asked_for_by_digest_and_smallest_first() {
    let plan = plan_fetch(&debian(), &release(&[]).expect("a Release file"), "amd64").expect("a plan");
    let by_hash = |component: &str| format!("dists/bookworm/{component}/binary-amd64/by-hash/SHA256/{HEX}");
    let named = |path: &str| format!("dists/bookworm/{path}");
    assert_eq!(
        paths(&plan),
        [
            by_hash("main"),
            named("main/binary-amd64/Packages.xz"),
            by_hash("main"),
            named("main/binary-amd64/Packages.gz"),
            by_hash("main"),
            named("main/binary-amd64/Packages"),
            by_hash("contrib"),
            named("contrib/binary-amd64/Packages.xz"),
        ]
    );
    assert_eq!(plan.files[0].plain.map(|(size, _)| size), Some(26));
    assert_eq!(plan.files[1].plain, None);
    let no_hash = plan_fetch(&debian(), &release(&[("By-Hash: yes", "By-Hash: no")]).expect("a file"), "amd64").expect("a plan");
    assert!(paths(&no_hash).iter().all(|path| !path.contains("by-hash")));
}

#[test]
fn packages_for_all_architectures_have_a_file_of_their_own_where_the_archive_says_so() {
    let separate = release(&[("No-Support-for-Architecture-all: Packages\n", "")]).expect("a Release file");
    let plan = plan_fetch(&debian(), &separate, "amd64").expect("a plan");
    let files: Vec<_> = plan.files.iter().map(|f| format!("{}/{}", f.component, f.architecture)).collect();
    assert_eq!(files, ["main/amd64", "main/all", "contrib/amd64"]);
}

#[test]
fn what_the_archive_does_not_have_is_a_warning_and_what_it_forgot_an_error() {
    let release = release(&[]).expect("a Release file");
    let plan = plan_fetch(&source("deb http://a.test/ bookworm main extra"), &release, "amd64").expect("a plan");
    assert_eq!((plan.files.len(), plan.warnings.len()), (1, 1));
    let plan = plan_fetch(&debian(), &release, "riscv64").expect("a plan");
    assert_eq!((plan.files.len(), plan.warnings.len()), (0, 2));
    assert!(matches!(plan_fetch(&debian(), &release, "arm64"), Err(ReleaseError::NoIndex { .. })));
}

#[test]
fn security_archives_and_flat_ones_are_understood() {
    let security = release(&[("Components: main contrib", "Components: updates/main updates/contrib")]).expect("a file");
    assert_eq!(plan_fetch(&debian(), &security, "amd64").expect("a plan").warnings, Vec::<String>::new());
    let flat = release(&[("main/binary-amd64/Packages", "Packages")]).expect("a Release file");
    let plan = plan_fetch(&source("deb http://a.test/x ./"), &flat, "amd64").expect("a plan");
    assert_eq!(plan.files.len(), 1);
    assert!(paths(&plan).contains(&"Packages.gz".to_owned()));
}

#[test]
fn a_path_that_leads_elsewhere_is_refused() {
    let evil = release(&[("contrib/binary-amd64/Packages.xz", "../x/binary-amd64/Packages.xz"), ("main contrib", "main ../x")]);
    let mut source = debian();
    source.components = vec!["../x".into()];
    let mut release = evil.expect("a Release file");
    release.components = vec!["../x".into()];
    assert!(matches!(plan_fetch(&source, &release, "amd64"), Err(ReleaseError::Malformed { .. })));
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "(Date: |SHA256:|[ -~\n]){0,80}") {
        if let Ok(text) = VerifiedText::trusted_by_source(text.as_bytes()) {
            let _ = Release::parse(&text, &debian());
        }
    }
}
