//! How many connections each client certificate has open.
//!
//! Enters: the certificate of a connection whose handshake is done. Leaves: a place for it, or none where the certificate has as
//! many as it may. There are no more certificates here than connections, and it is asked only as these come and go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};

/// Which certificate, by its SHA-256.
type Fingerprint = [u8; 32];

/// The connections of every certificate.
#[derive(Default, Debug)]
pub(crate) struct Certificates {
    open: Mutex<HashMap<Fingerprint, usize>>,
}

/// A connection's place among those of its certificate, until its end; without a certificate it needs none.
#[derive(Debug)]
pub(crate) struct CertificatePlace(Option<(Arc<Certificates>, Fingerprint)>);

impl Certificates {
    /// A place for a connection of the client with this chain, whose certificate may have so many.
    pub(crate) fn enter(
        self: &Arc<Self>,
        chain: Option<&[CertificateDer<'_>]>,
        most: usize,
    ) -> Option<CertificatePlace> {
        let Some(leaf) = chain.and_then(<[_]>::first) else { return Some(CertificatePlace(None)) };
        let fingerprint = Sha256::digest(leaf).into();
        let mut open = self.open();
        let count = open.get(&fingerprint).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        open.insert(fingerprint, count + 1);
        Some(CertificatePlace(Some((Arc::clone(self), fingerprint))))
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Fingerprint, usize>> {
        // Every holder leaves it whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CertificatePlace {
    fn drop(&mut self) {
        let Some((all, fingerprint)) = &self.0 else { return };
        let mut open = all.open();
        match open.get_mut(fingerprint) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(open.remove(fingerprint)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_certificate_has_its_places_and_is_forgotten_with_the_last() {
        let all = Arc::new(Certificates::default());
        let [one, other] = [b"one", b"two"].map(|bytes| [CertificateDer::from(bytes.to_vec())]);
        let enter = |chain: &[CertificateDer<'static>]| all.enter(Some(chain), 2);
        let places = [enter(&one), enter(&one)];
        assert!(places.iter().all(Option::is_some) && enter(&one).is_none());
        let another = enter(&other);
        assert!(another.is_some() && all.enter(None, 0).is_some());
        let [first, second] = places;
        drop(first);
        let third = enter(&one);
        assert!(third.is_some() && enter(&one).is_none());
        drop((second, third, another));
        assert!(all.open().is_empty());
    }
}
