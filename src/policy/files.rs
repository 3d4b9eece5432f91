//! Files in, values with their places out. The one room that reads the disk.
//!
//! Every file is read once in a load, up to a bound, and hashed, so that what was checked is what is used and a later
//! change can be seen. The TOML tree is walked by hand: a bad key is reported and the next one still looked at. A key
//! that nobody asked for is unknown.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::{ErrorKind, Read};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::diagnostic::{Place, Report, Source, nearest, quote};

/// Largest TOML, PEM or key file.
pub(crate) const FILE_LIMIT: u64 = 1 << 20;
/// Longest duration that a file may state.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// SHA-256 of a file's bytes.
pub type FileHash = [u8; 32];

/// A file's bytes and, where the system has them, its permission bits.
pub(crate) struct Contents {
    /// The bytes; wiped when dropped, since they may be a key.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// Permission bits.
    pub(crate) mode: Option<u32>,
}

impl Contents {
    fn hash(&self) -> FileHash {
        Sha256::digest(self.bytes.as_slice()).into()
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Contents({} bytes)", self.bytes.len())
    }
}

/// Why a file has no contents.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ReadError {
    /// There is no such file.
    Missing,
    /// The system does not let us.
    Denied,
    /// A directory, a device or a pipe.
    NotAFile,
    /// Larger than this many bytes.
    TooLarge(u64),
    /// Anything else.
    Other(ErrorKind),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("does not exist"),
            Self::Denied => f.write_str("may not be read by this user"),
            Self::NotAFile => f.write_str("is not a regular file"),
            Self::TooLarge(limit) => write!(f, "is larger than {} MiB", limit >> 20),
            Self::Other(kind) => write!(f, "cannot be read ({kind})"),
        }
    }
}

/// A file that was asked for, and what was found.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// The file.
    pub(crate) path: PathBuf,
    /// The hash of what was read; none where it could not be.
    pub(crate) hash: Option<FileHash>,
    limit: u64,
}

impl Watched {
    /// Whether the file differs now.
    pub(crate) fn changed(&self) -> bool {
        read(&self.path, self.limit).ok().map(|contents| contents.hash()) != self.hash
    }
}

/// The files of one load.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    cache: HashMap<PathBuf, Result<Arc<Contents>, ReadError>>,
    read: Vec<Watched>,
}

impl Disk {
    /// The contents of `path`, read at most once.
    pub(crate) fn contents(&mut self, path: &Path, limit: u64) -> Result<Arc<Contents>, ReadError> {
        if let Some(known) = self.cache.get(path) {
            return known.clone();
        }
        let result = read(path, limit).map(Arc::new);
        let hash = result.as_ref().ok().map(|contents| contents.hash());
        self.read.push(Watched { path: path.to_owned(), hash, limit });
        self.cache.insert(path.to_owned(), result.clone());
        result
    }

    /// As [`Disk::contents`]; what goes wrong is reported at `place`, which names the file.
    pub(crate) fn wanted(
        &mut self,
        path: &Path,
        limit: u64,
        place: &Place,
        report: &mut Report,
    ) -> Option<Arc<Contents>> {
        match self.contents(path, limit) {
            Ok(contents) => Some(contents),
            Err(error) => {
                let help = match error {
                    ReadError::Missing => "paths are relative to the file that names them",
                    ReadError::Denied => "let the user that runs blackbar read it",
                    ReadError::NotAFile => "name a file",
                    ReadError::TooLarge(_) => "split it, or name the right file",
                    ReadError::Other(_) => "see the system's log",
                };
                report.error(place, "file", format!("{} {error}", path.display())).help(help);
                None
            }
        }
    }

    /// The text of a TOML file named at `place`.
    pub(crate) fn source(&mut self, path: &Path, place: &Place, report: &mut Report) -> Option<Arc<Source>> {
        let contents = self.wanted(path, FILE_LIMIT, place, report)?;
        match std::str::from_utf8(&contents.bytes) {
            Ok(text) => Some(Source::new(path, text.to_owned())),
            Err(error) => {
                let message = format!("not UTF-8 at byte {}", error.valid_up_to());
                report.error(&Place::file(path), "toml-syntax", message).help("save the file as UTF-8");
                None
            }
        }
    }

    /// Every file that was asked for, in order.
    pub(crate) fn files(&self) -> &[Watched] {
        &self.read
    }
}

fn read(path: &Path, limit: u64) -> Result<Contents, ReadError> {
    let fault = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => ReadError::Missing,
        ErrorKind::PermissionDenied => ReadError::Denied,
        kind => ReadError::Other(kind),
    };
    // Before it is opened: opening a pipe would wait for its writer.
    if !fs::metadata(path).map_err(fault)?.is_file() {
        return Err(ReadError::NotAFile);
    }
    let file = fs::File::open(path).map_err(fault)?;
    let metadata = file.metadata().map_err(fault)?;
    let mut bytes = Zeroizing::new(Vec::new());
    if metadata.len() > limit {
        return Err(ReadError::TooLarge(limit));
    }
    // One more than was announced, so that the vector need not grow and leave a copy of a key behind.
    bytes.reserve_exact(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    file.take(limit + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLarge(limit));
    }
    Ok(Contents { bytes, mode: mode(&metadata) })
}

/// The permissions of a folder that is there.
pub(crate) fn folder_mode(folder: &Path) -> Option<u32> {
    fs::metadata(folder).ok().filter(fs::Metadata::is_dir).and_then(|about| mode(&about))
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    Some(metadata.mode() & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> Option<u32> {
    None
}

/// `name` seen from the folder of `file`.
pub(crate) fn beside(file: &Path, name: &str) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(name)
}

/// Parses `source` and hands its root to `walk`, unless the text is not TOML: then every syntax error is reported.
pub(crate) fn walk<R>(
    source: &Arc<Source>,
    report: &mut Report,
    walk: impl FnOnce(Fields<'_>, &mut Report) -> R,
) -> Option<R> {
    let (tree, errors) = DeTable::parse_recoverable(source.text());
    let mut readable = true;
    for error in &errors {
        let place = Place::new(source, error.span().map_or(0, |span| span.start));
        let message = error.message().lines().collect::<Vec<_>>().join(" ");
        // The parser keeps the first of two equal keys, so the rest of the file can still be looked at.
        let duplicate = message.starts_with("duplicate key");
        readable &= duplicate;
        if duplicate {
            report.error(&place, "duplicate-key", "this key is there twice").help("keep one of the two");
        } else {
            let help = "once it is TOML, the rest is looked at too";
            report.error(&place, "toml-syntax", format!("not TOML: {message}")).help(help);
        }
    }
    readable.then(|| walk(Fields::new(source, tree.get_ref(), 0, "the file"), report))
}

/// A table, and which of its keys were asked for.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    source: &'a Arc<Source>,
    table: &'a DeTable<'a>,
    offset: usize,
    what: &'static str,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    fn new(source: &'a Arc<Source>, table: &'a DeTable<'a>, offset: usize, what: &'static str) -> Self {
        Self { source, table, offset, what, asked: Vec::new() }
    }

    /// Where the table begins.
    pub(crate) fn place(&self) -> Place {
        Place::new(self.source, self.offset)
    }

    /// The file.
    pub(crate) fn source(&self) -> &'a Arc<Source> {
        self.source
    }

    /// Whether `key` is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether the value of `key` is this text.
    pub(crate) fn says(&self, key: &str, text: &str) -> bool {
        self.table.get(key).is_some_and(|value| value.get_ref().as_str() == Some(text))
    }

    /// Where the value of `key` is written; the table's place where it is missing.
    pub(crate) fn value_place(&self, key: &str) -> Place {
        self.table.get(key).map_or_else(|| self.place(), |value| Place::new(self.source, value.span().start))
    }

    /// The value of `key`, which is known from now on.
    pub(crate) fn value(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.asked.push(key);
        self.table.get(key).map(|value| Value { source: self.source, key, value })
    }

    /// As [`Fields::value`]; a missing key is an error.
    pub(crate) fn wanted(&mut self, key: &'static str, help: &str, report: &mut Report) -> Option<Value<'a>> {
        let value = self.value(key);
        if value.is_none() {
            report.error(&self.place(), "missing-key", format!("{} has no `{key}`", self.what)).help(help);
        }
        value
    }

    /// A string.
    pub(crate) fn text(&mut self, key: &'static str, report: &mut Report) -> Option<&'a str> {
        self.value(key)?.text(report)
    }

    /// A list of strings; empty where the key is missing.
    pub(crate) fn texts(&mut self, key: &'static str, report: &mut Report) -> Vec<(&'a str, Place)> {
        self.value(key).map(|value| value.texts(report)).unwrap_or_default()
    }

    /// The tables of `[[key]]`; empty where the key is missing.
    pub(crate) fn tables(&mut self, key: &'static str, what: &'static str, report: &mut Report) -> Vec<Fields<'a>> {
        self.value(key).map(|value| value.tables(what, report)).unwrap_or_default()
    }

    /// Every key with its value, in the order of the file. All are known then.
    pub(crate) fn entries(&self) -> Vec<(&'a str, Place, Value<'a>)> {
        let mut entries: Vec<_> = self.table.iter().map(|(key, value)| (key.span().start, key, value)).collect();
        entries.sort_by_key(|(offset, _, _)| *offset);
        entries
            .into_iter()
            .map(|(offset, key, value)| {
                let key: &str = key.get_ref().as_ref();
                let value = Value { source: self.source, key, value };
                (key, Place::new(self.source, offset), value)
            })
            .collect()
    }

    /// Reports the keys that nobody asked for.
    pub(crate) fn finish(self, report: &mut Report) {
        for (key, place, _) in self.entries() {
            if self.asked.contains(&key) {
                continue;
            }
            let error = report.error(&place, "unknown-key", format!("unknown key {} in {}", quote(key), self.what));
            match nearest(key, self.asked.iter().copied()) {
                Some(name) => error.help(format!("did you mean `{name}`?")),
                None => error.help(format!("known are {}", self.asked.join(", "))),
            }
        }
    }
}

/// A value and its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    source: &'a Arc<Source>,
    /// The key that it is the value of, or that it is in the list of.
    key: &'a str,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Value<'a> {
    /// Where it begins.
    pub(crate) fn place(&self) -> Place {
        Place::new(self.source, self.value.span().start)
    }

    fn wrong_type(&self, wanted: &str, report: &mut Report) {
        let given = match self.value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        report.error(&self.place(), "wrong-type", format!("{}: expected {wanted}, found {given}", quote(self.key)));
    }

    /// The string, if it is one.
    pub(crate) fn as_text(&self) -> Option<&'a str> {
        self.value.get_ref().as_str()
    }

    /// A string.
    pub(crate) fn text(&self, report: &mut Report) -> Option<&'a str> {
        let text = self.as_text();
        if text.is_none() {
            self.wrong_type("a string", report);
        }
        text
    }

    /// The boolean, if it is one.
    pub(crate) fn as_flag(&self) -> Option<bool> {
        self.value.get_ref().as_bool()
    }

    /// A boolean.
    pub(crate) fn flag(&self, report: &mut Report) -> Option<bool> {
        let flag = self.value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type("true or false", report);
        }
        flag
    }

    /// An integer within `range`.
    pub(crate) fn integer(&self, range: RangeInclusive<i64>, report: &mut Report) -> Option<i64> {
        let Some(integer) = self.value.get_ref().as_integer() else {
            self.wrong_type("an integer", report);
            return None;
        };
        let number =
            i64::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|number| range.contains(number));
        if number.is_none() {
            let message =
                format!("{} is out of range; {} to {} is allowed", quote(self.key), range.start(), range.end());
            report.error(&self.place(), "out-of-range", message);
        }
        number
    }

    /// A size in bytes: an integer, or a string with `B`, `KiB`, `MiB` or `GiB`.
    pub(crate) fn size(&self, max: u64, report: &mut Report) -> Option<u64> {
        let Some(text) = self.as_text() else {
            let max = i64::try_from(max).unwrap_or(i64::MAX);
            return self.integer(1..=max, report).and_then(|size| u64::try_from(size).ok());
        };
        let Some(size) = parse_size(text) else {
            report
                .error(&self.place(), "wrong-type", format!("{}: {} is not a size", quote(self.key), quote(text)))
                .help("write bytes as a number, or \"64KiB\", \"8MiB\", \"1GiB\"");
            return None;
        };
        if size == 0 || size > max {
            report.error(
                &self.place(),
                "out-of-range",
                format!("{} is out of range; 1 to {max} bytes is allowed", quote(self.key)),
            );
            return None;
        }
        Some(size)
    }

    /// A duration above zero: seconds as a number, or a string with `ms`, `s`, `m` or `h`.
    pub(crate) fn duration(&self, report: &mut Report) -> Option<Duration> {
        self.duration_up_to(LONGEST, report)
    }

    /// The same, up to another bound.
    pub(crate) fn duration_up_to(&self, longest: Duration, report: &mut Report) -> Option<Duration> {
        let duration = match self.value.get_ref() {
            DeValue::String(text) => parse_duration(text),
            DeValue::Integer(number) => {
                parse_duration(&format!("{}s", number.as_str())).filter(|_| number.radix() == 10)
            }
            DeValue::Float(number) => parse_duration(&format!("{}s", number.as_str())),
            DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                self.wrong_type("a duration", report);
                return None;
            }
        };
        match duration {
            Some(duration) if !duration.is_zero() && duration <= longest => Some(duration),
            Some(_) => {
                let hours = longest.as_secs() / 3600;
                let message = format!("{} is out of range; above 0 to {hours} hours is allowed", quote(self.key));
                report.error(&self.place(), "out-of-range", message);
                None
            }
            None => {
                report
                    .error(&self.place(), "wrong-type", format!("{} is not a duration", quote(self.key)))
                    .help("write seconds as a number, or \"500ms\", \"10s\", \"5m\", \"1h\"");
                None
            }
        }
    }

    /// The elements of a list.
    pub(crate) fn list(&self, wanted: &str, report: &mut Report) -> Vec<Value<'a>> {
        match self.value.get_ref() {
            DeValue::Array(items) => items.iter().map(|value| Value { value, ..*self }).collect(),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Table(_) => {
                self.wrong_type(wanted, report);
                Vec::new()
            }
        }
    }

    /// A list of strings; an element that is none is reported and left out.
    pub(crate) fn texts(&self, report: &mut Report) -> Vec<(&'a str, Place)> {
        let items = self.list("a list of strings", report);
        items.iter().filter_map(|item| Some((item.text(report)?, item.place()))).collect()
    }

    /// Whether it is a table.
    pub(crate) fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    /// The table, if it is one.
    pub(crate) fn as_table(&self, what: &'static str) -> Option<Fields<'a>> {
        let table = self.value.get_ref().as_table()?;
        Some(Fields::new(self.source, table, self.value.span().start, what))
    }

    /// A table.
    pub(crate) fn table(&self, what: &'static str, report: &mut Report) -> Option<Fields<'a>> {
        let table = self.as_table(what);
        if table.is_none() {
            self.wrong_type("a table", report);
        }
        table
    }

    /// A list of tables, as `[[name]]` writes it.
    pub(crate) fn tables(&self, what: &'static str, report: &mut Report) -> Vec<Fields<'a>> {
        if self.is_table() {
            report
                .error(&self.place(), "wrong-type", format!("{what} is a list of tables"))
                .help("write double brackets");
            return Vec::new();
        }
        let items = self.list("a list of tables", report);
        items.iter().filter_map(|item| item.table(what, report)).collect()
    }
}

/// `number` and one of the units; the number may have a fraction.
fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let scale = match unit.trim_start() {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * scale).ok()
}

fn parse_size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let shift = match unit.trim_start() {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_have_units() {
        assert_eq!(parse_duration("10s"), Some(Duration::from_secs(10)));
        assert_eq!(parse_duration("500 ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("1.5m"), Some(Duration::from_secs(90)));
        for bad in ["", "s", "10", "-1s", "1.2.3s", "1d", "1e5s", "9999999999999999999999999s"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
        assert_eq!(parse_size("64KiB"), Some(65536));
        assert_eq!(parse_size("8 MiB"), Some(8 << 20));
        for bad in ["", "KiB", "64", "64KB", "64 kib", "-1B", "99999999999999999999B", "18446744073709551615GiB"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_directory_and_a_missing_file_have_no_contents() {
        let mut disk = Disk::default();
        assert_eq!(disk.contents(Path::new("/"), FILE_LIMIT).err(), Some(ReadError::NotAFile));
        assert_eq!(disk.contents(Path::new("/no/such/file"), FILE_LIMIT).err(), Some(ReadError::Missing));
        assert_eq!(disk.files().len(), 2);
    }
}
