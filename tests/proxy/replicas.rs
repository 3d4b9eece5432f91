//! Proxies that share a Redis server: what one holds another releases, once; and nothing is held while the server is away.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use blackbar::policy::{HeldStore, QuarantineSettings, RedisSettings, Upstream as Server};
use blackbar::proxy::Address;
use blackbar::quarantine::item::{Facts, Item, State, VERSION, Verdict};
use blackbar::quarantine::{Fault, Quarantine};
use blackbar::redis_client::{Dial, Wire};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::quarantine::{RULES, SSN, admin, ask, people, release};
use crate::support::proxy::Running;
use crate::support::{RedisServer, TestProxy, Upstream, within};

/// A proxy that holds requests in this store.
fn replica(store: &str, more: &str, upstream: &Upstream) -> TestProxy {
    let test = TestProxy::new();
    std::fs::write(test.pki.file("quarantine.key32"), [9; 32]).unwrap();
    std::fs::write(test.pki.file("redis.password"), "correct-horse\n").unwrap();
    let quarantine = format!("[quarantine]\nstore = {store}\nkey = {{ file = \"quarantine.key32\" }}\n{more}\n");
    test.workspace("acme", RULES)
        .workspace("beta", RULES)
        .upstream(upstream)
        .route_settings("request = { mode = \"buffer\" }\n")
        .tables(&people())
        .tables(&quarantine)
        .tables("[self_test]\nenabled = false\n")
}

async fn ready(at: &Address) -> String {
    let Address::Tcp(at) = at else { panic!("no TCP") };
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.trim().to_owned()
}

/// Waits until a replica says this of itself.
async fn becomes(at: &Address, wanted: &str) {
    within(async {
        while ready(at).await != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

async fn post(proxy: &Running, text: &str) -> (u16, String, String) {
    let answer = proxy.client().await.post("/", "text/plain", text).await;
    (answer.status, answer.code(), answer.header("x-blackbar-item").unwrap_or_default().to_owned())
}

fn times(upstream: &Upstream, marker: &str) -> usize {
    let bytes = upstream.bytes.lock().unwrap();
    bytes.windows(marker.len()).filter(|window| *window == marker.as_bytes()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: tests/run"]
async fn what_one_holds_another_shows_and_releases_once() {
    let (redis, upstream) = (RedisServer::start(), Upstream::echo().await);
    let url = format!("\"{}\"", redis.url());
    let (one, other) = (replica(&url, "", &upstream).start(), replica(&url, "", &upstream).start());
    let (at_one, at_other) = (admin(&one), admin(&other));
    becomes(&at_one, "ready").await;
    becomes(&at_other, "ready").await;
    let (status, code, id) = post(&one, "marker-one- ssn 078-05-1120").await;
    assert_eq!((status, code.as_str()), (403, "quarantined"));
    assert!(upstream.is_untouched());
    let files = redis.files();
    assert!(files.windows(id.len()).any(|window| window == id.as_bytes()), "it is on the server's disk");
    for text in [SSN, "marker-one-"] {
        assert!(!files.windows(text.len()).any(|window| window == text.as_bytes()), "{text} is at rest");
    }
    let (_, list) = ask(&at_other, "vera", "GET", "/quarantine?state=held", None).await;
    assert_eq!(list["items"][0]["id"], id.as_str());
    let (_, preview) = ask(&at_other, "rita", "GET", &format!("/quarantine/{id}/preview"), None).await;
    assert_eq!(preview["preview"], "marker-one- ssn [US_SSN]");
    let (status, released) = release(&at_other, "rita", &id).await;
    assert_eq!((status, &released["state"]), (200, &json!("released")));
    let (status, again) = release(&at_one, "rita", &id).await;
    assert_eq!((status, &again), (200, &released));
    assert_eq!(times(&upstream, "marker-one-"), 1);
    assert_eq!(redis.ask(&format!("EXISTS blackbar:body:{id}")).await.lines().next(), Some(":0"), "it is erased");

    let (_, _, id) = post(&other, "marker-two- ssn 078-05-1120").await;
    let order = Some(json!({ "reason": "no" }));
    let (status, rejected) = ask(&at_one, "rita", "POST", &format!("/quarantine/{id}/reject"), order).await;
    assert_eq!((status, &rejected["state"]), (200, &json!("rejected")));
    let (status, refused) = release(&at_other, "rita", &id).await;
    assert_eq!((status, &refused["code"]), (409, &json!("rejected")));
    let (status, refused) = release(&at_other, "rita", "key").await;
    assert_eq!((status, &refused["code"]), (404, &json!("unknown_item")));
    assert_eq!(times(&upstream, "marker-two-"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: tests/run"]
async fn two_that_release_at_once_send_once() {
    const ROUNDS: usize = 60;
    let (redis, upstream) = (RedisServer::start(), Upstream::echo().await);
    let url = format!("\"{}\"", redis.url());
    let (one, other) = (replica(&url, "", &upstream).start(), replica(&url, "", &upstream).start());
    let (at_one, at_other) = (admin(&one), admin(&other));
    let mut held = Vec::new();
    for round in 0..ROUNDS {
        let from = if round % 2 == 0 { &one } else { &other };
        let marker = format!("marker-{round:04}-");
        let (status, _, id) = post(from, &format!("{marker} ssn 078-05-1120")).await;
        assert_eq!(status, 403);
        held.push((marker, id));
    }
    let mut asked = tokio::task::JoinSet::new();
    for (_, id) in &held {
        for at in [&at_one, &at_other] {
            let (at, id) = (at.clone(), id.clone());
            asked.spawn(async move { release(&at, "rita", &id).await });
        }
    }
    while let Some(answer) = asked.join_next().await {
        let (status, answer) = answer.unwrap();
        assert_eq!((status, &answer["state"]), (200, &json!("released")), "{answer}");
    }
    for (marker, _) in &held {
        assert_eq!(times(&upstream, marker), 1, "{marker}");
    }
    // Each end is counted where it was brought about, and nowhere else.
    let counted = |proxy: &Running| {
        proxy.metric("blackbar_quarantine_total{result=\"released\",route=\"root\",workspace=\"acme\"}")
    };
    assert!((counted(&one) + counted(&other) - ROUNDS as f64).abs() < 0.5, "{} {}", counted(&one), counted(&other));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: tests/run"]
async fn bounds_are_those_of_all_replicas() {
    let (redis, upstream) = (RedisServer::start(), Upstream::echo().await);
    let url = format!("\"{}\"", redis.url());
    let start = || Arc::new(replica(&url, "workspace_items = 7", &upstream).start());
    let replicas = [start(), start()];
    let mut posting = tokio::task::JoinSet::new();
    for at in 0..24 {
        let proxy = Arc::clone(&replicas[at % 2]);
        posting.spawn(async move { post(&proxy, "ssn 078-05-1120").await });
    }
    let (mut held, mut refused) = (Vec::new(), 0);
    while let Some(answer) = posting.join_next().await {
        match answer.unwrap() {
            (403, _, id) => held.push(id),
            (503, code, _) if code == "quarantine_unavailable" => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((held.len(), refused), (7, 17));
    let at = admin(&replicas[0]);
    assert_eq!(release(&at, "rita", &held[0]).await.0, 200);
    assert_eq!(post(&replicas[1], "ssn 078-05-1120").await.0, 403, "the released one has made room");
    assert_eq!(post(&replicas[0], "ssn 078-05-1120").await.0, 503);
}

/// What clients were told.
#[derive(Default)]
struct Told {
    held: Mutex<HashMap<String, String>>,
    released: Mutex<HashSet<String>>,
    refused: AtomicUsize,
    next: AtomicUsize,
    stop: AtomicBool,
}

async fn clients(proxy: Arc<Running>, told: Arc<Told>) {
    let mut client = proxy.client().await;
    while !told.stop.load(Ordering::Relaxed) {
        let marker = format!("marker-{:06}-", told.next.fetch_add(1, Ordering::Relaxed));
        let answer = client.post("/", "text/plain", &format!("{marker} ssn 078-05-1120")).await;
        match (answer.status, answer.code().as_str()) {
            (403, "quarantined") => {
                told.held.lock().unwrap().insert(answer.header("x-blackbar-item").unwrap().to_owned(), marker);
            }
            (503, "quarantine_unavailable") => {
                told.refused.fetch_add(1, Ordering::Relaxed);
                client = proxy.client().await;
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn reviewers(at: Address, told: Arc<Told>) {
    while !told.stop.load(Ordering::Relaxed) {
        let (status, list) = ask(&at, "rita", "GET", "/quarantine?state=held", None).await;
        assert!(status == 200 || status == 503, "{status}");
        for item in list["items"].as_array().into_iter().flatten().take(5) {
            let id = item["id"].as_str().unwrap();
            let (status, _) = release(&at, "rita", id).await;
            if status == 200 {
                told.released.lock().unwrap().insert(id.to_owned());
            }
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: tests/run"]
async fn a_server_that_dies_under_load_loses_nothing_and_nothing_passes_meanwhile() {
    let deaths = if std::env::var_os("BLACKBAR_LONG").is_some() { 40 } else { 4 };
    let (mut redis, upstream) = (RedisServer::start(), Upstream::echo().await);
    let url = format!("\"{}\"", redis.url());
    let more = "workspace_items = 100000";
    let start = || Arc::new(replica(&url, more, &upstream).start());
    let replicas = [start(), start()];
    let ats = [admin(&replicas[0]), admin(&replicas[1])];
    let told = Arc::new(Told::default());
    let mut tasks = Vec::new();
    for (proxy, at) in replicas.iter().zip(&ats) {
        becomes(at, "ready").await;
        tasks.push(tokio::spawn(clients(Arc::clone(proxy), Arc::clone(&told))));
        tasks.push(tokio::spawn(reviewers(at.clone(), Arc::clone(&told))));
    }
    for _ in 0..deaths {
        let before = told.held.lock().unwrap().len();
        within(async {
            while told.held.lock().unwrap().len() < before + 10 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        redis.kill();
        for at in &ats {
            becomes(at, "the store of held requests is unavailable").await;
        }
        let (held, refused) = (told.held.lock().unwrap().len(), told.refused.load(Ordering::Relaxed));
        within(async {
            while told.refused.load(Ordering::Relaxed) < refused + 4 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        assert_eq!(told.held.lock().unwrap().len(), held, "nothing is held while the server is away");
        redis.restart();
        for at in &ats {
            becomes(at, "ready").await;
        }
    }
    told.stop.store(true, Ordering::Relaxed);
    for task in tasks {
        tokio::time::timeout(Duration::from_secs(60), task).await.expect("the test hangs").unwrap();
    }
    let state = |id: String| {
        let at = ats[1].clone();
        async move { ask(&at, "rita", "GET", &format!("/quarantine/{id}"), None).await }
    };
    let held = told.held.lock().unwrap().clone();
    let mut states: HashMap<String, usize> = HashMap::new();
    for (id, marker) in held {
        let (status, item) = state(id.clone()).await;
        assert_eq!(status, 200, "{id} was told to be held, and is lost");
        let is = item["state"].as_str().unwrap();
        *states.entry(is.to_owned()).or_default() += 1;
        match is {
            "held" => assert_eq!(times(&upstream, &marker), 0, "{id} was sent, and waits again"),
            "released" => assert_eq!(times(&upstream, &marker), 1, "{id}"),
            "uncertain" | "releasing" => assert!(times(&upstream, &marker) <= 1, "{id}"),
            _ => panic!("{id} is {is}"),
        }
        assert!(!told.released.lock().unwrap().contains(&id) || is == "released", "{id} was told released, is {is}");
    }
    println!("{deaths} deaths: {states:?}, {} refused", told.refused.load(Ordering::Relaxed));
    assert!(states.contains_key("released"), "{states:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: tests/run"]
async fn tls_and_a_password_open_the_server_and_nothing_else_does() {
    let upstream = Upstream::echo().await;
    let test = replica("\"redis://127.0.0.1:1\"", "", &upstream);
    let file = |name: &str| test.pki.file(name).to_str().unwrap().to_owned();
    let (certificate, key, ca) = (file("server.crt"), file("server.key"), file("ca.crt"));
    let redis = RedisServer::with(&[
        "--appendonly",
        "yes",
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &ca,
        "--tls-auth-clients",
        "no",
        "--user",
        "blackbar",
        "on",
        ">correct-horse",
        "~held:*",
        "+@all",
        "--requirepass",
        "other",
    ]);
    let table = |password: &str, ca: &str| {
        format!(
            "{{ url = \"{}\", user = \"blackbar\", password = {{ file = \"{password}\" }}, prefix = \"held:\", \
             upstream_ca = \"{ca}\" }}",
            redis.url()
        )
    };
    let proxy = replica(&table("redis.password", &ca), "", &upstream).start();
    let at = admin(&proxy);
    becomes(&at, "ready").await;
    let (status, _, id) = post(&proxy, "marker-tls- ssn 078-05-1120").await;
    assert_eq!((status, release(&at, "rita", &id).await.0), (403, 200));
    assert_eq!(times(&upstream, "marker-tls-"), 1);

    // Another root, and another password.
    for (password, ca) in [("redis.password", "ca.crt"), ("quarantine.key32", ca.as_str())] {
        let proxy = replica(&table(password, ca), "", &upstream);
        if password == "quarantine.key32" {
            std::fs::write(proxy.pki.file("quarantine.key32"), "01234567890123456789012345678901").unwrap();
        }
        let proxy = proxy.start();
        let (status, code, _) = post(&proxy, "marker-no- ssn 078-05-1120").await;
        assert_eq!((status, code.as_str()), (503, "quarantine_unavailable"));
        assert_eq!(ready(&admin(&proxy)).await, "the store of held requests is unavailable");
    }
    assert_eq!(times(&upstream, "marker-no-"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: tests/run"]
async fn a_server_that_would_forget_or_holds_items_of_another_key_is_not_used() {
    let upstream = Upstream::echo().await;
    let unfit = [
        RedisServer::with(&["--appendonly", "yes", "--maxmemory-policy", "allkeys-lru", "--maxmemory", "100mb"]),
        RedisServer::with(&["--appendonly", "no"]),
    ];
    for redis in &unfit {
        let proxy = replica(&format!("\"{}\"", redis.url()), "", &upstream).start();
        assert_eq!(post(&proxy, "ssn 078-05-1120").await.0, 503);
        assert_eq!(ready(&admin(&proxy)).await, "the store of held requests is unavailable");
    }
    let any = format!("{{ url = \"{}\", persistence = \"any\" }}", unfit[1].url());
    let proxy = replica(&any, "", &upstream).start();
    let (status, _, id) = post(&proxy, "ssn 078-05-1120").await;
    assert_eq!(status, 403);
    let other = replica(&any, "", &upstream);
    std::fs::write(other.pki.file("quarantine.key32"), [8; 32]).unwrap();
    let other = other.start();
    assert_eq!(post(&other, "ssn 078-05-1120").await.0, 503);
    // What others have written there is kept apart, and the rest goes on.
    let at = admin(&proxy);
    becomes(&at, "ready").await;
    let (_, _, whole) = post(&proxy, "ssn 078-05-1120").await;
    unfit[1].ask(&format!("HSET blackbar:item:{id} record forged")).await;
    let (_, list) = ask(&at, "vera", "GET", "/quarantine", None).await;
    let ids: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, [&json!(whole)]);
    assert!(unfit[1].ask(&format!("EXISTS blackbar:damaged:item:{id}")).await.starts_with(":1"));
    within(async {
        while proxy.metric("blackbar_quarantine_damaged_total ") < 1.0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(release(&at, "rita", &whole).await.0, 200);
}

/// A way to a server whose answers are lost while `mute`: what it is told, it does.
fn losing(redis: &RedisServer, mute: &Arc<AtomicBool>) -> Dial {
    let (to, mute) = (redis.address(), Arc::clone(mute));
    Arc::new(move || {
        let mute = Arc::clone(&mute);
        Box::pin(async move {
            let (mut answers, mut commands) = TcpStream::connect(to).await?.into_split();
            let (near, far) = tokio::io::duplex(1 << 16);
            let (mut said, mut heard) = tokio::io::split(far);
            tokio::spawn(async move { tokio::io::copy(&mut said, &mut commands).await });
            tokio::spawn(async move {
                let mut buffer = vec![0; 1 << 14];
                while let Ok(count @ 1..) = answers.read(&mut buffer).await {
                    if !mute.load(Ordering::SeqCst) && heard.write_all(&buffer[..count]).await.is_err() {
                        return;
                    }
                }
            });
            Ok(Box::new(near) as Box<dyn Wire>)
        })
    })
}

fn store(redis: &RedisServer, mute: &Arc<AtomicBool>) -> Arc<Quarantine> {
    let server = RedisSettings {
        server: Server { host: "unused".to_owned(), ..Server::default() },
        database: 0,
        user: None,
        password: None,
        prefix: "b:".to_owned(),
        connect_timeout: Duration::from_millis(300),
        command_timeout: Duration::from_millis(300),
    };
    let settings = QuarantineSettings {
        store: HeldStore::Redis { server: Box::new(server), may_forget: false },
        key: Zeroizing::new([7; 32]),
        ttl: Duration::from_secs(60),
        keep: Duration::from_secs(60),
        max_items: 10,
        max_bytes: 10_000,
        workspace_items: 10,
        workspace_bytes: 10_000,
        max_records: 100,
        webhook: None,
    };
    Quarantine::open(&settings, Some(losing(redis, mute))).unwrap()
}

fn facts(id: u128) -> Facts {
    Facts {
        v: VERSION,
        id: format!("{id:032x}"),
        time: 1,
        expires: u64::MAX >> 12,
        workspace: "acme".to_owned(),
        route: "root".to_owned(),
        method: "POST".to_owned(),
        request_id: "r".to_owned(),
        policy: "p".to_owned(),
        address: "127.0.0.1".to_owned(),
        sender: Vec::new(),
        certificate: None,
        length: 3,
        findings: Vec::new(),
        answer: false,
    }
}

fn verdict() -> Verdict {
    Verdict { by: "jane".to_owned(), reason: "r".to_owned(), time: 2 }
}

async fn only(store: &Arc<Quarantine>) -> Item {
    let mut items = store.items().await.unwrap();
    assert_eq!(items.len(), 1);
    items.remove(0)
}

async fn held(store: &Arc<Quarantine>) -> (u64, u64) {
    let usage = store.usage().await.unwrap();
    usage.workspaces().fold((0, 0), |sum, (_, items, bytes)| (sum.0 + items, sum.1 + bytes))
}

/// Lets time pass until the store can be used again.
async fn back(store: &Arc<Quarantine>) {
    within(async {
        while store.sweep(10).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: tests/run"]
async fn what_was_done_without_an_answer_is_taken_back_or_done_once() {
    let (redis, mute) = (RedisServer::start(), Arc::new(AtomicBool::new(false)));
    let (store, other) = (store(&redis, &mute), store(&redis, &Arc::default()));
    back(&store).await;
    // The server knows the scripts from now on; one that it does not know is asked for again.
    store.hold(facts(9), Zeroizing::new(vec![b'x'; 10])).await.unwrap();
    store.change(only(&store).await.rejected(verdict()).unwrap()).await.unwrap();
    redis.ask("FLUSHALL").await;
    // Its client is told that it is not held: it is there, and then it is not.
    mute.store(true, Ordering::SeqCst);
    let lost = store.hold(facts(1), Zeroizing::new(vec![b'x'; 10])).await;
    assert!(matches!(lost, Err(Fault::Away(_))), "{lost:?}");
    assert_eq!(only(&other).await.facts.id, facts(1).id);
    assert!(matches!(store.hold(facts(2), Zeroizing::new(vec![b'x'; 10])).await, Err(Fault::Away(_))), "at once");
    mute.store(false, Ordering::SeqCst);
    back(&store).await;
    assert!(other.items().await.unwrap().is_empty());
    assert_eq!(held(&other).await, (0, 0));

    store.hold(facts(3), Zeroizing::new(vec![b'x'; 10])).await.unwrap();
    // It becomes one that is sent, and nobody learns of it: nothing is sent, and it waits again.
    let releasing = only(&store).await.releasing(verdict(), u64::MAX >> 12, false).unwrap();
    mute.store(true, Ordering::SeqCst);
    assert!(matches!(store.change(releasing.clone()).await, Err(Fault::Away(_))));
    assert!(matches!(only(&other).await.state, State::Releasing { .. }));
    mute.store(false, Ordering::SeqCst);
    back(&store).await;
    let waits = only(&other).await;
    assert_eq!((waits.state.clone(), waits.turn), (State::Held, 2));
    // What was given up is not what another has begun since.
    let theirs = waits.releasing(verdict(), u64::MAX >> 12, false).unwrap();
    mute.store(true, Ordering::SeqCst);
    redis.ask(&format!("HSET b:item:{} turn 9", facts(3).id)).await;
    assert!(matches!(store.change(theirs.clone()).await, Err(Fault::Away(_))));
    redis.ask(&format!("HSET b:item:{} turn 2", facts(3).id)).await;
    other.change(theirs).await.unwrap();
    mute.store(false, Ordering::SeqCst);
    back(&store).await;
    let theirs = only(&other).await;
    assert!(matches!(theirs.state, State::Releasing { .. }), "{theirs:?}");

    // An answer that comes late is that of the one change that was made.
    let sent = theirs.becoming(State::Released { status: 200 });
    mute.store(true, Ordering::SeqCst);
    let changing = tokio::spawn({
        let (store, sent) = (Arc::clone(&store), sent.clone());
        async move { store.change(sent).await }
    });
    within(async {
        while !matches!(only(&other).await.state, State::Released { .. }) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    mute.store(false, Ordering::SeqCst);
    assert_eq!(within(changing).await.unwrap().unwrap(), sent);
    assert!(matches!(other.change(sent).await, Err(Fault::Conflict)), "another's is another change");
    assert_eq!(held(&other).await, (0, 0));
}
