//! What one exchange has minted: tokens and the values that they stand for, bounded.
//!
//! Enters: values found in a request. Leaves: their tokens; and for answers the tokens that are live, sorted, so that a
//! reader can follow them letter by letter. One lock, held for a look-up and never across anything that waits.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::normal::normalise;
use super::sealed::{MARK, Seal};
use super::stand_in::{Fit, Standings, Stands, TRIES, made};
use super::{NEVER_RESTORED, TAG, base32};
use crate::engine::operator::HashKey;
use crate::engine::rule::EntityType;

/// Tokens of one exchange, where nothing else is said.
pub const MAX_TOKENS: usize = 4096;
/// Bytes of the values of one exchange, their tokens included, where nothing else is said.
pub const MAX_TOKEN_BYTES: usize = 1 << 20;

/// What is said before a tag's own material: another version, another tag.
const DOMAIN: &[u8] = b"blackbar token placeholder\x00\x01";
/// The same before what a stand-in is made of.
const STAND_IN: &[u8] = b"blackbar token stand-in\x00\x01";
/// What is said behind it where the value is the rest of one.
const REST: &[u8] = b"rest";

/// What holds for all tokens of a workspace.
#[derive(Clone)]
pub struct TokenSpec {
    /// The workspace's key.
    pub key: HashKey,
    /// The workspace's name.
    pub workspace: Arc<str>,
    /// Entities whose values are given back; none: all but [`NEVER_RESTORED`].
    pub entities: Option<Vec<EntityType>>,
    /// What seals values, where tokens hold them; none: tokens are placeholders.
    pub seal: Option<Seal>,
}

impl TokenSpec {
    /// Whether values of this entity may be given back.
    fn gives_back(&self, entity: &EntityType) -> bool {
        match &self.entities {
            Some(entities) => entities.contains(entity),
            None => !NEVER_RESTORED.contains(&entity.as_str()),
        }
    }

    /// The tag of a normalised value, or of the rest of one: the first 80 bits of HMAC-SHA-256 (RFC 2104).
    fn tag(&self, entity: &EntityType, scope: Option<&[u8; 16]>, normal: &[u8], is_rest: bool) -> Option<[u8; TAG]> {
        let digest = self.digest(DOMAIN, entity, scope, normal, is_rest.then_some(REST))?;
        let bits = digest.iter().take(10).fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
        let mut tag = [0; TAG];
        for (at, letter) in tag.iter_mut().enumerate() {
            let place = (bits >> (75 - 5 * at) & 31) as usize;
            *letter = base32::LETTERS.get(place).copied()?;
        }
        Some(tag)
    }

    /// HMAC-SHA-256 over a value, its entity and what it belongs to.
    fn digest(
        &self,
        domain: &[u8],
        entity: &EntityType,
        scope: Option<&[u8; 16]>,
        normal: &[u8],
        more: Option<&[u8]>,
    ) -> Option<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.bytes()).ok()?;
        mac.update(domain);
        // Each part with its length before it: no two lists of parts give the same bytes.
        let scope = scope.map_or(&[][..], |nonce| nonce);
        let parts = [self.workspace.as_bytes(), entity.as_str().as_bytes(), scope, normal];
        for part in parts.into_iter().chain(more) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Some(mac.finalize().into_bytes().into())
    }

    /// The stand-in of a normalised value, written as the value is; another one for each try.
    fn stand_in(
        &self,
        entity: &EntityType,
        scope: Option<&[u8; 16]>,
        (value, normal): (&str, &[u8]),
        tried: u8,
    ) -> Option<String> {
        let digest = self.digest(STAND_IN, entity, scope, normal, Some(&[tried]))?;
        made(entity.as_str(), value, digest.first_chunk()?)
    }
}

impl fmt::Debug for TokenSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSpec({})", self.workspace)
    }
}

/// What a token stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::engine) enum Kept {
    /// A value, to be given back.
    Whole,
    /// What another finding left of a value, to be given back byte for byte.
    Rest,
    /// A value, or the rest of one, that nobody is given back.
    Forgotten {
        /// Whether it is the rest of one.
        is_rest: bool,
    },
}

impl Kept {
    /// The same, not to be given back.
    pub(in crate::engine) fn forgotten(self) -> Self {
        Self::Forgotten { is_rest: self.is_rest() }
    }

    fn is_rest(self) -> bool {
        matches!(self, Self::Rest | Self::Forgotten { is_rest: true })
    }

    fn normalise(self, entity: &EntityType, value: &str, out: &mut Vec<u8>) {
        if self.is_rest() {
            out.clear();
            out.extend_from_slice(value.as_bytes());
        } else {
            normalise(entity.as_str(), value, out);
        }
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
    /// Stand-ins in `held`, those among them that nobody is given back.
    known: AtomicUsize,
    /// How often `held` has changed.
    changes: AtomicUsize,
    /// Whether values may have stand-ins.
    stands: bool,
    /// A value has given way to a token in brackets.
    bracketed: AtomicBool,
    minted: AtomicU64,
    refused: AtomicU64,
    pub(super) restored: AtomicU64,
    pub(super) withheld: AtomicU64,
}

/// What a token is opened as.
#[derive(Clone)]
pub(super) enum Opened {
    /// This value.
    Value(Arc<str>),
    /// What the letters that follow seal, of this entity.
    Sealed(EntityType),
}

#[derive(Default)]
struct Held {
    /// By token in lower case, without its brackets.
    values: BTreeMap<Arc<[u8]>, Opened>,
    stands: Stands,
    bytes: usize,
    live: Option<Arc<Live>>,
}

impl TokenMap {
    /// An empty map; `nonce` sets its tokens apart from those of all other exchanges. One that does not `keep` mints and
    /// gives nothing back.
    #[must_use]
    pub fn new(spec: Arc<TokenSpec>, nonce: Option<[u8; 16]>, keep: bool) -> Self {
        let mut held = Held::default();
        let sealed = spec.seal.iter().flat_map(|seal| &seal.entities);
        for entity in sealed.filter(|entity| keep && spec.gives_back(entity)) {
            let mut name = entity.as_str().to_ascii_lowercase().into_bytes();
            name.push(b'_');
            name.extend_from_slice(MARK);
            held.values.insert(name.into(), Opened::Sealed(entity.clone()));
        }
        Self {
            spec,
            nonce,
            keeps: keep,
            tokens: MAX_TOKENS,
            bytes: MAX_TOKEN_BYTES,
            count: AtomicUsize::new(held.values.len()),
            known: AtomicUsize::new(0),
            changes: AtomicUsize::new(held.values.len()),
            stands: false,
            bracketed: AtomicBool::new(false),
            held: Mutex::new(held),
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

    /// One whose values may have stand-ins: without this they get placeholders.
    #[must_use]
    pub fn with_stand_ins(self) -> Self {
        Self { stands: true, ..self }
    }

    /// Whether they may.
    pub(in crate::engine) fn stands(&self) -> bool {
        self.stands
    }

    /// Appends what stands in a value's place in its shape; `false` where nothing can, and then nothing is appended.
    pub(in crate::engine) fn stand_in(&self, entity: &EntityType, value: &[u8], keep: bool, out: &mut Vec<u8>) -> bool {
        let Some(text) = std::str::from_utf8(value).ok().filter(|_| self.stands) else { return false };
        let mut normal = Vec::with_capacity(text.len());
        normalise(entity.as_str(), text, &mut normal);
        let mut held = self.held();
        if keep {
            self.take(&mut held, text);
        }
        let given_back = keep && self.keeps && self.spec.gives_back(entity);
        for tried in 0..TRIES {
            let made = self.spec.stand_in(entity, self.nonce.as_ref(), (text, &normal), tried);
            let Some(shown) = made else { return false };
            match held.stands.fit(&shown, entity, &normal) {
                Fit::Taken => continue,
                Fit::Free if keep => {
                    let size = 2 * shown.len() + normal.len() + text.len();
                    let fits = self.has_room(&held, held.stands.len(), size);
                    if !fits && given_back {
                        return false;
                    }
                    // One that nobody is given back is known, so that rules of the answer find nothing in it.
                    if fits {
                        held.bytes += size;
                        held.stands.put(&shown, entity, &normal, Some(text).filter(|_| given_back));
                        self.changed(&mut held);
                    }
                }
                Fit::Free | Fit::Known => {}
            }
            out.extend_from_slice(shown.as_bytes());
            self.minted.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        false
    }

    /// Whether this text stands for a value of the exchange: in a request once an answer has been looked at.
    pub(in crate::engine) fn is_stand_in(&self, text: &[u8], in_request: bool) -> bool {
        self.stands
            && self.known.load(Ordering::Acquire) > 0
            && std::str::from_utf8(text).is_ok_and(|text| self.held().stands.has(text, in_request))
    }

    /// Notes a value that stays where it is: nothing may stand for another one by the same text.
    pub(in crate::engine) fn note(&self, value: &[u8]) {
        let Some(text) = std::str::from_utf8(value).ok().filter(|_| self.stands) else { return };
        let mut held = self.held();
        self.take(&mut held, text);
        if held.stands.end(text) {
            self.changed(&mut held);
        }
    }

    /// Notes a value of the exchange's own.
    fn take(&self, held: &mut Held, text: &str) {
        let (tokens, room) = (self.tokens, self.bytes.saturating_sub(held.bytes));
        held.bytes += held.stands.take(text, |values, bytes| values < tokens && bytes <= room);
    }

    /// Whether one more of so many fits, and its bytes.
    fn has_room(&self, held: &Held, count: usize, bytes: usize) -> bool {
        held.values.len() + count < self.tokens && self.bytes.saturating_sub(held.bytes) >= bytes
    }

    fn changed(&self, held: &mut Held) {
        held.live = None;
        self.count.store(held.values.len() + held.stands.given_back(), Ordering::Release);
        self.known.store(held.stands.len(), Ordering::Release);
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// How often what can be given back has changed.
    pub(super) fn changes(&self) -> usize {
        self.changes.load(Ordering::Acquire)
    }

    /// Appends the value's token; `false` where it can have none, and then nothing is appended: the value is no UTF-8,
    /// or the map is full.
    pub(in crate::engine) fn mint(&self, entity: &EntityType, value: &[u8], kept: Kept, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        out.push(b'[');
        out.extend_from_slice(entity.as_str().as_bytes());
        out.push(b'_');
        let minted = match &self.spec.seal {
            Some(seal) => {
                let text = std::str::from_utf8(value).is_ok();
                text && seal.sealer.seal(&self.spec.workspace, entity.as_str(), value, out)
            }
            None => self.token(entity, value, kept).is_some_and(|tag| {
                out.extend_from_slice(&tag);
                true
            }),
        };
        if minted {
            out.push(b']');
            self.bracketed.store(true, Ordering::Relaxed);
        } else {
            out.truncate(start);
        }
        let count = if minted { &self.minted } else { &self.refused };
        count.fetch_add(1, Ordering::Relaxed);
        minted
    }

    /// The value that these letters seal, where they were sealed under the workspace's key.
    pub(super) fn open(&self, entity: &EntityType, letters: &[u8]) -> Option<String> {
        self.spec.seal.as_ref()?.sealer.open(&self.spec.workspace, entity.as_str(), letters)
    }

    fn token(&self, entity: &EntityType, value: &[u8], kept: Kept) -> Option<[u8; TAG]> {
        let value = std::str::from_utf8(value).ok()?;
        let mut normal = Vec::with_capacity(value.len());
        kept.normalise(entity, value, &mut normal);
        let tag = self.spec.tag(entity, self.nonce.as_ref(), &normal, kept.is_rest())?;
        if matches!(kept, Kept::Forgotten { .. }) || !self.keeps || !self.spec.gives_back(entity) {
            return Some(tag);
        }
        let mut name = entity.as_str().to_ascii_lowercase().into_bytes();
        name.push(b'_');
        name.extend_from_slice(&tag);
        let mut held = self.held();
        if let Some(Opened::Value(known)) = held.values.get(name.as_slice()) {
            let mut other = Vec::new();
            kept.normalise(entity, known, &mut other);
            // Two values of one tag: the second is not given a token that opens as the first.
            return (other == normal).then_some(tag);
        }
        let size = name.len() + value.len();
        if !self.has_room(&held, held.stands.len(), size) {
            return None;
        }
        held.bytes += size;
        held.values.insert(name.into(), Opened::Value(value.into()));
        self.changed(&mut held);
        Some(tag)
    }

    /// How many tokens can be given back now.
    #[must_use]
    pub fn live(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Whether any value has given way to a token in brackets.
    #[must_use]
    pub fn is_bracketed(&self) -> bool {
        self.bracketed.load(Ordering::Relaxed)
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
        let standings = held.stands.told();
        let live = Arc::new(Live::new(&held.values, standings, self.changes()));
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
    tokens: Vec<(Arc<[u8]>, Opened)>,
    first: u128,
    pub(super) standings: Standings,
    /// How often the map had changed.
    pub(super) changes: usize,
}

impl Live {
    fn new(values: &BTreeMap<Arc<[u8]>, Opened>, standings: Standings, changes: usize) -> Self {
        let bit = |token: &[u8]| token.first().filter(|byte| byte.is_ascii()).map_or(0, |byte| 1_u128 << byte);
        Self {
            tokens: values.iter().map(|(token, value)| (Arc::clone(token), value.clone())).collect(),
            first: values.keys().fold(0, |bits, token| bits | bit(token)),
            standings,
            changes,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether nothing is live.
    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.standings.is_empty()
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

    /// What the token opens as that ends behind `at` letters, where `range` holds it. No token begins another: tags have
    /// one length, and what stands before it is told apart by it.
    pub(super) fn value(&self, range: (usize, usize), at: usize) -> Option<&Opened> {
        let (token, value) = self.tokens.get(range.0)?;
        (range.1 > range.0 && token.len() == at).then_some(value)
    }
}
