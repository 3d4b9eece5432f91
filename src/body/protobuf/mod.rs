//! Bodies in protobuf: what enters are messages of a known type, what leaves are the same messages, redacted.
//!
//! The walk is on the wire's level: a message is never decoded and made anew, so that whatever a finding does not touch
//! leaves byte for byte, fields included that no table knows. Which type a body has is told by the dialect, which is
//! told by the path; without it a body in protobuf is refused like any other binary one. Kept: one field of the
//! outermost message, as its length stands before its content; at most [`BodyLimits::protobuf_message`].

mod grpc;
mod loki;
mod otlp;
mod partial;
mod schema;
mod snappy;
mod walk;
mod web;
mod wire;

use std::fmt;
use std::sync::Arc;

use self::grpc::GrpcBody;
use self::partial::Partial;
use self::schema::Message;
use self::snappy::SnappyBody;
use self::walk::Walk;
use self::web::TextFrames;
use self::wire::Fault;
use super::batch::{Addition, Plan, Rejected};
use super::text::TextBody;
use super::{
    BodyError, BodyErrorKind, BodyLimits, BodySpec, Dialect, Direction, Inspection, MediaType, Scopes, Transform,
};

/// What is around the messages of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Frame {
    /// Nothing: the body is one message.
    Bare,
    /// A prefix before each message.
    Grpc,
    /// The same, and trailers behind the last; in base64 where true.
    GrpcWeb(bool),
    /// One block of snappy around the one message.
    Snappy,
}

/// How a body is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) frame: Frame,
    message: &'static Message,
}

/// How a body of this type is read in a dialect; `None` where that is not known.
pub(super) fn reading(dialect: Dialect, direction: Direction, media_type: &MediaType) -> Option<Reading> {
    let frame = match dialect {
        Dialect::Otlp(_) if media_type.is_grpc() => media_type.grpc_web().map_or(Frame::Grpc, Frame::GrpcWeb),
        _ if !media_type.is_protobuf() => return None,
        Dialect::Otlp(_) => Frame::Bare,
        _ => Frame::Snappy,
    };
    let message = match (dialect, direction) {
        (Dialect::Otlp(signal), _) => otlp::message(signal?, direction),
        (Dialect::Loki, Direction::Request) => &loki::PUSH,
        (Dialect::RemoteWrite, Direction::Request) => &loki::WRITE,
        (Dialect::Loki | Dialect::RemoteWrite, Direction::Response) => return None,
        (
            Dialect::Plain
            | Dialect::OpenAi
            | Dialect::Anthropic
            | Dialect::Gemini
            | Dialect::Cohere
            | Dialect::Ollama
            | Dialect::Bedrock
            | Dialect::Mcp,
            _,
        ) => return None,
    };
    Some(Reading { frame, message })
}

/// A body whose messages are redacted, in whatever frame.
pub(super) enum Messages {
    Bare(Box<ProtobufBody>),
    Grpc(Box<GrpcBody>),
    GrpcText(Box<TextFrames>),
    Snappy(Box<SnappyBody>),
}

impl Messages {
    /// The codings are those of compressed messages in gRPC.
    pub(super) fn new(reading: Reading, spec: &BodySpec, batch: Option<&(Plan, Arc<Scopes>)>) -> Self {
        let (codings, limits) = (&spec.codings, &spec.limits);
        let (scopes, plan) = match batch {
            Some((plan, scopes)) => (scopes, Some(plan.clone())),
            None => (&spec.scopes, None),
        };
        let walk = Walk::new(reading.message, scopes, limits).in_records(plan);
        let partial = match spec.edits.told.as_ref().map(|told| &told.addition) {
            Some(Addition::Rejected(rejected)) => Some(Partial::new(*rejected)),
            _ => None,
        };
        match reading.frame {
            Frame::Bare => Self::Bare(Box::new(ProtobufBody::new(walk, limits, partial))),
            Frame::Grpc => Self::Grpc(Box::new(GrpcBody::new(walk, codings, limits, partial))),
            Frame::GrpcWeb(text) => {
                let frames = GrpcBody::new(walk, codings, limits, partial).for_web(TextBody::announced(&spec.scopes));
                if text { Self::GrpcText(Box::new(TextFrames::new(frames))) } else { Self::Grpc(Box::new(frames)) }
            }
            Frame::Snappy => Self::Snappy(Box::new(SnappyBody::new(walk, limits))),
        }
    }

    pub(super) fn transform(&mut self) -> &mut dyn Transform {
        match self {
            Self::Bare(body) => body.as_mut(),
            Self::Grpc(body) => body.as_mut(),
            Self::GrpcText(body) => body.as_mut(),
            Self::Snappy(body) => body.as_mut(),
        }
    }

    /// Bytes held back now.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Bare(body) => body.held.len(),
            Self::Grpc(body) => body.held(),
            Self::GrpcText(body) => body.held(),
            Self::Snappy(body) => body.held(),
        }
    }

    /// What has not left, where the rest of the body is to pass as it is.
    pub(super) fn into_held(self) -> Vec<u8> {
        match self {
            Self::Bare(body) => body.held,
            Self::Grpc(body) => body.into_held(),
            Self::GrpcText(body) => body.into_held(),
            Self::Snappy(body) => body.into_held(),
        }
    }
}

/// Writes an answer of OTLP that says no more than how many records were rejected.
pub(super) fn put_rejected(rejected: Rejected, out: &mut Vec<u8>) {
    Partial::new(rejected).write(out);
}

/// Redacts a body that is one message.
pub(super) struct ProtobufBody {
    walk: Walk,
    /// The beginning of a field.
    held: Vec<u8>,
    /// How many bytes of it there must be before it is looked at again.
    wanted: usize,
    limit: usize,
    /// What an answer is to say besides.
    partial: Option<Partial>,
}

impl ProtobufBody {
    fn new(walk: Walk, limits: &BodyLimits, partial: Option<Partial>) -> Self {
        Self { walk, held: Vec::new(), wanted: 1, limit: limits.protobuf_message, partial }
    }

    /// Takes the fields that `held` begins with; gives how many bytes they are.
    fn fields(
        &mut self,
        held: &[u8],
        done: &mut usize,
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        self.wanted = 1;
        loop {
            let rest = held.get(*done..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(());
            }
            match wire::field(rest) {
                Ok(field) if field.whole.len() <= self.limit => {
                    if let Some(partial) = &mut self.partial {
                        partial.see(&field);
                    }
                    let begin = out.len();
                    if let Err(fault) = self.walk.top(&field, out, seen) {
                        out.truncate(begin);
                        return Err(fault);
                    }
                    *done += field.whole.len();
                }
                Err(Fault::Short { length }) if length <= self.limit => {
                    self.wanted = length;
                    return Ok(());
                }
                // Looked at again when there is twice as much of it, so that small chunks cost no more than large ones.
                Err(Fault::Open) if rest.len() <= self.limit => {
                    self.wanted = (rest.len() * 2).min(self.limit + 1);
                    return Ok(());
                }
                Ok(_) | Err(Fault::Short { .. } | Fault::Open) => return Err(BodyErrorKind::TooLarge.into()),
                Err(Fault::Malformed) => return Err(BodyErrorKind::ProtobufSyntax.into()),
            }
        }
    }

    fn take(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let mut held = std::mem::take(&mut self.held);
        let mut done = 0;
        let taken = self.fields(&held, &mut done, out, seen);
        held.drain(..done);
        self.held = held;
        taken
    }
}

impl Transform for ProtobufBody {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.held.extend_from_slice(input);
        seen.held_peak = seen.held_peak.max(self.held.len());
        if self.held.len() < self.wanted { Ok(()) } else { self.take(out, seen) }
    }

    fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.take(out, seen)?;
        if !self.held.is_empty() {
            return Err(BodyErrorKind::Truncated.into());
        }
        if let Some(partial) = self.partial.take() {
            partial.write(out);
        }
        Ok(())
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Messages({} bytes held)", self.held())
    }
}
