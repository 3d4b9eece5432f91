//! What one exchange has minted: tokens and the values that they stand for, bounded.
//!
//! Enters: values found in a request. Leaves: their tokens; and for answers the tokens that are live, sorted, so that a
//! reader can follow them letter by letter. One lock, held for a look-up and never across anything that waits.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::normal::normalise;
use super::{NEVER_RESTORED, TAG};
use crate::engine::operator::HashKey;
use crate::engine::rule::EntityType;

/// Tokens of one exchange, where nothing else is said.
pub const MAX_TOKENS: usize = 4096;
/// Bytes of the values of one exchange, their tokens included, where nothing else is said.
pub const MAX_TOKEN_BYTES: usize = 1 << 20;

/// What is said before a tag's own material: another version, another tag.
const DOMAIN: &[u8] = b"blackbar token placeholder\x00\x01";
/// RFC 4648 section 6, in lower case.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// What holds for all tokens of a workspace.
#[derive(Clone)]
pub struct TokenSpec {
    /// The workspace's key.
    pub key: HashKey,
    /// The workspace's name.
    pub workspace: Arc<str>,
    /// Entities whose values are given back; none: all but [`NEVER_RESTORED`].
    pub entities: Option<Vec<EntityType>>,
}

impl TokenSpec {
    /// Whether values of this entity may be given back.
    fn gives_back(&self, entity: &EntityType) -> bool {
        match &self.entities {
            Some(entities) => entities.contains(entity),
            None => !NEVER_RESTORED.contains(&entity.as_str()),
        }
    }

    /// The tag of a normalised value: the first 80 bits of HMAC-SHA-256 (RFC 2104).
    fn tag(&self, entity: &EntityType, scope: Option<&[u8; 16]>, normal: &[u8]) -> Option<[u8; TAG]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.bytes()).ok()?;
        mac.update(DOMAIN);
        // Each part with its length before it: no two lists of parts give the same bytes.
        for part in
            [self.workspace.as_bytes(), entity.as_str().as_bytes(), scope.map_or(&[][..], |nonce| nonce), normal]
        {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let digest = mac.finalize().into_bytes();
        let bits = digest.iter().take(10).fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
        let mut tag = [0; TAG];
        for (at, letter) in tag.iter_mut().enumerate() {
            let place = (bits >> (75 - 5 * at) & 31) as usize;
            *letter = BASE32.get(place).copied()?;
        }
        Some(tag)
    }
}

impl fmt::Debug for TokenSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSpec({})", self.workspace)
    }
}

/// How often something became of tokens in an exchange.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct TokenTally {
    /// Values that gave way to a token.
    pub minted: u64,
    /// Values that got the plain placeholder because the map was full or they were no UTF-8.
    pub refused: u64,
    /// Tokens that became their value again.
    pub restored: u64,
    /// Live tokens that stayed where they stood: in an address or a tag.
    pub withheld: u64,
}

/// The tokens of one exchange.
pub struct TokenMap {
    spec: Arc<TokenSpec>,
    /// What sets this exchange's tokens apart; none where they are the workspace's.
    nonce: Option<[u8; 16]>,
    /// Whether values are kept at all.
    keeps: bool,
    tokens: usize,
    bytes: usize,
    held: Mutex<Held>,
    /// Tokens in `held`, to be asked without its lock.
    count: AtomicUsize,
    minted: AtomicU64,
    refused: AtomicU64,
    pub(super) restored: AtomicU64,
    pub(super) withheld: AtomicU64,
}

#[derive(Default)]
struct Held {
    /// By token in lower case, without its brackets.
    values: BTreeMap<Arc<[u8]>, Arc<str>>,
    bytes: usize,
    live: Option<Arc<Live>>,
}

impl TokenMap {
    /// An empty map; `nonce` sets its tokens apart from those of all other exchanges. One that does not `keep` mints and
    /// gives nothing back.
    #[must_use]
    pub fn new(spec: Arc<TokenSpec>, nonce: Option<[u8; 16]>, keep: bool) -> Self {
        Self {
            spec,
            nonce,
            keeps: keep,
            tokens: MAX_TOKENS,
            bytes: MAX_TOKEN_BYTES,
            held: Mutex::default(),
            count: AtomicUsize::new(0),
            minted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            restored: AtomicU64::new(0),
            withheld: AtomicU64::new(0),
        }
    }

    /// With these bounds: tokens, and bytes of values and tokens.
    #[must_use]
    pub fn bounded(self, tokens: usize, bytes: usize) -> Self {
        Self { tokens, bytes, ..self }
    }

    /// Appends the value's token; `false` where it can have none, and then nothing is appended: the value is no UTF-8,
    /// or the map is full.
    pub(in crate::engine) fn mint(&self, entity: &EntityType, value: &[u8], keep: bool, out: &mut Vec<u8>) -> bool {
        let minted = self.token(entity, value, keep);
        let count = if minted.is_some() { &self.minted } else { &self.refused };
        count.fetch_add(1, Ordering::Relaxed);
        let Some(tag) = minted else { return false };
        out.push(b'[');
        out.extend_from_slice(entity.as_str().as_bytes());
        out.push(b'_');
        out.extend_from_slice(&tag);
        out.push(b']');
        true
    }

    fn token(&self, entity: &EntityType, value: &[u8], keep: bool) -> Option<[u8; TAG]> {
        let value = std::str::from_utf8(value).ok()?;
        let mut normal = Vec::with_capacity(value.len());
        normalise(entity.as_str(), value, &mut normal);
        let tag = self.spec.tag(entity, self.nonce.as_ref(), &normal)?;
        if !keep || !self.keeps || !self.spec.gives_back(entity) {
            return Some(tag);
        }
        let mut name = entity.as_str().to_ascii_lowercase().into_bytes();
        name.push(b'_');
        name.extend_from_slice(&tag);
        let mut held = self.held();
        if let Some(known) = held.values.get(name.as_slice()) {
            let mut other = Vec::new();
            normalise(entity.as_str(), known, &mut other);
            // Two values of one tag: the second is not given a token that opens as the first.
            return (other == normal).then_some(tag);
        }
        let size = name.len() + value.len();
        if held.values.len() >= self.tokens || self.bytes - held.bytes.min(self.bytes) < size {
            return None;
        }
        held.bytes += size;
        held.values.insert(name.into(), value.into());
        held.live = None;
        self.count.store(held.values.len(), Ordering::Release);
        Some(tag)
    }

    /// How many tokens can be given back now.
    #[must_use]
    pub fn live(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// What became of tokens so far.
    #[must_use]
    pub fn tally(&self) -> TokenTally {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        TokenTally {
            minted: read(&self.minted),
            refused: read(&self.refused),
            restored: read(&self.restored),
            withheld: read(&self.withheld),
        }
    }

    /// The tokens that are live now.
    pub(super) fn snapshot(&self) -> Arc<Live> {
        let mut held = self.held();
        if let Some(live) = &held.live {
            return Arc::clone(live);
        }
        let live = Arc::new(Live::new(&held.values));
        held.live = Some(Arc::clone(&live));
        live
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // What a panic leaves is whole: each change is one insertion.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TokenMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenMap({} live)", self.live())
    }
}

/// Live tokens, sorted, as a trie that is walked by narrowing a range.
#[derive(Default)]
pub(super) struct Live {
    tokens: Vec<(Arc<[u8]>, Arc<str>)>,
    first: u128,
}

impl Live {
    fn new(values: &BTreeMap<Arc<[u8]>, Arc<str>>) -> Self {
        let bit = |token: &[u8]| token.first().filter(|byte| byte.is_ascii()).map_or(0, |byte| 1_u128 << byte);
        Self {
            tokens: values.iter().map(|(token, value)| (Arc::clone(token), Arc::clone(value))).collect(),
            first: values.keys().fold(0, |bits, token| bits | bit(token)),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether a token may begin with this letter, in either case.
    pub(super) fn begins(&self, byte: u8) -> bool {
        byte.is_ascii() && self.first & 1 << byte.to_ascii_lowercase() != 0
    }

    /// The tokens of `range`, which agree on their first `at` letters, that have this one next.
    pub(super) fn narrow(&self, range: (usize, usize), at: usize, byte: u8) -> (usize, usize) {
        let tokens = self.tokens.get(range.0..range.1).unwrap_or_default();
        let letter = |token: &Arc<[u8]>| token.get(at).copied();
        let from = tokens.partition_point(|(token, _)| letter(token) < Some(byte));
        let to = tokens.partition_point(|(token, _)| letter(token) <= Some(byte));
        (range.0 + from, range.0 + to)
    }

    /// The value of the token that ends behind `at` letters, where `range` holds it. No token begins another: tags have
    /// one length, and what stands before it is told apart by it.
    pub(super) fn value(&self, range: (usize, usize), at: usize) -> Option<&str> {
        let (token, value) = self.tokens.get(range.0)?;
        (range.1 > range.0 && token.len() == at).then_some(value)
    }
}
