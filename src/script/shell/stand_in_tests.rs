//! Stand-ins and aliases on small roots.

use super::tests::{output_with, root, run};
use crate::script::{Answers, Commands, Environment, Package, PassedOver, StandIn, StandsFor, evaluate, parse};

fn stand_in(name: &str, arguments: Option<&str>, text: Option<&str>) -> StandIn {
    let of = StandsFor::Program { name: name.into(), arguments: arguments.map(Into::into) };
    StandIn { recipe: "mine".into(), of, reason: "made otherwise".into(), text: text.map(Into::into) }
}

fn commands(stand_ins: &[StandIn]) -> Commands {
    let mut commands = Commands::standard();
    commands.add_stand_ins(stand_ins.iter().cloned());
    commands
}

const FILES: &[(&str, &str)] = &[("usr/lib/x/query-3.0", "\x7fELF"), ("usr/bin/tool", "#!/usr/bin/perl\n"), ("etc/conf", "base\n")];

#[test]
fn a_stand_in_is_evaluated_where_its_program_is_called_and_only_there() {
    let own = [stand_in("query-*", Some("-a *"), Some("echo \"${0##*/}:$2\"; cat; exit 3"))];
    let script = "echo in | /usr/lib/x/query-3.0 -a 'b c'; echo $?; command -v query-3.0 || echo absent; query-3.0 -a x; echo $?";
    let (text, base) = output_with(script, FILES, &commands(&own));
    assert_eq!((text.as_str(), base), ("query-3.0:b c\nin\n3\nabsent\n127\n", false));
    assert!(output_with("tool < /etc/conf", FILES, &commands(&[stand_in("tool", None, Some("cat"))])).1, "what it reads counts");
    let other = run("/usr/lib/x/query-3.0 -b", &mut root(FILES), &commands(&own)).expect_err("other arguments are not covered");
    assert!(other.reason.contains("not covered"), "{other}");
}

#[test]
fn the_last_stand_in_that_fits_counts_also_before_a_native_command() {
    let weak = stand_in("cat", None, Some("echo weak"));
    let strong = stand_in("cat", Some("/x"), Some("echo strong"));
    let all = commands(&[weak, strong]);
    assert_eq!(output_with("cat /x; cat /y", FILES, &all).0, "strong\nweak\n");
    let nothing = commands(&[stand_in("tool", None, None)]);
    assert_eq!(output_with("tool && echo done", FILES, &nothing).0, "done\n");
}

#[test]
fn what_is_passed_over_is_noted_once_with_its_reason() {
    let all = commands(&[stand_in("tool", None, None)]);
    let (package, mut answers) = (Package::default(), Answers::default());
    let mut environment = Environment { package: &package, commands: &all, answers: &mut answers };
    let script = parse(b"tool; tool; true").expect("reads");
    evaluate(&script, &["x"], &mut root(FILES), &mut environment).expect("covered");
    let passed = PassedOver { what: "tool".into(), recipe: Some("mine".into()), reason: "made otherwise".into() };
    assert_eq!(answers.passed_over, [passed]);
}

#[test]
fn a_stand_in_that_is_not_covered_names_its_recipe_and_one_that_calls_itself_ends() {
    let bad = run("tool", &mut root(FILES), &commands(&[stand_in("tool", None, Some("true\n/usr/lib/x/query-3.0"))]));
    let bad = bad.expect_err("not covered");
    assert_eq!((bad.file.as_deref(), bad.line), (Some("recipe mine"), 2));
    assert!(run("tool", &mut root(FILES), &commands(&[stand_in("tool", None, Some("tool"))])).is_err());
    assert!(run("tool", &mut root(FILES), &commands(&[stand_in("tool", None, Some("if"))])).is_err());
}

#[test]
fn an_alias_of_a_simple_command_is_that_command() {
    let all = Commands::standard();
    let script = "alias strip=\"sed -e 's/ *$//' -e 's/^ *//'\"\necho ' a b ' | strip\nunalias strip; strip || echo gone";
    assert_eq!(output_with(script, FILES, &all).0, "a b\ngone\n");
    for refused in ["alias x='a; b'", "alias x='a '", "alias x=", "alias x='x -a'", "alias", "alias x='a | b'", "alias x='if'"] {
        let result = run(&format!("{refused}\nx"), &mut root(FILES), &all);
        assert!(result.is_err() || refused == "alias", "{refused}");
    }
}
