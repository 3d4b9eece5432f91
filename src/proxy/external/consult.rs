//! One body, shown to the services that its route names.
//!
//! Enters: a body that the rules have decided, and what came where a service is to read that. Leaves: the body that goes on,
//! or a refusal. Services that judge messages are asked one after the other, since each may change the body; what they
//! change is put through the rules again. The others are then asked at once: those that read what came, then those that
//! read what the rules left. What they find is laid on the texts that they read, with the rules' own findings where both
//! are of what came, and masked as the workspace says. A service without a verdict refuses the body, or lets it go on, as
//! it is told, counted and audited.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use tokio::task::JoinSet;

use crate::body::{BodyErrorKind, BodyInspector, BodySpec, Direction, Inspection};
use crate::engine::{Layer, Mark, Marks, Overlay, RuleId, RuleSet, Texts};
use crate::external::icap::Subject;
use crate::external::{Failure, Found, Question, Span, Verdict};
use crate::policy::{External, ExternalKind, OnFault, Route, Workspace};
use crate::proxy::ledger::Ledger;
use crate::proxy::reply::{ErrorKind, ProxyError, Side};
use crate::telemetry::Telemetry;

use super::{Changed, Externals, Service};

/// Bodies above this are inspected on a thread of their own, so that others do not wait.
const LONG: usize = 64 << 10;

/// A body that is to be judged, and who belongs to it.
pub(crate) struct Case<'a> {
    pub(crate) services: &'a Externals,
    pub(crate) ledger: &'a Arc<Ledger>,
    pub(crate) telemetry: &'a Telemetry,
    pub(crate) workspace: &'a Workspace,
    pub(crate) route: &'a Route,
    /// How the body that came is inspected.
    pub(crate) spec: BodySpec,
    pub(crate) message: Message,
}

/// What goes with a body, as services of messages see it: nothing that a client or an upstream must keep to itself.
#[derive(Clone)]
pub(crate) struct Message {
    request: Vec<u8>,
    response: Vec<u8>,
    body: Bytes,
    client: String,
}

/// What of a body there is.
struct Held {
    /// What came, where a service reads that.
    original: Option<Bytes>,
    /// What the rules left.
    body: Bytes,
}

impl Held {
    fn content(&self, settings: &External) -> &Bytes {
        self.original.as_ref().filter(|_| settings.original).unwrap_or(&self.body)
    }
}

impl Message {
    /// A request to this target, and the status that answers it; of the headers what says how the body is written.
    pub(crate) fn new(
        method: &Method,
        uri: &Uri,
        status: Option<StatusCode>,
        headers: &HeaderMap,
        client: &str,
    ) -> Self {
        let host = uri.authority().map_or("", |authority| authority.as_str());
        let path = uri.path();
        let scheme = uri.scheme_str().unwrap_or("http");
        // As proxies write it, whole; without its query: what it holds is not the body's.
        let line = format!("{method} {scheme}://{host}{path} HTTP/1.1\r\nHost: {host}\r\n");
        let mut form = Vec::new();
        for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING] {
            for value in headers.get_all(&name).iter().map(HeaderValue::as_bytes) {
                form.extend_from_slice(format!("{name}: ").as_bytes());
                form.extend_from_slice(value);
                form.extend_from_slice(b"\r\n");
            }
        }
        let (request, response) = match status {
            None => ([line.as_bytes(), &form].concat(), Vec::new()),
            Some(status) => {
                let reason = status.canonical_reason().unwrap_or_default();
                let answered = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16());
                (format!("{line}\r\n").into_bytes(), [answered.as_bytes(), &form].concat())
            }
        };
        Self { request, response, body: Bytes::new(), client: client.to_owned() }
    }

    /// The same with this body, whose length it says: some servers look for none where none is told.
    fn with(&self, body: &Bytes) -> Self {
        let mut with = Self { body: body.clone(), ..self.clone() };
        let head = if with.response.is_empty() { &mut with.request } else { &mut with.response };
        head.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
        with
    }

    /// Which way its body goes.
    pub(crate) fn direction(&self) -> Direction {
        if self.response.is_empty() { Direction::Request } else { Direction::Response }
    }

    pub(super) fn subject(&self, settings: &External) -> Subject<'_> {
        let told = matches!(settings.kind, ExternalKind::Icap { client_address: true, .. });
        Subject {
            direction: self.direction(),
            request: &self.request,
            response: &self.response,
            body: &self.body,
            client: told.then_some(self.client.as_str()),
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} bytes)", self.body.len())
    }
}

impl Case<'_> {
    /// Whether any service is asked about bodies of a direction.
    pub(crate) fn is_for(route: &Route, direction: Direction) -> bool {
        !asked(route, direction).is_empty()
    }

    /// Whether one of them reads what came.
    pub(crate) fn wants_original(route: &Route, direction: Direction, externals: &[Arc<External>]) -> bool {
        asked(route, direction).iter().filter_map(|index| externals.get(*index)).any(|one| one.original)
    }

    /// The body that goes on, or why none does.
    ///
    /// # Errors
    /// A service refuses it, or has no verdict and is to be heard; a rule that blocks finds something in what a service
    /// changed; it cannot be inspected any more.
    pub(crate) async fn judge(self, body: Bytes, original: Option<Bytes>) -> Result<Bytes, ProxyError> {
        let services = self.services.named(asked(self.route, self.spec.direction));
        let services = services.ok_or(ProxyError::internal(ErrorKind::Fault))?;
        let mut held = Held { original, body };
        for service in services.iter().filter(|service| service.reads_messages()) {
            self.show_message(service, &mut held).await?;
        }
        for original in [true, false] {
            let reads = |service: &&Arc<Service>| !service.reads_messages() && service.settings.original == original;
            let group: Vec<Arc<Service>> = services.iter().filter(reads).cloned().collect();
            if !group.is_empty() {
                self.show_texts(&group, original, &mut held).await?;
            }
        }
        Ok(held.body)
    }

    /// Asks one service about the message, which may become another.
    async fn show_message(&self, service: &Arc<Service>, held: &mut Held) -> Result<(), ProxyError> {
        let message = self.message.with(held.content(&service.settings));
        let question = self.question(&service.settings, Vec::new());
        match service.ask_of(&message, &question).await {
            Ok(Changed::No) => self.tell(service, "allow"),
            Ok(Changed::Refused) => return Err(self.refused(service)),
            Ok(Changed::Body(body)) => {
                let (redacted, seen) = self.inspect(self.form(service.settings.original), body.clone()).await?;
                self.drops_no_more(&seen)?;
                // Whether a call waits was decided by the message as it came; one that is new waits for nobody.
                if !seen.held_calls.is_empty() {
                    return Err(self.unfit(BodyErrorKind::Tool));
                }
                self.ledger.inspected(self.spec.direction, findings(seen, |_| true));
                self.tell(service, "change");
                *held = Held { original: Some(body), body: redacted };
            }
            Err(failure) => self.failed(service, failure)?,
        }
        Ok(())
    }

    /// Asks these services about the texts of the body, all at once.
    async fn show_texts(&self, group: &[Arc<Service>], original: bool, held: &mut Held) -> Result<(), ProxyError> {
        let content = match &held.original {
            Some(came) if original => came.clone(),
            _ => held.body.clone(),
        };
        let most = group.iter().map(|service| service.settings.texts).max().unwrap_or(0);
        let kept = Texts::new(most, usize::MAX);
        let reading = self.overlaid(&Overlay::Keep(Arc::clone(&kept)), Layer::Nothing, original);
        self.inspect(reading, content.clone()).await?;
        let Some(texts) = kept.take() else {
            return group.iter().try_for_each(|service| self.failed(service, Failure::TooMany));
        };
        let mut asking = JoinSet::new();
        for (place, service) in group.iter().enumerate() {
            let (service, question) = (Arc::clone(service), self.question(&service.settings, texts.clone()));
            asking.spawn(async move { (place, service.ask(&question).await) });
        }
        let mut verdicts: Vec<Option<Result<Verdict, Failure>>> = group.iter().map(|_| None).collect();
        while let Some(joined) = asking.join_next().await {
            let (place, verdict) = joined.map_err(|_| ProxyError::internal(ErrorKind::Fault))?;
            if let Some(slot) = verdicts.get_mut(place) {
                *slot = Some(verdict);
            }
        }
        let mut marks = Marks::default();
        texts.iter().for_each(|text| marks.add(text, []));
        let mut refused = None;
        for (service, verdict) in group.iter().zip(verdicts) {
            match verdict.unwrap_or(Err(Failure::Answer)) {
                Ok(Verdict::Allow) => self.tell(service, "allow"),
                Ok(Verdict::Block) => refused = refused.or(Some(Err(self.refused(service)))),
                Ok(Verdict::Redact(spans)) => {
                    self.tell(service, "redact");
                    self.mark(service, &texts, &spans, &mut marks);
                }
                Err(failure) => refused = refused.or(self.failed(service, failure).err().map(Err)),
            }
        }
        refused.unwrap_or(Ok(()))?;
        if marks.is_empty() {
            return Ok(());
        }
        let layer = if original { Layer::All } else { Layer::External };
        let marks = Arc::new(marks);
        let marking = self.overlaid(&Overlay::Apply(Arc::clone(&marks)), layer, original);
        let (out, seen) = self.inspect(marking, content).await?;
        if marks.missed() {
            return Err(ProxyError::internal(ErrorKind::Fault));
        }
        self.drops_no_more(&seen)?;
        let rules = Arc::clone(&self.spec.scopes.rules);
        self.ledger.inspected(self.spec.direction, findings(seen, |rule| is_external(&rules, rule)));
        held.body = out;
        Ok(())
    }

    /// The rules of what a service found. One that is off in the workspace is left alone.
    fn mark(&self, service: &Service, texts: &[Arc<[u8]>], spans: &[Span], marks: &mut Marks) {
        let rules = self.spec.scopes.rules.rules();
        for span in spans {
            let id = service.settings.rule(&span.entity);
            let rule = rules.iter().position(|rule| rule.id == id);
            if let (Some(rule), Some(text)) = (rule, texts.get(span.text)) {
                marks.add(text, [Mark { rule, start: span.start, end: span.end }]);
            }
        }
    }

    /// How what came is inspected, or what the rules left of it: what an answer was told of its batch stands there already,
    /// what is taken out of a request or set in it may be so again, and no record is dropped that its sink was not told of.
    fn form(&self, original: bool) -> BodySpec {
        let mut spec = BodySpec { keep_dropped: false, ..self.spec.clone() };
        if !original {
            spec.edits.told = None;
            spec.batch = None;
            // What stands for a value in it is no value of its own.
            spec.scopes = Arc::new(spec.scopes.again());
        }
        spec
    }

    /// Records that are dropped on a service's account are not told: their batch is refused.
    fn drops_no_more(&self, seen: &Inspection) -> Result<(), ProxyError> {
        let before = self.ledger.dropped_records().map_or(0, |tally| tally.dropped());
        if seen.records.dropped() > before { Err(ProxyError::blocked(None)) } else { Ok(()) }
    }

    fn overlaid(&self, overlay: &Overlay, layer: Layer, original: bool) -> BodySpec {
        let form = self.form(original);
        BodySpec { scopes: Arc::new(form.scopes.overlaid(overlay, layer)), ..form }
    }

    fn question(&self, settings: &External, texts: Vec<Arc<[u8]>>) -> Question {
        let rules = self.spec.scopes.rules.rules();
        let found = self.ledger.findings(self.spec.direction).into_iter().filter_map(|(rule, action, count)| {
            let rule = rules.get(rule)?;
            Some(Found { rule: rule.id.to_string(), entity: rule.entity.to_string(), action, count })
        });
        Question {
            request_id: self.ledger.request_id.clone(),
            workspace: self.workspace.name.clone(),
            route: self.route.name.clone(),
            direction: self.spec.direction,
            media_type: self
                .spec
                .media_type
                .as_ref()
                .filter(|one| one.is_readable())
                .map(|one| format!("{}/{}", one.kind(), one.subtype())),
            original: settings.original,
            texts,
            findings: found.collect(),
        }
    }

    /// Puts a whole body through an inspector.
    async fn inspect(&self, spec: BodySpec, body: Bytes) -> Result<(Bytes, Inspection), ProxyError> {
        let rules = Arc::clone(&spec.scopes.rules);
        let outcome = if body.len() > LONG {
            tokio::task::spawn_blocking(move || through(spec, &body)).await.unwrap_or(Err(None))
        } else {
            through(spec, &body)
        };
        outcome.map_err(|kind| match kind {
            Some(BodyErrorKind::Blocked { rule }) => {
                ProxyError::blocked(rules.rules().get(rule).map(|rule| rule.id.clone()))
            }
            Some(kind) => self.unfit(kind),
            None => ProxyError::internal(ErrorKind::Fault),
        })
    }

    /// The message cannot go on as it is.
    fn unfit(&self, kind: BodyErrorKind) -> ProxyError {
        let side = match self.spec.direction {
            Direction::Request => Side::Client,
            Direction::Response => Side::Upstream,
        };
        ProxyError { side, kind: ErrorKind::Body(kind), rule: None }
    }

    /// Counts what a service said.
    fn tell(&self, service: &Service, result: &'static str) {
        let name = &service.settings.name;
        let direction = self.spec.direction;
        self.telemetry.add("blackbar_external_requests_total", &[name, direction.name(), result], 1);
        self.ledger.consulted(direction, name, result);
    }

    /// A service refuses the body.
    fn refused(&self, service: &Service) -> ProxyError {
        self.tell(service, "block");
        ProxyError { side: Side::Policy, kind: ErrorKind::External, rule: Some(name_of(service)) }
    }

    /// A service has no verdict.
    fn failed(&self, service: &Service, failure: Failure) -> Result<(), ProxyError> {
        self.tell(service, failure.name());
        let name = &service.settings.name;
        if service.settings.on_error == OnFault::Pass {
            let labels = [&self.workspace.name, &self.route.name, self.spec.direction.name(), name];
            self.telemetry.add("blackbar_external_passed_total", &labels, 1);
            self.ledger.consulted(self.spec.direction, name, "passed");
            return Ok(());
        }
        Err(ProxyError { side: Side::Internal, kind: ErrorKind::Unjudged, rule: Some(name_of(service)) })
    }
}

/// How a service is called where a rule would be.
fn name_of(service: &Service) -> RuleId {
    RuleId::new(&format!("external.{}", service.settings.name))
}

fn asked(route: &Route, direction: Direction) -> &[usize] {
    let [request, response] = &route.external;
    match direction {
        Direction::Request => request,
        Direction::Response => response,
    }
}

fn through(spec: BodySpec, body: &[u8]) -> Result<(Bytes, Inspection), Option<BodyErrorKind>> {
    let run = || {
        let mut out = Vec::with_capacity(body.len());
        let mut inspector = BodyInspector::new(spec)?;
        inspector.push(body, &mut out)?;
        inspector.finish(&mut out)?;
        Ok((Bytes::from(out), inspector.into_inspection()))
    };
    crate::proxy::inspect::caught(run).map_err(|fault| match fault {
        crate::proxy::inspect::Fault::Body(error) => Some(error.kind),
        crate::proxy::inspect::Fault::Panic => None,
    })
}

fn is_external(rules: &RuleSet, index: usize) -> bool {
    rules.rules().get(index).is_some_and(|rule| rule.cost == crate::engine::Cost::External)
}

/// What was found, without what is counted of a body: that was counted when it came.
fn findings(seen: Inspection, counts: impl Fn(usize) -> bool) -> Inspection {
    Inspection {
        findings: seen.findings.into_iter().filter(|(rule, _, _)| counts(*rule)).collect(),
        fingerprints: seen.fingerprints.into_iter().filter(|(rule, _)| counts(*rule)).collect(),
        ..Inspection::default()
    }
}
