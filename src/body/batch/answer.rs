//! What a sink's answer tells of the records that never reached it.
//!
//! Enters: the sink, the tally of the batch, and what the request asked of the answer. Leaves: items for the places that
//! are missing, counts to add, or a whole answer where nothing was left to send. Sinks that take or refuse a batch as one
//! are told nothing: an error there makes their senders send the same batch for ever.

use std::collections::HashMap;
use std::fmt;

use super::{Gone, Sink, Tally};
use crate::body::Signal;
use crate::body::json::escape;

const REASON: &str = "The content was blocked by a redaction policy.";

/// What of a request counts for its answer.
#[derive(Clone, Default)]
pub struct Asked {
    /// The index that `_bulk`'s path names.
    pub index: Option<String>,
    /// The value of the query's `filter_path`, decoded.
    pub filter: Option<String>,
}

/// What is added to an answer.
pub struct Told {
    pub(in crate::body) addition: Addition,
}

/// The kinds of [`Told`].
pub(in crate::body) enum Addition {
    /// Elements of an array that is a member of the outermost object.
    Items(Items),
    /// Texts of a sequence, by place.
    Texts(Vec<(u64, Vec<u8>)>),
    /// A number of rejected records.
    Rejected(Rejected),
}

/// Elements of an array.
pub(in crate::body) struct Items {
    /// The member.
    pub(in crate::body) array: &'static str,
    /// The elements in order, each with its place; without one they come last.
    pub(in crate::body) items: Vec<(u64, Vec<u8>)>,
    /// Whether the array is made where it is missing.
    pub(in crate::body) made: bool,
    /// The member that says whether there are errors.
    pub(in crate::body) flag: &'static str,
}

/// A number of records, for OTLP's partial success.
#[derive(Clone, Copy)]
pub(in crate::body) struct Rejected {
    pub(in crate::body) count: u64,
    signal: Signal,
}

impl Rejected {
    /// The names of its count, as JSON and as protobuf have it; the first is written.
    pub(in crate::body) fn names(self) -> [&'static str; 2] {
        match self.signal {
            Signal::Logs => ["rejectedLogRecords", "rejected_log_records"],
            Signal::Traces => ["rejectedSpans", "rejected_spans"],
            Signal::Metrics => ["rejectedDataPoints", "rejected_data_points"],
            Signal::Profiles => ["rejectedProfiles", "rejected_profiles"],
        }
    }

    /// What is said beside the count.
    pub(in crate::body) fn message(self) -> &'static str {
        REASON
    }
}

impl Told {
    /// The answer that a sink meant whose answer has no body: protobuf writes an empty message so, and some write nothing
    /// in JSON either.
    #[must_use]
    pub fn by_itself(&self, is_json: bool) -> Option<Vec<u8>> {
        let Addition::Rejected(rejected) = &self.addition else { return None };
        if !is_json {
            let mut out = Vec::new();
            crate::body::protobuf::put_rejected(*rejected, &mut out);
            return Some(out);
        }
        let [name, _] = rejected.names();
        let (count, message) = (rejected.count, rejected.message());
        let text = format!("{{\"partialSuccess\":{{\"{name}\":\"{count}\",\"errorMessage\":\"{message}\"}}}}");
        Some(text.into_bytes())
    }
}

impl Sink {
    /// Whether this sink's answer says anything of single records.
    #[must_use]
    pub fn tells(self) -> bool {
        matches!(self, Self::Bulk | Self::KafkaV2 | Self::KafkaV3 | Self::Langfuse | Self::Otlp(_))
    }

    /// What this sink's answer must say of the records that were dropped, if it is an answer to what was left; nothing
    /// where its clients ask for no more than one answer for all.
    #[must_use]
    pub fn told(self, tally: &Tally, asked: &Asked) -> Option<Told> {
        let addition = match self {
            Self::Bulk => Addition::Items(bulk(tally, asked)?),
            Self::KafkaV2 => {
                let item = format!("{{\"partition\":null,\"offset\":null,\"error_code\":1,\"error\":\"{REASON}\"}}");
                let items = tally.places.iter().map(|gone| (gone.index, item.clone().into_bytes())).collect();
                Addition::Items(Items { array: "offsets", items, made: false, flag: "" })
            }
            Self::KafkaV3 => {
                let text = format!("{{\"error_code\":403,\"message\":\"{REASON}\"}}\n");
                Addition::Texts(tally.places.iter().map(|gone| (gone.index, text.clone().into_bytes())).collect())
            }
            Self::Langfuse => Addition::Items(langfuse(tally)),
            Self::Otlp(signal) => Addition::Rejected(Rejected { count: tally.dropped(), signal }),
            Self::HecEvent
            | Self::HecRaw
            | Self::Datadog
            | Self::Loki
            | Self::NewRelic
            | Self::Sumo
            | Self::Azure
            | Self::LangSmith
            | Self::Chronicle
            | Self::Unknown => return None,
        };
        Some(Told { addition })
    }

    /// Whether [`Sink::alone`] answers for this sink.
    #[must_use]
    pub fn answers_alone(self) -> bool {
        !matches!(self, Self::Otlp(_) | Self::Unknown)
    }

    /// The answer to a batch of which nothing is left, as status, media type and body: the sink takes no empty batch, or
    /// its refusal would be taken for one of the whole. Nothing where what is left is a batch like any other.
    #[must_use]
    pub fn alone(self, tally: &Tally, asked: &Asked, request_id: &str) -> Option<(u16, &'static str, Vec<u8>)> {
        const JSON: &str = "application/json";
        let list = |items: Vec<(u64, Vec<u8>)>| {
            items.into_iter().map(|(_, item)| item).collect::<Vec<_>>().join(&b','.to_owned())
        };
        Some(match self {
            Self::HecEvent | Self::HecRaw => (200, JSON, b"{\"text\":\"Success\",\"code\":0}".to_vec()),
            Self::LangSmith => (202, JSON, b"{}".to_vec()),
            Self::Chronicle => (200, JSON, b"{}".to_vec()),
            Self::Langfuse => {
                let errors = list(langfuse(tally).items);
                (207, JSON, [b"{\"successes\":[],\"errors\":[".as_slice(), &errors, b"]}"].concat())
            }
            Self::Datadog => (202, JSON, b"{}".to_vec()),
            Self::NewRelic => (202, JSON, format!("{{\"requestId\":\"{request_id}\"}}").into_bytes()),
            Self::Loki | Self::Azure => (204, "", Vec::new()),
            Self::Sumo => (200, "", Vec::new()),
            Self::Bulk => {
                let shown = |name: &str| is_shown(asked, &[name]);
                let mut members = Vec::new();
                if shown("took") {
                    members.push(b"\"took\":0".to_vec());
                }
                if shown("errors") {
                    members.push(b"\"errors\":true".to_vec());
                }
                if let Some(items) = bulk(tally, asked).filter(|items| !items.items.is_empty()) {
                    members.push([b"\"items\":[".as_slice(), &list(items.items), b"]"].concat());
                }
                (200, JSON, [b"{".as_slice(), &members.join(&b','), b"}"].concat())
            }
            Self::KafkaV2 | Self::KafkaV3 => match self.told(tally, asked)?.addition {
                Addition::Items(items) => {
                    let body = [b"{\"offsets\":[".as_slice(), &list(items.items), b"]}"].concat();
                    (200, "application/vnd.kafka.v2+json", body)
                }
                Addition::Texts(texts) => (200, JSON, texts.into_iter().flat_map(|(_, text)| text).collect()),
                Addition::Rejected(_) => return None,
            },
            Self::Otlp(_) | Self::Unknown => return None,
        })
    }
}

/// The items of `_bulk`'s answer. A status of 400 is final for every sender; with 403 some try again for ever.
fn bulk(tally: &Tally, asked: &Asked) -> Option<Items> {
    let mut items = Vec::with_capacity(tally.places.len());
    let mut whole = true;
    // What the filter says of each member, once for each kind of action.
    let mut told: HashMap<(&str, &str), bool> = HashMap::new();
    for gone in &tally.places {
        let name = gone.action.as_ref().and_then(|action| action.name).unwrap_or("index");
        let mut shown = |path: &[&'static str]| {
            let verdict = || is_shown(asked, &[&["items", name], path].concat());
            *told.entry((name, path.last().copied().unwrap_or_default())).or_insert_with(verdict)
        };
        // Where the filter hides what every item has, only those with errors are there, and none has a place.
        whole &= ["_index", "_id", "status", "result", "_version", "_seq_no"].iter().any(|member| shown(&[member]));
        let mut members = Vec::new();
        let action = gone.action.as_ref();
        let index = action.and_then(|action| action.index.as_deref()).or(asked.index.as_ref().map(String::as_bytes));
        for (member, text) in [("_index", index), ("_id", action.and_then(|action| action.id.as_deref()))] {
            if shown(&[member]) {
                members.push(format!("\"{member}\":{}", quoted(text)));
            }
        }
        if shown(&["status"]) {
            members.push("\"status\":400".to_owned());
        }
        let error: Vec<String> = [("type", "document_redaction_blocked_exception"), ("reason", REASON)]
            .into_iter()
            .filter(|(member, _)| shown(&["error", member]))
            .map(|(member, text)| format!("\"{member}\":\"{text}\""))
            .collect();
        if !error.is_empty() {
            members.push(format!("\"error\":{{{}}}", error.join(",")));
        }
        if !members.is_empty() {
            items.push((gone.index, format!("{{\"{name}\":{{{}}}}}", members.join(",")).into_bytes()));
        }
    }
    if !whole {
        items.iter_mut().for_each(|(place, _)| *place = u64::MAX);
    }
    Some(Items { array: "items", items, made: asked.filter.is_some(), flag: "errors" })
}

/// The errors of Langfuse's answer, each with the event's id. A status of 400 is final for its clients.
fn langfuse(tally: &Tally) -> Items {
    let item = |gone: &Gone| {
        let id = quoted(gone.action.as_ref().and_then(|action| action.id.as_deref()));
        format!("{{\"id\":{id},\"status\":400,\"message\":\"{REASON}\",\"error\":\"InvalidRequestError\"}}")
    };
    let items = tally.places.iter().map(|gone| (u64::MAX, item(gone).into_bytes())).collect();
    Items { array: "errors", items, made: true, flag: "" }
}

fn quoted(text: Option<&[u8]>) -> String {
    let Some(text) = text else { return "null".to_owned() };
    let mut inside = Vec::with_capacity(text.len());
    escape(text, &mut inside);
    format!("\"{}\"", String::from_utf8_lossy(&inside))
}

/// Whether an answer shows the member at this path (arrays are no steps), by the request's `filter_path`: names with
/// `*` in them, `**` for any depth, and `-` before what is left out.
fn is_shown(asked: &Asked, path: &[&str]) -> bool {
    let Some(filter) = &asked.filter else { return true };
    let patterns = || filter.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
    let fits = |pattern: &str| leads_to(pattern, path);
    let mut shown = patterns().filter(|pattern| !pattern.starts_with('-')).peekable();
    let included = shown.peek().is_none() || shown.any(fits);
    included && !patterns().filter_map(|pattern| pattern.strip_prefix('-')).any(fits)
}

/// Whether a pattern names the member at this path, or one that it is in. Step by step all places of the path are kept
/// that the pattern can have come to, so that many `**` take no longer than other names.
fn leads_to(pattern: &str, path: &[&str]) -> bool {
    let mut reached = vec![false; path.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    for step in pattern.split('.') {
        if step == "**" {
            let mut any = false;
            reached.iter_mut().for_each(|place| {
                any |= *place;
                *place = any;
            });
            continue;
        }
        let fits = |(from, name): (&bool, &&str)| *from && is_like(step.as_bytes(), name.as_bytes());
        let next: Vec<bool> = std::iter::once(false).chain(reached.iter().zip(path).map(fits)).collect();
        reached = next;
        if !reached.contains(&true) {
            return false;
        }
    }
    true
}

/// Whether a name is like a pattern, in which `*` stands for any letters.
fn is_like(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut star, mut here) = (0, None, 0);
    while here < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, here));
                at += 1;
            }
            Some(byte) if name.get(here) == Some(byte) => {
                at += 1;
                here += 1;
            }
            _ => match star {
                Some((place, from)) => {
                    star = Some((place, from + 1));
                    at = place + 1;
                    here = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.addition {
            Addition::Items(items) => write!(f, "Told({} items)", items.items.len()),
            Addition::Texts(texts) => write!(f, "Told({} texts)", texts.len()),
            Addition::Rejected(rejected) => write!(f, "Told({} rejected)", rejected.count),
        }
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asked(filter {})", self.filter.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::batch::Gone;

    #[test]
    fn filters_are_read_as_the_sink_reads_them() {
        let item = ["items", "index", "error", "type"];
        for (filter, path, shown) in [
            ("items", &item[..], true),
            ("items.*.error", &item, true),
            ("items.*.error.type", &item, true),
            ("items.index.error.t*e", &item, true),
            ("**.type", &item, true),
            ("took,errors", &item, false),
            ("items.create", &item, false),
            ("items.*.status", &item, false),
            ("-items.*.error.type", &item, false),
            ("items,-items.*.error", &item, false),
            ("-took", &item, true),
            ("e*s", &["errors"], true),
            ("errors", &["took"], false),
            (" errors , took", &["took"], true),
            ("", &["took"], true),
            ("*", &["took"], true),
            ("to*k*", &["took"], true),
            ("to*x", &["took"], false),
            ("**", &item, true),
            ("**.**.error.**.type", &item, true),
            ("**.error.**.x", &item, false),
        ] {
            let asked = Asked { index: None, filter: Some(filter.to_owned()) };
            assert_eq!(is_shown(&asked, path), shown, "{filter} {path:?}");
        }
        assert!(is_shown(&Asked::default(), &item));
    }

    /// A filter as long as a target may be: were every way through it tried, this would not end.
    #[test]
    fn a_filter_of_many_stars_takes_no_longer_than_its_length() {
        let asked = Asked { index: None, filter: Some("**.".repeat(2700) + "x") };
        assert!(!is_shown(&asked, &["items", "index", "error", "type"]));
    }

    #[test]
    fn debug_shows_no_names() {
        let asked = Asked { index: Some("secret".to_owned()), filter: Some("secret".to_owned()) };
        let gone = Gone { index: 3, action: None };
        assert!(!format!("{asked:?}{gone:?}").contains("secret"));
    }
}
