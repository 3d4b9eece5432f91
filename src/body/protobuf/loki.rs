//! What senders of logs and metrics push in snappy's block format: Loki's `PushRequest`, and the `WriteRequest` and
//! `Request` of Prometheus remote write, versions 1 and 2, whose fields do not collide.
//!
//! A stream and a series are what their labels say: a label that were changed would be another stream, and Loki's hash
//! of it wrong. So labels pass, counted; lines, structured metadata and help texts are scanned.

use super::schema::{Kind, Message};

const LABELS: Kind = Kind::Exempt("labels");

pub(super) static PUSH: Message = Message { fields: &[(1, Kind::Message(&STREAM))] };
static STREAM: Message = Message { fields: &[(1, LABELS), (2, Kind::Record(&ENTRY))] };
static ENTRY: Message = Message {
    fields: &[
        (1, Kind::Message(&TIMESTAMP)),
        (2, Kind::Text),
        (3, Kind::Message(&PAIR)), // structured metadata
        (4, Kind::Message(&PAIR)), // parsed
    ],
};
/// Two numbers.
static TIMESTAMP: Message = Message { fields: &[] };
static PAIR: Message = Message { fields: &[(1, Kind::Key), (2, Kind::Text)] };

pub(super) static WRITE: Message = Message {
    fields: &[
        (1, Kind::Message(&SERIES)),
        (3, Kind::Message(&METADATA)),
        (4, LABELS), // the table of version 2 that its labels and help texts point into
        (5, Kind::Message(&SERIES_BY_REFERENCE)),
    ],
};
static SERIES: Message = Message {
    fields: &[
        (1, Kind::Message(&LABEL)),
        (2, Kind::Message(&SAMPLE)),
        (3, Kind::Message(&LABELLED)),
        (4, Kind::Message(&NATIVE_HISTOGRAM)),
    ],
};
static LABEL: Message = Message { fields: &[(1, LABELS), (2, LABELS)] };
/// A double and a time.
static SAMPLE: Message = Message { fields: &[] };
static LABELLED: Message = Message { fields: &[(1, Kind::Message(&LABEL))] };
static METADATA: Message = Message { fields: &[(2, LABELS), (4, Kind::Text), (5, Kind::Text)] };
static SERIES_BY_REFERENCE: Message = Message {
    fields: &[
        (1, Kind::Numbers),
        (2, Kind::Message(&SAMPLE)),
        (3, Kind::Message(&NATIVE_HISTOGRAM)),
        (4, Kind::Message(&EXEMPLAR_BY_REFERENCE)),
        (5, Kind::Message(&SAMPLE)), // metadata: a type and two references
    ],
};
static EXEMPLAR_BY_REFERENCE: Message = Message { fields: &[(1, Kind::Numbers)] };
static NATIVE_HISTOGRAM: Message = Message {
    fields: &[
        (8, Kind::Message(&SAMPLE)), // spans of buckets: two numbers each
        (9, Kind::Numbers),
        (10, Kind::Numbers),
        (11, Kind::Message(&SAMPLE)),
        (12, Kind::Numbers),
        (13, Kind::Numbers),
        (16, Kind::Numbers),
    ],
};
