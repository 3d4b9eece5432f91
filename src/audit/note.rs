//! Signed notes (C2SP signed-note) over Ed25519 (RFC 8032): the form of checkpoints and of what a removed segment leaves.
//!
//! Enters: a text of whole lines and a key, or a note. Leaves: the note, or its text where a signature holds. A public
//! key, or the first half of a signature, of small order is refused: with such a one a signature can hold for any text.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// What stands before each signature.
const DASH: &str = "\u{2014} ";
/// The type of an Ed25519 signature in a note.
const ALGORITHM: u8 = 1;
/// The largest note that is read, in bytes.
pub const NOTE_LIMIT: usize = 8 << 10;

/// The points of small order of the curve in their encodings, without the sign: a public key must be none of them.
#[expect(clippy::indexing_slicing, reason = "a slip would stop the compiler")]
const SMALL_ORDER: [[u8; 32]; 7] = {
    let mut points = [[0; 32]; 7];
    points[1][0] = 1;
    points[2] = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ];
    points[3] = [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ];
    let mut low = 0xec;
    let mut at = 4;
    while at < 7 {
        points[at] = [0xff; 32];
        points[at][0] = low;
        points[at][31] = 0x7f;
        low += 1;
        at += 1;
    }
    points
};

fn is_small_order(point: &[u8]) -> bool {
    SMALL_ORDER.iter().any(|known| {
        let differ = known.iter().zip(point).enumerate().any(|(at, (ours, theirs))| {
            let theirs = if at == 31 { theirs & 0x7f } else { *theirs };
            *ours != theirs
        });
        point.len() == 32 && !differ
    })
}

/// A key that signs.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// From PKCS#8 (RFC 8410 section 7), in DER.
    ///
    /// # Errors
    /// It is no Ed25519 key.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, NotAKey> {
        Ed25519KeyPair::from_pkcs8(der).map(Self).map_err(|_| NotAKey)
    }

    /// What its signatures are checked with.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(self.0.public_key().as_ref()).for_each(|(slot, byte)| *slot = *byte);
        PublicKey(bytes)
    }

    /// Signs a text, which must end in a line feed, under a name that is the key's.
    #[must_use]
    pub fn sign(&self, name: &str, text: &str) -> String {
        let mut stamp = self.public().id(name).to_vec();
        stamp.extend_from_slice(self.0.sign(text.as_bytes()).as_ref());
        format!("{text}\n{DASH}{name} {}\n", STANDARD.encode(stamp))
    }

    /// The signature of a text alone.
    pub(super) fn stamp(&self, text: &str) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes.iter_mut().zip(self.0.sign(text.as_bytes()).as_ref()).for_each(|(slot, byte)| *slot = *byte);
        bytes
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

/// Not an Ed25519 key, or one of small order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAKey;

impl fmt::Display for NotAKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an Ed25519 key")
    }
}

impl std::error::Error for NotAKey {}

/// A key that signatures are checked with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// From its 32 bytes.
    ///
    /// # Errors
    /// Another length, or a point of small order.
    pub fn new(bytes: &[u8]) -> Result<Self, NotAKey> {
        let key: [u8; 32] = bytes.try_into().map_err(|_| NotAKey)?;
        if is_small_order(&key) { Err(NotAKey) } else { Ok(Self(key)) }
    }

    /// From what people keep: `-----BEGIN PUBLIC KEY-----` (RFC 8410 section 4), or the 32 bytes in base64.
    ///
    /// # Errors
    /// Anything else.
    pub fn from_text(text: &str) -> Result<Self, NotAKey> {
        // SubjectPublicKeyInfo { id-Ed25519, BIT STRING of 32 bytes }.
        const HEAD: [u8; 12] = [0x30, 42, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 33, 0];
        let body: String = text.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
        let bytes = STANDARD.decode(body).map_err(|_| NotAKey)?;
        Self::new(bytes.strip_prefix(&HEAD).unwrap_or(&bytes))
    }

    /// From the one form that [`PublicKey::to_text`] gives.
    pub(super) fn from_base64(text: &str) -> Option<Self> {
        let key = Self::new(&STANDARD.decode(text).ok()?).ok()?;
        (key.to_text() == text).then_some(key)
    }

    /// The 32 bytes in base64.
    #[must_use]
    pub fn to_text(&self) -> String {
        STANDARD.encode(self.0)
    }

    fn id(&self, name: &str) -> [u8; 4] {
        let mut hash = Sha256::new();
        hash.update(name.as_bytes());
        hash.update([b'\n', ALGORITHM]);
        hash.update(self.0);
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
        [a, b, c, d]
    }

    /// The text of a note that this key signed under this name. Signatures of others are passed over, as witnesses'.
    #[must_use]
    pub fn open<'note>(&self, name: &str, note: &'note str) -> Option<&'note str> {
        if note.len() > NOTE_LIMIT || !note.ends_with('\n') || note.contains('\r') {
            return None;
        }
        let (text, signatures) = note.rsplit_once("\n\n").map(|(text, rest)| (note.get(..=text.len()), rest))?;
        let text = text?;
        let mut holds = false;
        for line in signatures.lines() {
            let (who, stamp) = line.strip_prefix(DASH)?.split_once(' ')?;
            let bytes = STANDARD.decode(stamp).ok()?;
            let (id, signature) = bytes.split_at_checked(4)?;
            if who != name || id != self.id(name) {
                continue;
            }
            // One of ours that does not hold spoils the note.
            if !self.has_stamped(text, signature) {
                return None;
            }
            holds = true;
        }
        holds.then_some(text)
    }

    /// Whether this is its signature of a text.
    pub(super) fn has_stamped(&self, text: &str, signature: &[u8]) -> bool {
        let sound = signature.len() == 64 && signature.get(..32).is_some_and(|point| !is_small_order(point));
        sound && UnparsedPublicKey::new(&ED25519, self.0).verify(text.as_bytes(), signature).is_ok()
    }
}

/// What a checkpoint says (C2SP tlog-checkpoint), with lines of our own behind the three of the form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Records.
    pub size: u64,
    /// The Merkle root over them.
    pub root: [u8; 32],
    /// The last record's own hash.
    pub head: [u8; 32],
    /// When, as records have it.
    pub time: String,
    /// The hash of the checkpoint before it; zeros before the first.
    pub previous: [u8; 32],
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self, origin: &str) -> String {
        format!(
            "{origin}\n{}\n{}\nhead {}\ntime {}\nprevious {}\n",
            self.size,
            STANDARD.encode(self.root),
            super::chain::hex(&self.head),
            self.time,
            super::chain::hex(&self.previous)
        )
    }

    /// How many records a note says that it covers, whoever signed it.
    pub(super) fn peek(note: &str) -> Option<u64> {
        note.split('\n').nth(1)?.parse().ok()
    }

    /// Reads the text of a note; none where it is not exactly what [`Checkpoint::text`] writes.
    #[must_use]
    pub fn parse(origin: &str, text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let (_, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let hash = |line: &str, word: &str| super::chain::from_hex(line.strip_prefix(word)?);
        let read = Self {
            size: size.parse().ok()?,
            root: STANDARD.decode(root).ok()?.try_into().ok()?,
            head: hash(lines.next()?, "head ")?,
            time: lines.next()?.strip_prefix("time ")?.to_owned(),
            previous: hash(lines.next()?, "previous ")?,
        };
        (read.text(origin) == text).then_some(read)
    }
}

/// Cuts a file of notes: each ends with its signatures, of which there is one. Gives the whole notes, and what is left.
#[must_use]
pub fn notes(file: &str) -> (Vec<&str>, &str) {
    let (mut notes, mut rest) = (Vec::new(), file);
    while let Some((text, behind)) = rest.split_once("\n\n") {
        let Some(line) = behind.find('\n') else { break };
        let end = text.len() + 2 + line + 1;
        let Some((note, left)) = rest.split_at_checked(end) else { break };
        notes.push(note);
        rest = left;
    }
    (notes, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn key(seed: u8) -> SigningKey {
        let head = [0x30, 46, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 34, 4, 32];
        SigningKey::from_pkcs8(&[head.as_slice(), &[seed; 32]].concat()).expect("it is one")
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint { size: 7, root: [1; 32], head: [2; 32], time: "2026-11-29T10:00:00.000Z".into(), previous: [3; 32] }
    }

    #[test]
    fn a_note_opens_with_its_key_and_name_alone() {
        let note = key(1).sign("blackbar/x", &checkpoint().text("blackbar/x"));
        let public = key(1).public();
        assert_eq!(
            public.open("blackbar/x", &note).and_then(|text| Checkpoint::parse("blackbar/x", text)),
            Some(checkpoint())
        );
        assert_eq!(public.open("blackbar/y", &note), None);
        assert_eq!(key(2).public().open("blackbar/x", &note), None);
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut bytes = note.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(other) = String::from_utf8(bytes) else { continue };
                assert_eq!(public.open("blackbar/x", &other), None, "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn keys_of_small_order_are_none() {
        for low in [[0; 32], SMALL_ORDER[1], SMALL_ORDER[2], SMALL_ORDER[3], SMALL_ORDER[4], SMALL_ORDER[6]] {
            assert_eq!(PublicKey::new(&low), Err(NotAKey));
            let mut signed = low;
            signed[31] |= 0x80;
            assert_eq!(PublicKey::new(&signed), Err(NotAKey));
        }
        let public = key(1).public();
        assert_eq!(PublicKey::from_text(&public.to_text()), Ok(public));
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        assert!(PublicKey::from_text(pem).is_ok());
        assert_eq!(PublicKey::from_text("x"), Err(NotAKey));
    }

    #[test]
    fn a_file_of_notes_is_cut_at_each() {
        let one = key(1).sign("o", "a\nb\n");
        let two = key(1).sign("o", "c\n");
        let file = format!("{one}{two}c\n\n\u{2014} o");
        let (found, rest) = notes(&file);
        assert_eq!(found, [one.as_str(), two.as_str()]);
        assert_eq!(rest, "c\n\n\u{2014} o");
    }
}
