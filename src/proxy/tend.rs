//! What becomes of held requests while nobody looks: time ends them, and their end is told.
//!
//! Enters: the store, the clock. Leaves: items that expired or whose release was lost, in the audit and the metrics; and
//! deliveries to the webhook, signed as Standard Webhooks 1.0 has it, tried again with growing pauses, and again after a
//! restart: each end is told at least once, or given up visibly.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::uri::Scheme;
use http::{HeaderValue, Method, Request, Uri, header};
use serde_json::json;
use sha2::Sha256;
use tokio::time::timeout;

use crate::policy::{Policy, WebhookSettings};
use crate::quarantine::Quarantine;
use crate::quarantine::item::{Delivery, Item, State};
use crate::telemetry;

use super::release::{count, entry};
use super::upstream::{self, Pool, UpstreamBody};
use super::{Generation, Handle, Shared};

/// How often time is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long a delivery may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause after the first delivery that failed; each is twice the one before, up to the longest.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

impl Handle {
    /// Whether requests are to be held, and the store could not be used when it was last looked at.
    #[must_use]
    pub fn cannot_hold(&self) -> bool {
        self.shared.generation().quarantine.as_ref().is_some_and(|quarantine| !quarantine.is_usable())
    }
}

/// Tends to what is held, until it is dropped.
pub(super) async fn tend(shared: Arc<Shared>) {
    let telling = tell(Arc::clone(&shared));
    let sweeping = async {
        let mut turns = shared.turns();
        let mut failing = false;
        loop {
            let generation = shared.generation();
            let Some(quarantine) = generation.quarantine.clone() else {
                drop(generation);
                if turns.changed().await.is_err() {
                    return;
                }
                continue;
            };
            drop(generation);
            let changing = quarantine.changing();
            failing = sweep(&shared, &quarantine, failing).await;
            let _ = timeout(LOOK, changing).await;
        }
    };
    tokio::join!(telling, sweeping);
}

/// Lets time pass, and gives whether the store fails; that it still does is not said again.
async fn sweep(shared: &Shared, quarantine: &Arc<Quarantine>, failing: bool) -> bool {
    match quarantine.sweep(telemetry::unix_millis()).await {
        Ok(aged) => {
            for item in aged {
                count(shared, &item);
                tracing::warn!(
                    item = item.facts.id,
                    workspace = item.facts.workspace,
                    state = item.state.name(),
                    "held"
                );
                if let Some(audit) = &shared.audit {
                    audit.note(entry("age", &item));
                }
            }
        }
        Err(error) if !failing => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, cause, "held requests cannot be tended to");
        }
        Err(_) => {}
    }
    let usable = quarantine.is_usable();
    shared.telemetry.set("blackbar_quarantine_store_up", &[], i64::from(usable));
    shared.telemetry.raise("blackbar_quarantine_damaged_total", &[], quarantine.damaged());
    if !usable {
        return true;
    }
    if let Ok(usage) = quarantine.usage().await {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        for (workspace, items, bytes) in usage.workspaces() {
            shared.telemetry.set("blackbar_quarantine_items", &[workspace], number(items));
            shared.telemetry.set("blackbar_quarantine_bytes", &[workspace], number(bytes));
        }
    }
    false
}

/// Deliveries that failed: how often, and when they are tried again.
type Tried = HashMap<String, (u32, Instant)>;

/// Tells the ends of items.
async fn tell(shared: Arc<Shared>) {
    let mut turns = shared.turns();
    let mut tried = Tried::new();
    let mut line: Option<(WebhookSettings, Pool)> = None;
    loop {
        let generation = shared.generation();
        let Some((quarantine, settings)) = webhook(&generation) else {
            drop(generation);
            if turns.changed().await.is_err() {
                return;
            }
            continue;
        };
        let changing = quarantine.changing();
        line = match line.filter(|(known, _)| *known == settings) {
            Some(line) => Some(line),
            None => connected(&settings, &generation.policy).map(|pool| (settings, pool)),
        };
        drop(generation);
        if let (Some((settings, pool)), Ok(due)) = (&line, quarantine.untold().await) {
            tried.retain(|id, _| due.iter().any(|item| item.facts.id == *id));
            for item in due {
                let waits = tried.get(&item.facts.id).is_some_and(|(_, after)| *after > telemetry::now());
                if !waits {
                    deliver(&shared, &quarantine, settings, pool, item, &mut tried).await;
                }
            }
        }
        let _ = timeout(LOOK, changing).await;
    }
}

fn webhook(generation: &Generation) -> Option<(Arc<Quarantine>, WebhookSettings)> {
    let quarantine = generation.quarantine.clone()?;
    let settings = quarantine.settings().webhook.clone()?;
    Some((quarantine, settings))
}

fn connected(settings: &WebhookSettings, policy: &Policy) -> Option<Pool> {
    let pool = Pool::apart(&settings.url, policy);
    pool.inspect_err(|error| tracing::error!(%error, "verdicts cannot be told")).ok()
}

async fn deliver(
    shared: &Shared,
    quarantine: &Arc<Quarantine>,
    settings: &WebhookSettings,
    pool: &Pool,
    item: Item,
    tried: &mut Tried,
) {
    let result = match request(settings, &item) {
        Some(request) => match timeout(PATIENCE, pool.send(request)).await {
            Ok(Ok(response)) => response.status().is_success(),
            Ok(Err(_)) | Err(_) => false,
        },
        None => false,
    };
    let counted = |result| shared.telemetry.add("blackbar_quarantine_webhook_total", &[result], 1);
    let delivery = if result {
        counted("ok");
        Delivery::Done
    } else {
        counted("error");
        let (times, _) = tried.get(&item.facts.id).copied().unwrap_or((0, telemetry::now()));
        let times = times + 1;
        if times < settings.attempts {
            let pause = PAUSE.saturating_mul(1 << (times - 1).min(16)).min(LONGEST_PAUSE);
            tried.insert(item.facts.id.clone(), (times, telemetry::now() + pause));
            return;
        }
        counted("given_up");
        tracing::error!(item = item.facts.id, "the end of a held request could not be told");
        Delivery::GivenUp
    };
    tried.remove(&item.facts.id);
    // Where it is not written, it is told once more.
    let _ = quarantine.change(item.delivered(delivery)).await;
}

/// A delivery (Standard Webhooks 1.0): the same id each time, so that a receiver can tell one that came twice.
fn request(settings: &WebhookSettings, item: &Item) -> Option<Request<UpstreamBody>> {
    let body = payload(item).to_string();
    let id = format!("{}.{}", item.facts.id, item.state.name());
    let seconds = telemetry::unix_seconds();
    let signature = sign(&settings.secret, &id, seconds, &body)?;
    let path = if settings.url.path.is_empty() { "/" } else { &settings.url.path };
    let uri = Uri::builder()
        .scheme(if settings.url.tls { Scheme::HTTPS } else { Scheme::HTTP })
        .authority(upstream::authority(&settings.url))
        .path_and_query(path)
        .build()
        .ok()?;
    Request::builder()
        .method(Method::POST)
        .uri(uri)
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds)
        .header("webhook-signature", signature)
        .body(UpstreamBody::Whole(Some(Bytes::from(body))))
        .ok()
}

fn payload(item: &Item) -> serde_json::Value {
    let (by, reason) = item.verdict.as_ref().map(|verdict| (&verdict.by, &verdict.reason)).unzip();
    let (status, code) = match &item.state {
        State::Released { status } => (Some(*status), None),
        State::Failed { code } => (None, Some(code)),
        _ => (None, None),
    };
    json!({
        "type": "quarantine.verdict",
        "id": item.facts.id,
        "request_id": item.facts.request_id,
        "workspace": item.facts.workspace,
        "route": item.facts.route,
        "verdict": item.state.name(),
        "reviewer": by,
        "reason": reason,
        "code": code,
        "time": item.verdict.as_ref().map_or(item.facts.expires, |verdict| verdict.time),
        "upstream_status": status,
    })
}

/// `v1,` and the base64 of HMAC-SHA-256 over id, time and body, with points between.
fn sign(secret: &[u8], id: &str, seconds: u64, body: &str) -> Option<String> {
    // As that specification writes secrets; any other text is the key as it stands.
    let text = std::str::from_utf8(secret).ok();
    let coded = text.and_then(|text| text.strip_prefix("whsec_")).and_then(|text| STANDARD.decode(text).ok());
    let mut mac = Hmac::<Sha256>::new_from_slice(coded.as_deref().unwrap_or(secret)).ok()?;
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_of_the_specification() {
        // The example of the specification's reference libraries.
        let secret = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }
}
