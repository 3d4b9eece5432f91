//! How held requests rest: each under a key of its own, that key under the workspace's, that one made of the store's.
//!
//! Enters: content and the item's facts. Leaves: what may lie on a disk. AES-256-GCM (NIST SP 800-38D) throughout; the
//! facts are authenticated with the content, so that content moved to another item, or an item with other facts, does not
//! open. Erasing the wrapped key erases the content. The format is specified in `README.md` beside this file.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Fault;
use super::item::{Facts, Item};

/// What the keys are for.
const WRAP: &[u8] = b"blackbar quarantine 1 wrap\0";
const RECORD: &[u8] = b"blackbar quarantine 1 record\0";
const CONTENT: &[u8] = b"blackbar quarantine 1 content\0";
const STORE: &[u8] = b"blackbar quarantine 1 store\0";

/// Longest record of an item, and how much of that a new one leaves for what is still to be said of it: names, a reason
/// in JSON, a longer state.
pub(super) const ITEM_BYTES: usize = 256 << 10;
pub(super) const LATER: usize = 16 << 10;

/// Something was not as it was written, or there is no randomness.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Broken;

/// The store's key.
pub(super) struct Keys(Zeroizing<[u8; 32]>);

/// A request's content at rest.
pub(super) struct SealedContent {
    /// The item's own key, wrapped.
    pub(super) key: String,
    pub(super) bytes: Vec<u8>,
    pub(super) sha256: String,
}

impl Keys {
    pub(super) fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }

    fn derived(&self, purpose: &[u8], what: &[u8]) -> Result<Zeroizing<[u8; 32]>, Broken> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_slice()).map_err(|_| Broken)?;
        mac.update(purpose);
        mac.update(what);
        Ok(Zeroizing::new(mac.finalize().into_bytes().into()))
    }

    /// What tells a store of this key from that of another, and nothing of the key.
    pub(super) fn fingerprint(&self) -> Result<String, Broken> {
        Ok(hex(self.derived(STORE, b"")?.as_slice()))
    }

    /// Seals what an item holds.
    pub(super) fn seal(&self, facts: &Facts, content: &[u8]) -> Result<SealedContent, Broken> {
        let mut own = Zeroizing::new([0_u8; 32]);
        rand::fill(own.as_mut_slice()).map_err(|_| Broken)?;
        let facts_bytes = bound(CONTENT, facts)?;
        let bytes = encrypt(&own, &facts_bytes, content)?;
        let wrapping = self.derived(WRAP, facts.workspace.as_bytes())?;
        let key = encrypt(&wrapping, &bound(WRAP, facts)?, own.as_slice())?;
        let sha256 = hex(&Sha256::digest(&bytes));
        Ok(SealedContent { key: STANDARD.encode(key), bytes, sha256 })
    }

    /// Opens what an item holds.
    pub(super) fn open(&self, item: &Item, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Broken> {
        if hex(&Sha256::digest(bytes)) != item.sealed_sha256 {
            return Err(Broken);
        }
        let facts = &item.facts;
        let wrapped = item.key.as_ref().and_then(|key| STANDARD.decode(key).ok()).ok_or(Broken)?;
        let wrapping = self.derived(WRAP, facts.workspace.as_bytes())?;
        let own = decrypt(&wrapping, &bound(WRAP, facts)?, &wrapped)?;
        let own = Zeroizing::new(<[u8; 32]>::try_from(own.as_slice()).map_err(|_| Broken)?);
        decrypt(&own, &bound(CONTENT, facts)?, bytes)
    }

    /// An item as a store keeps it: one line of JSON, and a line that proves that nobody else wrote it.
    ///
    /// # Errors
    /// It is longer than what is read.
    pub(super) fn write(&self, item: &Item) -> Result<Vec<u8>, Fault> {
        let mut line = serde_json::to_vec(item).map_err(|_| Fault::Seal)?;
        let mac = self.derived(RECORD, &line).map_err(|_| Fault::Seal)?;
        line.push(b'\n');
        line.extend_from_slice(hex(mac.as_slice()).as_bytes());
        line.push(b'\n');
        let most = if item.turn == 0 { ITEM_BYTES - LATER } else { ITEM_BYTES };
        if line.len() > most { Err(Fault::Large) } else { Ok(line) }
    }

    /// Reads what [`Keys::write`] wrote.
    pub(super) fn read(&self, bytes: &[u8]) -> Result<Item, Broken> {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let (line, mac) = (lines.next().ok_or(Broken)?, lines.next().ok_or(Broken)?);
        let mut check = Hmac::<Sha256>::new_from_slice(self.0.as_slice()).map_err(|_| Broken)?;
        check.update(RECORD);
        check.update(line);
        check.verify_slice(&from_hex(mac).ok_or(Broken)?).map_err(|_| Broken)?;
        serde_json::from_slice(line).map_err(|_| Broken)
    }
}

/// What is authenticated beside a ciphertext.
fn bound(purpose: &[u8], facts: &Facts) -> Result<Vec<u8>, Broken> {
    let mut bytes = purpose.to_vec();
    serde_json::to_writer(&mut bytes, facts).map_err(|_| Broken)?;
    Ok(bytes)
}

/// A random nonce, then the ciphertext with its tag.
fn encrypt(key: &[u8; 32], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, Broken> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| Broken)?);
    let mut nonce = [0_u8; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| Broken)?;
    let mut text = Zeroizing::new(plain.to_vec());
    let tag = key
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), text.as_mut_slice())
        .map_err(|_| Broken)?;
    Ok([nonce.as_slice(), text.as_slice(), tag.as_ref()].concat())
}

fn decrypt(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Broken> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| Broken)?);
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(Broken)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Broken)?;
    let mut text = Zeroizing::new(text.to_vec());
    let length = key.open_in_place(nonce, Aad::from(aad), text.as_mut_slice()).map_err(|_| Broken)?.len();
    text.truncate(length);
    Ok(text)
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::super::item::tests::facts;
    use super::super::item::{Delivery, State};
    use super::*;

    fn keys(seed: u8) -> Keys {
        Keys::new(Zeroizing::new([seed; 32]))
    }

    fn sealed(keys: &Keys, facts: Facts, content: &[u8]) -> (Item, Vec<u8>) {
        let sealed = keys.seal(&facts, content).expect("it seals");
        let item = Item {
            facts,
            turn: 0,
            key: Some(sealed.key),
            sealed: sealed.bytes.len() as u64,
            sealed_sha256: sealed.sha256,
            state: State::Held,
            verdict: None,
            delivery: Delivery::None,
        };
        (item, sealed.bytes)
    }

    #[test]
    fn content_opens_for_its_own_item_alone() {
        let (item, bytes) = sealed(&keys(1), facts("01", "acme"), b"078-05-1120");
        assert!(!bytes.windows(11).any(|window| window == b"078-05-1120"));
        assert_eq!(keys(1).open(&item, &bytes).as_deref().map(Vec::as_slice), Ok(&b"078-05-1120"[..]));
        assert_eq!(keys(2).open(&item, &bytes).err(), Some(Broken));
        let (other, foreign) = sealed(&keys(1), facts("02", "acme"), b"078-05-1120");
        assert_eq!(keys(1).open(&item, &foreign).err(), Some(Broken));
        // With the other's key and sum, but not its facts.
        let mixed = Item { key: other.key.clone(), sealed_sha256: other.sealed_sha256.clone(), ..item.clone() };
        assert_eq!(keys(1).open(&mixed, &foreign).err(), Some(Broken));
        let mut moved = item.clone();
        moved.facts.workspace = "beta".to_owned();
        assert_eq!(keys(1).open(&moved, &bytes).err(), Some(Broken));
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            assert_eq!(keys(1).open(&item, &bytes).err(), Some(Broken), "byte {at}");
            let honest_sum = Item { sealed_sha256: hex(&Sha256::digest(&bytes)), ..item.clone() };
            assert_eq!(keys(1).open(&honest_sum, &bytes).err(), Some(Broken), "byte {at}");
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written_or_not_at_all() {
        let (item, _) = sealed(&keys(1), facts("01", "acme"), b"x");
        let bytes = keys(1).write(&item).expect("it is written");
        assert_eq!(keys(1).read(&bytes), Ok(item));
        assert_eq!(keys(2).read(&bytes), Err(Broken));
        for at in 0..bytes.len() - 1 {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            assert_eq!(keys(1).read(&bytes), Err(Broken), "byte {at}");
            assert_eq!(keys(1).read(&bytes[..at]), Err(Broken), "cut at {at}");
        }
    }
}
