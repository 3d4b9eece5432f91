//! What is measured without rounds: memory, and what scanning costs beside the engine's own rate.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::arguments::Arguments;
use crate::client::Client;
use crate::machine;
use crate::report::{Report, Rounds, median_cpu};
use crate::targets::Proxy;
use crate::{cases, corpus};

/// Connections that ask nothing.
const IDLE: usize = 10_000;
/// The most memory of a proxy without connections, and with them.
const RESIDENT: (u64, u64) = (20_000_000, 400 << 20);
/// Bytes that the engine's rate is measured with.
const TEXT: usize = 32 << 20;
/// Scanning may cost so many times what the engine alone takes for as many bytes.
const OVERHEAD: f64 = 1.25;

/// Resident memory after the cases, and with many connections that ask nothing.
pub async fn memory(proxies: &[Proxy], client: &Client, files: u64, report: &mut Report) -> Result<(), String> {
    report.line("\n### memory: resident, in MB (10^6 bytes)\n\n| proxy | before | with 10,000 idle connections | each, KB |\n|---|---|---|---|");
    for proxy in proxies {
        let before = machine::resident(proxy.pid());
        let count = IDLE.min(usize::try_from(files).unwrap_or(IDLE).saturating_sub(500));
        let open = client.idle(proxy.address, count).await;
        let open = open.map_err(|error| format!("{} with many connections: {error}", proxy.name))?;
        let with = machine::resident(proxy.pid());
        report.line(&format!(
            "| {} | {:.1} | {:.0} ({}) | {:.1} |",
            proxy.name,
            before as f64 / 1e6,
            with as f64 / 1e6,
            open.len(),
            with.saturating_sub(before) as f64 / 1e3 / open.len() as f64
        ));
        if proxy.name == "blackbar" {
            let mb = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
            report.goal("10,000 idle connections, blackbar: resident", &mb(with), "under 400 MiB", with < RESIDENT.1);
        }
        drop(open);
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    Ok(())
}

/// Resident memory of proxies that have just been started.
pub fn at_start(proxies: &[Proxy], report: &mut Report) {
    report.line("\n### memory at the start: resident, in MB (10^6 bytes)\n\n| proxy | MB |\n|---|---|");
    for proxy in proxies {
        let resident = machine::resident(proxy.pid());
        report.line(&format!("| {} | {:.1} |", proxy.name, resident as f64 / 1e6));
        if proxy.name.starts_with("blackbar") {
            let figure = format!("{:.1} MB", resident as f64 / 1e6);
            report.goal(&format!("idle, {}: resident", proxy.name), &figure, "at most 20 MB", resident <= RESIDENT.0);
        }
    }
}

/// What scanning adds to a request, beside what `redact` takes for as many bytes of the same text.
pub fn engine(
    arguments: &Arguments,
    directory: &Path,
    measured: &[(&'static str, Rounds)],
    report: &mut Report,
) -> Result<(), String> {
    if arguments.quick || !arguments.wants("engine", &crate::asked()) {
        return Ok(());
    }
    let added: Vec<(&str, &str, f64, usize)> = measured
        .iter()
        .filter(|(case, _)| matches!(*case, "16k" | "1m"))
        .flat_map(|(case, rounds)| {
            ["blackbar", "blackbar-eleven"].into_iter().filter_map(|name| {
                let added = median_cpu(rounds, name)? - median_cpu(rounds, "blackbar-off")?;
                Some((*case, name, added, cases::load(case).body.len()))
            })
        })
        .collect();
    if added.is_empty() {
        return Ok(());
    }
    report.line("\n### engine: what scanning adds, beside `blackbar redact` on as many bytes of the same kind\n");
    report.line("| case | proxy | added µs | text/plain takes µs | as JSON µs | added to text/plain | added to JSON |\n|---|---|---|---|---|---|---|");
    for (case, name, added, bytes) in added {
        let rules = directory.join(name).join("rules.toml");
        let of = |media_type: &str| Ok::<f64, String>(rate(arguments, &rules, directory, media_type)? * bytes as f64);
        let (text, json) = (of("text/plain")?, of("application/x-ndjson")?);
        let (to_text, to_json) = (added / text, added / json);
        report
            .line(&format!("| {case} | {name} | {added:.0} | {text:.0} | {json:.0} | {to_text:.2}x | {to_json:.2}x |"));
        let what = format!("{case}, {name}: scanning adds, to the engine's time for the bytes");
        report.goal(&what, &format!("{to_text:.2}x"), &format!("at most {OVERHEAD}x"), to_text <= OVERHEAD);
    }
    Ok(())
}

/// Microseconds of CPU time a byte, without the start.
fn rate(arguments: &Arguments, rules: &Path, directory: &Path, media_type: &str) -> Result<f64, String> {
    let (full, empty) = (directory.join("full"), directory.join("empty"));
    let text = corpus::chat_bodies(TEXT, corpus::SEED).text;
    std::fs::write(&full, &text).and_then(|()| std::fs::write(&empty, "")).map_err(|error| error.to_string())?;
    let seconds = |file: &Path| {
        let before = machine::ended_children();
        let mut command = Command::new(&arguments.blackbar);
        command.arg("redact").arg("--rules").arg(rules).args(["--type", media_type]).arg(file);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        let status = status.map_err(|error| error.to_string())?;
        if status.success() { Ok(machine::ended_children() - before) } else { Err("blackbar redact failed".to_owned()) }
    };
    Ok((seconds(&full)? - seconds(&empty)?).max(0.0) * 1e6 / text.len() as f64)
}
