//! The proxy as a process: a configuration in, listeners, signals and reloads, an exit code out.
//!
//! SIGTERM and SIGINT drain, a second one ends at once. SIGHUP, or a file of the configuration that differs from what was read, reloads: the new
//! one takes over whole, or the old one goes on and the log says why.

use std::error::Error;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::check::readable;
use super::{Code, Failure, complain, one_line};
use crate::admin::Admin;
use crate::audit::OpenError;
use crate::policy::PolicyStore;
use crate::proxy::{Ending, Handle, Proxy, StartError};
use crate::telemetry::{self, LogFormat, Telemetry};

/// Arguments of `serve`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar serve --config blackbar.toml

SIGHUP or a changed file reloads, SIGTERM drains, a second one ends at once. The log goes to stderr: lines on a terminal, JSON otherwise.
Exit codes: 0 drained, 1 invalid configuration or a broken audit log, 2 start failure, or exchanges cut off at the end of the drain time.")]
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
    no_core();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    let mut handle = None;
    let code = runtime.block_on(serve(Arc::new(store), &mut handle));
    // What did not drain in time must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(100));
    if let Some(handle) = handle {
        handle.close_audit();
    }
    farewell(code)
}

/// What a run has come to. Why it ended early goes the way of the log, behind its lines: nobody may be there to read it, and
/// that is no reason to stay.
fn farewell(mut outcome: Result<Code, Failure>) -> Result<Code, Failure> {
    if let Err(failure) = &mut outcome {
        failure.lines.drain(..).for_each(|line| telemetry::say_last(&one_line(&line)));
    }
    telemetry::flush_logging();
    outcome
}

/// What is in memory goes into no file, and no other process of this user reads it.
fn no_core() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if setrlimit(Resource::Core, none).is_err() || set_dumpable_behavior(DumpableBehavior::NotDumpable).is_err() {
        tracing::warn!("memory may be dumped: the system does not let it be forbidden");
    }
}

/// A file that has grown to its bound (`RLIMIT_FSIZE`) makes a write fail, as a full disk does, in place of ending the process.
/// Must be called within a tokio runtime.
fn full_files_are_errors() -> Option<Signal> {
    let bound = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    let heeded = signal(bound).ok();
    if heeded.is_none() {
        tracing::warn!("a file that reaches the bound of its size ends the process");
    }
    heeded
}

async fn serve(store: Arc<PolicyStore>, handle: &mut Option<Handle>) -> Result<Code, Failure> {
    let _heeded = full_files_are_errors();
    let telemetry = Arc::new(Telemetry::new());
    let policy = store.current();
    let bound = Proxy::bind(Arc::clone(&policy), Arc::clone(&telemetry)).map_err(|error| not_started(&error))?;
    *handle = Some(bound.handle());
    if let Some(settings) = &policy.admin {
        let admin = Admin::open(settings).map_err(|error| not_started(&error))?;
        tracing::info!(address = %admin.address(), "admin listener");
        tokio::spawn(admin.run(bound.handle(), telemetry));
    }
    for address in bound.addresses() {
        tracing::info!(%address, version = policy.version, "listening");
    }
    drop(policy);
    let ending = bound.run_until_signalled(store).await;
    match ending.map_err(|error| Failure::failed(format!("cannot take signals: {error}")))? {
        Ending::Drained => Ok(Code::Fine),
        Ending::CutShort => Err(Failure::failed("the drain time ended before every exchange")),
        Ending::Stopped => Err(Failure::failed("stopped by a second signal before every exchange had ended")),
    }
}

fn not_started(error: &StartError) -> Failure {
    let reason = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    match error {
        StartError::Audit(OpenError::Broken(..)) => Failure::refused(format!("{error}{reason}")),
        _ => Failure::failed(format!("{error}{reason}")),
    }
}
