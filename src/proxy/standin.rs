//! What other rooms will bring; thin forms of it until they do.
#![allow(
    dead_code,
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "leaves with the rooms' arrival"
)]

use std::sync::Arc;

use crate::body::{BodyError, BodyErrorKind, BodyLimits, Dialect, Direction, Inspection, Scopes};
use crate::engine::{Output, StreamRedactor};
use crate::policy::{NoWorkspace, PeerIdentity, Policy, SanPattern};

#[derive(Clone, Debug)]
pub(crate) struct MediaType(String);

impl MediaType {
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        std::str::from_utf8(value).ok().map(|value| Self(value.to_ascii_lowercase()))
    }

    pub(crate) fn is_event_stream(&self) -> bool {
        self.0.starts_with("text/event-stream")
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ContentCoding {
    Gzip,
}

pub(crate) fn parse_content_encoding<'a>(
    values: impl Iterator<Item = &'a [u8]>,
    _: usize,
) -> Result<Vec<ContentCoding>, BodyError> {
    let mut codings = Vec::new();
    for name in values.flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii) {
        if !name.is_empty() && name != b"identity" {
            codings.push(ContentCoding::Gzip);
            return Err(BodyErrorKind::CodingUnsupported.into());
        }
    }
    Ok(codings)
}

pub(crate) struct BodySpec {
    pub(crate) media_type: Option<MediaType>,
    pub(crate) codings: Vec<ContentCoding>,
    pub(crate) dialect: Dialect,
    pub(crate) direction: Direction,
    pub(crate) scopes: Arc<Scopes>,
    pub(crate) limits: BodyLimits,
    pub(crate) on_fault_pass: bool,
}

pub(crate) struct BodyInspector {
    redactor: Option<StreamRedactor>,
    scopes: Option<Arc<Scopes>>,
    reason: &'static str,
    seen: Inspection,
}

impl BodyInspector {
    pub(crate) fn new(spec: BodySpec) -> Result<Self, BodyError> {
        let redactor = StreamRedactor::new(spec.scopes.rules.clone(), spec.scopes.actions.clone());
        Ok(Self { redactor: Some(redactor), scopes: Some(spec.scopes), reason: "", seen: Inspection::default() })
    }

    pub(crate) fn pass(reason: &'static str) -> Self {
        Self { redactor: None, scopes: None, reason, seen: Inspection::default() }
    }

    pub(crate) fn push_some(&mut self, input: &mut &[u8], out: &mut Vec<u8>, _: usize) -> Result<bool, BodyError> {
        let input = std::mem::take(input);
        self.seen.bytes_in += input.len() as u64;
        let Some(redactor) = &mut self.redactor else {
            self.seen.exempt(self.reason, input.len() as u64);
            self.seen.bytes_out += input.len() as u64;
            out.extend_from_slice(input);
            return Ok(true);
        };
        self.seen.scanned += input.len() as u64;
        let mut output = Output::default();
        let pushed = redactor.push(input, &mut output);
        self.take(&output, out);
        pushed?;
        Ok(true)
    }

    pub(crate) fn flush(&mut self, _: &mut Vec<u8>) -> Result<(), BodyError> {
        Ok(())
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        let Some(redactor) = &mut self.redactor else { return Ok(()) };
        let mut output = Output::default();
        let finished = redactor.finish(&mut output);
        self.take(&output, out);
        Ok(finished?)
    }

    pub(crate) fn interject(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        out.extend_from_slice(text);
        Ok(())
    }

    pub(crate) fn into_inspection(self) -> Inspection {
        self.seen
    }

    fn take(&mut self, output: &Output, out: &mut Vec<u8>) {
        out.extend_from_slice(&output.bytes);
        self.seen.bytes_out += output.bytes.len() as u64;
        if let Some(scopes) = &self.scopes {
            self.seen.record(&output.findings, &scopes.actions);
        }
    }
}

pub(crate) fn error_event(_: Dialect, code: &str, message: &str) -> Vec<u8> {
    format!("event: error\ndata: {{\"error\":{{\"code\":\"{code}\",\"message\":\"{message}\"}}}}\n\n").into_bytes()
}

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

pub(crate) fn dialect_of(path: &str) -> Dialect {
    if path.ends_with("/chat/completions") {
        Dialect::OpenAi
    } else if path.ends_with("/messages") {
        Dialect::Anthropic
    } else {
        Dialect::Plain
    }
}
