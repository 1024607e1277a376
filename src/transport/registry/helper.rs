//! The protocol of Docker's credential helpers: `docker-credential-NAME get|store|erase`, words on standard input and output.
//!
//! Invariant: no shell, a cleared environment, names that are one plain file name, bounded output and time; no secret in argv or errors.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::http::Secret;

use super::credentials::{CredentialsError, Login, named};
use super::error::clean;

/// The most that a helper may say; tokens have some kilobytes.
const LARGEST_ANSWER: u64 = 256 * 1024;
/// What all helpers say where they have nothing (docker-credential-helpers, `credentials.ErrCredentialsNotFound`).
const NOT_FOUND: &str = "credentials not found";

/// The surroundings of a helper; nothing else of ours reaches it.
#[derive(Clone, Debug)]
pub struct HelperSettings {
    /// Where helpers are looked for: a value of `PATH`. Relative folders in it are skipped.
    pub path: OsString,
    /// Further variables: `HOME`, and what a helper needs (`DBUS_SESSION_BUS_ADDRESS`, `GNUPGHOME`, ...).
    pub environment: Vec<(OsString, OsString)>,
    /// How long one call may take; a helper may ask the user.
    pub timeout: Duration,
}

impl Default for HelperSettings {
    fn default() -> Self {
        Self { path: OsString::new(), environment: Vec::new(), timeout: Duration::from_secs(60) }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(rename = "ServerURL", default)]
    server: String,
    username: String,
    secret: String,
}

/// The login that a helper has for `server`, if it has one.
pub(super) async fn get(settings: &HelperSettings, name: &str, server: &str) -> Result<Option<Login>, CredentialsError> {
    let Some(answer) = call(settings, name, "get", server.as_bytes().to_vec()).await? else { return Ok(None) };
    let entry: Entry =
        serde_json::from_slice(&answer).map_err(|_| failed(name, "it answered with something else than a login".into()))?;
    if entry.username.is_empty() && entry.secret.is_empty() {
        return Ok(None);
    }
    Ok(Some(named(&entry.username, &entry.secret)))
}

/// Gives a login to a helper.
pub(super) async fn store(
    settings: &HelperSettings,
    name: &str,
    server: &str,
    user: &str,
    secret: &Secret,
) -> Result<(), CredentialsError> {
    let entry = Entry { server: server.to_owned(), username: user.to_owned(), secret: secret.reveal().to_owned() };
    let input = serde_json::to_vec(&entry).map_err(|_| failed(name, "the login cannot be told to it".into()))?;
    call(settings, name, "store", input).await.map(|_| ())
}

/// Takes a login away; `false` if it had none.
pub(super) async fn erase(settings: &HelperSettings, name: &str, server: &str) -> Result<bool, CredentialsError> {
    Ok(call(settings, name, "erase", server.as_bytes().to_vec()).await?.is_some())
}

fn failed(name: &str, why: String) -> CredentialsError {
    CredentialsError::Helper { name: clean(name), why }
}

/// The helper's program.
fn program(settings: &HelperSettings, name: &str) -> Result<PathBuf, CredentialsError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return Err(failed(name, "its name is not one plain word".into()));
    }
    let file = format!("docker-credential-{name}");
    let folders = std::env::split_paths(&settings.path).filter(|f| f.is_absolute());
    folders.map(|f| f.join(&file)).find(|f: &PathBuf| Path::is_file(f)).ok_or_else(|| failed(name, "it is not in PATH".into()))
}

/// What a helper says; nothing where it says that it has nothing.
async fn call(settings: &HelperSettings, name: &str, verb: &str, input: Vec<u8>) -> Result<Option<Vec<u8>>, CredentialsError> {
    let program = program(settings, name)?;
    let talk = async {
        let mut child = Command::new(program)
            .arg(verb)
            .env_clear()
            .env("PATH", &settings.path)
            .envs(settings.environment.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A helper that does not read its input tells by its status what it thinks.
            let _ = stdin.write_all(&input).await;
        }
        let mut output = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(LARGEST_ANSWER + 1).read_to_end(&mut output).await?;
        }
        if output.len() as u64 > LARGEST_ANSWER {
            return Ok((None, output));
        }
        Ok::<_, std::io::Error>((Some(child.wait().await?), output))
    };
    let (status, output) = tokio::time::timeout(settings.timeout, talk)
        .await
        .map_err(|_| failed(name, format!("it did not answer within {} s", settings.timeout.as_secs())))?
        .map_err(|e| failed(name, e.to_string()))?;
    let Some(status) = status else { return Err(failed(name, format!("it said more than {LARGEST_ANSWER} bytes"))) };
    if status.success() {
        return Ok(Some(output));
    }
    let said = clean(&String::from_utf8_lossy(&output));
    if said.contains(NOT_FOUND) {
        return Ok(None);
    }
    // What looks like a login is not shown.
    let told = if said.is_empty() || said.contains('{') { format!("it failed ({status})") } else { format!("it failed: {said}") };
    Err(failed(name, told))
}

/// Helpers for tests.
#[cfg(all(test, unix))]
pub(super) mod scripted {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    /// Puts a helper `name` that runs `body` in a shell into a folder, ready to be started.
    pub(in super::super) fn install(folder: &Path, name: &str, body: &str) {
        let file = folder.join(format!("docker-credential-{name}"));
        std::fs::write(&file, format!("#!/bin/sh\n{body}\n")).expect("written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o700)).expect("made executable");
        // A process that another test forks meanwhile holds the file open for writing until it becomes another program.
        let mut probe = Command::new(&file);
        probe.arg("probe").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        loop {
            match probe.spawn() {
                Ok(mut child) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return;
                }
                Err(e) if e.kind() == std::io::ErrorKind::ExecutableFileBusy => std::thread::sleep(Duration::from_millis(2)),
                Err(e) => panic!("{e}"),
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// A folder with a helper `test` that runs `body` in a shell with only built-ins.
    fn helper(body: &str) -> (tempfile::TempDir, HelperSettings) {
        let folder = tempfile::tempdir().expect("a folder");
        scripted::install(folder.path(), "test", body);
        let settings =
            HelperSettings { path: folder.path().as_os_str().to_owned(), environment: Vec::new(), timeout: Duration::from_secs(5) };
        (folder, settings)
    }

    #[tokio::test]
    async fn a_helper_is_asked_by_standard_input_in_a_clean_environment() {
        let (_folder, settings) = helper(
            r#"read server; [ -z "$HOME$USER$CARGO" ] || exit 3; printf '{"ServerURL":"%s","Username":"u-%s","Secret":"s"}' "$server" "$1""#,
        );
        let login = get(&settings, "test", "h.example").await.expect("an answer");
        assert_eq!(login, Some(Login::Password { user: "u-get".into(), password: Secret::new("s") }));
    }

    #[tokio::test]
    async fn not_found_means_nobody_and_every_other_failure_is_an_error() {
        let (_folder, settings) = helper("echo 'credentials not found in native keychain'; exit 1");
        assert_eq!(get(&settings, "test", "h.example").await.expect("nobody"), None);
        for (body, told) in [
            ("echo 'locked'; exit 1", "locked"),
            (r#"echo '{"Secret":"canary"}'; exit 1"#, "it failed"),
            ("echo no json", "something else"),
            ("while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; done", "more than"),
            ("while :; do :; done", "did not answer"),
        ] {
            let (_folder, mut settings) = helper(body);
            settings.timeout = Duration::from_millis(if told == "did not answer" { 200 } else { 5000 });
            let error = get(&settings, "test", "h.example").await.expect_err(body).to_string();
            assert!(error.contains(told) && !error.contains("canary"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_helper_that_is_missing_or_has_a_strange_name_is_an_error() {
        let (_folder, settings) = helper("exit 0");
        for name in ["absent", "", "../test", "a/b", "test;id", "a b"] {
            assert!(get(&settings, name, "h.example").await.is_err(), "{name:?}");
        }
    }
}
