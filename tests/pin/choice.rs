//! What is chosen, in which order, and for which recipe.

use plywood::error::Class;
use plywood::pin::{Action, Call, SolverRequest};

use crate::bench::{Bench, names, request, told};

#[tokio::test]
async fn a_request_brings_its_closure_in_unpack_order_with_digests_and_canonical_places() {
    let bench = Bench::new();
    let chosen = bench.choose(vec![request(&[&["alpha"]])]).await.unwrap();
    assert_eq!(names(&chosen), ["delta 1.0", "beta 2.0", "alpha 1.0", "gamma 1.0"]);
    assert_eq!(chosen.calls.last(), Some(&Call::Finish));
    let unpacked: Vec<usize> = chosen.calls.iter().flat_map(|c| if let Call::Unpack(n) = c { n.clone() } else { vec![] }).collect();
    let mut configured: Vec<usize> =
        chosen.calls.iter().flat_map(|c| if let Call::Configure(n) = c { n.clone() } else { vec![] }).collect();
    configured.sort_unstable();
    assert_eq!((unpacked, configured), (vec![0, 1, 2, 3], vec![0, 1, 2, 3]));
    let automatic: Vec<bool> = chosen.packages.iter().map(|package| package.auto).collect();
    assert_eq!(automatic, [true, true, false, true]);
    let states = chosen.extended_states.unwrap();
    assert!(states.contains("Package: beta\n") && !states.contains("Package: alpha\n"), "{states}");
    let beta = &chosen.packages[1];
    assert_eq!(beta.location, Some(format!("{}pool/beta_2.0_amd64.deb", bench.archive.uri())));
    assert!(beta.sha256.is_some() && beta.size > 0 && beta.action == Action::Install);
    assert_eq!(chosen.indexes[0].uri, bench.archive.uri());
    assert_eq!(chosen.newest_release, Some(1_767_225_600));
}

#[tokio::test]
async fn recommended_packages_come_as_the_request_says_or_else_the_base() {
    let mut bench = Bench::new();
    let has_gamma = async |bench: &Bench, recommends| {
        let request = SolverRequest { recommends, ..request(&[&["alpha"]]) };
        names(&bench.choose(vec![request]).await.unwrap()).contains(&"gamma 1.0".to_owned())
    };
    assert!(has_gamma(&bench, None).await && !has_gamma(&bench, Some(false)).await);
    bench.files.push(("etc/apt/apt.conf", "APT::Install-Recommends \"no\";".into()));
    assert!(!has_gamma(&bench, None).await && has_gamma(&bench, Some(true)).await);
}

#[tokio::test]
async fn each_package_goes_to_the_first_unit_that_reaches_it() {
    let bench = Bench::new();
    let chosen = bench.choose(vec![request(&[&["epsilon"], &["zeta"], &["alpha", "spare"], &["tool"]])]).await.unwrap();
    let units: Vec<String> = chosen.packages.iter().map(|p| format!("{}:{}", p.recipe, p.name)).collect();
    for expected in
        ["epsilon:epsilon", "zeta:beta", "zeta:zeta", "alpha:alpha", "alpha:gamma", "alpha:spare", "tool:tool", "tool:toollib"]
    {
        assert!(units.contains(&expected.to_owned()), "{expected} in {units:?}");
    }
    // Nobody reaches it: it is upgraded with its source.
    assert!(units.contains(&"tool:tooldoc".to_owned()), "{units:?}");
    let tool = chosen.packages.iter().find(|package| package.name == "tool").unwrap();
    assert_eq!((tool.action, tool.old_version.as_deref()), (Action::Upgrade, Some("1.0")));
}

#[tokio::test]
async fn a_second_request_starts_where_the_first_ended() {
    let bench = Bench::new();
    let chosen = bench.choose(vec![request(&[&["alpha"]]), request(&[&["zeta", "beta"]])]).await.unwrap();
    assert_eq!(names(&chosen), ["delta 1.0", "beta 2.0", "alpha 1.0", "gamma 1.0", "zeta 1.0"]);
    assert_eq!(chosen.calls.iter().filter(|call| **call == Call::Finish).count(), 2);
    assert_eq!(chosen.calls[chosen.calls.len() - 3..], [Call::Unpack(vec![4]), Call::Configure(vec![4]), Call::Finish]);
    // The first request brought it for another package, the second one names it.
    assert!(!chosen.packages[1].auto && chosen.packages[0].auto);
    assert!(!chosen.extended_states.unwrap().contains("Package: beta\n"));
    assert!(chosen.notes.is_empty());
}

#[tokio::test]
async fn requests_that_would_undo_each_other_become_one() {
    let bench = Bench::new();
    let chosen = bench.choose(vec![request(&[&["alpha"]]), request(&[&["beta=1.0"]])]).await.unwrap();
    assert_eq!(names(&chosen), ["delta 1.0", "beta 1.0", "alpha 1.0", "gamma 1.0"]);
    assert_eq!(chosen.calls.iter().filter(|call| **call == Call::Finish).count(), 1);
    assert!(chosen.notes[0].contains("alpha, beta=1.0"), "{:?}", chosen.notes);
    let error = bench.choose(vec![request(&[&["spare"]]), request(&[&["clash"]])]).await.unwrap_err();
    assert_eq!(error.class(), Class::Input, "{}", told(&error));
}

#[tokio::test]
async fn what_cannot_be_chosen_says_why() {
    let bench = Bench::new();
    for (word, class, parts) in [
        ("alpah", Class::NotFound, ["\"alpah\" does not exist", "did you mean alpha"]),
        ("alpha=9", Class::NotFound, ["no version 9", "has 1.0"]),
        ("chain", Class::Input, ["chain depends on link", "link depends on absent (>= 2)"]),
        ("core-", Class::Refused, ["core would be removed", "essential"]),
        ("./some.deb", Class::Input, ["./some.deb", "no package for amd64"]),
        ("al*", Class::Usage, ["\"al*\" is a glob", "name the packages themselves"]),
        ("some^", Class::Usage, ["\"some^\" is a task", "name the packages themselves"]),
    ] {
        let error = bench.choose(vec![request(&[&[word]])]).await.unwrap_err();
        assert_eq!(error.class(), class, "{}", told(&error));
        for part in parts {
            assert!(told(&error).contains(part), "{part:?} in {}", told(&error));
        }
    }
}

#[tokio::test]
async fn a_removal_stands_where_it_happens() {
    let bench = Bench::new();
    let chosen = bench.choose(vec![request(&[&["delta"], &["tooldoc-"]])]).await.unwrap();
    let removed = chosen.packages.iter().position(|package| package.action == Action::Remove).unwrap();
    let package = &chosen.packages[removed];
    assert_eq!((package.name.as_str(), package.version.as_str(), package.recipe.as_str()), ("tooldoc", "1.0", "tooldoc-"));
    assert!(package.sha256.is_none() && package.location.is_none());
    assert!(chosen.calls.contains(&Call::Remove(vec![removed])), "{:?}", chosen.calls);
}

#[tokio::test]
async fn a_cycle_is_cut_at_the_package_without_a_script_and_the_scripts_are_remembered() {
    let bench = Bench::new();
    let configured = async || {
        let chosen = bench.choose(vec![request(&[&["left"]])]).await.unwrap();
        let order = chosen.calls.iter().find_map(|call| if let Call::Configure(n) = call { Some(n.clone()) } else { None });
        order.unwrap().into_iter().map(|at| chosen.packages[at].name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(configured().await, ["right", "left"]);
    assert!(bench.archive.log().iter().any(|path| path.starts_with("pool/")));
    assert_eq!(configured().await, ["right", "left"]);
    assert!(bench.archive.log().is_empty());
}

#[tokio::test]
async fn pins_of_the_base_count() {
    let mut bench = Bench::new();
    bench.files.push(("etc/apt/preferences", "Package: beta\nPin: version 1.0\nPin-Priority: 990\n".into()));
    let chosen = bench.choose(vec![request(&[&["alpha"]])]).await.unwrap();
    assert!(names(&chosen).contains(&"beta 1.0".to_owned()), "{:?}", names(&chosen));
}

#[tokio::test]
async fn nothing_asked_for_is_nothing_done() {
    let bench = Bench::new();
    let chosen = bench.choose(vec![SolverRequest::default(), request(&[])]).await.unwrap();
    assert_eq!(chosen, plywood::pin::Chosen::default());
    assert!(bench.archive.log().is_empty());
}
