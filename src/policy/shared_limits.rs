//! `shared` in `[limits]` in: the server by which replicas count together what a workspace and a key may ask.

use std::time::Duration;

use super::credentials::Inspector;
use super::diagnostic::Report;
use super::files::{Fields, Value};
use super::redis_server::{RedisSettings, redis};
use super::rules::unknown_name;

/// Longest `wait`.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The server by which replicas count together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedLimits {
    /// The server.
    pub server: RedisSettings,
    /// How long a request waits for its answer. 100 ms.
    pub wait: Duration,
    /// What holds where there is none.
    pub on_error: UncountedRequests,
}

/// What becomes of a request that the replicas cannot count together.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum UncountedRequests {
    /// Each replica holds it to the limit by its own count. The default.
    #[default]
    Local,
    /// It is refused with 503.
    Block,
}

/// The keys that a table has besides those of the server.
#[derive(Default)]
struct More {
    wait: Option<Duration>,
    on_error: UncountedRequests,
}

/// Reads `shared`.
pub(super) fn shared_limits(value: &Value<'_>, inspector: &mut Inspector<'_>) -> Option<SharedLimits> {
    let (server, more) = redis(value, "shared", inspector, more)?;
    let wait = more.wait.unwrap_or(Duration::from_millis(100));
    Some(SharedLimits { server, wait, on_error: more.on_error })
}

fn more(fields: &mut Fields<'_>, report: &mut Report) -> Option<More> {
    let wait = fields.value("wait").map(|value| value.duration_up_to(LONGEST, report));
    let on_error = fields.value("on_error").map(|value| on_error(&value, report));
    Some(More {
        wait: match wait {
            Some(wait) => Some(wait?),
            None => None,
        },
        on_error: match on_error {
            Some(on_error) => on_error?,
            None => UncountedRequests::Local,
        },
    })
}

fn on_error(value: &Value<'_>, report: &mut Report) -> Option<UncountedRequests> {
    match value.text(report)? {
        "local" => Some(UncountedRequests::Local),
        "block" => Some(UncountedRequests::Block),
        name => {
            unknown_name("on_error", name, ["local", "block"].into_iter(), &value.place(), report);
            None
        }
    }
}
