//! Protobuf beside `prost`: OTLP's logs, traces and metrics, and what Loki is pushed, as their `.proto` files have them.

use std::fmt::Debug;

use blackbar::body::{BodyInspector, BodySpec, Dialect, Direction, Signal};
use prost::{Message, Oneof};

use super::super::fixtures::spec;
use super::{Choices, FILLERS, Side, run};

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6, 7")]
    value: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Kind {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Flag(bool),
    #[prost(int64, tag = "3")]
    Whole(i64),
    #[prost(double, tag = "4")]
    Real(f64),
    #[prost(message, tag = "5")]
    Array(Array),
    #[prost(message, tag = "6")]
    Pairs(Pairs),
    #[prost(bytes = "vec", tag = "7")]
    Bytes(Vec<u8>),
}

#[derive(Clone, PartialEq, Message)]
struct Array {
    #[prost(message, repeated, tag = "1")]
    values: Vec<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct Pairs {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<Attribute>,
    #[prost(uint32, tag = "2")]
    dropped_attributes_count: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
    #[prost(message, repeated, tag = "3")]
    attributes: Vec<Attribute>,
}

/// What is exported: the same around records of any signal.
#[derive(Clone, PartialEq, Message)]
struct Export<R: Message + Default + Debug> {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<OfResource<R>>,
}

#[derive(Clone, PartialEq, Message)]
struct OfResource<R: Message + Default + Debug> {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<OfScope<R>>,
    #[prost(string, tag = "3")]
    schema_url: String,
}

#[derive(Clone, PartialEq, Message)]
struct OfScope<R: Message + Default + Debug> {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    records: Vec<R>,
    #[prost(string, tag = "3")]
    schema_url: String,
}

#[derive(Clone, PartialEq, Message)]
struct LogRecord {
    #[prost(fixed64, tag = "1")]
    time: u64,
    #[prost(int32, tag = "2")]
    severity_number: i32,
    #[prost(string, tag = "3")]
    severity_text: String,
    #[prost(message, optional, tag = "5")]
    body: Option<AnyValue>,
    #[prost(message, repeated, tag = "6")]
    attributes: Vec<Attribute>,
    #[prost(fixed32, tag = "8")]
    flags: u32,
    #[prost(bytes = "vec", tag = "9")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    span_id: Vec<u8>,
    #[prost(string, tag = "12")]
    event_name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    trace_state: String,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<Attribute>,
    #[prost(message, repeated, tag = "11")]
    events: Vec<Event>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
}

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(fixed64, tag = "1")]
    time: u64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "3")]
    attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    description: String,
    #[prost(string, tag = "3")]
    unit: String,
    #[prost(message, optional, tag = "5")]
    gauge: Option<Gauge>,
}

#[derive(Clone, PartialEq, Message)]
struct Gauge {
    #[prost(message, repeated, tag = "1")]
    points: Vec<Point>,
}

#[derive(Clone, PartialEq, Message)]
struct Point {
    #[prost(fixed64, tag = "3")]
    time: u64,
    #[prost(double, tag = "4")]
    value: f64,
    #[prost(message, repeated, tag = "7")]
    attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct Push {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<Stream>,
}

#[derive(Clone, PartialEq, Message)]
struct Stream {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<Entry>,
    #[prost(uint64, tag = "3")]
    hash: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<Timestamp>,
    #[prost(string, tag = "2")]
    line: String,
    #[prost(message, repeated, tag = "3")]
    structured_metadata: Vec<Label>,
}

#[derive(Clone, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

const TIME: u64 = 1_700_000_000_000_000_000;

fn value(side: &mut Side, depth: usize) -> AnyValue {
    let kind = match side.below(if depth < 4 { 10 } else { 8 }) {
        0 => Kind::Flag(side.below(2) == 0),
        1 => Kind::Whole(side.below(1000) as i64 - 500),
        2 => Kind::Real(side.below(1000) as f64 / 8.0),
        3 => Kind::Bytes(vec![0xff, 0, side.below(256) as u8, 0xfe]),
        4 => Kind::Bytes(side.text(FILLERS).into_bytes()),
        8 => Kind::Array(Array { values: (0..side.below(4)).map(|_| value(side, depth + 1)).collect() }),
        9 => Kind::Pairs(Pairs { values: attributes(side, depth + 1) }),
        _ => Kind::Text(side.text(FILLERS)),
    };
    AnyValue { value: Some(kind) }
}

fn attributes(side: &mut Side, depth: usize) -> Vec<Attribute> {
    let attribute = |side: &mut Side| Attribute { key: side.text(FILLERS), value: Some(value(side, depth)) };
    (0..side.below(4)).map(|_| attribute(side)).collect()
}

fn id(side: &mut Side, length: usize) -> Vec<u8> {
    (0..length).map(|_| side.below(256) as u8).collect()
}

fn export<R: Message + Default + Debug>(side: &mut Side, record: fn(&mut Side) -> R) -> Export<R> {
    let resources = (0..1 + side.below(2)).map(|_| {
        let resource = Resource { attributes: attributes(side, 0), dropped_attributes_count: side.below(2) as u32 };
        let scopes = (0..1 + side.below(2)).map(|_| {
            let scope = Scope { name: side.text(FILLERS), version: "1.0".to_owned(), attributes: attributes(side, 0) };
            let records = (0..side.below(4)).map(|_| record(side)).collect();
            OfScope { scope: Some(scope), records, schema_url: String::new() }
        });
        let scopes = scopes.collect();
        OfResource { resource: Some(resource), scopes, schema_url: "https://acme.test/schema".to_owned() }
    });
    Export { resources: resources.collect() }
}

fn log(side: &mut Side) -> LogRecord {
    LogRecord {
        time: TIME,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: Some(value(side, 0)),
        attributes: attributes(side, 0),
        flags: side.below(2) as u32,
        trace_id: id(side, 16),
        span_id: id(side, 8),
        event_name: side.text(FILLERS),
    }
}

fn span(side: &mut Side) -> Span {
    let event = |side: &mut Side| Event { time: TIME, name: side.text(FILLERS), attributes: attributes(side, 0) };
    Span {
        trace_id: id(side, 16),
        span_id: id(side, 8),
        trace_state: "a=b".to_owned(),
        name: side.text(FILLERS),
        kind: 3,
        start: TIME,
        attributes: attributes(side, 0),
        events: (0..side.below(3)).map(|_| event(side)).collect(),
        status: Some(Status { message: side.text(FILLERS), code: 2 }),
    }
}

fn metric(side: &mut Side) -> Metric {
    let point = |side: &mut Side| Point { time: TIME, value: 1.5, attributes: attributes(side, 0) };
    let points = (0..side.below(3)).map(|_| point(side)).collect();
    Metric {
        name: "requests".to_owned(),
        description: side.text(FILLERS),
        unit: "1".to_owned(),
        gauge: Some(Gauge { points }),
    }
}

fn push(side: &mut Side) -> Push {
    let entry = |side: &mut Side| Entry {
        timestamp: Some(Timestamp { seconds: 1_700_000_000, nanos: side.below(1000) as i32 }),
        line: side.text(FILLERS),
        structured_metadata: (0..side.below(3))
            .map(|number| Label { name: format!("label_{number}"), value: side.text(FILLERS) })
            .collect(),
    };
    let stream = |side: &mut Side| Stream {
        labels: "{app=\"shop\", pod=\"shop-1\"}".to_owned(),
        entries: (0..1 + side.below(4)).map(|_| entry(side)).collect(),
        hash: 7,
    };
    Push { streams: (0..1 + side.below(3)).map(|_| stream(side)).collect() }
}

fn inspector(dialect: Dialect) -> BodyInspector {
    let spec = BodySpec { dialect, direction: Direction::Request, ..spec("application/x-protobuf") };
    BodyInspector::new(spec).unwrap()
}

fn signals<R: Message + Default + PartialEq + Debug>(seed: u8, signal: Signal, record: fn(&mut Side) -> R) {
    run(seed, 300, |choices: &mut Choices, plant| {
        let [given, wanted] = choices.both(plant, |side| export(side, record));
        let body = given.encode_to_vec();
        let out = choices.pushed(inspector(Dialect::Otlp(Some(signal))), &body);
        assert_eq!(Export::<R>::decode(out.as_slice()), Ok(wanted));
        assert!(plant || out == body);
    });
}

#[test]
fn logs() {
    signals(57, Signal::Logs, log);
}

#[test]
fn traces() {
    signals(58, Signal::Traces, span);
}

#[test]
fn metrics() {
    signals(59, Signal::Metrics, metric);
}

#[test]
fn pushes() {
    run(60, 300, |choices, plant| {
        let [given, wanted] = choices.both(plant, push);
        let body = snap::raw::Encoder::new().compress_vec(&given.encode_to_vec()).unwrap();
        let out = choices.pushed(inspector(Dialect::Loki), &body);
        let read = snap::raw::Decoder::new().decompress_vec(&out).unwrap();
        assert_eq!(Push::decode(read.as_slice()), Ok(wanted));
        assert!(plant || out == body);
    });
}
