//! Dead letters: where a workspace's dropped records are kept, sealed.
//!
//! Enters: records. Leaves: files of mode 0600 in a directory, each begun by one process and only ever appended to. Both what
//! the directory holds and how many items that is are bounded; what does not fit is not kept, and the caller is told.
//! Files that were taken away make room again.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{fmt, mem};

use super::read::Items;
use super::{Description, MAGIC, Sealed};

/// A file is followed by another one once it is this long.
const FILE: u64 = 64 << 20;
/// How files are called.
const EXTENSION: &str = "sealed";

/// Why a record was not kept.
#[derive(Debug)]
pub enum NotKept {
    /// There is no room for it.
    Full,
    /// It could not be sealed.
    Seal,
    /// It could not be written.
    Io(io::Error),
}

impl fmt::Display for NotKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("there is no room for more"),
            Self::Seal => f.write_str("it cannot be sealed"),
            Self::Io(error) => write!(f, "it cannot be written: {error}"),
        }
    }
}

impl std::error::Error for NotKept {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Full | Self::Seal => None,
        }
    }
}

/// Keeps the records of one workspace.
pub struct Letterbox {
    directory: PathBuf,
    recipient: [u8; 32],
    /// Bytes that the directory may hold.
    max_bytes: u64,
    /// Items that it may hold.
    max_items: u64,
    shelf: Mutex<Shelf>,
}

/// What the directory holds, as far as it was looked at.
#[derive(Default)]
struct Shelf {
    /// Bytes and items of each file.
    files: BTreeMap<PathBuf, (u64, u64)>,
    current: Option<(PathBuf, File)>,
}

impl Letterbox {
    /// Looks at what the directory holds; it is made if it is missing.
    ///
    /// # Errors
    /// The system's.
    pub fn open(directory: &Path, recipient: [u8; 32], max_bytes: u64, max_items: u64) -> io::Result<Self> {
        if !directory.is_dir() {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(directory)?;
        }
        let mut shelf = Shelf::default();
        shelf.look(directory)?;
        Ok(Self { directory: directory.to_owned(), recipient, max_bytes, max_items, shelf: Mutex::new(shelf) })
    }

    /// Seals a record and writes it behind the others. It is with the system then, not yet on the disk.
    ///
    /// # Errors
    /// Where it is not kept.
    pub fn put(&self, description: Description, content: &[u8]) -> Result<(), NotKept> {
        let file = format!("{}-{}-{}", description.workspace, description.time, description.id);
        let sealed = Sealed::seal(&self.recipient, description, content).map_err(|_| NotKept::Seal)?;
        let bytes = sealed.to_bytes();
        // A panic elsewhere leaves nothing here half done that the next look would not see.
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let needed = (bytes.len() + MAGIC.len()) as u64;
        if !self.has_room(&shelf, needed) {
            shelf.look(&self.directory).map_err(NotKept::Io)?;
            if !self.has_room(&shelf, needed) {
                return Err(NotKept::Full);
            }
        }
        shelf.append(&self.directory, &file, &bytes).map_err(NotKept::Io)
    }

    fn has_room(&self, shelf: &Shelf, needed: u64) -> bool {
        let (bytes, items) = shelf.files.values().fold((0_u64, 0_u64), |sum, file| (sum.0 + file.0, sum.1 + file.1));
        bytes.saturating_add(needed) <= self.max_bytes && items < self.max_items
    }
}

impl fmt::Debug for Letterbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letterbox({})", self.directory.display())
    }
}

impl Shelf {
    /// Looks which files there are; those that are as long as they were are not read again.
    fn look(&mut self, directory: &Path) -> io::Result<()> {
        let before = mem::take(&mut self.files);
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != EXTENSION) {
                continue;
            }
            let length = match fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => metadata.len(),
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let known = before.get(&path).filter(|known| known.0 == length).copied();
            let known = match known {
                Some(known) => known,
                // Items behind a fault count by their bytes alone.
                None => {
                    let items = Items::new(BufReader::new(File::open(&path)?));
                    (length, items.take_while(Result::is_ok).count() as u64)
                }
            };
            self.files.insert(path, known);
        }
        Ok(())
    }

    fn append(&mut self, directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
        let here = self.current.take().filter(|(path, file)| {
            let fits = self.files.get(path).is_some_and(|known| known.0 + bytes.len() as u64 <= FILE);
            fits && is_same(path, file)
        });
        let (path, mut file) = match here {
            Some(here) => here,
            None => {
                // Not `with_extension`: a name may have points.
                let path = directory.join(format!("{name}.{EXTENSION}"));
                let mut options = OpenOptions::new();
                options.append(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let file = begun(&path, options.open(&path)?)?;
                self.files.insert(path.clone(), (MAGIC.len() as u64, 0));
                (path, file)
            }
        };
        let known = self.files.entry(path.clone()).or_default();
        if let Err(error) = file.write_all(bytes) {
            // What was written of it goes, so that the file can be read to its end; else another one is begun.
            if file.set_len(known.0).is_ok() {
                self.current = Some((path, file));
            }
            return Err(error);
        }
        known.0 += bytes.len() as u64;
        known.1 += 1;
        self.current = Some((path, file));
        Ok(())
    }
}

/// Begins a new file. One that cannot be begun, as on a full disk, is not left behind.
fn begun<W: Write>(path: &Path, mut file: W) -> io::Result<W> {
    match file.write_all(MAGIC) {
        Ok(()) => Ok(file),
        Err(error) => {
            // Where it stays nevertheless, it is empty, and readers pass over it.
            let _ = fs::remove_file(path);
            Err(error)
        }
    }
}

/// Whether a file still is the one of that name.
#[cfg(unix)]
fn is_same(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (fs::metadata(path), file.metadata()) {
        (Ok(named), Ok(open)) => (named.dev(), named.ino()) == (open.dev(), open.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_same(path: &Path, _: &File) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a failed test")]

    use super::super::tests::{description, keys};
    use super::*;

    fn files(directory: &Path) -> Vec<PathBuf> {
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn what_is_kept_is_bounded_and_room_that_is_made_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("dead");
        let (private, public) = keys();
        let one = Sealed::seal(&public, description("1"), b"one").unwrap().to_bytes().len() as u64;
        let header = MAGIC.len() as u64;
        let letters = Letterbox::open(&directory, public, 2 * header + 2 * one, 100).unwrap();
        letters.put(description("1"), b"one").unwrap();
        letters.put(description("2"), b"two").unwrap();
        assert!(matches!(letters.put(description("3"), b"x"), Err(NotKept::Full)));
        let [file] = files(&directory).try_into().unwrap();
        let items = Items::new(File::open(&file).unwrap());
        let opened: Vec<_> = items.map(|item| item.unwrap().open(&private).unwrap().to_vec()).collect();
        assert_eq!(opened, [b"one", b"two"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        }
        fs::remove_file(&file).unwrap();
        letters.put(description("4"), b"four").unwrap();
        assert_eq!(files(&directory).len(), 1, "a file that is gone is not written to");
    }

    #[test]
    fn the_number_of_items_is_bounded_over_all_files() {
        let folder = tempfile::tempdir().unwrap();
        let (_, public) = keys();
        let open = || Letterbox::open(folder.path(), public, 1 << 20, 3).unwrap();
        let first = open();
        first.put(description("1"), b"one").unwrap();
        first.put(description("2"), b"two").unwrap();
        let second = open();
        second.put(description("3"), b"three").unwrap();
        assert!(matches!(second.put(description("4"), b"four"), Err(NotKept::Full)));
        assert!(matches!(open().put(description("5"), b"five"), Err(NotKept::Full)));
        let [one, two] = files(folder.path()).try_into().unwrap();
        assert_ne!(one, two);
        fs::remove_file(one).unwrap();
        second.put(description("6"), b"six").unwrap();
    }

    #[test]
    fn a_name_with_a_point_is_the_name_of_a_new_file_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let (private, public) = keys();
        for id in ["one", "two", "three"] {
            let letters = Letterbox::open(folder.path(), public, 1 << 20, 10).unwrap();
            let description = Description { workspace: "acme.example.com".to_owned(), ..description(id) };
            letters.put(description, id.as_bytes()).unwrap();
        }
        let mut opened: Vec<_> = files(folder.path())
            .iter()
            .flat_map(|file| Items::new(File::open(file).unwrap()))
            .map(|item| item.unwrap().open(&private).unwrap().to_vec())
            .collect();
        opened.sort();
        assert_eq!(opened, [&b"one"[..], b"three", b"two"]);
    }

    #[test]
    fn a_file_that_cannot_be_begun_is_not_left_behind() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sealed");
        File::create_new(&path).unwrap();
        assert_eq!(begun(&path, Full).err().unwrap().kind(), io::ErrorKind::StorageFull);
        assert!(files(folder.path()).is_empty());
        File::create_new(&path).unwrap();
        let (_, public) = keys();
        Letterbox::open(folder.path(), public, 1 << 20, 3).unwrap().put(description("1"), b"one").unwrap();
    }

    #[test]
    fn a_full_disk_or_a_missing_directory_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (_, public) = keys();
        let directory = folder.path().join("gone");
        let letters = Letterbox::open(&directory, public, 1 << 20, 3).unwrap();
        fs::remove_dir(&directory).unwrap();
        assert!(matches!(letters.put(description("1"), b"one"), Err(NotKept::Io(_))));
        fs::write(folder.path().join("file"), b"").unwrap();
        assert!(Letterbox::open(&folder.path().join("file"), public, 1, 1).is_err());
    }
}
