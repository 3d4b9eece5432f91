//! Batches over syslog: what enters are records, what leaves are messages of RFC 5424, counted (RFC 5425 section 4.3).
//!
//! Syslog confirms nothing. A batch has a connection of its own, which we end once all is sent; that the target then ends
//! its side without a fault says that it has read to the end. One that does not is sent the batch again.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use crate::audit::tail::Batch;
use crate::policy::Upstream;
use crate::proxy::tls::TlsFault;
use crate::proxy::upstream;

use super::Fault;

/// `log audit` (13), `informational` (6): RFC 5424 section 6.2.1.
const PRIORITY: u32 = 13 * 8 + 6;

pub(super) struct Collector {
    upstream: Upstream,
    tls: Option<Arc<ClientConfig>>,
}

impl Collector {
    pub(super) fn prepare(upstream: &Upstream) -> Result<Self, TlsFault> {
        let tls = match upstream.tls {
            true => Some(upstream::client_config(upstream, &[])?.1),
            false => None,
        };
        Ok(Self { upstream: upstream.clone(), tls })
    }

    /// Sends a batch.
    pub(super) async fn deliver(&self, batch: &Batch) -> Result<(), Fault> {
        let Upstream { host, port, proxy, .. } = &self.upstream;
        let stream = upstream::dial(host, *port, proxy.as_ref()).await.map_err(|_| Fault::Connect)?;
        let messages = messages(batch);
        let Some(config) = &self.tls else { return send(stream, &messages).await };
        let name = ServerName::try_from(host.clone()).map_err(|_| Fault::Connect)?;
        let connecting = TlsConnector::from(Arc::clone(config)).connect(name, stream);
        send(connecting.await.map_err(|_| Fault::Connect)?, &messages).await
    }
}

async fn send<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, messages: &[u8]) -> Result<(), Fault> {
    let sent = async {
        stream.write_all(messages).await?;
        stream.shutdown().await?;
        let mut sink = [0; 512];
        while stream.read(&mut sink).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    sent.await.map_err(|_| Fault::Broken)
}

fn messages(batch: &Batch) -> Vec<u8> {
    let mut out = Vec::with_capacity(batch.lines.iter().map(|line| line.len() + 80).sum());
    for line in &batch.lines {
        let time = time(line).unwrap_or("-");
        let head = format!("<{PRIORITY}>1 {time} - blackbar - audit - ");
        out.extend_from_slice(format!("{} {head}", head.len() + line.len()).as_bytes());
        out.extend_from_slice(line);
    }
    out
}

/// The record's own time, which is one of RFC 3339 with milliseconds.
fn time(line: &[u8]) -> Option<&str> {
    let begins = memchr::memmem::find(line, b"\"ts\":\"")? + 6;
    std::str::from_utf8(line.get(begins..begins + 24)?).ok()
}
