//! The shell on small roots: provenance, existence of programs, limits, and what is refused.

use std::sync::Arc;

use proptest::prelude::*;

use crate::layer::root::{NoBodies, VirtualRoot};
use crate::rootfs::{Node, RootFs};
use crate::script::{Answers, Call, Commands, Environment, ExitStatus, Outcome, Package, Table, Uncovered, evaluate, parse};
use crate::stream::{Entry, EntryPath, Kind};

const TOOLS: &[&str] = &[
    "cat", "sed", "grep", "cut", "chown", "chmod", "ln", "stat", "id", "getent", "mktemp", "cp", "which", "sh", "true", "find",
    "seq",
];

pub(super) fn root(files: &[(&str, &str)]) -> VirtualRoot {
    let file = |path: &str, text: &str, mode: u32| Node {
        entry: Entry::new(EntryPath::new(path).expect("a path"), Kind::File { size: text.len() as u64 }, mode),
        bytes: Some(Arc::from(text.as_bytes())),
        digest: None,
        elf: None,
        layer: 0,
    };
    let tools = TOOLS.iter().map(|name| file(&format!("usr/bin/{name}"), "\x7fELF", 0o755));
    let files = files
        .iter()
        .map(|(path, text)| file(path, text, if text.starts_with("#!") || text.starts_with("\x7fELF") { 0o755 } else { 0o644 }));
    VirtualRoot::new(Arc::new(RootFs::from_nodes(tools.chain(files))), Arc::new(NoBodies))
}

pub(super) fn run(script: &str, root: &mut VirtualRoot, commands: &Commands) -> Result<Outcome, Uncovered> {
    let package = Package { name: "demo".into(), architecture: "amd64".into(), version: "1".into(), script: "postinst".into() };
    let mut answers = Answers::default();
    let mut environment = Environment { package: &package, commands, answers: &mut answers };
    evaluate(&parse(script.as_bytes())?, &["demo.postinst", "configure", ""], root, &mut environment)
}

fn output(script: &str, files: &[(&str, &str)]) -> (String, bool) {
    output_with(script, files, &Commands::standard())
}

pub(super) fn output_with(script: &str, files: &[(&str, &str)], commands: &Commands) -> (String, bool) {
    let outcome = run(script, &mut root(files), commands).expect("covered");
    (outcome.stdout.text().into_owned(), outcome.stdout.base)
}

fn refusal(script: &str, files: &[(&str, &str)]) -> Uncovered {
    run(script, &mut root(files), &Commands::standard()).expect_err("uncovered")
}

#[test]
fn what_is_read_from_the_base_stays_marked_on_every_way() {
    let files = [("etc/conf", "key=1\n"), ("etc/passwd", "root:x:0:0::/root:\nown:x:110:110::/:\n")];
    for (script, base) in [
        ("echo plain", false),
        ("cat /etc/conf", true),
        ("x=$(cat /etc/conf); y=${x#key=}; echo \"a$y\"", true),
        ("x=$(cat /etc/conf); echo ${#x}", true),
        ("read l < /etc/conf; echo $((${l#key=} + 1))", true),
        ("sed s/1/2/ < /etc/conf | cut -d= -f2", true),
        ("if grep -q key /etc/conf; then echo yes; fi", false),
        ("id -u root", false),
        ("id -u own", true),
        ("echo new > /etc/conf; cat /etc/conf", false),
        ("echo more >> /etc/conf; cat /etc/conf", true),
        ("cp /etc/conf /etc/b; cat /etc/b", true),
        ("sed -i s/1/2/ /etc/conf; cat /etc/conf", true),
        ("f() { echo \"$1\"; }; f \"$(cat /etc/conf)\"", true),
        ("for w in $(cat /etc/conf); do echo $w; done", true),
        ("printf '%s\\n' \"$(cat /etc/conf)\"", true),
        ("cat <<E\n$(cat /etc/conf)\nE", true),
    ] {
        assert_eq!(output(script, &files).1, base, "{script}");
    }
}

#[test]
fn ids_of_the_base_mark_what_they_are_given_to() {
    let mut root = root(&[("etc/passwd", "root:x:0:0::/root:\nown:x:110:110::/:\n"), ("etc/group", "root:x:0:\nown:x:110:\n")]);
    run("echo a > /a; chown root:root /a; echo b > /b; chown own:own /b", &mut root, &Commands::standard()).expect("covered");
    let ids = |path: &[u8]| root.stat(path).expect("there").provenance.ids;
    assert!(!ids(b"/a") && ids(b"/b"));
    assert_eq!(root.stat(b"/b").expect("there").owner.gid, 110);
}

#[test]
fn a_command_exists_only_if_its_file_does() {
    let (text, _) =
        output("command -v sed; command -v sort || echo none; which cat; [ -x /usr/bin/sort ] || echo no; command -v echo", &[]);
    assert_eq!(text, "/usr/bin/sed\nnone\n/usr/bin/cat\nno\necho\n");
    assert_eq!(run("sort", &mut root(&[]), &Commands::standard()).expect("covered").status, ExitStatus::NOT_FOUND);
    let late = "command -v late || echo before; echo '#!/bin/sh' > /usr/bin/late; chmod +x /usr/bin/late; command -v late";
    assert_eq!(output(late, &[]).0, "before\n/usr/bin/late\n");
}

#[test]
fn what_is_not_covered_is_told_with_line_command_and_reason() {
    let files =
        [("usr/bin/java", "\x7fELF"), ("usr/share/demo/helper", "#!/bin/sh\n\njava -x\n"), ("usr/bin/tool", "#!/usr/bin/perl\n")];
    for (script, line, command, reason) in [
        ("\n\njava -version", 3, "java -version", "program that is not covered"),
        ("tool a", 1, "tool a", "perl"),
        ("x=1\ngrep -P x /etc/none", 2, "grep -P x /etc/none", "option -P"),
        ("if true; then\n  sed 'H;G' /etc/none\nfi", 2, "sed H;G /etc/none", "command H"),
        ("echo $(\njava\n)", 2, "java", "not covered"),
        ("sleep 1 &", 1, "&", "background"),
        ("a=(1 2)", 1, "", ""),
        ("x=1\n[[ a = b ]]", 2, "[[", "POSIX"),
        ("cat <<< x", 1, "", ""),
        ("#!/bin/bash\necho 'a\\n'", 2, "echo", "bash"),
        ("#!/usr/bin/perl\n", 1, "#!/usr/bin/perl", "only shell"),
        ("if true; then", 1, "", "syntax error"),
    ] {
        let found = refusal(script, &files);
        assert!(line == found.line && found.command.contains(command) && found.reason.contains(reason), "{script}: {found:?}");
    }
    let found = refusal("/usr/share/demo/helper", &files);
    assert_eq!((found.file.as_deref(), found.line), (Some("/usr/share/demo/helper"), 3));
}

#[test]
fn a_script_of_the_root_is_evaluated_as_a_command() {
    let files = [
        ("usr/sbin/helper", "#!/bin/sh -e\necho \"$0 $1 $X\"\nfalse\necho no\n"),
        ("usr/share/lib.sh", "hello() { echo \"hello $1\"; }\n"),
    ];
    let script = "export X=exported; Y=1; helper a || echo \"ended $?\"; . /usr/share/lib.sh; hello you";
    assert_eq!(output(script, &files).0, "/usr/sbin/helper a exported\nended 1\nhello you\n");
}

#[test]
fn a_native_library_stands_for_the_file_that_is_sourced() {
    #[expect(clippy::unnecessary_wraps, reason = "the shape of a command")]
    fn get(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
        call.assignments.push((b"RET".to_vec(), crate::script::Value::with("answer", true)));
        Ok(ExitStatus::SUCCESS)
    }
    const LIBRARY: Table = &[("db_get", &get)];
    let mut commands = Commands::standard();
    commands.add_library("usr/share/debconf/confmodule", LIBRARY);
    let files = [("usr/share/debconf/confmodule", "exec 3>&1\nunreadable (")];
    let script = "db_get x || echo absent; . /usr/share/debconf/confmodule; db_get x; echo $RET";
    let outcome = run(script, &mut root(&files), &commands).expect("covered");
    assert_eq!((outcome.stdout.text().into_owned(), outcome.stdout.base), ("absent\nanswer\n".into(), true));
}

#[test]
fn dpkg_s_variables_are_set_and_proc_is_not_there() {
    let script = "echo \"$1|$2|$#|$DPKG_MAINTSCRIPT_PACKAGE|$DPKG_MAINTSCRIPT_ARCH|$DPKG_MAINTSCRIPT_NAME|$DPKG_ROOT|$DEBIAN_FRONTEND\"
        [ -d /run/systemd/system ] || echo none; [ -t 0 ] || echo dumb; [ -e /proc/mounts ] || echo noproc; [ -r /dev/null ] && echo null";
    assert_eq!(output(script, &[]).0, "configure||2|demo|amd64|postinst||noninteractive\nnone\ndumb\nnoproc\nnull\n");
}

#[test]
fn hostile_scripts_end() {
    let deep = "(".repeat(5000) + "true" + &")".repeat(5000);
    let wide = format!("x={}\n", "$(".repeat(3000));
    let quoted = "\"${x:-".repeat(3000) + &"}\"".repeat(3000);
    let patterns = "case aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa in *a*a*a*a*a*a*a*a*b) ;; esac; while :; do :; done";
    for script in [
        "while :; do :; done",
        "while true; do x=1; done",
        "x=a; while :; do x=$x$x; done",
        "f() { f; }; f",
        "f() { echo $(f); }; f",
        "f() { f | f; }; f",
        "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done",
        "while :; do echo a >> /f; done",
        "while :; do mktemp; done",
        "eval 'while :; do eval \"eval :\"; done'",
        "echo '. /f' > /f; . /f",
        "printf '#!/bin/sh\\n/f\\n' > /f; chmod +x /f; /f",
        "set -- a; while :; do set -- \"$@\" \"$@\"; done",
        "x='eval \"$x\"'; eval \"$x\"",
        "trap 'while :; do :; done' EXIT",
        "echo $((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))",
        "echo 1 99999999999>x",
        "b() { b | b & }; b",
        "seq 1 999999999",
        "for i in $(seq 1 99999999); do :; done",
        "echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa > /a; while :; do cat /a /a > /b; cat /b /b > /a; done",
        "x=$(printf '%0999999999d' 1)",
        "while :; do ln -s /a$i /b$i; i=$((i + 1)); done",
        "while :; do mkdir -p a/b/c/d/e; cd a; done",
        "find / -exec find / ';'; while :; do find /; done",
        "trap 'exit' EXIT; while :; do (exit 1); done",
        "while :; do xargs -n 1 echo < /usr/bin/sed; done",
        &deep,
        &wide,
        &quoted,
        patterns,
    ] {
        let result =
            parse(script.as_bytes()).map(|_| ()).and_then(|()| run(script, &mut root(&[]), &Commands::standard()).map(|_| ()));
        assert!(result.is_err() || script.starts_with("echo $(("), "{script:.60}");
    }
}

#[test]
fn patterns_cost_what_matching_them_takes() {
    // 2^15 bytes; as a pattern and as a text they are a thousand million steps.
    let long = "s=aaaaaaaa; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do s=$s$s; done; ";
    for hostile in [r#"case $s in *"$s"b) ;; esac"#, r"p=*[$s; case $s in $p) ;; esac", r#"s=${s%*"$s"b*}"#] {
        assert!(refusal(&format!("{long}{hostile}"), &[]).to_string().contains("step limit"), "{hostile}");
    }
    let plain = r"case $s in *b*) ;; a*) echo yes ;; esac; s=${s#aaaa}; case $s in aaa*) echo ${#s} ;; esac";
    assert_eq!(output(&format!("{long}{plain}"), &[]), ("yes\n32764\n".into(), false));
}

#[test]
fn a_script_of_five_megabytes_ends() {
    let script = format!(": {}\n", "a".repeat(500)).repeat(10_000);
    assert!(run(&script, &mut root(&[]), &Commands::standard()).is_ok_and(|outcome| outcome.status.success()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn no_bytes_make_the_evaluator_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(script) = parse(&bytes) {
            let package = Package::default();
            let (commands, mut answers) = (Commands::standard(), Answers::default());
            let mut environment = Environment { package: &package, commands: &commands, answers: &mut answers };
            let result = evaluate(&script, &["x"], &mut root(&[]), &mut environment);
            prop_assert!(!matches!(result, Err(uncovered) if uncovered.reason.contains("broke off")));
        }
    }

    #[test]
    fn no_words_of_the_language_make_it_panic(words in prop::collection::vec(prop::sample::select(vec![
        "if", "then", "fi", "else", "while", "do", "done", "for", "in", "case", "esac", "a)", ";;", "{", "}", "(", ")", "|", "&&", "||", "!", ";",
        "\n", "x=1", "$x", "\"$@\"", "${x:-", "}", "$(", "`", "'", "\"", "echo", "cat", "<<E", "E", "\nE\n", ">f", "2>&1", "<f", "f()", "sed", "s/a/b/",
        "grep", "-q", "[", "]", "-f", "set", "-e", "trap", "EXIT", "eval", "shift", "$((", "))", "+", "*", "\\", "read", "local", "return", "break", "exit",
    ]), 0..25)) {
        let text = words.join(" ");
        if let Ok(script) = parse(text.as_bytes()) {
            let package = Package::default();
            let (commands, mut answers) = (Commands::standard(), Answers::default());
            let mut environment = Environment { package: &package, commands: &commands, answers: &mut answers };
            let result = evaluate(&script, &["x"], &mut root(&[]), &mut environment);
            prop_assert!(!matches!(result, Err(uncovered) if uncovered.reason.contains("broke off")), "{}", text);
        }
    }
}
