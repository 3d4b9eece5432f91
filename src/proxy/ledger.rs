//! What one exchange came to, kept until its last byte.
//!
//! Enters: the workspace and route once they are known, the inspection of each direction at its end, the status or the
//! error. Leaves: one record of the audit before the answer's end, one update of the metrics and one log line, when the last holder (handler, request body, answer) lets
//! go. The permit of the request lives here, so it outlives every byte of the exchange. Also holds the switch by which
//! the answer's end stops a request body that is still on its way.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use http::{HeaderMap, Method, StatusCode};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::audit::{Ack, Kind, Slot};
use crate::body::batch::Tally;
use crate::body::{Direction, Inspection};
use crate::engine::{Action, Comparison, Rule, RuleId, TokenMap};
use crate::policy::{Policy, Route, Workspace};
use crate::quarantine::item::Found;
use crate::telemetry::{self, NO_WORKSPACE, Telemetry};

use super::Shared;
use super::admission::{Activity, Place, RequestPermit, WorkspaceQuota};
use super::audited::{Facts, Party};
use super::budgets::Bill;
use super::held::Approved;
use super::memory::{Charge, FREE, MemoryBudget, NoRoom};
use super::reply::{ErrorKind, ProxyError, Side};
use super::shadow;
use super::traces::{self, Context as TraceContext, Traces};

/// What a held call of a tool is called among findings.
const TOOL_CALL: &str = "TOOL_CALL";
/// The action that sends a request elsewhere.
const REROUTE: &str = "reroute";
/// How long a record waits for the end of a request body that is told to stop.
const UPLOAD_WAIT: Duration = Duration::from_secs(1);
/// How long an answer waits for its record.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// One exchange's account.
pub(crate) struct Ledger {
    /// 128 random bits in hexadecimal.
    pub(crate) request_id: String,
    /// The request body's switch.
    pub(crate) upload: Upload,
    /// The connection's.
    pub(crate) activity: Arc<Activity>,
    /// What its bodies hold back is charged to this.
    pub(crate) memory: Arc<MemoryBudget>,
    /// What its head takes of that.
    head: OnceLock<Charge>,
    telemetry: Arc<Telemetry>,
    policy: Arc<Policy>,
    party: Arc<Party>,
    started: Instant,
    account: Mutex<Account>,
    /// Its places among its workspace's and its key's.
    place: OnceLock<[Option<Place>; 2]>,
    /// What it rests on holds no more.
    revoked: AtomicBool,
    /// The proxy ends with it under way.
    cut: Arc<AtomicBool>,
    /// Where its span goes, and its method.
    trace: OnceLock<(Arc<Traces>, TraceContext, Method)>,
    _permit: Option<RequestPermit>,
}

#[derive(Default)]
struct Account {
    workspace: Option<Arc<Workspace>>,
    route: Option<Arc<Route>>,
    request: Option<Inspection>,
    response: Option<Inspection>,
    method: Option<Method>,
    status: Option<StatusCode>,
    code: Option<&'static str>,
    fault: Option<ProxyError>,
    /// Where the record goes; none without an audit, or once it is written.
    slot: Option<Slot>,
    waited: Duration,
    /// Why the request body ended early.
    request_fault: Option<ProxyError>,
    /// What a refusal answers to, where the protocol has such a thing.
    rpc_id: Option<String>,
    /// The name of the key that was shown.
    key: Option<String>,
    /// The exchange's tokens.
    tokens: Option<Arc<TokenMap>>,
    /// What services said of its bodies.
    consulted: Vec<Consulted>,
    /// What rules that read along find otherwise in each direction.
    compared: Option<[Arc<Comparison>; 2]>,
    /// The route that the request came by before it went elsewhere, and the rule that sent it there.
    elsewhere: Option<(Arc<Route>, RuleId)>,
    /// Decoded bytes that the model is told of tokens.
    instructed: u64,
    /// What its tokens are counted against.
    bill: Bill,
    /// The request went on.
    went: bool,
    /// There was no connection to send it on.
    unsent: bool,
    /// The client has a refusal in the answer's place.
    refused: bool,
}

/// What a service said of a body: which way it went, the service, its word.
pub(crate) type Consulted = (Direction, String, &'static str);

impl Ledger {
    pub(crate) fn open(
        shared: &Shared,
        permit: Option<RequestPermit>,
        activity: &Arc<Activity>,
        (policy, party): (Arc<Policy>, Arc<Party>),
    ) -> Arc<Self> {
        let telemetry = Arc::clone(&shared.telemetry);
        telemetry.shift("blackbar_requests_in_flight", &[], 1);
        Arc::new(Self {
            request_id: request_id(),
            upload: Upload::default(),
            activity: Arc::clone(activity),
            memory: Arc::clone(&shared.admission.memory),
            head: OnceLock::new(),
            telemetry,
            policy,
            party,
            started: telemetry::now(),
            account: Mutex::default(),
            place: OnceLock::new(),
            revoked: AtomicBool::new(false),
            cut: Arc::clone(&shared.admission.cut),
            trace: OnceLock::new(),
            _permit: permit,
        })
    }

    /// Its head has so many bytes, until its end.
    ///
    /// # Errors
    /// There is no room for them.
    pub(crate) fn has_head(&self, bytes: usize) -> Result<(), NoRoom> {
        if bytes <= FREE {
            return Ok(());
        }
        let mut charge = Charge::new(&self.memory);
        charge.set(bytes)?;
        let _ = self.head.set(charge);
        Ok(())
    }

    /// The exchange has a place in the audit, and asks with this method.
    pub(crate) fn audited(&self, slot: Slot, method: &Method) {
        let mut account = self.account();
        account.slot = Some(slot);
        account.method = Some(method.clone());
    }

    /// The exchange has a span in this trace, and asks with this method.
    pub(crate) fn traced(&self, traces: &Arc<Traces>, context: TraceContext, method: &Method) {
        let _ = self.trace.set((Arc::clone(traces), context, method.clone()));
    }

    /// Has a request whose head is as it may be name the exchange's span, where there is one.
    pub(crate) fn name_span(&self, headers: &mut HeaderMap) {
        if let Some((_, context, _)) = self.trace.get() {
            context.name(headers);
        }
    }

    /// Whether a record is to be written.
    pub(crate) fn is_audited(&self) -> bool {
        self.account().slot.is_some()
    }

    /// Writes the record, if it is not written: what was seen, and what became of it, are known now. The end of the
    /// answer waits for this. What is still under way of the request ends here.
    pub(crate) async fn settle(&self) -> Result<(), ProxyError> {
        self.charge();
        if !self.is_audited() {
            return Ok(());
        }
        let ending = self.upload.ending();
        if self.upload.is_under_way() {
            self.upload.stop();
            let _ = timeout(UPLOAD_WAIT, ending).await;
        }
        let Some(ack) = self.record() else { return Ok(()) };
        match timeout(ACK_WAIT, ack).await {
            Ok(Ok(())) => Ok(()),
            Ok(_) | Err(_) => Err(ProxyError::internal(ErrorKind::Audit)),
        }
    }

    /// Writes that a session begins.
    pub(crate) async fn opens_session(&self, slot: Slot) -> Result<(), ProxyError> {
        let ack = {
            let account = self.account();
            slot.record(self.facts(&account).entry(Kind::SessionOpen))
        };
        match timeout(ACK_WAIT, ack).await {
            Ok(Ok(())) => Ok(()),
            Ok(_) | Err(_) => Err(ProxyError::internal(ErrorKind::Audit)),
        }
    }

    fn record(&self) -> Option<Ack> {
        let mut account = self.account();
        let slot = account.slot.take()?;
        Some(slot.record(self.facts(&account).entry(Kind::Exchange)))
    }

    fn facts<'a>(&'a self, account: &'a Account) -> Facts<'a> {
        Facts {
            request_id: &self.request_id,
            party: &self.party,
            key: account.key.as_deref(),
            policy: &self.policy,
            workspace: account.workspace.as_deref(),
            route: account.route.as_deref(),
            method: account.method.as_ref(),
            status: account.status,
            fault: account.fault.as_ref().map(|error| (error.code(), error.side.name(), error.rule.as_ref())),
            cause: account.fault.as_ref().and_then(ProxyError::cause),
            item: account.fault.as_ref().and_then(ProxyError::item),
            consulted: &account.consulted,
            compared: account.compared.as_ref(),
            instructed: account.instructed,
            model_tokens: account.bill.charged(),
            elsewhere: account.elsewhere.as_ref().map(|(route, rule)| (route.name.as_str(), rule)),
            request: account.request.as_ref(),
            response: account.response.as_ref(),
            pending: self.upload.is_under_way(),
            looked_at: self.upload.has_begun(),
            unsent: [!account.went || account.unsent, account.refused],
            took: self.elapsed(),
        }
    }

    /// The workspace is known.
    pub(crate) fn belongs_to(&self, workspace: &Arc<Workspace>) {
        self.account().workspace = Some(Arc::clone(workspace));
    }

    /// The request showed this key, by its name.
    pub(crate) fn keyed(&self, id: Option<&str>) {
        self.account().key = id.map(str::to_owned);
    }

    /// The name of the key that the request showed.
    pub(crate) fn key(&self) -> Option<String> {
        self.account().key.clone()
    }

    /// The exchange has these places until its last byte.
    pub(crate) fn holds(&self, places: [Option<Place>; 2]) {
        let _ = self.place.set(places);
    }

    /// What its answer costs is counted against these budgets, and no others.
    pub(crate) fn spends(&self, budgets: Vec<Arc<WorkspaceQuota>>) {
        self.account().bill.goes_to(budgets);
    }

    /// Whether it is counted what its answer costs.
    pub(crate) fn is_metered(&self) -> bool {
        self.account().bill.is_open()
    }

    /// Counts what has been seen of the answer's cost and is not counted yet.
    fn charge(&self) {
        let mut account = self.account();
        let account = &mut *account;
        // What came to no end was not the whole of the question.
        let sent = self.upload.is_read() && account.request_fault.is_none();
        let failed = account.fault.is_some();
        let more = account.bill.charge(account.request.as_ref(), account.response.as_ref(), sent, failed);
        let Some((tokens, source)) = more else { return };
        let workspace = account.workspace.as_ref().map_or(NO_WORKSPACE, |workspace| &workspace.name);
        let route = account.route.as_ref().map_or("none", |route| &route.name);
        self.telemetry.add("blackbar_model_tokens_total", &[workspace, route, source], tokens);
    }

    /// The route is known.
    pub(crate) fn routed(&self, route: &Arc<Route>) {
        self.account().route = Some(Arc::clone(route));
    }

    /// Values give way to these tokens.
    pub(crate) fn mints(&self, tokens: &Arc<TokenMap>) {
        self.account().tokens = Some(Arc::clone(tokens));
    }

    /// The first rule by which a request is to go elsewhere; none where it has gone there.
    pub(crate) fn sends_elsewhere(&self) -> Option<RuleId> {
        let account = self.account();
        let (seen, workspace) = (account.request.as_ref()?, account.workspace.as_ref()?);
        let (rule, ..) = seen.findings.iter().find(|(_, action, _)| *action == REROUTE)?;
        let rule = workspace.rules.rules().get(*rule)?.id.clone();
        account.elsewhere.is_none().then_some(rule)
    }

    /// The request goes elsewhere than its route leads, by this rule: what was seen of it counts no more but for what
    /// sends it there.
    pub(crate) fn goes_elsewhere(&self, from: &Arc<Route>, rule: RuleId) {
        let mut account = self.account();
        if let Some(seen) = account.request.take() {
            let mut findings = seen.findings;
            findings.retain(|(_, action, _)| *action == REROUTE);
            account.request = Some(Inspection { findings, ..Inspection::default() });
        }
        let workspace = account.workspace.as_ref().map_or(NO_WORKSPACE, |workspace| &workspace.name);
        self.telemetry.add("blackbar_rerouted_total", &[workspace, &from.name, rule.as_str()], 1);
        account.elsewhere = Some((Arc::clone(from), rule));
        (account.tokens, account.compared) = (None, None);
    }

    /// Rules that read along tell there what they find otherwise.
    pub(crate) fn compares(&self, comparisons: [Arc<Comparison>; 2]) {
        self.account().compared = Some(comparisons);
    }

    /// Whether a value of the exchange has given way to a token in brackets.
    pub(crate) fn has_tokens(&self) -> bool {
        self.account().tokens.as_ref().is_some_and(|tokens| tokens.is_bracketed())
    }

    /// The model is told of tokens in so many decoded bytes.
    pub(crate) fn instructed(&self, added: u64) {
        self.account().instructed = added;
    }

    /// What a request must be held for so far: its findings, and the first rule that holds it.
    pub(crate) fn quarantined(&self) -> Option<(Vec<Found>, RuleId)> {
        let account = self.account();
        held(account.request.as_ref()?, account.workspace.as_ref()?)
    }

    /// The first rule of which more of a request passes than a person has let pass.
    pub(crate) fn passes_unseen(&self, approved: &Approved) -> Option<RuleId> {
        let account = self.account();
        let (seen, workspace) = (account.request.as_ref()?, account.workspace.as_ref()?);
        let mut passed = seen.findings.iter().filter(|(_, action, _)| *action == Action::Approved.name());
        passed.find_map(|(rule, _, count)| {
            let rule = &workspace.rules.rules().get(*rule)?.id;
            (!approved.covers(rule, *count)).then(|| rule.clone())
        })
    }

    /// What an answer must be held for so far: calls of tools alone.
    pub(crate) fn answer_held(&self) -> Option<(Vec<Found>, RuleId)> {
        let account = self.account();
        held(account.response.as_ref()?, account.workspace.as_ref()?)
    }

    /// Adds what was seen in a part of the exchange: a body, a header section, a path.
    pub(crate) fn inspected(&self, direction: Direction, seen: Inspection) {
        let mut account = self.account();
        match account.inspection(direction) {
            Some(inspection) => inspection.add(seen),
            empty => *empty = Some(seen),
        }
    }

    /// What the rules found so far in a direction: rule, action, how often.
    pub(crate) fn findings(&self, direction: Direction) -> Vec<(usize, &'static str, u64)> {
        self.account().inspection(direction).as_ref().map(|seen| seen.findings.clone()).unwrap_or_default()
    }

    /// A service said this of a body.
    pub(crate) fn consulted(&self, direction: Direction, service: &str, said: &'static str) {
        self.account().consulted.push((direction, service.to_owned(), said));
    }

    /// A body leaves with so many bytes, others than were counted when it was inspected.
    pub(crate) fn leaves_with(&self, direction: Direction, bytes: usize) {
        if let Some(inspection) = self.account().inspection(direction) {
            inspection.bytes_out = bytes as u64;
        }
    }

    /// The head of the answer is decided.
    pub(crate) fn answered(&self, status: StatusCode) {
        self.account().status = Some(status);
    }

    /// The client is told a refusal: nothing of an upstream's answer goes to it.
    pub(crate) fn refuses(&self) {
        self.account().refused = true;
    }

    /// The exchange ends here; the first reason counts.
    pub(crate) fn failed(&self, error: &ProxyError) {
        // A client that is cut off did not go by itself.
        let cut = match error.is_client_gone() {
            true if self.activity.is_revoked() || self.revoked.load(Ordering::Acquire) => {
                Some(ProxyError { side: Side::Policy, kind: ErrorKind::Revoked, rule: None })
            }
            true if self.cut.load(Ordering::Acquire) => Some(ProxyError::internal(ErrorKind::Drain)),
            true if self.activity.is_stalled() => Some(ProxyError::client(ErrorKind::Stall)),
            _ => None,
        };
        let error = cut.as_ref().unwrap_or(error);
        let mut account = self.account();
        if account.code.is_some() {
            return;
        }
        account.code = Some(error.code());
        account.fault = Some(error.clone());
        let workspace = account.workspace.as_ref().map_or(NO_WORKSPACE, |workspace| &workspace.name);
        self.telemetry.rejected(workspace, error.code());
        tracing::warn!(
            request_id = %self.request_id,
            workspace,
            route = account.route.as_ref().map_or("", |route| route.name.as_str()),
            side = error.side.name(),
            code = error.code(),
            cause = error.cause().unwrap_or(""),
            rule = error.rule.as_ref().map_or("", |rule| rule.as_str()),
            "refused"
        );
    }

    /// What it rests on holds no more: a client that goes from now on is cut off.
    pub(crate) fn revoke(&self) {
        self.revoked.store(true, Ordering::Release);
    }

    /// Whether it has ended before its time.
    pub(crate) fn has_failed(&self) -> bool {
        self.account().code.is_some()
    }

    /// What a refusal answers to: a literal of JSON.
    pub(crate) fn asked_as(&self, id: String) {
        self.account().rpc_id = Some(id);
    }

    /// What a refusal answers to, if that is known.
    pub(crate) fn rpc_id(&self) -> Option<String> {
        self.account().rpc_id.clone()
    }

    /// The request body ended early.
    pub(crate) fn request_faulted(&self, error: &ProxyError) {
        self.account().request_fault.get_or_insert_with(|| error.clone());
    }

    /// Why the request body ended early, if it did.
    pub(crate) fn request_fault(&self) -> Option<ProxyError> {
        self.account().request_fault.clone()
    }

    /// What became of the request's records, if any of them was dropped; known when the body has ended.
    pub(crate) fn dropped_records(&self) -> Option<Tally> {
        let account = self.account();
        let tally = account.request.as_ref().map(|seen| &seen.records)?;
        (tally.dropped() > 0).then(|| tally.clone())
    }

    /// A piece of a body waited this long.
    pub(crate) fn held_for(&self, direction: Direction, took: Duration) {
        let account = self.account();
        if let Some(workspace) = &account.workspace {
            self.telemetry.time("blackbar_hold_seconds", &[&workspace.name, direction.name()], took);
        }
    }

    /// Time that was added before the first byte went on.
    pub(crate) fn first_byte_added(&self, direction: Direction, took: Duration) {
        let account = self.account();
        if let Some(workspace) = &account.workspace {
            self.telemetry.time("blackbar_first_byte_added_seconds", &[&workspace.name, direction.name()], took);
        }
    }

    /// So long the request's own bytes were waited for before it went on.
    pub(crate) fn waited(&self, waited: Duration) {
        self.account().waited = waited;
    }

    /// The request goes on.
    pub(crate) fn sent(&self) {
        let waited = {
            let mut account = self.account();
            account.went = true;
            account.waited
        };
        self.first_byte_added(Direction::Request, self.elapsed().saturating_sub(waited));
    }

    /// The upstream takes the request's body, or has a connection for it.
    pub(crate) fn given(&self) {
        self.account().bill.is_sent(true);
    }

    /// The upstream could not be reached: nothing of the request went there.
    pub(crate) fn unsent(&self) {
        let mut account = self.account();
        account.bill.is_sent(false);
        account.unsent = true;
    }

    /// Whether it is certain that nothing of the request went to the upstream.
    pub(crate) fn is_unsent(&self) -> bool {
        self.account().unsent
    }

    /// Since the request's head.
    fn elapsed(&self) -> Duration {
        telemetry::now().saturating_duration_since(self.started)
    }

    fn account(&self) -> std::sync::MutexGuard<'_, Account> {
        // Every holder leaves the account whole, so a panic elsewhere does not spoil it.
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The findings of what must be held, and the first rule that holds it.
fn held(seen: &Inspection, workspace: &Workspace) -> Option<(Vec<Found>, RuleId)> {
    let rule = |index: &usize| workspace.rules.rules().get(*index);
    let holds = seen.findings.iter().find(|(_, action, _)| *action == Action::Quarantine.name());
    let first = match (holds, seen.held_calls.first()) {
        (Some((index, ..)), _) => rule(index)?.id.clone(),
        (None, Some((id, _))) => RuleId::new(id),
        (None, None) => return None,
    };
    let found = seen.findings.iter().filter_map(|(index, action, count)| {
        let rule = rule(index)?;
        let (rule, entity) = (rule.id.as_str().to_owned(), rule.entity.as_str().to_owned());
        Some(Found { rule, entity, action: (*action).to_owned(), count: *count })
    });
    let calls = seen.held_calls.iter().map(|(id, count)| {
        let (rule, action) = (id.as_ref().to_owned(), Action::Quarantine.name().to_owned());
        Found { rule, entity: TOOL_CALL.to_owned(), action, count: *count }
    });
    Some((found.chain(calls).collect(), first))
}

impl Account {
    fn inspection(&mut self, direction: Direction) -> &mut Option<Inspection> {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        if self.account().status.is_none() {
            // The handler was dropped before it had an answer: nobody waits for one any more.
            self.failed(&ProxyError::client(ErrorKind::Gone));
        }
        self.charge();
        // Nobody waits for it, but it is written.
        drop(self.record());
        self.telemetry.shift("blackbar_requests_in_flight", &[], -1);
        let took = self.elapsed();
        let mut account = std::mem::take(self.account.get_mut().unwrap_or_else(PoisonError::into_inner));
        let tenant = account.workspace.take();
        let workspace = tenant.as_ref().map_or(NO_WORKSPACE, |workspace| &workspace.name);
        let rules = tenant.as_ref().map_or(&[][..], |workspace| workspace.rules.rules());
        let way = account.route.take();
        let route = way.as_ref().map_or("none", |route| &route.name);
        let status = account.status.map_or("none", status_class);
        self.telemetry.add("blackbar_requests_total", &[workspace, route, status], 1);
        self.telemetry.time("blackbar_request_duration_seconds", &[workspace, route], took);
        let mut findings = 0;
        for direction in [Direction::Request, Direction::Response] {
            if let Some(seen) = account.inspection(direction).take() {
                findings += seen.findings.iter().map(|(_, _, count)| count).sum::<u64>();
                count(&self.telemetry, &self.request_id, direction, &seen, rules, (workspace, route));
            }
        }
        if let Some(tokens) = account.tokens.take() {
            let tally = tokens.tally();
            let counts = [
                ("minted", tally.minted),
                ("refused", tally.refused),
                ("restored", tally.restored),
                ("withheld", tally.withheld),
            ];
            for (result, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
                self.telemetry.add("blackbar_tokens_total", &[workspace, route, result], count);
            }
        }
        if let (Some(compared), Some(tenant)) = (account.compared.take(), &tenant) {
            shadow::count(&self.telemetry, tenant, route, &compared);
        }
        if let Some((sink, context, method)) = self.trace.take() {
            let (path, request_id) = (way.as_ref().map(|route| route.path.as_str()), &self.request_id);
            let (status, code) = (account.status, account.code);
            sink.take(
                &context,
                &traces::Facts { request_id, method, path, workspace, route, status, code, findings, took },
            );
        }
        tracing::debug!(
            request_id = %self.request_id,
            workspace,
            route,
            status = account.status.map_or(0, |status| status.as_u16()),
            code = account.code.unwrap_or(""),
            findings,
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "exchange"
        );
    }
}

/// Counts what was seen of a direction, and logs what was dropped.
pub(crate) fn count(
    telemetry: &Telemetry,
    request_id: &str,
    direction: Direction,
    seen: &Inspection,
    rules: &[Rule],
    (workspace, route): (&str, &str),
) {
    let way = direction.name();
    let (name, bytes) = match direction {
        Direction::Request => ("blackbar_request_bytes_total", seen.bytes_in),
        Direction::Response => ("blackbar_response_bytes_total", seen.bytes_out),
    };
    telemetry.add(name, &[workspace, route], bytes);
    if seen.dropped_fields > 0 {
        telemetry.add("blackbar_dropped_fields_total", &[workspace, route], seen.dropped_fields);
    }
    if seen.scanned > 0 {
        telemetry.size("blackbar_held_bytes", &[workspace, way], seen.held_peak);
    }
    for (rule, count) in &seen.records.dropped {
        let rule = rules.get(*rule).map_or("none", |rule| rule.id.as_str());
        telemetry.add("blackbar_dropped_records_total", &[workspace, route, rule], *count);
        tracing::warn!(request_id = %request_id, workspace, route, rule, records = *count, "records dropped");
    }
    for (reason, bytes) in &seen.unscanned {
        telemetry.add("blackbar_unscanned_bytes_total", &[workspace, way, reason], *bytes);
        telemetry.add("blackbar_unscanned_bodies_total", &[workspace, way, reason], 1);
    }
    for (rule, action, count) in &seen.findings {
        if let Some(rule) = rules.get(*rule) {
            let labels = [workspace, way, rule.entity.as_str(), rule.id.as_str(), action];
            telemetry.add("blackbar_findings_total", &labels, *count);
        }
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("request_id", &self.request_id).finish_non_exhaustive()
    }
}

fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        500..=599 => "5xx",
        _ => "other",
    }
}

/// 128 random bits in hexadecimal.
pub(crate) fn request_id() -> String {
    let mut bits = [0_u8; 16];
    // Without the system's random source the id is merely not unique; nothing secret hangs on it.
    let _ = getrandom::fill(&mut bits);
    crate::audit::chain::hex(&bits)
}

const FLOWING: u8 = 0;
const PAUSED: u8 = 1;
const STOPPED: u8 = 2;

/// How far a request body is, and whether it may go on.
#[derive(Default)]
pub(crate) struct Upload {
    state: AtomicU8,
    begun: AtomicBool,
    ended: AtomicBool,
    read: AtomicBool,
    progress: AtomicU64,
    at_end: Notify,
    waker: Mutex<Option<Waker>>,
}

/// Whether a request body may go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flow {
    /// It may.
    Flowing,
    /// It is not read further; the connection stays until the answer has ended.
    Paused,
    /// It ends with an error.
    Stopped,
}

impl Upload {
    /// A body is looked at.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Release);
    }

    /// Whether a body is, or was, looked at.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// Whether a body is looked at whose end has not come.
    pub(crate) fn is_under_way(&self) -> bool {
        self.has_begun() && !self.has_ended()
    }

    /// The body's end, or that there is none.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.at_end.notify_waiters();
    }

    /// Nothing of the body is left on the connection.
    pub(crate) fn read_whole(&self) {
        self.read.store(true, Ordering::Release);
    }

    pub(crate) fn is_read(&self) -> bool {
        self.read.load(Ordering::Acquire)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Resolves when [`Upload::end`] is called after this future was made.
    pub(crate) fn ending(&self) -> tokio::sync::futures::Notified<'_> {
        self.at_end.notified()
    }

    pub(crate) fn step(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn progress(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    pub(crate) fn pause(&self) {
        let _ = self.state.compare_exchange(FLOWING, PAUSED, Ordering::AcqRel, Ordering::Acquire);
    }

    pub(crate) fn stop(&self) {
        self.state.store(STOPPED, Ordering::Release);
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether the body may go on; wakes the task when that changes.
    pub(crate) fn flow(&self, context: &Context<'_>) -> Flow {
        let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        match self.state.load(Ordering::Acquire) {
            STOPPED => Flow::Stopped,
            state => {
                if !waker.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
                    *waker = Some(context.waker().clone());
                }
                if state == PAUSED { Flow::Paused } else { Flow::Flowing }
            }
        }
    }
}
