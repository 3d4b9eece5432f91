//! The API keys that the exchanges under way on a connection have shown, and whether they still hold.
//!
//! Enters: a key when it is shown, and configurations as they come into force. Leaves: the end of those exchanges whose key was
//! taken out, has expired, or is of a workspace that is stopped. One connection may carry many clients' exchanges: over HTTP/2
//! each ends by itself; an HTTP/1.1 connection, and what it has become, ends with the one exchange that it has.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use crate::policy::{ApiKey, Listener, Policy};
use crate::telemetry;

use super::incident::Frozen;
use super::ledger::Ledger;
use super::stall::{self, Outlet};

/// What the exchanges of one connection have shown.
#[derive(Default)]
pub(crate) struct Shown {
    exchanges: Mutex<Vec<Exchange>>,
    /// They are to be looked at sooner than was said.
    sooner: Notify,
}

/// An exchange that rests on a key.
struct Exchange {
    ledger: Weak<Ledger>,
    /// Where its answer leaves, if it has a stream of its own.
    stream: Option<Arc<Outlet>>,
    workspace: Box<str>,
    /// The key's SHA-256.
    key: [u8; 32],
    /// Where the client is.
    from: Option<IpAddr>,
}

impl Exchange {
    /// Until when its key holds, in seconds since 1970, if it ends by itself; an error where it holds no more.
    fn holds(
        &self,
        policy: &Policy,
        listener: Option<&Listener>,
        frozen: &Frozen,
        now: u64,
    ) -> Result<Option<u64>, ()> {
        let listener = listener.filter(|listener| listener.api_keys.is_some()).ok_or(())?;
        if listener.workspace.as_deref().is_some_and(|only| only != &*self.workspace) || frozen.has(&self.workspace) {
            return Err(());
        }
        let workspace =
            policy.workspace_named(&self.workspace).and_then(|index| policy.workspaces.get(index)).ok_or(())?;
        let key = workspace.api_keys.iter().find(|key| key.hash == self.key).ok_or(())?;
        if key.holds(now, self.from) { Ok(key.expires) } else { Err(()) }
    }
}

/// What a look has shown.
pub(super) struct Look {
    /// The connection is to end.
    pub(super) ends: bool,
    /// When to look again, at the latest.
    pub(super) again: Option<Duration>,
}

impl Shown {
    /// An exchange of the connection rests on this key of a workspace. Whether the key holds is judged by the caller, behind this
    /// call, so that no change falls between.
    pub(super) fn add(&self, ledger: &Arc<Ledger>, workspace: &str, key: &ApiKey, from: Option<IpAddr>) {
        let stream = stall::of_stream();
        let exchange =
            Exchange { ledger: Arc::downgrade(ledger), stream, workspace: workspace.into(), key: key.hash, from };
        let mut exchanges = self.exchanges();
        if exchanges.len() == exchanges.capacity() {
            exchanges.retain(|known| known.ledger.strong_count() > 0);
        }
        exchanges.push(exchange);
    }

    /// Has the connection look at once.
    pub(super) fn look_sooner(&self) {
        self.sooner.notify_one();
    }

    /// Resolves when it was told to look at once.
    pub(super) async fn sooner(&self) {
        self.sooner.notified().await;
    }

    /// Ends the exchanges whose keys do not hold: by themselves, or with the connection.
    pub(super) fn look(&self, policy: &Policy, listener: Option<&Listener>, frozen: &Frozen) -> Look {
        let now = telemetry::unix_seconds();
        let mut look = Look { ends: false, again: None };
        self.exchanges().retain(|exchange| {
            // One that is refused has been told so, or will be.
            let Some(ledger) = exchange.ledger.upgrade().filter(|ledger| !ledger.has_failed()) else { return false };
            match exchange.holds(policy, listener, frozen, now) {
                Ok(until) => {
                    let left = until.map(|until| Duration::from_secs(until.saturating_sub(now)));
                    look.again = look.again.into_iter().chain(left).min();
                    true
                }
                Err(()) => {
                    tracing::info!("a key holds no more: what it has begun ends");
                    ledger.revoke();
                    look.ends |= !exchange.stream.as_ref().is_some_and(|stream| stream.end());
                    false
                }
            }
        });
        look
    }

    fn exchanges(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
