//! What is wrong with a file, where, and the way out.
//!
//! Enters: a place and a sentence. Leaves: one [`Diagnostic`] for each fault, errors before warnings before notes, each
//! in the order of files and lines. A diagnostic never carries a secret or a value that a rule would find: names are
//! quoted, contents are not.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How grave a [`Diagnostic`] is; the order is the order of printing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// The configuration is not taken.
    Error,
    /// It is taken, and weaker or dearer than it should be.
    Warning,
    /// Something that is good to know.
    Note,
}

/// One fault of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Severity,
    /// The file, as it was named.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 1.
    pub column: usize,
    /// A word that stays the same between versions.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Sets the way out.
    pub(crate) fn help(&mut self, text: impl Into<String>) {
        self.help = Some(text.into());
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file.display(), self.line, self.column)?;
        match self.severity {
            Severity::Error => {}
            Severity::Warning => f.write_str("warning: ")?,
            Severity::Note => f.write_str("note: ")?,
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

/// A file's text, and where its lines begin.
pub(crate) struct Source {
    path: PathBuf,
    text: String,
    starts: Vec<usize>,
}

impl Source {
    /// Keeps `text` under the name that diagnostics show.
    pub(crate) fn new(path: &Path, text: String) -> Arc<Self> {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(after_breaks).collect();
        Arc::new(Self { path: path.to_owned(), text, starts })
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The name that diagnostics show; paths in the file are relative to it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Line and column of a byte, both from 1.
    fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        (line.max(1), offset - start + 1)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({}, {} bytes)", self.path.display(), self.text.len())
    }
}

/// A byte of a file.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    source: Arc<Source>,
    offset: usize,
}

impl Place {
    /// The byte `offset` of `source`.
    pub(crate) fn new(source: &Arc<Source>, offset: usize) -> Self {
        Self { source: Arc::clone(source), offset }
    }

    /// The beginning of a file whose text is not kept.
    pub(crate) fn file(path: &Path) -> Self {
        Self { source: Source::new(path, String::new()), offset: 0 }
    }

    /// `file:line`, for a second place within a message.
    pub(crate) fn line(&self) -> String {
        format!("{}:{}", self.source.path.display(), self.source.position(self.offset).0)
    }
}

/// Diagnostics as they are found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    found: Vec<Diagnostic>,
}

impl Report {
    /// Adds an error.
    pub(crate) fn error(&mut self, place: &Place, code: &'static str, message: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Error, place, code, message.into())
    }

    /// Adds a warning.
    pub(crate) fn warning(&mut self, place: &Place, code: &'static str, message: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Warning, place, code, message.into())
    }

    /// Adds a note.
    pub(crate) fn note(&mut self, place: &Place, code: &'static str, message: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Note, place, code, message.into())
    }

    fn add(&mut self, severity: Severity, place: &Place, code: &'static str, message: String) -> &mut Diagnostic {
        let (line, column) = place.source.position(place.offset);
        let file = place.source.path.clone();
        let diagnostic = Diagnostic { severity, file, line, column, code, message, help: None };
        self.found.push(diagnostic);
        self.found.last_mut().expect("one was pushed the line before")
    }

    /// Adds what another report found.
    pub(crate) fn extend(&mut self, found: &[Diagnostic]) {
        self.found.extend_from_slice(found);
    }

    /// How many errors there are.
    pub(crate) fn errors(&self) -> usize {
        self.found.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
    }

    /// Everything, in the order of printing; what was said twice of one place stands once.
    pub(crate) fn into_sorted(self) -> Vec<Diagnostic> {
        let mut files: Vec<PathBuf> = Vec::new();
        for diagnostic in &self.found {
            if !files.contains(&diagnostic.file) {
                files.push(diagnostic.file.clone());
            }
        }
        let mut found: Vec<(usize, Diagnostic)> = self
            .found
            .into_iter()
            .map(|one| (files.iter().position(|file| *file == one.file).unwrap_or(files.len()), one))
            .collect();
        found.sort_by(|(left_file, left), (right_file, right)| {
            (left.severity, left_file, left.line, left.column, left.code, &left.message).cmp(&(
                right.severity,
                right_file,
                right.line,
                right.column,
                right.code,
                &right.message,
            ))
        });
        found.dedup();
        found.into_iter().map(|(_, one)| one).collect()
    }
}

/// `name` between backquotes, control characters escaped, cut after 64 characters.
pub(crate) fn quote(name: &str) -> String {
    let mut shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
    if name.chars().nth(64).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// `a`, `b` and `c`, each quoted.
pub(crate) fn quoted_list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(quote).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

/// The known name that `written` probably meant.
pub(crate) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (written.chars().count() / 3).clamp(1, 4);
    known
        .into_iter()
        .map(|name| (distance(&written.to_lowercase(), &name.to_lowercase(), limit), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Letters inserted, deleted, replaced or swapped with their neighbour between two names; above `limit` only roughly.
#[allow(clippy::indexing_slicing, reason = "rows and columns run over the lengths that the lines were made with")]
fn distance(left: &str, right: &str, limit: usize) -> usize {
    let left: Vec<char> = left.chars().take(128).collect();
    let right: Vec<char> = right.chars().take(128).collect();
    if left.len().abs_diff(right.len()) > limit {
        return limit + 1;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, letter) in left.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let cost = usize::from(letter != other);
            let mut best = (above[column] + cost).min(above[column + 1] + 1).min(line[column] + 1);
            let swapped = row > 0 && column > 0 && left[row - 1] == *other && *letter == right[column - 1];
            if swapped {
                best = best.min(before[column - 1] + 1);
            }
            line.push(best);
        }
        before = std::mem::replace(&mut above, line);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_bytes_from_one() {
        let source = Source::new(Path::new("a.toml"), "é = 1\n\nb = 2\n".to_owned());
        let at = |offset| source.position(offset);
        assert_eq!([at(0), at(3), at(7), at(8), at(12), at(14)], [(1, 1), (1, 4), (2, 1), (3, 1), (3, 5), (4, 1)]);
        assert_eq!(Source::new(Path::new("a"), String::new()).position(0), (1, 1));
    }

    #[test]
    fn the_nearest_name_is_near() {
        let known = ["address", "certificate", "client_ca", "hosts"];
        assert_eq!(nearest("adress", known), Some("address"));
        assert_eq!(nearest("certifciate", known), Some("certificate"));
        assert_eq!(nearest("HOSTS", known), Some("hosts"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn quotes_are_one_short_line() {
        assert_eq!(quote("a\nb\u{202e}"), "`a\\nb\\u{202e}`");
        assert!(quote(&"x".repeat(1000)).chars().count() < 70);
        assert_eq!(quoted_list(["a", "b", "c"]), "`a`, `b` and `c`");
    }

    #[test]
    fn errors_come_before_warnings() {
        let mut report = Report::default();
        let source = Source::new(Path::new("a.toml"), "x\ny\n".to_owned());
        report.warning(&Place::new(&source, 0), "w", "first line");
        report.error(&Place::new(&source, 2), "e", "second line").help("do this");
        report.error(&Place::new(&source, 2), "e", "second line").help("do this");
        let lines: Vec<String> = report.into_sorted().iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["a.toml:2:1: second line; do this", "a.toml:1:1: warning: first line"]);
    }
}
