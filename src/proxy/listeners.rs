//! The sockets that connections come in by: bound, taken from, and left behind with nobody waiting.
//!
//! Enters: addresses. Leaves: sockets with a place among the connections, each served in a task of its own, until the proxy
//! drains; those that the kernel has answered by then are served too. A Unix socket's file goes with its listener.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, UnixListener};
use tokio::sync::mpsc;

use crate::policy::ListenAddress;
use crate::telemetry::NO_WORKSPACE;

use super::connection::{self, Socket};
use super::peer::Entrance;
use super::start::StartError;
use super::{Address, Shared};

/// After an accept that failed for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections that the kernel keeps for a listener until they are taken.
const BACKLOG: u32 = 1024;
/// How long those are taken that wait there when a drain begins.
const LAST_LOOK: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) enum Front {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Front {
    pub(super) fn bind(address: &ListenAddress) -> Result<(Self, Address), StartError> {
        let failed = |source| StartError::Bind { address: address.to_string(), source };
        match address {
            ListenAddress::Tcp(at) => {
                let listener = listen_tcp(*at).map_err(failed)?;
                let at = listener.local_addr().map_err(failed)?;
                Ok((Self::Tcp(listener), Address::Tcp(at)))
            }
            ListenAddress::Unix(path) => {
                let listener = listen_unix(path).map_err(failed)?;
                Ok((Self::Unix(listener, path.clone()), Address::Unix(path.clone())))
            }
        }
    }

    async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Both fail only where the client has left already.
                let _ = stream.set_nodelay(true);
                #[cfg(target_os = "linux")]
                let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT);
                Ok(Socket::Tcp(stream))
            }
            Self::Unix(listener, _) => Ok(Socket::Unix(listener.accept().await?.0)),
        }
    }
}

/// Bytes that wait in the kernel for a client's connection before more are taken, where the system has such a bound. Without it
/// megabytes wait there, and who reads them slowly looks for a long time like one who reads nothing.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 64 << 10;

/// Binds a TCP address so that a restart need not wait for old connections to be forgotten.
///
/// # Errors
/// The system's.
pub fn listen_tcp(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = if at.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(at)?;
    socket.listen(BACKLOG)
}

/// Binds a Unix socket; one that nobody listens on any more gives way, and nothing else does.
///
/// # Errors
/// The system's; or something stands there that is no socket, or that somebody answers on.
pub fn listen_unix(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            if !is_socket(path)? {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket"));
            }
            if !is_deserted(path)? {
                return Err(error);
            }
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        bound => bound,
    }
}

/// Whether what stands at a path is a socket itself, and not a link to one.
fn is_socket(path: &Path) -> io::Result<bool> {
    Ok(std::fs::symlink_metadata(path)?.file_type().is_socket())
}

/// Whether nobody listens on a socket. Without waiting: one whose queue is full has somebody.
fn is_deserted(path: &Path) -> io::Result<bool> {
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let refused = socket
        .connect(&socket2::SockAddr::unix(path)?)
        .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    Ok(refused)
}

/// Takes connections until the proxy drains. The kernel has answered some that nobody has taken by then: their clients think
/// that they are served, and are.
pub(super) async fn accept(shared: Arc<Shared>, index: usize, front: Front, alive: mpsc::Sender<()>) {
    let front = RemovedAtEnd(front);
    let mut drain = shared.draining();
    loop {
        let accepted = tokio::select! {
            biased;
            () = connection::drained(&mut drain) => break,
            accepted = front.0.accept() => accepted,
        };
        match accepted {
            Ok(socket) => enter(&shared, index, socket, &alive),
            // A client that left before it was accepted is no reason to wait; a lack of descriptors is.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {
            }
            Err(_) => {
                shared.telemetry.rejected(NO_WORKSPACE, "accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    let last = async {
        for _ in 0..BACKLOG {
            let Ok(socket) = front.0.accept().await else { return };
            enter(&shared, index, socket, &alive);
        }
    };
    let _ = tokio::time::timeout(LAST_LOOK, last).await;
}

/// Serves a connection, if there is a place for it.
fn enter(shared: &Arc<Shared>, index: usize, socket: Socket, alive: &mpsc::Sender<()>) {
    let Some(permit) = shared.admission.connection() else {
        return shared.telemetry.rejected(NO_WORKSPACE, "conn_limit");
    };
    // A reload keeps the number of listeners.
    let generation = shared.generation();
    let Some(door) = generation.doors.get(index).cloned() else { return };
    let entrance = Entrance { index, serial: generation.serial };
    drop(generation);
    let (shared, alive) = (Arc::clone(shared), alive.clone());
    tokio::spawn(async move {
        connection::serve(shared, entrance, door, socket, permit).await;
        drop(alive);
    });
}

/// Takes a Unix socket's file away with its listener.
struct RemovedAtEnd(Front);

impl Drop for RemovedAtEnd {
    fn drop(&mut self) {
        if let Front::Unix(_, path) = &self.0
            && is_socket(path).unwrap_or(false)
        {
            let _ = std::fs::remove_file(path);
        }
    }
}
