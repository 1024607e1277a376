//! First lines of scripts: Linux takes interpreters of 127 bytes; longer ones are looked for in PATH (libmamba).

/// The longest first line that every Linux runs.
const LONGEST: usize = 127;

/// The line with the interpreter's name alone, if it is too long and names one by its path.
pub(super) fn shortened(line: &[u8]) -> Option<Vec<u8>> {
    if line.len() <= LONGEST {
        return None;
    }
    let program = line.strip_prefix(b"#!")?.trim_ascii_start();
    if !program.starts_with(b"/") {
        return None;
    }
    let mut end = 0;
    while let Some(byte) = program.get(end) {
        match (byte, program.get(end + 1)) {
            // A blank may be escaped.
            (b'\\', Some(b' ')) => end += 2,
            (b' ' | b'\n' | b'\r' | b'\t', _) => break,
            _ => end += 1,
        }
    }
    let (path, rest) = program.split_at(end);
    let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    Some([b"#!/usr/bin/env ", name, rest].concat())
}

/// The line that runs `python`, for a script that python reads too.
pub(in crate::conda) fn of_python(python: &str) -> String {
    if python.len() > LONGEST - 2 || python.contains(' ') {
        format!("#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\" #'''")
    } else {
        format!("#!{python}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_too_long_line_changes() {
        let long = "x".repeat(120);
        for (line, result) in [
            ("#!/bin/sh".to_owned(), None),
            (format!("#!/{}/a", "x".repeat(122)), None),
            (format!("#!/{}/a", "x".repeat(123)), Some("#!/usr/bin/env a")),
            (format!("#! /{long}/perl -w x"), Some("#!/usr/bin/env perl -w x")),
            (format!("#!/{long}/my\\ perl -w"), Some("#!/usr/bin/env my\\ perl -w")),
            (format!("#!python {long}"), None),
        ] {
            assert_eq!(shortened(line.as_bytes()).as_deref(), result.map(str::as_bytes), "{line}");
        }
    }

    #[test]
    fn python_runs_through_the_shell_where_the_kernel_cannot() {
        assert_eq!(of_python("/p/bin/python3.12"), "#!/p/bin/python3.12");
        assert_eq!(of_python("/p q/python"), "#!/bin/sh\n'''exec' \"/p q/python\" \"$0\" \"$@\" #'''");
        assert!(of_python(&format!("/{}", "x".repeat(125))).starts_with("#!/bin/sh\n"));
    }
}
