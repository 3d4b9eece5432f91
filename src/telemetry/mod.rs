//! What the operator sees: the metric catalogue, the log set-up, the panic hook, and the one clock.
//!
//! Enters: names that the configuration fixed, counts and durations. Leaves: the text of `/metrics` and log lines on
//! stderr. Holds *Secrecy*: every label is a configured name or of a closed set, no log line carries text that came
//! over a connection, and a panic is reported by its place alone.

mod log;

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use self::log::{LINES_OUT, Sink};
use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

/// What a metric counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations in seconds.
    Seconds,
    /// Sizes in bytes.
    Bytes,
}

/// One entry of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Name, in base units.
    pub name: &'static str,
    /// What it counts.
    pub kind: MetricKind,
    /// Label names.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const fn metric(name: &'static str, kind: MetricKind, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind, labels, help }
}

/// Every metric that is exported, in the order of the README.
pub const CATALOGUE: &[Metric] = {
    use MetricKind::{Bytes, Counter, Gauge, Seconds};
    &[
        metric("blackbar_build_info", Gauge, &["version"], "1, with the version of the program."),
        metric("blackbar_config_info", Gauge, &["version"], "1, with the version of the configuration in force."),
        metric("blackbar_config_reload_total", Counter, &["result"], "Reloads by result: ok, error, weaker."),
        metric(
            "blackbar_config_last_reload_timestamp_seconds",
            Gauge,
            &[],
            "When the configuration in force was loaded.",
        ),
        metric("blackbar_self_test_failing", Gauge, &[], "Whether the last self-test found a value that passed."),
        metric(
            "blackbar_self_test_probes",
            Gauge,
            &["result"],
            "Values of the last self-test by result: caught, passed (by the rules), missed, untested (bodies).",
        ),
        metric(
            "blackbar_self_test_timestamp_seconds",
            Gauge,
            &[],
            "When the last self-test ended, in seconds since 1970.",
        ),
        metric("blackbar_audit_enabled", Gauge, &[], "Whether exchanges are written to an audit log."),
        metric("blackbar_audit_failing", Gauge, &[], "Whether the audit log cannot be written; requests are refused."),
        metric("blackbar_audit_records", Gauge, &[], "Records in the audit log since it was begun."),
        metric("blackbar_audit_unsealed_records", Gauge, &[], "Audit records behind the last checkpoint."),
        metric(
            "blackbar_audit_checkpoint_timestamp_seconds",
            Gauge,
            &[],
            "When the last checkpoint was signed, in seconds since 1970; 0 before the first.",
        ),
        metric("blackbar_audit_failures_total", Counter, &[], "Writes and syncs of the audit log that failed."),
        metric(
            "blackbar_audit_export_lag_records",
            Gauge,
            &["target"],
            "Audit records that a target has not confirmed.",
        ),
        metric(
            "blackbar_audit_export_records_total",
            Counter,
            &["target", "result"],
            "Audit records by what became of them: sent (confirmed), lost (removed by retention before).",
        ),
        metric(
            "blackbar_audit_export_failures_total",
            Counter,
            &["target", "reason"],
            "Batches that a target did not confirm: connect, broken, refused, slow, disk. They are sent again.",
        ),
        metric("blackbar_connections", Gauge, &[], "Client connections open."),
        metric("blackbar_connections_total", Counter, &[], "Client connections accepted."),
        metric(
            "blackbar_syslog_messages_total",
            Counter,
            &["workspace", "route"],
            "Syslog messages that were sent on.",
        ),
        metric(
            "blackbar_memory_strained",
            Gauge,
            &[],
            "How short memory is: 0 not, 1 connections end behind their answer, 2 new requests are refused, 3 connections too.",
        ),
        metric("blackbar_memory_held_bytes", Gauge, &[], "What all that is under way holds back, beyond 16 KiB each."),
        metric("blackbar_memory_held_limit_bytes", Gauge, &[], "What it may hold back."),
        metric("blackbar_requests_in_flight", Gauge, &[], "Requests whose answer has not ended."),
        metric("blackbar_tls_handshake_failures_total", Counter, &["reason"], "TLS handshakes that failed, by reason."),
        metric(
            "blackbar_tls_cert_not_after_seconds",
            Gauge,
            &["listener"],
            "When the listener's certificate expires, in seconds since 1970.",
        ),
        metric(
            "blackbar_requests_total",
            Counter,
            &["workspace", "route", "status"],
            "Requests answered, by status class.",
        ),
        metric("blackbar_request_bytes_total", Counter, &["workspace", "route"], "Body bytes received from clients."),
        metric("blackbar_response_bytes_total", Counter, &["workspace", "route"], "Body bytes sent to clients."),
        metric(
            "blackbar_request_duration_seconds",
            Seconds,
            &["workspace", "route"],
            "From a request's head to the end of its answer.",
        ),
        metric(
            "blackbar_first_byte_added_seconds",
            Seconds,
            &["workspace", "direction"],
            "Time between having something to forward and forwarding it, up to the first byte.",
        ),
        metric(
            "blackbar_findings_total",
            Counter,
            &["workspace", "direction", "entity", "rule", "action"],
            "Findings, by rule and what was done.",
        ),
        metric("blackbar_held_bytes", Bytes, &["workspace", "direction"], "The most bytes held back in a body."),
        metric(
            "blackbar_hold_seconds",
            Seconds,
            &["workspace", "direction"],
            "How long a piece of a body waited before the next piece left.",
        ),
        metric(
            "blackbar_unscanned_bytes_total",
            Counter,
            &["workspace", "direction", "reason"],
            "Body bytes that passed without being scanned, by reason.",
        ),
        metric(
            "blackbar_unscanned_bodies_total",
            Counter,
            &["workspace", "direction", "reason"],
            "Bodies of which a part passed without being scanned, by reason.",
        ),
        metric(
            "blackbar_dropped_fields_total",
            Counter,
            &["workspace", "route"],
            "JSON values that a route's `drop` took out of requests.",
        ),
        metric(
            "blackbar_dropped_records_total",
            Counter,
            &["workspace", "route", "rule"],
            "Records of batches that a rule that blocks took out, by the rule.",
        ),
        metric(
            "blackbar_rerouted_total",
            Counter,
            &["workspace", "route", "rule"],
            "Requests that went to another upstream than their route's, by the rule that sent them there.",
        ),
        metric(
            "blackbar_shadow_differences_total",
            Counter,
            &["workspace", "route", "direction", "difference", "entity", "rule"],
            "Findings that a shadow and the rules in force disagree about: lost (only the rules have it), gained (only the shadow), action.",
        ),
        metric(
            "blackbar_shadow_bytes_total",
            Counter,
            &["workspace", "route", "direction"],
            "Bytes of texts that a shadow has read beside the rules in force.",
        ),
        metric(
            "blackbar_shadow_missed_total",
            Counter,
            &["workspace", "route", "direction"],
            "Findings that were not compared with a shadow's: too many overlapped.",
        ),
        metric(
            "blackbar_tokens_total",
            Counter,
            &["workspace", "route", "result"],
            "Tokens by what became of them: minted, refused (plain placeholder), restored, withheld (in an address).",
        ),
        metric(
            "blackbar_model_tokens_total",
            Counter,
            &["workspace", "route", "source"],
            "Models' tokens that were counted against a budget: provider (as it said), estimate (what did not say).",
        ),
        metric(
            "blackbar_spans_total",
            Counter,
            &["result"],
            "Spans of traces by what became of them: sent, dropped (the queue was full, or the collector did not take them).",
        ),
        metric(
            "blackbar_dead_letters_total",
            Counter,
            &["workspace", "route", "result"],
            "Dropped records that were to be kept: kept, full, error.",
        ),
        metric("blackbar_quarantine_items", Gauge, &["workspace"], "Requests that are held for a person."),
        metric("blackbar_quarantine_bytes", Gauge, &["workspace"], "Their bytes, sealed."),
        metric(
            "blackbar_quarantine_store_up",
            Gauge,
            &[],
            "1 where the store of held requests could be used when it was last looked at.",
        ),
        metric(
            "blackbar_quarantine_damaged_total",
            Counter,
            &[],
            "Held requests that were set aside because they are not as they were written.",
        ),
        metric(
            "blackbar_quarantine_total",
            Counter,
            &["workspace", "route", "result"],
            "Requests and answers to be held by what became of them: held, full, error; cleared, released, failed, uncertain, rejected, expired.",
        ),
        metric(
            "blackbar_quarantine_refusals_total",
            Counter,
            &["reason"],
            "Requests about held items that the admin listener refused, by reason.",
        ),
        metric(
            "blackbar_quarantine_webhook_total",
            Counter,
            &["result"],
            "Deliveries of verdicts: ok, error (tried again), given_up.",
        ),
        metric(
            "blackbar_shared_limits_total",
            Counter,
            &["result"],
            "Requests that replicas count together: admitted, refused; without an answer local, blocked.",
        ),
        metric(
            "blackbar_shared_limits_up",
            Gauge,
            &[],
            "1 where the server by which replicas count together has answered last.",
        ),
        metric(
            "blackbar_external_requests_total",
            Counter,
            &["external", "direction", "result"],
            "Bodies shown to a service, by what it said: allow, redact, change, block, or why it said nothing.",
        ),
        metric(
            "blackbar_external_duration_seconds",
            Seconds,
            &["external"],
            "From a question to its answer, waiting for a turn included.",
        ),
        metric(
            "blackbar_external_breaker",
            Gauge,
            &["external"],
            "0 asked, 1 tried again, 2 left alone after failures.",
        ),
        metric("blackbar_external_cache_hits_total", Counter, &["external"], "Verdicts that were remembered."),
        metric(
            "blackbar_external_passed_total",
            Counter,
            &["workspace", "route", "direction", "external"],
            "Bodies that went on though the service had no verdict.",
        ),
        metric(
            "blackbar_rejected_total",
            Counter,
            &["workspace", "reason"],
            "Connections, requests and answers that were refused, by reason.",
        ),
        metric(
            "blackbar_workspace_frozen",
            Gauge,
            &["workspace"],
            "1 where `incident freeze` has stopped the workspace.",
        ),
        metric("blackbar_log_dropped_total", Counter, &[], "Log lines that were dropped because nobody read stderr."),
        metric("blackbar_panics_total", Counter, &[], "Panics; each ended one stream."),
    ]
};

/// Label value for what happened before a workspace was known.
pub const NO_WORKSPACE: &str = "none";

const SECONDS: &[f64] =
    &[0.000_05, 0.000_25, 0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
const BYTES: &[f64] = &[0.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262_144.0];

/// Panics of this process. A static because the hook that counts them is the process's own.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// The metrics of one proxy, in a registry of its own.
#[derive(Debug)]
pub struct Telemetry {
    registry: Registry,
    counters: HashMap<&'static str, IntCounterVec>,
    gauges: HashMap<&'static str, IntGaugeVec>,
    histograms: HashMap<&'static str, HistogramVec>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

impl Telemetry {
    /// Registers the catalogue.
    #[must_use]
    pub fn new() -> Self {
        let mut telemetry = Self {
            registry: Registry::new(),
            counters: HashMap::new(),
            gauges: HashMap::new(),
            histograms: HashMap::new(),
        };
        for entry in CATALOGUE {
            telemetry.register(entry);
        }
        telemetry.set("blackbar_build_info", &[env!("CARGO_PKG_VERSION")], 1);
        telemetry.set("blackbar_audit_enabled", &[], 0);
        telemetry.set("blackbar_memory_strained", &[], 0);
        telemetry.add("blackbar_panics_total", &[], 0);
        telemetry.add("blackbar_log_dropped_total", &[], 0);
        telemetry.add("blackbar_audit_failures_total", &[], 0);
        telemetry
    }

    fn register(&mut self, entry: &Metric) {
        let opts = Opts::new(entry.name, entry.help);
        let buckets = match entry.kind {
            MetricKind::Bytes => BYTES,
            MetricKind::Counter | MetricKind::Gauge | MetricKind::Seconds => SECONDS,
        };
        let valid = "the catalogue's names and labels are valid and unique";
        match entry.kind {
            MetricKind::Counter => {
                let family = IntCounterVec::new(opts, entry.labels).expect(valid);
                self.enrol(&family);
                self.counters.insert(entry.name, family);
            }
            MetricKind::Gauge => {
                let family = IntGaugeVec::new(opts, entry.labels).expect(valid);
                self.enrol(&family);
                self.gauges.insert(entry.name, family);
            }
            MetricKind::Seconds | MetricKind::Bytes => {
                let opts = HistogramOpts::from(opts).buckets(buckets.to_vec());
                let family = HistogramVec::new(opts, entry.labels).expect(valid);
                self.enrol(&family);
                self.histograms.insert(entry.name, family);
            }
        }
    }

    fn enrol<C: Collector + Clone + 'static>(&self, family: &C) {
        self.registry.register(Box::new(family.clone())).expect("each name stands once in the catalogue");
    }

    /// Adds to a counter of the catalogue.
    pub fn add(&self, name: &'static str, labels: &[&str], count: u64) {
        if let Some(counter) =
            self.counters.get(name).and_then(|family| family.get_metric_with_label_values(labels).ok())
        {
            counter.inc_by(count);
        }
    }

    /// Sets a gauge of the catalogue.
    pub fn set(&self, name: &'static str, labels: &[&str], value: i64) {
        if let Some(gauge) = self.gauges.get(name).and_then(|family| family.get_metric_with_label_values(labels).ok()) {
            gauge.set(value);
        }
    }

    /// Moves a gauge of the catalogue.
    pub fn shift(&self, name: &'static str, labels: &[&str], by: i64) {
        if let Some(gauge) = self.gauges.get(name).and_then(|family| family.get_metric_with_label_values(labels).ok()) {
            gauge.add(by);
        }
    }

    /// Brings a counter of the catalogue to what something else has counted.
    pub fn raise(&self, name: &'static str, labels: &[&str], to: u64) {
        if let Some(counter) =
            self.counters.get(name).and_then(|family| family.get_metric_with_label_values(labels).ok())
        {
            counter.inc_by(to.saturating_sub(counter.get()));
        }
    }

    /// Observes a duration.
    pub fn time(&self, name: &'static str, labels: &[&str], took: Duration) {
        self.observe(name, labels, took.as_secs_f64());
    }

    /// Observes a size.
    #[expect(clippy::cast_precision_loss, reason = "a histogram's buckets are far coarser than an f64")]
    pub fn size(&self, name: &'static str, labels: &[&str], bytes: usize) {
        self.observe(name, labels, bytes as f64);
    }

    fn observe(&self, name: &'static str, labels: &[&str], value: f64) {
        let family = self.histograms.get(name);
        if let Some(histogram) = family.and_then(|family| family.get_metric_with_label_values(labels).ok()) {
            histogram.observe(value);
        }
    }

    /// Counts something refused.
    pub fn rejected(&self, workspace: &str, reason: &'static str) {
        self.add("blackbar_rejected_total", &[workspace, reason], 1);
    }

    /// Names the configuration in force.
    pub fn configured(&self, version: &str) {
        if let Some(family) = self.gauges.get("blackbar_config_info") {
            family.reset();
        }
        self.set("blackbar_config_info", &[version], 1);
        let seconds = i64::try_from(unix_seconds()).unwrap_or(i64::MAX);
        self.set("blackbar_config_last_reload_timestamp_seconds", &[], seconds);
    }

    /// The text of `/metrics` (Prometheus text format 0.0.4).
    #[must_use]
    pub fn render(&self) -> String {
        self.raise("blackbar_panics_total", &[], PANICS.load(Ordering::Relaxed));
        self.raise("blackbar_log_dropped_total", &[], LINES_OUT.dropped());
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}

/// The monotonic clock.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "the one place where the program reads the clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// Nanoseconds of the monotonic clock since it was first asked.
#[must_use]
pub fn uptime_nanos() -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let since = now().saturating_duration_since(*FIRST.get_or_init(now));
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "the one place where the program reads the clock")]
pub fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Seconds since 1970.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "the one place where the program reads the clock")]
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Sends the program's log lines to stderr at `level` and above. Only lines of this crate are written: what the
/// libraries below log at their finer levels can hold header fields. Nobody waits for a line to be written: see [`flush_logging`].
///
/// A second call has no effect.
pub fn init_logging(format: LogFormat, level: tracing::Level) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::fmt::writer::BoxMakeWriter;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;

    let only_ours = Targets::new().with_default(LevelFilter::OFF).with_target("blackbar", level);
    let registry = tracing_subscriber::registry().with(only_ours);
    // Where no thread can be had, lines are written where they come up.
    let writer = if LINES_OUT.start() { BoxMakeWriter::new(Sink) } else { BoxMakeWriter::new(std::io::stderr) };
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_target(false);
    let _ = match format {
        LogFormat::Text => registry.with(layer.with_ansi(false)).try_init(),
        LogFormat::Json => registry.with(layer.json()).try_init(),
    };
}

/// A line of text for whoever reads the log, behind what is logged already.
pub fn say_last(line: &str) {
    LINES_OUT.push_last(format!("{line}\n").as_bytes(), &mut std::io::stderr());
}

/// Waits until what was logged is written, or nobody takes it any more. Gives whether it was.
pub fn flush_logging() -> bool {
    LINES_OUT.flush()
}

/// Reports a panic by its place alone and counts it; its message may hold what was being worked on.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        let (file, line) = panic.location().map_or(("unknown", 0), |place| (place.file(), place.line()));
        tracing::error!(file, line, "panic");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_registers_and_renders() {
        let telemetry = Telemetry::new();
        telemetry.rejected("acme", "host");
        telemetry.configured("0011");
        telemetry.configured("2233");
        telemetry.time("blackbar_hold_seconds", &["acme", "response"], Duration::from_millis(2));
        let text = telemetry.render();
        assert!(text.contains("blackbar_rejected_total{reason=\"host\",workspace=\"acme\"} 1"), "{text}");
        assert!(text.contains("blackbar_config_info{version=\"2233\"} 1"));
        assert!(!text.contains("0011"), "an old version must not linger");
        assert!(text.contains("blackbar_hold_seconds_count{direction=\"response\",workspace=\"acme\"} 1"));
    }

    #[test]
    fn every_name_has_the_prefix_and_its_unit() {
        for entry in CATALOGUE {
            assert!(entry.name.starts_with("blackbar_"), "{}", entry.name);
            let unit = match entry.kind {
                MetricKind::Counter => "_total",
                MetricKind::Seconds => "_seconds",
                MetricKind::Bytes => "_bytes",
                MetricKind::Gauge => "",
            };
            assert!(entry.name.ends_with(unit), "{}", entry.name);
        }
    }
}
