//! Traces of exchanges, for a collector of OpenTelemetry: OTLP over HTTP, in JSON.
//!
//! Enters: the context that a request brought (W3C Trace Context), and what its exchange came to. Leaves: a request whose
//! context names the exchange's own span, and batches of spans. A span tells names of the configuration, numbers and codes;
//! no path, query, header or value is in it. The queue is bounded: what it does not take, and what the collector does not,
//! is dropped and counted, and nobody waits for it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::audit::chain::hex;
use crate::policy::{FileHash, TraceExport};
use crate::telemetry::{self, Telemetry};

use super::export::http::Collector;
use super::tls::TlsFault;

/// Spans that wait.
const QUEUE: usize = 2048;
/// Spans of a batch.
const BATCH: usize = 512;
/// How long a batch that is not full waits for more.
const GATHER: Duration = Duration::from_secs(1);
/// How long a proxy that ends waits until its last spans are with the collector.
pub(super) const LAST: Duration = Duration::from_secs(3);
/// How long the collector may take for a batch.
const PATIENCE: Duration = Duration::from_secs(10);

const TRACE_PARENT: &str = "traceparent";
const TRACE_STATE: &str = "tracestate";
/// The length of a context in the version that is written here (W3C Trace Context section 3.2).
const LENGTH: usize = 55;
const METRIC: &str = "blackbar_spans_total";

/// Where an exchange stands in its trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Context {
    trace: [u8; 16],
    span: [u8; 8],
    /// The span that sent the request.
    parent: Option<[u8; 8]>,
}

impl Context {
    /// Goes on with the trace that a request names, or begins one. None where its sender says that the trace is not recorded:
    /// it stays as it came.
    pub(crate) fn begin(headers: &HeaderMap) -> Option<Self> {
        let named = {
            let mut values = headers.get_all(TRACE_PARENT).iter();
            values.next().filter(|_| values.next().is_none()).and_then(|value| read(value.as_bytes()))
        };
        let mut span = [0; 8];
        getrandom::fill(&mut span).ok()?;
        let context = match named {
            Some((.., false)) => return None,
            Some((trace, parent, true)) => Self { trace, span, parent: Some(parent) },
            None => {
                let mut trace = [0; 16];
                getrandom::fill(&mut trace).ok()?;
                Self { trace, span, parent: None }
            }
        };
        Some(context)
    }

    /// Has a request that goes on name the exchange's own span.
    pub(crate) fn name(&self, headers: &mut HeaderMap) {
        if self.parent.is_none() {
            // What says more of another trace goes with that (section 3.3).
            while headers.remove(TRACE_STATE).is_some() {}
        }
        let text = format!("00-{}-{}-01", hex(&self.trace), hex(&self.span));
        if let Ok(text) = HeaderValue::try_from(text) {
            headers.insert(TRACE_PARENT, text);
        }
    }
}

/// A trace, the span that asks, and whether they are recorded; none where a context is not well-formed (section 3.2).
fn read(text: &[u8]) -> Option<([u8; 16], [u8; 8], bool)> {
    let (known, rest) = text.split_at_checked(LENGTH)?;
    let mut parts = known.split(|byte| *byte == b'-');
    let [version] = numbers(parts.next()?)?;
    let (trace, span) = (numbers(parts.next()?)?, numbers(parts.next()?)?);
    let [flags] = numbers(parts.next()?)?;
    // Later versions may say more behind it.
    let ends = rest.is_empty() || (version > 0 && rest.starts_with(b"-"));
    let good = ends && parts.next().is_none() && version != 0xFF && trace != [0; 16] && span != [0; 8];
    good.then_some((trace, span, flags & 1 == 1))
}

/// Bytes in lower-case hexadecimal, exactly so many.
fn numbers<const COUNT: usize>(text: &[u8]) -> Option<[u8; COUNT]> {
    if text.len() != 2 * COUNT || !text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut numbers = [0; COUNT];
    for (number, pair) in numbers.iter_mut().zip(text.chunks_exact(2)) {
        *number = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(numbers)
}

/// What an exchange came to.
pub(crate) struct Facts<'e> {
    pub(crate) request_id: &'e str,
    pub(crate) method: Method,
    /// The route's path, where there is one.
    pub(crate) path: Option<&'e str>,
    pub(crate) workspace: &'e str,
    pub(crate) route: &'e str,
    pub(crate) status: Option<StatusCode>,
    /// Why it ended early.
    pub(crate) code: Option<&'static str>,
    pub(crate) findings: u64,
    pub(crate) took: Duration,
}

impl Facts<'_> {
    /// The span, in the form of OTLP's JSON: identifiers in hexadecimal, 64-bit numbers as strings.
    fn span(&self, context: &Context) -> Value {
        // A method that nobody knows is the client's word.
        let known =
            [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
        let method = if known.contains(&self.method) { self.method.as_str() } else { "_OTHER" };
        let end = telemetry::unix_millis().saturating_mul(1_000_000);
        let start = end.saturating_sub(u64::try_from(self.took.as_nanos()).unwrap_or(u64::MAX));
        let name = self.path.map_or_else(|| method.to_owned(), |path| format!("{method} {path}"));
        let mut attributes = vec![
            text("http.request.method", method),
            text("blackbar.request_id", self.request_id),
            text("blackbar.workspace", self.workspace),
            text("blackbar.route", self.route),
            number("blackbar.findings", self.findings),
        ];
        attributes.extend(self.path.map(|path| text("http.route", path)));
        attributes.extend(self.status.map(|status| number("http.response.status_code", u64::from(status.as_u16()))));
        attributes.extend(self.code.map(|code| text("error.type", code)));
        // An answer that broke off had another status.
        let refused = self.status.is_some_and(|status| status.is_client_error());
        let failed = self.status.is_some_and(|status| status.is_server_error()) || (self.code.is_some() && !refused);
        let mut span = json!({
            "traceId": hex(&context.trace), "spanId": hex(&context.span), "name": name, "kind": 2,
            "startTimeUnixNano": start.to_string(), "endTimeUnixNano": end.to_string(),
            "attributes": attributes, "status": if failed { json!({"code": 2}) } else { json!({}) },
        });
        if let (Some(parent), Some(fields)) = (context.parent, span.as_object_mut()) {
            fields.insert("parentSpanId".to_owned(), hex(&parent).into());
        }
        span
    }
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn number(key: &str, value: u64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

/// A batch as its request's body.
fn batch(spans: &[Value]) -> Bytes {
    let version = env!("CARGO_PKG_VERSION");
    let resource = json!({"attributes": [text("service.name", "blackbar"), text("service.version", version)]});
    let scope = json!({"scope": {"name": "blackbar", "version": version}, "spans": spans});
    json!({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}).to_string().into()
}

/// The way to the collector.
pub(crate) struct Traces {
    settings: TraceExport,
    /// The hash of the certificates and the key that the settings name.
    files: FileHash,
    telemetry: Arc<Telemetry>,
    queue: mpsc::Sender<Carried>,
    /// What carries spans there, until the first one comes.
    carrier: Mutex<Option<(mpsc::Receiver<Carried>, Collector)>>,
}

/// What waits in the queue.
enum Carried {
    Span(Value),
    /// What came before is to be sent at once; then this is dropped.
    Flush(oneshot::Sender<()>),
}

impl Traces {
    /// The way to a collector; the one from before where nothing has changed.
    ///
    /// # Errors
    /// A certificate, key or bundle of roots cannot be used.
    pub(super) fn prepare(
        settings: Option<&TraceExport>,
        before: Option<&Arc<Self>>,
        telemetry: &Arc<Telemetry>,
    ) -> Result<Option<Arc<Self>>, TlsFault> {
        let Some(settings) = settings else { return Ok(None) };
        let collector = Collector::prepare(&settings.upstream, &settings.inject)?;
        let files = collector.files();
        if let Some(kept) = before.filter(|before| before.settings == *settings && before.files == files) {
            return Ok(Some(Arc::clone(kept)));
        }
        let (queue, spans) = mpsc::channel(QUEUE);
        let (settings, telemetry) = (settings.clone(), Arc::clone(telemetry));
        Ok(Some(Arc::new(Self { settings, files, telemetry, queue, carrier: Mutex::new(Some((spans, collector))) })))
    }

    /// Takes an exchange's span, if there is room.
    pub(crate) fn take(&self, context: &Context, facts: &Facts<'_>) {
        let mut carrier = self.carrier.lock().unwrap_or_else(PoisonError::into_inner);
        if carrier.is_some()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
            && let Some((spans, collector)) = carrier.take()
        {
            runtime.spawn(carry(spans, collector, Arc::clone(&self.telemetry)));
        }
        drop(carrier);
        let taken = self.queue.try_reserve().map(|place| place.send(Carried::Span(facts.span(context))));
        if taken.is_err() {
            self.telemetry.add(METRIC, &["dropped"], 1);
        }
    }

    /// Resolves when each span that was taken before is with the collector, or dropped.
    pub(super) async fn flush(&self) {
        let begun = self.carrier.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        let (sent, waiting) = oneshot::channel();
        if begun && self.queue.send(Carried::Flush(sent)).await.is_ok() {
            let _ = waiting.await;
        }
    }
}

/// Carries spans to the collector until there can be no more.
async fn carry(mut queue: mpsc::Receiver<Carried>, mut collector: Collector, telemetry: Arc<Telemetry>) {
    let mut gathered = Vec::new();
    while let Some(first) = queue.recv().await {
        let mut waits = None;
        let gathering = async {
            let mut next = Some(first);
            while let Some(Carried::Span(span)) = next {
                gathered.push(span);
                next = if gathered.len() < BATCH { queue.recv().await } else { None };
            }
            if let Some(Carried::Flush(sent)) = next {
                waits = Some(sent);
            }
        };
        let _ = timeout(GATHER, gathering).await;
        // Whoever waits is told by its end, when the batch is sent or dropped.
        let _waits = waits;
        if gathered.is_empty() {
            continue;
        }
        let count = gathered.len() as u64;
        let body = batch(&std::mem::take(&mut gathered));
        let fault = match timeout(PATIENCE, collector.post("application/json", body)).await {
            Ok(Ok(())) => {
                telemetry.add(METRIC, &["sent"], count);
                continue;
            }
            Ok(Err(fault)) => fault.name(),
            Err(_) => "slow",
        };
        collector.reset();
        telemetry.add(METRIC, &["dropped"], count);
        tracing::warn!(spans = count, fault, "traces are not taken");
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces").field("to", &self.settings.upstream.host).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn begun(named: &[&str]) -> (Option<Context>, HeaderMap) {
        let mut headers = HeaderMap::new();
        named.iter().for_each(|value| {
            headers.append(TRACE_PARENT, HeaderValue::from_str(value).expect("a value of a fixture"));
        });
        headers.insert(TRACE_STATE, HeaderValue::from_static("vendor=1"));
        let context = Context::begin(&headers);
        if let Some(context) = &context {
            context.name(&mut headers);
        }
        (context, headers)
    }

    #[test]
    fn a_trace_goes_on_and_what_is_none_begins_anew() {
        for (named, tail) in [(format!("00-{TRACE}-{SPAN}-01"), ""), (format!("01-{TRACE}-{SPAN}-03-more"), "")] {
            let (context, headers) = begun(&[&(named + tail)]);
            let context = context.expect("it is recorded");
            assert_eq!(
                (hex(&context.trace).as_str(), context.parent.map(|parent| hex(&parent))),
                (TRACE, Some(SPAN.to_owned()))
            );
            assert_eq!(headers[TRACE_PARENT], format!("00-{TRACE}-{}-01", hex(&context.span)));
            assert!(headers.contains_key(TRACE_STATE) && hex(&context.span) != SPAN);
        }
        let unrecorded = format!("00-{TRACE}-{SPAN}-00");
        let (context, headers) = begun(&[&unrecorded]);
        assert!(context.is_none() && headers[TRACE_PARENT] == unrecorded);
        let good = format!("00-{TRACE}-{SPAN}-01");
        for bad in [
            vec![],
            vec![good.as_str(), good.as_str()],
            vec!["x"],
            vec![good.trim_end_matches('1')],
            vec![&format!("{good}-more")],
            vec![&format!("ff-{TRACE}-{SPAN}-01")],
            vec![&format!("00-{}-{SPAN}-01", "0".repeat(32))],
            vec![&format!("00-{TRACE}-{}-01", "0".repeat(16))],
            vec![&format!("00-{}-{SPAN}-01", TRACE.to_uppercase())],
            vec![&format!("00-{TRACE}{SPAN}--01")],
        ] {
            let (context, headers) = begun(&bad);
            let context = context.unwrap_or_else(|| panic!("{bad:?}"));
            assert!(context.parent.is_none() && hex(&context.trace) != TRACE, "{bad:?}");
            assert_eq!(headers.get_all(TRACE_PARENT).iter().count(), 1);
            assert!(!headers.contains_key(TRACE_STATE), "{bad:?}");
        }
    }

    #[test]
    fn what_the_queue_does_not_take_is_dropped_and_counted() {
        let telemetry = Arc::new(Telemetry::new());
        let upstream = crate::policy::Upstream { host: "localhost".to_owned(), port: 9, ..Default::default() };
        let settings = TraceExport { upstream, inject: Vec::new() };
        let traces =
            Traces::prepare(Some(&settings), None, &telemetry).expect("it needs no file").expect("it is wanted");
        let context = begun(&[]).0.expect("one is begun");
        // Outside of a runtime nobody carries them away.
        let dropped = |count: usize| {
            for _ in 0..count {
                let method = Method::GET;
                let (path, status, code, findings, took) = (None, None, None, 0, Duration::ZERO);
                let facts = Facts {
                    request_id: "1",
                    method,
                    path,
                    workspace: "acme",
                    route: "root",
                    status,
                    code,
                    findings,
                    took,
                };
                traces.take(&context, &facts);
            }
            let text = telemetry.render();
            text.lines()
                .find_map(|line| line.strip_prefix("blackbar_spans_total{result=\"dropped\"} ")?.parse::<u64>().ok())
        };
        assert!([dropped(QUEUE - 1), dropped(1)].iter().all(|count| count.is_none_or(|count| count == 0)));
        assert_eq!((dropped(1), dropped(2)), (Some(1), Some(3)));
        let kept = Traces::prepare(Some(&settings), Some(&traces), &telemetry).expect("it needs no file");
        assert!(kept.is_some_and(|kept| Arc::ptr_eq(&kept, &traces)));
    }
}
