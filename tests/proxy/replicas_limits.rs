//! Limits that proxies share by a Redis server: what one lets in another does not, and what a dead one had is free again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::support::client::Answer;
use crate::support::proxy::Running;
use crate::support::{Client, RedisServer, Reply, TestProxy, Upstream, within};

const RULES: &str = "version = 1\npacks = [\"pci\"]\n";

/// A replica that counts with others by this server.
fn replica(shared: &str, limits: &str, upstream: &Upstream) -> Running {
    TestProxy::new()
        .workspace("acme", RULES)
        .settings(&format!("limits = {{ {limits} }}\n"))
        .upstream(upstream)
        .tables(&format!("[limits]\nshared = {shared}\n[self_test]\nenabled = false\n"))
        .start()
}

/// Waits until a metric of a replica is this.
async fn becomes(proxy: &Running, metric: &str, wanted: f64) {
    within(async {
        while (proxy.metric(metric) - wanted).abs() > 0.1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: tests/run"]
async fn a_rate_is_that_of_all_replicas() {
    let (redis, upstream) = (RedisServer::start(), Upstream::echo().await);
    let url = format!("\"{}\"", redis.url());
    // One in a thousand seconds would be none; one in a second, and ten at once.
    let limits = "requests_per_second = 1, burst = 10";
    let (one, other) = (replica(&url, limits, &upstream), replica(&url, limits, &upstream));
    becomes(&one, "blackbar_shared_limits_up ", 1.0).await;
    becomes(&other, "blackbar_shared_limits_up ", 1.0).await;
    let mut clients = [one.client().await, other.client().await];
    let begun = std::time::Instant::now();
    let mut admitted = 0;
    for at in 0..18 {
        admitted += u64::from(clients[at % 2].get("/").await.status == 200);
    }
    let most = 10 + begun.elapsed().as_secs() + 1;
    assert!((10..=most).contains(&admitted), "{admitted} of at most {most}");
    let refused = |proxy: &Running| proxy.metric("blackbar_shared_limits_total{result=\"refused\"}");
    assert!(refused(&one) + refused(&other) >= 1.0);
}

/// An upstream whose answers to `/slow` are these.
async fn slow(scripts: Vec<mpsc::UnboundedReceiver<Vec<u8>>>) -> Upstream {
    let scripts = Mutex::new(scripts);
    Upstream::answering(move |request| {
        let asked = request.head.contains(" /slow ").then(|| scripts.lock().unwrap().pop()).flatten();
        asked.map_or(Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()), Reply::Pieces)
    })
    .await
}

/// Begins a request that does not end.
async fn begin(client: &mut Client, pieces: &mpsc::UnboundedSender<Vec<u8>>) {
    client.write("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 22\r\n\r\ndata: one\n\n";
    pieces.send(head.as_bytes().to_vec()).unwrap();
    assert_eq!(within(client.head()).await.unwrap().status, 200);
}

/// Asks until it is not refused for its rate.
async fn until_admitted(client: &mut Client, bound: Duration) -> Answer {
    let asking = async {
        loop {
            let answer = client.get("/").await;
            if answer.status != 429 {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(bound, asking).await.expect("it is never admitted")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: tests/run"]
async fn what_is_in_flight_is_that_of_all_replicas_and_a_dead_ones_is_free_again() {
    let mut redis = RedisServer::start();
    let (pieces, script) = mpsc::unbounded_channel();
    let (held, held_script) = mpsc::unbounded_channel();
    let upstream = slow(vec![held_script, script]).await;
    let url = format!("\"{}\"", redis.url());
    let (one, other) = (replica(&url, "requests = 1", &upstream), replica(&url, "requests = 1", &upstream));
    becomes(&one, "blackbar_shared_limits_up ", 1.0).await;
    becomes(&other, "blackbar_shared_limits_up ", 1.0).await;
    let (mut busy, mut client) = (one.client().await, other.client().await);
    begin(&mut busy, &pieces).await;
    let answer = client.get("/").await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "rate"));
    // A server that has forgotten is told again, whatever it kept.
    redis.ask("FLUSHALL").await;
    within(async {
        while client.get("/").await.status != 429 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    pieces.send(b"data: two\n\n".to_vec()).unwrap();
    within(busy.until(b"0\r\n\r\n")).await.unwrap();
    drop(pieces);
    assert_eq!(
        until_admitted(&mut client, Duration::from_secs(10)).await.status,
        200,
        "what has ended is free at once"
    );

    // A lease that nobody renews: as one that dies leaves it.
    let soon = redis.ask("TIME").await;
    let now: u64 = soon.lines().nth(2).unwrap().parse().unwrap();
    let lapses = (now + 3) * 1_000_000;
    redis.ask(&format!("ZADD blackbar:places:acme {lapses} dead:1")).await;
    assert_eq!(client.get("/").await.status, 429);
    assert_eq!(until_admitted(&mut client, Duration::from_secs(20)).await.status, 200);
    // One that lives keeps its place for longer than a lease.
    begin(&mut busy, &held).await;
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(18) {
        assert_eq!(client.get("/").await.status, 429, "{:?}", begun.elapsed());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    redis.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: tests/run"]
async fn without_an_answer_each_counts_alone_or_refuses_and_then_they_count_together_again() {
    let (mut redis, upstream) = (RedisServer::start(), Upstream::echo().await);
    let block = format!("{{ url = \"{}\", on_error = \"block\" }}", redis.url());
    let local = format!("{{ url = \"{}\", wait = \"200ms\" }}", redis.url());
    let limits = "requests_per_second = 1, burst = 4";
    let (alone, closed) = (replica(&local, limits, &upstream), replica(&block, "requests = 100", &upstream));
    for proxy in [&alone, &closed] {
        becomes(proxy, "blackbar_shared_limits_up ", 1.0).await;
    }
    redis.kill();
    let (mut client, mut refused) = (alone.client().await, closed.client().await);
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(client.get("/").await.status);
    }
    assert_eq!(statuses[..4], [200, 200, 200, 200]);
    assert!(statuses.contains(&429), "its own count holds: {statuses:?}");
    assert!(alone.metric("blackbar_shared_limits_total{result=\"local\"}") >= 4.0);
    let answer = refused.get("/").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "overloaded"));
    assert!(closed.metric("blackbar_shared_limits_total{result=\"blocked\"}") >= 1.0);
    for proxy in [&alone, &closed] {
        becomes(proxy, "blackbar_shared_limits_up ", 0.0).await;
    }
    redis.restart();
    for proxy in [&alone, &closed] {
        becomes(proxy, "blackbar_shared_limits_up ", 1.0).await;
    }
    let mut refused = closed.client().await;
    within(async {
        while refused.get("/").await.status != 200 {
            refused = closed.client().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: tests/run"]
async fn many_at_once_are_never_more_than_the_bound() {
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    /// It says that its connection ends, so that no other request is sent along it.
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    let redis = RedisServer::start();
    let upstream = Upstream::answering(|_| {
        let (pieces, script) = mpsc::unbounded_channel();
        MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(30)).await;
            NOW.fetch_sub(1, Ordering::SeqCst);
            pieces.send(ANSWER.to_vec()).ok();
        });
        Reply::Pieces(script)
    })
    .await;
    let shared = format!("{{ url = \"{}\", on_error = \"block\", wait = \"5s\" }}", redis.url());
    let replicas = [replica(&shared, "requests = 3", &upstream), replica(&shared, "requests = 3", &upstream)];
    for proxy in &replicas {
        becomes(proxy, "blackbar_shared_limits_up ", 1.0).await;
    }
    let mut asking = tokio::task::JoinSet::new();
    for at in 0..12 {
        let mut client = replicas[at % 2].client().await;
        asking.spawn(async move {
            let mut admitted = 0;
            for _ in 0..25 {
                match client.get("/").await.status {
                    200 => admitted += 1,
                    429 => {}
                    status => panic!("{status}"),
                }
            }
            admitted
        });
    }
    let mut admitted = 0;
    while let Some(count) = asking.join_next().await {
        admitted += count.unwrap();
    }
    let most = MOST.load(Ordering::SeqCst);
    assert!(most <= 3 && admitted >= 10, "{most} at once, {admitted} in all");
}
