//! API keys: who a request belongs to that shows one.
//!
//! Enters: the head of a request on a listener that takes keys. Leaves: the workspace and the key, or a refusal; and a head
//! without the key, which never goes on and is never logged. A key that is shown and does not hold is refused, whatever
//! else the client could show. Where a certificate is shown too, both must be of one workspace.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::HeaderMap;
use sha2::{Digest, Sha256};

use crate::policy::{ApiKey, Policy};
use crate::telemetry::{self, Telemetry};

use super::Generation;
use super::admission::{Place, WorkspaceQuota};
use super::connection::Connection;
use super::reply::{ErrorKind, ProxyError};

/// What each key has asked of late, by workspace and key.
pub(crate) type KeyQuotas = HashMap<(usize, usize), Arc<WorkspaceQuota>>;

/// Who asks.
pub(crate) struct Caller {
    pub(crate) workspace: usize,
    /// The key that was shown, by its index.
    pub(crate) key: Option<usize>,
}

/// The quotas of a policy's keys; those that did not change are kept.
pub(super) fn quotas(policy: &Policy, before: Option<&KeyQuotas>) -> KeyQuotas {
    let mut quotas = KeyQuotas::new();
    for (index, workspace) in policy.workspaces.iter().enumerate() {
        for (at, key) in workspace.api_keys.iter().enumerate() {
            let name = format!("{}/{}", workspace.name, key.id);
            let known = before.into_iter().flat_map(HashMap::values).find(|quota| quota.is(&name, key.quota)).cloned();
            let quota = known.unwrap_or_else(|| Arc::new(WorkspaceQuota::of(name, key.quota)));
            quotas.insert((index, at), quota);
        }
    }
    quotas
}

/// Who a request belongs to. Takes the key out of its head.
pub(crate) fn caller(
    connection: &Connection,
    generation: &Generation,
    headers: &mut HeaderMap,
) -> Result<Caller, ProxyError> {
    let refused = || ProxyError::client(ErrorKind::Key);
    let Some(field) = connection.key_field(&generation.policy) else {
        return Ok(Caller { workspace: connection.workspace(generation)?, key: None });
    };
    let mut shown = headers.get_all(field).iter();
    let (first, second) = (shown.next().cloned(), shown.next());
    if second.is_some() {
        return Err(refused());
    }
    let Some(first) = first else {
        return match connection.workspace(generation) {
            Ok(workspace) => Ok(Caller { workspace, key: None }),
            Err(_) if !connection.has_certificate() => Err(refused()),
            Err(error) => Err(error),
        };
    };
    headers.remove(field);
    let bytes = first.as_bytes();
    let bytes = if field == "authorization" {
        let (scheme, rest) = bytes.split_at_checked(7).ok_or_else(refused)?;
        if !scheme.eq_ignore_ascii_case(b"bearer ") {
            return Err(refused());
        }
        rest
    } else {
        bytes
    };
    let (workspace, at) = found(&generation.policy, bytes).ok_or_else(refused)?;
    let key = key(&generation.policy, workspace, at).ok_or_else(refused)?;
    let from: Option<IpAddr> = connection.party.address.parse().ok();
    if !key.holds(telemetry::unix_seconds(), from) {
        return Err(refused());
    }
    if connection.has_certificate() && connection.workspace(generation)? != workspace {
        return Err(refused());
    }
    // A listener of one workspace takes no other's keys.
    let fixed = connection.fixed_workspace(&generation.policy);
    if fixed.is_some_and(|name| generation.policy.workspace_named(name) != Some(workspace)) {
        return Err(refused());
    }
    Ok(Caller { workspace, key: Some(at) })
}

/// The key with this value. Each is compared, and each in the same time.
fn found(policy: &Policy, shown: &[u8]) -> Option<(usize, usize)> {
    let hash = Sha256::digest(shown);
    let mut found = None;
    for (index, workspace) in policy.workspaces.iter().enumerate() {
        for (at, key) in workspace.api_keys.iter().enumerate() {
            if verify_slices_are_equal(&key.hash, &hash).is_ok() {
                found = Some((index, at));
            }
        }
    }
    found
}

fn key(policy: &Policy, workspace: usize, at: usize) -> Option<&ApiKey> {
    policy.workspaces.get(workspace)?.api_keys.get(at)
}

impl Caller {
    /// The key, where one was shown.
    pub(crate) fn shown<'p>(&self, policy: &'p Policy) -> Option<&'p ApiKey> {
        self.key.and_then(|at| key(policy, self.workspace, at))
    }

    /// Its place among what the key may ask; none without a key.
    pub(crate) async fn place(
        &self,
        generation: &Generation,
        telemetry: &Telemetry,
    ) -> Result<Option<Place>, ProxyError> {
        let Some(at) = self.key else { return Ok(None) };
        let quota = generation.key_quotas.get(&(self.workspace, at)).ok_or(ProxyError::client(ErrorKind::Key))?;
        generation.place(quota, telemetry).await.map(Some)
    }

    /// What counts the tokens of its requests: its workspace's budget, and its key's.
    pub(crate) fn budgets(&self, generation: &Generation) -> Vec<Arc<WorkspaceQuota>> {
        let key = self.key.and_then(|at| generation.key_quotas.get(&(self.workspace, at)));
        let both = generation.quotas.get(self.workspace).into_iter().chain(key);
        both.filter(|quota| quota.counts_tokens()).cloned().collect()
    }

    /// Whether it may use this route.
    pub(crate) fn opens(&self, policy: &Policy, route: usize) -> bool {
        self.key.is_none_or(|at| key(policy, self.workspace, at).is_some_and(|key| key.opens(route)))
    }
}
