//! `plywood-java-keystore FILE PASSWORD [list]`: what a recipe's stand-in calls to keep Java's keystore of trusted certificates.
//!
//! Invariant: the store counts as the base's, as the bundle of certificates does; its entries are dated by the packages.

use super::bridge::{RootView, finish, told};
use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;
use crate::system::java_keystore::Keystore;
use crate::system::{View, Write, ca_certificates};

pub(super) const BUILTINS: Table = &[("plywood-java-keystore", &keystore)];

/// Lines of standard input: `+FILE.pem` adds a certificate as `debian:FILE.pem`, `-FILE.pem` takes it out.
fn keystore(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let (file, password, lists) = match call.arguments {
        [file, password] => (file, password, false),
        [file, password, word] if word.bytes == b"list" => (file, password, true),
        _ => return Err(call.uncovered("not a file and a password")),
    };
    let (path, password) = (String::from_utf8_lossy(&call.path(file)).into_owned(), password.text().into_owned());
    let view = RootView(call.root);
    let failed = |error: crate::system::SystemError| call.uncovered(error.to_string());
    let old = view.read(&path).map_err(failed)?;
    let store = old.map_or(Ok(Keystore::default()), |bytes| Keystore::parse(&path, &bytes, &password));
    let mut store = store.map_err(failed)?;
    if lists {
        let names: String = store.aliases().map(|alias| format!("{alias}\n")).collect();
        return call.out(names.as_bytes(), true).map(|()| ExitStatus::SUCCESS);
    }
    let time = u64::try_from(call.root.time()).unwrap_or_default().saturating_mul(1000);
    let list = call.stdin.rest();
    call.spend(list.bytes.len())?;
    for line in list.text().lines() {
        let alias = |path: &str| format!("debian:{}", path.rsplit('/').next().unwrap_or(path));
        if let Some(path) = line.strip_prefix('-') {
            store.remove(&alias(path));
        }
        let Some(path) = line.strip_prefix('+') else { continue };
        let read = RootView(call.root).read(path).map_err(|error| call.uncovered(error.to_string()))?;
        call.spend(read.as_ref().map_or(0, |bytes| bytes.len()))?;
        match read.and_then(|bytes| ca_certificates::certificate(&bytes)) {
            Some(der) => store.insert(&alias(path), der, time),
            None => call.complain(format!("{path} is no certificate")),
        }
    }
    let bytes = store.bytes(&password);
    match told(call, bytes)? {
        Ok(bytes) => finish(call, Ok(vec![Write::file(path, bytes)]), true),
        Err(status) => Ok(status),
    }
}
