//! The decoded body: what enters are its bytes, what leaves are the bytes that may be sent, before they are encoded
//! again. The reading is chosen by the media type and the first bytes together, and may turn from JSON to text.

use std::borrow::Cow;
use std::mem;
use std::sync::Arc;

use super::BodySpec;
use super::gate::Gate;
use super::head::{self, Markup, Told};
use super::multipart::Multipart;
use super::probe::Probe;
use super::records::Records;
use super::sniff::{self, Outlook, Reading};
use super::stream;
use super::transcoded::Transcoded;
use crate::body::batch::Plan;
use crate::body::charset::{Charset, Named};
use crate::body::eventstream::MessageStream;
use crate::body::json::{Framing, JsonBody};
use crate::body::llm::DocumentCalls;
use crate::body::media::{ContentCoding, MediaType, Promise, Shape};
use crate::body::protobuf::{self, Frame, Messages};
use crate::body::series::Series;
use crate::body::sse::{EventStream, Found, Lookout};
use crate::body::text::TextBody;
use crate::body::{
    Beside, BodyError, BodyErrorKind, BodyLimits, Dialect, Direction, Edits, Inspection, Scopes, Transform,
};

/// What arrays of token ids are called, for policies that let them pass.
const TOKEN_IDS: &[u8] = b"application/x-token-ids";

/// What sets up a call is called, for the same.
const SDP: &[u8] = b"application/sdp";

/// How the body is read.
enum State {
    /// Not yet decided; the bytes so far.
    Start(Vec<u8>),
    Json(Box<JsonBody>),
    Gate(Box<Gate>),
    Events(Box<EventStream>),
    AwsEvents(Box<MessageStream>),
    Series(Box<Series>),
    Text(Box<TextBody>),
    Records(Box<Records>),
    Parts(Box<Multipart>),
    Messages(Messages),
    /// In another character set than UTF-8, and what it is in that.
    Transcoded(Box<Transcoded>),
    /// Passing unscanned, counted under this reason.
    Raw(&'static str),
}

/// Redacts a decoded body.
pub(super) struct Content {
    state: State,
    outlook: Outlook,
    /// What form the body has where it is text.
    shape: Shape,
    /// Whether its head is still to be asked for its character set.
    asks_head: bool,
    /// Whether it is Kafka's records in base64, whose keys are what the records are called.
    kafka_keys: bool,
    /// Whether it is OTLP's.
    otlp: bool,
    dialect: Dialect,
    /// Whose rows hold besides.
    beside: Beside,
    direction: Direction,
    scopes: Arc<Scopes>,
    limits: BodyLimits,
    on_fault_pass: bool,
    edits: Edits,
    /// How it is cut into records, and what holds in those.
    batch: Option<(Plan, Arc<Scopes>)>,
    /// Whether what is no text passes, for a body of this type.
    opaque_passes: bool,
    /// Whether token ids pass in place of a text.
    token_ids_pass: bool,
    /// Whether it calls itself SDP, and whether what is that passes, unread as it is.
    is_sdp: bool,
    sdp_passes: bool,
    /// Whether it calls itself a PDF.
    is_pdf: bool,
    /// What the text is called.
    label: Vec<u8>,
    /// Which tools may be called, where that is told.
    tools: Option<Box<DocumentCalls>>,
    /// Finds what a text goes on with as an event stream, where a reader may take it for one; and what may become that.
    lookout: Option<(Lookout, Vec<u8>)>,
}

/// The codings around the content of a body. Those of gRPC are around its messages, and a block of snappy is opened with
/// the message in it, whether a header says that it is there, as Prometheus has it, or none does, as Loki has it.
pub(super) fn codings_around(spec: &BodySpec) -> &[ContentCoding] {
    let Some(media_type) = &spec.media_type else { return &spec.codings };
    let frame = protobuf::reading(spec.dialect, spec.direction, media_type).map(|reading| reading.frame);
    match (frame, spec.codings.split_first()) {
        _ if media_type.is_grpc() => &[],
        (Some(Frame::Snappy), Some((ContentCoding::Snappy, around))) => around,
        _ => &spec.codings,
    }
}

/// What form a text has that is none of JSON. To sinks of lines a form is what curl calls any data.
fn shape(spec: &BodySpec) -> Shape {
    match spec.media_type.as_ref().map_or(Shape::Plain, MediaType::shape) {
        Shape::Form if spec.batch.is_some_and(|sink| sink.by_lines(Shape::Form)) => Shape::Plain,
        shape => shape,
    }
}

impl Content {
    pub(super) fn new(spec: BodySpec) -> Self {
        let reading = spec.media_type.as_ref().and_then(|media| protobuf::reading(spec.dialect, spec.direction, media));
        // What is found in an action of `_bulk` takes the record out whatever is done with it elsewhere.
        let blocks = spec.scopes.blocks();
        let batch = spec.batch.filter(|sink| blocks || sink.is_bulk()).map(|sink| {
            (
                Plan::new(sink, &spec.limits, spec.on_fault_pass).keeping(spec.keep_dropped).blocking(blocks),
                Arc::new(spec.scopes.per_record()),
            )
        });
        let messages = reading.map(|reading| Messages::new(reading, &spec, batch.as_ref()));
        let dialect = spec.dialect.of_model();
        // What must be said in the body can be said in JSON alone: whatever it calls itself, it is read as that.
        let told = spec.edits.terms.is_some();
        let outlook = Outlook {
            promise: match &spec.media_type {
                _ if told => Promise::Json,
                None => Promise::Nothing,
                Some(media_type) => media_type.promise(),
            },
            charset: spec.media_type.as_ref().map_or(Named::Nothing, MediaType::named_charset),
            from_model: dialect != Dialect::Plain && spec.direction == Direction::Response,
        };
        let parts = spec.media_type.as_ref().filter(|_| outlook.promise == Promise::Parts).and_then(|media_type| {
            let mut inside = spec.clone();
            // The codings are around the whole.
            inside.codings.clear();
            inside.batch = None;
            inside.limits.multipart_depth = spec.limits.multipart_depth.checked_sub(1)?;
            inside.limits.coding_layers = spec.limits.coding_layers.saturating_sub(spec.codings.len());
            Multipart::new(media_type, inside)
        });
        let may_be_events = outlook.from_model || outlook.promise == Promise::EventStream;
        let lookout = may_be_events.then(|| (Lookout::new(outlook.from_model), Vec::new()));
        let calls = |rules| Box::new(DocumentCalls::new(rules, &spec.scopes, spec.direction, &spec.limits));
        let tools = spec.scopes.tools.as_ref().map(calls);
        let state = match (parts, messages) {
            (Some(parts), _) => State::Parts(Box::new(parts)),
            (None, Some(messages)) => State::Messages(messages),
            (None, None) if spec.media_type.as_ref().is_some_and(MediaType::is_aws_event_stream) => State::AwsEvents(
                Box::new(MessageStream::new(Arc::clone(&spec.scopes), &spec.limits, dialect, spec.direction)),
            ),
            (None, None) => State::Start(Vec::new()),
        };
        Self {
            state,
            outlook,
            shape: shape(&spec),
            asks_head: true,
            kafka_keys: dialect == Dialect::Plain && spec.media_type.as_ref().is_some_and(MediaType::is_kafka_binary),
            otlp: matches!(spec.dialect, Dialect::Otlp(_)),
            dialect,
            beside: spec.beside,
            direction: spec.direction,
            scopes: spec.scopes,
            limits: spec.limits,
            on_fault_pass: spec.on_fault_pass && !told,
            edits: spec.edits,
            batch,
            // What is announced as text is none of these, nor is what has parts.
            opaque_passes: matches!(outlook.promise, Promise::Binary | Promise::Nothing | Promise::Unreadable)
                && spec.opaque.iter().any(|range| range.holds(spec.media_type.as_ref())),
            token_ids_pass: spec.opaque.iter().any(|range| range.holds(MediaType::parse(TOKEN_IDS).as_ref())),
            is_sdp: spec.media_type.as_ref().is_some_and(MediaType::is_sdp),
            // Whoever lets pictures pass has not said that calls may.
            sdp_passes: spec.opaque.iter().any(|range| MediaType::parse(SDP).is_some_and(|sdp| range.names(&sdp))),
            is_pdf: spec
                .media_type
                .as_ref()
                .is_some_and(|said| (said.kind(), said.subtype()) == ("application", "pdf")),
            label: Vec::new(),
            tools,
            lookout,
        }
    }

    /// Says what the body is called, where it turns out to be a text.
    pub(super) fn call(&mut self, label: &[u8]) {
        self.label = label.to_vec();
    }

    pub(super) fn push(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        self.judge_calls(input, seen)?;
        match &mut self.state {
            State::Start(start) => {
                start.extend_from_slice(input);
                seen.held_peak = seen.held_peak.max(start.len());
                self.decide(false, out, seen)
            }
            State::Json(json) => json.push(input, out, seen),
            State::Events(events) => events.push(input, out, seen),
            State::AwsEvents(events) => events.push(input, out, seen),
            State::Series(series) => series.push(input, out, seen),
            State::Gate(gate) => match gate.take(input, out, seen)? {
                None => Ok(()),
                Some(at) => self.turn_to_text(input.get(at..).unwrap_or_default(), out, seen),
            },
            State::Text(_) | State::Records(_) => self.look_out(input, out, seen),
            State::Parts(parts) => {
                // No reader of parts and of events would read the same.
                if let Some((lookout, kept)) = &mut self.lookout {
                    kept.extend_from_slice(input);
                    let (len, found) = lookout.look(kept);
                    if found.is_some() {
                        return Err(BodyErrorKind::FrameSyntax.into());
                    }
                    kept.drain(..len);
                }
                parts.push(input, out, seen)
            }
            State::Messages(messages) => {
                let taken = messages.transform().push(input, out, seen);
                self.end_messages(taken, out, seen)
            }
            State::Transcoded(transcoded) => match transcoded.take(input, out, seen)? {
                None => Ok(()),
                Some(at) => self.end_transcoded(input.get(at..).unwrap_or_default(), out, seen),
            },
            State::Raw(reason) => {
                seen.exempt(reason, input.len() as u64);
                out.extend_from_slice(input);
                Ok(())
            }
        }
    }

    /// Judges what JSON says of calls, before any of it leaves. What may still be text is left alone where it is no JSON.
    fn judge_calls(&mut self, input: &[u8], seen: &mut Inspection) -> Result<(), BodyError> {
        let (State::Json(_) | State::Gate(_), Some(tools)) = (&self.state, &mut self.tools) else { return Ok(()) };
        let judged = tools.push(input);
        tools.tell_held(seen);
        match judged {
            Err(fault)
                if fault.kind == BodyErrorKind::JsonSyntax
                    && matches!(self.state, State::Gate(_))
                    && !tools.has_refused() =>
            {
                self.tools = None;
                Ok(())
            }
            judged => judged,
        }
    }

    /// Ends the messages where a byte is of none.
    fn end_messages(
        &mut self,
        taken: Result<(), BodyError>,
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        let Err(fault) = taken else { return Ok(()) };
        if !self.on_fault_pass || !matches!(fault.kind, BodyErrorKind::ProtobufSyntax | BodyErrorKind::Truncated) {
            return Err(fault);
        }
        let State::Messages(messages) = mem::replace(&mut self.state, State::Raw(fault.kind.code())) else {
            return Err(fault);
        };
        self.push(&messages.into_held(), out, seen)
    }

    /// Ends the text where bytes are not in its character set.
    fn end_transcoded(&mut self, rest: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let kind = BodyErrorKind::Charset;
        if !self.passes(&kind) {
            return Err(kind.into());
        }
        let raw = State::Raw(kind.code());
        let State::Transcoded(mut transcoded) = mem::replace(&mut self.state, raw) else { return Ok(()) };
        let open = transcoded.give_up(out, seen)?;
        self.push(&open, out, seen)?;
        self.push(rest, out, seen)
    }

    /// Takes text up to where it goes on as an event stream.
    fn look_out(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let Some((lookout, kept)) = &mut self.lookout else { return self.take_text(input, out, seen) };
        let text = if kept.is_empty() {
            Cow::Borrowed(input)
        } else {
            let mut text = mem::take(kept);
            text.extend_from_slice(input);
            Cow::Owned(text)
        };
        let (len, found) = lookout.look(&text);
        let (text, rest) = text.split_at_checked(len).unwrap_or((&text, &[]));
        self.take_text(text, out, seen)?;
        if !matches!(self.state, State::Text(_) | State::Records(_)) {
            return self.push(rest, out, seen);
        }
        match found {
            None => {
                if let Some((_, kept)) = &mut self.lookout {
                    kept.extend_from_slice(rest);
                }
                seen.held_peak = seen.held_peak.max(self.held());
                Ok(())
            }
            Some(Found::Odd) => Err(BodyErrorKind::FrameSyntax.into()),
            Some(Found::Data) => {
                self.finish(out, seen)?;
                self.state = self.read_as(Reading::Events);
                self.push(rest, out, seen)
            }
        }
    }

    fn take_text(&mut self, input: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let fault = match &mut self.state {
            State::Text(text) => text.take(input, out, seen)?,
            State::Records(records) => records.take(input, out, seen)?,
            _ => return self.push(input, out, seen),
        };
        self.end_text(fault, input, out, seen)
    }

    /// Ends the text where a byte is none.
    fn end_text(
        &mut self,
        fault: Option<(usize, BodyErrorKind)>,
        input: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Inspection,
    ) -> Result<(), BodyError> {
        let Some((at, kind)) = fault else { return Ok(()) };
        if !self.passes(&kind) {
            return Err(kind.into());
        }
        self.finish(out, seen)?;
        self.state = State::Raw(kind.code());
        self.push(input.get(at..).unwrap_or_default(), out, seen)
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        if let State::Start(start) = &self.state {
            if start.is_empty() {
                return Ok(());
            }
            self.decide(true, out, seen)?;
        }
        if let State::Gate(gate) = &mut self.state
            && gate.finish(out, seen)?
        {
            self.turn_to_text(&[], out, seen)?;
        }
        if let (State::Text(_) | State::Records(_), Some((_, kept))) = (&self.state, &mut self.lookout) {
            let kept = mem::take(kept);
            self.take_text(&kept, out, seen)?;
        }
        match &mut self.state {
            State::Json(json) => json.finish(out, seen),
            State::Events(events) => events.finish(out, seen),
            State::AwsEvents(events) => events.finish(out, seen),
            State::Series(series) => series.finish(out, seen),
            State::Text(text) => text.finish(out, seen),
            State::Records(records) => records.finish(out, seen),
            State::Parts(parts) => parts.finish(out, seen),
            State::Messages(messages) => {
                let ended = messages.transform().finish(out, seen);
                self.end_messages(ended, out, seen)
            }
            State::Transcoded(transcoded) => match transcoded.finish(out, seen)? {
                true => Ok(()),
                false => self.end_transcoded(&[], out, seen),
            },
            State::Start(_) | State::Gate(_) | State::Raw(_) => Ok(()),
        }
    }

    /// Gives out what encoders of parts hold, as [`BodyInspector::flush`](super::BodyInspector::flush).
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        match &mut self.state {
            State::Parts(parts) => parts.flush(out),
            _ => Ok(()),
        }
    }

    /// Whether its readers wait for each of its records: an event stream, or JSON texts in a sequence.
    pub(super) fn is_live(&self) -> bool {
        match self.state {
            State::Events(_) | State::AwsEvents(_) | State::Series(_) | State::Gate(_) => true,
            State::Json(_) => self.framing() == Framing::Sequence,
            State::Transcoded(ref transcoded) => transcoded.is_live(),
            State::Start(_)
            | State::Text(_)
            | State::Records(_)
            | State::Parts(_)
            | State::Messages(_)
            | State::Raw(_) => false,
        }
    }

    /// Bytes held back here, as far as the reading tells.
    pub(super) fn held(&self) -> usize {
        match &self.state {
            State::Start(start) => start.len(),
            State::Gate(gate) => gate.held(),
            State::Text(text) => text.held() + self.kept(),
            State::Records(records) => records.held() + self.kept(),
            State::Parts(parts) => parts.held(),
            State::Messages(messages) => messages.held(),
            State::Json(json) => json.held(),
            State::Events(events) => events.held(),
            State::AwsEvents(events) => events.held(),
            State::Series(series) => series.held(),
            State::Transcoded(transcoded) => transcoded.held(),
            State::Raw(_) => 0,
        }
    }

    /// Bytes of memory that what waits takes; those of [`Content::held`] and what is not text yet.
    pub(super) fn weight(&self) -> usize {
        let reading = match &self.state {
            State::Events(events) => events.weight(),
            State::AwsEvents(events) => events.weight(),
            State::Series(series) => series.weight(),
            State::Gate(gate) => gate.weight(),
            State::Parts(parts) => parts.weight() + self.kept(),
            State::Transcoded(transcoded) => transcoded.weight(),
            State::Start(_)
            | State::Text(_)
            | State::Records(_)
            | State::Messages(_)
            | State::Json(_)
            | State::Raw(_) => self.held(),
        };
        reading + self.tools.as_ref().map_or(0, |tools| tools.weight())
    }

    /// Bytes of text that may go on as an event stream.
    fn kept(&self) -> usize {
        self.lookout.as_ref().map_or(0, |(_, kept)| kept.len())
    }

    /// Chooses the reading as soon as the first bytes allow it, and reads them.
    fn decide(&mut self, ended: bool, out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        let State::Start(start) = &mut self.state else { return Ok(()) };
        if self.is_sdp && !self.sdp_passes {
            return Err(BodyErrorKind::MediaType.into());
        }
        if self.opaque_passes {
            // Its first bytes decide, and no more of them however many come at once.
            if !ended && start.len() < sniff::TELLING {
                return Ok(());
            }
            if !sniff::reads_as_text(self.is_pdf, start) {
                let start = mem::take(start);
                self.state = State::Raw(BodyErrorKind::MediaType.code());
                return self.push(&start, out, seen);
            }
            // What calls itself a picture and reads as text is none: it is scanned, or refused where it turns out no text.
            self.opaque_passes = false;
            if self.outlook.promise == Promise::Binary {
                self.outlook.promise = Promise::Nothing;
            }
        }
        let State::Start(start) = &self.state else { return Ok(()) };
        let judged = self.judge_charset(start, ended);
        let State::Start(start) = &mut self.state else { return Ok(()) };
        match judged {
            None => return Ok(()),
            Some(Ok(None)) => {}
            Some(judged) => {
                let start = mem::take(start);
                self.state = match judged {
                    Ok(Some(charset)) => State::Transcoded(Box::new(Transcoded::new(charset, self.in_utf8()))),
                    Err(kind) if !self.passes(&kind) => return Err(kind.into()),
                    Ok(None) | Err(_) => State::Raw(BodyErrorKind::Charset.code()),
                };
                return self.push(&start, out, seen);
            }
        }
        // JSON is nothing that its readers take for a call.
        let begins_call = match self.outlook.promise {
            Promise::Json | Promise::JsonLines => Some(false),
            Promise::Binary => sniff::is_sdp(start, sniff::MAX_BLANKS, ended),
            _ => sniff::is_sdp(start, usize::MAX, ended),
        };
        let is_blank = || start.trim_ascii_start().is_empty();
        match begins_call {
            // Blanks are waited through below.
            None if self.outlook.promise != Promise::Binary && is_blank() => {}
            None => return Ok(()),
            Some(false) => {}
            // What would pass as a fault of what is scanned is none: no policy but the one that names it says so.
            Some(true) if !self.sdp_passes => return Err(BodyErrorKind::MediaType.into()),
            Some(true) => {
                let start = mem::take(start);
                self.state = State::Raw(BodyErrorKind::MediaType.code());
                return self.push(&start, out, seen);
            }
        }
        let Some(verdict) = sniff::judge(self.outlook, start, ended) else {
            // Line ends keep a stream alive before it begins, and go on, as do more blanks than others begin with; the last
            // tells as much as all of them.
            let blanks = start.strip_prefix(sniff::BOM).unwrap_or(start);
            let go_on = self.outlook.promise == Promise::EventStream || blanks.len() > sniff::MAX_BLANKS;
            if go_on
                && blanks.trim_ascii_start().is_empty()
                && let Some((_, before)) = start.split_last().filter(|_| !blanks.is_empty())
            {
                out.extend_from_slice(before);
                seen.scanned += before.len() as u64;
                let len = before.len();
                start.drain(..len);
            }
            return Ok(());
        };
        let json = matches!(verdict, Ok(Reading::Json | Reading::JsonOrText));
        let streams = match self.direction {
            Direction::Response if json => stream::judge(self.dialect, self.outlook.promise, start, ended),
            Direction::Request | Direction::Response => Some(false),
        };
        let Some(streams) = streams else { return Ok(()) };
        let start = mem::take(start);
        let mut rest = start.as_slice();
        match verdict {
            Ok(reading) => {
                if let Some(text) = rest.strip_prefix(sniff::BOM) {
                    out.extend_from_slice(sniff::BOM);
                    seen.scanned += sniff::BOM.len() as u64;
                    rest = text;
                }
                self.state = if streams { self.series() } else { self.read_as(reading) };
            }
            Err(kind) if self.passes(&kind) => self.state = State::Raw(kind.code()),
            Err(kind) => return Err(kind.into()),
        }
        self.push(rest, out, seen)
    }

    /// Judges by the beginning, which is not empty, which set the body must be transcoded from, if it must; `None` where more
    /// of it is needed.
    fn judge_charset(&self, start: &[u8], ended: bool) -> Option<Result<Option<Charset>, BodyErrorKind>> {
        let judge = |named| sniff::judge_charset(Outlook { charset: named, ..self.outlook }, start, ended);
        if !self.asks_head {
            return judge(self.outlook.charset);
        }
        // A browser that is told no type finds out by itself that this is markup, and reads what that says of its set. How
        // many blanks stand before it is nothing that tells.
        let (markup, text) = match (self.shape, self.outlook.promise) {
            (Shape::Markup { html: true }, _) => (Markup::Html, start),
            (Shape::Markup { html: false }, _) => (Markup::Xml, start),
            (_, Promise::Nothing) => {
                let text = start.trim_ascii_start();
                (head::markup(text, ended)?, text)
            }
            _ => (Markup::No, start),
        };
        if markup == Markup::No {
            return judge(self.outlook.charset);
        }
        match head::judge(markup == Markup::Html, self.outlook.charset, text, ended)? {
            Err(kind) => Some(Err(kind)),
            Ok(Told::Strictly(charset)) => Some(Ok(Some(charset))),
            Ok(Told::In(named)) => judge(named),
        }
    }

    /// What reads the same body in UTF-8.
    fn in_utf8(&mut self) -> Self {
        Self {
            state: State::Start(Vec::new()),
            outlook: Outlook { charset: Named::Utf8, ..self.outlook },
            shape: self.shape,
            asks_head: false,
            kafka_keys: self.kafka_keys,
            otlp: self.otlp,
            dialect: self.dialect,
            beside: self.beside,
            direction: self.direction,
            scopes: Arc::clone(&self.scopes),
            limits: self.limits.clone(),
            on_fault_pass: self.on_fault_pass,
            edits: self.edits.clone(),
            batch: self.batch.take(),
            opaque_passes: false,
            token_ids_pass: self.token_ids_pass,
            is_sdp: self.is_sdp,
            sdp_passes: self.sdp_passes,
            is_pdf: self.is_pdf,
            label: mem::take(&mut self.label),
            tools: self.tools.take(),
            lookout: self.lookout.take(),
        }
    }

    /// Whether content with this fault goes on unscanned.
    fn passes(&self, kind: &BodyErrorKind) -> bool {
        match kind {
            BodyErrorKind::MediaType | BodyErrorKind::Charset => self.on_fault_pass,
            _ => false,
        }
    }

    fn read_as(&self, reading: Reading) -> State {
        let scopes = Arc::clone(&self.scopes);
        let (limits, dialect, direction) = (&self.limits, self.dialect, self.direction);
        let gate = |scalars| {
            let json = self.json(Framing::Sequence);
            State::Gate(Box::new(Gate::new(json, Probe::new(limits.json_depth, scalars))))
        };
        match reading {
            Reading::Json if self.on_fault_pass => gate(true),
            Reading::Json => State::Json(Box::new(self.json(self.framing()))),
            Reading::JsonOrText => gate(false),
            Reading::Events => State::Events(Box::new(EventStream::new(scopes, limits, dialect, direction))),
            Reading::Text => self.text(),
        }
    }

    fn json(&self, framing: Framing) -> JsonBody {
        let (scopes, plan) = match &self.batch {
            Some((plan, scopes)) => (scopes, Some(plan.clone())),
            None => (&self.scopes, None),
        };
        let dialect = if self.otlp { Dialect::Otlp(None) } else { self.dialect };
        let spoken = (dialect, self.beside);
        JsonBody::in_records(Arc::clone(scopes), &self.limits, spoken, self.direction, framing, plan)
            .with_token_ids(self.token_ids_pass)
            .with_kafka_keys(self.kafka_keys)
            .edited(&self.edits, &self.limits, framing)
    }

    fn series(&self) -> State {
        State::Series(Box::new(Series::new(Arc::clone(&self.scopes), &self.limits, self.dialect)))
    }

    /// Some senders of NDJSON call it `application/json`; those that speak a model's protocol do not.
    fn framing(&self) -> Framing {
        match self.outlook.promise {
            Promise::Json
                if self.dialect != Dialect::Plain && self.beside != Beside::Files || self.edits.terms.is_some() =>
            {
                Framing::Document
            }
            _ => Framing::Sequence,
        }
    }

    fn text(&self) -> State {
        if let Some((plan, scopes)) = self.batch.as_ref().filter(|(plan, _)| plan.sink.by_lines(self.shape)) {
            let text = match self.outlook.promise {
                Promise::Nothing => TextBody::sniffed(scopes),
                _ => TextBody::announced(scopes),
            };
            return State::Text(Box::new(text.in_lines(plan.clone())));
        }
        if let Some(records) = Records::new(self.shape, &self.scopes, &self.limits) {
            return State::Records(Box::new(records));
        }
        let mut text = match self.outlook.promise {
            Promise::Nothing => TextBody::sniffed(&self.scopes),
            _ => TextBody::announced(&self.scopes),
        };
        text.call(&self.label);
        State::Text(Box::new(text))
    }

    /// Goes on as text, from what the gate holds.
    fn turn_to_text(&mut self, rest: &[u8], out: &mut Vec<u8>, seen: &mut Inspection) -> Result<(), BodyError> {
        // Of what begins as JSON, members are to be taken out: as text they would stay.
        if !self.edits.drop.is_empty() {
            return Err(BodyErrorKind::JsonSyntax.into());
        }
        let State::Gate(gate) = &mut self.state else { return Ok(()) };
        let held = gate.turn(out, seen)?;
        self.state = self.text();
        self.push(&held, out, seen)?;
        self.push(rest, out, seen)
    }
}
