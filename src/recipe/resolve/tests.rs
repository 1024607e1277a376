use super::*;
use crate::script::StandsFor;

fn resolved(units: &[(Rank, &str)]) -> Result<Resolved, String> {
    let units =
        units.iter().enumerate().map(|(i, (rank, text))| Unit::parse(&format!("u{i}"), *rank, text)).collect::<Result<_, _>>();
    let merged = Merged { units: units.map_err(|e: RecipeError| e.to_string())?, parameters: BTreeMap::new(), notes: Vec::new() };
    let env = BTreeMap::new();
    let around = Surroundings { parameters: BTreeMap::new(), env: &env, arch: "x86_64", deb_arch: "amd64" };
    resolve(&merged, &around).map_err(|e| e.to_string())
}

#[test]
fn wrong_values_are_told_with_their_place() {
    for (text, message) in [
        ("[[user]]\nname='a:b'\n", "u0:2:6: \"a:b\" cannot be the name of an account"),
        ("[[user]]\nname='a'\nuid='x'\n", "u0:3:5: \"x\" is not a user ID"),
        ("[[user]]\nname='123'\n", "u0:2:6: \"123\" cannot be the name of an account"),
        ("[[user]]\nname='a'\nuid=4294967295\n", "u0:3:5: \"4294967295\" is not a user ID"),
        ("[[file]]\nto='/x'\n", "u0:2:4: a file needs either `from` or `content`"),
        ("[[file]]\ncontent='a'\nto='x'\n", "u0:3:4: \"x\" is not an absolute path"),
        ("[[file]]\ncontent='a'\nto='/x/../y'\n", "u0:3:4: path \"/x/../y\" has a `..` component"),
        ("[[file]]\ncontent='a'\nto='/x'\nmode='999'\n", "u0:4:6: \"999\" is not a mode (expected 0755 or a+rX)"),
        (
            "[[file]]\ncontent='{nix}'\nto='/x'\n",
            "u0:2:9: `{nix}` names nothing: parameters are none; `{arch}`, `{deb_arch}` and `{env.NAME}` exist too",
        ),
        ("[[directory]]\npath='/x'\nowner='a b'\n", "u0:3:7: \"a b\" is not an owner (expected user, user:group or numbers)"),
        ("[[stand-in]]\nreason='r'\n", "u0:2:8: a stand-in is for a `program`, or for a `package` and its `script`"),
        ("[[stand-in]]\nprogram='/bin/x'\nreason='r'\n", "u0:2:9: a program is named without directories"),
        (
            "[[stand-in]]\npackage='x'\nscript='x'\nreason='r'\n",
            "u0:3:8: a script is one of config, preinst, postinst, prerm, postrm",
        ),
        ("[[stand-in]]\nprogram='x'\nreason=' '\n", "u0:3:8: a stand-in needs a reason, in one line"),
        ("[config.env]\n'a=b'='c'\n", "u0:2:7: \"a=b\" cannot be an environment variable"),
    ] {
        assert_eq!(resolved(&[(Rank::Recipe, text)]).expect_err(text), message);
    }
}

#[test]
fn recipes_conflict_and_stronger_units_override() {
    let (one, two) = ("[config.env]\nX='1'\n", "[config.env]\nX='2'\n");
    let error = resolved(&[(Rank::Recipe, one), (Rank::Recipe, two)]).expect_err("conflict");
    assert_eq!(error, "recipe u0 and recipe u1 disagree about env X");
    let file = resolved(&[(Rank::Recipe, one), (Rank::File, two)]).expect("the file wins");
    assert_eq!(file.config.env["X"], "2");
    assert_eq!(file.notes, ["env X of recipe u0 is replaced by u1"]);
    // A recipe that the file or `--with` adds stands after the profile, but is not stronger.
    let profile = resolved(&[(Rank::Profile, one), (Rank::Recipe, two)]).expect("the profile wins");
    assert_eq!(profile.config.env["X"], "1");
}

#[test]
fn an_empty_entrypoint_clears_and_an_absent_one_keeps() {
    let text = "[config]\nentrypoint = []\n";
    assert_eq!(resolved(&[(Rank::Profile, text)]).expect("reads").config.entrypoint, Some(Vec::new()));
    assert_eq!(resolved(&[(Rank::Profile, "")]).expect("reads").config.entrypoint, None);
}

#[test]
fn owners_are_names_or_numbers() {
    let names = |user: &str, group: Option<&str>| Some(Names { user: Some(user.into()), group: group.map(Into::into) });
    assert_eq!(Names::parse("a:root"), names("a", Some("root")));
    assert_eq!(Names::parse("1000"), names("1000", None));
    assert_eq!(Names::parse(":root"), Some(Names { user: None, group: Some("root".into()) }));
    for bad in ["", ":", "a:", "a:b:c", "a b", "4294967295"] {
        assert_eq!(Names::parse(bad), None, "{bad}");
    }
}

#[test]
fn a_number_key_accepts_a_string_that_is_a_number() {
    let unit = resolved(&[(Rank::Recipe, "[[user]]\nname='a'\nuid='1001'\nsudo='nopasswd'\n")]).expect("reads").units.remove(0);
    assert_eq!(unit.users[0].uid, Some(1001));
    assert_eq!(unit.users[0].home, EntryPath::new("home/a").expect("a path"));
    assert!(unit.users[0].sudo);
}

#[test]
fn a_stand_in_is_taken_as_it_is_written() {
    let text = "[[stand-in]]\nprogram='x*'\narguments='-a *'\nreason='why'\ntext='echo ${1%{b}}'\n";
    let unit = &resolved(&[(Rank::File, text)]).expect("reads").units[0];
    let of = StandsFor::Program { name: "x*".into(), arguments: Some("-a *".into()) };
    let stand_in = StandIn { recipe: "u0".into(), of, reason: "why".into(), text: Some("echo ${1%{b}}".into()) };
    assert_eq!(unit.stand_ins, [stand_in]);
    assert!(!unit.of_program);
}
