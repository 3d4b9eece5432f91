//! Bodies in protobuf: OTLP, gRPC, Loki, Prometheus remote write.

mod framed;
mod otlp;
mod random;
mod refused;
mod unknown;
mod wire;

use blackbar::body::{BodyErrorKind, BodyInspector, BodySpec, ContentCoding, Dialect, Direction, Inspection, Signal};

use super::fixtures::{self, PLANTED};

pub(crate) const LOGS: Dialect = Dialect::Otlp(Some(Signal::Logs));
pub(crate) const TRACES: Dialect = Dialect::Otlp(Some(Signal::Traces));
pub(crate) const METRICS: Dialect = Dialect::Otlp(Some(Signal::Metrics));

pub(crate) const PROTOBUF: &str = "application/x-protobuf";

pub(crate) fn spec(kind: &str, dialect: Dialect) -> BodySpec {
    BodySpec { dialect, direction: Direction::Request, ..fixtures::spec(kind) }
}

/// What leaves, how it ended, and what was seen.
pub(crate) fn run<'a>(
    spec: BodySpec,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Option<BodyErrorKind>, Inspection) {
    let mut out = Vec::new();
    let mut inspector = match BodyInspector::new(spec) {
        Ok(inspector) => inspector,
        Err(fault) => return (out, Some(fault.kind), Inspection::default()),
    };
    let pushed = pieces.into_iter().try_for_each(|piece| inspector.push(piece, &mut out));
    let ended = pushed.and_then(|()| inspector.finish(&mut out));
    (out, ended.err().map(|fault| fault.kind), inspector.into_inspection())
}

/// What leaves of a body that may pass.
pub(crate) fn redacted(spec: BodySpec, body: &[u8]) -> Vec<u8> {
    let (out, fault, seen) = run(spec, [body]);
    assert_eq!(fault, None);
    assert_eq!((seen.bytes_in, seen.bytes_out), (body.len() as u64, out.len() as u64));
    out
}

/// Whether any of the planted values shows.
pub(crate) fn shows(bytes: &[u8]) -> bool {
    PLANTED.iter().any(|value| bytes.windows(value.len()).any(|window| window == value.as_bytes()))
}

pub(crate) fn gzipped(spec: BodySpec) -> BodySpec {
    BodySpec { codings: vec![ContentCoding::Gzip], ..spec }
}
