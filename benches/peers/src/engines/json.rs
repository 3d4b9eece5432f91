//! Blackbar's JSON layer round its engine: each line of a unit is the body of a chat request.

use std::sync::Arc;

use blackbar::body::{BodyInspector, BodyLimits, BodySpec, Dialect, Direction, Edits, MediaType, Scopes};

use super::{Engine, Tally};

pub struct Json {
    spec: BodySpec,
    out: Vec<u8>,
}

impl Json {
    pub fn new(scopes: Arc<Scopes>) -> Self {
        let spec = BodySpec {
            media_type: MediaType::parse(b"application/json"),
            codings: Vec::new(),
            dialect: Dialect::OpenAi,
            direction: Direction::Request,
            scopes,
            limits: BodyLimits::default(),
            on_fault_pass: false,
            opaque: std::sync::Arc::default(),
            edits: Edits::default(),
            batch: None,
            keep_dropped: false,
        };
        Self { spec, out: Vec::new() }
    }
}

impl Engine for Json {
    fn name(&self) -> &str {
        "json"
    }

    fn redact(&mut self, unit: &[u8], tally: &mut Tally) -> &[u8] {
        self.out.clear();
        for body in unit.split_inclusive(|byte| *byte == b'\n') {
            let inspected = BodyInspector::new(self.spec.clone()).and_then(|mut inspector| {
                inspector.push(body, &mut self.out)?;
                inspector.finish(&mut self.out)?;
                Ok(inspector.into_inspection())
            });
            let Ok(seen) = inspected else { continue };
            for (rule, _, count) in &seen.findings {
                if let Some(place) = tally.get_mut(*rule) {
                    *place += count;
                }
            }
        }
        &self.out
    }
}
