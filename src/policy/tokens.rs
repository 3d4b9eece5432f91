//! A workspace's tokens: `tokens`, `token_scope` and `restore` in, how they are made and where they are opened out.
//!
//! Enters: the keys of `[[workspace]]`. Leaves: [`Tokens`], of which an exchange asks for its map and for what holds on its
//! route. What is not spelled out is not opened.

use std::sync::Arc;

use crate::body::{Dialect, JsonPath, Restore, Scopes};
use crate::engine::token::Seal;
use crate::engine::{Action, EntityType, HashKey, RuleSet, TokenMap, TokenSpec};
use crate::policy::diagnostic::{Place, Report, quote};
use crate::policy::files::{Fields, Value};
use crate::policy::rules::{entity_name, unknown_name};

/// The most entries of a list of `restore`.
const MOST: usize = 64;

/// How long a value keeps its token.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum TokenScope {
    /// As long as the workspace keeps its key: turns of a conversation agree, and caches of prompts hit.
    #[default]
    Workspace,
    /// For one exchange.
    Exchange,
}

/// How a workspace's tokens are made and where they are opened.
#[derive(Debug)]
pub struct Tokens {
    spec: Arc<TokenSpec>,
    /// How long a value keeps its token.
    pub scope: TokenScope,
    /// Names of the routes on which tokens are opened; none: those that speak a model's protocol.
    routes: Option<Vec<String>>,
    restore: Arc<Restore>,
}

impl Tokens {
    /// The map of one exchange; `nonce` sets its tokens apart where [`Tokens::scope`] says so. One that is not to `keep`
    /// values gives none back.
    #[must_use]
    pub fn exchange(&self, nonce: [u8; 16], keep: bool) -> TokenMap {
        let nonce = (self.scope == TokenScope::Exchange).then_some(nonce);
        TokenMap::new(Arc::clone(&self.spec), nonce, keep)
    }

    /// Whether tokens hold their values, so that answers of other exchanges may be opened.
    #[must_use]
    pub fn sealed(&self) -> bool {
        self.spec.seal.is_some()
    }

    /// A map that opens what was sealed under the workspace's key of these entities, cards and secrets among them.
    #[must_use]
    pub fn reveal(&self, entities: Vec<EntityType>) -> Option<TokenMap> {
        let seal = Some(Seal::new(&self.spec.key, entities.clone())?);
        let spec = TokenSpec { entities: Some(entities), seal, ..(*self.spec).clone() };
        Some(TokenMap::new(Arc::new(spec), None, true))
    }

    /// Where the answers of a route are opened; none: nowhere.
    #[must_use]
    pub fn restore(&self, route: &str, dialect: Dialect) -> Option<&Arc<Restore>> {
        let opened = match &self.routes {
            Some(routes) => routes.iter().any(|name| name == route),
            None => dialect.is_model(),
        };
        opened.then_some(&self.restore)
    }
}

/// The keys as they were read.
#[derive(Debug)]
pub(super) struct TokensShape {
    scope: TokenScope,
    sealed: bool,
    /// Names of routes, and where each is written.
    pub(super) routes: Option<Vec<(String, Place)>>,
    restore: Restore,
    entities: Option<Vec<EntityType>>,
}

impl TokensShape {
    /// What holds for the workspace of this name and key, which tokenizes these entities.
    pub(super) fn bind(self, workspace: &str, key: HashKey, entities: Vec<EntityType>) -> Tokens {
        let seal = if self.sealed { Seal::new(&key, entities) } else { None };
        Tokens {
            spec: Arc::new(TokenSpec { key, workspace: workspace.into(), entities: self.entities, seal }),
            scope: self.scope,
            routes: self.routes.map(|routes| routes.into_iter().map(|(name, _)| name).collect()),
            restore: Arc::new(self.restore),
        }
    }
}

/// The entities whose values are tokenized anywhere.
pub(super) fn tokenized<'a>(rules: &RuleSet, scopes: impl Iterator<Item = &'a Arc<Scopes>> + Clone) -> Vec<EntityType> {
    let tables = scopes.flat_map(|scopes| scopes.paths.iter().map(|(_, table)| table).chain([&scopes.actions]));
    let mut entities: Vec<EntityType> = Vec::new();
    for (index, rule) in rules.rules().iter().enumerate() {
        let tokenizes = tables.clone().any(|table| match table.action(index) {
            Action::Reroute(there) => matches!(**there, Action::Tokenize | Action::StandIn),
            action => matches!(action, Action::Tokenize | Action::StandIn),
        });
        if tokenizes && !entities.contains(&rule.entity) {
            entities.push(rule.entity.clone());
        }
    }
    entities
}

/// Reads `tokens`, `token_scope` and `restore`.
pub(super) fn tokens(fields: &mut Fields<'_>, report: &mut Report) -> TokensShape {
    let scope = fields.value("token_scope").and_then(|value| scope(&value, report)).unwrap_or_default();
    let form = fields.value("tokens");
    let sealed = form.as_ref().is_some_and(|value| sealed(value, report));
    if let (true, TokenScope::Exchange, Some(form)) = (sealed, scope, form) {
        let message = "sealed tokens are the same in every exchange";
        report.error(&form.place(), "contradiction", message).help("leave out token_scope, or `tokens`");
    }
    let mut shape = TokensShape { scope, sealed, routes: None, restore: Restore::default(), entities: None };
    let Some(mut table) = fields.value("restore").and_then(|value| value.table("restore", report)) else {
        return shape;
    };
    let owned = |texts: Vec<(&str, Place)>| texts.into_iter().map(|(text, place)| (text.to_owned(), place)).collect();
    shape.routes = table.value("routes").map(|value| owned(few(&value, report)));
    shape.restore.texts = shape.routes.is_some();
    if let Some(value) = table.value("fields") {
        shape.restore.fields = paths(&value, report);
    }
    if let Some(value) = table.value("tools") {
        shape.restore.tools = tools(&value, report);
    }
    shape.entities = table.value("entities").map(|value| {
        let names = few(&value, report);
        names.into_iter().filter_map(|(name, place)| entity_name(name, &place, report)).collect()
    });
    table.finish(report);
    shape
}

fn scope(value: &Value<'_>, report: &mut Report) -> Option<TokenScope> {
    match value.text(report)? {
        "workspace" => Some(TokenScope::Workspace),
        "exchange" => Some(TokenScope::Exchange),
        name => {
            unknown_name("token_scope", name, ["workspace", "exchange"].into_iter(), &value.place(), report);
            None
        }
    }
}

fn sealed(value: &Value<'_>, report: &mut Report) -> bool {
    match value.text(report) {
        Some("sealed") => true,
        Some("placeholder") | None => false,
        Some(name) => {
            unknown_name("form of tokens", name, ["placeholder", "sealed"].into_iter(), &value.place(), report);
            false
        }
    }
}

fn few<'a>(value: &Value<'a>, report: &mut Report) -> Vec<(&'a str, Place)> {
    let texts = value.texts(report);
    if texts.len() > MOST {
        report.error(&value.place(), "out-of-range", format!("more than {MOST} entries")).help("leave some out");
    }
    texts
}

fn paths(value: &Value<'_>, report: &mut Report) -> Vec<JsonPath> {
    let texts = few(value, report);
    if texts.is_empty() {
        let help = "leave `fields` out for the texts of models' answers, or write routes = [] to open nothing";
        report.error(&value.place(), "missing-key", "`fields` names no place").help(help);
    }
    let mut paths = Vec::new();
    for (text, place) in texts {
        match JsonPath::parse(text) {
            Ok(path) => paths.push(path),
            Err(reason) => {
                let message = format!("{} is no JSON path: {reason}", quote(text));
                report.error(&place, "json-path", message).help("write it like \"$.answer\" or \"$..text\"");
            }
        }
    }
    paths
}

fn tools(value: &Value<'_>, report: &mut Report) -> Vec<String> {
    let mut tools = Vec::new();
    for (text, place) in few(value, report) {
        let name = text.strip_suffix('*').unwrap_or(text);
        if text.is_empty() || text.len() > 128 || name.contains('*') {
            let message = format!("{} is no name of a tool", quote(text));
            report.error(&place, "name-form", message).help("write the whole name, or its beginning and a final `*`");
            continue;
        }
        tools.push(text.to_owned());
    }
    tools
}
