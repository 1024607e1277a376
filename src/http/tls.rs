//! The TLS of a client: ring, and the certificate authorities of the settings.
//!
//! Invariant: no process-wide state; CA files are read only when the first `https:` address is asked.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::error::HttpError;
use super::settings::{Authorities, HostTls};

/// A configuration that trusts nobody, for clients that only speak plain HTTP.
pub(crate) fn trust_nobody() -> Result<ClientConfig, HttpError> {
    configure(RootCertStore::empty(), None)
}

/// The configuration for `https:`.
pub(super) fn trust(authorities: &Authorities, host: Option<&HostTls>) -> Result<ClientConfig, HttpError> {
    let mut roots = RootCertStore::empty();
    if authorities.file.is_some() || authorities.folder.is_some() {
        add_files(&mut roots, authorities)?;
    } else if authorities.system {
        let found = rustls_native_certs::load_native_certs().certs;
        roots.add_parsable_certificates(found);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    let more = host.map_or(&[][..], |h| &h.authorities);
    for pem in authorities.extra.iter().chain(more) {
        add_pem(&mut roots, pem)?;
    }
    configure(roots, host.and_then(|h| h.identity.as_ref()))
}

fn add_files(roots: &mut RootCertStore, authorities: &Authorities) -> Result<(), HttpError> {
    let (file, folder) = (authorities.file.as_deref(), authorities.folder.as_deref());
    let found = rustls_native_certs::load_certs_from_paths(file, folder);
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let what = file.or(folder).map(|p| p.display().to_string()).unwrap_or_default();
        let why = found.errors.first().map_or_else(|| "no certificate in it".to_owned(), ToString::to_string);
        return Err(HttpError::Settings { what, why });
    }
    Ok(())
}

fn add_pem(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), HttpError> {
    let wrong = |why: String| HttpError::Settings { what: "certificate authority".into(), why };
    let mut any = false;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|e| wrong(e.to_string()))?;
        roots.add(certificate).map_err(|e| wrong(e.to_string()))?;
        any = true;
    }
    if any { Ok(()) } else { Err(wrong("no certificate in it".into())) }
}

fn configure(roots: RootCertStore, identity: Option<&(Vec<u8>, Vec<u8>)>) -> Result<ClientConfig, HttpError> {
    let wrong = |why: String| HttpError::Settings { what: "TLS".into(), why };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| wrong(e.to_string()))?
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>().map_err(|e| wrong(e.to_string()))?;
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| wrong("no private key in the key file".into()))?;
            builder.with_client_auth_cert(chain, key).map_err(|e| wrong(e.to_string()))?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
