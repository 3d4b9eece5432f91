//! The store in files: bounds at the edge, what a death leaves, what others have written.

use std::time::Duration;

use super::item::tests::facts;
use super::item::{State, Verdict};
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
    let store = Quarantine::open(&settings(folder.path())).expect("it opens");
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
    let store = Quarantine::open(&settings(folder.path())).expect("it opens");
    for id in ["01", "02", "03"] {
        hold(&store, id, "acme", 100).await.expect("within");
    }
    assert!(matches!(hold(&store, "04", "acme", 100).await, Err(Fault::Full)));
    hold(&store, "05", "beta", 100).await.expect("another's");
}

#[tokio::test]
async fn what_was_held_is_there_after_a_death_and_what_was_sent_is_uncertain() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Quarantine::open(&settings(folder.path())).expect("it opens");
    assert!(matches!(Quarantine::open(&settings(folder.path())), Err(Fault::Locked)));
    hold(&store, "01", "acme", 100).await.expect("it is held");
    hold(&store, "02", "acme", 100).await.expect("it is held");
    let item = store.item("02").await.expect("it is there");
    let sending = item.releasing(verdict(), u64::MAX, false).expect("it may be");
    store.change(sending.clone()).await.expect("it is written");
    assert!(matches!(store.change(sending).await, Err(Fault::Conflict)), "a change follows one state once");
    drop(store);
    std::fs::write(folder.path().join("03.body"), b"half of one").expect("it is written");
    std::fs::write(folder.path().join("04.item.part"), b"half of one").expect("it is written");
    let store = Quarantine::open(&settings(folder.path())).expect("it opens");
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
    let store = Quarantine::open(&settings(folder.path())).expect("it opens");
    hold(&store, "01", "acme", 100).await.expect("it is held");
    let body = folder.path().join("01.body");
    let mut bytes = std::fs::read(&body).expect("it is read");
    bytes[50] ^= 1;
    std::fs::write(&body, bytes).expect("it is written");
    let item = store.item("01").await.expect("it is there");
    assert!(matches!(store.content(&item).await, Err(Fault::Tampered)));
    drop(store);
    let path = folder.path().join("01.item");
    let text = std::fs::read_to_string(&path).expect("it is read");
    std::fs::write(&path, text.replace("\"acme\"", "\"beta\"")).expect("it is written");
    assert!(matches!(Quarantine::open(&settings(folder.path())), Err(Fault::Tampered)));
}

#[tokio::test]
async fn time_erases_and_then_forgets() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Quarantine::open(&settings(folder.path())).expect("it opens");
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
    assert_eq!(std::fs::read_dir(folder.path()).expect("it lists").count(), 1, "the lock alone");
}
