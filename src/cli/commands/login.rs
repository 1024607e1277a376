//! `plywood login` and `logout`: a login is tried, then kept where Docker keeps it.
//!
//! Invariant: a password comes from stdin only, and is never shown.

use std::io::Read as _;
use std::sync::Arc;

use crate::error::{During as _, IoFault, Result};
use crate::http::{Client, Secret};
use crate::oci::Repository;
use crate::transport::registry::{Account, Login, Registry};

use super::block_on;
use crate::cli::failure::{usage, usage_with_hint};
use crate::cli::host::Host;
use crate::cli::report::Report;

/// The longest password; tokens have some kilobytes.
const LONGEST: u64 = 64 * 1024;

pub(super) fn log_in(registry: &str, user: &str, host: &Host, report: &Arc<Report>) -> Result<()> {
    let registry = registry_name(registry)?;
    if user.is_empty() || user.contains(':') {
        return Err(usage("the name of a user is not empty and has no colon"));
    }
    let password = password()?;
    let account = account(host)?;
    let http = Client::new(host.http()?);
    let registries = Registry::new(&http, host.credentials(), host.registries());
    block_on(async {
        let login = Login::Password { user: user.to_owned(), password: password.clone() };
        registries.check(&registry, login).await.during(|| format!("logging in to {registry}"))?;
        match account.log_in(&registry, user, &password).await? {
            Some(helper) => report.say(&format!("logged in to {registry}; docker-credential-{helper} keeps the login")),
            None => report.say(&format!("logged in to {registry}; the login is kept unencrypted in {}", account.file.display())),
        }
        Ok(())
    })
}

pub(super) fn log_out(registry: &str, host: &Host, report: &Arc<Report>) -> Result<()> {
    let registry = registry_name(registry)?;
    let account = account(host)?;
    let had = block_on(async { Ok(account.log_out(&registry).await?) })?;
    let file = account.file.display();
    report.say(&if had {
        format!("removed the login to {registry} from {file}")
    } else {
        format!("{file} had no login to {registry}")
    });
    Ok(())
}

/// A registry's name as references have it: `https://`, a trailing slash and Docker Hub's other names are understood.
fn registry_name(text: &str) -> Result<String> {
    let host = text.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let host = if matches!(host, "index.docker.io/v1" | "registry-1.docker.io" | "hub.docker.com") { "docker.io" } else { host };
    let wrong = || usage_with_hint(format!("{text:?} is no registry"), "plywood login HOST[:PORT] -u USER --password-stdin");
    if host.is_empty() || host.contains(['/', '@']) {
        return Err(wrong());
    }
    // A name without dot or port is a repository in every reference, so no image could be asked of such a host.
    let repository = format!("{host}/library/any").parse::<Repository>().map_err(|_| wrong())?;
    if repository.registry.eq_ignore_ascii_case(host) || repository.registry == "docker.io" && host == "index.docker.io" {
        Ok(repository.registry)
    } else {
        Err(wrong())
    }
}

/// The first line of stdin.
fn password() -> Result<Secret> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(LONGEST + 1).read_to_string(&mut text);
    read.map_err(|e| IoFault::new("the password on standard input", e))?;
    let password = text.lines().next().unwrap_or_default();
    match password.len() {
        0 => Err(usage("there is no password on standard input")),
        n if n as u64 > LONGEST => Err(usage("the password on standard input is too long")),
        _ => Ok(Secret::new(password)),
    }
}

fn account(host: &Host) -> Result<Account> {
    Ok(Account { file: host.docker_config_file()?, helpers: host.helpers() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_named_in_all_the_usual_ways() {
        for (text, name) in [
            ("docker.io", Some("docker.io")),
            ("https://index.docker.io/v1/", Some("docker.io")),
            ("index.docker.io", Some("docker.io")),
            ("ghcr.io", Some("ghcr.io")),
            ("https://ghcr.io/", Some("ghcr.io")),
            ("localhost:5000", Some("localhost:5000")),
            ("GHCR.io", Some("ghcr.io")),
            ("[::1]:5000", Some("[::1]:5000")),
            ("ghcr.io/owner", None),
            ("user:secret@ghcr.io", None),
            ("", None),
            ("a b", None),
        ] {
            assert_eq!(registry_name(text).ok().as_deref(), name, "{text:?}");
        }
    }
}
