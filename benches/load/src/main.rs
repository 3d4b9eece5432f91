//! Blackbar beside plain proxies: TLS with client certificates in, plain HTTP/1.1 out, one worker each, in turn.
//!
//! What enters are the proxies that are found and chat requests from a seed; what leaves is each proxy's CPU time for a
//! request, with rates and latencies, and every goal beside its figure. Before it is measured, each proxy shows that what
//! it forwards is what it should be: with the value that is to be masked, or without it.

mod arguments;
mod cases;
mod client;
#[path = "../../corpus/mod.rs"]
mod corpus;
mod machine;
mod prompt;
mod report;
mod rows;
mod targets;
mod upstream;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use arguments::Arguments;
use client::{Client, Load};
use report::{Report, Rounds};
use targets::{Place, Proxy};

/// How long a proxy may take to its first answer.
const START: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    if arguments.list {
        let names = cases::NAMES.into_iter().chain(cases::ROWS).chain(targets::NAMES);
        println!("{}", names.collect::<Vec<_>>().join(" "));
        return Ok(());
    }
    if arguments.fetch {
        targets::fetch()?;
    }
    rustls::crypto::aws_lc_rs::default_provider().install_default().map_err(|_| "no cryptography")?;
    let files = machine::open_files(40_000);
    let load = machine::read("/proc/loadavg");
    let directory = Directory::make()?;
    targets::mint(&arguments, &directory.0)?;
    let client = Client::new(&directory.0)?;
    let place = Place { directory: &directory.0, upstream: upstream::start()? };
    let mut report = Report::default();

    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let local = tokio::task::LocalSet::new();
    let versions = local.block_on(&runtime, async {
        let proxies = start(&arguments, &place, &client).await?;
        if arguments.wants("memory", &asked()) {
            rows::at_start(&proxies, &mut report);
        }
        let measured = measure(&arguments, &place, &client, &proxies, &mut report).await?;
        rows::engine(&arguments, &directory.0, &measured, &mut report)?;
        if !arguments.quick && arguments.wants("memory", &asked()) {
            rows::memory(&proxies, &client, files, &mut report).await?;
        }
        Ok::<_, String>(proxies.iter().map(|proxy| (proxy.name, proxy.version.clone())).collect::<Vec<_>>())
    })?;
    report.summary();
    if arguments.record {
        let path = report.record(&report::head(&arguments, &versions, &load))?;
        println!("\nWritten to {}", path.display());
    }
    Ok(())
}

/// Names of what is measured.
pub fn asked() -> Vec<&'static str> {
    cases::NAMES.into_iter().chain(cases::ROWS).collect()
}

/// Starts every proxy that was asked for and is there, and sees that each does what it should.
async fn start(arguments: &Arguments, place: &Place<'_>, client: &Client) -> Result<Vec<Proxy>, String> {
    let mut proxies = Vec::new();
    for name in targets::NAMES {
        let named = arguments.only.iter().any(|only| only == name);
        if !arguments.wants(name, &targets::NAMES) || (targets::ON_DEMAND.contains(&name) && !named) {
            continue;
        }
        let Some(proxy) = targets::start(name, arguments, place)? else {
            eprintln!("{name} is not there; see --fetch");
            continue;
        };
        let probe = Load { answer: "probe", ..cases::load("1k") };
        let begun = Instant::now();
        let answer = loop {
            match client.once(proxy.address, &probe).await {
                Ok(answer) => break answer,
                Err(error) if begun.elapsed() > START => {
                    return Err(format!("{name} does not answer: {error}\n{}", targets::last_words(name, place)));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        for (protocol, answer) in
            [("HTTP/1.1", answer), ("HTTP/2", client.once(proxy.address, &Load { h2: true, ..probe.clone() }).await?)]
        {
            let text = String::from_utf8_lossy(&answer).into_owned();
            if text.contains("\"seen\":true") == proxy.masks() {
                return Err(format!("{name} over {protocol} forwards what it should not: {text}"));
            }
        }
        proxies.push(proxy);
    }
    Ok(proxies)
}

/// Every case that was asked for, proxies in turn within each round.
async fn measure(
    arguments: &Arguments,
    place: &Place<'_>,
    client: &Client,
    proxies: &[Proxy],
    report: &mut Report,
) -> Result<Vec<(&'static str, Rounds)>, String> {
    let mut measured = Vec::new();
    for case in cases::NAMES.into_iter().filter(|case| arguments.wants(case, &asked())) {
        let load = cases::load(case);
        let mut rounds = Rounds::new();
        for _ in 0..arguments.rounds {
            let mut round = Vec::new();
            for proxy in proxies {
                let sample = client.run(proxy.address, proxy.pid(), &load, arguments.time).await;
                let sample = sample.map_err(|error| {
                    format!("{case}, {}: {error}\n{}", proxy.name, targets::last_words(proxy.name, place))
                })?;
                round.push((proxy.name, sample));
            }
            rounds.push(round);
        }
        report.case(case, &rounds);
        measured.push((case, rounds));
    }
    Ok(measured)
}

/// The files of a run; they go with it.
struct Directory(PathBuf);

impl Directory {
    fn make() -> Result<Self, String> {
        let path = arguments::target().join(format!("run-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| error.to_string())?;
        path.canonicalize().map(Self).map_err(|error| error.to_string())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(Path::new(&self.0));
    }
}
