//! The audit log on its way to where others keep it: each record at least once, in order, whatever stops in between.
//!
//! Enters: the log as it is written, and a cursor that outlives the process. Leaves: batches to each target, and the
//! cursor behind what it has confirmed. A target that takes nothing holds up nobody: the log is the queue, one
//! batch is in memory, the lag is a metric. Every record has its `log` and `seq`, so that who gets one twice can tell.

mod file;
pub(super) mod http;
mod syslog;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::audit::tail::{Batch, Tail};
use crate::policy::{Export, Format, Target};
use crate::telemetry::Telemetry;

use super::tls::TlsFault;

/// Records of a batch.
pub(super) const RECORDS: usize = 500;
/// Bytes of a batch, besides its last record.
pub(super) const BYTES: usize = 1 << 20;
/// How long a target may take for a batch.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks for new records.
const LOOK: Duration = Duration::from_millis(250);
/// The wait after a first failure, which doubles with each that follows.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The folder of the cursors, within the log's.
const FOLDER: &str = "export";

/// Why a batch is not confirmed. It names nothing that was sent or answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::proxy) enum Fault {
    /// There is no connection.
    Connect,
    /// It broke off.
    Broken,
    /// The target did not take it: an HTTP status.
    Refused(u16),
    /// It took too long.
    Slow,
    /// The log or the cursor cannot be read or written.
    Disk,
}

impl Fault {
    pub(in crate::proxy) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Broken => "broken",
            Self::Refused(_) => "refused",
            Self::Slow => "slow",
            Self::Disk => "disk",
        }
    }
}

/// How far each target is.
#[derive(Debug)]
pub(super) struct Progress {
    name: String,
    /// The number of the first record that is not confirmed.
    next: AtomicU64,
}

/// The targets of a log.
#[derive(Default)]
pub(super) struct Exports {
    progress: Vec<Arc<Progress>>,
    todo: Vec<Sender>,
}

impl std::fmt::Debug for Exports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Exports({:?})", self.progress)
    }
}

/// One target, and how far it is.
struct Sender {
    way: Way,
    cursor: PathBuf,
    tail: Tail,
    progress: Arc<Progress>,
}

/// A way to a target.
enum Way {
    Http(http::Collector, Format),
    Syslog(syslog::Collector),
    File(file::Appender),
}

impl Exports {
    /// Reads the cursors and what connections need.
    ///
    /// # Errors
    /// A certificate, key or bundle of roots cannot be used.
    pub(super) fn prepare(directory: &Path, exports: &[Export]) -> Result<Self, TlsFault> {
        let (mut progress, mut todo) = (Vec::new(), Vec::new());
        for export in exports {
            let cursor = directory.join(FOLDER).join(format!("{}.cursor", export.name));
            let next = read(&cursor);
            let one = Arc::new(Progress { name: export.name.clone(), next: AtomicU64::new(next) });
            let way = match &export.target {
                Target::Http { upstream, format, inject } => {
                    Way::Http(http::Collector::prepare(upstream, inject)?, *format)
                }
                Target::Syslog { upstream } => Way::Syslog(syslog::Collector::prepare(upstream)?),
                Target::File { path } => Way::File(file::Appender::new(path)),
            };
            progress.push(Arc::clone(&one));
            todo.push(Sender { way, cursor, tail: Tail::new(directory, next), progress: one });
        }
        Ok(Self { progress, todo })
    }

    /// How far each target is.
    pub(super) fn progress(&self) -> Vec<Arc<Progress>> {
        self.progress.clone()
    }

    /// Sends until dropped.
    pub(super) async fn run(self, telemetry: Arc<Telemetry>) {
        let mut sending = tokio::task::JoinSet::new();
        for sender in self.todo {
            sending.spawn(sender.run(Arc::clone(&telemetry)));
        }
        while sending.join_next().await.is_some() {}
    }
}

impl Progress {
    /// Brings the lag up to date, in a log of so many records.
    pub(super) fn tell(&self, records: u64, telemetry: &Telemetry) {
        let lag = records.saturating_sub(self.next.load(Ordering::Relaxed));
        telemetry.set("blackbar_audit_export_lag_records", &[&self.name], i64::try_from(lag).unwrap_or(i64::MAX));
    }
}

impl Sender {
    async fn run(mut self, telemetry: Arc<Telemetry>) {
        let name = self.progress.name.clone();
        let mut wait = FIRST_WAIT;
        telemetry.add("blackbar_audit_export_records_total", &[&name, "sent"], 0);
        loop {
            match self.step(&telemetry).await {
                Ok(0) => tokio::time::sleep(LOOK).await,
                Ok(_) => wait = FIRST_WAIT,
                Err(fault) => {
                    telemetry.add("blackbar_audit_export_failures_total", &[&name, fault.name()], 1);
                    let status = if let Fault::Refused(status) = fault { status } else { 0 };
                    let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                    tracing::warn!(target = %name, fault = fault.name(), status, wait_ms = millis, "the audit is not exported");
                    self.tail.again();
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    /// Sends a batch and moves the cursor behind it; gives how many records it had.
    async fn step(&mut self, telemetry: &Telemetry) -> Result<usize, Fault> {
        let mut batch = tokio::task::block_in_place(|| self.tail.batch(RECORDS, BYTES)).map_err(|_| Fault::Disk)?;
        let name = self.progress.name.as_str();
        if batch.missing > 0 {
            telemetry.add("blackbar_audit_export_records_total", &[name, "lost"], batch.missing);
            tracing::error!(target = %name, records = batch.missing, "records were removed before they were exported");
        }
        let count = batch.lines.len();
        if count > 0 {
            let sending = self.way.deliver(&batch);
            tokio::time::timeout(PATIENCE, sending)
                .await
                .unwrap_or(Err(Fault::Slow))
                .inspect_err(|_| self.way.reset())?;
        }
        if count > 0 || batch.missing > 0 {
            tokio::task::block_in_place(|| write(&self.cursor, batch.next)).map_err(|_| Fault::Disk)?;
            self.tail.advance(&batch);
            self.progress.next.store(batch.next, Ordering::Relaxed);
            telemetry.add("blackbar_audit_export_records_total", &[name, "sent"], count as u64);
        }
        batch.lines.clear();
        Ok(count)
    }
}

impl Way {
    async fn deliver(&mut self, batch: &Batch) -> Result<(), Fault> {
        match self {
            Self::Http(collector, format) => collector.deliver(*format, batch).await,
            Self::Syslog(collector) => collector.deliver(batch).await,
            Self::File(appender) => tokio::task::block_in_place(|| appender.deliver(batch)),
        }
    }

    /// What a connection was is not known any more.
    fn reset(&mut self) {
        if let Self::Http(collector, _) = self {
            collector.reset();
        }
    }
}

/// The number in a cursor; 0 where there is none, or one that was not written whole: a record twice is better than none.
fn read(cursor: &Path) -> u64 {
    let mut text = String::new();
    let read = File::open(cursor).and_then(|file| file.take(32).read_to_string(&mut text));
    read.ok().and_then(|_| text.trim().parse().ok()).unwrap_or(0)
}

/// Puts a number into a cursor, whole or not at all.
fn write(cursor: &Path, next: u64) -> io::Result<()> {
    let folder = cursor.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let begun = cursor.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&begun)?;
    file.write_all(format!("{next}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&begun, cursor)?;
    File::open(folder)?.sync_all()
}
