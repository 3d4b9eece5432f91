//! A file that grows: what enters are batches, what leaves are lines on the disk. It may be moved away at any time.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::audit::tail::Batch;

use super::Fault;

pub(super) struct Appender {
    path: PathBuf,
}

impl Appender {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Appends a batch and waits for the disk. What a failure left half is cut off again, so that every line is whole.
    pub(super) fn deliver(&self, batch: &Batch) -> Result<(), Fault> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path);
        let mut file = file.map_err(|_| Fault::Disk)?;
        let before = file.metadata().map_err(|_| Fault::Disk)?.len();
        let mut text = batch.lines.join(&b'\n');
        text.push(b'\n');
        file.write_all(&text).and_then(|()| file.sync_data()).map_err(|_| {
            let _ = file.set_len(before);
            Fault::Disk
        })
    }
}
