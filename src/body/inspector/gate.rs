//! JSON that was not announced, or whose faults are let pass: what enters is a body that begins like JSON, what leaves
//! is each value redacted as JSON, up to the first byte that is none; from there on the body is to be read as text.
//!
//! Each value of the sequence is held until it has proved to be JSON, so that a text which merely begins with a brace
//! is read as text from that brace on. Past [`HOLD`] bytes a value is taken for JSON, and a fault in it is an error:
//! by then parts of it have left.

use super::probe::{Probe, Step};
use crate::body::json::JsonBody;
use crate::body::{BodyError, BodyErrorKind, Inspection, Transform};

/// The most bytes of a value that are held until it is known to be JSON.
pub(super) const HOLD: usize = 64 << 10;

/// JSON values, each checked before it passes.
pub(super) struct Gate {
    json: JsonBody,
    probe: Probe,
    /// What has come since the last value's end and has not been given to `json`.
    held: Vec<u8>,
    /// Parts of the value at hand were given to `json`.
    committed: bool,
    /// Whether `json` was given anything.
    used: bool,
}

impl Gate {
    pub(super) fn new(json: JsonBody, probe: Probe) -> Self {
        Self { json, probe, held: Vec::new(), committed: false, used: false }
    }

    /// Takes bytes. `Some` is the place from which on they are not JSON; what is before it and not yet decided is
    /// given by [`Gate::turn`].
    pub(super) fn take(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<Option<usize>, BodyError> {
        let mut from = 0;
        for (at, byte) in input.iter().enumerate() {
            let step = self.probe.take(*byte);
            let full = !self.committed && self.held.len() + (at - from) + 1 >= HOLD;
            match step {
                Step::Last => {
                    self.hand_over(input.get(from..=at), out, seen)?;
                    self.committed = false;
                    from = at + 1;
                }
                Step::Blank | Step::Inside if full => {
                    self.hand_over(input.get(from..=at), out, seen)?;
                    self.committed = step == Step::Inside;
                    from = at + 1;
                }
                Step::Blank | Step::Inside => {}
                Step::Wrong if self.committed => return Err(BodyErrorKind::JsonSyntax.into()),
                Step::Wrong => {
                    self.held.extend_from_slice(input.get(from..at).unwrap_or_default());
                    return Ok(Some(at));
                }
            }
        }
        let rest = input.get(from..);
        if self.committed {
            self.hand_over(rest, out, seen)?;
        } else {
            self.held.extend_from_slice(rest.unwrap_or_default());
            seen.held_peak = seen.held_peak.max(self.held.len());
        }
        Ok(None)
    }

    /// Ends the body. `true` where what is held is not JSON and is to be had from [`Gate::turn`].
    pub(super) fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<bool, BodyError> {
        let blank = self.held.iter().all(u8::is_ascii_whitespace);
        if !self.committed && (!self.probe.may_end() || blank && !self.used) {
            return Ok(true);
        }
        self.hand_over(Some(&[]), out, seen)?;
        self.json.finish(out, seen)?;
        Ok(false)
    }

    /// Ends the JSON and gives what was held, to be read as text.
    pub(super) fn turn(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<Vec<u8>, BodyError> {
        if self.used {
            self.json.finish(out, seen)?;
        }
        Ok(std::mem::take(&mut self.held))
    }

    /// Bytes held back here.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// The same, and those that `json` holds.
    pub(super) fn weight(&self) -> usize {
        self.held.len() + self.json.held()
    }

    /// Gives `json` what is held and `more`.
    fn hand_over(&mut self, more: Option<&[u8]>, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let more = more.unwrap_or_default();
        self.used = true;
        if self.held.is_empty() {
            return self.json.push(more, out, seen);
        }
        self.held.extend_from_slice(more);
        seen.held_peak = seen.held_peak.max(self.held.len());
        let result = self.json.push(&self.held, out, seen);
        self.held.clear();
        result
    }
}
