//! The end of the self-test's way: it takes what the proxy sends and answers what it was told to.
//!
//! Enters: connections within the process. Leaves: the bodies that came whole, to the test alone.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;

use super::messages::End;

/// Bytes of a piece of a body: no value fits into one.
const PIECE: usize = 7;

/// What a body is: its media type and its coding.
pub(super) type Kind = (&'static str, Option<&'static str>);

/// What the sink holds.
#[derive(Default)]
struct Desk {
    answer: Option<(Kind, Bytes)>,
    taken: Option<Bytes>,
}

/// The sink, as the test sees it.
#[derive(Clone, Default)]
pub(super) struct Sink {
    desk: Arc<Mutex<Desk>>,
}

impl Sink {
    /// The next request is answered with this.
    pub(super) fn answers(&self, kind: Kind, body: Bytes) {
        *self.desk() = Desk { answer: Some((kind, body)), taken: None };
    }

    /// The body of the request that came, if it came whole.
    pub(super) fn taken(&self) -> Option<Bytes> {
        self.desk().taken.take()
    }

    /// Serves connections until there can be no more.
    pub(super) async fn serve(self, mut connections: mpsc::Receiver<DuplexStream>) {
        while let Some(stream) = connections.recv().await {
            let sink = self.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| sink.clone().take(request));
                // How a connection ends is the other side's to judge.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
            });
        }
    }

    async fn take(self, mut request: Request<Incoming>) -> Result<Response<Pieces>, Infallible> {
        if request.headers().contains_key(UPGRADE) {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(self.talk(upgrade));
            let mut response = Response::new(Pieces::new(Bytes::new()));
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            let headers = response.headers_mut();
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            // The client's to check, and the client here does not.
            headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static("self-test"));
            return Ok(response);
        }
        let body = request.into_body().collect().await;
        let mut desk = self.desk();
        desk.taken = body.ok().map(http_body_util::Collected::to_bytes);
        let ((media_type, coding), body) = desk.answer.clone().unwrap_or((("text/plain", None), Bytes::new()));
        let mut response = Response::new(Pieces::new(body));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        if let Some(coding) = coding {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        Ok(response)
    }

    /// A WebSocket connection: what was to be answered is said, and what is heard is taken.
    async fn talk(self, upgrade: OnUpgrade) {
        let Ok(upgraded) = upgrade.await else { return };
        let mut end = End::of_sink(TokioIo::new(upgraded));
        let said = {
            let mut desk = self.desk();
            desk.taken = Some(Bytes::new());
            desk.answer.clone().map(|(_, body)| body).unwrap_or_default()
        };
        let heard = end.talk(&said).await;
        self.desk().taken = Some(heard);
        end.end().await;
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body in small pieces.
pub(super) struct Pieces(VecDeque<Bytes>);

impl Pieces {
    pub(super) fn new(mut body: Bytes) -> Self {
        let mut pieces = VecDeque::new();
        // The first third in small pieces; the rest at once, as both must be read alike.
        let small = body.len() / 3;
        while pieces.len() * PIECE < small && body.len() > PIECE {
            pieces.push_back(body.split_to(PIECE));
        }
        if !body.is_empty() {
            pieces.push_back(body);
        }
        Self(pieces)
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}
