//! The real program, killed at any moment: no request of which a client was told that it is held is lost, and none is sent
//! twice. `BLACKBAR_KILLS` says how often it is killed; 200 times unless told, and 40 where it keeps things in Redis.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Notify;

use super::quarantine::{RULES, people};
use crate::support::client::connect;
use crate::support::proxy::ACME;
use crate::support::upstream::ok;
use crate::support::{Client, Pki, RedisServer, Reply, TestProxy, Upstream, within};

/// Kills unless `BLACKBAR_KILLS` says otherwise, and the longest time between a start, or the first item that it holds, and
/// its kill.
const KILLS: usize = 200;
const REDIS_KILLS: usize = 40;
const ANSWER_KILLS: usize = 20;
const LIFE_MS: u64 = 120;

struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(config: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_blackbar"))
            .args(["serve", "--config"])
            .arg(config)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the process ended").unwrap();
            let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
            if line["fields"]["message"] == "listening" {
                break line["fields"]["address"].as_str().unwrap().parse().unwrap();
            }
        };
        // Nobody must make it wait for its log.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Waits until a moment for the death of a process: of four, one may die before it has done anything, the others once a
/// first item was held, however slow the machine is.
async fn moment(turn: usize, held: &Notify, longest: u64) {
    if !turn.is_multiple_of(4) {
        within(held.notified()).await;
    }
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).unwrap();
    // The one wait: the moment of a death is what is tried.
    tokio::time::sleep(Duration::from_millis(u64::from_le_bytes(random) % longest)).await;
}

/// What clients and reviewers were told.
#[derive(Default)]
struct Told {
    held: HashMap<String, String>,
    released: HashSet<String>,
    next: usize,
}

async fn ask(socket: &Path, target: &str, order: Option<Value>) -> Option<(u16, Value)> {
    let body = order.as_ref().map(Value::to_string).unwrap_or_default();
    let method = if order.is_some() { "POST" } else { "GET" };
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer rita\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = UnixStream::connect(socket).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, serde_json::from_str(body).ok()?))
}

/// Sends requests that are held until the connection dies.
async fn clients(address: SocketAddr, pki: Arc<Pki>, told: Arc<Mutex<Told>>, held: Arc<Notify>) {
    let config = pki.client_config(Some(pki.client(&[ACME])), &["http/1.1"]);
    let Ok(stream) = connect(address, "localhost", config).await else { return };
    let mut client = Client::new(stream);
    loop {
        let marker = {
            let mut told = told.lock().unwrap();
            told.next += 1;
            format!("marker-{:06}-", told.next)
        };
        let body = format!("{marker} ssn 078-05-1120");
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if client.stream.write_all(request.as_bytes()).await.is_err() {
            return;
        }
        let Some(answer) = client.head().await else { return };
        if answer.status != 403 || client.until(b"}").await.is_none() {
            return;
        }
        told.lock().unwrap().held.insert(answer.header("x-blackbar-item").unwrap().to_owned(), marker);
        held.notify_one();
    }
}

/// Releases what is held until the process dies.
async fn reviewers(socket: PathBuf, told: Arc<Mutex<Told>>) {
    loop {
        let Some((200, list)) = ask(&socket, "/quarantine?state=held", None).await else { return };
        for item in list["items"].as_array().unwrap() {
            let id = item["id"].as_str().unwrap();
            let order = Some(json!({ "reason": "agreed" }));
            let Some((status, answer)) = ask(&socket, &format!("/quarantine/{id}/release"), order).await else {
                return;
            };
            if status == 200 {
                assert_eq!(answer["state"], "released");
                told.lock().unwrap().released.insert(id.to_owned());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_held_is_lost_and_nothing_is_sent_twice() {
    kill_again_and_again("held", KILLS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: tests/run"]
async fn nothing_held_in_redis_is_lost_and_nothing_is_sent_twice() {
    let redis = RedisServer::start();
    kill_again_and_again(&redis.url(), REDIS_KILLS).await;
}

/// Every item that the program knows.
async fn everything(socket: &Path) -> HashMap<String, Value> {
    let mut items: HashMap<String, Value> = HashMap::new();
    let mut after = String::new();
    loop {
        let target = format!("/quarantine{after}");
        let (status, page) = ask(socket, &target, None).await.unwrap();
        assert_eq!(status, 200);
        let page_items = page["items"].as_array().unwrap();
        items.extend(page_items.iter().map(|item| (item["id"].as_str().unwrap().to_owned(), item.clone())));
        if page["more"] != true {
            return items;
        }
        after = format!("?after={}", page_items.last().unwrap()["id"].as_str().unwrap());
    }
}

#[allow(clippy::print_stdout, reason = "what was seen is part of the record")]
async fn kill_again_and_again(store: &str, unless_told: usize) {
    let upstream = Upstream::echo().await;
    let test = TestProxy::new();
    std::fs::write(test.pki.file("quarantine.key32"), [9; 32]).unwrap();
    let test = test
        .workspace("acme", RULES)
        .workspace("beta", RULES)
        .upstream(&upstream)
        .route_settings("request = { mode = \"buffer\" }\n")
        .tables(&people().replace("127.0.0.1:0", "unix:admin.sock"))
        .tables(&format!("[quarantine]\nstore = \"{store}\"\nworkspace_items = 100000\n"))
        .tables("key = { file = \"quarantine.key32\" }\n")
        // A second of it before each death would be most of the test.
        .tables("[self_test]\nenabled = false\n");
    let config = test.write();
    let socket = test.pki.file("admin.sock");
    let pki = Arc::new(test.pki);
    let told = Arc::new(Mutex::new(Told::default()));
    let kills = std::env::var("BLACKBAR_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(unless_told);
    for turn in 0..kills {
        let process = Process::start(&config);
        let held = Arc::new(Notify::new());
        let tasks = [
            tokio::spawn(clients(process.address, Arc::clone(&pki), Arc::clone(&told), Arc::clone(&held))),
            tokio::spawn(clients(process.address, Arc::clone(&pki), Arc::clone(&told), Arc::clone(&held))),
            tokio::spawn(reviewers(socket.clone(), Arc::clone(&told))),
        ];
        moment(turn, &held, LIFE_MS).await;
        process.kill();
        for task in tasks {
            task.await.unwrap();
        }
    }

    let process = Process::start(&config);
    let items = loop {
        let items = everything(&socket).await;
        if !items.values().any(|item| item["state"] == "releasing") {
            break items;
        }
        // What a replica was sending that is gone is settled once it has not been seen for a while.
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let seen = |marker: &str| {
        let bytes = upstream.bytes.lock().unwrap();
        bytes.windows(marker.len()).filter(|window| *window == marker.as_bytes()).count()
    };
    let told = std::mem::take(&mut *told.lock().unwrap());
    assert!(told.held.len() > kills / 4, "only {} were held", told.held.len());
    assert!(!told.released.is_empty());
    let mut states: HashMap<String, usize> = HashMap::new();
    for (id, marker) in &told.held {
        let item = items.get(id).unwrap_or_else(|| panic!("{id} was told to be held, and is lost"));
        let state = item["state"].as_str().unwrap();
        *states.entry(state.to_owned()).or_default() += 1;
        let times = seen(marker);
        match state {
            "held" => assert_eq!(times, 0, "{id} was sent, and waits again"),
            "released" => assert_eq!(times, 1, "{id}"),
            "uncertain" => assert!(times <= 1, "{id}"),
            state => panic!("{id} is {state}"),
        }
        assert!(!told.released.contains(id) || state == "released", "{id} was told to be released, and is {state}");
        if state == "held" {
            let order = Some(json!({ "reason": "agreed" }));
            let (status, _) = ask(&socket, &format!("/quarantine/{id}/release"), order).await.unwrap();
            assert_eq!((status, seen(marker)), (200, 1), "{id} is whole, and is sent once");
        }
    }
    let (known, released) = (items.len(), told.released.len());
    println!("{kills} kills: {} told held, {known} known, {released} told released; {states:?}", told.held.len());
    process.kill();
}

/// What became of answers that were held, as their clients know it.
#[derive(Default)]
struct Fetched {
    /// Items, and the marker in the answer of each.
    held: HashMap<String, String>,
    /// Items whose answer came whole.
    had: Vec<String>,
    next: usize,
}

/// Has answers held, releases and fetches them, until the process dies.
async fn fetchers(
    address: SocketAddr,
    socket: PathBuf,
    pki: Arc<Pki>,
    told: Arc<Mutex<Fetched>>,
    held: Arc<Notify>,
) -> Option<()> {
    let config = pki.client_config(Some(pki.client(&[ACME])), &["http/1.1"]);
    let mut client = Client::new(connect(address, "localhost", config).await.ok()?);
    loop {
        let marker = {
            let mut told = told.lock().unwrap();
            told.next += 1;
            format!("marker-{:06}-", told.next)
        };
        let (status, item, _) = fetch(&mut client, None, &marker).await?;
        assert_eq!(status, 403);
        let id = item?;
        told.lock().unwrap().held.insert(id.clone(), marker.clone());
        held.notify_one();
        let order = Some(json!({ "reason": "agreed" }));
        let (status, cleared) = ask(&socket, &format!("/quarantine/{id}/release"), order).await?;
        assert_eq!((status, &cleared["state"]), (200, &json!("cleared")));
        let (status, _, body) = fetch(&mut client, Some(&id), &marker).await?;
        assert!(status == 200 && body.contains(&marker), "{status} {body}");
        told.lock().unwrap().had.push(id);
    }
}

/// Asks a model, or for an answer that was held: the status, the item, and the body if it came whole.
async fn fetch(client: &mut Client, item: Option<&str>, marker: &str) -> Option<(u16, Option<String>, String)> {
    let item = item.map(|item| format!("x-blackbar-item: {item}\r\n")).unwrap_or_default();
    let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let body = json!({ "model": "m", "user": marker }).to_string();
    let request = format!("{head}{item}Content-Length: {}\r\n\r\n{body}", body.len());
    client.stream.write_all(request.as_bytes()).await.ok()?;
    let answer = client.answer().await;
    answer.complete.then(|| (answer.status, answer.header("x-blackbar-item").map(str::to_owned), answer.text()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::print_stdout, reason = "what was seen is part of the record")]
async fn no_held_answer_is_lost_and_none_is_handed_over_twice() {
    let upstream = Upstream::answering(|received| {
        let body: Value = serde_json::from_slice(&received.body).unwrap();
        let function = json!({ "name": "send_email", "arguments": json!({ "to": body["user"] }).to_string() });
        let message =
            json!({ "role": "assistant", "tool_calls": [{ "id": "c", "type": "function", "function": function }] });
        Reply::Bytes(ok("application/json", json!({ "choices": [{ "index": 0, "message": message }] }).to_string()))
    })
    .await;
    let test = TestProxy::new();
    std::fs::write(test.pki.file("quarantine.key32"), [9; 32]).unwrap();
    let rules = "version = 1\npacks = [\"pci\"]\n[[tool]]\nname = \"send_email\"\naction = \"hold\"\n";
    let test = test
        .workspace("acme", rules)
        .workspace("beta", rules)
        .upstream(&upstream)
        .route_settings("response = { mode = \"buffer\" }\n")
        .tables(&people().replace("127.0.0.1:0", "unix:admin.sock"))
        .tables(
            "[quarantine]\nstore = \"held\"\nkey = { file = \"quarantine.key32\" }\n[self_test]\nenabled = false\n",
        );
    let config = test.write();
    let socket = test.pki.file("admin.sock");
    let pki = Arc::new(test.pki);
    let told = Arc::new(Mutex::new(Fetched::default()));
    let kills = std::env::var("BLACKBAR_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(ANSWER_KILLS);
    for turn in 0..kills {
        let process = Process::start(&config);
        let held = Arc::new(Notify::new());
        let begin = || {
            let (socket, pki, told) = (socket.clone(), Arc::clone(&pki), Arc::clone(&told));
            tokio::spawn(fetchers(process.address, socket, pki, told, Arc::clone(&held)))
        };
        let tasks = [begin(), begin()];
        // Each goes three ways, not one.
        moment(turn, &held, 3 * LIFE_MS).await;
        process.kill();
        for task in tasks {
            task.await.unwrap();
        }
    }

    let process = Process::start(&config);
    let items = everything(&socket).await;
    let told = std::mem::take(&mut *told.lock().unwrap());
    assert!(!told.had.is_empty() && told.held.len() > kills / 4, "only {} were held", told.held.len());
    let tls = pki.client_config(Some(pki.client(&[ACME])), &["http/1.1"]);
    let client = || async { Client::new(connect(process.address, "localhost", Arc::clone(&tls)).await.unwrap()) };
    let mut states: HashMap<String, usize> = HashMap::new();
    for (id, marker) in &told.held {
        let item = items.get(id).unwrap_or_else(|| panic!("{id} was told to be held, and is lost"));
        let state = item["state"].as_str().unwrap();
        *states.entry(state.to_owned()).or_default() += 1;
        let had = told.had.iter().filter(|known| *known == id).count();
        match state {
            "held" | "cleared" => assert_eq!(had, 0, "{id} was handed over, and waits again"),
            "released" => assert!(had <= 1, "{id}"),
            "uncertain" => assert!(had <= 1, "{id}"),
            state => panic!("{id} is {state}"),
        }
        if state == "cleared" {
            let (status, _, body) = fetch(&mut client().await, Some(id), marker).await.unwrap();
            assert!(status == 200 && body.contains(marker), "{id} is whole: {status} {body}");
        }
        let (status, ..) = fetch(&mut client().await, Some(id), marker).await.unwrap();
        assert!(matches!(status, 409 | 410), "{id} that is {state} is given again: {status}");
    }
    println!("{kills} kills: {} told held, {} had; {states:?}", told.held.len(), told.had.len());
    process.kill();
}

/// The command line, asking the program that serves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_lists_shows_releases_and_rejects() {
    let upstream = Upstream::echo().await;
    let test = TestProxy::new();
    std::fs::write(test.pki.file("quarantine.key32"), [9; 32]).unwrap();
    std::fs::write(test.pki.file("rita.token"), "token: rita\n").unwrap();
    std::fs::write(test.pki.file("own.token"), "own").unwrap();
    let test = test
        .workspace("acme", RULES)
        .workspace("beta", RULES)
        .upstream(&upstream)
        .route_settings("request = { mode = \"buffer\" }\n")
        .tables(&people().replace("127.0.0.1:0", "unix:admin.sock"))
        .tables("[quarantine]\nstore = \"held\"\nkey = { file = \"quarantine.key32\" }\n");
    let config = test.write();
    let process = Process::start(&config);
    let pki = Arc::new(test.pki);
    let mut ids = Vec::new();
    let tls = pki.client_config(Some(pki.client(&[ACME])), &["http/1.1"]);
    let mut client = Client::new(connect(process.address, "localhost", tls).await.unwrap());
    for _ in 0..2 {
        let answer = client.post("/", "text/plain", "ssn 078-05-1120").await;
        ids.push(answer.header("x-blackbar-item").unwrap().to_owned());
    }
    let command = |words: &[&str], who: &str| -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_blackbar"));
        command.arg("quarantine").args(words).arg("--config").arg(&config);
        command.arg("--token-file").arg(pki.file(&format!("{who}.token")));
        command.output().unwrap()
    };
    let text = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    let list = command(&["list"], "rita");
    assert!(list.status.success() && ids.iter().all(|id| text(&list).contains(id)), "{list:?}");
    assert_eq!(text(&list).lines().count(), 2);
    let show = command(&["show", &ids[0], "--preview"], "rita");
    for part in ["US_SSN by us-pii.ssn, quarantine", "uri:spiffe://acme.example/agent", "ssn [US_SSN]"] {
        assert!(text(&show).contains(part), "{part}\n{}", text(&show));
    }
    let own = command(&["release", &ids[0], "--reason", "r"], "own");
    assert_eq!(own.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&own.stderr).contains("own_request"));
    let released = command(&["release", &ids[0], "--reason", "agreed", "--json"], "rita");
    let released: Value = serde_json::from_str(&text(&released)).unwrap();
    assert_eq!((&released["state"], &released["verdict"]["reason"]), (&json!("released"), &json!("agreed")));
    let rejected = command(&["reject", &ids[1], "--reason", "no"], "rita");
    assert!(text(&rejected).contains("rejected") && text(&rejected).contains("verdict   rita"), "{rejected:?}");
    assert_eq!(command(&["release", &ids[1], "--reason", "r"], "rita").status.code(), Some(1));
    assert_eq!(text(&command(&["list"], "rita")), "");
    assert_eq!(text(&command(&["list", "--state", "all"], "rita")).lines().count(), 2);
    process.kill();
}
