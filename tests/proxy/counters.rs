//! Counters from the start: what the alarms ask is there before anything has happened.

use blackbar::policy::OnFault;

use crate::support::{TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"contact\"]\n";
const ALERTS: &str = include_str!("../../deploy/prometheus/alerts.test.yaml");

/// The series of the alarms' tests that begin from what a program exports that has just started.
fn from_the_start() -> Vec<String> {
    let (_, tests) = ALERTS.split_once("- name: the first event of a program").unwrap();
    let tests = tests.split("\n  - name:").next().unwrap();
    let series = tests.lines().filter_map(|line| line.trim().strip_prefix("- series: '")?.strip_suffix('\''));
    series.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_alarms_ask_is_counted_from_nothing() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new()
        .workspace("acme", RULES)
        .upstream(&upstream)
        .policy(|policy| std::sync::Arc::get_mut(&mut policy.workspaces[0]).unwrap().on_fault = OnFault::Pass)
        .start();
    let text = proxy.telemetry.render();
    let series = from_the_start();
    assert!(series.len() > 4, "{series:?}");
    for one in series {
        let (name, labels) = one.trim_end_matches('}').split_once('{').unwrap();
        // Which one it is of several is not the program's to say.
        let mut labels: Vec<&str> = labels.split(',').filter(|label| !label.starts_with("instance=")).collect();
        labels.sort_unstable();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let wanted = format!("{name}{labels} 0");
        assert!(text.lines().any(|line| line == wanted), "{wanted}\n{text}");
    }
    assert!(upstream.is_untouched());
}
