//! The proxy tests itself: what it finds of itself, what hangs on it, and what a reload may not take away.

use std::sync::Arc;
use std::time::Duration;

use blackbar::policy;
use blackbar::policy::Mode;
use blackbar::proxy::StartError;

use crate::support::proxy::Running;
use crate::support::{TestProxy, Upstream};

const RULES: &str = "version = 1\npacks = [\"default\"]\n";
const ENTITIES: [&str; 5] = ["CREDIT_CARD", "US_SSN", "EMAIL", "PHONE", "SECRET"];
/// Spellings in a request's JSON, plain and in gzip, and text; in an answer's JSON, likewise, and events.
const WITHOUT_MESSAGES: f64 = 5.0 + 5.0 + 4.0 + 5.0 + 5.0 + 5.0;
/// In WebSocket messages of both directions besides.
const BODIES: f64 = WITHOUT_MESSAGES + 5.0 + 5.0;

fn count(proxy: &Running, result: &str) -> f64 {
    proxy.metric(&format!("blackbar_self_test_probes{{result=\"{result}\"}}"))
}

fn standing(proxy: &Running) -> [f64; 5] {
    let [caught, passed, missed, untested] =
        ["caught", "passed", "missed", "untested"].map(|result| count(proxy, result));
    [caught, passed, missed, untested, proxy.metric("blackbar_self_test_failing")]
}

/// Writes a change of the files and offers it.
fn offered(proxy: &Running, file: &str, text: &str) -> Result<(), StartError> {
    std::fs::write(proxy.pki.file(file), text).unwrap();
    let loaded = policy::load(&proxy.pki.file("blackbar.toml")).unwrap_or_else(|faults| panic!("{faults:?}"));
    proxy.handle.replace(Arc::new(loaded.policy))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_spelling_in_every_body_is_caught_and_nothing_leaves() {
    let upstream = Upstream::echo().await;
    for dialect in ["", "openai", "anthropic"] {
        let parsed = blackbar::body::Dialect::ALL.into_iter().find(|one| one.name() == dialect);
        let test = TestProxy::new().workspace("acme", RULES);
        let proxy = test.route("/", upstream.address, move |route| route.dialect = parsed).start();
        let bodies = if dialect == "anthropic" { WITHOUT_MESSAGES } else { BODIES };
        assert_eq!(standing(&proxy), [bodies * 5.0, 0.0, 0.0, 0.0, 0.0], "{dialect}");
        assert!(!proxy.handle.self_test_fails());
        assert_eq!(proxy.metric("blackbar_connections_total"), 0.0, "a test is no traffic");
    }
    assert!(upstream.is_untouched(), "nothing leaves the process");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_rules_let_pass_is_no_failure_and_what_they_block_is_caught() {
    let upstream = Upstream::echo().await;
    let rules = "version = 1\npacks = [\"default\"]\n[actions]\nEMAIL = \"observe\"\nPHONE = \"off\"\nSECRET = \"block\"\nUS_SSN = \"tokenize\"\n";
    let proxy = TestProxy::new().workspace("acme", rules).audited().upstream(&upstream).start();
    assert_eq!(standing(&proxy), [BODIES * 3.0, BODIES * 2.0, 0.0, 0.0, 0.0]);
    let off = |policy: &mut blackbar::policy::Route| policy.request = Mode::Off;
    let proxy = TestProxy::new().workspace("acme", RULES).route("/", upstream.address, off).start();
    assert_eq!(standing(&proxy), [20.0 * 5.0, 19.0 * 5.0, 0.0, 0.0, 0.0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_syslog_are_caught_on_their_own_way() {
    // Each value in four spellings.
    let mixed = "version = 1\npacks = [\"default\"]\n[actions]\nEMAIL = \"observe\"\nSECRET = \"block\"\n";
    for (more, rules, caught, passed) in [
        ("", RULES, 20.0, 0.0),
        ("framing = \"octets\"", RULES, 20.0, 0.0),
        ("framing = \"lines\"", mixed, 16.0, 4.0),
        ("on_block = \"connection\"", mixed, 16.0, 4.0),
    ] {
        let proxy = TestProxy::new().workspace("acme", rules).syslog("tcp://127.0.0.1:9", more).audited().start();
        assert_eq!(standing(&proxy), [caught, passed, 0.0, 0.0, 0.0], "{more}");
        assert_eq!(proxy.metric("blackbar_syslog_messages_total"), 0.0, "a test is no traffic");
    }
    let proxy = TestProxy::new().workspace("acme", RULES).syslog("tcp://127.0.0.1:9", "").start();
    let error = offered(&proxy, "acme.toml", mixed).unwrap_err().to_string();
    assert!(error.contains("EMAIL") && error.contains("syslog"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spelling_that_gets_through_where_the_value_does_not_is_a_failure() {
    let upstream = Upstream::echo().await;
    let rules = "version = 1\npacks = [\"default\"]\n[[scope]]\npaths = [\"$.messages[11].content\"]\nactions = { EMAIL = \"observe\" }\n";
    let proxy = TestProxy::new().workspace("acme", rules).upstream(&upstream).start();
    assert_eq!(standing(&proxy), [BODIES * 5.0 - 2.0, 0.0, 2.0, 0.0, 1.0]);
    assert!(proxy.handle.self_test_fails());
    // It serves all the same, and a better configuration ends it.
    assert_eq!(proxy.client().await.post("/", "text/plain", "jane@example.com").await.text(), "jane@***");
    offered(&proxy, "acme.toml", RULES).unwrap();
    assert!(!proxy.handle.self_test_fails());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_may_not_let_pass_what_is_caught_unless_it_says_so() {
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).start();
    let version = proxy.handle.version();
    let weaker = "version = 1\npacks = [\"default\"]\n[actions]\nEMAIL = \"observe\"\n";
    let error = offered(&proxy, "acme.toml", weaker).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("acme root request json: EMAIL plain") && said.contains("and 31 more"), "{said}");
    assert!(!said.contains("jane") && !said.contains("CREDIT_CARD"), "{said}");
    assert_eq!(proxy.handle.version(), version);
    assert_eq!(proxy.client().await.post("/", "text/plain", "jane@example.com").await.text(), "jane@***");

    let file = std::fs::read_to_string(proxy.pki.file("blackbar.toml")).unwrap();
    for (allowed, taken) in [("false", false), ("[\"PHONE\"]", false), ("[\"PHONE\", \"EMAIL\"]", true)] {
        let file = format!("{file}[self_test]\nallow_weaker = {allowed}\n");
        assert_eq!(offered(&proxy, "blackbar.toml", &file).is_ok(), taken, "{allowed}");
    }
    assert_eq!(proxy.client().await.post("/", "text/plain", "jane@example.com").await.text(), "jane@example.com");
    // Stronger is never refused, and what it catches is held from then on.
    offered(&proxy, "blackbar.toml", &file).unwrap();
    offered(&proxy, "acme.toml", RULES).unwrap();
    let off = weaker.replace("observe", "off");
    assert!(matches!(offered(&proxy, "acme.toml", &off), Err(StartError::Weaker(_))));
    offered(&proxy, "blackbar.toml", &format!("{file}[self_test]\nallow_weaker = true\n")).unwrap();
}

/// What is caught is more than what the self-test sends: rules say what they find.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_may_not_let_examples_of_rules_pass_unless_it_says_so() {
    const OWN: &str = "version = 1\npacks = [\"pci\", \"finance\"]\n[[rule]]\nid = \"acme.staff\"\nentity = \"STAFF_NUMBER\"\n\
                       pattern = '\\bEMP-\\d{6}\\b'\nexamples = [\"EMP-204117\"]\n";
    let upstream = Upstream::echo().await;
    let proxy = TestProxy::new().workspace("acme", OWN).upstream(&upstream).start();
    for (rules, told) in [
        ("version = 1\npacks = [\"pci\", \"finance\"]\n".to_owned(), "acme: STAFF_NUMBER of rule acme.staff"),
        (OWN.replace(", \"finance\"", ""), "of rule finance."),
        (OWN.replace("{6}", "{5}").replace("204117", "20411"), "STAFF_NUMBER"),
        (format!("{OWN}[actions]\nIBAN = \"observe\"\n"), "IBAN"),
    ] {
        let said = offered(&proxy, "acme.toml", &rules).unwrap_err().to_string();
        assert!(said.contains(told) && !said.contains("204117"), "{said}");
    }
    // Another example, and one rule more.
    offered(&proxy, "acme.toml", &OWN.replace("204117", "204118").replace("\"pci\"", "\"pci\", \"network\"")).unwrap();
    let file = std::fs::read_to_string(proxy.pki.file("blackbar.toml")).unwrap();
    offered(&proxy, "blackbar.toml", &format!("{file}[self_test]\nallow_weaker = [\"STAFF_NUMBER\"]\n")).unwrap();
    let without = "version = 1\npacks = [\"pci\", \"network\", \"finance\"]\n";
    offered(&proxy, "acme.toml", without).unwrap();
    let said = offered(&proxy, "acme.toml", "version = 1\npacks = [\"pci\"]\n").unwrap_err().to_string();
    assert!(said.contains("and") && said.contains("more"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_repeated_and_can_be_switched_off() {
    let upstream = Upstream::echo().await;
    let often = |policy: &mut policy::Policy| policy.self_test.interval = Duration::from_millis(20);
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).policy(often).start();
    proxy.telemetry.set("blackbar_self_test_probes", &["caught"], 0);
    crate::support::within(async {
        while count(&proxy, "caught") == 0.0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let disabled = |policy: &mut policy::Policy| policy.self_test.enabled = false;
    let proxy = TestProxy::new().workspace("acme", RULES).upstream(&upstream).policy(disabled).start();
    assert_eq!(standing(&proxy), [0.0; 5]);
    assert_eq!(ENTITIES, policy::TESTED);
}

/// It is cheap enough for every start: 100 ms are the bound of a release build.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_costs_a_start_little() {
    let upstream = Upstream::echo().await;
    let timed = |enabled: bool| {
        let test = TestProxy::new().workspace("acme", RULES).upstream(&upstream);
        let (_pki, policy) = test.policy(move |policy| policy.self_test.enabled = enabled).build();
        let policy = Arc::new(policy);
        let rounds = (0..5).map(|_| {
            let begun = std::time::Instant::now();
            let telemetry = Arc::new(blackbar::telemetry::Telemetry::new());
            blackbar::proxy::Proxy::bind(Arc::clone(&policy), telemetry).unwrap();
            begun.elapsed()
        });
        rounds.min().unwrap()
    };
    let (with, without) = (timed(true), timed(false));
    println!("a start takes {without:?}, and {with:?} with the self-test");
    let bound = Duration::from_millis(if cfg!(debug_assertions) { 2000 } else { 100 });
    assert!(with.saturating_sub(without) < bound, "{with:?}");
}
