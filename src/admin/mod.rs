//! Health, readiness and metrics, on a listener of their own.
//!
//! Enters: requests of the operator's machines and people. Leaves: `/healthz` (the process serves), `/readyz` (new
//! connections are taken), `/metrics` (Prometheus text), and under `/quarantine` what waits for a person. The first three
//! change nothing and tell of no request; the last asks who wants to know.

mod denials;
mod guests;
mod reviews;
mod told;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::TlsAcceptor;

use crate::audit::{Health, chain};
use crate::policy::{AdminSettings, ListenAddress};
use crate::proxy::{self, Address, Handle, StartError, peer_identity, tls_config};
use crate::telemetry::Telemetry;
use denials::{Denials, STRETCH};
use guests::{Guest, Guests};
use reviews::Caller;
use told::Told;

/// Connections at once.
const CONNECTIONS: usize = 64;
/// The head of a request, and the pause between two.
const HEAD: Duration = Duration::from_secs(10);
/// After an accept that failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The admin listener, bound.
#[derive(Debug)]
pub struct Admin {
    front: Front,
    address: Address,
    tls: Option<Arc<ServerConfig>>,
    /// Whether tokens may come over it.
    guarded: bool,
}

#[derive(Debug)]
enum Front {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// What is told.
struct Desk {
    handle: Handle,
    telemetry: Arc<Telemetry>,
    denials: Denials,
}

impl Admin {
    /// Binds what the configuration says. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The address cannot be bound, or a certificate cannot be read.
    pub fn open(settings: &AdminSettings) -> Result<Self, StartError> {
        let tls = settings.tls.as_ref().map(tls_config).transpose()?;
        Ok(Self { tls, guarded: settings.is_guarded(), ..Self::bind(&settings.address)? })
    }

    /// Binds the address, without TLS. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn bind(address: &ListenAddress) -> Result<Self, StartError> {
        let guarded = AdminSettings { address: address.clone(), tls: None, people: Vec::new() }.is_guarded();
        let failed = |source| StartError::Bind { address: address.to_string(), source };
        match address {
            ListenAddress::Tcp(at) => {
                let listener = proxy::listen_tcp(*at).map_err(failed)?;
                let at = listener.local_addr().map_err(failed)?;
                Ok(Self { front: Front::Tcp(listener), address: Address::Tcp(at), tls: None, guarded })
            }
            ListenAddress::Unix(path) => {
                let listener = proxy::listen_unix(path).map_err(failed)?;
                // Metrics are for whoever runs the service.
                let owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
                std::fs::set_permissions(path, owner).map_err(failed)?;
                Ok(Self { front: Front::Unix(listener), address: Address::Unix(path.clone()), tls: None, guarded })
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Answers until dropped.
    pub async fn run(self, handle: Handle, telemetry: Arc<Telemetry>) {
        let desk = Arc::new(Desk { handle, telemetry, denials: Denials::default() });
        let guests = Arc::new(Guests::new(CONNECTIONS));
        let mut stretch = tokio::time::interval(STRETCH);
        stretch.reset();
        loop {
            let accepted = async {
                match &self.front {
                    Front::Tcp(listener) => listener.accept().await.map(|(stream, _)| Stream::Tcp(stream)),
                    Front::Unix(listener) => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
                }
            };
            let stream = tokio::select! {
                stream = accepted => stream,
                _ = stretch.tick() => {
                    desk.tell_denials();
                    continue;
                }
            };
            let stream = match stream {
                Ok(stream) => stream,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(_) => {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let guest = guests.enter().await;
            let (desk, tls, guarded) = (Arc::clone(&desk), self.tls.clone(), self.guarded);
            tokio::spawn(async move {
                let anyone = Caller { guarded, ..Caller::default() };
                let serving = async {
                    match (stream, tls) {
                        (Stream::Tcp(stream), Some(tls)) => serve_tls(desk, tls, stream, &guest).await,
                        (Stream::Tcp(stream), None) => serve(desk, TokioIo::new(stream), anyone, &guest).await,
                        (Stream::Unix(stream), _) => serve(desk, TokioIo::new(stream), anyone, &guest).await,
                    }
                };
                tokio::select! {
                    () = serving => {}
                    () = guest.asked_to_go() => {}
                    () = guest.stuck() => {}
                }
            });
        }
    }
}

/// An accepted connection.
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Serves a connection over TLS. Who presents no certificate is told what needs none.
async fn serve_tls(desk: Arc<Desk>, tls: Arc<ServerConfig>, stream: TcpStream, guest: &Guest) {
    let Ok(Ok(stream)) = tokio::time::timeout(HEAD, TlsAcceptor::from(tls).accept(stream)).await else { return };
    let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let names = leaf.map(peer_identity).unwrap_or_default();
    let certificate = leaf.map(|leaf| chain::hex(&Sha256::digest(leaf)));
    serve(desk, TokioIo::new(stream), Caller { names, certificate, guarded: true }, guest).await;
}

async fn serve<I: Read + Write + Unpin>(desk: Arc<Desk>, io: I, caller: Caller, guest: &Guest) {
    let caller = Arc::new(caller);
    let service = service_fn(move |request: Request<Incoming>| {
        let (desk, caller) = (Arc::clone(&desk), Arc::clone(&caller));
        async move {
            let asking = guest.asks();
            let response = if reviews::concerns(request.uri().path()) {
                reviews::answer(&desk.handle, &desk.telemetry, &desk.denials, &caller, request).await
            } else {
                desk.answer(&request)
            };
            Ok::<_, Infallible>(response.map(|body| Told::new(body, asking)))
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(16 << 10)
        .serve_connection(io, service);
    // How a connection of this listener ends concerns only its client.
    let _ = served.await;
}

impl Desk {
    /// Writes records of the calls that were refused and have none.
    fn tell_denials(&self) {
        self.denials.end().into_iter().for_each(|entry| self.handle.note(entry));
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(request.method(), &Method::GET | &Method::HEAD) {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET is served\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match request.uri().path() {
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" if self.handle.is_draining() => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
            "/readyz" if self.handle.audit().is_some_and(Health::is_failing) => {
                text(StatusCode::SERVICE_UNAVAILABLE, "audit unavailable\n")
            }
            "/readyz" if self.handle.self_test_fails() => {
                text(StatusCode::SERVICE_UNAVAILABLE, "the self-test fails\n")
            }
            "/readyz" if self.handle.cannot_hold() => {
                text(StatusCode::SERVICE_UNAVAILABLE, "the store of held requests is unavailable\n")
            }
            "/readyz" => text(StatusCode::OK, "ready\n"),
            "/metrics" => {
                self.handle.refresh_metrics();
                let mut response = text(StatusCode::OK, self.telemetry.render());
                let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, format);
                response
            }
            _ => text(StatusCode::NOT_FOUND, "there are /healthz, /readyz and /metrics\n"),
        }
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
