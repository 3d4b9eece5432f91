//! Who is at the other end of a client connection, and whether that is still so.
//!
//! Enters: the certificate that a client presented, where it presented one, and configurations as they come into force.
//! Leaves: the workspace that it belongs to, under whichever configuration is asked of. The names are read once; whether the
//! certificate is still good is asked of the listener's authorities and revocation lists with each new configuration, and
//! once in [`Timeouts::recheck`](crate::policy::Timeouts::recheck): a client that is trusted no more loses its connection with what is under way on it.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use sha2::{Digest, Sha256};

use crate::audit::chain;
use crate::policy::{ClientAuth, Listener, PeerIdentity, Policy};
use crate::telemetry;

use super::audited::Party;
use super::reply::{ErrorKind, ProxyError};
use super::shown::Shown;
use super::{Door, Generation, Shared, tls};

/// Names of a certificate that a held request remembers; beyond, the certificate itself tells.
const NAMES: usize = 64;

/// Where a connection came in.
#[derive(Clone, Copy)]
pub(crate) struct Entrance {
    /// The index of the listener.
    pub(crate) index: usize,
    /// The generation that it was taken under.
    pub(crate) serial: u64,
}

/// The client of a connection.
pub(crate) struct Peer {
    entrance: Entrance,
    who: Who,
}

/// What a client is known by.
enum Who {
    /// The certificate that it presented.
    Certificate(ClientCertificate),
    /// Nothing: the listener says where it belongs.
    Nobody,
    /// The proxy itself, which tests a workspace, by its index.
    Probe(usize),
}

/// The certificate that a client presented.
struct ClientCertificate {
    /// The leaf first.
    chain: Vec<CertificateDer<'static>>,
    /// The leaf's names.
    names: PeerIdentity,
    judged: Mutex<Judged>,
}

/// When a certificate was last found good.
#[derive(Clone, Copy)]
struct Judged {
    /// By the authorities of which generation.
    serial: u64,
    /// Seconds since 1970.
    at: u64,
}

impl ClientCertificate {
    fn new(chain: &[CertificateDer<'static>], serial: u64, now: u64) -> Option<Self> {
        let names = tls::identity(chain.first()?);
        let judged = Mutex::new(Judged { serial, at: now });
        Some(Self { chain: chain.to_vec(), names, judged })
    }

    /// Whether the listener of this generation would take it at a time in seconds since 1970. That it would is believed for
    /// `recheck`.
    fn is_good(&self, serial: u64, door: &Door, now: u64, recheck: Duration) -> bool {
        let mut judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        if judged.serial == serial && now.saturating_sub(judged.at) < recheck.as_secs() {
            return true;
        }
        let (Some(trust), Some((leaf, issuers))) = (&door.trust, self.chain.split_first()) else { return false };
        let time = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let good = trust.verify_client_cert(leaf, issuers, time).is_ok();
        if good {
            *judged = Judged { serial, at: now };
        }
        good
    }
}

impl Peer {
    /// A client with this chain, which the handshake has verified.
    pub(crate) fn new(entrance: Entrance, chain: Option<&[CertificateDer<'static>]>) -> Self {
        let certificate =
            chain.and_then(|chain| ClientCertificate::new(chain, entrance.serial, telemetry::unix_seconds()));
        Self { entrance, who: certificate.map_or(Who::Nobody, Who::Certificate) }
    }

    /// The proxy itself, in a workspace of the one generation that it tests.
    pub(crate) fn probe(workspace: usize) -> Self {
        Self { entrance: Entrance { index: usize::MAX, serial: 0 }, who: Who::Probe(workspace) }
    }

    fn certificate(&self) -> Option<&ClientCertificate> {
        match &self.who {
            Who::Certificate(certificate) => Some(certificate),
            Who::Nobody | Who::Probe(_) => None,
        }
    }

    /// Whether it is the proxy itself, which tests a way.
    pub(crate) fn is_probe(&self) -> bool {
        matches!(self.who, Who::Probe(_))
    }

    /// Whether it presented a certificate.
    pub(crate) fn has_certificate(&self) -> bool {
        self.certificate().is_some()
    }

    /// Whether its requests may say by a key where they belong.
    fn may_show_key(&self, policy: &Policy) -> bool {
        !self.has_certificate() && self.listener(policy).is_some_and(|listener| listener.api_keys.is_some())
    }

    /// Whether its workspace is stopped.
    fn is_frozen(&self, shared: &Shared, generation: &Generation) -> bool {
        let index = self.workspace(generation).ok();
        let workspace = index.and_then(|index| generation.policy.workspaces.get(index));
        workspace.is_some_and(|workspace| shared.frozen.has(&workspace.name))
    }

    /// Who it is, as the audit tells it, with the address that it came from.
    pub(crate) fn party(&self, shared: &Shared, address: String) -> Party {
        let certificate = self.certificate();
        let names = certificate.map(|certificate| Party::names(&certificate.names)).unwrap_or_default();
        let leaf = certificate.and_then(|certificate| certificate.chain.first()).filter(|_| shared.audit.is_some());
        let connection = shared.connections.fetch_add(1, Ordering::Relaxed);
        Party { connection, address, names, certificate: leaf.map(|leaf| chain::hex(&Sha256::digest(leaf))) }
    }

    /// Every name of its certificate that a rule about people may know, and the certificate's SHA-256.
    pub(crate) fn sender(&self) -> (Vec<String>, Option<String>) {
        let Some(certificate) = self.certificate() else { return (Vec::new(), None) };
        let leaf = certificate.chain.first().map(|leaf| chain::hex(&Sha256::digest(leaf)));
        (Party::all_names(&certificate.names).take(NAMES).collect(), leaf)
    }

    /// The listener that it came to.
    pub(crate) fn listener<'p>(&self, policy: &'p Policy) -> Option<&'p Listener> {
        policy.listeners.get(self.entrance.index)
    }

    /// The workspace that it belongs to under this configuration.
    pub(crate) fn workspace(&self, generation: &Generation) -> Result<usize, ProxyError> {
        let policy = &generation.policy;
        let index = match &self.who {
            Who::Probe(workspace) => return Ok(*workspace),
            Who::Certificate(certificate) => policy.workspace_for(&certificate.names).ok(),
            Who::Nobody => {
                self.listener(policy).and_then(|listener| policy.workspace_named(listener.workspace.as_deref()?))
            }
        };
        index.filter(|_| self.is_trusted(generation)).ok_or(ProxyError::client(ErrorKind::Identity))
    }

    /// Whether it would get through the handshake now.
    fn is_trusted(&self, generation: &Generation) -> bool {
        if matches!(self.who, Who::Probe(_)) {
            return true;
        }
        let Some(door) = generation.doors.get(self.entrance.index) else { return false };
        match &self.who {
            Who::Certificate(certificate) => {
                let recheck = generation.policy.timeouts.recheck;
                certificate.is_good(generation.serial, door, telemetry::unix_seconds(), recheck)
            }
            Who::Nobody | Who::Probe(_) => {
                match self.listener(&generation.policy).and_then(|listener| listener.tls.as_ref()) {
                    Some(tls) => tls.client_auth != ClientAuth::Required,
                    None => true,
                }
            }
        }
    }

    /// Resolves when it was trusted and is so no more, or belongs nowhere any more, or where what is under way rests on a key that
    /// holds no more and has no stream that could end by itself.
    pub(crate) async fn revoked(&self, shared: &Shared, shown: &Shown) {
        let mut turns = shared.turns();
        // Who comes while its workspace is stopped is told so by an answer.
        let mut frozen = self.is_frozen(shared, &shared.generation());
        loop {
            let generation = shared.generation();
            // Who belonged nowhere from the start is told so by an answer.
            let belongs = generation.serial == self.entrance.serial
                || self.may_show_key(&generation.policy)
                || self.workspace(&generation).is_ok();
            let is_frozen = self.is_frozen(shared, &generation);
            let stopped = !frozen && is_frozen;
            frozen = is_frozen;
            let look = shown.look(&generation.policy, self.listener(&generation.policy), &shared.frozen);
            if stopped || !belongs || look.ends || !self.is_trusted(&generation) {
                tracing::info!("a client is trusted no more: its connection ends");
                return;
            }
            let recheck = generation.policy.timeouts.recheck;
            let wait = look.again.map_or(recheck, |again| again.min(recheck));
            drop(generation);
            tokio::select! {
                // The sender lives as long as what connections share.
                _ = turns.changed() => {}
                () = shown.sooner() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcgen::{
        BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, IsCa, KeyIdMethod,
        KeyPair,
    };
    use rcgen::{RevokedCertParams, SerialNumber};
    use rustls::RootCertStore;
    use rustls::server::WebPkiClientVerifier;
    use rustls::server::danger::ClientCertVerifier;
    use time::OffsetDateTime;

    use super::*;

    const BEGIN: i64 = 1_796_000_000;

    fn at(second: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(BEGIN + second).unwrap()
    }

    /// A certificate that ends after 30 seconds, and listeners that take it, and that have it on a list.
    fn doors() -> (CertificateDer<'static>, [Door; 2]) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (params.not_before, params.not_after) = (at(-1000), at(100_000));
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let mut leaf = CertificateParams::default();
        leaf.serial_number = Some(SerialNumber::from(7_u64));
        (leaf.not_before, leaf.not_after) = (at(-1000), at(30));
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
        let list = CertificateRevocationListParams {
            this_update: at(-1000),
            next_update: at(100_000),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(7_u64),
                revocation_time: at(-1000),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&issuer).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let door = |lists: Vec<_>| {
            let mut roots = RootCertStore::empty();
            roots.add(issuer.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
            let trust: Arc<dyn ClientCertVerifier> = verifier.with_crls(lists).build().unwrap();
            Door { config: None, trust: Some(trust), sink: None }
        };
        (leaf.der().clone(), [door(Vec::new()), door(vec![list.der().clone()])])
    }

    #[test]
    fn a_certificate_is_looked_at_again_within_a_minute_and_with_each_configuration() {
        let (leaf, [door, listed]) = doors();
        let begin = u64::try_from(BEGIN).unwrap();
        let recheck = crate::policy::Timeouts::default().recheck;
        let new = || ClientCertificate::new(std::slice::from_ref(&leaf), 3, begin).unwrap();
        let certificate = new();
        assert!(certificate.is_good(3, &door, begin, recheck));
        // It ends at 30; what was good at the beginning is believed for less than a minute.
        assert!(certificate.is_good(3, &door, begin + 59, recheck));
        assert!(!certificate.is_good(3, &door, begin + 60, recheck));
        assert!(!certificate.is_good(3, &door, begin + 61, recheck), "and it stays so");
        // One that was found good again is believed from there.
        let certificate = new();
        assert!(certificate.is_good(3, &door, begin + 20, Duration::from_secs(20)));
        assert!(certificate.is_good(3, &door, begin + 39, Duration::from_secs(20)));
        assert!(!certificate.is_good(3, &door, begin + 40, Duration::from_secs(20)));
        // A list that names it, in the next configuration, counts at once.
        let certificate = new();
        assert!(
            certificate.is_good(3, &door, begin + 1, recheck) && !certificate.is_good(4, &listed, begin + 1, recheck)
        );
        assert!(!certificate.is_good(4, &Door { config: None, trust: None, sink: None }, begin + 1, recheck));
    }
}
