//! Texts in, a picture for a terminal of 96 columns out; colours only where they are seen.

use std::fmt::Write as _;

/// How wide the picture is.
const WIDTH: usize = 96;

/// Whether there are colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ink {
    /// ANSI colours.
    Colours,
    /// Characters alone.
    Plain,
}

/// What a character is shown as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tone {
    Plain,
    Strong,
    /// A value that must not get through.
    Exposed,
    /// What stands in its place.
    Covered,
    Good,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Strong => "1",
            Self::Exposed => "31",
            Self::Covered => "32",
            Self::Good => "1;32",
        }
    }
}

type Line = Vec<(char, Tone)>;

/// A picture in the making.
#[derive(Debug)]
pub(super) struct Picture<'a> {
    ink: Ink,
    /// Values that are marked where they stand in clear.
    values: &'a [&'a str],
    text: String,
}

impl<'a> Picture<'a> {
    /// An empty picture.
    pub(super) fn new(ink: Ink, values: &'a [&'a str]) -> Self {
        Self { ink, values, text: String::new() }
    }

    /// The first line.
    pub(super) fn title(&mut self, text: &str) {
        self.text.push('\n');
        self.line(&toned(text, Tone::Strong));
        self.text.push('\n');
    }

    /// A paragraph.
    pub(super) fn text(&mut self, text: &str) {
        wrap(&toned(text, Tone::Plain), WIDTH).iter().for_each(|line| self.line(line));
    }

    /// A heading.
    pub(super) fn heading(&mut self, text: &str) {
        let rule = "─".repeat(WIDTH.saturating_sub(text.chars().count() + 4));
        self.text.push('\n');
        self.line(&toned(&format!("── {text} {rule}"), Tone::Strong));
    }

    /// Texts side by side.
    pub(super) fn columns(&mut self, columns: &[(&str, &str)]) {
        let count = columns.len().max(1);
        let width = (WIDTH - 3 * (count - 1)) / count;
        let wrapped: Vec<Vec<Line>> = columns
            .iter()
            .map(|(title, text)| {
                let mut lines = vec![toned(title, Tone::Strong)];
                let body = text.lines().flat_map(|line| wrap(&self.marked(line), width));
                lines.extend(body);
                lines
            })
            .collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        for row in 0..height {
            let mut line = Line::new();
            for (at, column) in wrapped.iter().enumerate() {
                if at > 0 {
                    line.extend(toned(" │ ", Tone::Plain));
                }
                let cell = column.get(row).map(Vec::as_slice).unwrap_or_default();
                line.extend_from_slice(cell);
                line.extend(std::iter::repeat_n((' ', Tone::Plain), width.saturating_sub(cell.len())));
            }
            self.line(&line);
        }
    }

    /// Rows under names; every column but the first as wide as it must be.
    pub(super) fn table(&mut self, names: &[&str], rows: &[Vec<String>]) {
        let head: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let width = |column: usize| {
            let cells = std::iter::once(&head).chain(rows).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..names.len()).map(width).collect();
        for (at, row) in std::iter::once(&head).chain(rows).enumerate() {
            let tone = if at == 0 { Tone::Strong } else { Tone::Plain };
            let mut text = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                // Writing to a string does not fail.
                let _ = write!(text, "{cell:<width$}  ");
            }
            self.line(&toned(&text, tone));
        }
    }

    /// The last line.
    pub(super) fn verdict(&mut self, good: bool, text: &str) {
        let (mark, tone) = if good { ("✓", Tone::Good) } else { ("✗", Tone::Exposed) };
        self.text.push('\n');
        self.line(&toned(&format!("{mark} {text}"), tone));
    }

    /// The picture.
    pub(super) fn finish(self) -> String {
        self.text
    }

    /// A line in which values in clear, and what stands for others, are marked.
    fn marked(&self, text: &str) -> Line {
        let mut tones = vec![Tone::Plain; text.len()];
        let mut mark = |range: std::ops::Range<usize>, tone: Tone| {
            tones.get_mut(range).unwrap_or_default().fill(tone);
        };
        for cover in ["[SECRET]", "*"] {
            text.match_indices(cover).for_each(|(at, found)| mark(at..at + found.len(), Tone::Covered));
        }
        for value in self.values {
            text.match_indices(value).for_each(|(at, found)| mark(at..at + found.len(), Tone::Exposed));
        }
        text.char_indices().map(|(at, letter)| (letter, tones.get(at).copied().unwrap_or(Tone::Plain))).collect()
    }

    fn line(&mut self, line: &[(char, Tone)]) {
        let end = line.iter().rposition(|(letter, _)| *letter != ' ').map_or(0, |last| last + 1);
        let mut tone = Tone::Plain;
        for (letter, next) in line.iter().take(end) {
            if self.ink == Ink::Colours && *next != tone {
                let _ = write!(self.text, "\x1b[0;{}m", next.code());
                tone = *next;
            }
            // What came over a wire must not steer the terminal.
            self.text.push(if letter.is_control() { '·' } else { *letter });
        }
        if tone != Tone::Plain {
            self.text.push_str("\x1b[0m");
        }
        self.text.push('\n');
    }
}

fn toned(text: &str, tone: Tone) -> Line {
    text.chars().map(|letter| (letter, tone)).collect()
}

/// Lines of at most `width` characters, broken at spaces where there are any.
fn wrap(text: &[(char, Tone)], width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut rest = text;
    while rest.len() > width {
        let space = rest.iter().take(width + 1).rposition(|(letter, _)| *letter == ' ').filter(|at| *at > 0);
        let (line, after) = rest.split_at(space.unwrap_or(width));
        lines.push(line.to_vec());
        rest =
            after.strip_prefix(&[(' ', Tone::Plain)]).or_else(|| space.and_then(|_| after.get(1..))).unwrap_or(after);
    }
    lines.push(rest.to_vec());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_keep_their_width() {
        let lines = |text: &str, width| -> Vec<String> {
            wrap(&toned(text, Tone::Plain), width)
                .iter()
                .map(|line| line.iter().map(|(one, _)| *one).collect())
                .collect()
        };
        assert_eq!(lines("one two three", 7), ["one two", "three"]);
        assert_eq!(lines("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(lines("", 4), [""]);
    }

    #[test]
    fn columns_fit_and_colours_are_left_out_when_nobody_sees_them() {
        let values = ["4111"];
        let mut picture = Picture::new(Ink::Plain, &values);
        let long = "4111 word ".repeat(30);
        picture.columns(&[("A", &long), ("B", "x\u{1b}[31m"), ("C", "*")]);
        let text = picture.finish();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
        assert!(!text.contains('\u{1b}'));
        let mut picture = Picture::new(Ink::Colours, &values);
        picture.columns(&[("A", "is 4111"), ("B", "is ****")]);
        let text = picture.finish();
        assert!(text.contains("\u{1b}[0;31m4111\u{1b}[0;0m") && text.contains("\u{1b}[0;32m****\u{1b}[0m"), "{text:?}");
    }
}
