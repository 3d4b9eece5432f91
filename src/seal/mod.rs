//! What is kept but may not be read here: items sealed to a key that the proxy does not hold.
//!
//! Enters: an item, what may be known of it, and the recipient's public key. Leaves: a sealed item, which only the private key
//! opens. Hybrid public-key encryption (RFC 9180: X25519, HKDF-SHA256, AES-256-GCM) gives every item a key of its own. With one
//! shared key whoever reads the proxy's files, its memory or a backup could read everything that was ever kept; so they
//! can read nothing. The format is specified in `README.md` beside this file.

mod letters;
mod read;

use std::fmt;

use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey, HpkePublicKey};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use letters::{Letterbox, NotKept};
pub use read::{Items, ReadFault};

/// What every file begins with.
const MAGIC: &[u8] = b"BLACKBAR SEALED 1\n";
/// What HPKE's key schedule is told (RFC 9180 section 5.1): keys of another use never open an item.
const INFO: &[u8] = b"blackbar sealed item 1";
/// An encapsulated key of X25519.
const ENCAPSULATED: usize = 32;
/// An AES-GCM tag.
const TAG: usize = 16;
/// A description in JSON.
const DESCRIPTION: usize = 4 << 10;
/// An item, sealed, with all that goes with it.
const ITEM: usize = 128 << 20;
/// What an X25519 key in PKCS #8 begins with (RFC 8410 section 7); 32 bytes follow.
const PKCS8: &[u8] = &[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20];
/// What an X25519 key in a SubjectPublicKeyInfo begins with (RFC 8410 section 4); 32 bytes follow.
const SPKI: &[u8] = &[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 3, 0x21, 0];

/// What may be known of an item without the key: names that the configuration fixed, a time and a number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct Description {
    /// 128 random bits in hexadecimal.
    pub id: String,
    /// When it was kept, in seconds since 1970.
    pub time: u64,
    /// Whose it is.
    pub workspace: String,
    /// The route or listener that it came by.
    pub route: String,
    /// The rule because of which it was kept.
    pub rule: String,
}

/// An item that only the private key opens.
#[derive(Clone)]
pub struct Sealed {
    /// What may be known of it.
    pub description: Description,
    /// The description as it was authenticated.
    described: Vec<u8>,
    encapsulated: Vec<u8>,
    ciphertext: Vec<u8>,
}

/// Why something is not sealed or not opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SealFault {
    /// It is too large, or cryptography failed.
    Seal,
    /// The key is another one, or the item was changed.
    Open,
    /// There is no X25519 key in PKCS #8 PEM form.
    Key,
}

impl fmt::Display for SealFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seal => "cannot be sealed",
            Self::Open => "does not open: it is sealed to another key, or was changed",
            Self::Key => "holds no X25519 private key in PEM",
        })
    }
}

impl std::error::Error for SealFault {}

/// The key that opens what was sealed to its public half.
pub struct PrivateKey(HpkePrivateKey);

impl PrivateKey {
    /// Reads a PKCS #8 PEM, as `openssl genpkey -algorithm X25519` writes it.
    ///
    /// # Errors
    /// There is none.
    pub fn from_pem(pem: &[u8]) -> Result<Self, SealFault> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| SealFault::Key)?;
        let key = der.secret_pkcs8_der().strip_prefix(PKCS8).filter(|key| key.len() == 32).ok_or(SealFault::Key)?;
        Ok(Self(HpkePrivateKey::from(key.to_vec())))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

/// A new pair of keys in PEM: the private one in PKCS #8, the public one as SubjectPublicKeyInfo.
///
/// # Errors
/// [`SealFault::Seal`] where the system has no randomness.
pub fn key_pair() -> Result<(Zeroizing<String>, String), SealFault> {
    let (public, private) = DH_KEM_X25519_HKDF_SHA256_AES_256.generate_key_pair().map_err(|_| SealFault::Seal)?;
    let der = Zeroizing::new([PKCS8, private.secret_bytes()].concat());
    Ok((Zeroizing::new(pem("PRIVATE KEY", &der)), pem("PUBLIC KEY", &[SPKI, public.0.as_slice()].concat())))
}

/// One line of base64 (RFC 4648 section 4) between two that say what it is (RFC 7468).
fn pem(label: &str, der: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(der.len() * 2 + 64);
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    for chunk in der.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS.get((bits >> (18 - 6 * place)) as usize & 63).copied().unwrap_or_default();
            text.push(if place > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    text.push_str(&format!("\n-----END {label}-----\n"));
    text
}

impl Sealed {
    /// Seals `content` to an X25519 public key.
    ///
    /// # Errors
    /// [`SealFault::Seal`].
    pub fn seal(recipient: &[u8; 32], description: Description, content: &[u8]) -> Result<Self, SealFault> {
        let described = serde_json::to_vec(&description).map_err(|_| SealFault::Seal)?;
        if described.len() > DESCRIPTION || content.len() > ITEM - DESCRIPTION - ENCAPSULATED - TAG - 2 {
            return Err(SealFault::Seal);
        }
        let recipient = HpkePublicKey(recipient.to_vec());
        let (encapsulated, ciphertext) = DH_KEM_X25519_HKDF_SHA256_AES_256
            .seal(INFO, &authenticated(&described), content, &recipient)
            .map_err(|_| SealFault::Seal)?;
        Ok(Self { description, described, encapsulated: encapsulated.0, ciphertext })
    }

    /// What was sealed.
    ///
    /// # Errors
    /// [`SealFault::Open`].
    pub fn open(&self, key: &PrivateKey) -> Result<Zeroizing<Vec<u8>>, SealFault> {
        let encapsulated = EncapsulatedSecret(self.encapsulated.clone());
        DH_KEM_X25519_HKDF_SHA256_AES_256
            .open(&encapsulated, INFO, &authenticated(&self.described), &self.ciphertext, &key.0)
            .map(Zeroizing::new)
            .map_err(|_| SealFault::Open)
    }

    /// Bytes of what was sealed.
    #[must_use]
    pub fn content_len(&self) -> usize {
        self.ciphertext.len().saturating_sub(TAG)
    }

    /// As it stands in a file: its length, the length of the description, the description, the encapsulated key, the
    /// ciphertext.
    fn to_bytes(&self) -> Vec<u8> {
        let length = 2 + self.described.len() + self.encapsulated.len() + self.ciphertext.len();
        let mut bytes = Vec::with_capacity(4 + length);
        // Both fit: `seal` and `from_bytes` bound them.
        bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(&u16::try_from(self.described.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend_from_slice(&self.described);
        bytes.extend_from_slice(&self.encapsulated);
        bytes.extend_from_slice(&self.ciphertext);
        bytes
    }

    /// Reads what stands behind the first length.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (described, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let (encapsulated, ciphertext) = rest.split_at_checked(ENCAPSULATED)?;
        let description = serde_json::from_slice(described).ok()?;
        (ciphertext.len() >= TAG).then(|| Self {
            description,
            described: described.to_vec(),
            encapsulated: encapsulated.to_vec(),
            ciphertext: ciphertext.to_vec(),
        })
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.content_len())
    }
}

/// What is authenticated besides the content: the format and the description.
fn authenticated(described: &[u8]) -> Vec<u8> {
    [MAGIC, described].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a failed test")]

    use super::*;

    pub(super) fn description(id: &str) -> Description {
        let name = |name: &str| name.to_owned();
        Description { id: name(id), time: 1, workspace: name("acme"), route: name("logs"), rule: name("pci.card") }
    }

    pub(super) fn keys() -> (PrivateKey, [u8; 32]) {
        use rustls_pki_types::SubjectPublicKeyInfoDer;
        let (private, public) = key_pair().unwrap();
        let public = SubjectPublicKeyInfoDer::from_pem_slice(public.as_bytes()).unwrap();
        (PrivateKey::from_pem(private.as_bytes()).unwrap(), public[SPKI.len()..].try_into().unwrap())
    }

    #[test]
    fn only_the_key_opens_an_item_and_only_as_it_was() {
        let (private, public) = keys();
        let sealed = Sealed::seal(&public, description("1"), b"card 4111111111111111").unwrap();
        let bytes = sealed.to_bytes();
        assert!(memchr::memmem::find(&bytes, b"4111").is_none());
        assert_eq!(bytes.len(), 4 + u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize);
        let read = Sealed::from_bytes(&bytes[4..]).unwrap();
        assert_eq!(read.open(&private).unwrap().as_slice(), b"card 4111111111111111");
        assert_eq!((read.description.clone(), read.content_len()), (description("1"), 21));
        assert_eq!(read.open(&keys().0), Err(SealFault::Open));
        for at in 4..bytes.len() {
            let mut changed = bytes[4..].to_vec();
            changed[at - 4] ^= 1;
            let opened = Sealed::from_bytes(&changed).map(|sealed| sealed.open(&private));
            assert!(matches!(opened, None | Some(Err(SealFault::Open))), "at {at}");
        }
        let again = Sealed::seal(&public, description("1"), b"card 4111111111111111").unwrap();
        assert_ne!(again.to_bytes(), bytes, "every item has a key of its own");
    }

    #[test]
    fn what_is_no_item_is_none() {
        let (_, public) = keys();
        let bytes = Sealed::seal(&public, description("1"), b"").unwrap().to_bytes();
        assert!(Sealed::from_bytes(&bytes[4..]).is_some());
        for end in 4..bytes.len() {
            assert!(Sealed::from_bytes(&bytes[4..end]).is_none(), "at {end}");
        }
        assert_eq!(PrivateKey::from_pem(b"").err(), Some(SealFault::Key));
        let long = Description { route: "x".repeat(DESCRIPTION), ..description("1") };
        assert_eq!(Sealed::seal(&public, long, b"").err(), Some(SealFault::Seal));
    }
}
