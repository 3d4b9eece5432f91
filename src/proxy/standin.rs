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

pub(crate) struct BodySpec {
    pub(crate) media_type: Option<MediaType>,
    pub(crate) codings: Vec<String>,
    pub(crate) dialect: Dialect,
    pub(crate) direction: Direction,
    pub(crate) scopes: Arc<Scopes>,
    pub(crate) limits: BodyLimits,
    pub(crate) on_fault_pass: bool,
}

pub(crate) struct BodyInspector {
    redactor: StreamRedactor,
    scopes: Arc<Scopes>,
    seen: Inspection,
}

impl BodyInspector {
    pub(crate) fn new(spec: BodySpec) -> Result<Self, BodyError> {
        if !spec.codings.is_empty() {
            return Err(BodyErrorKind::CodingUnsupported.into());
        }
        let redactor = StreamRedactor::new(spec.scopes.rules.clone(), spec.scopes.actions.clone());
        Ok(Self { redactor, scopes: spec.scopes, seen: Inspection::default() })
    }

    pub(crate) fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        let mut output = Output::default();
        self.seen.bytes_in += input.len() as u64;
        self.seen.scanned += input.len() as u64;
        self.redactor.push(input, &mut output)?;
        self.take(&output, out);
        Ok(())
    }

    pub(crate) fn flush(&mut self, _: &mut Vec<u8>) -> Result<(), BodyError> {
        Ok(())
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        let mut output = Output::default();
        self.redactor.finish(&mut output)?;
        self.take(&output, out);
        Ok(())
    }

    pub(crate) fn into_inspection(self) -> Inspection {
        self.seen
    }

    fn take(&mut self, output: &Output, out: &mut Vec<u8>) {
        out.extend_from_slice(&output.bytes);
        self.seen.bytes_out += output.bytes.len() as u64;
        self.seen.record(&output.findings, &self.scopes.actions);
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
