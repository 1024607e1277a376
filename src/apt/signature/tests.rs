//! Signed files made by `GnuPG` (`fixtures/signature/make.sh`), each refusal beside the twin that passes.

use std::time::{Duration, SystemTime};

use super::super::files::tests::Made;
use super::super::sources::{KeyName, SignedBy};
use super::*;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/signature/", $name)).as_slice()
    };
}

const BOTH: [Policy; 2] = [Policy::Gpgv, Policy::Sqv];

/// A day after the fixtures were made, or so many days.
fn after(days: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600 + days * 86_400)
}

fn base() -> Made {
    [
        ("main.gpg", fixture!("main.gpg")),
        ("other.gpg", fixture!("other.gpg")),
        ("short.gpg", fixture!("short.gpg")),
        ("lone.gpg", fixture!("lone.gpg")),
        ("gone.gpg", fixture!("gone.gpg")),
        ("keybox.gpg", fixture!("keybox.gpg")),
        ("main.asc", fixture!("main.asc")),
        ("wrong.asc", fixture!("main.gpg")),
        ("wrong.gpg", fixture!("main.asc")),
    ]
    .iter()
    .fold(Made::default(), |made, (name, bytes)| made.with(&format!("/k/{name}"), bytes))
}

fn ring(names: &[&str]) -> Keyring {
    let names = names.iter().map(|n| KeyName::File(format!("/k/{n}"))).collect();
    Keyring::of(&SignedBy::Keys(names), &base(), Policy::Gpgv)
}

fn fingerprints() -> (String, String) {
    let text = String::from_utf8_lossy(fixture!("fingerprints.txt")).into_owned();
    let mut words = text.split_whitespace().map(str::to_owned);
    (words.next().expect("main"), words.next().expect("subkey"))
}

/// What `GnuPG` hashed: the dash stays, blanks at line ends go.
fn signed_text() -> Vec<u8> {
    String::from_utf8_lossy(fixture!("release.txt")).replace("blanks \t", "blanks").into_bytes()
}

#[test]
fn a_good_signature_gives_exactly_the_signed_text() {
    for policy in BOTH {
        let verified = verify_inrelease(fixture!("good.signed"), &ring(&["main.gpg"]), policy, after(1)).expect("good");
        assert_eq!(verified.text(), signed_text());
        assert_eq!(verified.signers(), [fingerprints().0]);
        let verified = verify_inrelease(fixture!("subkey.signed"), &ring(&["main.asc"]), policy, after(1)).expect("good");
        assert_eq!(verified.signers(), [fingerprints().1]);
    }
}

#[test]
fn line_ends_and_trailing_blanks_are_not_part_of_the_text() {
    let good = String::from_utf8_lossy(fixture!("good.signed"));
    for changed in [good.replace('\n', "\r\n"), good.replace("Suite: stable\n", "Suite: stable  \t\n")] {
        let verified = verify_inrelease(changed.as_bytes(), &ring(&["main.gpg"]), Policy::Gpgv, after(1)).expect("good");
        assert_eq!(verified.text(), signed_text());
    }
}

#[test]
fn a_changed_text_is_a_bad_signature() {
    let good = String::from_utf8_lossy(fixture!("good.signed"));
    for (from, to) in [("stable", "Stable"), ("- - dashed", "- - - dashed"), ("Suite: stable\n", ""), ("SHA256:\n", "SHA256:\n\n")]
    {
        let changed = good.replace(from, to);
        assert_ne!(changed, good, "{from}");
        let error = verify_inrelease(changed.as_bytes(), &ring(&["main.gpg"]), Policy::Gpgv, after(1)).expect_err(from);
        assert!(matches!(error, SignatureError::Bad { .. }), "{from}: {error}");
    }
}

#[test]
fn text_beside_the_message_is_refused() {
    let good = String::from_utf8_lossy(fixture!("good.signed")).into_owned();
    for (file, case) in [
        (format!("Suite: evil\n{good}"), "before"),
        (format!("{good}Suite: evil\n"), "after"),
        (format!("{good}{good}"), "two messages"),
        (good.replace("Hash: SHA512", "Hash: SHA512\nNotDashEscaped: You need GnuPG"), "a header"),
    ] {
        let error = verify_inrelease(file.as_bytes(), &ring(&["main.gpg"]), Policy::Gpgv, after(1)).expect_err(case);
        assert!(matches!(error, SignatureError::Malformed(_)), "{case}: {error}");
    }
    assert!(verify_inrelease(format!("\n{good}\n\n").as_bytes(), &ring(&["main.gpg"]), Policy::Gpgv, after(1)).is_ok());
    let large = vec![b'x'; MAX_RELEASE + 1];
    assert!(matches!(verify_inrelease(&large, &ring(&["main.gpg"]), Policy::Gpgv, after(1)), Err(SignatureError::TooLarge)));
}

#[test]
fn a_key_that_the_source_does_not_accept_is_not_enough() {
    let error = verify_inrelease(fixture!("other.signed"), &ring(&["main.gpg"]), Policy::Gpgv, after(1)).expect_err("unknown");
    assert!(matches!(error, SignatureError::UnknownKeys { .. }), "{error}");
    assert!(error.hint().is_some());
    for names in [&["main.gpg"][..], &["other.gpg"], &["main.gpg", "other.gpg"]] {
        let verified = verify_inrelease(fixture!("two.signed"), &ring(names), Policy::Gpgv, after(1)).expect("one is enough");
        assert_eq!(verified.signers().len(), names.len());
    }
    let error = verify_inrelease(fixture!("good.signed"), &ring(&[]), Policy::Gpgv, after(1)).expect_err("no key");
    assert!(matches!(error, SignatureError::NoKeys), "{error}");
}

#[test]
fn a_bad_signature_of_a_known_key_spoils_a_good_one() {
    // Beside the good signature of `other` stands one of `main`, over the same words with other line ends.
    let frame = String::from_utf8_lossy(fixture!("other.signed")).into_owned();
    let (frame, block) = frame.split_at(frame.find("-----BEGIN PGP SIGNATURE").expect("a block"));
    let (mut packets, _) = armour::read(block.as_bytes(), "SIGNATURE").expect("a signature");
    packets.extend_from_slice(fixture!("detached.gpg"));
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, packets);
    let mixed = format!("{frame}-----BEGIN PGP SIGNATURE-----\n\n{encoded}\n-----END PGP SIGNATURE-----\n");
    let verify = |names: &[&str]| verify_inrelease(mixed.as_bytes(), &ring(names), Policy::Gpgv, after(1));
    assert!(verify(&["other.gpg"]).is_ok());
    assert!(matches!(verify(&["main.gpg", "other.gpg"]), Err(SignatureError::Bad { .. })));
}

#[test]
fn expired_revoked_and_weak_signatures_are_worth_nothing() {
    for policy in BOTH {
        for (file, name, days, why) in [
            (fixture!("short.signed"), "short.gpg", 31, "expired"),
            (fixture!("lone.signed"), "lone.gpg", 31, "expired"),
            (fixture!("gone.signed"), "gone.gpg", 1, "revoked"),
            (fixture!("weak.signed"), "main.gpg", 1, "digest"),
        ] {
            let error = verify_inrelease(file, &ring(&[name]), policy, after(days)).expect_err(why);
            assert!(matches!(&error, SignatureError::Worthless { reasons } if reasons[0].contains(why)), "{name}: {error}");
        }
        for (file, name) in [(fixture!("short.signed"), "short.gpg"), (fixture!("lone.signed"), "lone.gpg")] {
            assert!(verify_inrelease(file, &ring(&[name]), policy, after(29)).is_ok(), "{name}");
        }
    }
}

#[test]
fn small_keys_end_at_the_day_of_the_policy() {
    // 2048 bits are trusted by Sequoia until February 2030, by gpgv without end.
    let later = after(365 * 5);
    assert!(verify_inrelease(fixture!("good.signed"), &ring(&["main.gpg"]), Policy::Gpgv, later).is_ok());
    let error = verify_inrelease(fixture!("good.signed"), &ring(&["main.gpg"]), Policy::Sqv, later).expect_err("weak");
    assert!(error.to_string().contains("kind or size"), "{error}");
}

#[test]
fn fingerprints_pick_keys_of_the_trusted_set() {
    let trusted = Made::default()
        .with("/etc/apt/trusted.gpg.d/main.gpg", fixture!("main.gpg"))
        .with("/etc/apt/trusted.gpg.d/other.asc", fixture!("other.asc"));
    let (main, subkey) = fingerprints();
    let verify = |file, names: &[(&str, bool)]| {
        let names = names.iter().map(|(hex, exact)| KeyName::Fingerprint { hex: (*hex).into(), exact: *exact }).collect();
        let ring = Keyring::of(&SignedBy::Keys(names), &trusted, Policy::Gpgv);
        verify_inrelease(file, &ring, Policy::Gpgv, after(1)).is_ok()
    };
    for (file, hex, exact, good) in [
        (fixture!("good.signed"), &main, false, true),
        (fixture!("good.signed"), &main, true, true),
        (fixture!("good.signed"), &subkey, false, false),
        (fixture!("subkey.signed"), &main, false, true),
        (fixture!("subkey.signed"), &main, true, false),
        (fixture!("subkey.signed"), &subkey, true, true),
        (fixture!("other.signed"), &main, false, false),
    ] {
        assert_eq!(verify(file, &[(hex, exact)]), good, "{hex} {exact}");
    }
    let all = Keyring::of(&SignedBy::TrustedSet, &trusted, Policy::Gpgv);
    assert!(verify_inrelease(fixture!("other.signed"), &all, Policy::Gpgv, after(1)).is_ok());
    let inline = SignedBy::Inline(String::from_utf8_lossy(fixture!("main.asc")).into_owned());
    let inline = Keyring::of(&inline, &trusted, Policy::Gpgv);
    assert!(verify_inrelease(fixture!("good.signed"), &inline, Policy::Gpgv, after(1)).is_ok());
    assert!(verify_inrelease(fixture!("other.signed"), &inline, Policy::Gpgv, after(1)).is_err());
}

#[test]
fn keyrings_of_the_wrong_form_are_warnings() {
    for name in ["keybox.gpg", "wrong.asc", "wrong.gpg", "absent.gpg"] {
        let ring = ring(&[name]);
        assert!(ring.is_empty() && ring.warnings().len() == 1, "{name}: {:?}", ring.warnings());
    }
    assert!(ring(&["main.gpg", "other.gpg"]).warnings().is_empty());
    let single = Made::default().with("/etc/apt/trusted.gpg", fixture!("main.gpg"));
    assert!(!Keyring::of(&SignedBy::TrustedSet, &single, Policy::Gpgv).is_empty());
    assert!(Keyring::of(&SignedBy::TrustedSet, &single, Policy::Sqv).is_empty());
}

#[test]
fn a_detached_signature_covers_the_file_byte_for_byte() {
    let ring = ring(&["main.gpg"]);
    let verify = |file: &[u8], signature: &[u8]| verify_detached(file, signature, &ring, Policy::Gpgv, after(1));
    for signature in [fixture!("detached.asc"), fixture!("detached.gpg"), fixture!("textmode.asc")] {
        let verified = verify(fixture!("release.txt"), signature).expect("good");
        assert_eq!(verified.text(), fixture!("release.txt"));
        let changed = [fixture!("release.txt"), b"x"].concat();
        assert!(matches!(verify(&changed, signature), Err(SignatureError::Bad { .. })));
    }
    let twice = [fixture!("detached.asc"), fixture!("detached.asc")].concat();
    assert!(matches!(verify(fixture!("release.txt"), &twice), Err(SignatureError::Malformed(_))));
    assert!(matches!(verify(fixture!("release.txt"), fixture!("main.gpg")), Err(SignatureError::Malformed(_))));
    assert!(matches!(verify(fixture!("release.txt"), b""), Err(SignatureError::Malformed(_))));
    // A signature over a file is not one over a clear-signed text, even where both have the same words.
    let clear = String::from_utf8_lossy(fixture!("good.signed")).into_owned();
    let frame = clear.split("-----BEGIN PGP SIGNATURE-----").next().expect("a frame").to_owned();
    let mixed = [frame.as_bytes(), fixture!("detached.asc")].concat();
    assert!(verify_inrelease(&mixed, &ring, Policy::Gpgv, after(1)).is_err());
}

#[test]
fn no_flipped_byte_is_taken_and_none_panics() {
    let ring = ring(&["main.gpg"]);
    let good = fixture!("good.signed");
    for at in 0..good.len() {
        let mut changed = good.to_vec();
        changed[at] ^= 0x04;
        if let Ok(verified) = verify_inrelease(&changed, &ring, Policy::Gpgv, after(1)) {
            assert_eq!(verified.text(), signed_text(), "byte {at}");
        }
    }
    for at in 0..fixture!("main.gpg").len() {
        let mut changed = fixture!("main.gpg").to_vec();
        changed[at] ^= 0x10;
        let made = Made::default().with("/k.gpg", &changed);
        let ring = Keyring::of(&SignedBy::Keys(vec![KeyName::File("/k.gpg".into())]), &made, Policy::Sqv);
        let _ = verify_inrelease(good, &ring, Policy::Sqv, after(1));
    }
}

#[test]
fn a_source_that_is_marked_as_trusted_needs_no_signature_but_a_whole_frame() {
    for (file, text) in [(fixture!("weak.signed"), signed_text()), (fixture!("release.txt"), fixture!("release.txt").to_vec())] {
        let taken = VerifiedText::trusted_by_source(file).expect("trusted");
        assert_eq!((taken.text(), taken.signers().len()), (text.as_slice(), 0));
    }
    let twice = [fixture!("good.signed"), fixture!("good.signed")].concat();
    assert!(matches!(VerifiedText::trusted_by_source(&twice), Err(SignatureError::Malformed(_))));
}
