//! OTLP: the messages of `opentelemetry.proto.collector.{logs,trace,metrics}.v1`, of `profiles.v1development`, and what
//! they hold.
//!
//! Attributes, bodies, names, descriptions and status messages are scanned; ids pass; times, counts and enums are no
//! strings. Fields of older versions that senders still use are here too. An answer is read as an export's response
//! and as the `google.rpc.Status` that stands in its place where the status is an error: their fields do not collide.

use super::schema::{Kind, Message};
use crate::body::{Direction, Signal};

/// The message of a signal in a direction.
pub(super) fn message(signal: Signal, direction: Direction) -> &'static Message {
    match (direction, signal) {
        (Direction::Response, _) => &RESPONSE,
        (Direction::Request, Signal::Logs) => &LOGS,
        (Direction::Request, Signal::Traces) => &TRACES,
        (Direction::Request, Signal::Metrics) => &METRICS,
        (Direction::Request, Signal::Profiles) => &PROFILES,
    }
}

const TRACE_ID: Kind = Kind::Id(16);
const SPAN_ID: Kind = Kind::Id(8);

static ANY_VALUE: Message = Message {
    fields: &[
        (1, Kind::Text),
        (3, Kind::Integer(1)),
        (4, Kind::Double(1)),
        (5, Kind::Message(&ARRAY_VALUE)),
        (6, Kind::Message(&KEY_VALUE_LIST)),
        (7, Kind::Bytes),
    ],
};
static ARRAY_VALUE: Message = Message { fields: &[(1, Kind::Message(&ANY_VALUE))] };
static KEY_VALUE_LIST: Message = Message { fields: &[(1, Kind::Message(&KEY_VALUE))] };
static KEY_VALUE: Message = Message { fields: &[(1, Kind::Key), (2, Kind::Message(&ANY_VALUE))] };
/// A label as metrics had it before attributes.
static STRING_KEY_VALUE: Message = Message { fields: &[(1, Kind::Key), (2, Kind::Text)] };

static RESOURCE: Message = Message { fields: &[(1, Kind::Message(&KEY_VALUE)), (3, Kind::Message(&ENTITY_REF))] };
static ENTITY_REF: Message = Message { fields: &[(1, Kind::Text), (2, Kind::Text), (3, Kind::Text), (4, Kind::Text)] };
static SCOPE: Message = Message { fields: &[(1, Kind::Text), (2, Kind::Text), (3, Kind::Message(&KEY_VALUE))] };

static LOGS: Message = Message { fields: &[(1, Kind::Message(&RESOURCE_LOGS))] };
static RESOURCE_LOGS: Message =
    Message { fields: &[(1, Kind::Message(&RESOURCE)), (2, Kind::Message(&SCOPE_LOGS)), (3, Kind::Text)] };
static SCOPE_LOGS: Message =
    Message { fields: &[(1, Kind::Message(&SCOPE)), (2, Kind::Record(&LOG_RECORD)), (3, Kind::Text)] };
static LOG_RECORD: Message = Message {
    fields: &[
        (3, Kind::Text), // severity
        (4, Kind::Text), // name, until 0.16
        (5, Kind::Message(&ANY_VALUE)),
        (6, Kind::Message(&KEY_VALUE)),
        (9, TRACE_ID),
        (10, SPAN_ID),
        (12, Kind::Text), // event name
    ],
};

static TRACES: Message = Message { fields: &[(1, Kind::Message(&RESOURCE_SPANS))] };
static RESOURCE_SPANS: Message =
    Message { fields: &[(1, Kind::Message(&RESOURCE)), (2, Kind::Message(&SCOPE_SPANS)), (3, Kind::Text)] };
static SCOPE_SPANS: Message =
    Message { fields: &[(1, Kind::Message(&SCOPE)), (2, Kind::Record(&SPAN)), (3, Kind::Text)] };
static SPAN: Message = Message {
    fields: &[
        (1, TRACE_ID),
        (2, SPAN_ID),
        (3, Kind::Text), // trace state
        (4, SPAN_ID),
        (5, Kind::Text), // name
        (9, Kind::Message(&KEY_VALUE)),
        (11, Kind::Message(&EVENT)),
        (13, Kind::Message(&LINK)),
        (15, Kind::Message(&STATUS)),
    ],
};
static EVENT: Message = Message { fields: &[(2, Kind::Text), (3, Kind::Message(&KEY_VALUE))] };
static LINK: Message =
    Message { fields: &[(1, TRACE_ID), (2, SPAN_ID), (3, Kind::Text), (4, Kind::Message(&KEY_VALUE))] };
static STATUS: Message = Message { fields: &[(2, Kind::Text)] };

static METRICS: Message = Message { fields: &[(1, Kind::Message(&RESOURCE_METRICS))] };
static RESOURCE_METRICS: Message =
    Message { fields: &[(1, Kind::Message(&RESOURCE)), (2, Kind::Message(&SCOPE_METRICS)), (3, Kind::Text)] };
static SCOPE_METRICS: Message =
    Message { fields: &[(1, Kind::Message(&SCOPE)), (2, Kind::Message(&METRIC)), (3, Kind::Text)] };
static METRIC: Message = Message {
    fields: &[
        (1, Kind::Text), // name
        (2, Kind::Text), // description
        (3, Kind::Text), // unit
        (5, Kind::Message(&NUMBERS)),
        (7, Kind::Message(&NUMBERS)),
        (9, Kind::Message(&HISTOGRAM)),
        (10, Kind::Message(&EXPONENTIAL_HISTOGRAM)),
        (11, Kind::Message(&SUMMARY)),
        (12, Kind::Message(&KEY_VALUE)), // metadata
    ],
};
/// A gauge or a sum.
static NUMBERS: Message = Message { fields: &[(1, Kind::Record(&NUMBER_POINT))] };
static NUMBER_POINT: Message = Message {
    fields: &[(1, Kind::Message(&STRING_KEY_VALUE)), (5, Kind::Message(&EXEMPLAR)), (7, Kind::Message(&KEY_VALUE))],
};
static HISTOGRAM: Message = Message { fields: &[(1, Kind::Record(&HISTOGRAM_POINT))] };
static HISTOGRAM_POINT: Message = Message {
    fields: &[
        (1, Kind::Message(&STRING_KEY_VALUE)),
        (6, Kind::Numbers),
        (7, Kind::Numbers),
        (8, Kind::Message(&EXEMPLAR)),
        (9, Kind::Message(&KEY_VALUE)),
    ],
};
static EXPONENTIAL_HISTOGRAM: Message = Message { fields: &[(1, Kind::Record(&EXPONENTIAL_POINT))] };
static EXPONENTIAL_POINT: Message = Message {
    fields: &[
        (1, Kind::Message(&KEY_VALUE)),
        (8, Kind::Message(&BUCKETS)),
        (9, Kind::Message(&BUCKETS)),
        (11, Kind::Message(&EXEMPLAR)),
    ],
};
static BUCKETS: Message = Message { fields: &[(2, Kind::Numbers)] };
static SUMMARY: Message = Message { fields: &[(1, Kind::Record(&SUMMARY_POINT))] };
static SUMMARY_POINT: Message = Message {
    fields: &[(1, Kind::Message(&STRING_KEY_VALUE)), (6, Kind::Message(&QUANTILE)), (7, Kind::Message(&KEY_VALUE))],
};
/// Two doubles.
static QUANTILE: Message = Message { fields: &[] };
static EXEMPLAR: Message = Message { fields: &[(4, SPAN_ID), (5, TRACE_ID), (7, Kind::Message(&KEY_VALUE))] };

static PROFILES: Message =
    Message { fields: &[(1, Kind::Message(&RESOURCE_PROFILES)), (2, Kind::Message(&DICTIONARY))] };
static RESOURCE_PROFILES: Message =
    Message { fields: &[(1, Kind::Message(&RESOURCE)), (2, Kind::Message(&SCOPE_PROFILES)), (3, Kind::Text)] };
static SCOPE_PROFILES: Message =
    Message { fields: &[(1, Kind::Message(&SCOPE)), (2, Kind::Record(&PROFILE)), (3, Kind::Text)] };
/// What is counted, and by whom: the words for it are in the dictionary.
static PROFILE: Message = Message {
    fields: &[
        (1, Kind::Message(&STRING_INDEXES)),
        (2, Kind::Message(&SAMPLE)),
        (5, Kind::Message(&STRING_INDEXES)),
        (7, Kind::Id(16)),
        (9, Kind::Text),
        (10, Kind::Bytes), // the profile in another format
        (11, Kind::Numbers),
    ],
};
static STRING_INDEXES: Message = Message { fields: &[] };
static SAMPLE: Message = Message { fields: &[(2, Kind::Numbers), (4, Kind::Numbers), (5, Kind::Numbers)] };
/// What all profiles of a request share; its strings are of every kind.
static DICTIONARY: Message = Message {
    fields: &[
        (1, Kind::Message(&MAPPING)),
        (2, Kind::Message(&LOCATION)),
        (3, Kind::Message(&STRING_INDEXES)),
        (4, Kind::Message(&PROFILE_LINK)),
        (5, Kind::Text),
        (6, Kind::Message(&KEYED_BY_INDEX)),
        (7, Kind::Message(&STACK)),
    ],
};
static MAPPING: Message = Message { fields: &[(5, Kind::Numbers)] };
static LOCATION: Message = Message { fields: &[(3, Kind::Message(&STRING_INDEXES)), (4, Kind::Numbers)] };
static PROFILE_LINK: Message = Message { fields: &[(1, TRACE_ID), (2, SPAN_ID)] };
static KEYED_BY_INDEX: Message = Message { fields: &[(2, Kind::Message(&ANY_VALUE))] };
static STACK: Message = Message { fields: &[(1, Kind::Numbers)] };

/// `Export…ServiceResponse` has its partial success in field 1, where `google.rpc.Status` has a number.
static RESPONSE: Message =
    Message { fields: &[(1, Kind::Message(&PARTIAL_SUCCESS)), (2, Kind::Text), (3, Kind::Message(&ANY))] };
static PARTIAL_SUCCESS: Message = Message { fields: &[(2, Kind::Text)] };
/// `google.protobuf.Any`: a type's name, and a message that is read by its looks.
static ANY: Message = Message { fields: &[(1, Kind::Text)] };
