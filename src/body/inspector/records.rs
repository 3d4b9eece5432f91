//! Texts with a form that names what stands in them: tables, forms, markup and YAML.
//!
//! Enters: the bytes of a body that its media type calls so. Leaves: the same, redacted, up to the first byte that is no
//! text.

use std::sync::Arc;

use crate::body::csv::CsvBody;
use crate::body::form::FormBody;
use crate::body::markup::MarkupBody;
use crate::body::media::Shape;
use crate::body::text::Watch;
use crate::body::yaml::YamlBody;
use crate::body::{BodyError, BodyErrorKind, BodyLimits, Inspection, Scopes, Transform};

/// A text with a form.
pub(super) struct Records {
    watch: Watch,
    reader: Reader,
}

enum Reader {
    Table(Box<CsvBody>),
    Form(Box<FormBody>),
    Markup(Box<MarkupBody>),
    Yaml(Box<YamlBody>),
}

impl Records {
    /// `None` where the text is no more than text.
    pub(super) fn new(shape: Shape, scopes: &Arc<Scopes>, limits: &BodyLimits) -> Option<Self> {
        let reader = match shape {
            Shape::Plain => return None,
            Shape::Table { delimiter } => Reader::Table(Box::new(CsvBody::new(scopes, limits, delimiter))),
            Shape::Form => Reader::Form(Box::new(FormBody::new(scopes, limits))),
            Shape::Markup { html } => Reader::Markup(Box::new(MarkupBody::new(scopes, html))),
            Shape::Yaml => Reader::Yaml(Box::new(YamlBody::new(scopes))),
        };
        Some(Self { watch: Watch::announced(), reader })
    }

    /// Takes text up to the first byte that is none; gives that byte's place and what is wrong with it.
    pub(super) fn take(
        &mut self,
        text: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<Option<(usize, BodyErrorKind)>, BodyError> {
        let fault = self.watch.look(text);
        let good = text.get(..fault.as_ref().map_or(text.len(), |(at, _)| *at)).unwrap_or(text);
        self.reader().push(good, out, seen)?;
        Ok(fault)
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.reader().finish(out, seen)
    }

    /// Bytes held back now.
    pub(super) fn held(&self) -> usize {
        match &self.reader {
            Reader::Table(table) => table.held(),
            Reader::Form(form) => form.held(),
            Reader::Markup(markup) => markup.held(),
            Reader::Yaml(yaml) => yaml.held(),
        }
    }

    fn reader(&mut self) -> &mut dyn Transform {
        match &mut self.reader {
            Reader::Table(table) => table.as_mut(),
            Reader::Form(form) => form.as_mut(),
            Reader::Markup(markup) => markup.as_mut(),
            Reader::Yaml(yaml) => yaml.as_mut(),
        }
    }
}
