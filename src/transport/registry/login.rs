//! `login` and `logout`: writes where Docker writes, through its helper where one is configured.
//!
//! Invariant: the file is replaced as a whole, is readable by its owner only, and every key that is not ours stays.

use std::io::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use serde::Serialize as _;
use serde_json::{Map, Value, json};

use crate::error::IoFault;
use crate::http::Secret;

use super::credentials::{CredentialsError, key_of, read};
use super::helper::{self, HelperSettings};

/// Docker's config file, as the place where logins are kept.
#[derive(Clone, Debug)]
pub struct Account {
    /// `config.json`.
    pub file: PathBuf,
    /// The surroundings of a helper.
    pub helpers: HelperSettings,
}

impl Account {
    /// Keeps a login for `registry` (`docker.io`, `host:port`). Returns the helper that keeps it, if one does.
    pub async fn log_in(&self, registry: &str, user: &str, password: &Secret) -> Result<Option<String>, CredentialsError> {
        let mut document = read(&self.file)?.unwrap_or_default();
        let key = key_of(registry);
        let helper = helper_of(&document, registry);
        let entry = if let Some(helper) = &helper {
            helper::store(&self.helpers, helper, key, user, password).await?;
            json!({})
        } else {
            json!({ "auth": base64::engine::general_purpose::STANDARD.encode(format!("{user}:{}", password.reveal())) })
        };
        let auths = document.entry("auths").or_insert_with(|| json!({}));
        if !auths.is_object() {
            *auths = json!({});
        }
        if let Some(auths) = auths.as_object_mut() {
            auths.insert(key.to_owned(), entry);
        }
        self.write(&document)?;
        Ok(helper)
    }

    /// Forgets the login for `registry`; `false` if there was none.
    pub async fn log_out(&self, registry: &str) -> Result<bool, CredentialsError> {
        let mut document = read(&self.file)?.unwrap_or_default();
        let key = key_of(registry);
        let mut had = false;
        if let Some(helper) = helper_of(&document, registry) {
            had = helper::erase(&self.helpers, &helper, key).await?;
        }
        let removed = document.get_mut("auths").and_then(Value::as_object_mut).and_then(|auths| auths.shift_remove(key));
        if removed.is_some() {
            had = true;
            self.write(&document)?;
        }
        Ok(had)
    }

    fn write(&self, document: &Map<String, Value>) -> Result<(), CredentialsError> {
        let fault = |cause| IoFault::new(self.file.display().to_string(), cause);
        // A link that stands for the file stays a link.
        let target = std::fs::canonicalize(&self.file).unwrap_or_else(|_| self.file.clone());
        let folder = target.parent().map(PathBuf::from).unwrap_or_default();
        std::fs::create_dir_all(&folder).map_err(fault)?;
        let mut text = Vec::new();
        let mut writer = serde_json::Serializer::with_formatter(&mut text, serde_json::ser::PrettyFormatter::with_indent(b"\t"));
        document.serialize(&mut writer).map_err(|e| fault(e.into()))?;
        // Made with mode 0600 by `tempfile`.
        let mut new = tempfile::Builder::new().prefix(".config.json.").tempfile_in(&folder).map_err(fault)?;
        new.write_all(&text).and_then(|()| new.as_file().sync_all()).map_err(fault)?;
        new.persist(&target).map_err(|e| fault(e.error))?;
        Ok(())
    }
}

/// The helper that keeps a registry's login.
fn helper_of(document: &Map<String, Value>, registry: &str) -> Option<String> {
    let helpers = document.get("credHelpers").and_then(Value::as_object);
    let own = helpers.and_then(|h| h.get(registry).or_else(|| h.get(key_of(registry)))).and_then(Value::as_str);
    own.or_else(|| document.get("credsStore").and_then(Value::as_str)).filter(|n| !n.is_empty()).map(str::to_owned)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::helper::scripted::install;
    use super::*;
    use crate::transport::registry::{Credentials, Login};

    fn account(file: PathBuf) -> Account {
        Account { file, helpers: HelperSettings::default() }
    }

    #[tokio::test]
    async fn a_login_is_found_again_and_all_other_keys_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("new/config.json");
        let account = account(file.clone());
        account.log_in("h.example:5000", "me", &Secret::new("s:ecret")).await.expect("kept");
        assert_eq!(std::fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
        let text = r#"{"HttpHeaders":{"X":"1"},"auths":{"z.example":{"auth":"YTox"},"h.example:5000":{"auth":"YTox","email":"e"}},"currentContext":"c","n":1.50}"#;
        std::fs::write(&file, text).expect("written");
        account.log_in("h.example:5000", "me", &Secret::new("s:ecret")).await.expect("kept");
        account.log_in("docker.io", "hub", &Secret::new("x")).await.expect("kept");
        let credentials = Credentials::new(None, vec![file.clone()], HelperSettings::default());
        let find = async |name: &str| credentials.find(&name.parse().expect("a name")).await.expect("a login");
        assert_eq!(find("h.example:5000/a").await, Login::Password { user: "me".into(), password: Secret::new("s:ecret") });
        assert_eq!(find("debian").await, Login::Password { user: "hub".into(), password: Secret::new("x") });
        assert!(account.log_out("h.example:5000").await.expect("gone"));
        assert!(!account.log_out("h.example:5000").await.expect("none"));
        assert_eq!(find("h.example:5000/a").await, Login::Anonymous);
        let kept = std::fs::read_to_string(&file).expect("text");
        for word in ["HttpHeaders", "z.example", "currentContext", "https://index.docker.io/v1/"] {
            assert!(kept.contains(word), "{kept}");
        }
        assert_eq!(std::fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_configured_helper_keeps_the_login_instead_of_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = folder.path().join("kept");
        let body = format!(
            "case $1 in store) read x; echo \"$x\" > {0};; get) read x < {0} || {{ echo credentials not found; exit 1; }}; echo \"$x\";; erase) : > {0};; esac",
            kept.display()
        );
        install(folder.path(), "test", &body);
        let file = folder.path().join("config.json");
        std::fs::write(&file, r#"{"credsStore":"test"}"#).expect("written");
        let helpers = HelperSettings { path: folder.path().as_os_str().to_owned(), ..HelperSettings::default() };
        let account = Account { file: file.clone(), helpers: helpers.clone() };
        assert_eq!(account.log_in("h.example", "me", &Secret::new("canary")).await.expect("kept").as_deref(), Some("test"));
        assert!(!std::fs::read_to_string(&file).expect("text").contains("auth\""));
        let credentials = Credentials::new(None, vec![file], helpers);
        let found = credentials.find(&"h.example/a".parse().expect("a name")).await.expect("a login");
        assert_eq!(found, Login::Password { user: "me".into(), password: Secret::new("canary") });
        assert!(account.log_out("h.example").await.expect("gone"));
        assert_eq!(credentials.find(&"h.example/a".parse().expect("a name")).await.expect("nobody"), Login::Anonymous);
    }

    #[tokio::test]
    async fn the_hosts_helper_outranks_the_store_and_its_failure_is_no_reason_to_look_elsewhere() {
        let folder = tempfile::tempdir().expect("a folder");
        let helper = |name: &str, body: &str| install(folder.path(), name, body);
        helper("own", r#"echo '{"Username":"own","Secret":"1"}'"#);
        helper("none", "echo 'credentials not found in native keychain'; exit 1");
        helper("broken", "echo 'the keychain is locked'; exit 1");
        let (first, second) = (folder.path().join("a.json"), folder.path().join("b.json"));
        let auths = r#""auths":{"h.example":{"auth":"YTox"}}"#;
        std::fs::write(&second, format!("{{{auths}}}")).expect("written");
        for (document, user) in [
            (r#""credHelpers":{"h.example":"own"},"credsStore":"broken""#, Some("own")),
            (r#""credHelpers":{"h.example":"none"}"#, Some("")),
            (r#""credsStore":"own""#, Some("own")),
            (r#""credsStore":"none""#, Some("a")),
            (r#""credHelpers":{"h.example":"broken"}"#, None),
            (r#""credsStore":"broken""#, None),
            (r#""credsStore":"absent""#, None),
            (r#""credsStore":"../none""#, None),
        ] {
            std::fs::write(&first, format!("{{{document},{auths}}}")).expect("written");
            let helpers = HelperSettings { path: folder.path().as_os_str().to_owned(), ..HelperSettings::default() };
            let credentials = Credentials::new(None, vec![first.clone(), second.clone()], helpers);
            let found = credentials.find(&"h.example/a".parse().expect("a name")).await.ok().map(|login| match login {
                Login::Password { user, .. } => user,
                _ => String::new(),
            });
            assert_eq!(found.as_deref(), user, "{document}");
        }
    }
}
