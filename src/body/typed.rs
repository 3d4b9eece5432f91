//! Rows of what is no text because of its form: OTLP's numbers and ids, and identifiers that models' providers make.

use super::dialect::{Row, Special};
use super::json::Brief;

/// OTLP in JSON, with either of two names for a member: an attribute's number may become its string; what a reader has as a
/// number is one, as the numbers of data points are, and ids are hexadecimal, other than proto-JSON has them.
pub(super) const OTLP: &[Row] = &[
    ("$..intValue", Special::Renamed("stringValue")),
    ("$..int_value", Special::Renamed("string_value")),
    ("$..doubleValue", Special::Renamed("stringValue")),
    ("$..double_value", Special::Renamed("string_value")),
    ("$..traceId", TRACE_ID),
    ("$..trace_id", TRACE_ID),
    ("$..profileId", TRACE_ID),
    ("$..profile_id", TRACE_ID),
    ("$..spanId", SPAN_ID),
    ("$..span_id", SPAN_ID),
    ("$..parentSpanId", SPAN_ID),
    ("$..parent_span_id", SPAN_ID),
    ("$..timeUnixNano", Special::Numbers),
    ("$..time_unix_nano", Special::Numbers),
    ("$..startTimeUnixNano", Special::Numbers),
    ("$..start_time_unix_nano", Special::Numbers),
    ("$..endTimeUnixNano", Special::Numbers),
    ("$..end_time_unix_nano", Special::Numbers),
    ("$..observedTimeUnixNano", Special::Numbers),
    ("$..observed_time_unix_nano", Special::Numbers),
    ("$..timestampsUnixNano", Special::Numbers),
    ("$..timestamps_unix_nano", Special::Numbers),
    ("$..durationNano", Special::Numbers),
    ("$..duration_nano", Special::Numbers),
    ("$..asInt", Special::Numbers),
    ("$..as_int", Special::Numbers),
    ("$..asDouble", Special::Numbers),
    ("$..as_double", Special::Numbers),
    ("$..bucketCounts", Special::Numbers),
    ("$..bucket_counts", Special::Numbers),
    ("$..explicitBounds", Special::Numbers),
    ("$..explicit_bounds", Special::Numbers),
    ("$..zeroCount", Special::Numbers),
    ("$..zero_count", Special::Numbers),
    ("$..zeroThreshold", Special::Numbers),
    ("$..zero_threshold", Special::Numbers),
    ("$..dataPoints[*].count", Special::Numbers),
    ("$..data_points[*].count", Special::Numbers),
    ("$..dataPoints[*].sum", Special::Numbers),
    ("$..data_points[*].sum", Special::Numbers),
    ("$..dataPoints[*].min", Special::Numbers),
    ("$..data_points[*].min", Special::Numbers),
    ("$..dataPoints[*].max", Special::Numbers),
    ("$..data_points[*].max", Special::Numbers),
    ("$..quantileValues[*].quantile", Special::Numbers),
    ("$..quantile_values[*].quantile", Special::Numbers),
    ("$..quantileValues[*].value", Special::Numbers),
    ("$..quantile_values[*].value", Special::Numbers),
    ("$..samples[*].values", Special::Numbers),
    ("$..profiles[*].period", Special::Numbers),
    ("$..mappingTable[*].memoryStart", Special::Numbers),
    ("$..mappingTable[*].memoryLimit", Special::Numbers),
    ("$..mappingTable[*].fileOffset", Special::Numbers),
    ("$..locationTable[*].address", Special::Numbers),
    ("$..partialSuccess.rejectedLogRecords", Special::Numbers),
    ("$..partialSuccess.rejectedSpans", Special::Numbers),
    ("$..partialSuccess.rejectedDataPoints", Special::Numbers),
];

const TRACE_ID: Special = Special::Brief(Brief::Hex(32));
const SPAN_ID: Special = Special::Brief(Brief::Hex(16));

/// Identifiers as models' providers make them, which say what belongs together: both directions, of every provider, as
/// gateways hand them on.
pub(super) const IDS: &[Row] = &[
    ("$..id", ID),
    ("$..call_id", ID),
    ("$..item_id", ID),
    ("$..tool_call_id", ID),
    ("$..tool_use_id", ID),
    ("$..toolUseId", ID),
    ("$..response_id", ID),
    ("$..previous_response_id", ID),
];

const ID: Special = Special::Brief(PROVIDERS_ID);
const PROVIDERS_ID: Brief = Brief::Id(&[
    "call_",
    "resp_",
    "msg_",
    "fc_",
    "rs_",
    "ws_",
    "ctc_",
    "mcp_",
    "ig_",
    "ci_",
    "item_",
    "event_",
    "conv_",
    "chatcmpl-",
    "cmpl-",
    "gen-",
    "toolu_",
    "srvtoolu_",
    "tooluse_",
]);

/// Whether a member of this name in a model's protocol is an identifier of its provider's.
pub(super) fn is_id(key: &[u8], text: &[u8]) -> bool {
    let named = || IDS.iter().any(|(path, _)| path.as_bytes().strip_prefix(b"$..") == Some(key));
    PROVIDERS_ID.accepts(text) && named()
}
