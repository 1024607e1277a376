//! On a tree in memory: what is written, and what stays.

use proptest::prelude::*;

use super::super::tree::Tree;
use super::*;

const TEMPLATES: &str = "Template: a/where\nType: select\nChoices: ${list}\nDefault: two\nDescription: Where?\n A long\n text.\n .\n  as it is\n  too\n end\nDescription-pt_BR.UTF-8: Onde?\n\nTemplate: a/yes\nType: boolean\nDefault: true\nDescription: Yes?\n\n\nTemplate: a/secret\nType: password\nDescription: Secret?\n";

fn loaded() -> Debconf {
    let mut database = Debconf::default();
    database.load_templates("a.templates", TEMPLATES.as_bytes(), "a").expect("loaded");
    database
}

fn say(database: &mut Debconf, line: &str) -> (u8, String) {
    let words: Vec<&str> = line.split(' ').collect();
    let reply = Session::new(database, "a").command(&words);
    (reply.code, reply.text)
}

#[test]
fn templates_are_written_as_debconf_writes_them() {
    let mut tree = Tree::new();
    tree.apply_all(&loaded().writes());
    let templates = tree.text("/var/cache/debconf/templates.dat").expect("bytes").unwrap_or_default();
    let expected = "Name: a/where\nChoices: ${list}\nDefault: two\nDescription: Where?\nDescription-pt_br.utf-8: Onde?\nExtended_description: A long text.\\n\\n as it is\\n too\\nend\nType: select\nOwners: a/where\n\n";
    assert!(templates.contains(expected), "{templates}");
    let config = tree.text("/var/cache/debconf/config.dat").expect("bytes").unwrap_or_default();
    assert_eq!(config, "Name: a/where\nTemplate: a/where\nOwners: a\n\nName: a/yes\nTemplate: a/yes\nOwners: a\n\n");
    assert_eq!(tree.get("/var/cache/debconf/passwords.dat").map(|p| p.mode), Some(0o600));
    let again = Debconf::of(&tree).expect("read again");
    assert_eq!(again.writes(), []);
}

#[test]
fn nobody_is_asked_and_defaults_stand() {
    let mut database = loaded();
    let table = [
        ("get a/yes", 0, "true"),
        ("get a/none", 10, "a/none doesn't exist"),
        ("input high a/yes", 30, "question skipped"),
        ("fget a/yes seen", 0, "false"),
        ("set a/yes false or not", 0, "value set"),
        ("get a/yes", 0, "false or not"),
        ("fset a/yes seen true", 0, "true"),
        ("reset a/yes", 0, ""),
        ("get a/yes", 0, "true"),
        ("fget a/yes seen", 0, "false"),
        ("subst a/where list one, two\\, three, four", 0, ""),
        ("metaget a/where choices", 0, "one, two\\, three, four"),
        ("metaget a/where owners", 0, "a"),
        ("register a/yes a/other", 0, ""),
        ("exist a/other", 0, "true"),
        ("version 2.0", 0, "2.0"),
        ("nonsense", 20, "Unsupported command \"nonsense\" or incorrect number of arguments"),
    ];
    for (line, code, text) in table {
        assert_eq!(say(&mut database, line), (code, text.to_owned()), "{line}");
    }
    let mut session = Session::new(&mut database, "a");
    for words in [["input", "high", "a/where"].as_slice(), &["go"]] {
        session.command(words);
    }
    assert_eq!(database.value("a/where").as_deref(), Some("one"), "a default that is no choice gives the first");
    assert_eq!(say(&mut database, "purge"), (0, String::new()));
    assert_eq!((database.config, database.templates), (Items::default(), Items::default()));
}

#[test]
fn a_users_answer_survives_another_load() {
    let mut database = loaded();
    say(&mut database, "set a/yes false");
    database.load_templates("a.templates", TEMPLATES.as_bytes(), "b").expect("loaded");
    assert_eq!(database.value("a/yes").as_deref(), Some("false"));
    assert_eq!(say(&mut database, "metaget a/yes owners").1, "a, b");
    say(&mut database, "purge");
    assert_eq!(database.value("a/yes").as_deref(), Some("false"));
}

#[test]
fn broken_templates_are_refused() {
    for bad in ["Type: string\n", "Template: a\n", "Template: a\nType: s\nType: s\n", " x\n", "Template: a\nType: s\nnonsense\n"] {
        assert!(parse_templates("x", bad.as_bytes()).is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(value in "[a-z \\\\\n,=:]{0,20}") {
        let mut database = loaded();
        Session::new(&mut database, "a").command(&["set", "a/yes", &value]);
        let bytes = database.config.bytes();
        let once = Items::parse("x", &bytes).expect("ours");
        prop_assert_eq!(once.bytes(), bytes);
    }
}
