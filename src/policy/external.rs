//! `[[external]]` in: another service that is asked for its verdict on whole bodies, and the rules that its findings
//! become.
//!
//! Enters: the table. Leaves: an [`External`], and one rule for each kind of finding that it may name, so that actions,
//! scopes, metrics and the audit know them as they know any rule. Secrets come from files and the environment.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::engine::{EntityType, Pattern, RuleId, RuleSpec};

use super::credentials::Inspector;
use super::diagnostic::{Place, Report, quote};
use super::files::{Fields, Value};
use super::outbound::outbound;
use super::rules::{RulePlaces, RuleShape, unknown_name};
use super::{OnFault, Upstream, routing};

/// What the finding of a service is called where the configuration does not know the service's own name.
pub(super) const OTHER: &str = "EXTERNAL";
/// Most names that an `entities` table has.
const MOST_ENTITIES: usize = 256;
/// Largest answer that a file may allow, and largest preview.
const LARGEST: u64 = 64 << 20;
const LARGEST_PREVIEW: u64 = 1 << 20;
/// Shortest secret of a webhook.
const SHORTEST_SECRET: usize = 24;

/// The names that Presidio's recognizers give, where this program has another; the rest keep their own.
const PRESIDIO: &[(&str, &str)] = &[
    ("CREDIT_CARD", "CREDIT_CARD"),
    ("CRYPTO", "CRYPTO_WALLET"),
    ("EMAIL_ADDRESS", "EMAIL"),
    ("IBAN_CODE", "IBAN"),
    ("IP_ADDRESS", "IP_ADDRESS"),
    ("MAC_ADDRESS", "MAC_ADDRESS"),
    ("MEDICAL_LICENSE", "HEALTH_ID"),
    ("PHONE_NUMBER", "PHONE"),
    ("US_BANK_NUMBER", "BANK_ACCOUNT"),
    ("US_DRIVER_LICENSE", "DRIVING_LICENCE"),
    ("US_ITIN", "US_ITIN"),
    ("US_MBI", "HEALTH_ID"),
    ("US_NPI", "HEALTH_ID"),
    ("US_PASSPORT", "PASSPORT"),
    ("US_SSN", "US_SSN"),
    ("UK_NHS", "HEALTH_ID"),
    ("UK_NINO", "NATIONAL_ID"),
    ("UK_PASSPORT", "PASSPORT"),
    ("AU_ABN", "BUSINESS_ID"),
    ("AU_ACN", "BUSINESS_ID"),
    ("AU_MEDICARE", "HEALTH_ID"),
    ("AU_TFN", "TAX_ID"),
    ("ES_NIE", "NATIONAL_ID"),
    ("ES_NIF", "NATIONAL_ID"),
    ("FI_PERSONAL_IDENTITY_CODE", "NATIONAL_ID"),
    ("IN_AADHAAR", "NATIONAL_ID"),
    ("IN_PAN", "TAX_ID"),
    ("IN_PASSPORT", "PASSPORT"),
    ("IT_DRIVER_LICENSE", "DRIVING_LICENCE"),
    ("IT_FISCAL_CODE", "TAX_ID"),
    ("IT_IDENTITY_CARD", "NATIONAL_ID"),
    ("IT_PASSPORT", "PASSPORT"),
    ("IT_VAT_CODE", "BUSINESS_ID"),
    ("KR_RRN", "NATIONAL_ID"),
    ("PL_PESEL", "NATIONAL_ID"),
    ("SG_NRIC_FIN", "NATIONAL_ID"),
    ("TH_TNIN", "NATIONAL_ID"),
    ("AGE", "AGE"),
    ("DATE_TIME", "DATE_TIME"),
    ("ID", "ID"),
    ("LOCATION", "LOCATION"),
    ("NRP", "NRP"),
    ("ORGANIZATION", "ORGANIZATION"),
    ("PERSON", "PERSON"),
    ("TITLE", "TITLE"),
    ("URL", "URL"),
];

/// The names that a webhook may use without being told: this program's own.
const OWN: &[&str] = &[
    "BANK_ACCOUNT",
    "BUSINESS_ID",
    "CREDIT_CARD",
    "CRYPTO_WALLET",
    "DEVICE_ID",
    "DRIVING_LICENCE",
    "EMAIL",
    "HEALTH_ID",
    "IBAN",
    "IP_ADDRESS",
    "MAC_ADDRESS",
    "NATIONAL_ID",
    "PASSPORT",
    "PASSWORD",
    "PERSON",
    "PHONE",
    "SECRET",
    "TAX_ID",
    "US_ITIN",
    "US_SSN",
];

/// A service that is asked for its verdict on whole bodies.
#[derive(Clone, PartialEq, Debug)]
pub struct External {
    /// Name, as in routes, metrics and the audit.
    pub name: String,
    /// What it speaks.
    pub kind: ExternalKind,
    /// Where it is, with the path that is asked for.
    pub upstream: Upstream,
    /// Most time of one question, waiting for its turn included. 5 s.
    pub timeout: Duration,
    /// Questions at once; more wait within the timeout. 64.
    pub in_flight: usize,
    /// Failures in a row after which it is not asked for a while. 5.
    pub failures: u32,
    /// That while. 30 s.
    pub cool_down: Duration,
    /// Verdicts that are remembered; 0: none. 10,000.
    pub cache_entries: usize,
    /// How long they are. 5 min.
    pub cache_ttl: Duration,
    /// What happens where it has no verdict: the body is refused, or goes on, counted and audited.
    pub on_error: OnFault,
    /// Whether it reads what came, and not what the workspace's rules leave of it.
    pub original: bool,
    /// The names of its findings and what they are here.
    pub entities: Vec<(String, EntityType)>,
    /// Most texts of a body that it is asked about. 4,096.
    pub texts: usize,
    /// Largest answer in bytes. 1 MiB; of ICAP, whose answers may hold the body, 32 MiB.
    pub answer_bytes: usize,
}

/// What a service speaks.
#[derive(Clone, PartialEq)]
pub enum ExternalKind {
    /// ICAP (RFC 3507).
    Icap {
        /// Most bytes of a preview; none: as many as the server asks for.
        preview: Option<usize>,
        /// Whether the client's address is told (`X-Client-IP`).
        client_address: bool,
    },
    /// Blackbar's own question in JSON: deploy/openapi/external.yaml.
    Webhook {
        /// Secrets that questions are signed with, one signature each; empty: unsigned.
        secrets: Vec<Zeroizing<Vec<u8>>>,
        /// Whether answers must be signed as well.
        signed_answers: bool,
        /// How old an answer's signature may be. 5 min.
        tolerance: Duration,
    },
    /// The HTTP service of Microsoft Presidio's analyzer.
    Presidio {
        /// The language of the texts.
        language: String,
        /// Findings of less confidence are left out, in percent. 40: below, its recognizers guess from a number of digits.
        threshold: u8,
    },
    /// Microsoft Graph's `processContent` of Purview.
    Purview {
        /// The OAuth token.
        token: Zeroizing<String>,
        /// The application's identifier, as its policies name it.
        application: String,
    },
}

impl ExternalKind {
    /// The word in the file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Icap { .. } => "icap",
            Self::Webhook { .. } => "webhook",
            Self::Presidio { .. } => "presidio",
            Self::Purview { .. } => "purview",
        }
    }
}

impl fmt::Debug for ExternalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExternalKind({})", self.name())
    }
}

impl External {
    /// The rule of a finding that the service gives this name.
    #[must_use]
    pub fn rule(&self, theirs: &str) -> RuleId {
        let known = self.entities.iter().find(|(name, _)| name == theirs);
        rule_id(&self.name, known.map(|(_, entity)| entity))
    }
}

fn rule_id(name: &str, entity: Option<&EntityType>) -> RuleId {
    match entity {
        Some(entity) => RuleId::new(&format!("external.{name}.{}", entity.as_str().to_ascii_lowercase())),
        None => RuleId::new(&format!("external.{name}")),
    }
}

/// A service as it was read, and where.
#[derive(Debug)]
pub(super) struct ExternalShape {
    pub(super) external: External,
    place: Place,
}

impl ExternalShape {
    /// One rule for each kind of finding that it may name, and one for the rest. Where a rule of the workspace's own finds
    /// the same, that one counts.
    pub(super) fn rules(&self) -> Vec<RuleShape> {
        if matches!(self.external.kind, ExternalKind::Icap { .. } | ExternalKind::Purview { .. }) {
            return Vec::new();
        }
        let mut entities: Vec<&EntityType> = self.external.entities.iter().map(|(_, entity)| entity).collect();
        entities.sort_unstable();
        entities.dedup();
        let other = EntityType::new(OTHER);
        let known = entities.into_iter().map(|entity| (rule_id(&self.external.name, Some(entity)), entity.clone()));
        let rest = (rule_id(&self.external.name, None), other);
        known.chain([rest]).map(|(id, entity)| self.rule(id, entity)).collect()
    }

    fn rule(&self, id: RuleId, entity: EntityType) -> RuleShape {
        let place = || self.place.clone();
        RuleShape {
            spec: RuleSpec {
                id,
                entity,
                pattern: Pattern::External,
                validator: None,
                keywords: None,
                suppressions: Vec::new(),
                priority: -1,
                confidence: 100,
            },
            action: None,
            score: 0,
            examples: Vec::new(),
            counterexamples: Vec::new(),
            places: RulePlaces { id: place(), pattern: place(), keywords: place(), bundled: true },
        }
    }
}

/// Reads one `[[external]]`; its name has been read.
pub(super) fn external(
    name: Option<String>,
    mut fields: Fields<'_>,
    inspector: &mut Inspector<'_>,
) -> Option<ExternalShape> {
    let place = fields.value_place("name");
    let kind_value =
        fields.wanted("kind", "write kind = \"webhook\", \"presidio\", \"icap\" or \"purview\"", inspector.report);
    let word = kind_value.and_then(|value| value.text(inspector.report));
    let url = fields.wanted("url", "say where it is, like url = \"https://dlp.acme.internal/judge\"", inspector.report);
    let upstream = url.and_then(|value| address(&value, word, inspector.report));
    let upstream = outbound(&mut fields, upstream, inspector);
    let kind = kind_value.and_then(|value| kind(&value, &mut fields, inspector));
    let report = &mut *inspector.report;
    let timeout = fields.value("timeout").and_then(|value| value.duration(report));
    let in_flight = fields.value("max_in_flight").and_then(|value| value.integer(1..=100_000, report));
    let (failures, cool_down) = fields.value("breaker").map(|value| breaker(&value, report)).unwrap_or_default();
    let (entries, ttl) = fields.value("cache").map(|value| cache(&value, report)).unwrap_or_default();
    let on_error = fields.value("on_error").and_then(|value| on_error(&value, name.as_deref(), report));
    let original = fields.value("content").and_then(|value| content(&value, report)).unwrap_or(false);
    let texts = fields.value("max_texts").and_then(|value| value.integer(1..=100_000, report));
    let answer = fields.value("max_answer").and_then(|value| value.size(LARGEST, report));
    let told = fields.value("entities").map(|value| entities(&value, report)).unwrap_or_default();
    fields.finish(report);
    let kind = kind?;
    let largest = if matches!(kind, ExternalKind::Icap { .. }) { 32 << 20 } else { 1 << 20 };
    let external = External {
        name: name?,
        entities: with_known(&kind, told),
        kind,
        upstream: upstream?,
        timeout: timeout.unwrap_or(Duration::from_secs(5)),
        in_flight: in_flight.and_then(|count| usize::try_from(count).ok()).unwrap_or(64),
        failures: failures.unwrap_or(5),
        cool_down: cool_down.unwrap_or(Duration::from_secs(30)),
        cache_entries: entries.unwrap_or(10_000),
        cache_ttl: ttl.unwrap_or(Duration::from_secs(300)),
        on_error: on_error.unwrap_or(OnFault::Block),
        original,
        texts: texts.and_then(|count| usize::try_from(count).ok()).unwrap_or(4_096),
        answer_bytes: answer.and_then(|size| usize::try_from(size).ok()).unwrap_or(largest),
    };
    Some(ExternalShape { external, place })
}

fn address(value: &Value<'_>, kind: Option<&str>, report: &mut Report) -> Option<Upstream> {
    let text = value.text(report)?;
    let icap = kind == Some("icap");
    let read = if icap { routing::icap_upstream(text) } else { routing::upstream(text) };
    match read {
        Ok(upstream) => {
            let local = upstream.host == "localhost"
                || upstream.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
            if !upstream.tls && !local {
                let message = format!("bodies to {} leave without TLS", upstream.host);
                let help = if icap { "write icaps:// if it speaks it" } else { "write https:// if it speaks it" };
                report.warning(&value.place(), "plain-upstream", message).help(help);
            }
            Some(upstream)
        }
        Err(reason) => {
            let help = match icap {
                true => "write it like \"icap://dlp.acme.internal:1344/reqmod\", or icaps:// over TLS",
                false => "write it like \"https://dlp.acme.internal/judge\"",
            };
            report.error(&value.place(), "upstream", reason).help(help);
            None
        }
    }
}

/// What only one kind of service has; another's key stays unknown.
fn kind(value: &Value<'_>, fields: &mut Fields<'_>, inspector: &mut Inspector<'_>) -> Option<ExternalKind> {
    let file = fields.source().path();
    match value.text(inspector.report)? {
        "webhook" => {
            let secrets = fields.value("secrets").map(|value| secrets(&value, file, inspector)).unwrap_or_default();
            let report = &mut *inspector.report;
            let signed = fields.value("signed_answers");
            let signed_answers = signed.and_then(|value| value.flag(report)).unwrap_or(false);
            if let (true, true, Some(value)) = (signed_answers, secrets.is_empty(), signed) {
                let help = "add secrets = [{ file = \"…\" }]";
                report.error(&value.place(), "contradiction", "answers can't be checked without a secret").help(help);
            }
            let tolerance = fields.value("tolerance").and_then(|value| value.duration(report));
            let tolerance = tolerance.unwrap_or(Duration::from_secs(300));
            Some(ExternalKind::Webhook { secrets, signed_answers, tolerance })
        }
        "presidio" => {
            let report = &mut *inspector.report;
            let language = fields.text("language", report).unwrap_or("en").to_owned();
            let threshold = fields.value("threshold").and_then(|value| value.integer(0..=100, report));
            let threshold = threshold.and_then(|percent| u8::try_from(percent).ok()).unwrap_or(40);
            Some(ExternalKind::Presidio { language, threshold })
        }
        "icap" => {
            let report = &mut *inspector.report;
            let preview = fields.value("preview").and_then(|value| value.size(LARGEST_PREVIEW, report));
            let client_address = fields.value("client_address").and_then(|value| value.flag(report)).unwrap_or(false);
            Some(ExternalKind::Icap { preview: preview.and_then(|size| usize::try_from(size).ok()), client_address })
        }
        "purview" => {
            let help = "write token = { file = \"…\" }; a file that changes is read again";
            let token = fields.wanted("token", help, inspector.report);
            let help = "say the application's id, as Purview's policies name it";
            let application = fields.wanted("application", help, inspector.report);
            let application = application.and_then(|value| value.text(inspector.report)).map(str::to_owned);
            let token = token.and_then(|value| bearer(&value, file, inspector));
            Some(ExternalKind::Purview { token: token?, application: application? })
        }
        name => {
            let known = ["icap", "webhook", "presidio", "purview"];
            unknown_name("kind", name, known.into_iter(), &value.place(), inspector.report);
            None
        }
    }
}

/// What stands in `Authorization`, behind `Bearer`.
fn bearer(value: &Value<'_>, file: &std::path::Path, inspector: &mut Inspector<'_>) -> Option<Zeroizing<String>> {
    let (secret, place) = inspector.secret(value, file)?;
    let secret = secret.trim_ascii();
    if secret.is_empty() || !secret.iter().all(u8::is_ascii_graphic) {
        let message = "no token that a header field can hold";
        inspector
            .report
            .error(&place, "credentials", message)
            .help("the token is one line of visible ASCII characters");
        return None;
    }
    String::from_utf8(secret.to_vec()).ok().map(Zeroizing::new)
}

/// A list of secrets, the first of which is the newest.
fn secrets(value: &Value<'_>, file: &std::path::Path, inspector: &mut Inspector<'_>) -> Vec<Zeroizing<Vec<u8>>> {
    let mut secrets = Vec::new();
    for value in value.list("a list of secrets", inspector.report) {
        let Some((secret, place)) = inspector.secret(&value, file) else { continue };
        let secret = secret.trim_ascii();
        // As Standard Webhooks writes them, and as they are.
        let coded = secret.strip_prefix(b"whsec_").and_then(|coded| {
            let mut bytes = Zeroizing::new(Vec::new());
            crate::body::base64::decode(coded, &mut bytes).then_some(bytes)
        });
        let secret = coded.unwrap_or_else(|| Zeroizing::new(secret.to_vec()));
        if secret.len() < SHORTEST_SECRET {
            let message = format!("a webhook's secret has {SHORTEST_SECRET} bytes at least");
            inspector.report.error(&place, "credentials", message).help("make one with openssl rand -base64 32");
            continue;
        }
        secrets.push(secret);
    }
    secrets
}

fn breaker(value: &Value<'_>, report: &mut Report) -> (Option<u32>, Option<Duration>) {
    let Some(mut table) = value.table("breaker", report) else { return (None, None) };
    let failures = table.value("failures").and_then(|value| value.integer(1..=10_000, report));
    let cool_down = table.value("cool_down").and_then(|value| value.duration(report));
    table.finish(report);
    (failures.and_then(|count| u32::try_from(count).ok()), cool_down)
}

fn cache(value: &Value<'_>, report: &mut Report) -> (Option<usize>, Option<Duration>) {
    let Some(mut table) = value.table("cache", report) else { return (None, None) };
    let entries = table.value("entries").and_then(|value| value.integer(0..=10_000_000, report));
    let ttl = table.value("ttl").and_then(|value| value.duration(report));
    table.finish(report);
    (entries.and_then(|count| usize::try_from(count).ok()), ttl)
}

fn on_error(value: &Value<'_>, name: Option<&str>, report: &mut Report) -> Option<OnFault> {
    match value.text(report)? {
        "block" => Some(OnFault::Block),
        "pass" => {
            let message = format!("bodies pass unseen by {} where it has no verdict", quote(name.unwrap_or("?")));
            report.warning(&value.place(), "unscanned", message).help("use \"block\" unless you mean it");
            Some(OnFault::Pass)
        }
        name => {
            unknown_name("on_error", name, ["block", "pass"].into_iter(), &value.place(), report);
            None
        }
    }
}

fn content(value: &Value<'_>, report: &mut Report) -> Option<bool> {
    match value.text(report)? {
        "redacted" => Some(false),
        "original" => {
            let message = "the service reads values that the workspace's rules would mask";
            report.warning(&value.place(), "exposed", message).help("use \"redacted\" unless it needs them");
            Some(true)
        }
        name => {
            unknown_name("content", name, ["redacted", "original"].into_iter(), &value.place(), report);
            None
        }
    }
}

/// A table of the service's names and ours, or a list of names that are the same.
fn entities(value: &Value<'_>, report: &mut Report) -> Vec<(String, EntityType)> {
    let mut pairs: Vec<(&str, &str, Place)> = Vec::new();
    match value.as_table("entities") {
        Some(table) => {
            for (theirs, _, ours) in table.entries() {
                pairs.extend(ours.text(report).map(|text| (theirs, text, ours.place())));
            }
        }
        None => pairs.extend(value.texts(report).into_iter().map(|(name, place)| (name, name, place))),
    }
    if pairs.len() > MOST_ENTITIES {
        report.error(&value.place(), "out-of-range", format!("more than {MOST_ENTITIES} names")).help("remove some");
    }
    let mut entities = Vec::new();
    for (theirs, ours, place) in pairs {
        let letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if ours.is_empty() || ours.len() > 64 || !ours.bytes().all(letter) {
            let message = format!("{} is no name of an entity", quote(ours));
            report.error(&place, "name-form", message).help("use capital letters, digits and `_`, like PERSON");
            continue;
        }
        entities.push((theirs.to_owned(), EntityType::new(ours)));
    }
    entities
}

/// What the file says of names, and then what is known of the kind.
fn with_known(kind: &ExternalKind, mut told: Vec<(String, EntityType)>) -> Vec<(String, EntityType)> {
    let known: Vec<(&str, &str)> = match kind {
        ExternalKind::Presidio { .. } => PRESIDIO.to_vec(),
        ExternalKind::Webhook { .. } => OWN.iter().map(|name| (*name, *name)).collect(),
        ExternalKind::Icap { .. } | ExternalKind::Purview { .. } => Vec::new(),
    };
    for (theirs, ours) in known {
        if !told.iter().any(|(name, _)| name == theirs) {
            told.push((theirs.to_owned(), EntityType::new(ours)));
        }
    }
    told
}
