//! Connections to an ICAP server: kept and used again, as many as the server lets.
//!
//! Enters: a message. Leaves: what the server makes of it, and whether its state (`ISTag`) is another than before. OPTIONS are
//! asked for first and hold for the time that the server says. A kept connection on which something has come since its last
//! answer is closed: answers have no names, and it would be taken for the next one. One that turns out to be closed gives
//! way to a new one, once: nothing has been answered on it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::external::Failure;
use crate::external::icap::{self as codec, Answer, Options, Reader, Ruling, Subject};
use crate::policy::{External, Policy};
use crate::proxy::upstream::{Connector, Shown, UpstreamIo};
use crate::telemetry;

/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(30);
/// What is read at once.
const PIECE: usize = 16 << 10;

/// One service of a server.
pub(super) struct Client {
    connector: Connector,
    host: String,
    uri: String,
    /// The configuration's bound of previews.
    preview: Option<usize>,
    answer_bytes: usize,
    state: Mutex<State>,
    /// As many as there may be connections.
    connections: Semaphore,
    in_flight: usize,
}

/// What is known of the service.
struct State {
    idle: Vec<(Connection, Instant)>,
    options: Option<(Arc<Options>, Instant)>,
    istag: String,
    /// The permits that there are.
    permits: usize,
}

type Connection = TokioIo<UpstreamIo>;

impl Client {
    pub(super) fn new(
        settings: &Arc<External>,
        preview: Option<usize>,
        shown: Option<&Shown>,
        policy: &Policy,
    ) -> Self {
        let to = &settings.upstream;
        let host = if to.host.contains(':') {
            format!("[{}]:{}", to.host, to.port)
        } else {
            format!("{}:{}", to.host, to.port)
        };
        let path = if to.path.is_empty() { "/" } else { to.path.as_str() };
        // Inside TLS it is ICAP all the same.
        let uri = format!("icap://{host}{path}");
        Self {
            connector: Connector::beside(to, shown, policy),
            host,
            uri,
            preview,
            answer_bytes: settings.answer_bytes,
            state: Mutex::new(State {
                idle: Vec::new(),
                options: None,
                istag: String::new(),
                permits: settings.in_flight,
            }),
            connections: Semaphore::new(settings.in_flight),
            in_flight: settings.in_flight,
        }
    }

    /// Asks about a message; whether the server's state is another than before.
    pub(super) async fn ask(&self, subject: &Subject<'_>) -> Result<(Ruling, bool), Failure> {
        let options = self.options().await?;
        let [requests, responses] = options.methods;
        let served = match subject.direction {
            crate::body::Direction::Request => requests,
            crate::body::Direction::Response => responses,
        };
        if !served {
            return Err(Failure::Status);
        }
        let preview = options.preview.map(|asked| self.preview.map_or(asked, |most| asked.min(most)));
        let (first, waits) = codec::ask(subject, (&self.uri, &self.host), preview, options.partial);
        let turn = self.turn().await?;
        let answer = self.exchange(&first, waits.map(|seen| (subject.body, seen))).await;
        drop(turn);
        let answer = answer?;
        let renewed = answer.istag().is_some_and(|tag| self.renewed(tag));
        answer.ruling(subject, options.partial).map(|ruling| (ruling, renewed))
    }

    /// What the server says of the service, asked for when it no longer holds.
    async fn options(&self) -> Result<Arc<Options>, Failure> {
        if let Some((options, until)) = &self.state().options
            && telemetry::now() < *until
        {
            return Ok(Arc::clone(options));
        }
        let turn = self.turn().await?;
        let answer = self.exchange(&codec::ask_options(&self.uri, &self.host), None).await;
        drop(turn);
        let options = Arc::new(answer?.options()?);
        let most = options.max_connections.unwrap_or(self.in_flight).clamp(1, self.in_flight);
        let mut state = self.state();
        if most > state.permits {
            self.connections.add_permits(most - state.permits);
            state.permits = most;
        } else {
            // Those that are lent out now are taken back at the next OPTIONS.
            state.permits -= self.connections.forget_permits(state.permits - most);
        }
        state.options = Some((Arc::clone(&options), telemetry::now() + Duration::from_secs(options.ttl)));
        drop(state);
        if !options.istag.is_empty() {
            self.renewed(&options.istag);
        }
        Ok(options)
    }

    /// Whether a tag is another than the last one; then the OPTIONS are asked for anew.
    fn renewed(&self, tag: &str) -> bool {
        let mut state = self.state();
        let renewed = state.istag != tag;
        if renewed {
            let first = std::mem::replace(&mut state.istag, tag.to_owned()).is_empty();
            if !first {
                let stale = state.options.as_ref().is_some_and(|(options, _)| options.istag != tag);
                state.options = state.options.take().filter(|_| !stale);
            }
        }
        renewed
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, Failure> {
        self.connections.acquire().await.map_err(|_| Failure::Timeout)
    }

    /// Writes a question and reads its answer, on a connection that is kept or on a new one.
    async fn exchange(&self, first: &[u8], rest: Option<(&[u8], usize)>) -> Result<Answer, Failure> {
        let kept = self.kept().await;
        let again = kept.is_some();
        if let Some(connection) = kept {
            match self.attempt(connection, first, rest).await {
                Err(Broken { failure: Failure::Connect, begun: false }) if again => {}
                outcome => return outcome.map_err(|broken| broken.failure),
            }
        }
        let fresh = self.connector.clone().connect().await.map_err(|_| Failure::Connect)?;
        self.attempt(TokioIo::new(fresh), first, rest).await.map_err(|broken| broken.failure)
    }

    async fn attempt(
        &self,
        mut connection: Connection,
        first: &[u8],
        rest: Option<(&[u8], usize)>,
    ) -> Result<Answer, Broken> {
        let mut reader = Reader::new(self.answer_bytes);
        let (mut answer, mut whole) = speak(&mut connection, first, &mut reader).await?;
        if let (Some((body, seen)), 100, true) = (rest, answer.status, whole) {
            let more = codec::rest(body, seen);
            let spoken = speak(&mut connection, &more, &mut reader).await;
            (answer, whole) = spoken.map_err(|broken| Broken { begun: true, ..broken })?;
        }
        if whole && !answer.closes() && answer.status != 100 {
            self.keep(connection);
        }
        Ok(answer)
    }

    async fn kept(&self) -> Option<Connection> {
        loop {
            let mut connection = self.idle()?;
            if is_silent(&mut connection).await {
                return Some(connection);
            }
        }
    }

    fn idle(&self) -> Option<Connection> {
        let now = telemetry::now();
        let mut state = self.state();
        state.idle.retain(|(_, since)| now.saturating_duration_since(*since) < IDLE);
        state.idle.pop().map(|(connection, _)| connection)
    }

    fn keep(&self, connection: Connection) {
        let mut state = self.state();
        if state.idle.len() < state.permits {
            state.idle.push((connection, telemetry::now()));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every holder leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nothing has come on a connection since its last answer, not even its end.
async fn is_silent(connection: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut byte = [0];
    let mut room = ReadBuf::new(&mut byte);
    let looking = poll_fn(|context| {
        let read = Pin::new(&mut *connection).poll_read(context, &mut room);
        Poll::Ready(read.is_pending())
    });
    // A task that has used up its turn would hear nothing.
    tokio::task::unconstrained(looking).await
}

/// An exchange that failed, and whether something of an answer had come.
struct Broken {
    failure: Failure,
    begun: bool,
}

/// Writes, and reads one answer; whether all was written before it came. A server may answer early, and read no more.
async fn speak(connection: &mut Connection, bytes: &[u8], reader: &mut Reader) -> Result<(Answer, bool), Broken> {
    let (mut from, mut to) = tokio::io::split(connection);
    let mut whole = false;
    let answer = {
        let mut writing = std::pin::pin!(async {
            to.write_all(bytes).await?;
            to.flush().await
        });
        let mut reading = std::pin::pin!(read(&mut from, reader));
        let mut over = false;
        loop {
            tokio::select! {
                written = &mut writing, if !over => (over, whole) = (true, written.is_ok()),
                answer = &mut reading => break answer,
            }
        }
    };
    answer.map(|answer| (answer, whole)).map_err(|failure| Broken { failure, begun: reader.has_begun() })
}

async fn read(connection: &mut (impl AsyncRead + Unpin), reader: &mut Reader) -> Result<Answer, Failure> {
    let mut piece = vec![0; PIECE];
    loop {
        let count = connection.read(&mut piece).await.map_err(|_| Failure::Connect)?;
        if count == 0 {
            return Err(Failure::Connect);
        }
        if let Some(answer) = reader.push(piece.get(..count).unwrap_or_default())? {
            return Ok(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic here is a failed test")]

    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn what_comes_unasked_and_an_end_are_heard() {
        for unasked in [&b"ICAP/1.0 204 No\r\n\r\n"[..], b""] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut kept = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (mut server, _) = listener.accept().await.unwrap();
            assert!(is_silent(&mut kept).await);
            server.write_all(unasked).await.unwrap();
            server.shutdown().await.unwrap();
            let heard = async {
                while is_silent(&mut kept).await {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(30), heard).await.unwrap();
        }
    }
}
