//! Certificates, private keys and secrets: what `serve` would stumble over, said before.
//!
//! Enters: paths and the places that name them. Leaves: diagnostics, and the key for `hash`. Nothing of a key's content
//! is ever in a diagnostic; what is read is wiped when it is dropped.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, Der, PrivateKeyDer, TrustAnchor};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};
use zeroize::Zeroizing;

use crate::engine::HashKey;

use super::diagnostic::{Place, Report};
use super::files::{Contents, Disk, FILE_LIMIT, Fields, Value, beside};

/// A certificate that ends sooner is warned of.
const SOON: i64 = 14 * 24 * 60 * 60;

/// Largest file of revocation lists.
pub(crate) const CRL_LIMIT: u64 = 64 << 20;

/// The revocation lists of a file, in PEM or one in DER; none where it holds neither.
pub(crate) fn revocation_lists(bytes: &[u8]) -> Option<Vec<CertificateRevocationListDer<'static>>> {
    if bytes.first() == Some(&0x30) {
        return Some(vec![CertificateRevocationListDer::from(bytes.to_vec())]);
    }
    let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(bytes).collect();
    lists.ok().filter(|lists| !lists.is_empty())
}

/// A file, and the place that names it.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// Resolved path.
    pub(crate) path: PathBuf,
    /// Where it is named.
    pub(crate) place: Place,
}

impl Named {
    /// The path that `value` holds, seen from its file.
    pub(crate) fn read(value: &Value<'_>, file: &Path, report: &mut Report) -> Option<Self> {
        let text = value.text(report)?;
        if text.is_empty() {
            report.error(&value.place(), "empty", "an empty path").help("name a file");
            return None;
        }
        Some(Self { path: beside(file, text), place: value.place() })
    }

    fn error(&self, code: &'static str, what: &str, help: &str, report: &mut Report) {
        report.error(&self.place, code, format!("{} {what}", self.path.display())).help(help);
    }
}

/// Whether a list is of a kind that certificates can be held against: a complete one (RFC 5280 section 5.2), and no delta.
pub(crate) fn is_enforceable(list: &CertificateRevocationListDer<'static>) -> bool {
    // Asked of what will use it. That wants an authority, and none is asked about.
    let anchor =
        TrustAnchor { subject: Der::from(vec![]), subject_public_key_info: Der::from(vec![]), name_constraints: None };
    let roots = Arc::new(RootCertStore { roots: vec![anchor] });
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    WebPkiClientVerifier::builder_with_provider(roots, provider).with_crls([list.clone()]).build().is_ok()
}

/// Looks at files on behalf of one load.
#[derive(Debug)]
pub(crate) struct Inspector<'a> {
    /// The files.
    pub(crate) disk: &'a mut Disk,
    /// Where faults go.
    pub(crate) report: &'a mut Report,
    /// Whether a key that others may read is an error.
    pub(crate) strict: bool,
    /// The time that certificates are judged by.
    pub(crate) now: SystemTime,
}

impl Inspector<'_> {
    /// A server's chain and key.
    pub(crate) fn pair(&mut self, certificate: &Named, key: &Named) {
        let chain = self.chain(certificate);
        let key_der = self.private_key(key);
        let (Some(chain), Some(key_der)) = (chain, key_der) else { return };
        let Ok(signing) = any_supported_type(&key_der) else {
            let help = "use an RSA, ECDSA (P-256, P-384, P-521) or Ed25519 key";
            return key.error("private-key", "is of a kind that TLS does not take", help, self.report);
        };
        if let Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) =
            CertifiedKey::new(chain, signing).keys_match()
        {
            let what = format!("is not the key of {}", certificate.path.display());
            key.error("private-key", &what, "name the key that the certificate was made with", self.report);
        }
    }

    /// A bundle of roots; `what` says whose.
    pub(crate) fn roots(&mut self, bundle: &Named) {
        let Some(contents) = self.disk.wanted(&bundle.path, FILE_LIMIT, &bundle.place, self.report) else { return };
        let Some(certificates) = self.certificates(bundle, &contents) else { return };
        let mut store = RootCertStore::empty();
        let mut valid = 0;
        for certificate in &certificates {
            let Some(parsed) = self.parsed(bundle, certificate) else { return };
            if store.add(certificate.clone()).is_err() {
                let help = "remove it from the bundle";
                return bundle.error("certificate", "holds a certificate that is no root", help, self.report);
            }
            valid += usize::from(self.seconds() <= parsed.validity().not_after.timestamp());
        }
        if valid == 0 {
            bundle.error("certificate", "holds expired certificates only", "add a root that is valid", self.report);
        }
    }

    /// A file of revocation lists. One that is out of date is warned of: every client that it would cover is refused.
    pub(crate) fn revocations(&mut self, named: &Named) {
        let Some(contents) = self.disk.wanted(&named.path, CRL_LIMIT, &named.place, self.report) else { return };
        let Some(lists) = revocation_lists(&contents.bytes) else {
            let help = "name a file in PEM (-----BEGIN X509 CRL-----) or DER";
            return named.error("crl", "holds no revocation list", help, self.report);
        };
        let now = self.seconds();
        for list in &lists {
            let Ok(([], parsed)) = CertificateRevocationList::from_der(list) else {
                return named.error("crl", "holds what is no revocation list", "copy the file again", self.report);
            };
            if !is_enforceable(list) {
                let help = "name a complete list: no delta, and none of some reasons or some certificates only";
                return named.error("crl", "holds a revocation list that covers a part only", help, self.report);
            }
            if parsed.last_update().timestamp() > now {
                let message = format!("{} has a list of a time to come; it counts all the same", named.path.display());
                self.report
                    .warning(&named.place, "expiry", message)
                    .help("set the clock, or fetch the list that holds now");
            }
            match parsed.next_update().map(|next| next.timestamp()) {
                Some(next) if next > now => {}
                Some(_) => {
                    let message = format!("{} is out of date: its clients are refused", named.path.display());
                    self.report.warning(&named.place, "expiry", message).help("fetch the next one; a reload takes it");
                }
                None => {
                    let help = "have the authority say when the next one comes (RFC 5280 section 5.1.2.5)";
                    return named.error("crl", "does not say until when it holds", help, self.report);
                }
            }
        }
    }

    fn seconds(&self) -> i64 {
        let since = self.now.duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }

    fn chain(&mut self, named: &Named) -> Option<Vec<CertificateDer<'static>>> {
        let contents = self.disk.wanted(&named.path, FILE_LIMIT, &named.place, self.report)?;
        let chain = self.certificates(named, &contents)?;
        let mut parsed = Vec::new();
        for certificate in &chain {
            parsed.push(self.parsed(named, certificate)?);
        }
        let now = self.seconds();
        let leaf = parsed.first()?;
        let (from, until) = (leaf.validity().not_before.timestamp(), leaf.validity().not_after.timestamp());
        if until < now {
            named.error("certificate", "has expired", "renew it", self.report);
        } else if from > now {
            named.error("certificate", "is not valid yet", "wait, or set the clock", self.report);
        } else if until - now < SOON {
            let message = format!("{} expires in {} days", named.path.display(), (until - now) / (24 * 60 * 60));
            self.report.warning(&named.place, "expiry", message).help("renew it; a reload takes the new one");
        }
        let ordered = parsed.windows(2).all(|pair| match pair {
            [child, parent] => child.issuer().as_raw() == parent.subject().as_raw(),
            _ => true,
        });
        if !ordered {
            let help = "write the server's certificate first, then the one that signed it, and so on";
            named.error("certificate", "is a chain out of order", help, self.report);
        }
        drop(parsed);
        // Whose key it is cannot be told of a chain whose first certificate is another one's.
        ordered.then_some(chain)
    }

    fn certificates(&mut self, named: &Named, contents: &Contents) -> Option<Vec<CertificateDer<'static>>> {
        if PrivateKeyDer::pem_slice_iter(&contents.bytes).any(|key| key.is_ok()) {
            let help = "keep the key in a file of its own";
            named.error("certificate", "holds a private key beside the certificate", help, self.report);
            return None;
        }
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&contents.bytes).collect();
        match read {
            Ok(certificates) if !certificates.is_empty() => Some(certificates),
            Ok(_) => {
                let help = "name a PEM file with -----BEGIN CERTIFICATE-----";
                named.error("certificate", "has no certificate in PEM form", help, self.report);
                None
            }
            Err(_) => {
                named.error("certificate", "is damaged PEM", "copy the file again", self.report);
                None
            }
        }
    }

    fn parsed<'c>(&mut self, named: &Named, certificate: &'c CertificateDer<'static>) -> Option<X509Certificate<'c>> {
        match X509Certificate::from_der(certificate) {
            Ok(([], parsed)) => Some(parsed),
            Ok(_) | Err(_) => {
                named.error("certificate", "holds what is no X.509 certificate", "copy the file again", self.report);
                None
            }
        }
    }

    /// A private key that stands alone in its file.
    pub(crate) fn private_key(&mut self, named: &Named) -> Option<PrivateKeyDer<'static>> {
        let contents = self.disk.wanted(&named.path, FILE_LIMIT, &named.place, self.report)?;
        let has = |words: &[u8]| memchr::memmem::find(&contents.bytes, words).is_some();
        if has(b"BEGIN ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED") {
            let help = "decrypt it: openssl pkey -in FILE -out KEY, and guard it by its permissions";
            named.error("private-key", "is encrypted", help, self.report);
            return None;
        }
        let mut keys = PrivateKeyDer::pem_slice_iter(&contents.bytes);
        match (keys.next(), keys.next()) {
            (Some(Ok(key)), None) => {
                self.permissions(named, &contents);
                Some(key)
            }
            (Some(Ok(_)), Some(_)) => {
                named.error("private-key", "holds more than one key", "keep one", self.report);
                None
            }
            (None, _) => {
                let help = "name a PEM file with -----BEGIN PRIVATE KEY-----";
                named.error("private-key", "has no private key in PEM form", help, self.report);
                None
            }
            (Some(Err(_)), _) => {
                named.error("private-key", "is damaged PEM", "copy the file again", self.report);
                None
            }
        }
    }

    /// A secret that others than its owner may read is warned of, or refused.
    pub(crate) fn permissions(&mut self, named: &Named, contents: &Contents) {
        let Some(mode) = contents.mode.filter(|mode| mode & 0o077 != 0) else { return };
        let message = format!("{} has mode {mode:04o}: others than its owner may use it", named.path.display());
        let diagnostic = match self.strict {
            true => self.report.error(&named.place, "permissions", message),
            false => self.report.warning(&named.place, "permissions", message),
        };
        diagnostic.help(format!("chmod 600 {}", named.path.display()));
    }

    /// A workspace's key from `{ file = … }` or `{ env = … }`.
    pub(crate) fn hash_key(&mut self, value: &Value<'_>, file: &Path) -> Option<HashKey> {
        let (bytes, place) = self.secret(value, file)?;
        let key = key_bytes(&bytes);
        if key.is_none() {
            let message = "the key is not 32 bytes";
            let help = "make one with `openssl rand -out FILE 32`; 64 hexadecimal digits or base64 do as well";
            self.report.error(&place, "hash-key", message).help(help);
        }
        key
    }

    /// A secret's bytes from `{ file = … }` or `{ env = … }`, and the place that names where they are.
    pub(crate) fn secret(&mut self, value: &Value<'_>, file: &Path) -> Option<(Zeroizing<Vec<u8>>, Place)> {
        if value.as_text().is_some() {
            let message = "a secret must not stand in this file";
            self.report
                .error(&value.place(), "inline-secret", message)
                .help("write { file = \"…\" } or { env = \"…\" }");
            return None;
        }
        let mut fields = value.table("key", self.report)?;
        let secret = self.read_secret(&mut fields, file);
        fields.finish(self.report);
        secret
    }

    /// [`Inspector::secret`], with the text that its table's `prefix` puts before it.
    pub(crate) fn prefixed_secret<'v>(
        &mut self,
        value: &Value<'v>,
        file: &Path,
    ) -> Option<(Zeroizing<Vec<u8>>, Place, &'v str)> {
        let Some(mut fields) = value.as_table("key") else {
            return self.secret(value, file).map(|(secret, place)| (secret, place, ""));
        };
        let prefix = fields.text("prefix", self.report).unwrap_or_default();
        let secret = self.read_secret(&mut fields, file);
        fields.finish(self.report);
        secret.map(|(secret, place)| (secret, place, prefix))
    }

    fn read_secret(&mut self, fields: &mut Fields<'_>, file: &Path) -> Option<(Zeroizing<Vec<u8>>, Place)> {
        let (path, variable) = (fields.value("file"), fields.value("env"));
        let place = fields.place();
        match (path, variable) {
            (Some(path), None) => {
                let named = Named::read(&path, file, self.report)?;
                let contents = self.disk.wanted(&named.path, FILE_LIMIT, &named.place, self.report)?;
                self.permissions(&named, &contents);
                Some((Zeroizing::new(contents.bytes.to_vec()), named.place))
            }
            (None, Some(variable)) => {
                let name = variable.text(self.report)?;
                let Some(text) = variable_text(name) else {
                    let message = format!("the environment has no {}", super::diagnostic::quote(name));
                    self.report.error(&variable.place(), "env", message).help("set it before the start");
                    return None;
                };
                Some((text, variable.place()))
            }
            (None, None) | (Some(_), Some(_)) => {
                let message = "a secret has either `file` or `env`";
                self.report.error(&place, "contradiction", message).help("write { file = \"…\" } or { env = \"…\" }");
                None
            }
        }
    }
}

/// The one reading of the environment.
#[allow(clippy::disallowed_methods, reason = "this is where the configuration is read")]
fn variable_text(name: &str) -> Option<Zeroizing<Vec<u8>>> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return None;
    }
    std::env::var(name).ok().map(|text| Zeroizing::new(text.into_bytes()))
}

/// 32 bytes as they are, as 64 hexadecimal digits, or as base64; all-zero is no key.
pub(crate) fn key_bytes(bytes: &[u8]) -> Option<HashKey> {
    key_32(bytes).map(|key| HashKey::new(*key))
}

/// The same, as it is.
pub(crate) fn key_32(bytes: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let text = bytes.trim_ascii();
    let key: Zeroizing<[u8; 32]> = Zeroizing::new(match (bytes.len(), text.len()) {
        (32, _) => bytes.try_into().ok()?,
        (_, 64) => hexadecimal(text)?,
        (_, 43 | 44) => base64(text)?,
        _ => return None,
    });
    Some(key).filter(|key| **key != [0; 32])
}

fn hexadecimal(text: &[u8]) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    for (slot, pair) in key.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *slot = digit(*high)? << 4 | digit(*low)?;
    }
    Some(key)
}

/// RFC 4648 sections 4 and 5, for exactly 32 bytes.
fn base64(text: &[u8]) -> Option<[u8; 32]> {
    let text = text.strip_suffix(b"=").unwrap_or(text);
    let mut key = Zeroizing::new(Vec::with_capacity(33));
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            key.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (bits == 0).then_some(())?;
    key.as_slice().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_three_forms_of_32_bytes() {
        let raw = *b"0123456789abcdef0123456789abcdeF";
        let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(key_bytes(&raw).is_some());
        assert_eq!(hexadecimal(hex.as_bytes()), Some(raw));
        assert!(key_bytes(format!("{hex}\n").as_bytes()).is_some());
        let encoded = b"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZUY=";
        assert_eq!(base64(encoded), Some(raw));
        assert!(key_bytes(encoded).is_some());
        for bad in [&b""[..], &[0; 32], &[1; 31], &[1; 33], &[b'g'; 64], &[b'!'; 44], &[b'/'; 43]] {
            assert!(key_bytes(bad).is_none(), "{bad:?}");
        }
    }
}
