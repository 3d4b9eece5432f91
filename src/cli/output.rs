//! Where a filter's bytes go: stdout, or a file that takes its place whole or not at all.
//!
//! A file is written beside its target under another name, synced and moved there by [`Output::commit`]. One that is
//! dropped without it leaves no trace, and the target stays as it was.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};

use super::Failure;
use super::input::PIECE;

/// An open output.
#[derive(Debug)]
pub(super) enum Output {
    /// Standard output.
    Stdout(StdoutLock<'static>),
    /// A file in the making.
    File(Replacement),
}

/// A file that is to take another's place.
#[derive(Debug)]
pub(super) struct Replacement {
    file: BufWriter<File>,
    fresh: PathBuf,
    target: PathBuf,
    done: bool,
}

impl Output {
    /// Standard output.
    pub(super) fn stdout() -> Self {
        Self::Stdout(io::stdout().lock())
    }

    /// A file at `target`; with the permissions and, where that is allowed, the owner of `like`.
    pub(super) fn replacing(target: &Path, like: Option<&Metadata>) -> Result<Self, Failure> {
        let fault = |error: &io::Error| Failure::io(target.display(), error);
        let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut name = std::ffi::OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        let mut noise = [0_u8; 8];
        getrandom::fill(&mut noise).map_err(|_| Failure::failed("the system gives no randomness"))?;
        name.push(format!(".{:016x}", u64::from_ne_bytes(noise)));
        let fresh = directory.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            // Nobody else reads it before it has the permissions that it is to keep.
            options.mode(if like.is_some() { 0o600 } else { 0o666 });
        }
        let file = options.open(&fresh).map_err(|error| fault(&error))?;
        let made =
            Replacement { file: BufWriter::with_capacity(PIECE, file), fresh, target: target.to_owned(), done: false };
        if let Some(like) = like {
            // Only root gives files away; anyone else's copy is their own, as with sed.
            #[cfg(unix)]
            let _ = {
                use std::os::unix::fs::{MetadataExt, fchown};
                fchown(made.file.get_ref(), Some(like.uid()), Some(like.gid()))
            };
            fs::set_permissions(&made.fresh, like.permissions()).map_err(|error| fault(&error))?;
        }
        Ok(Self::File(made))
    }

    /// Makes what was written stand: flushed, and for a file synced and moved to its place.
    pub(super) fn commit(mut self) -> io::Result<()> {
        self.flush()?;
        if let Self::File(made) = &mut self {
            made.file.get_ref().sync_all()?;
            fs::rename(&made.fresh, &made.target)?;
            made.done = true;
        }
        Ok(())
    }

    /// The name for messages.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Stdout(_) => "stdout".to_owned(),
            Self::File(made) => made.target.display().to_string(),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File(made) => made.file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(made) => made.file.flush(),
        }
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.done {
            // It is known by its name to nobody else; a file that cannot be removed holds redacted text only.
            let _ = fs::remove_file(&self.fresh);
        }
    }
}
