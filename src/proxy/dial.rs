//! The way to a Redis server: sockets and TLS as to every other upstream.
//!
//! Enters: where the server is. Leaves: connections. Certificates and roots are read anew for each, so that their rotation
//! needs no reload.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use crate::policy::{HeldStore, Upstream};
use crate::redis_client::{Dial, Wire};

use super::upstream;

/// The way to the server that keeps held requests, where one does.
pub(super) fn store(store: &HeldStore) -> Option<Dial> {
    match store {
        HeldStore::Directory(_) => None,
        HeldStore::Redis { server, .. } => Some(to(&server.server)),
    }
}

/// The way to a server.
pub(super) fn to(server: &Upstream) -> Dial {
    let server = Arc::new(server.clone());
    Arc::new(move || {
        let server = Arc::clone(&server);
        Box::pin(async move { connect(server).await })
    })
}

async fn connect(server: Arc<Upstream>) -> io::Result<Box<dyn Wire>> {
    let stream = upstream::dial(&server.host, server.port, server.proxy.as_ref()).await?;
    if !server.tls {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(server.host.clone());
    let name = name.map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "not a server name"))?;
    let reading = tokio::task::spawn_blocking(move || upstream::client_config(&server, &[]));
    let config = reading.await.map_err(io::Error::other)?.map_err(io::Error::other)?.1;
    Ok(Box::new(TlsConnector::from(config).connect(name, stream).await?))
}
