//! Sealed tokens: the value itself, encrypted, so that whoever holds the key can open them without having seen the value.
//!
//! Enters: a value, or a token's letters. Leaves: the other. AES-SIV (RFC 5297), which is authenticated and deterministic:
//! equal values give equal tokens, and a letter that was changed opens nothing. README.md has the format.

use std::fmt;

use aes_siv::KeyInit as _;
use aes_siv::siv::Aes256Siv;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::base32;
use crate::engine::operator::HashKey;
use crate::engine::rule::EntityType;

/// What sets a sealed token's letters apart: no letter of a placeholder's tag is a `1`.
pub(super) const MARK: &[u8] = b"s1";
/// Letters behind the mark that say how long the value is.
pub(super) const LENGTH: usize = 2;
/// The longest value that is sealed, in bytes.
pub const MAX_SEALED: usize = 512;

/// What is said before anything is derived or bound: another version, other keys.
const DOMAIN: &[u8] = b"blackbar token sealed\x00\x01";
/// Bytes of the key's identifier, and of the synthetic initialisation vector.
const KEY_ID: usize = 2;
const SIV: usize = 16;

/// What seals a workspace's values, and whose tokens are looked for.
#[derive(Clone, Debug)]
pub struct Seal {
    pub(super) sealer: Sealer,
    pub(super) entities: Vec<EntityType>,
}

impl Seal {
    /// Under this key, for values of these entities.
    #[must_use]
    pub fn new(key: &HashKey, entities: Vec<EntityType>) -> Option<Self> {
        Some(Self { sealer: Sealer::new(key)?, entities })
    }
}

/// A workspace's key, made ready.
#[derive(Clone)]
pub(super) struct Sealer {
    key: [u8; 64],
    id: [u8; KEY_ID],
}

impl Sealer {
    /// Derives from a workspace's key what seals, and what names the key.
    pub(super) fn new(key: &HashKey) -> Option<Self> {
        let mut sealer = Self { key: [0; 64], id: [0; KEY_ID] };
        let (left, right) = sealer.key.split_at_mut(32);
        derive(key, b"key 1", left)?;
        derive(key, b"key 2", right)?;
        derive(key, b"id", &mut sealer.id)?;
        Some(sealer)
    }

    /// Appends the letters of a value's token; `false` where it is too long, and then nothing is appended.
    pub(super) fn seal(&self, workspace: &str, entity: &str, value: &[u8], out: &mut Vec<u8>) -> bool {
        if value.len() > MAX_SEALED {
            return false;
        }
        let headers: [&[u8]; 4] = [DOMAIN, &self.id, workspace.as_bytes(), entity.as_bytes()];
        let Ok(sealed) = Aes256Siv::new(&self.key.into()).encrypt(headers, value) else { return false };
        let mut bytes = self.id.to_vec();
        bytes.extend_from_slice(&sealed);
        out.extend_from_slice(MARK);
        for place in [value.len() >> 5, value.len() & 31] {
            out.extend(base32::LETTERS.get(place));
        }
        base32::encode(&bytes, out);
        true
    }

    /// The value that the letters behind the mark and the length stand for; none where they were not made under this key
    /// for this workspace and entity.
    pub(super) fn open(&self, workspace: &str, entity: &str, letters: &[u8]) -> Option<String> {
        let bytes = base32::decode(letters)?;
        let (id, sealed) = bytes.split_at_checked(KEY_ID)?;
        if id != self.id {
            return None;
        }
        let headers: [&[u8]; 4] = [DOMAIN, id, workspace.as_bytes(), entity.as_bytes()];
        let value = Aes256Siv::new(&self.key.into()).decrypt(headers, sealed).ok()?;
        String::from_utf8(value).ok()
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

/// How many letters follow these two, which say how long the value is; none where it would be too long.
pub(super) fn letters_behind(length: [u8; LENGTH]) -> Option<usize> {
    let [high, low] = length.map(base32::value);
    let bytes = usize::from(high?) << 5 | usize::from(low?);
    (bytes <= MAX_SEALED).then_some(((KEY_ID + SIV + bytes) * 8).div_ceil(5))
}

fn derive(key: &HashKey, what: &[u8], into: &mut [u8]) -> Option<()> {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key.bytes()).ok()?;
    mac.update(DOMAIN);
    mac.update(what);
    into.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(byte, made)| *byte = made);
    Some(())
}
