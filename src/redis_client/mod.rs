//! One connection to a Redis server, made when it is needed, given up when it does not answer, and made again.
//!
//! Enters: a way to reach the server, and commands. Leaves: their answers, or a [`Fault`] that says nothing of what was
//! asked. Commands of any number of tasks share the connection in a pipeline. Nobody waits longer than the settings say,
//! and a server that is away is not asked more often than a growing pause allows: meanwhile every command fails at once.
//! Who does not wait for a connection to come does not break it off: it is made by a task of its own. No reply is larger
//! than those that are asked for (`bounded`). Sockets and TLS are those of the floors above ([`Dial`]).

mod bounded;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, RedisConnectionInfo, RedisError, RedisResult, ServerErrorKind};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use crate::policy::RedisSettings;

use bounded::Bounded;

/// The pause after a first failure to connect; it doubles with each that follows, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Commands that wait to be written; more wait in their own tasks.
const PIPELINE: usize = 256;

/// A connection's bytes, with TLS or without.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// A connection to come.
pub type Dialing = Pin<Box<dyn Future<Output = io::Result<Box<dyn Wire>>> + Send>>;

/// How the server is reached: each call is a new connection.
pub type Dial = Arc<dyn Fn() -> Dialing + Send + Sync>;

/// Why a command has no answer. It says nothing of the command or of what it carried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// There is no connection. Nothing was asked.
    Connect,
    /// The server does not know the user, or the user may not do this.
    Denied,
    /// The server is not as it must be: the sentence says how.
    Unfit(&'static str),
    /// There was no answer in time, or the connection broke: the command may have been carried out.
    Lost,
    /// The server refused the command, or answered what cannot be.
    Refused,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "the redis server cannot be reached",
            Self::Denied => "the redis server does not let this user in, or not this far",
            Self::Unfit(how) => how,
            Self::Lost => "the redis server did not answer",
            Self::Refused => "the redis server refused a command",
        })
    }
}

impl std::error::Error for Fault {}

/// What a server must be for what is kept there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Demands {
    /// Counters: it may forget.
    Nothing,
    /// It never evicts.
    NoEviction,
    /// It never evicts, and has an append-only file.
    Durable,
}

/// A server's client.
pub struct RedisClient(Arc<Client>);

struct Client {
    settings: RedisSettings,
    dial: Dial,
    demands: Demands,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    connection: Option<Connection>,
    /// A connection is being made; this closes once that has an end.
    coming: Option<watch::Receiver<()>>,
    /// Connections so far.
    serial: u64,
    failures: u32,
    /// Until when nobody tries, and why.
    away: Option<(Instant, Fault)>,
}

/// A connection that is there, or one to come.
enum Ready {
    Now(u64, MultiplexedConnection),
    Coming(watch::Receiver<()>),
}

/// A connection that is being made: whatever becomes of that, another may be made then.
struct Connecting(Arc<Client>);

impl Drop for Connecting {
    fn drop(&mut self) {
        self.0.line().coming = None;
    }
}

struct Connection {
    serial: u64,
    commands: MultiplexedConnection,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl RedisClient {
    /// A client that connects once it is asked something.
    #[must_use]
    pub fn new(settings: RedisSettings, dial: Dial, demands: Demands) -> Self {
        Self(Arc::new(Client { settings, dial, demands, line: Mutex::default() }))
    }

    /// The name of a key.
    #[must_use]
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.0.settings.prefix)
    }

    /// Begins to connect, if there is no connection, and waits for nothing.
    pub fn begin(&self) {
        let _ = self.0.ready();
    }

    /// What `work` gives on the connection, within the settings' time.
    ///
    /// # Errors
    /// There is no connection, no answer, or a refusal.
    pub async fn run<T, W>(&self, work: impl FnOnce(MultiplexedConnection) -> W) -> Result<T, Fault>
    where
        W: Future<Output = RedisResult<T>>,
    {
        let (serial, commands) = self.0.connection().await?;
        match timeout(self.0.settings.command_timeout, work(commands)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                let (fault, usable) = judged(&error);
                if !usable {
                    self.0.lost(serial, fault);
                }
                Err(fault)
            }
            Err(_) => {
                self.0.lost(serial, Fault::Lost);
                Err(Fault::Lost)
            }
        }
    }
}

impl Client {
    /// The connection; made, where there is none.
    async fn connection(self: &Arc<Self>) -> Result<(u64, MultiplexedConnection), Fault> {
        loop {
            match self.ready()? {
                Ready::Now(serial, commands) => return Ok((serial, commands)),
                // It closes, and says no more.
                Ready::Coming(mut coming) => while coming.changed().await.is_ok() {},
            }
        }
    }

    /// The connection, or the one to come.
    fn ready(self: &Arc<Self>) -> Result<Ready, Fault> {
        let mut line = self.line();
        if let Some(connection) = &line.connection {
            return Ok(Ready::Now(connection.serial, connection.commands.clone()));
        }
        if let Some(coming) = &line.coming {
            return Ok(Ready::Coming(coming.clone()));
        }
        if let Some((until, fault)) = line.away
            && Instant::now() < until
        {
            return Err(fault);
        }
        let (sender, coming) = watch::channel(());
        line.coming = Some(coming.clone());
        drop(line);
        let client = Arc::clone(self);
        // It ends by itself, within the settings' time.
        tokio::spawn(async move {
            let connecting = Connecting(client);
            let made = timeout(connecting.0.settings.connect_timeout, connecting.0.connect()).await;
            connecting.0.made(made.unwrap_or(Err(Fault::Connect)));
            drop(connecting);
            drop(sender);
        });
        Ok(Ready::Coming(coming))
    }

    /// What came of connecting.
    fn made(&self, made: Result<(MultiplexedConnection, AbortHandle), Fault>) {
        let mut line = self.line();
        match made {
            Ok((commands, driver)) => {
                line.serial += 1;
                line.failures = 0;
                line.away = None;
                let serial = line.serial;
                tracing::info!(server = self.settings.server.host, "connected to redis");
                line.connection = Some(Connection { serial, commands, driver });
            }
            Err(fault) => {
                let known = line.away.is_some_and(|(_, before)| before == fault);
                if !known {
                    tracing::error!(server = self.settings.server.host, %fault, "redis cannot be used");
                }
                let pause = FIRST_PAUSE.saturating_mul(1 << line.failures.min(16)).min(LONGEST_PAUSE);
                line.failures = line.failures.saturating_add(1);
                line.away = Some((Instant::now() + pause, fault));
            }
        }
    }

    async fn connect(&self) -> Result<(MultiplexedConnection, AbortHandle), Fault> {
        let RedisSettings { database, user, password, .. } = &self.settings;
        let stream = Bounded::new((self.dial)().await.map_err(|_| Fault::Connect)?);
        let mut info = RedisConnectionInfo::default().set_db(i64::from(*database));
        if let Some(user) = user {
            info = info.set_username(user);
        }
        if let Some(password) = password {
            info = info.set_password(password.as_str());
        }
        // Its own time-out would be one more: `run` has one for all.
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_pipeline_buffer_size(PIPELINE);
        let connecting = MultiplexedConnection::new_with_config(&info, stream, config);
        let (mut commands, driver) = connecting.await.map_err(|error| match judged(&error).0 {
            Fault::Denied => Fault::Denied,
            _ => Fault::Connect,
        })?;
        let driver = tokio::spawn(driver).abort_handle();
        let fit = self.fit(&mut commands).await;
        if fit.is_err() {
            driver.abort();
        }
        fit.map(|()| (commands, driver))
    }

    /// Whether the server is what it must be, by what it says of itself.
    async fn fit(&self, commands: &mut MultiplexedConnection) -> Result<(), Fault> {
        if self.demands == Demands::Nothing {
            return Ok(());
        }
        let ask = |section: &'static str| {
            let mut commands = commands.clone();
            async move {
                let answer: RedisResult<String> = redis::cmd("INFO").arg(section).query_async(&mut commands).await;
                answer.map_err(|error| judged(&error).0)
            }
        };
        let (memory, persistence) = (ask("memory").await?, ask("persistence").await?);
        if field(&memory, "maxmemory_policy").is_some_and(|policy| policy != "noeviction") {
            return Err(Fault::Unfit("the redis server would evict keys: set maxmemory-policy to noeviction"));
        }
        if field(&persistence, "loading").is_some_and(|loading| loading != "0") {
            return Err(Fault::Connect);
        }
        if self.demands == Demands::Durable {
            if field(&persistence, "aof_enabled") != Some("1") {
                return Err(Fault::Unfit("the redis server has no append-only file: set appendonly to yes"));
            }
            self.warn_of_late_sync(commands).await;
        }
        Ok(())
    }

    /// What is not synced at once may be lost with the server's machine. Some servers do not say how it is.
    async fn warn_of_late_sync(&self, commands: &mut MultiplexedConnection) {
        let answer: RedisResult<Vec<String>> =
            redis::cmd("CONFIG").arg("GET").arg("appendfsync").query_async(commands).await;
        if let Ok(answer) = answer
            && answer.get(1).is_some_and(|value| value != "always")
        {
            tracing::warn!(
                server = self.settings.server.host,
                "redis may lose its last second with its machine: appendfsync is not `always`"
            );
        }
    }

    /// The connection of this serial is not used any more.
    fn lost(&self, serial: u64, fault: Fault) {
        let mut line = self.line();
        if line.connection.as_ref().is_some_and(|connection| connection.serial == serial) {
            tracing::warn!(server = self.settings.server.host, %fault, "the connection to redis is given up");
            line.connection = None;
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        // Whoever holds it leaves it whole.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RedisClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisClient({:?})", self.0.settings)
    }
}

/// A field of what INFO says.
fn field<'i>(info: &'i str, name: &str) -> Option<&'i str> {
    info.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'))
}

/// What an error means, and whether its connection is still good. Its words are not passed on: they may repeat a command.
fn judged(error: &RedisError) -> (Fault, bool) {
    match error.kind() {
        ErrorKind::AuthenticationFailed => (Fault::Denied, false),
        ErrorKind::Server(ServerErrorKind::NoPerm) => (Fault::Denied, true),
        // A server that is no master any more, or not yet one that answers: another connection may find one that is.
        ErrorKind::Server(
            ServerErrorKind::ReadOnly
            | ServerErrorKind::BusyLoading
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ClusterDown,
        ) => (Fault::Refused, false),
        ErrorKind::Server(_) | ErrorKind::Extension => match error.code() {
            Some("NOAUTH" | "WRONGPASS") => (Fault::Denied, false),
            _ => (Fault::Refused, true),
        },
        ErrorKind::UnexpectedReturnType => (Fault::Refused, true),
        _ => (Fault::Lost, false),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::policy::Upstream;

    fn settings(command_timeout: Duration) -> RedisSettings {
        RedisSettings {
            server: Upstream::default(),
            database: 0,
            user: None,
            password: None,
            prefix: String::new(),
            connect_timeout: Duration::from_secs(20),
            command_timeout,
        }
    }

    /// A way to a server that answers every command so, each by a writer of its own; and how often it was taken.
    fn server(
        gate: Option<Arc<tokio::sync::Notify>>,
        answer: impl Fn(&mut Vec<u8>) -> bool + Clone + Send + Sync + 'static,
    ) -> (Dial, Arc<AtomicUsize>, Arc<AtomicUsize>) {
        let (dials, written) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counts = (Arc::clone(&dials), Arc::clone(&written));
        let dial: Dial = Arc::new(move || {
            let (gate, answer) = (gate.clone(), answer.clone());
            let (dials, written) = (Arc::clone(&dials), Arc::clone(&written));
            Box::pin(async move {
                dials.fetch_add(1, Ordering::Relaxed);
                if let Some(gate) = gate {
                    gate.notified().await;
                }
                let (ours, mut theirs) = tokio::io::duplex(64 << 10);
                tokio::spawn(async move {
                    let mut asked = vec![0; 4096];
                    while let Ok(read @ 1..) = theirs.read(&mut asked).await {
                        // Of these commands only the beginnings have the sign of an array.
                        for _ in asked.iter().take(read).filter(|byte| **byte == b'*') {
                            loop {
                                let mut words = Vec::new();
                                let goes_on = answer(&mut words);
                                if theirs.write_all(&words).await.is_err() {
                                    return;
                                }
                                written.fetch_add(words.len(), Ordering::Relaxed);
                                if !goes_on {
                                    break;
                                }
                            }
                        }
                    }
                });
                Ok(Box::new(ours) as Box<dyn Wire>)
            })
        });
        (dial, counts.0, counts.1)
    }

    async fn ping(client: &RedisClient) -> Result<String, Fault> {
        client.run(|mut line| async move { redis::cmd("PING").query_async(&mut line).await }).await
    }

    #[tokio::test]
    async fn a_reply_without_an_end_ends_the_connection() {
        let begun = AtomicUsize::new(0);
        let begun = Arc::new(begun);
        // The first words of the connection are answered; the reply to what is asked is a line that never ends.
        let (dial, _, written) = server(None, move |words| {
            let at = begun.fetch_add(1, Ordering::Relaxed);
            let setup = at < 2;
            words.extend_from_slice(if setup { b"+OK\r\n" } else { b"+" });
            words.resize(if setup { words.len() } else { 64 << 10 }, b'x');
            !setup
        });
        let client = RedisClient::new(settings(Duration::from_secs(20)), dial, Demands::Nothing);
        assert_eq!(ping(&client).await, Err(Fault::Lost), "long before the time is up");
        let most = usize::try_from(bounded::REPLY_BYTES).expect("it fits") + (256 << 10);
        assert!(written.load(Ordering::Relaxed) <= most, "{} bytes were taken in", written.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn who_does_not_wait_breaks_off_no_connection_to_come() {
        let gate = Arc::new(tokio::sync::Notify::new());
        let (dial, dials, _) = server(Some(Arc::clone(&gate)), |words| {
            words.extend_from_slice(b"+OK\r\n");
            false
        });
        let client = RedisClient::new(settings(Duration::from_secs(20)), dial, Demands::Nothing);
        client.begin();
        for _ in 0..3 {
            assert!(timeout(Duration::from_millis(1), ping(&client)).await.is_err(), "the way is not open");
        }
        assert_eq!(dials.load(Ordering::Relaxed), 1, "nobody begins anew");
        gate.notify_one();
        assert_eq!(ping(&client).await.as_deref(), Ok("OK"));
        assert_eq!(dials.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn what_info_says_is_read_by_its_field() {
        let info = "# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n";
        assert_eq!(field(info, "maxmemory_policy"), Some("noeviction"));
        assert_eq!(field(info, "maxmemory"), Some("0"));
        assert_eq!(field(info, "aof_enabled"), None);
    }
}
