//! The evaluator against the real `dash`, `sed`, `grep`, `mawk` and coreutils, which every Debian has: the same scripts,
//! the same output and status. Scripts use only relative paths in an empty folder, so both sides see the same files.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use plywood::layer::root::{NoBodies, VirtualRoot};
use plywood::rootfs::{Node, RootFs};
use plywood::script::{Answers, Commands, Environment, Package, evaluate, parse};
use plywood::stream::{Entry, EntryPath, Kind};

const TOOLS: &[&str] = &[
    "awk",
    "basename",
    "cat",
    "chmod",
    "cmp",
    "cp",
    "cut",
    "dirname",
    "echo",
    "env",
    "expr",
    "false",
    "find",
    "getopt",
    "grep",
    "head",
    "install",
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mv",
    "printf",
    "readlink",
    "rm",
    "rmdir",
    "run-parts",
    "sed",
    "seq",
    "sha256sum",
    "sort",
    "stat",
    "tac",
    "tail",
    "tee",
    "touch",
    "tr",
    "true",
    "uniq",
    "wc",
    "xargs",
    "egrep",
    "fgrep",
    "dash",
];

fn root() -> VirtualRoot {
    let tool = |name: &&str| Node {
        entry: Entry::new(EntryPath::new(format!("usr/bin/{name}")).expect("a path"), Kind::File { size: 1 }, 0o755),
        bytes: None,
        digest: None,
        elf: None,
        layer: 0,
    };
    VirtualRoot::new(Arc::new(RootFs::from_nodes(TOOLS.iter().map(tool))), Arc::new(NoBodies))
}

fn ours(script: &str) -> Result<(String, i32), String> {
    let script = parse(script.as_bytes()).map_err(|uncovered| uncovered.to_string())?;
    let (package, commands, mut answers) = (Package::default(), Commands::standard(), Answers::default());
    let mut root = root();
    // The base's own top level is no part of what a script in an empty folder sees.
    root.mkdir_p(b"/work", 0o755).expect("made");
    let mut environment = Environment { package: &package, commands: &commands, answers: &mut answers };
    let outcome = evaluate(&script, &["script", "one", "two words", ""], &mut root, &mut environment);
    let outcome = outcome.map_err(|uncovered| uncovered.to_string())?;
    Ok((String::from_utf8_lossy(&outcome.stdout.bytes).into_owned(), i32::from(outcome.status.0)))
}

fn theirs(script: &str, folder: &Path) -> (String, i32) {
    let work = tempfile::tempdir_in(folder).expect("a folder");
    let mut command = Command::new("dash");
    command.arg("-c").arg(script).args(["script", "one", "two words", ""]).current_dir(work.path());
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/root").env("LC_ALL", "C");
    let output = command.stdin(Stdio::null()).output().expect("dash runs");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code().unwrap_or(-1))
}

/// Runs every script of a table on both sides; all differences are told at once.
fn agree(scripts: &[String]) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut wrong = Vec::new();
    for script in scripts {
        let expected = theirs(script, folder.path());
        let found = ours(&format!("cd /work\n{script}"));
        if found.as_ref() != Ok(&expected) {
            wrong.push(format!("--- {script}\n dash: {expected:?}\n ours: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), scripts.len(), wrong.join("\n"));
}

fn table(text: &str) -> Vec<String> {
    text.split("\n%%\n").map(str::trim).filter(|script| !script.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_shell_evaluates_as_dash_does() {
    agree(&table(include_str!("script_oracle/shell.txt")));
}

#[test]
fn text_tools_print_what_the_real_ones_print() {
    agree(&table(include_str!("script_oracle/text.txt")));
}

#[test]
fn file_tools_leave_what_the_real_ones_leave() {
    agree(&table(include_str!("script_oracle/files.txt")));
}

#[test]
fn every_tool_treats_every_input_alike() {
    let inputs = [
        "",
        "\\n",
        "a b c\\n",
        "root:x:0:0\\nuser:x:1000\\n",
        "  lead  trail  \\n\\n",
        "b\\na\\nc\\na\\n10\\n9\\n",
        "no newline",
        "#c\\nk = v\\n[x]\\n",
    ];
    let tools = [
        "cat",
        "sed -n p",
        "sed s/a/b/",
        "sed 's/[a-c]*/<&>/g'",
        "sed -n '$p'",
        "sed '1d'",
        "sed '/^#/d;/^$/d'",
        "sed -e 's/^[ \\t]*//' -e 's/ *$//'",
        "sed -E 's/(a|x)+/[\\1]/'",
        "sed 2q",
        "sed -n '/a/,/c/p'",
        "sed '$!d'",
        "sed 's/ /\\n/g'",
        "sed '/a/i before'",
        "sed '$a after'",
        "sed =",
        "sed -n '2,$p'",
        "sed 's/.*:\\([^:]*\\)$/\\1/'",
        "sed 's,x,/,2'",
        "sed y/abc/xyz/",
        "sed '1!s/a/A/'",
        "sed '2,3c new'",
        "sed -n 's/a/&&/p'",
        "grep a",
        "grep -v a",
        "grep -c a",
        "grep -n .",
        "grep -x a",
        "grep -F .",
        "grep -E 'a|b'",
        "grep -o '[a-z]*'",
        "grep -i A",
        "grep -q a",
        "grep -w a",
        "grep '^[[:space:]]*$'",
        "grep -e a -e b",
        "grep -m 1 .",
        "grep -E '^[^#]+$'",
        "grep 'a\\|1'",
        "grep -E '(r|u)[a-z]{2,}'",
        "grep -nv '^#'",
        "awk '{print $1}'",
        "awk '{print $NF}'",
        "awk -F: '{print $1, $3}'",
        "awk '/a/{print}'",
        "awk 'NR==1{print $2}'",
        "awk -F: '$3 == 0 {print $1}'",
        "awk '{print NR \":\" $0}'",
        "awk '{print NF}'",
        "awk '!/a/'",
        "awk '$1 ~ /^a/ {print $1; exit}'",
        "awk -F '[=:]' '{print $2}'",
        "awk '/^a/ {gsub(\"a\", \"\"); sub(/b/, \"x\"); last=$0;} END {print last}'",
        "awk '{first=$1 \"-\" NR} END {print first, NR}'",
        "awk 'NR==1{seen=$1; exit} END {print \"end\" seen}'",
        "sed '0,/a/s/a/first/'",
        "sed -e '0,/^$/ s/^$/gone/'",
        "cut -d: -f1",
        "cut -d: -f1,3-",
        "cut -c1-3",
        "cut -d' ' -f2 -s",
        "cut -f1",
        "tr a-z A-Z",
        "tr -d '\\n'",
        "tr -s ' '",
        "tr -cd '[:alnum:]\\n'",
        "tr ' ' '\\n'",
        "tr '[:lower:]' '[:upper:]'",
        "sort",
        "sort -u",
        "sort -n",
        "sort -r",
        "sort -rn",
        "sort -k2",
        "sort -t: -k3,3n",
        "sort -f",
        "uniq",
        "uniq -c",
        "uniq -d",
        "uniq -u",
        "head -n 1",
        "head -2",
        "head -c 3",
        "head -n -1",
        "tail -n 1",
        "tail -1",
        "tail -n +2",
        "tail -c 4",
        "wc -l",
        "wc -c",
        "wc -w",
        "md5sum",
        "sha256sum",
        "tac",
        "tee copy",
        "xargs",
        "xargs -n 1 echo x",
        "xargs -r echo",
        "while read -r a b; do echo \"<$a><$b>\"; done",
        "while read a; do echo \"$a\"; done",
        "while IFS=: read -r a b c; do echo \"$c|$b|$a\"; done",
        "(read x; echo \"$x\"; cat)",
    ];
    let scripts: Vec<String> =
        inputs.iter().flat_map(|input| tools.iter().map(move |tool| format!("printf '{input}' | {tool}; echo \"=$?\""))).collect();
    agree(&scripts);
}
