//! The store in files: bounds at the edge, what a death leaves, what others have written.

use std::time::Duration;

use super::item::tests::facts;
use super::item::{State, Verdict};
use super::seal::{ITEM_BYTES, LATER};
use super::*;

fn settings(path: &std::path::Path) -> QuarantineSettings {
    QuarantineSettings {
        store: HeldStore::Directory(path.to_owned()),
        key: Zeroizing::new([7; 32]),
        ttl: Duration::from_secs(60),
        keep: Duration::from_millis(10),
        max_items: 4,
        max_bytes: 10_000,
        workspace_items: 3,
        workspace_bytes: 5_000,
        max_records: 100,
        webhook: None,
    }
}

/// What a body of this many bytes takes, sealed: nonce and tag.
const ADDED: usize = 12 + 16;

async fn hold(store: &Arc<Quarantine>, id: &str, workspace: &str, sealed: usize) -> Result<(), Fault> {
    store.hold(facts(id, workspace), Zeroizing::new(vec![b'x'; sealed - ADDED])).await
}

fn verdict() -> Verdict {
    Verdict { by: "jane".to_owned(), reason: "r".to_owned(), time: 2 }
}

#[tokio::test]
async fn bounds_hold_to_the_byte_and_the_item() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Quarantine::open(&settings(folder.path()), None).expect("it opens");
    assert!(matches!(hold(&store, "00", "acme", 5_001).await, Err(Fault::Full)));
    hold(&store, "01", "acme", 4_999).await.expect("one below");
    assert!(matches!(hold(&store, "02", "acme", 100).await, Err(Fault::Full)));
    let item = store.item("01").await.expect("it is there");
    store.change(item.rejected(verdict()).expect("it may be")).await.expect("it is written");
    hold(&store, "03", "acme", 5_000).await.expect("at the bound, and the rejected one has made room");
    hold(&store, "04", "beta", 4_900).await.expect("within all");
    assert!(matches!(hold(&store, "05", "gamma", 101).await, Err(Fault::Full)), "above all");
    hold(&store, "06", "gamma", 50).await.expect("within all");
    hold(&store, "07", "gamma", 50).await.expect("the fourth and last, and the last byte");
    assert!(matches!(hold(&store, "08", "delta", 29).await, Err(Fault::Full)), "items");
    let refused: Vec<_> = std::fs::read_dir(folder.path())
        .expect("it lists")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| ["00", "02", "05", "08"].iter().any(|id| name.starts_with(id)))
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[tokio::test]
async fn a_workspace_has_a_bound_of_items() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Quarantine::open(&settings(folder.path()), None).expect("it opens");
    for id in ["01", "02", "03"] {
        hold(&store, id, "acme", 100).await.expect("within");
    }
    assert!(matches!(hold(&store, "04", "acme", 100).await, Err(Fault::Full)));
    hold(&store, "05", "beta", 100).await.expect("another's");
}

#[tokio::test]
async fn what_was_held_is_there_after_a_death_and_what_was_sent_is_uncertain() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Quarantine::open(&settings(folder.path()), None).expect("it opens");
    assert!(matches!(Quarantine::open(&settings(folder.path()), None), Err(Fault::Locked)));
    hold(&store, "01", "acme", 100).await.expect("it is held");
    hold(&store, "02", "acme", 100).await.expect("it is held");
    let item = store.item("02").await.expect("it is there");
    let sending = item.releasing(verdict(), u64::MAX, false).expect("it may be");
    store.change(sending.clone()).await.expect("it is written");
    assert!(matches!(store.change(sending).await, Err(Fault::Conflict)), "a change follows one state once");
    drop(store);
    std::fs::write(folder.path().join("03.body"), b"half of one").expect("it is written");
    std::fs::write(folder.path().join("04.item.part"), b"half of one").expect("it is written");
    let store = Quarantine::open(&settings(folder.path()), None).expect("it opens");
    let states: Vec<_> = store.items().await.expect("it lists").into_iter().map(|item| item.state).collect();
    assert_eq!(states, [State::Held, State::Uncertain]);
    assert!(!folder.path().join("03.body").exists() && !folder.path().join("04.item.part").exists());
    let item = store.item("02").await.expect("it is there");
    assert_eq!(item.releasing(verdict(), 9, false).err(), Some(item::Refusal::Uncertain));
    assert_eq!(store.content(&item).await.expect("it opens").len(), 100 - ADDED);
    assert_eq!(store.usage().await.expect("it counts").workspaces().collect::<Vec<_>>(), [("acme", 2, 200)]);
}

#[tokio::test]
async fn what_others_have_written_is_not_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Quarantine::open(&settings(folder.path()), None).expect("it opens");
    hold(&store, "01", "acme", 100).await.expect("it is held");
    let body = folder.path().join("01.body");
    let mut bytes = std::fs::read(&body).expect("it is read");
    bytes[50] ^= 1;
    std::fs::write(&body, bytes).expect("it is written");
    let item = store.item("01").await.expect("it is there");
    assert!(matches!(store.content(&item).await, Err(Fault::Tampered)));
    drop(store);
    // What cannot be vouched for does not keep the rest from being served.
    let store = Quarantine::open(&settings(folder.path()), None).expect("it opens");
    hold(&store, "02", "acme", 100).await.expect("it is held");
    hold(&store, "03", "acme", 100).await.expect("it is held");
    drop(store);
    let path = folder.path().join("01.item");
    let text = std::fs::read_to_string(&path).expect("it is read");
    std::fs::write(&path, text.replace("\"acme\"", "\"beta\"")).expect("it is written");
    std::fs::copy(folder.path().join("02.item"), folder.path().join("04.item")).expect("it is copied");
    std::fs::write(folder.path().join("05.item"), vec![b' '; ITEM_BYTES + 1]).expect("it is written");
    let store = Quarantine::open(&settings(folder.path()), None).expect("it opens");
    let ids: Vec<_> = store.items().await.expect("it lists").into_iter().map(|item| item.facts.id).collect();
    assert_eq!((ids, store.damaged()), (vec!["02".to_owned(), "03".to_owned()], 3));
    assert_eq!(store.usage().await.expect("it counts").workspaces().collect::<Vec<_>>(), [("acme", 2, 200)]);
    for name in ["01.item.damaged", "01.body.damaged", "04.item.damaged", "05.item.damaged"] {
        assert!(folder.path().join(name).exists(), "{name}");
    }
    drop(store);
    let store = Quarantine::open(&settings(folder.path()), None).expect("it opens");
    assert_eq!(store.damaged(), 0, "what was set aside is not read again");
}

#[tokio::test]
async fn a_store_of_another_key_is_not_opened_and_nothing_of_it_is_set_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Quarantine::open(&settings(folder.path()), None).expect("it opens");
    hold(&store, "01", "acme", 100).await.expect("it is held");
    drop(store);
    let other = QuarantineSettings { key: Zeroizing::new([8; 32]), ..settings(folder.path()) };
    assert!(matches!(Quarantine::open(&other, None), Err(Fault::OtherKey)));
    // As they were before they said whose they are.
    std::fs::remove_file(folder.path().join("key")).expect("it is there");
    assert!(matches!(Quarantine::open(&other, None), Err(Fault::OtherKey)));
    let store = Quarantine::open(&settings(folder.path()), None).expect("it opens");
    assert_eq!((store.damaged(), store.items().await.expect("it lists").len()), (0, 1));
    assert!(folder.path().join("key").exists());
}

#[tokio::test]
async fn what_would_not_be_read_again_is_not_held() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Quarantine::open(&settings(folder.path()), None).expect("it opens");
    let bare = store.keys.write(&held_as(&store, facts("00", "acme"))).expect("it is short").len();
    let most = ITEM_BYTES - LATER;
    for (more, fits) in [(most - bare, true), (most - bare + 1, false)] {
        let mut facts = facts("0a", "acme");
        facts.request_id.push_str(&"r".repeat(more));
        assert_eq!(store.keys.write(&held_as(&store, facts)).is_ok(), fits);
    }
    let mut large = facts("0b", "acme");
    large.request_id.push_str(&"r".repeat(most));
    let held = store.hold(large, Zeroizing::new(vec![b'x'; 10])).await;
    assert!(matches!(held, Err(Fault::Large)));
    assert_eq!(store.usage().await.expect("it counts").workspaces().collect::<Vec<_>>(), [("acme", 0, 0)]);
    // The longest that may still be said of the largest fits.
    let mut largest = facts("0c", "acme");
    largest.request_id.push_str(&"r".repeat(most - bare));
    let item = held_as(&store, largest);
    let verdict = Verdict { by: "\u{7f}".repeat(64), reason: "\u{1}".repeat(item::REASON), time: u64::MAX };
    let said = item.releasing(verdict, u64::MAX, false).expect("it may be");
    store.keys.write(&said).expect("it fits");
}

/// An item as it is held, with a body of ten bytes.
fn held_as(store: &Quarantine, facts: Facts) -> Item {
    let sealed = store.keys.seal(&facts, &[b'x'; 10]).expect("it seals");
    Item {
        facts,
        turn: 0,
        key: Some(sealed.key),
        sealed: sealed.bytes.len() as u64,
        sealed_sha256: sealed.sha256,
        state: State::Held,
        verdict: None,
        delivery: Delivery::None,
    }
}

#[tokio::test]
async fn time_erases_and_then_forgets() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Quarantine::open(&settings(folder.path()), None).expect("it opens");
    hold(&store, "01", "acme", 100).await.expect("it is held");
    assert!(store.sweep(99).await.expect("it sweeps").is_empty());
    let aged = store.sweep(100).await.expect("it sweeps");
    assert_eq!(aged.iter().map(|item| &item.state).collect::<Vec<_>>(), [&State::Expired]);
    assert!(!folder.path().join("01.body").exists());
    assert!(!std::fs::read_to_string(folder.path().join("01.item")).expect("it is there").contains("\"key\":\""));
    assert!(store.sweep(110).await.expect("it sweeps").is_empty());
    assert!(store.item("01").await.is_ok());
    store.sweep(111).await.expect("it sweeps");
    assert!(matches!(store.item("01").await, Err(Fault::Unknown)));
    assert_eq!(std::fs::read_dir(folder.path()).expect("it lists").count(), 2, "the lock and the key alone");
}
