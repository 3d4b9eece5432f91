//! `[limits]` and `[timeouts]` in, numbers out. Every field has its key; a bound of 0 is an error.

use std::time::Duration;

use crate::body::BodyLimits;
use crate::policy::diagnostic::Report;
use crate::policy::files::{Fields, Value};
use crate::policy::{HeldMemory, Limits, Timeouts};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
/// The least that may be held back together: less than that one body may need.
const LEAST_HELD: u64 = 4 * MIB;

/// Reads `[limits]`; where replicas count together is given as it stands.
pub(super) fn limits<'a>(fields: &mut Fields<'a>, report: &mut Report) -> (Limits, BodyLimits, Option<Value<'a>>) {
    let (mut limits, mut body) = (Limits::default(), BodyLimits::default());
    let Some(mut table) = fields.value("limits").and_then(|value| value.table("[limits]", report)) else {
        return (limits, body, None);
    };
    let shared = table.value("shared");
    let most = u64::from(u32::MAX);
    let mut keys = Keys { table: &mut table, report };
    keys.count("connections", &mut limits.connections, most);
    keys.count("certificate_connections", &mut limits.certificate_connections, most);
    keys.count("requests", &mut limits.requests, most);
    keys.count("memory_percent", &mut limits.memory_percent, 100);
    keys.share("held_memory", &mut limits.held_memory);
    keys.count("requests_per_connection", &mut limits.requests_per_connection, most);
    keys.count("header_fields", &mut limits.header_fields, 10_000);
    keys.size("header_bytes", &mut limits.header_bytes, MIB);
    keys.size("target_bytes", &mut limits.target_bytes, 64 * KIB - 2);
    keys.size("trailer_bytes", &mut limits.trailer_bytes, MIB);
    keys.count("body_rate", &mut limits.body_rate, most);
    keys.count("h2_streams", &mut limits.h2_streams, 65_536);
    keys.size("decision_buffer", &mut limits.decision_buffer, 64 * MIB);
    keys.count("tokens", &mut limits.tokens, 1_000_000);
    keys.size("token_bytes", &mut limits.token_bytes, 64 * MIB);
    keys.count("coding_layers", &mut body.coding_layers, 8);
    keys.count("expansion_ratio", &mut body.expansion_ratio, 100_000);
    keys.size("expansion_free", &mut body.expansion_free, most);
    keys.size("zstd_window", &mut body.zstd_window, 128 * MIB);
    keys.count("json_depth", &mut body.json_depth, 4096);
    keys.size("sse_event", &mut body.sse_event, 64 * MIB);
    keys.size("json_hold", &mut body.json_hold, 64 * MIB);
    keys.count("logical_texts", &mut body.logical_texts, 65_536);
    keys.count("multipart_depth", &mut body.multipart_depth, 16);
    keys.count("multipart_parts", &mut body.multipart_parts, 65_536);
    keys.size("multipart_head", &mut body.multipart_head, MIB);
    keys.size("protobuf_message", &mut body.protobuf_message, 256 * MIB);
    keys.count("protobuf_depth", &mut body.protobuf_depth, 256);
    keys.size("record", &mut body.record, 64 * MIB);
    keys.size("tool_calls", &mut body.tool_calls, 64 * MIB);
    keys.count("dropped_records", &mut body.dropped_records, 1_000_000);
    keys.size("syslog_message", &mut body.syslog_message, 64 * MIB);
    table.finish(report);
    (limits, body, shared)
}

/// Reads `[timeouts]`.
pub(super) fn timeouts(fields: &mut Fields<'_>, report: &mut Report) -> Timeouts {
    let mut timeouts = Timeouts::default();
    let Some(mut table) = fields.value("timeouts").and_then(|value| value.table("[timeouts]", report)) else {
        return timeouts;
    };
    let mut keys = Keys { table: &mut table, report };
    keys.duration("handshake", &mut timeouts.handshake);
    keys.duration("header", &mut timeouts.header);
    keys.duration("body_idle", &mut timeouts.body_idle);
    keys.duration("client_stall", &mut timeouts.client_stall);
    keys.duration("keep_alive", &mut timeouts.keep_alive);
    keys.duration("connect", &mut timeouts.connect);
    keys.duration("first_byte", &mut timeouts.first_byte);
    keys.duration("upstream_idle", &mut timeouts.upstream_idle);
    keys.duration("total", &mut timeouts.total);
    keys.duration("syslog_idle", &mut timeouts.syslog_idle);
    keys.duration("recheck", &mut timeouts.recheck);
    keys.duration("drain", &mut timeouts.drain);
    table.finish(report);
    timeouts
}

struct Keys<'k, 'a> {
    table: &'k mut Fields<'a>,
    report: &'k mut Report,
}

impl Keys<'_, '_> {
    fn count<T: TryFrom<u64>>(&mut self, key: &'static str, target: &mut T, max: u64) {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let number = self.table.value(key).and_then(|value| value.integer(1..=max, self.report));
        set(number.and_then(|number| u64::try_from(number).ok()), target);
    }

    fn size<T: TryFrom<u64>>(&mut self, key: &'static str, target: &mut T, max: u64) {
        set(self.table.value(key).and_then(|value| value.size(max, self.report)), target);
    }

    /// A size, or per cent of the memory.
    fn share(&mut self, key: &'static str, target: &mut HeldMemory) {
        let Some(value) = self.table.value(key) else { return };
        let percent = value.as_text().and_then(|text| text.strip_suffix('%'));
        let read = match percent {
            Some(number) => {
                let number = number.trim_end().parse().ok().filter(|number| (1..=100).contains(number));
                if number.is_none() {
                    let message = format!("`{key}` is out of range; 1% to 100% is allowed");
                    self.report.error(&value.place(), "out-of-range", message);
                }
                number.map(HeldMemory::Percent)
            }
            None => value.size(u64::MAX >> 1, self.report).and_then(|bytes| {
                if bytes < LEAST_HELD {
                    let message = format!("`{key}` is out of range; 4MiB or more is allowed");
                    self.report.error(&value.place(), "out-of-range", message);
                    return None;
                }
                Some(HeldMemory::Bytes(bytes))
            }),
        };
        if let Some(read) = read {
            *target = read;
        }
    }

    fn duration(&mut self, key: &'static str, target: &mut Duration) {
        if let Some(duration) = self.table.value(key).and_then(|value| value.duration(self.report)) {
            *target = duration;
        }
    }
}

fn set<T: TryFrom<u64>>(number: Option<u64>, target: &mut T) {
    if let Some(number) = number.and_then(|number| T::try_from(number).ok()) {
        *target = number;
    }
}
