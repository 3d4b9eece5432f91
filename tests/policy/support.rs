//! A folder with a small certificate authority, and the configuration that uses it.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

/// A folder with `certs/` as tests need them.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// Mints the certificates.
    pub(crate) fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        fs::create_dir(folder.path("certs")).unwrap();
        let ca_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "test authority");
        let ca = CertifiedIssuer::self_signed(params, ca_key).unwrap();
        let leaf = |from: i32, until: i32| {
            let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
            if from == until {
                params.not_after = OffsetDateTime::now_utc() + Duration::hours(7 * 24 + 12);
            }
            let key = KeyPair::generate().unwrap();
            (params.signed_by(&key, &ca).unwrap().pem(), key.serialize_pem())
        };
        let (server, key) = leaf(2020, 2090);
        folder.write("certs/ca.crt", &ca.pem());
        folder.write("certs/server.crt", &server);
        folder.secret("certs/server.key", &key);
        folder.secret("certs/other.key", &leaf(2020, 2090).1);
        folder.write("certs/chain.crt", &format!("{server}{}", ca.pem()));
        folder.write("certs/reversed.crt", &format!("{}{server}", ca.pem()));
        folder.write("certs/both.crt", &format!("{server}{key}"));
        folder.write("certs/empty.crt", "");
        folder.write("certs/damaged.crt", &server.replace("-----END", "----END"));
        let (expired, expired_key) = leaf(2020, 2021);
        folder.write("certs/expired.crt", &expired);
        folder.secret("certs/expired.key", &expired_key);
        let (soon, soon_key) = leaf(2020, 2020);
        folder.write("certs/soon.crt", &soon);
        folder.secret("certs/soon.key", &soon_key);
        let (future, future_key) = leaf(2080, 2090);
        folder.write("certs/future.crt", &future);
        folder.secret("certs/future.key", &future_key);
        folder.secret(
            "certs/encrypted.key",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        );
        folder.write("certs/open.key", &key);
        folder.mode("certs/open.key", 0o644);
        folder.secret("certs/audit.key", &blackbar::cli::certs::audit_key().unwrap());
        fs::write(folder.path("certs/acme.key32"), [7; 32]).unwrap();
        folder.mode("certs/acme.key32", 0o600);
        folder.secret("certs/short.key32", "short");
        folder
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file and the folders above it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn secret(&self, name: &str, text: &str) {
        self.write(name, text);
        self.mode(name, 0o600);
    }

    fn mode(&self, name: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// A listener, a workspace and a route that `load` takes.
pub(crate) const MINIMAL: &str = r#"version = 1
[[listener]]
address = "127.0.0.1:0"
certificate = "certs/server.crt"
private_key = "certs/server.key"
client_ca = "certs/ca.crt"
[[workspace]]
name = "acme"
clients = ["dns:agent.acme.internal"]
[[route]]
name = "openai"
path = "/openai"
upstream = "https://api.openai.com"
"#;
