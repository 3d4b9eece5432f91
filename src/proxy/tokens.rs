//! An exchange's tokens: the one place where a request's actions and its answer's come to share a map.
//!
//! Enters: the workspace, the route and the dialect. Leaves: the actions of both directions, minting into one map, and
//! opening from it where the workspace lets the route. Workspaces that do not tokenize pay nothing.

use std::sync::Arc;

use crate::body::{Dialect, MediaType, Restore, Scopes};
use crate::engine::TokenMap;
use crate::policy::{Limits, Route, TokenScope, Tokens, Workspace};

use super::reply::{ErrorKind, ProxyError};

/// The actions of a request and its answer, and the tokens that they share.
pub(crate) struct Shared {
    pub(crate) request: Arc<Scopes>,
    pub(crate) response: Arc<Scopes>,
    pub(crate) tokens: Arc<TokenMap>,
}

/// What one exchange shares; none where nothing of it tokenizes.
///
/// # Errors
/// The system has no random bytes for a workspace whose tokens hold for one exchange.
pub(crate) fn share(
    workspace: &Workspace,
    route: &Route,
    dialect: Dialect,
    limits: &Limits,
    [request, response]: [&Arc<Scopes>; 2],
) -> Result<Option<Shared>, ProxyError> {
    // What another exchange sealed may come on any route.
    let concerns = |tokens: &&Tokens| tokens.sealed() || request.tokenizes() || response.tokenizes();
    let Some(tokens) = workspace.tokens.as_ref().filter(concerns) else { return Ok(None) };
    let restore = tokens.restore(&route.name, dialect).cloned();
    let mut nonce = [0_u8; 16];
    if tokens.scope == TokenScope::Exchange {
        getrandom::fill(&mut nonce).map_err(|_| ProxyError::internal(ErrorKind::Fault))?;
    }
    let map = tokens.exchange(nonce, restore.is_some()).bounded(limits.tokens, limits.token_bytes);
    let map = Arc::new(if request.stands_in() || response.stands_in() { map.with_stand_ins() } else { map });
    Ok(Some(Shared {
        request: Arc::new(request.in_exchange(&map, true, None)),
        // What the answer itself has is not the client's yet: nothing is to open it.
        response: Arc::new(response.in_exchange(&map, false, restore)),
        tokens: map,
    }))
}

/// What holds for an answer of this type: a body that is one text is opened where it is plain text; in a script or in what
/// nobody knows, a value would not be what it is.
pub(crate) fn opened_in(scopes: &Arc<Scopes>, media_type: Option<&MediaType>) -> Arc<Scopes> {
    match scopes.restore.as_deref().filter(|restore| restore.texts) {
        Some(restore) if !media_type.is_some_and(MediaType::is_plain_text) => {
            let restore = Some(Arc::new(Restore { texts: false, ..restore.clone() }));
            Arc::new(Scopes { restore, ..(**scopes).clone() })
        }
        _ => Arc::clone(scopes),
    }
}
