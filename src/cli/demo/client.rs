//! The demo's client: a request over mTLS in; the reply, its bytes and when each event came, out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::telemetry;

/// The largest reply that is kept.
const REPLY: usize = 8 << 20;

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    /// The status.
    pub(super) status: u16,
    /// Header values, one a line.
    headers: Vec<u8>,
    body: Vec<u8>,
    /// When each event was complete.
    arrived: Vec<Instant>,
    /// When the provider wrote each.
    pub(super) written: Vec<Instant>,
}

impl Reply {
    /// The text of a streamed answer, put together from its deltas; of another, its body.
    pub(super) fn content(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let deltas = body.lines().filter_map(|line| {
            let event: Value = serde_json::from_str(line.strip_prefix("data: ")?).ok()?;
            Some(event.get("choices")?.get(0)?.get("delta")?.get("content")?.as_str()?.to_owned())
        });
        deltas.collect()
    }

    /// Everything in which a value could have come back: head, body, and the text of the deltas.
    pub(super) fn everything(&self) -> Vec<Vec<u8>> {
        vec![self.headers.clone(), self.body.clone(), self.content().into_bytes()]
    }

    /// From the provider's write to the client's read of each event, in order of length.
    pub(super) fn delays(&self) -> Vec<Duration> {
        let pairs = self.arrived.iter().zip(&self.written);
        let mut delays: Vec<Duration> =
            pairs.map(|(arrived, written)| arrived.saturating_duration_since(*written)).collect();
        delays.sort_unstable();
        delays
    }
}

/// Sends a request to `address` and reads the reply to its end.
pub(super) async fn exchange(
    address: SocketAddr,
    tls: &Arc<ClientConfig>,
    request: Request<Full<Bytes>>,
) -> io::Result<Reply> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::from(address.ip());
    let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(io::Error::other)?;
    let (head, mut body) = response.into_parts();
    let mut reply = Reply {
        status: head.status.as_u16(),
        headers: head.headers.values().flat_map(|value| [value.as_bytes(), b"\n"].concat()).collect(),
        body: Vec::new(),
        arrived: Vec::new(),
        written: Vec::new(),
    };
    let mut events = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(io::Error::other)?;
        let Some(bytes) = frame.data_ref() else { continue };
        if reply.body.len() + bytes.len() > REPLY {
            return Err(io::Error::other("the reply is too long"));
        }
        reply.body.extend_from_slice(bytes);
        let complete = memchr::memmem::find_iter(&reply.body, b"\n\n").count();
        reply.arrived.extend(std::iter::repeat_n(telemetry::now(), complete - events));
        events = complete;
    }
    driver.abort();
    Ok(reply)
}
