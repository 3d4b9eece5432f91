//! What the policy room will bring; thin forms of it until it does.
#![allow(dead_code, reason = "leaves with the room's arrival")]

use crate::policy::{NoWorkspace, PeerIdentity, Policy, SanPattern};

pub(crate) fn workspace_for(policy: &Policy, peer: &PeerIdentity) -> Result<usize, NoWorkspace> {
    let matches = |pattern: &SanPattern| match pattern {
        SanPattern::Uri(uri) => peer.uris.contains(uri),
        SanPattern::UriPrefix(prefix) => {
            peer.uris.iter().any(|uri| uri.len() > prefix.len() && uri.starts_with(prefix))
        }
        SanPattern::Dns(dns) => peer.dns.contains(dns),
        SanPattern::Email(email) => peer.emails.contains(email),
    };
    let mut found = policy.workspaces.iter().enumerate().filter(|(_, workspace)| workspace.clients.iter().any(matches));
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Ok(index),
        (None, _) => Err(NoWorkspace::Unknown),
        (Some(_), Some(_)) => Err(NoWorkspace::Ambiguous),
    }
}

pub(crate) fn workspace_named(policy: &Policy, name: &str) -> Option<usize> {
    policy.workspaces.iter().position(|workspace| workspace.name == name)
}
