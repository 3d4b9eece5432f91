//! The services that are asked about whole bodies, as one generation has them: connections, turns, breakers, memories.
//!
//! Enters: the policy's externals; a [`Question`]. Leaves: a verdict within the service's own timeout, or why there is
//! none. A service that did not change keeps its connections, its breaker and its memory over a reload. What goes wrong in
//! a service never says what was asked.

mod consult;
mod http;
mod icap;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::external::breaker::Breaker;
use crate::external::cache::Cache;
use crate::external::{Failure, Question, Verdict};
use crate::policy::{External, ExternalKind, FileHash, Policy};
use crate::telemetry::{self, Telemetry};

use super::tls::TlsFault;
use super::upstream::{self, Shown};

pub(crate) use consult::{Case, Message};

/// Every service of one configuration, in the order of the policy.
#[derive(Debug)]
pub(crate) struct Externals {
    /// None: nobody is asked.
    all: Option<Vec<Arc<Service>>>,
}

/// One service.
pub(crate) struct Service {
    pub(crate) settings: Arc<External>,
    /// Of the files that its TLS rests on.
    files: FileHash,
    line: Line,
    turns: Semaphore,
    breaker: Mutex<Breaker>,
    cache: Mutex<Cache>,
    telemetry: Arc<Telemetry>,
}

/// How it is spoken to.
enum Line {
    Http(http::Client),
    Icap(icap::Client),
}

impl Externals {
    /// None, for values that are made up: they are shown to nobody.
    pub(crate) fn none() -> Self {
        Self { all: None }
    }

    /// The services that `policy` names; those that `before` has and that did not change are kept.
    ///
    /// # Errors
    /// A bundle of roots or a certificate cannot be read, or the system has no random bytes.
    pub(crate) fn prepare(
        policy: &Policy,
        before: Option<&Self>,
        telemetry: &Arc<Telemetry>,
    ) -> Result<Self, TlsFault> {
        let mut all = Vec::new();
        for settings in &policy.externals {
            let shown = match settings.upstream.tls {
                true => Some(upstream::client_config(&settings.upstream, &[b"http/1.1"])?),
                false => None,
            };
            let files = shown.as_ref().map(|(files, _)| *files).unwrap_or_default();
            let mut old = before.and_then(|before| before.all.as_deref()).unwrap_or_default().iter();
            let kept = old.find(|old| old.settings == *settings && old.files == files);
            all.push(match kept {
                Some(kept) => Arc::clone(kept),
                None => Arc::new(Service::new(settings, shown.as_ref(), policy, telemetry)?),
            });
        }
        Ok(Self { all: Some(all) })
    }

    /// The services of these indices; `None` where one is not there, whose verdict is needed all the same.
    fn named(&self, indices: &[usize]) -> Option<Vec<Arc<Service>>> {
        let Some(all) = &self.all else { return Some(Vec::new()) };
        indices.iter().map(|index| all.get(*index).cloned()).collect()
    }
}

impl Service {
    fn new(
        settings: &Arc<External>,
        shown: Option<&Shown>,
        policy: &Policy,
        telemetry: &Arc<Telemetry>,
    ) -> Result<Self, TlsFault> {
        let mut key = [0; 32];
        let fault = |_| TlsFault::new(std::path::Path::new("the system"), "has no random bytes");
        getrandom::fill(&mut key).map_err(fault)?;
        let line = match &settings.kind {
            ExternalKind::Icap { preview, .. } => Line::Icap(icap::Client::new(settings, *preview, shown, policy)),
            ExternalKind::Webhook { .. } | ExternalKind::Presidio { .. } | ExternalKind::Purview { .. } => {
                Line::Http(http::Client::new(settings, shown, policy))
            }
        };
        telemetry.set("blackbar_external_breaker", &[&settings.name], 0);
        Ok(Self {
            files: shown.map(|(files, _)| *files).unwrap_or_default(),
            line,
            turns: Semaphore::new(settings.in_flight),
            breaker: Mutex::new(Breaker::new(settings.failures, settings.cool_down)),
            cache: Mutex::new(Cache::new(settings.cache_entries, settings.cache_ttl, key)),
            telemetry: Arc::clone(telemetry),
            settings: Arc::clone(settings),
        })
    }

    /// Whether it judges messages as HTTP carries them, and may change them.
    fn reads_messages(&self) -> bool {
        matches!(self.line, Line::Icap(_))
    }

    /// Asks about texts.
    async fn ask(&self, question: &Question) -> Result<Verdict, Failure> {
        if question.texts.len() > self.settings.texts {
            return Err(Failure::TooMany);
        }
        if question.texts.is_empty() {
            return Ok(Verdict::Allow);
        }
        let Line::Http(client) = &self.line else { return Err(Failure::Answer) };
        let known = self.cache().fingerprint(parts(question));
        if let Some(verdict) = self.remembered(&known) {
            return Ok(verdict);
        }
        let verdict = self.within(client.ask(question)).await?;
        self.cache().keep(known, &verdict, telemetry::now());
        Ok(verdict)
    }

    /// Asks about a message.
    async fn ask_of(&self, message: &Message, question: &Question) -> Result<Changed, Failure> {
        let Line::Icap(client) = &self.line else { return Err(Failure::Answer) };
        let subject = message.subject(&self.settings);
        let of = [subject.request, subject.response, subject.body];
        let known = self.cache().fingerprint(parts(question).into_iter().chain(of));
        match self.remembered(&known) {
            Some(Verdict::Allow) => return Ok(Changed::No),
            Some(Verdict::Block) => return Ok(Changed::Refused),
            Some(Verdict::Redact(_)) | None => {}
        }
        let (ruling, renewed) = self.within(client.ask(&subject)).await?;
        let mut cache = self.cache();
        if renewed {
            // The server judges by another state now (RFC 3507 section 4.7).
            cache.clear();
        }
        let (changed, verdict) = match ruling {
            crate::external::icap::Ruling::Allow => (Changed::No, Some(Verdict::Allow)),
            crate::external::icap::Ruling::Block => (Changed::Refused, Some(Verdict::Block)),
            crate::external::icap::Ruling::Changed(body) => (Changed::Body(body.into()), None),
        };
        if let Some(verdict) = verdict {
            cache.keep(known, &verdict, telemetry::now());
        }
        Ok(changed)
    }

    fn remembered(&self, known: &crate::external::cache::Fingerprint) -> Option<Verdict> {
        let verdict = self.cache().verdict(known, telemetry::now());
        if verdict.is_some() {
            self.telemetry.add("blackbar_external_cache_hits_total", &[&self.settings.name], 1);
        }
        verdict
    }

    /// One question within the service's bounds, told to its breaker.
    async fn within<T>(&self, asking: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let mut attempt = Attempt::begin(self).ok_or(Failure::Open)?;
        let began = telemetry::now();
        let answered = timeout(self.settings.timeout, async {
            let turn = self.turns.acquire().await.map_err(|_| Failure::Timeout)?;
            let answer = asking.await;
            drop(turn);
            answer
        });
        let answer = answered.await.unwrap_or(Err(Failure::Timeout));
        let took = telemetry::now().saturating_duration_since(began);
        self.telemetry.time("blackbar_external_duration_seconds", &[&self.settings.name], took);
        attempt.outcome = Some(answer.as_ref().err().is_none_or(|failure| !failure.counts()));
        answer
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // Every holder leaves it whole.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show_breaker(&self, level: i64) {
        self.telemetry.set("blackbar_external_breaker", &[&self.settings.name], level);
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Service({})", self.settings.name)
    }
}

/// What a service made of a message.
enum Changed {
    No,
    Refused,
    Body(Bytes),
}

/// What a verdict rests on beside the content.
fn parts(question: &Question) -> Vec<&[u8]> {
    let kind = question.media_type.as_deref().unwrap_or_default();
    let fixed = [question.workspace.as_str(), &question.route, question.direction.name(), kind];
    fixed.into_iter().map(str::as_bytes).chain(question.texts.iter().map(|text| &text[..])).collect()
}

/// A question that the breaker let through. It is told what became of it, though nobody may wait for the answer any more.
struct Attempt<'a> {
    service: &'a Service,
    outcome: Option<bool>,
}

impl<'a> Attempt<'a> {
    fn begin(service: &'a Service) -> Option<Self> {
        let now: Instant = telemetry::now();
        let mut breaker = service.breaker();
        let admitted = breaker.admits(now);
        service.show_breaker(breaker.level());
        drop(breaker);
        admitted.then_some(Self { service, outcome: None })
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut breaker = self.service.breaker();
        breaker.settle(self.outcome, telemetry::now());
        self.service.show_breaker(breaker.level());
    }
}
