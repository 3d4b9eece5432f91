//! `[audit]` in, where and how the audit log is written out.

use std::time::Duration;

use rustls::SignatureAlgorithm;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls_pki_types::PrivateKeyDer;
use zeroize::Zeroizing;

use crate::policy::credentials::{Inspector, Named};
use crate::policy::diagnostic::quote;
use crate::policy::files::Fields;
use crate::policy::rules::unknown_name;
use crate::policy::{AuditSettings, Durability};

use super::apart::LogFolder;

/// Largest segment that may be asked for, in bytes.
const LARGEST: u64 = 4 << 30;
/// Longest retention, in days: a hundred years.
const LONGEST: i64 = 36_500;

/// Reads `[audit]`.
pub(super) fn audit(mut fields: Fields<'_>, inspector: &mut Inspector<'_>) -> Option<AuditSettings> {
    let file = fields.source().path();
    let report = &mut *inspector.report;
    let directory = fields.wanted("directory", "name the folder of the log: directory = \"audit\"", report);
    let directory = directory.and_then(|value| Named::read(&value, file, report));
    let help = "name an Ed25519 key in PEM form; `blackbar certs` writes one as audit.key";
    let key = fields.wanted("signing_key", help, report).and_then(|value| Named::read(&value, file, report));
    let name = match fields.value("name") {
        None => Some("blackbar".to_owned()),
        Some(value) => value.text(report).and_then(|text| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            let good = (1..=64).contains(&text.len()) && text.bytes().all(plain);
            if !good {
                let message = format!("{} is no name for a log", quote(text));
                report
                    .error(&value.place(), "name-form", message)
                    .help("use 1 to 64 letters, digits, `-`, `_` and `.`");
            }
            good.then(|| text.to_owned())
        }),
    };
    let durability = match fields.value("durability") {
        None => Some(Durability::Os),
        Some(value) => value.text(report).and_then(|text| match text {
            "os" => Some(Durability::Os),
            "disk" => Some(Durability::Disk),
            text => {
                unknown_name("durability", text, ["os", "disk"].into_iter(), &value.place(), report);
                None
            }
        }),
    };
    let bytes = fields.value("segment_size").and_then(|value| value.size(LARGEST, report));
    let age = fields.value("segment_age").and_then(|value| value.duration(report));
    let days = fields.value("retention_days").and_then(|value| value.integer(1..=LONGEST, report));
    let exports = fields.tables("export", "[[audit.export]]", report);
    fields.finish(report);
    let log = directory.as_ref().map(|named| LogFolder::new(&named.path));
    let exports = super::export::exports(exports, log.as_ref(), inspector);
    let key = key.and_then(|named| Some((signing_key(&named, inspector)?, named.path)));
    let (key, key_file) = key.unzip();
    Some(AuditSettings {
        directory: directory?.path,
        key: key?,
        key_file: key_file?,
        name: name?,
        durability: durability?,
        segment_bytes: bytes.unwrap_or(64 << 20),
        segment_age: age.unwrap_or(Duration::from_secs(24 * 60 * 60)),
        retention_days: days.and_then(|days| u32::try_from(days).ok()),
        exports,
    })
}

fn signing_key(named: &Named, inspector: &mut Inspector<'_>) -> Option<Zeroizing<Vec<u8>>> {
    let key = inspector.private_key(named)?;
    let is_ed25519 = any_supported_type(&key).is_ok_and(|signing| signing.algorithm() == SignatureAlgorithm::ED25519);
    match key {
        PrivateKeyDer::Pkcs8(der) if is_ed25519 => Some(Zeroizing::new(der.secret_pkcs8_der().to_vec())),
        _ => {
            let message = format!("{} is no Ed25519 key", named.path.display());
            let help = "make one with `blackbar certs`, or `openssl genpkey -algorithm ed25519 -out FILE`";
            inspector.report.error(&named.place, "audit-key", message).help(help);
            None
        }
    }
}
