//! Development PKI: names in, PEM files out.
//!
//! [`Authority`] mints in memory, for `certs`, `demo` and tests; the command writes what it mints, keys readable by
//! their owner only. An authority and an audit key that are there already are kept: what they signed stays valid.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{ArgMatches, Args};
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::pki_types::ServerName;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::{Code, Failure, say};
use crate::telemetry::unix_seconds;

/// How long an authority's certificate is valid.
const AUTHORITY_DAYS: i64 = 3650;
/// How long a server's or client's certificate is valid.
const LEAF_DAYS: i64 = 365;
/// Certificates are valid from a little before they are made, for clocks that differ.
const BACKDATED: Duration = Duration::hours(1);
/// Names that a client may not have: their files are others.
const RESERVED: [&str; 3] = ["ca", "server", "audit"];

/// Arguments of `certs`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar certs --out certs --host proxy.internal \\
             --client agent --san uri:spiffe://acme.example/agent/one

Writes ca.crt ca.key server.crt server.key audit.key and NAME.crt NAME.key for each client. ca.crt, ca.key and audit.key
are kept where they exist. For development: production keys belong to your own authority.")]
pub(super) struct CertsArguments {
    /// Directory to write to; made if it does not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A name or address of the server, repeatable [default: localhost 127.0.0.1 ::1]
    #[arg(long = "host", value_name = "NAME", value_parser = host_argument)]
    hosts: Vec<String>,
    /// A client to make a certificate for, repeatable; its names follow it
    #[arg(long = "client", value_name = "NAME")]
    clients: Vec<String>,
    /// A subject alternative name of the client before it: uri:…, dns:… or email:…, repeatable
    #[arg(long = "san", value_name = "SAN")]
    names: Vec<AlternativeName>,
}

/// A subject alternative name (RFC 5280 section 4.2.1.6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AlternativeName {
    /// `uri:…`.
    Uri(String),
    /// `dns:…`.
    Dns(String),
    /// `email:…`.
    Email(String),
    /// An IP address, for servers.
    Address(IpAddr),
}

impl FromStr for AlternativeName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once(':').ok_or("write uri:…, dns:… or email:…")?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("a name has ASCII letters, digits and signs, and no spaces".to_owned());
        }
        match kind {
            "uri" if name.contains(':') => Ok(Self::Uri(name.to_owned())),
            "uri" => Err("a URI begins with its scheme, like spiffe://".to_owned()),
            "dns" => Ok(Self::Dns(name.to_owned())),
            "email" if name.contains('@') => Ok(Self::Email(name.to_owned())),
            "email" => Err("an e-mail address has an @".to_owned()),
            _ => Err("write uri:…, dns:… or email:…".to_owned()),
        }
    }
}

impl AlternativeName {
    /// A server's name: an address where it parses as one, else a DNS name.
    #[must_use]
    pub fn of_host(host: &str) -> Self {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        bare.parse().map_or_else(|_| Self::Dns(host.to_owned()), Self::Address)
    }

    fn encode(&self) -> Result<SanType, CertsError> {
        let ascii = |name: &String| Ia5String::try_from(name.as_str()).map_err(|_| CertsError(Fault::Name));
        Ok(match self {
            Self::Uri(name) => SanType::URI(ascii(name)?),
            Self::Dns(name) => SanType::DnsName(ascii(name)?),
            Self::Email(name) => SanType::Rfc822Name(ascii(name)?),
            Self::Address(address) => SanType::IpAddress(*address),
        })
    }
}

impl fmt::Display for AlternativeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(name) => write!(f, "uri:{name}"),
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::Email(name) => write!(f, "email:{name}"),
            Self::Address(address) => write!(f, "ip:{address}"),
        }
    }
}

/// A certificate authority that mints certificates for servers and clients.
pub struct Authority {
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, both PEM.
pub struct Credential {
    /// The certificate.
    pub certificate_pem: String,
    /// The private key, PKCS#8.
    pub key_pem: String,
}

/// Why nothing was minted.
#[derive(Debug)]
pub struct CertsError(Fault);

#[derive(Debug)]
enum Fault {
    Name,
    Authority,
    Randomness,
    Library(rcgen::Error),
}

impl fmt::Display for CertsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Fault::Name => f.write_str("a name is not ASCII"),
            Fault::Authority => f.write_str("not the certificate and key of one authority"),
            Fault::Randomness => f.write_str("the system gives no randomness"),
            Fault::Library(error) => write!(f, "the certificate could not be made: {error}"),
        }
    }
}

impl std::error::Error for CertsError {}

impl From<rcgen::Error> for CertsError {
    fn from(error: rcgen::Error) -> Self {
        Self(Fault::Library(error))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential")
    }
}

impl Authority {
    /// A new authority with a P-256 key.
    ///
    /// # Errors
    /// Where no key can be made.
    pub fn generate() -> Result<Self, CertsError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = dated(AUTHORITY_DAYS);
        params.distinguished_name.push(DnType::CommonName, "Blackbar development CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate_pem = params.self_signed(&key)?.pem();
        Ok(Self { certificate_pem, issuer: Issuer::new(params, key) })
    }

    /// An authority from its files.
    ///
    /// # Errors
    /// Where they do not parse, are not an authority's, or do not belong together.
    pub fn from_pem(certificate_pem: &str, key_pem: &str) -> Result<Self, CertsError> {
        let key = KeyPair::from_pem(key_pem)?;
        let (_, pem) =
            x509_parser::pem::parse_x509_pem(certificate_pem.as_bytes()).map_err(|_| CertsError(Fault::Authority))?;
        let certificate = pem.parse_x509().map_err(|_| CertsError(Fault::Authority))?;
        let same_key = certificate.public_key().subject_public_key.data.as_ref() == key.public_key_raw();
        if !certificate.is_ca() || !same_key {
            return Err(CertsError(Fault::Authority));
        }
        let issuer = Issuer::from_ca_cert_pem(certificate_pem, key)?;
        Ok(Self { certificate_pem: certificate_pem.to_owned(), issuer })
    }

    /// The authority's certificate.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The authority's private key, PKCS#8.
    #[must_use]
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A server's certificate for these names.
    ///
    /// # Errors
    /// Where a name cannot stand in a certificate.
    pub fn server(&self, names: &[AlternativeName]) -> Result<Credential, CertsError> {
        self.leaf("Blackbar development server", names, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client's certificate for these names.
    ///
    /// # Errors
    /// As [`Authority::server`].
    pub fn client(&self, name: &str, names: &[AlternativeName]) -> Result<Credential, CertsError> {
        self.leaf(name, names, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn leaf(
        &self,
        name: &str,
        names: &[AlternativeName],
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Credential, CertsError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = dated(LEAF_DAYS);
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names = names.iter().map(AlternativeName::encode).collect::<Result<_, _>>()?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let certificate_pem = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Credential { certificate_pem, key_pem: key.serialize_pem() })
    }
}

/// A private key that signs the audit: Ed25519, PKCS#8 version 1 PEM (RFC 8410 section 7), which every tool reads.
///
/// # Errors
/// Where the system gives no randomness.
pub fn audit_key() -> Result<String, CertsError> {
    // PrivateKeyInfo { version 0, id-Ed25519, CurvePrivateKey of 32 bytes }.
    const HEAD: [u8; 16] = [0x30, 46, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 34, 4, 32];
    let mut seed = Zeroizing::new([0_u8; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(|_| CertsError(Fault::Randomness))?;
    let der = Zeroizing::new([HEAD.as_slice(), seed.as_slice()].concat());
    Ok(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", base64(&der)))
}

/// Base64 (RFC 4648 section 4) of whole triples; an incomplete one at the end is left out.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len() / 3 * 4);
    for triple in bytes.chunks_exact(3) {
        let bits = triple.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        text.extend(
            [18, 12, 6, 0].iter().filter_map(|shift| ALPHABET.get(bits >> shift & 63)).map(|byte| char::from(*byte)),
        );
    }
    text
}

fn dated(days: i64) -> CertificateParams {
    let seconds = i64::try_from(unix_seconds()).unwrap_or_default();
    let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let mut params = CertificateParams::default();
    params.not_before = now - BACKDATED;
    params.not_after = now + Duration::days(days);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
}

/// A client of the command line.
#[derive(PartialEq, Eq, Debug)]
struct Client {
    name: String,
    names: Vec<AlternativeName>,
}

/// A name of a server as its certificate may have it, with `*` for its first label or without (RFC 9525 section 6.3).
fn host_argument(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let name = bare.strip_prefix("*.").unwrap_or(bare);
    match ServerName::try_from(name) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("write a DNS name or an address".to_owned()),
    }
}

/// Runs `certs`.
pub(super) fn run(arguments: &CertsArguments, matches: Option<&ArgMatches>) -> Result<Code, Failure> {
    let clients = clients(arguments, matches)?;
    let mut out = io::stdout().lock();
    let directory = &arguments.out;
    fs::create_dir_all(directory).map_err(|error| Failure::io(directory.display(), &error))?;
    let authority = authority(directory, &mut out)?;
    let hosts = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let hosts = if arguments.hosts.is_empty() { &hosts } else { arguments.hosts.as_slice() };
    let names: Vec<AlternativeName> = hosts.iter().map(|host| AlternativeName::of_host(host)).collect();
    let server = authority.server(&names).map_err(minting)?;
    store(directory, "server", &server, &names, &mut out)?;
    let path = directory.join("audit.key");
    if exists(&path)? {
        say(&mut out, format_args!("kept  {}", path.display()))?;
    } else {
        write(&path, audit_key().map_err(minting)?.as_bytes(), Readers::Owner)?;
        say(&mut out, format_args!("wrote {}  Ed25519", path.display()))?;
    }
    for client in &clients {
        let credential = authority.client(&client.name, &client.names).map_err(minting)?;
        store(directory, &client.name, &credential, &client.names, &mut out)?;
    }
    Ok(Code::Fine)
}

#[expect(clippy::needless_pass_by_value, reason = "the end of map_err")]
fn minting(error: CertsError) -> Failure {
    Failure::failed(error.to_string())
}

/// Each `--san` belongs to the `--client` before it, so the order on the command line counts.
fn clients(arguments: &CertsArguments, matches: Option<&ArgMatches>) -> Result<Vec<Client>, Failure> {
    let places = |id: &str| -> Vec<usize> {
        matches.and_then(|matches| matches.indices_of(id)).map(Iterator::collect).unwrap_or_default()
    };
    let mut clients: Vec<(usize, Client)> = Vec::new();
    for (name, place) in arguments.clients.iter().zip(places("clients")) {
        file_name(name)?;
        if clients.iter().any(|(_, client)| client.name == *name) {
            return Err(Failure::failed(format!("--client {name} is there twice")));
        }
        clients.push((place, Client { name: name.clone(), names: Vec::new() }));
    }
    for (name, place) in arguments.names.iter().zip(places("names")) {
        match clients.iter_mut().rev().find(|(client, _)| *client < place) {
            Some((_, client)) => client.names.push(name.clone()),
            None => return Err(Failure::failed(format!("--san {name} stands before any --client"))),
        }
    }
    match clients.iter().find(|(_, client)| client.names.is_empty()) {
        Some((_, client)) => {
            let name = &client.name;
            Err(Failure::failed(format!("--client {name} has no name; add --san uri:spiffe://acme.example/{name}")))
        }
        None => Ok(clients.into_iter().map(|(_, client)| client).collect()),
    }
}

/// The client's name becomes a file's.
fn file_name(name: &str) -> Result<(), Failure> {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let plain = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if !plain || name.len() > 64 || !name.bytes().all(letters) {
        return Err(Failure::failed(format!("--client {name:?}: use letters, digits, `.`, `_` and `-`, 64 at most")));
    }
    if RESERVED.contains(&name) {
        return Err(Failure::failed(format!("--client {name}: {name}.key is a file of another use")));
    }
    Ok(())
}

/// The directory's authority, made if there is none.
fn authority(directory: &Path, out: &mut dyn Write) -> Result<Authority, Failure> {
    let (certificate, key) = (directory.join("ca.crt"), directory.join("ca.key"));
    match (exists(&certificate)?, exists(&key)?) {
        (true, true) => {
            let read = |path: &Path| fs::read_to_string(path).map_err(|error| Failure::io(path.display(), &error));
            let authority = Authority::from_pem(&read(&certificate)?, &read(&key)?)
                .map_err(|error| Failure::failed(format!("{}: {error}", certificate.display())))?;
            say(out, format_args!("kept  {}  {}", certificate.display(), key.display()))?;
            Ok(authority)
        }
        (false, false) => {
            let authority = Authority::generate().map_err(minting)?;
            write(&key, authority.key_pem().as_bytes(), Readers::Owner)?;
            write(&certificate, authority.certificate_pem().as_bytes(), Readers::All)?;
            say(out, format_args!("wrote {}  {}", certificate.display(), key.display()))?;
            Ok(authority)
        }
        (there, _) => {
            let (here, missing) = if there { (&certificate, &key) } else { (&key, &certificate) };
            let (here, missing) = (here.display(), missing.display());
            Err(Failure::failed(format!("{here} is there and {missing} is not; restore it, or move the other away")))
        }
    }
}

fn store(
    directory: &Path,
    name: &str,
    credential: &Credential,
    names: &[AlternativeName],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (certificate, key) = (directory.join(format!("{name}.crt")), directory.join(format!("{name}.key")));
    write(&key, credential.key_pem.as_bytes(), Readers::Owner)?;
    write(&certificate, credential.certificate_pem.as_bytes(), Readers::All)?;
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    say(out, format_args!("wrote {}  {}  {}", certificate.display(), key.display(), names.join(" ")))
}

fn exists(path: &Path) -> Result<bool, Failure> {
    path.try_exists().map_err(|error| Failure::io(path.display(), &error))
}

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Readers {
    /// Its owner.
    Owner,
    /// Everyone.
    All,
}

/// Writes a new file beside `path` and moves it there, so that nobody sees half a key or, for a moment, a readable one.
pub(super) fn write(path: &Path, contents: &[u8], readers: Readers) -> Result<(), Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let fresh = PathBuf::from(name);
    let attempt = || -> io::Result<()> {
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(if readers == Readers::Owner { 0o600 } else { 0o644 });
        }
        #[cfg(not(unix))]
        let _ = readers;
        let mut file = options.open(&fresh)?;
        file.write_all(contents)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    attempt().map_err(|error| Failure::io(path.display(), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_by_their_kind() {
        assert_eq!("dns:agent.acme".parse(), Ok(AlternativeName::Dns("agent.acme".to_owned())));
        let uri = "uri:spiffe://acme.example/agent/one".parse::<AlternativeName>();
        assert_eq!(uri.map(|name| name.to_string()), Ok("uri:spiffe://acme.example/agent/one".to_owned()));
        for wrong in ["", "agent", "dns:", "dns:a b", "email:jane", "uri:agent", "ip:10.0.0.1", "dns:é"] {
            assert!(wrong.parse::<AlternativeName>().is_err(), "{wrong}");
        }
        assert_eq!(AlternativeName::of_host("[::1]"), AlternativeName::of_host("::1"));
        assert_eq!(AlternativeName::of_host("a.example"), AlternativeName::Dns("a.example".to_owned()));
    }

    #[test]
    fn client_names_stay_in_their_directory() {
        for wrong in ["", ".", "../ca", "a/b", "-x", "ca", "server", "audit", "a b", &"x".repeat(65)] {
            assert!(file_name(wrong).is_err(), "{wrong}");
        }
        assert!(file_name("agent-1.acme_x").is_ok());
    }

    #[test]
    fn an_authority_survives_its_files() {
        let authority = Authority::generate().expect("keys can be made");
        let again = Authority::from_pem(authority.certificate_pem(), &authority.key_pem()).expect("its own files");
        let leaf = again.server(&[AlternativeName::of_host("localhost")]).expect("a name");
        let (_, pem) = x509_parser::pem::parse_x509_pem(leaf.certificate_pem.as_bytes()).expect("PEM");
        let (_, root) = x509_parser::pem::parse_x509_pem(authority.certificate_pem().as_bytes()).expect("PEM");
        let (leaf, root) = (pem.parse_x509().expect("X.509"), root.parse_x509().expect("X.509"));
        assert_eq!(leaf.issuer(), root.subject());
        assert!(!leaf.is_ca() && root.is_ca());
        let other = Authority::generate().expect("keys can be made");
        assert!(Authority::from_pem(authority.certificate_pem(), &other.key_pem()).is_err());
    }

    #[test]
    fn the_audit_key_is_one_line_of_base64() {
        assert_eq!(base64(b"Man is "), "TWFuIGlz");
        let key = audit_key().expect("randomness");
        assert_eq!(key.lines().nth(1).map(str::len), Some(64));
        assert!(key.lines().nth(1).is_some_and(|line| line.starts_with("MC4CAQAwBQYDK2VwBCIEI")));
        assert_ne!(audit_key().expect("randomness"), key);
    }

    #[test]
    fn nothing_private_is_in_debug_output() {
        let authority = Authority::generate().expect("keys can be made");
        let leaf = authority.client("agent", &[]).expect("no name is wrong");
        assert_eq!(format!("{authority:?} {leaf:?}"), "Authority Credential");
    }
}
