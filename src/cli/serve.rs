//! The proxy as a process: a configuration in, listeners, signals and reloads, an exit code out.
//!
//! SIGTERM and SIGINT drain. SIGHUP, or a file of the configuration that differs from what was read, reloads: the new
//! one takes over whole, or the old one goes on and the log says why.

use std::error::Error;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::check::readable;
use super::{Code, Failure, complain};
use crate::admin::Admin;
use crate::policy::PolicyStore;
use crate::proxy::{Handle, Proxy, StartError};
use crate::telemetry::{self, LogFormat, Telemetry};

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Arguments of `serve`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar serve --config blackbar.toml

SIGHUP or a changed file reloads, SIGTERM drains. The log goes to stderr: lines on a terminal, JSON otherwise.
Exit codes: 0 drained, 1 invalid configuration, 2 start failure, or exchanges cut off at the end of the drain time.")]
pub(super) struct ServeArguments {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "blackbar.toml")]
    config: PathBuf,
}

/// Runs `serve`.
pub(super) fn run(arguments: &ServeArguments) -> Result<Code, Failure> {
    readable(&arguments.config)?;
    let (store, warnings) = PolicyStore::load(&arguments.config).map_err(|faults| Failure::invalid(&faults))?;
    warnings.iter().for_each(|warning| complain(&warning.to_string()));
    let format = if io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json };
    telemetry::init_logging(format, tracing::Level::INFO);
    telemetry::install_panic_hook();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    let code = runtime.block_on(serve(Arc::new(store)));
    // What did not drain in time must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(100));
    code
}

async fn serve(store: Arc<PolicyStore>) -> Result<Code, Failure> {
    let signals = |kind| signal(kind).map_err(|error| Failure::failed(format!("cannot take signals: {error}")));
    let (terminate, interrupt) = (signals(SignalKind::terminate())?, signals(SignalKind::interrupt())?);
    let hang_up = signals(SignalKind::hangup())?;
    let telemetry = Arc::new(Telemetry::new());
    let policy = store.current();
    let bound = Proxy::bind(Arc::clone(&policy), Arc::clone(&telemetry)).map_err(|error| not_started(&error))?;
    let handle = bound.handle();
    if let Some(settings) = &policy.admin {
        let admin = Admin::bind(&settings.address).map_err(|error| not_started(&error))?;
        tracing::info!(address = ?admin.address(), "admin listener");
        tokio::spawn(admin.run(handle.clone(), Arc::clone(&telemetry)));
    }
    for address in bound.addresses() {
        tracing::info!(?address, version = policy.version, "listening");
    }
    drop(policy);
    tokio::spawn(reload(store, handle, telemetry, hang_up));
    match bound.run(told_to_stop(terminate, interrupt)).await {
        true => Ok(Code::Fine),
        false => Err(Failure::failed("the drain time ended before every exchange")),
    }
}

fn not_started(error: &StartError) -> Failure {
    let reason = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    Failure::failed(format!("{error}{reason}"))
}

async fn told_to_stop(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Reloads when told to, or when a file differs from what was read.
async fn reload(store: Arc<PolicyStore>, handle: Handle, telemetry: Arc<Telemetry>, mut hang_up: Signal) {
    loop {
        let told = tokio::time::timeout(LOOK, hang_up.recv()).await.is_ok();
        let (store, handle, telemetry) = (Arc::clone(&store), handle.clone(), Arc::clone(&telemetry));
        // Reading files and compiling rules takes its time; exchanges go on meanwhile.
        let attempt = move || {
            if told || store.changed_on_disk() {
                let result = if take_over(&store, &handle) { "ok" } else { "error" };
                telemetry.add("blackbar_config_reload_total", &[result], 1);
            }
        };
        if tokio::task::spawn_blocking(attempt).await.is_err() {
            tracing::error!("reload ended in a panic; the configuration in force stays");
        }
    }
}

fn take_over(store: &PolicyStore, handle: &Handle) -> bool {
    match store.reload() {
        Ok(outcome) => {
            outcome.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
            if outcome.version == handle.version() {
                tracing::info!(version = outcome.version, "configuration unchanged");
                return true;
            }
            match handle.replace(store.current()) {
                Ok(()) => true,
                Err(error) => {
                    let reason = error.source().map(ToString::to_string).unwrap_or_default();
                    tracing::error!(reason, "configuration not taken over, the one in force stays: {error}");
                    false
                }
            }
        }
        Err(faults) => {
            faults.iter().for_each(|fault| tracing::error!("{fault}"));
            tracing::error!("configuration not valid, the one in force stays");
            false
        }
    }
}
