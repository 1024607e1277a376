//! Where an archive may be, and who logs in there.

use plywood::error::Class;
use plywood::http::Login;

use crate::archive::Archive;
use crate::bench::{Bench, names, request, told};

#[tokio::test]
async fn a_base_names_no_address_of_this_network() {
    let mut bench = Bench::new();
    bench.private = Vec::new();
    let uri = bench.archive.uri();
    for sources in
        [uri.clone(), uri.replace("127.0.0.1", "localhost"), "http://169.254.169.254/latest/".into(), "http://[::1]/".into()]
    {
        bench.sources = format!("deb {sources} stable main\n");
        let error = bench.choose(vec![request(&[&["alpha"]])]).await.unwrap_err();
        assert!(error.class() == Class::Remote && told(&error).contains("internal address"), "{}", told(&error));
        assert!(told(&error).contains("--allow-private"), "{}", told(&error));
    }
    assert!(bench.archive.log().is_empty());
    // A redirect of a public archive leads nowhere inside either; what the user names may be inside.
    bench.sources = format!("deb {uri} stable main\n");
    bench.mirrors = vec![(uri.clone(), uri.clone())];
    assert!(bench.choose(vec![request(&[&["alpha"]])]).await.is_ok());
    bench.forget();
    (bench.mirrors, bench.private) = (Vec::new(), vec!["127.0.0.1".into()]);
    assert!(bench.choose(vec![request(&[&["alpha"]])]).await.is_ok());
}

#[tokio::test]
async fn an_internal_archive_of_the_base_is_left_out_with_a_warning_where_another_serves() {
    let mut bench = Bench::new();
    let inside = Archive::start();
    bench.add_source(&inside, "stable");
    bench.private = vec![bench.archive.uri().trim_start_matches("http://").trim_end_matches("/debian/").to_owned()];
    let chosen = bench.choose(vec![request(&[&["delta"]])]).await.unwrap();
    assert_eq!(names(&chosen), ["delta 1.0"]);
    assert!(chosen.is_makeshift && chosen.warnings.iter().any(|w| w.contains("internal address")), "{:?}", chosen.warnings);
    assert!(inside.log().is_empty());
}

#[tokio::test]
async fn a_login_opens_its_archive_and_is_never_shown() {
    let mut bench = Bench::new();
    // `me` and `canary`, as Basic writes them.
    bench.archive.demand("Basic bWU6Y2FuYXJ5");
    let place = bench.archive.uri();
    for (login, opens) in [
        (String::new(), false),
        (format!("machine {place} login me password wrong"), false),
        (format!("machine {} login me password canary", place.trim_start_matches("http://")), false),
        (format!("machine {place}other/ login me password canary"), false),
        (format!("machine {place} login me password canary"), true),
    ] {
        bench.logins = Login::read("auth.conf", &login).unwrap();
        bench.forget();
        match bench.choose(vec![request(&[&["delta"]])]).await {
            Ok(chosen) => {
                assert!(opens, "{login}");
                bench.fetch(&chosen.packages).await.unwrap();
                assert!(!format!("{chosen:?}").contains("canary"));
            }
            Err(error) => {
                assert!(!opens && error.class() == Class::Authentication, "{}", told(&error));
                assert!(!format!("{} {error:?}", told(&error)).contains("canary"));
            }
        }
    }
}
