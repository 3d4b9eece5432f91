//! What people who run the service do, on its way into the log: a process that is not the writer asks the writer.
//!
//! Enters: an [`Act`]. Leaves: a record of kind `admin`, written before the act goes on, or a reason why there is none. The
//! log has one writer. Where a proxy is that, the act waits as a file in `acts/` beside the segments until the proxy
//! has recorded it and taken it away; where none runs, the log is opened, written and closed here. The file's owner is
//! who did it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::policy::AuditSettings;

use super::chain::hex;
use super::{AuditLog, Clock, Entry, Kind, OpenError};

/// The folder of acts that wait, within the log's.
const FOLDER: &str = "acts";
/// Bytes of an act's file.
const ACT_BYTES: u64 = 4 << 10;
/// Acts that are taken up in one round.
const ROUND: usize = 256;
/// Names in the folder that are looked at in one round.
const NAMES: usize = 16 << 10;
/// How long a process waits for the proxy.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// What can be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    /// Sealed tokens are to be opened.
    Reveal,
    /// They have been: how many.
    Revealed,
    /// Dead letters are to be opened.
    DeadLetterShow,
    /// A workspace is stopped.
    Freeze,
    /// It may go on.
    Thaw,
    /// Nothing more is accepted.
    Drain,
    /// Another key is to sign the log.
    RotateKey,
}

impl Deed {
    /// All of them.
    pub(crate) const ALL: [Self; 7] =
        [Self::Reveal, Self::Revealed, Self::DeadLetterShow, Self::Freeze, Self::Thaw, Self::Drain, Self::RotateKey];

    /// The word in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reveal => "reveal",
            Self::Revealed => "revealed",
            Self::DeadLetterShow => "dead_letter_show",
            Self::Freeze => "freeze",
            Self::Thaw => "thaw",
            Self::Drain => "drain",
            Self::RotateKey => "rotate_key",
        }
    }
}

/// What was done, by whom and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Act {
    /// What.
    pub deed: Deed,
    /// In which workspace.
    pub workspace: Option<String>,
    /// Why, in the words of who did it.
    pub reason: Option<String>,
    /// On how many items.
    pub count: Option<u64>,
    /// The user's number; none of the program itself.
    pub uid: Option<u32>,
}

/// Why an act has no record.
#[derive(Debug)]
pub enum NotRecorded {
    /// The folder cannot be written.
    Io(PathBuf, io::Error),
    /// The log cannot be opened.
    Open(OpenError),
    /// The proxy that writes the log has not taken it up in ten seconds.
    NotTaken(PathBuf),
}

impl std::fmt::Display for NotRecorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "audit: cannot write {}: {error}", path.display()),
            Self::Open(error) => write!(f, "{error}"),
            Self::NotTaken(path) => {
                write!(f, "audit: the process that writes {} has recorded nothing for ten seconds", path.display())
            }
        }
    }
}

impl std::error::Error for NotRecorded {}

impl Act {
    /// An act that is about nothing in particular.
    #[must_use]
    pub fn new(deed: Deed) -> Self {
        Self { deed, workspace: None, reason: None, count: None, uid: None }
    }

    /// Its record.
    #[must_use]
    pub fn entry(&self) -> Entry {
        let mut entry = Entry::new(Kind::Admin).text("act", self.deed.name());
        if let Some(workspace) = &self.workspace {
            entry = entry.text("ws", workspace);
        }
        if let Some(reason) = &self.reason {
            entry = entry.text("why", reason);
        }
        if let Some(count) = self.count {
            entry = entry.number("count", count);
        }
        match self.uid {
            Some(uid) => entry.number("uid", u64::from(uid)),
            None => entry,
        }
    }

    /// Has it recorded. Blocks until the record is written.
    ///
    /// # Errors
    /// There is no record, and whoever acts must not go on.
    pub fn record(&self, settings: &AuditSettings, clock: Clock) -> Result<(), NotRecorded> {
        let folder = settings.directory.join(FOLDER);
        let failed = |error| NotRecorded::Io(folder.clone(), error);
        let file = self.leave(&folder).map_err(failed)?;
        let uid = fs::metadata(&file).map_err(failed)?.uid();
        let act = Self { uid: Some(uid), ..self.clone() };
        match AuditLog::open(settings, 1, clock, act.entry()) {
            Ok(log) => {
                log.close();
                fs::remove_file(&file).map_err(failed)
            }
            Err(OpenError::Locked(_)) => taken(&file, &settings.directory),
            Err(error) => {
                let _ = fs::remove_file(&file);
                Err(NotRecorded::Open(error))
            }
        }
    }

    /// Leaves it for the writer of the log.
    fn leave(&self, folder: &Path) -> io::Result<PathBuf> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut name = [0; 16];
        aws_lc_rs::rand::fill(&mut name).map_err(|_| io::Error::other("no randomness"))?;
        let (begun, file) = (folder.join(format!("{}.new", hex(&name))), folder.join(format!("{}.json", hex(&name))));
        let cut = |text: &Option<String>| text.as_deref().map(|text| super::record::bounded(text).into_owned());
        let text = json!({
            "act": self.deed.name(), "ws": cut(&self.workspace), "why": cut(&self.reason), "count": self.count,
        });
        // The writer may be another user.
        let mut open = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&begun)?;
        open.write_all(text.to_string().as_bytes())?;
        open.sync_all()?;
        fs::rename(&begun, &file)?;
        Ok(file)
    }

    fn read(file: &Path) -> Option<Self> {
        let about = fs::symlink_metadata(file).ok()?;
        if !about.is_file() || about.len() > ACT_BYTES {
            return None;
        }
        let mut text = Vec::new();
        fs::File::open(file).ok()?.take(ACT_BYTES).read_to_end(&mut text).ok()?;
        let value: Value = serde_json::from_slice(&text).ok()?;
        let word = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let act = word("act")?;
        Some(Self {
            deed: Deed::ALL.into_iter().find(|deed| deed.name() == act)?,
            workspace: word("ws"),
            reason: word("why"),
            count: value.get("count").and_then(Value::as_u64),
            uid: Some(about.uid()),
        })
    }
}

/// Waits until the writer has taken an act up.
fn taken(file: &Path, log: &Path) -> Result<(), NotRecorded> {
    let rounds = PATIENCE.as_millis() / LOOK.as_millis();
    for _ in 0..rounds {
        if !file.exists() {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    // Whoever takes it away has it: where that is not us, it was recorded after all.
    match fs::remove_file(file) {
        Ok(()) => Err(NotRecorded::NotTaken(log.to_owned())),
        Err(_) => Ok(()),
    }
}

/// What is found in the folder of acts.
#[derive(Default, Debug)]
pub struct Waiting {
    /// The acts that wait to be recorded, each with its file.
    pub acts: Vec<(PathBuf, Act)>,
    /// Files that are no acts. They are left where they are, and keep no act from being found.
    pub strays: usize,
}

/// Looks for acts that wait to be recorded.
#[must_use]
pub fn waiting(directory: &Path) -> Waiting {
    let mut found = Waiting::default();
    let Ok(entries) = fs::read_dir(directory.join(FOLDER)) else { return found };
    for file in entries.take(NAMES).filter_map(|entry| Some(entry.ok()?.path())) {
        // One that is being written is no act yet.
        if is_named(&file, "new") {
            continue;
        }
        match is_named(&file, "json").then(|| Act::read(&file)).flatten() {
            Some(act) => found.acts.push((file, act)),
            None => found.strays += 1,
        }
        if found.acts.len() == ROUND {
            break;
        }
    }
    found
}

/// Whether a file is called as [`Act::leave`] calls its own.
fn is_named(file: &Path, ending: &str) -> bool {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    file.extension().is_some_and(|extension| extension == ending) && stem.len() == 32 && stem.bytes().all(digit)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic here is a failed test")]

    use super::*;

    #[test]
    fn files_that_are_no_acts_keep_none_from_being_found() {
        let folder = tempfile::tempdir().unwrap();
        let acts = folder.path().join(FOLDER);
        fs::create_dir(&acts).unwrap();
        for number in 0..2 * ROUND {
            fs::write(acts.join(format!("{number}.json")), "{}").unwrap();
            fs::write(acts.join(format!("{number:032x}.json")), "{}").unwrap();
        }
        let act = Act { workspace: Some("acme".to_owned()), ..Act::new(Deed::Thaw) };
        let file = act.leave(&acts).unwrap();
        fs::write(acts.join(format!("{:032x}.new", 1)), "{").unwrap();
        let found = waiting(folder.path());
        assert_eq!(found.acts.len(), 1);
        assert_eq!((&found.acts[0].0, &found.acts[0].1.workspace), (&file, &act.workspace));
        assert_eq!(found.strays, 4 * ROUND);
        (0..2 * ROUND).for_each(|_| drop(act.leave(&acts).unwrap()));
        assert_eq!(waiting(folder.path()).acts.len(), ROUND);
    }
}
