//! Findings in; text, JSON lines or SARIF 2.1.0 on stdout out. A value never comes this far.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::sync::Arc;

use serde_json::json;

use super::{Found, Style};
use crate::cli::Failure;
use crate::cli::input::Source;
use crate::engine::RuleSet;

/// Prints findings as they come.
#[derive(Debug)]
pub(super) struct Report {
    out: BufWriter<StdoutLock<'static>>,
    style: Style,
    rules: Arc<RuleSet>,
    /// The source's name, for people and as a URI reference.
    name: String,
    uri: String,
    findings: u64,
}

impl Report {
    /// A report of this style.
    pub(super) fn new(style: Style, rules: Arc<RuleSet>) -> Self {
        let out = BufWriter::new(io::stdout().lock());
        Self { out, style, rules, name: String::new(), uri: String::new(), findings: 0 }
    }

    /// How many findings were printed.
    pub(super) fn findings(&self) -> u64 {
        self.findings
    }

    /// What stands before all findings.
    pub(super) fn begin(&mut self) -> Result<(), Failure> {
        if self.style != Style::Sarif {
            return Ok(());
        }
        let rules: Vec<_> = self
            .rules
            .rules()
            .iter()
            .map(|rule| {
                let text = format!("{} found by {}", rule.entity, rule.id);
                json!({ "id": rule.id.as_str(), "shortDescription": { "text": text },
                        "defaultConfiguration": { "level": "warning" } })
            })
            .collect();
        let driver = json!({ "name": "blackbar", "semanticVersion": env!("CARGO_PKG_VERSION"), "rules": rules });
        // SARIF 2.1.0 section 3.13; the results are written one by one, so that a report may be of any length.
        let schema = "https://json.schemastore.org/sarif-2.1.0.json";
        let head = format!(
            "{{\"$schema\":\"{schema}\",\"version\":\"2.1.0\",\"runs\":[{{\"tool\":{{\"driver\":{driver}}},\
             \"columnKind\":\"unicodeCodePoints\",\"results\":["
        );
        self.write(&head)
    }

    /// The source of the findings that follow.
    pub(super) fn source(&mut self, source: &Source) {
        self.name = source.to_string();
        self.uri = uri_reference(&self.name);
    }

    /// Prints findings and empties the list.
    pub(super) fn print(&mut self, found: &mut Vec<Found>) -> Result<(), Failure> {
        for one in found.drain(..) {
            let line = self.line(&one);
            self.findings += 1;
            self.write(&line)?;
        }
        self.out.flush().map_err(|error| Failure::io("stdout", &error))
    }

    /// What stands after all findings.
    pub(super) fn end(&mut self) -> Result<(), Failure> {
        if self.style == Style::Sarif {
            self.write("]}]}\n")?;
        }
        self.out.flush().map_err(|error| Failure::io("stdout", &error))
    }

    fn line(&self, found: &Found) -> String {
        let (rule, entity) =
            self.rules.rules().get(found.rule).map_or(("?", "?"), |rule| (rule.id.as_str(), rule.entity.as_str()));
        let (line, column) = (found.place.line, found.place.column);
        match self.style {
            Style::Text => format!("{}:{line}:{column}: {rule} {entity} {}\n", self.name, found.action),
            Style::Json => {
                let object = json!({ "file": self.name, "line": line, "column": column, "rule": rule,
                                     "entity": entity, "action": found.action });
                format!("{object}\n")
            }
            Style::Sarif => {
                let region = json!({ "startLine": line, "startColumn": found.place.character });
                let place = json!({ "artifactLocation": { "uri": self.uri }, "region": region });
                let text = format!("{entity} found by {rule}; action {}", found.action);
                let result = json!({ "ruleId": rule, "ruleIndex": found.rule, "level": "warning",
                                     "message": { "text": text }, "locations": [{ "physicalLocation": place }],
                                     "properties": { "action": found.action, "byteColumn": column } });
                format!("{}{result}", if self.findings > 0 { "," } else { "" })
            }
        }
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        self.out.write_all(text.as_bytes()).map_err(|error| Failure::io("stdout", &error))
    }
}

/// A path as a URI reference (RFC 3986): absolute with its scheme, relative as it is; what a path may not hold, escaped.
fn uri_reference(path: &str) -> String {
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            b'\\' if cfg!(windows) => uri.push('/'),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uri_references() {
        assert_eq!(uri_reference("logs/a b.log"), "logs/a%20b.log");
        assert_eq!(uri_reference("/var/log/é.log"), "file:///var/log/%C3%A9.log");
        assert_eq!(uri_reference("a:b"), "a%3Ab");
    }
}
