//! Batches over HTTP: what enters are records, or spans, what leaves are POST requests, each confirmed by an answer of 2xx.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use crate::audit::tail::Batch;
use crate::policy::{FileHash, Format, Injected, Upstream};
use crate::proxy::tls::TlsFault;
use crate::proxy::upstream;

use super::Fault;

/// Of an answer, bytes that are read so that its connection can be used again.
const ANSWER: usize = 64 << 10;

pub(in crate::proxy) struct Collector {
    upstream: Upstream,
    tls: Option<Arc<ClientConfig>>,
    /// The hash of the files behind `tls`.
    files: FileHash,
    inject: Vec<Injected>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Collector {
    pub(in crate::proxy) fn prepare(upstream: &Upstream, inject: &[Injected]) -> Result<Self, TlsFault> {
        let tls = match upstream.tls {
            true => Some(upstream::client_config(upstream, &[b"http/1.1"])?),
            false => None,
        };
        let (files, tls) = tls.map_or((FileHash::default(), None), |(files, tls)| (files, Some(tls)));
        Ok(Self { upstream: upstream.clone(), tls, files, inject: inject.to_vec(), connection: None })
    }

    /// The hash of the roots, the certificate and the key that it is made with.
    pub(in crate::proxy) fn files(&self) -> FileHash {
        self.files
    }

    pub(in crate::proxy) fn reset(&mut self) {
        self.connection = None;
    }

    /// Sends a batch of records.
    pub(super) async fn deliver(&mut self, format: Format, batch: &Batch) -> Result<(), Fault> {
        let media_type = match format {
            Format::Ndjson => "application/x-ndjson",
            Format::Splunk => "application/json",
        };
        self.post(media_type, body(format, batch)).await
    }

    /// Sends a body.
    pub(in crate::proxy) async fn post(&mut self, media_type: &'static str, body: Bytes) -> Result<(), Fault> {
        let ready = match &mut self.connection {
            Some(connection) => connection.ready().await.is_ok(),
            None => false,
        };
        if !ready {
            self.connection = Some(self.connect().await?);
        }
        let request = self.request(media_type, body)?;
        let Some(connection) = &mut self.connection else { return Err(Fault::Connect) };
        let answer = connection.send_request(request).await.map_err(|_| Fault::Broken)?;
        let status = answer.status();
        if Limited::new(answer.into_body(), ANSWER).collect().await.is_err() {
            self.connection = None;
        }
        if status.is_success() { Ok(()) } else { Err(Fault::Refused(status.as_u16())) }
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Fault> {
        let Upstream { host, port, proxy, .. } = &self.upstream;
        let stream = upstream::dial(host, *port, proxy.as_ref()).await.map_err(|_| Fault::Connect)?;
        let Some(config) = &self.tls else { return spoken(stream).await };
        let name = ServerName::try_from(host.clone()).map_err(|_| Fault::Connect)?;
        let connecting = TlsConnector::from(Arc::clone(config)).connect(name, stream);
        spoken(connecting.await.map_err(|_| Fault::Connect)?).await
    }

    fn request(&self, media_type: &'static str, body: Bytes) -> Result<Request<Full<Bytes>>, Fault> {
        let path = if self.upstream.path.is_empty() { "/" } else { self.upstream.path.as_str() };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, upstream::authority(&self.upstream))
            .header(CONTENT_TYPE, media_type)
            .body(Full::new(body))
            .map_err(|_| Fault::Connect)?;
        for field in &self.inject {
            let name = HeaderName::try_from(field.name.as_str()).map_err(|_| Fault::Connect)?;
            let mut value = HeaderValue::try_from(field.value.as_str()).map_err(|_| Fault::Connect)?;
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }
}

async fn spoken<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|_| Fault::Connect)?;
    // It ends with its sender.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

fn body(format: Format, batch: &Batch) -> Bytes {
    let mut out = Vec::with_capacity(batch.lines.iter().map(|line| line.len() + 64).sum());
    for line in &batch.lines {
        match format {
            Format::Ndjson => out.extend_from_slice(line),
            // Records are JSON objects already, and their times stand in them.
            Format::Splunk => {
                out.extend_from_slice(br#"{"source":"blackbar","sourcetype":"blackbar:audit","event":"#);
                out.extend_from_slice(line);
                out.push(b'}');
            }
        }
        out.push(b'\n');
    }
    Bytes::from(out)
}
