//! An exchange's tokens: the one place where a request's actions and its answer's come to share a map.
//!
//! Enters: the workspace, the route and the dialect. Leaves: the actions of both directions, minting into one map, and
//! opening from it where the workspace lets the route. Workspaces that do not tokenize pay nothing.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};

use crate::body::{Dialect, Direction, MediaType, Restore, Scopes, instruct, parse_content_encoding};
use crate::engine::TokenMap;
use crate::policy::{Limits, Route, TokenScope, Tokens, Workspace};

use super::exchange::{Destination, Exchange};
use super::reply::{ErrorKind, ProxyError};

/// The most decoded bytes of a body that a sentence is put into.
const MOST_INSTRUCTED: usize = 64 << 20;

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

impl Exchange {
    /// A request that is decided, with what its model is told of tokens where the route says so and it has any.
    ///
    /// # Errors
    /// A body that does not decode.
    pub(super) fn instructed(
        &self,
        to: &Destination,
        headers: &HeaderMap,
        body: Bytes,
        limit: usize,
    ) -> Result<Bytes, ProxyError> {
        let Some(sentence) = &to.route.token_instruction else { return Ok(body) };
        let waits = self.ledger.quarantined().is_some() || self.ledger.sends_elsewhere().is_some();
        if waits || !self.ledger.has_tokens() {
            return Ok(body);
        }
        let limits = &self.policy.body_limits;
        let codings = headers.get_all(header::CONTENT_ENCODING).iter().map(HeaderValue::as_bytes);
        let codings = parse_content_encoding(codings, limits.coding_layers)
            .map_err(|error| ProxyError::client(ErrorKind::Body(error.kind)))?;
        let asked = (self.dialect, to.uri.path());
        // A small body is bounded by its own length, and may be encoded.
        let limit = limit.min(MOST_INSTRUCTED);
        let told = instruct(&body, asked, sentence, &codings, (limits, limit));
        let told = told.map_err(|error| ProxyError::client(ErrorKind::Body(error.kind)))?;
        let Some((told, added)) = told else { return Ok(body) };
        self.ledger.leaves_with(Direction::Request, told.len());
        self.ledger.instructed(added);
        Ok(Bytes::from(told))
    }
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
