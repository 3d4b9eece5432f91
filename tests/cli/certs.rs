//! `certs`: files that rustls takes, kept where they must be.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::{Folder, run};

fn pem(path: &Path) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let certificate = CertificateDer::from_pem_file(path.with_extension("crt")).unwrap();
    (vec![certificate], PrivateKeyDer::from_pem_file(path.with_extension("key")).unwrap())
}

fn names(path: &Path) -> Vec<String> {
    let der = CertificateDer::from_pem_file(path).unwrap();
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
    let names = certificate.subject_alternative_name().unwrap().unwrap();
    names.value.general_names.iter().map(ToString::to_string).collect()
}

#[test]
fn files_load_and_belong_together() {
    let folder = Folder::new();
    let out = folder.path().join("certs");
    let ran = run([
        "certs",
        "--out",
        out.to_str().unwrap(),
        "--client",
        "agent",
        "--san",
        "uri:spiffe://acme.example/agent/one",
        "--san",
        "dns:agent.acme.internal",
        "--client",
        "ops",
        "--san",
        "email:ops@acme.example",
    ]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    for name in ["ca", "server", "agent", "ops"] {
        let key = fs::metadata(out.join(name).with_extension("key")).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600, "{name}");
        assert!(ran.text().contains(&format!("{name}.crt")), "{}", ran.text());
    }
    let audit = fs::read_to_string(out.join("audit.key")).unwrap();
    assert!(audit.starts_with("-----BEGIN PRIVATE KEY-----\n"), "PKCS#8");
    assert!(matches!(PrivateKeyDer::from_pem_file(out.join("audit.key")), Ok(PrivateKeyDer::Pkcs8(_))));
    assert_eq!(names(&out.join("agent.crt")).len(), 2);
    assert!(names(&out.join("ops.crt"))[0].contains("ops@acme.example"));
    assert_eq!(names(&out.join("server.crt")).len(), 3);

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(out.join("ca.crt")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let now = rustls::pki_types::UnixTime::now();
    for client in ["agent", "ops"] {
        let (chain, _) = pem(&out.join(client));
        verifier.verify_client_cert(&chain[0], &[], now).unwrap();
    }
    let (chain, key) = pem(&out.join("server"));
    assert!(verifier.verify_client_cert(&chain[0], &[], now).is_err(), "a server's certificate is no client's");
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    config.with_client_cert_verifier(verifier).with_single_cert(chain, key).unwrap();
}

#[test]
fn an_authority_and_an_audit_key_are_kept() {
    let folder = Folder::new();
    let out = folder.path().to_str().unwrap();
    assert_eq!(run(["certs", "--out", out]).code, 0);
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let kept = ["ca.crt", "ca.key", "audit.key"].map(|name| (name, read(name)));
    let server = read("server.crt");
    let again = run(["certs", "--out", out, "--host", "proxy.acme.internal", "--host", "10.0.0.1"]);
    assert_eq!(again.code, 0);
    for (name, bytes) in kept {
        assert_eq!(read(name), bytes, "{name}");
    }
    assert_ne!(read("server.crt"), server);
    assert_eq!(names(&folder.path().join("server.crt")).len(), 2);
    assert!(again.text().contains("kept"), "{}", again.text());
    fs::remove_file(folder.path().join("ca.key")).unwrap();
    let half = run(["certs", "--out", out]);
    assert_eq!((half.code, half.stderr.lines().count()), (2, 1), "{}", half.stderr);
}

#[test]
fn clients_are_named_with_care() {
    let folder = Folder::new();
    let out = folder.path().join("none");
    let wrong: [&[&str]; 6] = [
        &["--san", "dns:a"],
        &["--client", "agent"],
        &["--client", "../agent", "--san", "dns:a"],
        &["--client", "ca", "--san", "dns:a"],
        &["--client", "a", "--san", "dns:a", "--client", "a", "--san", "dns:b"],
        &["--client", "a", "--san", "a.example"],
    ];
    for arguments in wrong {
        let ran = run(["certs", "--out", out.to_str().unwrap()].iter().chain(arguments));
        assert_eq!((ran.code, ran.stderr.lines().count()), (2, 1), "{arguments:?}: {}", ran.stderr);
        assert!(!out.exists(), "{arguments:?}");
    }
}

#[test]
fn a_host_is_a_name_or_an_address() {
    let folder = Folder::new();
    let out = folder.path().join("certs");
    for host in ["a b", "", "a..b", "x@example.com", "https://example.com"] {
        let ran = run(["certs", "--out", out.to_str().unwrap(), "--host", host]);
        assert!(ran.code == 2 && !out.exists(), "{host}: {}", ran.stderr);
    }
    let ran = run(["certs", "--out", out.to_str().unwrap(), "--host", "*.example.com", "--host", "[::1]"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}
