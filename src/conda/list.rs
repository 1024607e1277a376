//! Lists of packages: `@EXPLICIT` files (conda-lock, `conda list --explicit`) and an installer's `urls`, one address a line.
//!
//! Invariant: every line is understood or refused; of two packages of one name nobody could say which one is linked.

use serde::{Deserialize, Serialize};

use super::CondaError;
use crate::http::Url;
use crate::oci::Digest;

/// A package of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Where it lies, without fragment.
    pub url: String,
    /// The last part of the address.
    pub file: String,
    /// `#MD5`, lower case.
    pub md5: Option<String>,
    /// `#sha256:HEX`
    pub sha256: Option<Digest>,
}

impl Wanted {
    /// The file's name without its ending: `python-3.12.7-hc5c86c4_0_cpython`.
    pub fn distribution(&self) -> &str {
        let file = self.file.as_str();
        file.strip_suffix(".conda").or_else(|| file.strip_suffix(".tar.bz2")).unwrap_or(file)
    }
    /// The folder of the address: `linux-64`.
    pub fn subdir(&self) -> &str {
        self.url.rsplit('/').nth(1).unwrap_or_default()
    }
    /// The address above the folder.
    pub fn channel(&self) -> &str {
        self.url.strip_suffix(&format!("/{}/{}", self.subdir(), self.file)).unwrap_or_default()
    }
}

/// Whether a text is a list, and no environment in another form.
pub fn is_explicit(text: &str) -> bool {
    text.lines().any(|line| line.trim() == "@EXPLICIT")
}

/// The packages of an `@EXPLICIT` file, in its order. `file` is what messages call it.
pub fn explicit(file: &str, text: &str) -> Result<Vec<Wanted>, CondaError> {
    let at = text.lines().position(|line| line.trim() == "@EXPLICIT");
    let Some(at) = at else {
        let problem = "it has no line @EXPLICIT; `conda list --explicit --md5` and conda-lock's explicit kind write one".to_owned();
        return Err(CondaError::List { file: file.into(), line: 1, problem });
    };
    let before = text.lines().take(at).enumerate().find(|(_, line)| !is_comment(line));
    if let Some((number, line)) = before {
        return Err(CondaError::List {
            file: file.into(),
            line: number + 1,
            problem: format!("{:?} stands before @EXPLICIT", cut(line)),
        });
    }
    let all = addresses(file, text, at + 1)?;
    if all.is_empty() {
        return Err(CondaError::List { file: file.into(), line: at + 1, problem: "it names no package".into() });
    }
    Ok(all)
}

/// The packages of a list of addresses, from line `from` on (from 0).
pub fn addresses(file: &str, text: &str, from: usize) -> Result<Vec<Wanted>, CondaError> {
    let mut all: Vec<Wanted> = Vec::new();
    for (number, line) in text.lines().enumerate().skip(from).filter(|(_, line)| !is_comment(line)) {
        let wrong = |problem: String| CondaError::List { file: file.into(), line: number + 1, problem };
        let wanted = wanted(line.trim()).map_err(wrong)?;
        if all.iter().any(|known| known.file == wanted.file) {
            return Err(wrong(format!("{} is listed twice", wanted.file)));
        }
        all.push(wanted);
    }
    Ok(all)
}

fn is_comment(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

fn wanted(line: &str) -> Result<Wanted, String> {
    if line.starts_with("pip ") || line.contains(" @ ") || line.ends_with(".whl") || line.contains(".whl#") {
        return Err(format!("{:?} is a pip package, which is not linked; bring a ready tree with [[file]] or [[tar]]", cut(line)));
    }
    let (address, fragment) = line.split_once('#').map_or((line, None), |(a, f)| (a, Some(f)));
    let url = Url::parse(address).map_err(|_| format!("{:?} is no address of a package", cut(line)))?;
    if !matches!(url.scheme(), "http" | "https" | "file") {
        return Err(format!("{:?}: only http, https and file are read", cut(line)));
    }
    let file = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default().to_owned();
    if !(file.ends_with(".conda") || file.ends_with(".tar.bz2")) || file.contains('%') || file.starts_with('.') {
        return Err(format!("{:?} is neither a .conda nor a .tar.bz2", cut(line)));
    }
    let is_hex = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
    let (mut md5, mut sha256) = (None, None);
    match fragment.map(str::to_ascii_lowercase).as_deref() {
        None | Some("") => {}
        Some(sum) if is_hex(sum, 32) => md5 = Some(sum.to_owned()),
        Some(sum) => {
            let hex = sum.strip_prefix("sha256:").unwrap_or(sum);
            sha256 = Some(Digest::from_hex(hex).map_err(|_| format!("{:?} has neither an MD5 nor a SHA-256 behind #", cut(line)))?);
        }
    }
    Ok(Wanted { url: address.to_owned(), file, md5, sha256 })
}

fn cut(line: &str) -> String {
    line.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explicit_file_is_read_in_its_order() {
        let sha = Digest::of(b"x").hex();
        let text = format!(
            "# platform: linux-64\n@EXPLICIT\nhttps://host.example/conda-forge/linux-64/b-1-0.conda#0123456789ABCDEF0123456789abcdef\n\n\
             https://host.example/conda-forge/noarch/a-1-0.tar.bz2#sha256:{sha}\nfile:///x/noarch/c-1-0.conda\n"
        );
        let read = explicit("lock", &text).expect("reads");
        assert_eq!(read.iter().map(Wanted::distribution).collect::<Vec<_>>(), ["b-1-0", "a-1-0", "c-1-0"]);
        assert_eq!(read[0].md5.as_deref(), Some("0123456789abcdef0123456789abcdef"));
        assert_eq!((read[0].channel(), read[0].subdir()), ("https://host.example/conda-forge", "linux-64"));
        assert_eq!((read[1].sha256, read[2].sha256, &read[2].md5), (Some(Digest::of(b"x")), None, &None));
    }

    #[test]
    fn a_line_that_is_no_package_is_told_with_its_number() {
        let cases = [
            ("@EXPLICIT\npip install x\n", 2, "is a pip package"),
            ("@EXPLICIT\nx @ https://host.example/x.whl\n", 2, "[[file]] or [[tar]]"),
            ("@EXPLICIT\n\nhttps://host.example/x-1.whl#sha256:00\n", 3, "is a pip package"),
            ("name: x\n@EXPLICIT\n", 1, "stands before @EXPLICIT"),
            ("dependencies:\n- python\n", 1, "no line @EXPLICIT"),
            ("# platform: linux-64\n@EXPLICIT\n\n", 2, "names no package"),
            ("@EXPLICIT\npython=3.12\n", 2, "no address"),
            ("@EXPLICIT\nhttps://host.example/x.zip\n", 2, "neither a .conda"),
            ("@EXPLICIT\nhttps://host.example/..%2fx.conda\n", 2, "neither a .conda"),
            ("@EXPLICIT\nftp://host.example/x-1-0.conda\n", 2, "only http"),
            ("@EXPLICIT\nhttps://h.example/x-1-0.conda#12\n", 2, "neither an MD5"),
            ("@EXPLICIT\nhttps://h.example/x-1-0.conda\nhttps://i.example/x-1-0.conda\n", 3, "listed twice"),
        ];
        for (text, line, told) in cases {
            let error = explicit("lock.txt", text).expect_err(text).to_string();
            assert!(error.starts_with(&format!("lock.txt:{line}: ")) && error.contains(told), "{error} instead of {told}");
        }
    }
}
