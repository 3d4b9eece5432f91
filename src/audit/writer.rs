//! The thread that writes: what enters are entries from a bounded queue, what leaves are lines on disk, then acks.
//!
//! A batch is written in one call. With durability `disk` it is synced before its acks; with `os` the acks come after
//! the write and a second thread syncs behind. Whatever fails leaves the log failing: nobody gets an ack, the records
//! are kept, the files are opened anew and cut back to what is known to be on disk, and the rest is written again until
//! that works. A failed sync is never taken back (what it left in the page cache is not known), only written anew.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use crate::policy::Durability;

use super::chain::{Domain, Hash, Tree, hex, tagged};
use super::keys::{Keys, Rotation};
use super::note::{Checkpoint, SigningKey, notes};
use super::queue::{Message, Queue, Waiting};
use super::record::{Place, line, rfc3339};
use super::segment::{Segment, last_line, leads_to, sync_directory};
use super::{Clock, Entry, Health, KeyFault, Kind, Moment, Unavailable};

/// Records that are written at once.
const BATCH: usize = 256;
/// With durability `os`, how long a written record waits for its sync at most, while the disk keeps up.
const SYNC_EVERY: Duration = Duration::from_millis(100);
/// Records between two checkpoints at most, but for those of one batch.
const CHECKPOINT_RECORDS: u64 = 1_000;
/// How long a record waits for its checkpoint.
const CHECKPOINT_AFTER: Duration = Duration::from_secs(10);
/// Records without a checkpoint, and the time of a sync, from which on the writer waits for the disk: with two batches,
/// whose records may each have the clock set before them, and two syncs this stays below what a verifier bears
/// ([`super::verify::UNSEALED_MAX`], [`super::verify::UNSEALED_SPAN`]).
const CHECKPOINT_BEHIND: (u64, Duration) = (1_400, Duration::from_secs(20));
/// A log without new records is signed again.
const CHECKPOINT_IDLE: Duration = Duration::from_secs(3600);
/// How long the thread sleeps at most.
const TICK: Duration = Duration::from_millis(500);
/// Between two attempts to write again, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// The wall clock may differ this much from the monotonic one, in milliseconds, before it counts as set.
const CLOCK_JUMP_MS: u64 = 2_000;

/// What writes a log.
pub(super) struct Writer {
    pub(super) directory: PathBuf,
    /// Held as long as the log is open.
    pub(super) lock: File,
    /// What checkpoints begin with, and their key's name.
    pub(super) origin: String,
    pub(super) log: String,
    pub(super) boot: String,
    pub(super) key: SigningKey,
    /// This one and those before it.
    pub(super) keys: Keys,
    /// Their file does not name the last yet.
    pub(super) keys_unsaved: bool,
    pub(super) durability: Durability,
    pub(super) segment_bytes: u64,
    pub(super) segment_age: Duration,
    pub(super) retention: Option<Duration>,
    pub(super) clock: Clock,
    pub(super) health: Arc<Health>,
    pub(super) tree: Tree,
    pub(super) head: Hash,
    pub(super) segment: Segment,
    /// The segment has its last record and is to give way to the next.
    pub(super) closing: bool,
    pub(super) seal: Seal,
    pub(super) syncer: Option<Syncer>,
    pub(super) failure: Option<Failure>,
    /// Entries that came while the log was failing.
    pub(super) parked: Vec<Entry>,
    /// What the wall clock would have shown at the monotonic clock's zero when it was last said to be set.
    pub(super) epoch_ms: Option<i64>,
    pub(super) last_sync: u64,
    pub(super) last_retire: u64,
}

/// The last checkpoint.
pub(super) struct Seal {
    /// Records under it.
    pub(super) size: u64,
    /// Its hash, as the next names it.
    pub(super) hash: Hash,
    /// When, on the monotonic clock.
    pub(super) at_ns: u64,
}

/// A log that cannot be written.
pub(super) struct Failure {
    since: u64,
    withheld: u64,
    retry_at: u64,
    pause: Duration,
}

/// Another key is to sign.
pub(super) struct Change {
    pub(super) key: SigningKey,
    pub(super) done: SyncSender<Result<(), KeyFault>>,
    pub(super) _slot: OwnedSemaphorePermit,
}

/// A sync, and a checkpoint behind it.
struct Job {
    file: Arc<File>,
    notes: Arc<File>,
    note: Option<String>,
    /// What is on disk then.
    upto: u64,
    size: u64,
}

impl Job {
    fn perform(&self) -> io::Result<()> {
        self.file.sync_data()?;
        if let Some(note) = &self.note {
            // Signed is only what is on disk.
            (&*self.notes).write_all(note.as_bytes())?;
            self.notes.sync_data()?;
        }
        Ok(())
    }
}

/// The thread that syncs behind the writer.
pub(super) struct Syncer {
    jobs: SyncSender<Job>,
    results: Receiver<(Job, io::Result<()>)>,
    busy: bool,
    /// When it was given what it is at, on the monotonic clock.
    since: u64,
}

impl Syncer {
    pub(super) fn start() -> io::Result<Self> {
        let (jobs, taken) = sync_channel::<Job>(1);
        let (done, results) = sync_channel(1);
        std::thread::Builder::new().name("audit-sync".to_owned()).spawn(move || {
            for job in taken {
                let result = job.perform();
                if done.send((job, result)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { jobs, results, busy: false, since: 0 })
    }
}

impl Writer {
    pub(super) fn run(mut self, receiver: &Receiver<Message>, queue: &Queue) {
        let mut batch = Vec::new();
        let mut stopping = false;
        while !stopping {
            self.health.progress.rests();
            let received = receiver.recv_timeout(self.patience());
            self.health.progress.works();
            match received {
                Ok(Message::Records) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Key(change)) => {
                    self.take_all(queue, &mut batch);
                    self.answer(*change);
                }
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => stopping = true,
            }
            self.take_all(queue, &mut batch);
        }
        // Whatever key is still to sign comes too late: who waits for it hears that when it is dropped.
        self.take_all(queue, &mut batch);
        self.stop();
        self.health.progress.rests();
    }

    /// Writes what is laid out, batch by batch, and sees to the rest behind each.
    fn take_all(&mut self, queue: &Queue, batch: &mut Vec<Waiting>) {
        let mut more = true;
        while more {
            more = queue.take(batch, BATCH);
            self.take(batch);
            self.health.progress.works();
            self.keep();
        }
    }

    fn patience(&self) -> Duration {
        if self.failure.is_some() || !self.segment.tail.is_empty() { SYNC_EVERY / 2 } else { TICK }
    }

    /// Writes a batch and answers those who wait for it.
    fn take(&mut self, batch: &mut Vec<Waiting>) {
        if batch.is_empty() {
            return;
        }
        let count = batch.len() as u64;
        let mut acks = Vec::with_capacity(batch.len());
        let parks = self.failure.is_some();
        for waiting in batch.drain(..) {
            let Waiting { entry, ack, _slot } = waiting;
            acks.push(ack);
            if parks {
                self.parked.push(entry);
            } else {
                self.append(entry);
            }
        }
        let written = match parks {
            true => Err(Unavailable),
            false => self.commit().map_err(|error| self.fail(&error)),
        };
        if let (Err(_), Some(failure)) = (written, &mut self.failure) {
            failure.withheld += count;
        }
        for ack in acks {
            // Whoever went away does not wait.
            let _ = ack.send(written);
        }
    }

    /// Writes what has been appended, as the durability wants it before an ack.
    fn commit(&mut self) -> io::Result<()> {
        self.segment.write()?;
        match self.durability {
            Durability::Os => Ok(()),
            Durability::Disk => self.sync(false),
        }
    }

    fn answer(&mut self, change: Change) {
        let changed = self.change_key(change.key);
        // Whoever went away does not wait.
        let _ = change.done.send(changed);
    }

    /// Signs with another key from here on. The record of it bears both signatures, and a checkpoint of the new key
    /// follows before this returns.
    fn change_key(&mut self, key: SigningKey) -> Result<(), KeyFault> {
        if self.failure.is_some() {
            return Err(KeyFault::Unavailable);
        }
        if key.public() == self.key.public() {
            return Ok(());
        }
        let now = self.tick();
        let rotation = Rotation::sign(&self.origin, (self.tree.size(), self.head), &self.key, &key);
        self.keys.push(rotation.clone(), &self.origin).map_err(KeyFault::Refused)?;
        let entry =
            rotation.fields().iter().fold(Entry::new(Kind::KeyRotate), |entry, (name, text)| entry.text(name, text));
        self.place(entry, now);
        self.key = key;
        self.keys_unsaved = true;
        let written = self.segment.write().and_then(|()| self.sync(true)).and_then(|()| self.save_keys());
        // What failed is written again, with the new key: there is no way back.
        written.map_err(|error| {
            self.fail(&error);
            KeyFault::Unavailable
        })
    }

    /// Writes the file of keys, where it does not name them all.
    pub(super) fn save_keys(&mut self) -> io::Result<()> {
        if self.keys_unsaved {
            self.keys.save(&self.directory)?;
            self.keys_unsaved = false;
        }
        Ok(())
    }

    /// Gives an entry its place.
    pub(super) fn append(&mut self, entry: Entry) {
        let now = self.tick();
        self.place(entry, now);
    }

    /// Reads the clock, and tells where it was set. What is counted or signed with a record is taken after this.
    fn tick(&mut self) -> Moment {
        let (now, jump) = self.read_clock();
        if let Some(jump) = jump {
            self.place(jump, now);
        }
        now
    }

    /// Reads the clock; with what is to be told where it was set. Many small steps are one large one.
    fn read_clock(&mut self) -> (Moment, Option<Entry>) {
        let now = (self.clock)();
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let epoch_ms = signed(now.unix_ms).saturating_sub(signed(now.mono_ns / 1_000_000));
        let before = *self.epoch_ms.get_or_insert(epoch_ms);
        let by = before.abs_diff(epoch_ms);
        if by <= CLOCK_JUMP_MS {
            return (now, None);
        }
        self.epoch_ms = Some(epoch_ms);
        let name = if epoch_ms < before { "back_ms" } else { "forward_ms" };
        (now, Some(Entry::new(Kind::ClockJump).number(name, by)))
    }

    fn place(&mut self, entry: Entry, now: Moment) {
        let time = rfc3339(now.unix_ms);
        let place = Place {
            log: &self.log,
            boot: &self.boot,
            seq: self.tree.size(),
            prev: &self.head,
            time: &time,
            mono_ns: now.mono_ns,
        };
        let (line, hash) = line(entry, place);
        self.head = hash;
        self.tree.push(super::chain::leaf(&line));
        self.segment.tail.extend_from_slice(&line);
        self.segment.tail.push(b'\n');
        self.health.records.store(self.tree.size(), Ordering::Relaxed);
    }

    /// Syncs, signs, rotates and retires as it is due; mends what failed.
    fn keep(&mut self) {
        let now = (self.clock)();
        if let Err(error) = self.poll_sync() {
            self.fail(&error);
        }
        if let Some(failure) = &self.failure {
            if now.mono_ns >= failure.retry_at {
                self.retry(now);
            }
            return;
        }
        let kept = if self.rotation_is_due(now) { self.rotate() } else { self.sync_if_due(now) };
        if let Err(error) = kept.and_then(|()| self.retire(now)) {
            self.fail(&error);
        }
    }

    fn checkpoint_is_due(&self, now: Moment) -> bool {
        let since = Duration::from_nanos(now.mono_ns.saturating_sub(self.seal.at_ns));
        let new = self.tree.size() - self.seal.size;
        new >= CHECKPOINT_RECORDS || (new > 0 && since >= CHECKPOINT_AFTER) || since >= CHECKPOINT_IDLE
    }

    fn sync_if_due(&mut self, now: Moment) -> io::Result<()> {
        let checkpoint = self.checkpoint_is_due(now);
        if self.segment.tail.is_empty() {
            self.look()?;
        }
        let waited = Duration::from_nanos(now.mono_ns.saturating_sub(self.last_sync));
        if !checkpoint && (self.segment.tail.is_empty() || waited < SYNC_EVERY) {
            return Ok(());
        }
        let Some(syncer) = &self.syncer else { return self.sync(checkpoint) };
        if syncer.busy {
            let (records, time) = CHECKPOINT_BEHIND;
            let lasts = Duration::from_nanos(now.mono_ns.saturating_sub(syncer.since));
            let behind = self.tree.size() - self.seal.size >= records || lasts >= time;
            return if behind { self.sync(true) } else { Ok(()) };
        }
        self.look()?;
        self.last_sync = now.mono_ns;
        let job = self.job(checkpoint, now);
        if let Some(syncer) = &mut self.syncer {
            syncer.jobs.send(job).map_err(|_| io::Error::other("the thread that syncs has ended"))?;
            (syncer.busy, syncer.since) = (true, now.mono_ns);
        }
        Ok(())
    }

    fn job(&self, checkpoint: bool, now: Moment) -> Job {
        let note = checkpoint.then(|| {
            let checkpoint = Checkpoint {
                size: self.tree.size(),
                root: self.tree.root(),
                head: self.head,
                time: rfc3339(now.unix_ms),
                previous: self.seal.hash,
            };
            self.key.sign(&self.origin, &checkpoint.text(&self.origin))
        });
        let (file, notes) = (Arc::clone(&self.segment.file), Arc::clone(&self.segment.notes));
        Job { file, notes, note, upto: self.segment.synced + self.segment.written as u64, size: self.tree.size() }
    }

    /// Syncs here and now, and signs where `checkpoint` says so.
    pub(super) fn sync(&mut self, checkpoint: bool) -> io::Result<()> {
        self.finish_sync()?;
        let now = (self.clock)();
        self.look()?;
        let job = self.job(checkpoint, now);
        job.perform()?;
        self.synced(&job);
        self.last_sync = now.mono_ns;
        Ok(())
    }

    /// Sees that what is written, and nothing else, is what is found in the directory: files that were taken away or cut take
    /// writes as before.
    fn look(&self) -> io::Result<()> {
        if !self.is_own()? || !self.segment.is_in_place()? {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the files of the log have been taken away"));
        }
        let notes_rest = self.syncer.as_ref().is_none_or(|syncer| !syncer.busy);
        if !self.segment.has_its_length(notes_rest)? {
            return Err(io::Error::other("the files of the log have been cut, or written to by another"));
        }
        Ok(())
    }

    /// Whether the directory is still the one that was opened, with what the log begins with.
    fn is_own(&self) -> io::Result<bool> {
        Ok(leads_to(&self.directory.join("lock"), &self.lock)? && self.directory.join("genesis.json").try_exists()?)
    }

    fn synced(&mut self, job: &Job) {
        let done = usize::try_from(job.upto.saturating_sub(self.segment.synced)).unwrap_or(0);
        self.segment.tail.drain(..done.min(self.segment.tail.len()));
        self.segment.written = self.segment.written.saturating_sub(done);
        self.segment.synced = job.upto;
        if let Some(note) = &job.note {
            let now = (self.clock)();
            self.segment.notes_length += note.len() as u64;
            self.seal =
                Seal { size: job.size, hash: tagged(Domain::Checkpoint, &[note.as_bytes()]), at_ns: now.mono_ns };
            self.health.sealed.store(job.size, Ordering::Relaxed);
            self.health.sealed_at_ms.store(now.unix_ms, Ordering::Relaxed);
        }
    }

    /// Takes what the second thread has done, where it has.
    fn poll_sync(&mut self) -> io::Result<()> {
        let Some(syncer) = self.syncer.as_mut().filter(|syncer| syncer.busy) else { return Ok(()) };
        let Ok((job, result)) = syncer.results.try_recv() else { return Ok(()) };
        syncer.busy = false;
        result.map(|()| self.synced(&job))
    }

    /// Waits for the second thread.
    fn finish_sync(&mut self) -> io::Result<()> {
        let Some(syncer) = self.syncer.as_mut().filter(|syncer| syncer.busy) else { return Ok(()) };
        syncer.busy = false;
        let (job, result) = syncer.results.recv().map_err(|_| io::Error::other("the thread that syncs has ended"))?;
        result.map(|()| self.synced(&job))
    }

    fn rotation_is_due(&self, now: Moment) -> bool {
        let age = Duration::from_millis(now.unix_ms.saturating_sub(self.segment.opened_ms));
        // More than its own first record.
        let used = self.tree.size() > self.segment.first + 1;
        used && (self.segment.length() >= self.segment_bytes || age >= self.segment_age)
    }

    /// Ends the segment and begins the next.
    fn rotate(&mut self) -> io::Result<()> {
        self.finish_sync()?;
        if !self.closing {
            let now = self.tick();
            let count = self.tree.size() + 1 - self.segment.first;
            self.place(Entry::new(Kind::SegmentClose).number("count", count), now);
            self.closing = true;
        }
        self.segment.write()?;
        self.turn()
    }

    /// Signs the segment that has its last record, gives it its name, and begins the next.
    pub(super) fn turn(&mut self) -> io::Result<()> {
        if self.seal.size < self.tree.size() || !self.segment.tail.is_empty() {
            self.sync(true)?;
        }
        let closed = self.closed_path();
        if !closed.exists() {
            self.look()?;
            fs::rename(&self.segment.path, &closed)?;
            sync_directory(&self.directory)?;
        }
        // After the rename: until then an attempt that failed has to open it again.
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o440))?;
        let now = (self.clock)();
        self.segment = Segment::create(&self.directory, self.tree.size(), now)?;
        self.closing = false;
        self.open_segment();
        self.segment.write()?;
        self.sync(false)
    }

    /// What the segment that has its last record is called.
    fn closed_path(&self) -> PathBuf {
        let last = self.tree.size().saturating_sub(1);
        self.directory.join(format!("audit-{:020}-{last:020}.jsonl", self.segment.first))
    }

    /// The first record of a segment: from it the log can be read on without what stands before. That the clock was set
    /// stands behind it.
    pub(super) fn open_segment(&mut self) {
        let (now, jump) = self.read_clock();
        let peaks: Vec<String> = self.tree.peaks().iter().map(|peak| hex(peak)).collect();
        let entry = Entry::new(Kind::SegmentOpen)
            .value("tree", peaks)
            .value("checkpoint", hex(&self.seal.hash))
            .number("checkpoint_size", self.seal.size);
        self.place(entry, now);
        if let Some(jump) = jump {
            self.place(jump, now);
        }
    }

    fn fail(&mut self, error: &io::Error) -> Unavailable {
        self.health.failures.fetch_add(1, Ordering::Relaxed);
        self.health.failing.store(true, Ordering::Release);
        let now = (self.clock)();
        let failure =
            self.failure.get_or_insert(Failure { since: now.mono_ns, withheld: 0, retry_at: 0, pause: RETRY.0 });
        failure.retry_at = now.mono_ns + u64::try_from(failure.pause.as_nanos()).unwrap_or(u64::MAX);
        failure.pause = (failure.pause * 2).min(RETRY.1);
        tracing::error!(kind = %error.kind(), why = %error, "the audit log cannot be written: requests are refused");
        Unavailable
    }

    fn retry(&mut self, now: Moment) {
        match self.mend() {
            Ok(()) => {
                self.failure = None;
                self.health.failing.store(false, Ordering::Release);
                tracing::warn!("the audit log can be written again");
            }
            Err(error) => {
                self.fail(&error);
            }
        }
        self.last_sync = now.mono_ns;
    }

    /// Writes anew what is not known to be on disk, then what has come since.
    fn mend(&mut self) -> io::Result<()> {
        // Whatever the second thread was at: what it has not reported is written again.
        let _ = self.finish_sync();
        if !self.is_own()? {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the directory of the log has been taken away"));
        }
        let mut restored = 0;
        if !(self.closing && self.closed_path().exists()) {
            restored = self.segment.restore(&self.directory)?;
            self.segment.reopen()?;
            self.segment.write()?;
            self.sync(true)?;
        }
        if self.closing {
            self.turn()?;
        }
        // In parts, so that never more is unsigned than a verifier bears.
        while !self.parked.is_empty() {
            let part: Vec<Entry> = self.parked.drain(..BATCH.min(self.parked.len())).collect();
            part.into_iter().for_each(|entry| self.append(entry));
            self.segment.write()?;
            self.sync(true)?;
        }
        if let Some(failure) = &self.failure {
            let lasted = (self.clock)().mono_ns.saturating_sub(failure.since) / 1_000_000;
            let entry = Entry::new(Kind::Recovered).number("withheld", failure.withheld).number("lasted_ms", lasted);
            let entry = entry.number("refused", self.health.refused.swap(0, Ordering::Relaxed));
            let entry = if restored > 0 { entry.number("restored", restored) } else { entry };
            self.append(entry);
        }
        self.segment.write()?;
        self.sync(true)?;
        self.save_keys()
    }

    /// Takes away the oldest segments whose time is over; each leaves a signed word of what it was.
    fn retire(&mut self, now: Moment) -> io::Result<()> {
        let since = Duration::from_nanos(now.mono_ns.saturating_sub(self.last_retire));
        let Some(retention) = self.retention.filter(|_| self.last_retire == 0 || since >= CHECKPOINT_IDLE) else {
            return Ok(());
        };
        self.last_retire = now.mono_ns.max(1);
        let kept = u64::try_from(retention.as_millis()).unwrap_or(u64::MAX);
        let oldest = rfc3339(now.unix_ms.saturating_sub(kept));
        for (first, last) in super::open::closed_segments(&self.directory)? {
            if !self.retire_segment(first, last, &oldest, now)? {
                break;
            }
            self.health.progress.works();
        }
        Ok(())
    }

    fn retire_segment(&mut self, first: u64, last: u64, oldest: &str, now: Moment) -> io::Result<bool> {
        let path = self.directory.join(format!("audit-{first:020}-{last:020}.jsonl"));
        let checkpoints = Segment::checkpoints_path(&self.directory, first);
        let unreadable = || io::Error::other("a closed segment cannot be read");
        let close: Value = serde_json::from_slice(&last_line(&path)?).map_err(|_| unreadable())?;
        let (time, head) = (close.get("ts").and_then(Value::as_str), close.get("h").and_then(Value::as_str));
        let (Some(time), Some(head)) = (time, head) else { return Err(unreadable()) };
        // Times of one form are in the order of their texts.
        if time >= oldest {
            return Ok(false);
        }
        let file = fs::read_to_string(&checkpoints)?;
        let note = notes(&file).0.last().copied().ok_or_else(unreadable)?;
        let sealed = self.keys.open(&self.origin, note).ok_or_else(unreadable)?;
        let text = format!(
            "blackbar-audit/1/removed\n{}\nfirst {first}\nlast {last}\nhead {head}\nroot {}\ncheckpoint {}\ntime {}\nby retention\n",
            self.origin,
            STANDARD.encode(sealed.root),
            hex(&tagged(Domain::Checkpoint, &[note.as_bytes()])),
            rfc3339(now.unix_ms)
        );
        let stub = self.directory.join(format!("audit-{first:020}-{last:020}.stub"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&stub)?;
        file.write_all(self.key.sign(&self.origin, &text).as_bytes())?;
        file.sync_all()?;
        sync_directory(&self.directory)?;
        fs::remove_file(&path)?;
        fs::remove_file(&checkpoints)?;
        sync_directory(&self.directory)?;
        Ok(true)
    }

    /// The last record, a last signature.
    fn stop(&mut self) {
        if self.failure.is_none()
            && let Err(error) = self.look()
        {
            self.fail(&error);
        }
        if self.failure.is_some() && self.mend().is_err() {
            tracing::error!(records = self.parked.len(), "audit records are lost: the log cannot be written");
            return;
        }
        // Those since the log could be written again, and those that found it too far behind.
        let entry = Entry::new(Kind::Stop);
        let entry = match self.health.refused.swap(0, Ordering::Relaxed) {
            0 => entry,
            count => entry.number("refused", count),
        };
        self.append(entry);
        let ended = self.segment.write().and_then(|()| self.sync(true));
        if let Err(error) = ended {
            tracing::error!(kind = %error.kind(), "the audit log could not be ended in order");
        }
    }
}
