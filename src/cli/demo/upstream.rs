//! The demo's upstreams: requests over TLS in; a model's answer or a sink's receipt out, everything read kept.
//!
//! The provider speaks OpenAI chat completions, whole or streamed. It repeats the last message and adds a sentence of
//! its own, three characters an event, an event a millisecond.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_rustls::TlsAcceptor;

use crate::telemetry;

/// Characters of an event.
const DELTA: usize = 3;
/// Between two events.
const PACE: Duration = Duration::from_millis(1);
/// The largest request that is read.
const REQUEST: usize = 1 << 20;
/// The most that is kept of what was read.
const KEPT: usize = 8 << 20;

/// Which of the two it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A model provider.
    Provider,
    /// A log sink.
    Sink,
}

/// What an upstream saw and did.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// Every byte read inside TLS.
    pub(super) raw: Vec<u8>,
    /// Bodies of requests, as they came.
    pub(super) bodies: Vec<Bytes>,
    /// When each event of the last streamed answer was written.
    pub(super) written: Vec<Instant>,
}

/// An upstream that runs.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    /// Where it listens.
    pub(super) address: SocketAddr,
    record: Arc<Mutex<Record>>,
}

impl Upstream {
    /// Binds a port and serves until the runtime ends.
    pub(super) async fn start(kind: Kind, addition: &str, tls: Arc<ServerConfig>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let upstream = Self { address: listener.local_addr()?, record: Arc::default() };
        let (record, addition, acceptor) =
            (Arc::clone(&upstream.record), Arc::<str>::from(addition), TlsAcceptor::from(tls));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (record, addition, acceptor) = (Arc::clone(&record), Arc::clone(&addition), acceptor.clone());
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let stream = Recorded { stream, record: Arc::clone(&record) };
                    let answer =
                        service_fn(move |request| answer(kind, request, Arc::clone(&addition), Arc::clone(&record)));
                    // A client that goes away is no matter here.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        Ok(upstream)
    }

    /// Reads the record.
    pub(super) fn with_record<T>(&self, read: impl FnOnce(&mut Record) -> T) -> T {
        read(&mut lock(&self.record))
    }
}

fn lock(record: &Mutex<Record>) -> std::sync::MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The last message that a chat request holds.
pub(super) fn question_in(body: &[u8]) -> Option<String> {
    let request: Value = serde_json::from_slice(body).ok()?;
    Some(request.get("messages")?.as_array()?.last()?.get("content")?.as_str()?.to_owned())
}

/// What the model says to a question.
pub(super) fn answer_to(question: &str, addition: &str) -> String {
    format!("You wrote: \u{201c}{question}\u{201d} {addition}")
}

async fn answer(
    kind: Kind,
    request: Request<Incoming>,
    addition: Arc<str>,
    record: Arc<Mutex<Record>>,
) -> Result<Response<Answer>, Infallible> {
    let Ok(body) = Limited::new(request.into_body(), REQUEST).collect().await else {
        return Ok(whole(StatusCode::BAD_REQUEST, &json!({ "error": { "message": "the body cannot be read" } })));
    };
    let body = body.to_bytes();
    lock(&record).bodies.push(body.clone());
    if kind == Kind::Sink {
        return Ok(whole(StatusCode::OK, &json!({ "text": "Success", "code": 0 })));
    }
    let Some(question) = question_in(&body) else {
        let error = json!({ "error": { "message": "no message", "type": "invalid_request_error" } });
        return Ok(whole(StatusCode::BAD_REQUEST, &error));
    };
    let text = answer_to(&question, &addition);
    let streamed = serde_json::from_slice::<Value>(&body).ok().and_then(|body| body.get("stream")?.as_bool());
    if streamed != Some(true) {
        let message = json!({ "role": "assistant", "content": text });
        let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
        return Ok(whole(StatusCode::OK, &envelope("chat.completion", &choice)));
    }
    lock(&record).written.clear();
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stream = Answer::Events { events: events(&text), pace, record };
    Ok(respond(StatusCode::OK, "text/event-stream", stream))
}

fn envelope(object: &str, choice: &Value) -> Value {
    json!({ "id": "chatcmpl-demo", "object": object, "created": 1_700_000_000, "model": "echo-3", "choices": [choice] })
}

fn events(text: &str) -> VecDeque<Bytes> {
    let event = |delta: Value, reason: Option<&str>| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": reason });
        Bytes::from(format!("data: {}\n\n", envelope("chat.completion.chunk", &choice)))
    };
    let letters: Vec<char> = text.chars().collect();
    let pieces = letters.chunks(DELTA).map(|piece| event(json!({ "content": piece.iter().collect::<String>() }), None));
    let first = event(json!({ "role": "assistant", "content": "" }), None);
    let last = [event(json!({}), Some("stop")), Bytes::from_static(b"data: [DONE]\n\n")];
    std::iter::once(first).chain(pieces).chain(last).collect()
}

fn whole(status: StatusCode, body: &Value) -> Response<Answer> {
    respond(status, "application/json", Answer::Whole(Some(Bytes::from(body.to_string()))))
}

fn respond(status: StatusCode, media_type: &'static str, body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
    response
}

/// A response's body.
enum Answer {
    Whole(Option<Bytes>),
    Events { events: VecDeque<Bytes>, pace: Interval, record: Arc<Mutex<Record>> },
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match self.get_mut() {
            Self::Whole(bytes) => bytes.take(),
            Self::Events { events, .. } if events.is_empty() => None,
            Self::Events { events, pace, record } => {
                ready!(pace.poll_tick(cx));
                lock(record).written.push(telemetry::now());
                events.pop_front()
            }
        };
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// A stream whose every byte read is kept.
struct Recorded<S> {
    stream: S,
    record: Arc<Mutex<Record>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Recorded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let new = buffer.filled().get(before..).unwrap_or_default();
        let mut record = lock(&self.record);
        if record.raw.len() < KEPT {
            record.raw.extend_from_slice(new);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Recorded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
