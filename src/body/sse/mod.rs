//! Event streams: what enters is a `text/event-stream` body, what leaves is the same stream, redacted.
//!
//! Events are held until complete, then judged: the `data` that is JSON by [`llm`](crate::body::llm), which follows
//! the texts that models stream in fragments; other data, and every other field and comment, as one value each. An
//! event that nothing touches leaves byte for byte; in one that changes only the values that changed are written anew.
//! Text that is still held when its end comes leaves in an event of its own; after an abort or an error it never leaves.

mod frame;
mod lenient;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use self::frame::{Frame, Name, Unit};
use self::lenient::misleads;
pub(crate) use self::lenient::{Found, Lookout, trim_start};
use crate::body::llm::{Judged, Model, Outlet, Payload};
use crate::body::{BodyError, BodyErrorKind, BodyLimits, Dialect, Direction, Inspection, Scopes, Transform, empty};

/// Redacts an event stream.
pub struct EventStream {
    frame: Frame,
    model: Model,
    /// The `data` lines of the event at hand, joined by LF; unused where there is one line.
    joined: Vec<u8>,
    /// New values of lines other than `data`: the line's place, and its bytes in `values`.
    changed: Vec<(usize, Range<usize>)>,
    values: Vec<u8>,
    /// Where each line of the new data begins, in the data and in what was written.
    data_lines: Vec<(usize, usize)>,
    /// The last event has been parked, and line ends that follow belong to it.
    parked_last: bool,
    /// It is a model's answer, whose readers are lenient.
    lenient: bool,
}

impl EventStream {
    /// A stream at its beginning. Calls of tools are judged in answers.
    #[must_use]
    pub fn new(scopes: Arc<Scopes>, limits: &BodyLimits, dialect: Dialect, direction: Direction) -> Self {
        let tools = scopes.tools.clone().filter(|_| direction == Direction::Response);
        Self {
            frame: Frame::new(limits.sse_event),
            model: Model::new(scopes, limits, dialect).watching(tools.as_ref()),
            joined: Vec::new(),
            changed: Vec::new(),
            values: Vec::new(),
            data_lines: Vec::new(),
            parked_last: false,
            lenient: dialect != Dialect::Plain && direction == Direction::Response,
        }
    }

    /// Bytes of text held back; an event that is not complete yet is not counted.
    #[must_use]
    pub fn held(&self) -> usize {
        self.model.held()
    }

    /// Bytes of memory that what waits takes: text, parked events, and the event that is not complete yet.
    pub(super) fn weight(&self) -> usize {
        self.model.weight() + self.frame.raw().len()
    }

    fn unit(&mut self, unit: Unit, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        match unit {
            Unit::More => return Ok(()),
            Unit::Blank if self.parked_last => self.model.add_to_parked(self.frame.raw())?,
            Unit::Blank => out.extend_from_slice(self.frame.raw()),
            Unit::Comment => {
                self.parked_last = false;
                self.scan_fields(seen)?;
                self.write(false, out);
            }
            Unit::Event => {
                self.parked_last = false;
                self.event(out, seen)?;
                self.model.give_back();
                empty(&mut self.joined);
                empty(&mut self.values);
            }
        }
        self.frame.clear();
        Ok(())
    }

    fn event(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.scan_fields(seen)?;
        let lines = self.frame.lines();
        let mut data_lines = lines.iter().filter(|line| line.name == Name::Data);
        let data = match (data_lines.next(), data_lines.next()) {
            (None, _) => {
                self.write(false, out);
                return Ok(());
            }
            (Some(only), None) => self.frame.value(only),
            (Some(first), Some(second)) => {
                self.joined.clear();
                self.joined.extend_from_slice(self.frame.value(first));
                for line in std::iter::once(second).chain(data_lines) {
                    self.joined.push(b'\n');
                    self.joined.extend_from_slice(self.frame.value(line));
                }
                &self.joined
            }
        };
        let name = lines.iter().enumerate().rfind(|(_, line)| line.name == Name::Event).map(|(at, line)| {
            let changed = self.changed.iter().find(|(changed, _)| *changed == at);
            changed.map_or(self.frame.value(line), |(_, new)| self.values.get(new.clone()).unwrap_or_default())
        });
        let payload = Payload { name: name.unwrap_or_default(), data };
        let mut others = Others { ending: self.frame.ending(), out };
        match self.model.event(&payload, &mut others, seen)? {
            Judged::Same => self.write(false, out),
            Judged::Changed => self.write(true, out),
            Judged::Parked => {
                let mut bytes = Vec::new();
                self.write(true, &mut bytes);
                self.model.park(bytes, &self.data_lines)?;
                self.parked_last = true;
            }
        }
        Ok(())
    }

    /// Scans every line that is not `data`, each by itself.
    fn scan_fields(&mut self, seen: &mut Inspection) -> Result<(), BodyError> {
        self.changed.clear();
        self.values.clear();
        for (at, line) in self.frame.lines().iter().enumerate() {
            if line.name == Name::Data {
                continue;
            }
            let value = self.frame.value(line);
            if self.lenient && misleads(value, line.name == Name::Other) {
                return Err(BodyErrorKind::FrameSyntax.into());
            }
            if let Some(new) = self.model.scan_value(value, seen)? {
                let start = self.values.len();
                self.values.extend(new.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }));
                self.changed.push((at, start..self.values.len()));
            }
        }
        Ok(())
    }

    /// Writes the unit in the frame, with its new values; `data` tells that the model has new data for it.
    fn write(&mut self, data: bool, out: &mut Vec<u8>) {
        self.data_lines.clear();
        if !data && self.changed.is_empty() {
            out.extend_from_slice(self.frame.raw());
            return;
        }
        let mut changed = self.changed.iter().peekable();
        // One line of new data for each line of old data: new data never has more lines, and the rest is left out.
        let mut new_data = data.then(|| self.model.data().split(|byte| *byte == b'\n'));
        let mut data_at = 0;
        for (at, line) in self.frame.lines().iter().enumerate() {
            if line.name == Name::Data {
                match &mut new_data {
                    None => self.frame.write_line(line, out),
                    Some(new) => {
                        if let Some(value) = new.next() {
                            let place = self.frame.write_changed(line, value, out);
                            self.data_lines.push((data_at, place));
                            data_at += value.len() + 1;
                        }
                    }
                }
            } else if let Some((_, new)) = changed.next_if(|(changed, _)| *changed == at) {
                self.frame.write_changed(line, self.values.get(new.clone()).unwrap_or_default(), out);
            } else {
                self.frame.write_line(line, out);
            }
        }
        self.frame.write_end(out);
    }
}

/// Writes the events that leave before the one at hand.
struct Others<'a> {
    /// The line end that the stream uses.
    ending: &'static [u8],
    out: &'a mut Vec<u8>,
}

impl Outlet for Others<'_> {
    fn own(&mut self, name: &[u8], data: &[u8]) {
        let field = |name: &'static [u8], value| [name, value, self.ending];
        let name = (!name.is_empty()).then(|| field(b"event: ", name));
        let fields = name.into_iter().chain([field(b"data: ", data)]);
        fields.flatten().for_each(|part| self.out.extend_from_slice(part));
        self.out.extend_from_slice(self.ending);
    }

    fn parked(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }
}

impl Transform for EventStream {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let mut rest = input;
        loop {
            let unit = self.frame.next(&mut rest)?;
            if unit == Unit::More {
                return Ok(());
            }
            self.unit(unit, out, seen)?;
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.model.end_of_body();
        match self.frame.finish() {
            Unit::More => {}
            unit => self.unit(unit, out, seen).map_err(truncated)?,
        }
        self.model.finish(&mut Others { ending: self.frame.ending(), out }, seen)
    }
}

/// JSON that breaks off with the body was cut, not malformed.
fn truncated(error: BodyError) -> BodyError {
    match error.kind {
        BodyErrorKind::JsonSyntax => BodyErrorKind::Truncated.into(),
        _ => error,
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventStream({} bytes in frame, {:?})", self.frame.raw().len(), self.model)
    }
}
