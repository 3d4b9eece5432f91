//! One rules file in, what it says out: rules, terms, actions, scopes, each with its place.
//!
//! The format is the same for bundled packs and for users. Nothing is looked up in other files here, but the lists of
//! `[[terms]]`; packs are followed in [`super::packs`], actions resolved in [`super::actions`].

use std::sync::Arc;

use crate::body::{Direction, JsonPath};
use crate::engine::{
    Detector, EntityType, Keywords, Pattern, Regions, RuleId, RuleSpec, Scoring, Suppression, ToolRules, Validator,
};

use super::actions::{ActionEntry, ActionPair, action_entries, action_pair};
use super::diagnostic::{Place, Report, Source, nearest, quote, quoted_list};
use super::files::{Disk, Fields, Value, walk};
use super::terms;
use super::tools;

/// Most JSON paths of a file's scopes.
const PATHS: usize = 256;
/// Farthest that keywords may be looked for, in characters.
const KEYWORD_REACH: i64 = 1024;

/// A rules file as it was read.
#[derive(Debug, Default)]
pub(crate) struct RulesFile {
    /// What `packs` names.
    pub(crate) packs: Vec<(String, Place)>,
    /// `own_email_domains`.
    pub(crate) own_domains: Vec<String>,
    /// `phone_regions`: whose national phone numbers are looked for.
    pub(crate) phone_regions: Regions,
    /// `threshold`, in percent, and where it is written.
    pub(crate) threshold: Option<(u8, Place)>,
    /// `[actions]`.
    pub(crate) actions: Vec<ActionEntry>,
    /// `[[rule]]` and `[[terms]]`.
    pub(crate) rules: Vec<RuleShape>,
    /// `[[scope]]`.
    pub(crate) scopes: Vec<ScopeShape>,
    /// `block_score`, and where it is written.
    pub(crate) block_score: Option<(u8, Place)>,
    /// `tools` and `[[tool]]`, and where the first of them is written.
    pub(crate) tools: Option<(ToolRules, Place)>,
    /// Ids and entities of rules that were left out for an error.
    pub(crate) lost: Vec<String>,
}

/// A `[[rule]]` or `[[terms]]`.
#[derive(Clone, Debug)]
pub(crate) struct RuleShape {
    /// For the engine.
    pub(crate) spec: RuleSpec,
    /// The rule's own action.
    pub(crate) action: Option<ActionPair>,
    /// What a finding adds to a body's score.
    pub(crate) score: u8,
    /// Texts that have a finding.
    pub(crate) examples: Vec<(String, Place)>,
    /// Texts that have none.
    pub(crate) counterexamples: Vec<(String, Place)>,
    /// Where it is written.
    pub(crate) places: RulePlaces,
}

/// Where the parts of a rule are written.
#[derive(Clone, Debug)]
pub(crate) struct RulePlaces {
    /// The value of `id`.
    pub(crate) id: Place,
    /// The value of `pattern`, `detector`, `fields` or `file`.
    pub(crate) pattern: Place,
    /// The value of `keywords`.
    pub(crate) keywords: Place,
    /// Whether the rule came with the program.
    pub(crate) bundled: bool,
}

/// A `[[scope]]`.
#[derive(Clone, Debug)]
pub(crate) struct ScopeShape {
    /// Names of routes; none: every route.
    pub(crate) routes: Vec<(String, Place)>,
    /// Directions; none: both.
    pub(crate) directions: Vec<Direction>,
    /// JSON paths; none: the whole body.
    pub(crate) paths: Vec<JsonPath>,
    /// What holds there.
    pub(crate) actions: Vec<ActionEntry>,
}

/// Reads `source`, which came with the program if `bundled`.
pub(crate) fn read(source: &Arc<Source>, bundled: bool, disk: &mut Disk, report: &mut Report) -> Option<RulesFile> {
    walk(source, report, |fields, report| file(fields, bundled, disk, report))
}

fn file(mut fields: Fields<'_>, bundled: bool, disk: &mut Disk, report: &mut Report) -> RulesFile {
    version(&mut fields, report);
    fields.text("description", report);
    let packs = fields.texts("packs", report).into_iter().map(|(name, place)| (name.to_owned(), place)).collect();
    let mut own_domains = Vec::new();
    for (domain, place) in fields.texts("own_email_domains", report) {
        if super::routing::host_name(domain.strip_prefix("*.").unwrap_or(domain)) {
            own_domains.push(domain.to_ascii_lowercase());
        } else {
            report
                .error(&place, "name-form", format!("{} is not a domain", quote(domain)))
                .help("write \"acme.com\", or \"*.acme.com\" for every subdomain");
        }
    }
    let phone_regions = phone_regions(&mut fields, report);
    let threshold = fields.value("threshold").and_then(|value| Some((value.integer(1..=100, report)?, value.place())));
    let threshold = threshold.and_then(|(percent, place)| Some((u8::try_from(percent).ok()?, place)));
    let actions = match fields.value("actions") {
        Some(value) => value.table("[actions]", report).map(|table| action_entries(&table, report)).unwrap_or_default(),
        None => Vec::new(),
    };
    let mut rules: Vec<RuleShape> = Vec::new();
    let mut lost = Vec::new();
    for table in fields.tables("rule", "[[rule]]", report) {
        let names = names(&table);
        match rule(table, bundled, report) {
            Some(rule) => rules.push(rule),
            None => lost.extend(names),
        }
    }
    for table in fields.tables("terms", "[[terms]]", report) {
        let names = names(&table);
        match term_rule(table, bundled, disk, report) {
            Some(rule) => rules.push(rule),
            None => lost.extend(names),
        }
    }
    let scopes: Vec<ScopeShape> =
        fields.tables("scope", "[[scope]]", report).into_iter().map(|table| scope(table, report)).collect();
    if scopes.iter().map(|scope| scope.paths.len()).sum::<usize>() > PATHS {
        let message = format!("more than {PATHS} JSON paths in [[scope]] tables");
        report.error(&fields.value_place("scope"), "out-of-range", message).help("name wider paths");
    }
    let score = fields
        .value("block_score")
        .and_then(|value| Some((value.integer(1..=i64::from(Scoring::MOST), report)?, value.place())));
    let block_score = score.and_then(|(score, place)| Some((u8::try_from(score).ok()?, place)));
    let tools = tools::read(&mut fields, report);
    fields.finish(report);
    RulesFile { packs, own_domains, phone_regions, threshold, actions, rules, scopes, block_score, tools, lost }
}

/// `phone_regions`, ISO 3166 codes.
fn phone_regions(fields: &mut Fields<'_>, report: &mut Report) -> Regions {
    let mut regions = Regions::NONE;
    for (code, place) in fields.texts("phone_regions", report) {
        match regions.with(&code.to_ascii_uppercase()) {
            Some(more) => regions = more,
            // What people write for it is not what ISO 3166 says.
            None if code.eq_ignore_ascii_case("UK") => {
                report.error(&place, "unknown-name", "unknown region `UK`").help("did you mean `GB`?");
            }
            None => unknown_name("region", code, Regions::known(), &place, report),
        }
    }
    regions
}

/// What a rule calls itself and what it finds.
fn names(table: &Fields<'_>) -> Vec<String> {
    let is_name = |key: &str| matches!(key, "id" | "entity");
    let named = table.entries().into_iter().filter(|(key, _, _)| is_name(key));
    named.filter_map(|(_, _, value)| value.as_text().map(str::to_owned)).collect()
}

/// `version = 1`, as every file has it.
pub(crate) fn version(fields: &mut Fields<'_>, report: &mut Report) {
    let Some(value) = fields.wanted("version", "begin the file with `version = 1`", report) else { return };
    if value.integer(0..=i64::MAX, report).is_some_and(|version| version != 1) {
        report.error(&value.place(), "version", "this version is not known").help("this program reads version 1");
    }
}

fn rule(mut fields: Fields<'_>, bundled: bool, report: &mut Report) -> Option<RuleShape> {
    let errors = report.errors();
    let id = rule_id(&mut fields, report);
    let entity = entity(&mut fields, report);
    let pattern = pattern(&mut fields, report);
    let validator = fields.value("validator").and_then(|value| validator(&value, report));
    let keywords_value = fields.value("keywords");
    let keywords = keywords_value.and_then(|value| keywords(&value, report));
    let suppressions = fields.texts("allow", report);
    let suppressions = suppressions.into_iter().map(|(value, _)| Suppression::Value(value.to_owned())).collect();
    let action = fields.value("action").and_then(|value| action_pair(&value, report));
    let priority = fields.value("priority").and_then(|value| value.integer(i32::MIN.into()..=i32::MAX.into(), report));
    let priority = priority.and_then(|priority| i32::try_from(priority).ok()).unwrap_or(0);
    let confidence = fields.value("confidence").and_then(|value| value.integer(1..=100, report));
    let confidence = confidence.and_then(|percent| u8::try_from(percent).ok()).unwrap_or(RuleSpec::CONFIDENCE);
    let owned = |texts: Vec<(&str, Place)>| texts.into_iter().map(|(text, place)| (text.to_owned(), place)).collect();
    let score = fields.value("score").and_then(|value| value.integer(0..=i64::from(Scoring::MOST), report));
    let score = score.and_then(|score| u8::try_from(score).ok()).unwrap_or(0);
    let examples = owned(fields.texts("examples", report));
    let counterexamples = owned(fields.texts("counterexamples", report));
    fields.text("description", report);
    let whole = fields.place();
    fields.finish(report);
    let (id, id_place) = id?;
    let (pattern, pattern_place) = pattern?;
    let entity = entity?;
    if report.errors() > errors {
        // A rule that lost a part must not be compiled without it: a missing validator finds more, missing keywords
        // make a costly rule of a cheap one.
        return None;
    }
    let spec = RuleSpec { id, entity, pattern, validator, keywords, suppressions, priority, confidence };
    let keywords = keywords_value.map_or(whole, |value| value.place());
    let places = RulePlaces { id: id_place, pattern: pattern_place, keywords, bundled };
    Some(RuleShape { spec, action, score, examples, counterexamples, places })
}

fn rule_id(fields: &mut Fields<'_>, report: &mut Report) -> Option<(RuleId, Place)> {
    let value = fields.wanted("id", "give it a permanent name, like id = \"acme.employee\"", report)?;
    let text = value.text(report)?;
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !first || text.len() > 128 || !text.bytes().all(letters) {
        report
            .error(&value.place(), "name-form", format!("{} is no rule id", quote(text)))
            .help("use lower-case letters, digits, `.`, `-` and `_`, beginning with a letter, 128 at most");
        return None;
    }
    Some((RuleId::new(text), value.place()))
}

fn entity(fields: &mut Fields<'_>, report: &mut Report) -> Option<EntityType> {
    let value = fields.wanted("entity", "say what it finds, like entity = \"EMPLOYEE_NUMBER\"", report)?;
    entity_name(value.text(report)?, &value.place(), report)
}

/// An entity's name, where it has the form of one.
pub(crate) fn entity_name(text: &str, place: &Place, report: &mut Report) -> Option<EntityType> {
    let letters = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_uppercase());
    if !first || text.len() > 64 || !text.bytes().all(letters) {
        report
            .error(place, "name-form", format!("{} is no entity", quote(text)))
            .help("use upper-case letters, digits and `_`, beginning with a letter, 64 at most");
        return None;
    }
    Some(EntityType::new(text))
}

fn pattern(fields: &mut Fields<'_>, report: &mut Report) -> Option<(Pattern, Place)> {
    let given: Vec<_> = ["pattern", "detector", "fields"]
        .into_iter()
        .filter_map(|key| fields.value(key).map(|value| (key, value)))
        .collect();
    let max_len = fields.value("max_len");
    let max_len = max_len.and_then(|value| Some((value.integer(1..=i64::from(u32::MAX), report)?, value.place())));
    let bound = || max_len.as_ref().and_then(|(length, _)| usize::try_from(*length).ok());
    let (key, value) = match given.as_slice() {
        [] => {
            let message = "[[rule]] has neither `pattern` nor `detector`";
            report.error(&fields.place(), "missing-key", message).help("add pattern = '…', a regular expression");
            return None;
        }
        [one] => *one,
        [(first, _), (second, value), ..] => {
            let message = format!("a rule has `{first}` or `{second}`, not both");
            report.error(&value.place(), "contradiction", message).help("make two rules of it");
            return None;
        }
    };
    let pattern = match key {
        "pattern" => Pattern::Regex { pattern: value.text(report)?.to_owned(), max_len: bound() },
        "fields" => {
            let names: Vec<String> = value.texts(report).into_iter().map(|(name, _)| name.to_owned()).collect();
            if names.is_empty() {
                let message = "`fields` names none";
                report.error(&value.place(), "empty", message).help("name one, like fields = [\"diagnosis\"]");
                return None;
            }
            Pattern::Field { names, max_len: bound() }
        }
        _ => {
            if let Some((_, place)) = &max_len {
                let message = "`max_len` belongs to `pattern`; a detector knows its lengths";
                report.error(place, "contradiction", message).help("remove it");
            }
            let name = value.text(report)?;
            let found = Detector::by_name(name);
            if found.is_none() {
                unknown_name("detector", name, Detector::ALL.iter().map(|(name, _)| *name), &value.place(), report);
            }
            Pattern::Detector(found?)
        }
    };
    Some((pattern, value.place()))
}

fn validator(value: &Value<'_>, report: &mut Report) -> Option<Validator> {
    let name = value.text(report)?;
    let found = Validator::by_name(name);
    if found.is_none() {
        unknown_name("validator", name, Validator::names(), &value.place(), report);
    }
    found
}

/// Reports a name that is none of `known`.
pub(crate) fn unknown_name<'a>(
    kind: &str,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    place: &Place,
    report: &mut Report,
) {
    let error = report.error(place, "unknown-name", format!("unknown {kind} {}", quote(name)));
    match nearest(name, known.clone()) {
        Some(near) => error.help(format!("did you mean {}?", quote(near))),
        None => error.help(format!("there is {}", quoted_list(known.take(40)))),
    }
}

fn keywords(value: &Value<'_>, report: &mut Report) -> Option<Keywords> {
    let mut fields = value.table("keywords", report)?;
    let help = "name the words, like { words = [\"employee\"], within = 40 }";
    let words = fields.wanted("words", help, report).map(|value| (value.texts(report), value.place()));
    let errors = report.errors();
    let mut reach = |key| {
        let value = fields.value(key)?;
        Some((value.integer(0..=KEYWORD_REACH, report).and_then(|reach| usize::try_from(reach).ok())?, value.place()))
    };
    let (within, before, after) = (reach("within"), reach("before"), reach("after"));
    let place = fields.place();
    fields.finish(report);
    let (before, after) = match (within, before, after) {
        (Some((within, _)), None, None) => (within, within),
        (Some((_, place)), _, _) => {
            let message = "keywords have `within`, or `before` and `after`, not both";
            report.error(&place, "contradiction", message).help("keep one of the two forms");
            return None;
        }
        (None, before, after) => (before.map_or(0, |(reach, _)| reach), after.map_or(0, |(reach, _)| reach)),
    };
    let (words, words_place) = words?;
    for (word, place) in &words {
        if word.trim().is_empty() {
            report.error(place, "empty", "an empty keyword").help("remove it");
        }
    }
    if words.is_empty() {
        report.error(&words_place, "empty", "keywords without words").help("name a word, or remove `keywords`");
    }
    if before == 0 && after == 0 && report.errors() == errors {
        let message = "keywords have no distance";
        report.error(&place, "missing-key", message).help("add within = 40, or `before` and `after` in characters");
    }
    Some(Keywords { words: words.into_iter().map(|(word, _)| word.to_owned()).collect(), before, after })
}

fn term_rule(mut fields: Fields<'_>, bundled: bool, disk: &mut Disk, report: &mut Report) -> Option<RuleShape> {
    let id = rule_id(&mut fields, report);
    let entity = entity(&mut fields, report);
    let file = fields.wanted("file", "name a list with one value a line", report);
    let file = file.and_then(|value| Some((value.text(report)?, value.place())));
    let hashed = fields.value("hashed");
    let key = hashed.map(|value| terms::key(&value, fields.source().path(), disk, report));
    let action = fields.value("action").and_then(|value| action_pair(&value, report));
    fields.text("description", report);
    let (whole, source) = (fields.place(), fields.source());
    fields.finish(report);
    let (name, place) = file?;
    let key = match key {
        // A key that cannot be had was told of.
        Some(None) => return None,
        Some(key) => key,
        None => None,
    };
    let list = terms::read((source.path(), name), &place, key.as_ref(), disk, report)?;
    let ((id, id_place), entity) = (id?, entity?);
    let spec = RuleSpec {
        id,
        entity,
        pattern: Pattern::Terms(list),
        validator: None,
        keywords: None,
        suppressions: Vec::new(),
        priority: 0,
        confidence: RuleSpec::CONFIDENCE,
    };
    let places = RulePlaces { id: id_place, pattern: place, keywords: whole, bundled };
    Some(RuleShape { spec, action, score: 0, examples: Vec::new(), counterexamples: Vec::new(), places })
}

fn scope(mut fields: Fields<'_>, report: &mut Report) -> ScopeShape {
    let mut given = |key, report: &mut Report| {
        let value = fields.value(key)?;
        let texts = value.texts(report);
        if texts.is_empty() {
            let message = format!("`{key}` is empty, so the scope holds nowhere");
            report.error(&value.place(), "empty", message).help("remove the key to mean everywhere");
        }
        Some(texts)
    };
    let routes = given("routes", report).unwrap_or_default();
    let directions = given("directions", report).unwrap_or_default();
    let paths = given("paths", report).unwrap_or_default();
    let help = "say what holds there, like actions = { PHONE = \"observe\" }";
    let actions = fields.wanted("actions", help, report).and_then(|value| value.table("actions", report));
    let actions = actions.map(|table| action_entries(&table, report)).unwrap_or_default();
    fields.finish(report);
    let routes = routes.into_iter().map(|(name, place)| (name.to_owned(), place)).collect();
    let mut shape = ScopeShape { routes, directions: Vec::new(), paths: Vec::new(), actions };
    for (name, place) in directions {
        match name {
            "request" => shape.directions.push(Direction::Request),
            "response" => shape.directions.push(Direction::Response),
            _ => unknown_name("direction", name, ["request", "response"].into_iter(), &place, report),
        }
    }
    for (text, place) in paths {
        match JsonPath::parse(text) {
            Ok(path) => shape.paths.push(path),
            Err(reason) => {
                report
                    .error(&place, "json-path", format!("{} is no JSON path: {reason}", quote(text)))
                    .help("write it like $.messages[*].content, $['a key'] or $..name");
            }
        }
    }
    shape
}
