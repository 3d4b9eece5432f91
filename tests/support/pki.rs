//! Certificates for one test.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// A subject alternative name.
#[derive(Clone, Copy, Debug)]
pub enum Name {
    Uri(&'static str),
    Dns(&'static str),
    Email(&'static str),
}

/// A CA and the files that a listener reads.
pub struct Pki {
    pub folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate chain, leaf first, and its key.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

/// What a client certificate is made from.
pub struct Leaf {
    pub params: CertificateParams,
    pub intermediates: usize,
}

impl Leaf {
    pub fn new(names: &[Name]) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "client");
        params.subject_alt_names = names
            .iter()
            .map(|name| match *name {
                Name::Uri(uri) => SanType::URI(uri.try_into().unwrap()),
                Name::Dns(dns) => SanType::DnsName(dns.try_into().unwrap()),
                Name::Email(email) => SanType::Rfc822Name(email.try_into().unwrap()),
            })
            .collect();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        Self { params, intermediates: 0 }
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

impl Pki {
    /// A CA, and a server certificate for localhost.
    pub fn new() -> Self {
        Self::named("test CA")
    }

    pub fn named(name: &str) -> Self {
        let issuer = CertifiedIssuer::self_signed(authority(name), KeyPair::generate().unwrap()).unwrap();
        let pki = Self { folder: tempfile::tempdir().unwrap(), issuer };
        std::fs::write(pki.file("ca.crt"), pki.issuer.pem()).unwrap();
        pki.write_server("server", &["localhost", "127.0.0.1"]);
        pki
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `NAME.crt` and `NAME.key` for a server of these names.
    pub fn write_server(&self, name: &str, hosts: &[&str]) {
        let key = KeyPair::generate().unwrap();
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.file(&format!("{name}.crt")), certificate.pem()).unwrap();
        std::fs::write(self.file(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    /// How a server with the certificate `NAME.crt` answers.
    pub fn server_config(&self, name: &str, protocols: &[&str]) -> Arc<ServerConfig> {
        let chain = vec![CertificateDer::from_pem_file(self.file(&format!("{name}.crt"))).unwrap()];
        let key = PrivateKeyDer::from_pem_file(self.file(&format!("{name}.key"))).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// How a server answers that takes only clients with a certificate of this authority.
    pub fn mutual_config(&self, name: &str) -> Arc<ServerConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let clients =
            rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let chain = vec![CertificateDer::from_pem_file(self.file(&format!("{name}.crt"))).unwrap()];
        let key = PrivateKeyDer::from_pem_file(self.file(&format!("{name}.key"))).unwrap();
        let builder = builder.with_client_cert_verifier(clients.build().unwrap());
        Arc::new(builder.with_single_cert(chain, key).unwrap())
    }

    /// The pin of the certificate `NAME.crt` as a route writes it.
    pub fn pin(&self, name: &str) -> String {
        use sha2::Digest;
        use x509_parser::prelude::FromDer;
        let der = CertificateDer::from_pem_file(self.file(&format!("{name}.crt"))).unwrap();
        let (_, certificate) = x509_parser::prelude::X509Certificate::from_der(&der).unwrap();
        let hash = sha2::Sha256::digest(certificate.public_key().raw);
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = "sha256/".to_owned();
        for group in hash.chunks(3) {
            let bits =
                group.iter().enumerate().fold(0_u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
            (0..=group.len()).for_each(|at| text.push(char::from(letters[(bits >> (18 - 6 * at)) as usize & 63])));
        }
        text + "="
    }

    /// `client.crt` and `client.key`, for a client in another process.
    pub fn write_client(&self, names: &[Name]) {
        let key = KeyPair::generate().unwrap();
        let certificate = Leaf::new(names).params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.file("client.crt"), certificate.pem()).unwrap();
        std::fs::write(self.file("client.key"), key.serialize_pem()).unwrap();
    }

    /// A list in `NAME.crl` that revokes these serial numbers, and holds until the year.
    pub fn write_crl(&self, name: &str, serials: &[u64], until: i32) {
        std::fs::write(self.file(&format!("{name}.crl")), self.crl(1, serials, until)).unwrap();
    }

    /// The list of this number, in PEM.
    pub fn crl(&self, number: u64, serials: &[u64], until: i32) -> String {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    /// A client with these names and this serial number.
    pub fn numbered(&self, serial: u64, names: &[Name]) -> Identity {
        let mut leaf = Leaf::new(names);
        leaf.params.serial_number = Some(SerialNumber::from(serial));
        self.issue(leaf)
    }

    /// A client with these names.
    pub fn client(&self, names: &[Name]) -> Identity {
        self.issue(Leaf::new(names))
    }

    pub fn issue(&self, leaf: Leaf) -> Identity {
        let mut above: Vec<CertifiedIssuer<'static, KeyPair>> = Vec::new();
        for depth in 0..leaf.intermediates {
            let params = authority(&format!("intermediate {depth}"));
            let key = KeyPair::generate().unwrap();
            let issuer = above.last().unwrap_or(&self.issuer);
            above.push(CertifiedIssuer::signed_by(params, key, issuer).unwrap());
        }
        let key = KeyPair::generate().unwrap();
        let certificate = leaf.params.signed_by(&key, above.last().unwrap_or(&self.issuer)).unwrap();
        let mut chain = vec![certificate.der().clone()];
        chain.extend(above.iter().rev().map(|issuer| issuer.der().clone()));
        Identity { chain, key: PrivateKeyDer::try_from(key.serialize_der()).unwrap() }
    }

    /// How a client with this certificate, or none, connects.
    pub fn client_config(&self, identity: Option<Identity>, protocols: &[&str]) -> Arc<ClientConfig> {
        client_config(self.issuer.der().clone(), identity, protocols)
    }
}

/// How a client connects whose files [`Pki::write_client`] wrote.
pub fn client_config_from(folder: &Path, protocols: &[&str]) -> Arc<ClientConfig> {
    let certificate = |name: &str| CertificateDer::from_pem_file(folder.join(name)).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("client.key")).unwrap();
    let identity = Identity { chain: vec![certificate("client.crt")], key };
    client_config(certificate("ca.crt"), Some(identity), protocols)
}

fn client_config(ca: CertificateDer<'static>, identity: Option<Identity>, protocols: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(ca).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(identity) => builder.with_client_auth_cert(identity.chain, identity.key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Arc::new(config)
}
