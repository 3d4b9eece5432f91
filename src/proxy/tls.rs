//! TLS at the front door: a listener's configuration, and who a client is; and the pins of the back door.
//!
//! Enters: PEM files and handshakes. Leaves: a rustls configuration, and the [`PeerIdentity`] of a verified certificate,
//! read once after the handshake and pinned to the connection. Sessions are never resumed: who a client is rests on the
//! certificate it presents on this connection. Beyond what webpki checks, a chain has at most four certificates and no
//! RSA key below 2048 bits, and its leaf says that it is a client's. A certificate is judged again when the configuration
//! changes, and once a minute while its connection lasts.

use std::cmp::Reverse;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{CertificateRevocationList, FromDer, GeneralName, X509Certificate};
use x509_parser::public_key::PublicKey;
use zeroize::Zeroizing;

use crate::policy::{ClientAuth, ListenerTls, PeerIdentity, REVOCATION_BYTES, is_enforceable, revocation_lists};

/// Certificates of a chain, the leaf among them; webpki itself stops at six issuers.
const CHAIN: usize = 4;
/// Bits of an RSA key.
const RSA_BITS: usize = 2048;
/// A PEM file.
const PEM_BYTES: u64 = 4 << 20;

/// A file that TLS cannot be set up with. Names the file, never what it holds.
#[derive(Debug)]
pub struct TlsFault {
    path: PathBuf,
    reason: &'static str,
}

impl TlsFault {
    pub(crate) fn new(path: &Path, reason: &'static str) -> Self {
        Self { path: path.to_owned(), reason }
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for TlsFault {}

/// The one provider of cryptography.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// What a listener's TLS settings come to.
pub(crate) struct Prepared {
    /// How handshakes are answered.
    pub(crate) config: Arc<ServerConfig>,
    /// Who judges client certificates, where any are asked for.
    pub(crate) trust: Option<Arc<dyn ClientCertVerifier>>,
    /// When the certificate expires (seconds since 1970).
    pub(crate) not_after: i64,
}

/// Reads a listener's files, for these protocols (ALPN).
pub(crate) fn prepare(tls: &ListenerTls, protocols: &[&[u8]]) -> Result<Prepared, TlsFault> {
    let (_, chain) = read_certificates(&tls.certificate)?;
    let leaf = chain.first().ok_or_else(|| TlsFault::new(&tls.certificate, "holds no certificate"))?;
    let not_after = X509Certificate::from_der(leaf)
        .map(|(_, leaf)| leaf.validity().not_after.timestamp())
        .map_err(|_| TlsFault::new(&tls.certificate, "holds a certificate that cannot be parsed"))?;
    let (_, key) = read_private_key(&tls.private_key)?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|_| TlsFault::new(&tls.certificate, "finds no usable protocol version"))?;
    let trust: Option<Arc<dyn ClientCertVerifier>> = match &tls.client_ca {
        Some(bundle) if tls.client_auth != ClientAuth::None => {
            let mut roots = RootCertStore::empty();
            for certificate in read_certificates(bundle)?.1 {
                roots
                    .add(certificate)
                    .map_err(|_| TlsFault::new(bundle, "holds a certificate that cannot be a root"))?;
            }
            let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
            if !tls.client_crl.is_empty() {
                verifier = verifier.with_crls(revocations(&tls.client_crl)?).enforce_revocation_expiration();
            }
            let verifier =
                if tls.client_auth == ClientAuth::Optional { verifier.allow_unauthenticated() } else { verifier };
            let verifier = verifier.build().map_err(|_| TlsFault::new(bundle, "holds no root that can be used"))?;
            Some(Arc::new(BoundedChain(verifier)))
        }
        None if tls.client_auth != ClientAuth::None => {
            return Err(TlsFault::new(&tls.certificate, "needs client_ca beside it, or client_auth = \"none\""));
        }
        Some(_) | None => None,
    };
    let builder = match &trust {
        Some(trust) => builder.with_client_cert_verifier(Arc::clone(trust)),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|_| TlsFault::new(&tls.private_key, "does not belong to the certificate"))?;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(Prepared { config: Arc::new(config), trust, not_after })
}

/// The revocation lists of several files, the newest first: of those of one authority the first is taken at its word, and
/// the numbers of its lists grow (RFC 5280 section 5.2.3).
fn revocations(paths: &[PathBuf]) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsFault> {
    let mut all = Vec::new();
    for path in paths {
        let lists = revocation_lists(&read(path, REVOCATION_BYTES)?);
        let lists = lists.ok_or_else(|| TlsFault::new(path, "holds no revocation list"))?;
        if !lists.iter().all(is_enforceable) {
            return Err(TlsFault::new(path, "holds a revocation list that covers a part only"));
        }
        all.extend(lists);
    }
    all.sort_by_cached_key(|list| {
        let age = |list: &CertificateRevocationList<'_>| (list.crl_number().cloned(), list.last_update().timestamp());
        Reverse(CertificateRevocationList::from_der(list).ok().map(|(_, list)| age(&list)))
    });
    Ok(all)
}

/// The certificates of a PEM file, and the file itself.
pub(crate) fn read_certificates(path: &Path) -> Result<(Vec<u8>, Vec<CertificateDer<'static>>), TlsFault> {
    let pem = read(path, PEM_BYTES)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|_| TlsFault::new(path, "is not PEM"))?;
    if certificates.is_empty() {
        return Err(TlsFault::new(path, "holds no certificate"));
    }
    Ok((pem, certificates))
}

/// The private key of a PEM file, and the file itself.
pub(crate) fn read_private_key(path: &Path) -> Result<(Zeroizing<Vec<u8>>, PrivateKeyDer<'static>), TlsFault> {
    let pem = Zeroizing::new(read(path, PEM_BYTES)?);
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| TlsFault::new(path, "holds no private key in PEM that can be used"))?;
    Ok((pem, key))
}

fn read(path: &Path, most: u64) -> Result<Vec<u8>, TlsFault> {
    let size = std::fs::metadata(path).map_err(|_| TlsFault::new(path, "cannot be read"))?.len();
    if size > most {
        return Err(TlsFault::new(path, "is too large"));
    }
    std::fs::read(path).map_err(|_| TlsFault::new(path, "cannot be read"))
}

/// webpki's verifier and, after it, the bounds of our own.
#[derive(Debug)]
struct BoundedChain(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for BoundedChain {
    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        issuers: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.0.verify_client_cert(leaf, issuers, now)?;
        let strong = issuers.len() < CHAIN && std::iter::once(leaf).chain(issuers).all(is_strong);
        if strong && is_for_clients(leaf) {
            Ok(verified)
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// webpki's verifier of servers, and after it the pins of a route: the key that the server proves to have must be one of
/// them, whoever vouches for it.
pub(crate) fn pinned(
    roots: RootCertStore,
    pins: &[[u8; 32]],
) -> Result<Arc<dyn ServerCertVerifier>, rustls::client::VerifierBuilderError> {
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build()?;
    Ok(Arc::new(Pinned { inner, pins: pins.to_vec() }))
}

#[derive(Debug)]
struct Pinned {
    inner: Arc<WebPkiServerVerifier>,
    pins: Vec<[u8; 32]>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        issuers: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.inner.verify_server_cert(leaf, issuers, name, ocsp, now)?;
        let key = X509Certificate::from_der(leaf).map(|(_, leaf)| Sha256::digest(leaf.public_key().raw));
        if key.is_ok_and(|key| self.pins.iter().any(|pin| key.as_slice() == pin)) {
            Ok(verified)
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Whether the certificate says that it is a client's (RFC 5280 section 4.2.1.12). webpki takes one that says nothing.
fn is_for_clients(leaf: &CertificateDer<'_>) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(leaf) else { return false };
    certificate.extended_key_usage().is_ok_and(|usage| usage.is_some_and(|usage| usage.value.client_auth))
}

fn is_strong(certificate: &CertificateDer<'_>) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => {
            let modulus = key.modulus.iter().skip_while(|byte| **byte == 0);
            modulus.clone().count() * 8 - modulus.clone().next().map_or(0, |first| first.leading_zeros() as usize)
                >= RSA_BITS
        }
        Ok(_) => true,
        Err(_) => false,
    }
}

/// The names of a certificate that the handshake has verified (RFC 5280 section 4.2.1.6). The subject's common name is
/// no name; a certificate whose names do not parse has none.
pub(crate) fn identity(leaf: &CertificateDer<'_>) -> PeerIdentity {
    let mut peer = PeerIdentity::default();
    let Ok((_, certificate)) = X509Certificate::from_der(leaf) else { return peer };
    let Ok(names) = certificate.subject_alternative_name() else { return peer };
    for name in names.iter().flat_map(|names| &names.value.general_names) {
        match name {
            GeneralName::URI(uri) => peer.add_uri(uri),
            GeneralName::DNSName(dns) => peer.add_dns(dns),
            GeneralName::RFC822Name(email) => peer.add_email(email),
            GeneralName::IPAddress(bytes) => peer.add_ip(bytes),
            _ => {}
        }
    }
    peer
}

/// The metric's reason for a handshake that failed.
pub(crate) fn handshake_reason(error: &std::io::Error) -> &'static str {
    use rustls::{AlertDescription, Error};
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return "tls_closed";
    };
    match error {
        Error::NoCertificatesPresented => "tls_no_cert",
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => "tls_untrusted",
        Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "tls_expired",
        Error::InvalidCertificate(CertificateError::Revoked) => "tls_revoked",
        Error::InvalidCertificate(
            CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. },
        ) => "tls_crl_stale",
        Error::InvalidCertificate(CertificateError::UnknownRevocationStatus) => "tls_crl_missing",
        Error::InvalidCertificate(_) => "tls_bad_cert",
        Error::InvalidCertRevocationList(_) => "tls_crl_bad",
        Error::NoApplicationProtocol => "tls_alpn",
        Error::AlertReceived(AlertDescription::CertificateUnknown | AlertDescription::UnknownCA) => {
            "tls_server_distrusted"
        }
        _ => "tls_protocol",
    }
}
