//! What the Model Context Protocol says outside of its JSON-RPC messages: headers that mirror a message's members, and the
//! identifier that a refusal answers to.
//!
//! Enters: a header's value, or the beginning of a request. Leaves: the value redacted as the member it mirrors is in the
//! body, since servers refuse a message whose headers say otherwise; or the identifier as a literal of JSON.

use std::sync::Arc;

use super::json::{LogicalText, Step, TextOut, index};
use super::{BodyError, BodyLimits, Inspection, JsonPath, PathStep, Scopes, base64};
use crate::engine::ActionTable;

/// How much of a request is looked at for its identifier.
pub(crate) const PROBED: usize = 64 << 10;
/// The longest literal that is given back, and how many digits it may have: no number that is anyone's.
const LITERAL: usize = 64;
const DIGITS: usize = 8;

/// Around a value that a header cannot hold as it is.
const OPENS: &[u8] = b"=?base64?";
const CLOSES: &[u8] = b"?=";

/// The member that a header mirrors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mirrored<'a> {
    /// The message's method.
    Method,
    /// What it is about: `name` or `uri`.
    Subject(&'a str),
    /// An argument, in lower case as headers are.
    Argument(&'a str),
}

/// The member that this header mirrors; `None` for other headers. `method` is the message's method, as its own header has
/// it.
pub(crate) fn mirrored<'a>(header: &'a str, method: &[u8]) -> Option<Mirrored<'a>> {
    match header {
        "mcp-name" if method == b"resources/read" || method.starts_with(b"resources/subscri") => {
            Some(Mirrored::Subject("uri"))
        }
        "mcp-name" => Some(Mirrored::Subject("name")),
        "mcp-method" => Some(Mirrored::Method),
        _ => header.strip_prefix("mcp-param-").filter(|name| !name.is_empty()).map(Mirrored::Argument),
    }
}

impl Mirrored<'_> {
    /// What the member is called.
    fn label(&self) -> &str {
        match self {
            Self::Method => "method",
            Self::Subject(name) | Self::Argument(name) => name,
        }
    }

    /// What holds for the member in the body. Headers have no case: a path means an argument in any.
    fn actions<'s>(&self, scopes: &'s Scopes) -> &'s Arc<ActionTable> {
        let label = Step::Key(self.label().as_bytes());
        let (params, arguments) = (Step::Key(b"params"), Step::Key(b"arguments"));
        let place: &[Step<'_>] = match self {
            Self::Method => &[label],
            Self::Subject(_) => &[params, label],
            Self::Argument(_) => &[params, arguments, label],
        };
        let in_lower_case = |step: &PathStep| match step {
            PathStep::Key(name) => PathStep::Key(name.to_ascii_lowercase()),
            other => other.clone(),
        };
        let one = |path: &JsonPath| {
            JsonPath { steps: path.steps.iter().map(in_lower_case).collect(), also: None }.matches(place)
        };
        let means = |path: &JsonPath| one(path) && path.also.as_deref().is_none_or(one);
        scopes.paths.iter().find(|(path, _)| means(path)).map_or(&scopes.actions, |(_, actions)| actions)
    }
}

/// A mirrored value as it may leave; `None` where it may as it is.
///
/// # Errors
/// A blocking rule matched.
pub(crate) fn redact_mirrored(
    member: Mirrored<'_>,
    value: &[u8],
    scopes: &Scopes,
    seen: &mut Inspection,
) -> Result<Option<Vec<u8>>, BodyError> {
    let mut decoded = Vec::new();
    let inside = value.strip_prefix(OPENS).and_then(|rest| rest.strip_suffix(CLOSES));
    let text = match inside {
        Some(inside) if base64::decode(inside, &mut decoded) => decoded.as_slice(),
        // What no server reads is text like any other.
        _ => value,
    };
    let limits = BodyLimits::default();
    let mut logical = LogicalText::sniffing(&scopes.rules, member.actions(scopes), &limits);
    logical.call(member.label().as_bytes());
    let mut out = TextOut::default();
    logical.push_last(text, &mut out, seen)?;
    Ok((out.bytes != text).then(|| written(out.bytes)))
}

/// A value as headers hold it: as it is, or in base64 where it would not come through or would be read as that.
fn written(text: Vec<u8>) -> Vec<u8> {
    let plain = text.iter().all(|byte| matches!(byte, b' '..=b'~'))
        && text.trim_ascii().len() == text.len()
        && !(text.starts_with(OPENS) && text.ends_with(CLOSES));
    if plain {
        return text;
    }
    let mut out = OPENS.to_vec();
    base64::encode(&text, &mut out);
    out.extend_from_slice(CLOSES);
    out
}

/// The identifier of the request that this is all of, as it stands there; `None` for notifications, batches, and what is
/// longer or holds more digits than identifiers do.
pub(crate) fn request_id(body: &[u8]) -> Option<String> {
    let index = index(body, &BodyLimits::default()).ok()?;
    let literal = index.literal(index.get(&["id".into()])?, body);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'"');
    let number = literal.iter().all(u8::is_ascii_digit);
    let text = literal.len() > 2 && literal.starts_with(b"\"") && literal.ends_with(b"\"");
    let digits = literal.iter().filter(|byte| byte.is_ascii_digit()).count();
    let fits = literal.len() <= LITERAL && digits <= DIGITS && literal.iter().all(plain);
    let text = std::str::from_utf8(literal).ok().filter(|_| fits && (number || text))?;
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::{Action, ActionTable, Detector, EntityType, Pattern, RuleId, RuleSet, RuleSpec};

    fn scopes(action: Action) -> Scopes {
        let rule = RuleSpec {
            id: RuleId::new("t.mail"),
            entity: EntityType::new("EMAIL"),
            pattern: Pattern::Detector(Detector::Email),
            validator: None,
            keywords: None,
            suppressions: Vec::new(),
            priority: 0,
            confidence: 80,
        };
        let rules = Arc::new(RuleSet::build(vec![rule]).expect("the rule compiles"));
        Scopes {
            rules,
            actions: Arc::new(ActionTable::new(vec![action], None)),
            paths: Vec::new(),
            tools: None,
            restore: None,
        }
    }

    #[test]
    fn what_a_path_says_of_a_member_holds_for_its_header() {
        let base = scopes(Action::Observe);
        let table = |action| Arc::new(ActionTable::new(vec![action], None));
        let path = |text| JsonPath::parse(text).unwrap();
        let paths = vec![
            (path("$.params.arguments.To"), table(Action::Redact)),
            (path("$.params.arguments.card"), table(Action::Block)),
            (path("$.params.name"), table(Action::Remove)),
        ];
        let scopes = Scopes { paths, ..base };
        let redacted = |member| {
            let seen = &mut Inspection::default();
            redact_mirrored(member, b"jane@example.com", &scopes, seen).map(Option::unwrap_or_default)
        };
        assert_eq!(redacted(Mirrored::Argument("to")).unwrap(), b"[EMAIL]");
        assert!(redacted(Mirrored::Argument("card")).is_err());
        assert!(redacted(Mirrored::Subject("uri")).unwrap().is_empty(), "observed: it may leave as it is");
        assert!(redacted(Mirrored::Argument("name")).unwrap().is_empty());
        let seen = &mut Inspection::default();
        let removed = redact_mirrored(Mirrored::Subject("name"), b"jane@example.com x", &scopes, seen).unwrap();
        assert_ne!(removed, None);
    }

    #[test]
    fn a_mirrored_value_is_redacted_as_in_the_body() {
        let redact = |value: &str, action| {
            let redacted = redact_mirrored(
                Mirrored::Argument("email"),
                value.as_bytes(),
                &scopes(action),
                &mut Inspection::default(),
            );
            redacted
                .map(|value| value.map(|value| String::from_utf8(value).expect("ASCII")))
                .map_err(|error| error.kind)
        };
        let encoded = |text: &str| String::from_utf8(written(text.as_bytes().to_vec())).expect("ASCII");
        assert_eq!(redact("jane@example.com", Action::MaskDomain), Ok(Some("jane@***".to_owned())));
        assert_eq!(redact("nothing", Action::MaskDomain), Ok(None));
        let jane = encoded("d\u{e9}j\u{e0} jane@example.com");
        assert_eq!(redact(&jane, Action::MaskDomain), Ok(Some(encoded("d\u{e9}j\u{e0} jane@***"))));
        assert_eq!(redact(&encoded(" jane@example.com"), Action::MaskDomain), Ok(Some(encoded(" jane@***"))));
        let quoted = "{\"to\":\"jane@example.com\"}";
        assert_eq!(redact(quoted, Action::MaskDomain), Ok(Some("{\"to\":\"jane@***\"}".to_owned())));
        let replaced = redact("jane@example.com", Action::Replace("\u{e9}\n".into()));
        assert_eq!(replaced, Ok(Some("=?base64?w6kK?=".to_owned())));
        assert!(redact(&jane, Action::Block).is_err());
        // Not canonical: nobody reads it, and it is a text.
        let odd = redact("=?base64?jane@example.com?=", Action::Redact);
        assert_eq!(odd, Ok(Some(encoded("=?base64?[EMAIL]?="))));
        for value in ["=?base64?w6kK?=", " a", "a\n", "\u{e9}"] {
            assert!(written(value.as_bytes().to_vec()).starts_with(OPENS), "{value:?}");
        }
    }

    #[test]
    fn headers_are_known_by_name() {
        assert_eq!(mirrored("mcp-param-region", b"tools/call"), Some(Mirrored::Argument("region")));
        assert_eq!(mirrored("mcp-name", b"tools/call"), Some(Mirrored::Subject("name")));
        assert_eq!(mirrored("mcp-name", b"resources/read"), Some(Mirrored::Subject("uri")));
        assert_eq!(mirrored("mcp-method", b""), Some(Mirrored::Method));
        for other in ["mcp-session-id", "mcp-param-", "mcp-protocol-version", "x-mcp-param-a"] {
            assert_eq!(mirrored(other, b"tools/call"), None);
        }
    }

    #[test]
    fn identifiers_are_given_back_where_they_hold_nothing() {
        for (body, id) in [
            ("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a\"}", Some("7")),
            ("{\"params\":{\"id\":8},\"id\":\"a-7\"}", Some("\"a-7\"")),
            ("{\"id\":12345678}", Some("12345678")),
            ("{\"id\":123456789}", None),
            ("{\"id\":\"jane@example.com\"}", None),
            ("{\"id\":null}", None),
            ("{\"id\":1.5}", None),
            ("{\"id\":\"\"}", None),
            ("{\"method\":\"a\"}", None),
            ("[{\"id\":7}]", None),
            ("{\"id\":7", None),
            ("", None),
        ] {
            assert_eq!(request_id(body.as_bytes()).as_deref(), id, "{body}");
        }
        let long = |len: usize| format!("{{\"id\":\"{}\"}}", "a".repeat(len));
        assert!(request_id(long(LITERAL - 2).as_bytes()).is_some());
        assert!(request_id(long(LITERAL - 1).as_bytes()).is_none());
    }
}
