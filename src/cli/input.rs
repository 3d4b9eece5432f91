//! Files and stdin as bodies: a path in; a reader, a media type and content codings out.
//!
//! The name says what a body is: endings of codings are taken off from the right, the last one left names the media
//! type. `x.json.gz` is JSON under gzip. Without a name, or with one that says nothing, it is plain text.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Stdin};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use super::Failure;
use crate::body::MediaType;

/// How much is read at once.
pub(super) const PIECE: usize = 64 << 10;
/// Codings that a name may stack.
const LAYERS: usize = 3;

/// Where a body comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// Standard input, also written as `-`.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("stdin"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// What a body's name says about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Format {
    /// The media type.
    pub(super) media_type: &'static str,
    /// Content codings in the order in which they were applied, by their names in HTTP.
    codings: [Option<&'static str>; LAYERS],
}

impl Format {
    /// The value that a Content-Encoding header would have; none where nothing is coded.
    pub(super) fn content_encoding(&self) -> Option<String> {
        let names: Vec<&str> = self.codings.iter().flatten().copied().collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

/// A media type as `--type` takes it.
pub(super) fn media_type_argument(text: &str) -> Result<String, String> {
    match MediaType::parse(text.as_bytes()) {
        Some(_) => Ok(text.to_owned()),
        None => Err("write it as in HTTP, like text/plain or application/json".to_owned()),
    }
}

/// The sources that the command line names; stdin where it names none.
pub(super) fn sources(files: &[PathBuf]) -> Vec<Source> {
    if files.is_empty() {
        return vec![Source::Stdin];
    }
    files.iter().map(|path| if path == Path::new("-") { Source::Stdin } else { Source::File(path.clone()) }).collect()
}

impl Source {
    /// What the name says.
    pub(super) fn format(&self) -> Format {
        let mut format = Format { media_type: "text/plain", codings: [None; LAYERS] };
        let Self::File(path) = self else { return format };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        let mut applied = Vec::new();
        while let Some(coding) = ending(&name).and_then(|ending| coding(&ending)) {
            applied.push(coding);
            name = Path::new(&name).file_stem().unwrap_or_default().to_owned();
            if applied.len() == LAYERS {
                break;
            }
        }
        for (slot, coding) in format.codings.iter_mut().zip(applied.into_iter().rev()) {
            *slot = Some(coding);
        }
        if let Some(media_type) = ending(&name).and_then(|ending| media_type(&ending)) {
            format.media_type = media_type;
        }
        format
    }

    /// Opens it, with a progress bar where someone watches.
    pub(super) fn open(&self, watched: bool) -> Result<Input, Failure> {
        let (reader, length) = match self {
            Self::Stdin => (Reader::Stdin(io::stdin()), None),
            Self::File(path) => {
                let fault = |error: &io::Error| Failure::io(path.display(), error);
                let file = File::open(path).map_err(|error| fault(&error))?;
                let metadata = file.metadata().map_err(|error| fault(&error))?;
                if metadata.is_dir() {
                    return Err(Failure::failed(format!("{}: is a directory", path.display())));
                }
                (Reader::File(file), metadata.is_file().then_some(metadata.len()))
            }
        };
        // Who types the text needs no bar for it.
        let typed = *self == Self::Stdin && io::stdin().is_terminal();
        let shown = watched && !typed && io::stderr().is_terminal();
        let progress = if shown { bar(&self.to_string(), length) } else { None };
        Ok(Input { reader, progress })
    }
}

fn ending(name: &OsStr) -> Option<String> {
    Some(Path::new(name).extension()?.to_str()?.to_ascii_lowercase())
}

fn coding(ending: &str) -> Option<&'static str> {
    match ending {
        "gz" => Some("gzip"),
        "zst" => Some("zstd"),
        "br" => Some("br"),
        _ => None,
    }
}

fn media_type(ending: &str) -> Option<&'static str> {
    match ending {
        "json" => Some("application/json"),
        "ndjson" | "jsonl" => Some("application/x-ndjson"),
        "csv" => Some("text/csv"),
        "tsv" => Some("text/tab-separated-values"),
        "xml" => Some("text/xml"),
        "html" | "htm" => Some("text/html"),
        "yaml" | "yml" => Some("text/yaml"),
        "sse" => Some("text/event-stream"),
        "txt" | "log" => Some("text/plain"),
        _ => None,
    }
}

fn bar(name: &str, length: Option<u64>) -> Option<ProgressBar> {
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}"),
        None => (ProgressBar::no_length(), "{msg} {spinner} {bytes} {bytes_per_sec}"),
    };
    let style = ProgressStyle::with_template(template).ok()?;
    Some(bar.with_style(style).with_message(name.to_owned()))
}

/// An open source.
#[derive(Debug)]
pub(super) struct Input {
    reader: Reader,
    progress: Option<ProgressBar>,
}

#[derive(Debug)]
enum Reader {
    Stdin(Stdin),
    File(File),
}

impl Read for Input {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let count = loop {
            let result = match &mut self.reader {
                Reader::Stdin(stdin) => stdin.read(piece),
                Reader::File(file) => file.read(piece),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        if let Some(progress) = &self.progress {
            progress.inc(u64::try_from(count).unwrap_or(u64::MAX));
        }
        Ok(count)
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        if let Some(progress) = &self.progress {
            progress.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(name: &str) -> (&'static str, Option<String>) {
        let format = Source::File(PathBuf::from(name)).format();
        (format.media_type, format.content_encoding())
    }

    #[test]
    fn names_say_what_bodies_are() {
        assert_eq!(format("a/x.json"), ("application/json", None));
        assert_eq!(format("X.JSON.GZ"), ("application/json", Some("gzip".to_owned())));
        assert_eq!(format("x.jsonl.zst"), ("application/x-ndjson", Some("zstd".to_owned())));
        assert_eq!(format("x.sse.gz.br"), ("text/event-stream", Some("gzip, br".to_owned())));
        assert_eq!(format("x.csv"), ("text/csv", None));
        assert_eq!(format("x.yml.gz"), ("text/yaml", Some("gzip".to_owned())));
        assert_eq!(format("x.htm"), ("text/html", None));
        assert_eq!(format("x.gz"), ("text/plain", Some("gzip".to_owned())));
        assert_eq!(format("gz"), ("text/plain", None));
        assert_eq!(format("x.gz.gz.gz.gz").1, Some("gzip, gzip, gzip".to_owned()));
        assert_eq!(format(".json"), ("text/plain", None));
        assert_eq!(format("x.log.1"), ("text/plain", None));
        assert_eq!(Source::Stdin.format().media_type, "text/plain");
    }

    #[test]
    fn no_files_and_a_dash_are_stdin() {
        assert_eq!(sources(&[]), [Source::Stdin]);
        assert_eq!(
            sources(&[PathBuf::from("-"), PathBuf::from("a")]),
            [Source::Stdin, Source::File(PathBuf::from("a"))]
        );
    }
}
