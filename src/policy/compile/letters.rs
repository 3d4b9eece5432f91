//! A workspace's `dead_letter` in: where its dropped records are kept, and for whom they are sealed.

use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;

use crate::policy::credentials::{Inspector, Named};
use crate::policy::diagnostic::Place;
use crate::policy::files::{FILE_LIMIT, Value, beside};
use crate::policy::rules::unknown_name;
use crate::policy::{DeadLetter, WhenFull};

/// What an X25519 key in a SubjectPublicKeyInfo begins with (RFC 8410 section 4); 32 bytes follow.
const X25519: &[u8] = &[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 3, 0x21, 0];
/// The most that a directory can be let hold.
const LARGEST: u64 = 1 << 44;
const BYTES: u64 = 1 << 30;
const RECORDS: i64 = 100_000;

/// Reads it, and the place of its directory.
pub(super) fn dead_letter(value: &Value<'_>, inspector: &mut Inspector<'_>) -> Option<(DeadLetter, Place)> {
    let mut table = value.table("dead_letter", inspector.report)?;
    let file = table.source().path();
    let help = "say where dropped records are kept, like directory = \"dead-letters/acme\"";
    let directory = table.wanted("directory", help, inspector.report);
    let help = "name a public key: blackbar dead-letter keys --out DIR makes a pair";
    let recipient = table.wanted("recipient", help, inspector.report);
    let max_bytes = table.value("max_bytes").map(|value| value.size(LARGEST, inspector.report));
    let max_records = table.value("max_records").map(|value| value.integer(1..=i64::from(u32::MAX), inspector.report));
    let when_full = table.value("when_full").map(|value| when_full(&value, inspector));
    table.finish(inspector.report);
    let recipient = recipient.and_then(|value| Named::read(&value, file, inspector.report));
    let recipient = recipient.and_then(|named| public_key(&named, inspector));
    let place = directory?.place();
    let text = directory?.text(inspector.report)?;
    if text.is_empty() {
        inspector.report.error(&place, "empty", "an empty path").help("name a directory");
        return None;
    }
    let letter = DeadLetter {
        directory: beside(file, text),
        recipient: recipient?,
        max_bytes: max_bytes.unwrap_or(Some(BYTES))?,
        max_records: u64::try_from(max_records.unwrap_or(Some(RECORDS))?).unwrap_or_default(),
        when_full: when_full.unwrap_or(Some(WhenFull::Refuse))?,
    };
    Some((letter, place))
}

fn public_key(named: &Named, inspector: &mut Inspector<'_>) -> Option<[u8; 32]> {
    let contents = inspector.disk.wanted(&named.path, FILE_LIMIT, &named.place, inspector.report)?;
    let der = SubjectPublicKeyInfoDer::from_pem_slice(&contents.bytes).ok();
    let key = der.as_ref().and_then(|der| der.strip_prefix(X25519)).and_then(|key| <[u8; 32]>::try_from(key).ok());
    // A point of small order would give every item a key that anyone can compute; all zeros is the one that slips in.
    let key = key.filter(|key| *key != [0; 32]);
    if key.is_none() {
        let message = format!("{} holds no X25519 public key in PEM", named.path.display());
        let help = "make a pair with blackbar dead-letter keys --out DIR, or with openssl genpkey -algorithm X25519; the private key stays elsewhere";
        inspector.report.error(&named.place, "public-key", message).help(help);
    }
    key
}

fn when_full(value: &Value<'_>, inspector: &mut Inspector<'_>) -> Option<WhenFull> {
    match value.text(inspector.report)? {
        "refuse" => Some(WhenFull::Refuse),
        "drop" => Some(WhenFull::Drop),
        name => {
            unknown_name("when_full", name, ["refuse", "drop"].into_iter(), &value.place(), inspector.report);
            None
        }
    }
}
