//! How near the process is to the end of its memory.
//!
//! Enters: what the kernel says of the control group and those around it (cgroup v2 or v1). Leaves: whether connections end behind their
//! answer, new requests are shed, and nearer to the end new connections, so that those under way may end and nobody is killed; and how much
//! those may hold back. Counted is what cannot be taken back at once: not the files that are cached and idle.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::policy::{HeldMemory, Limits};

use super::Shared;
use super::admission::Strain;

/// Between two looks. Heads that do not end take memory as fast as clients can send them.
const LOOK: Duration = Duration::from_millis(100);
/// Where control groups are mounted, and which the process is in.
const MOUNT: &str = "/sys/fs/cgroup";
const OWN: &str = "/proc/self/cgroup";
/// What the machine has.
const MACHINE: &str = "/proc/meminfo";
/// What is taken for it where the system does not say.
const UNKNOWN: u64 = 1 << 30;
/// Above this a limit of cgroup v1 is none: it writes the largest number of pages.
const UNLIMITED: u64 = 1 << 62;

/// The names of the files, of the two versions.
const VERSIONS: [[&str; 3]; 2] = [
    ["memory.max", "memory.current", "inactive_file"],
    ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"],
];

/// Looks again and again, until dropped.
pub(super) async fn follow(shared: Arc<Shared>) {
    let groups = own_groups();
    let machine = machine();
    let mut strain = Strain::None;
    loop {
        let usages: Vec<(u64, u64)> = groups.iter().filter_map(|group| usage(group)).collect();
        let limits = shared.generation().policy.limits.clone();
        shared.admission.memory.bound(share(&limits, capacity(&usages, machine)));
        let now = usages.iter().map(|usage| strain_of(*usage, limits.memory_percent)).max();
        let now = now.unwrap_or(Strain::None);
        if now != strain {
            strain = now;
            shared.admission.strain(now);
            shared.telemetry.set("blackbar_memory_strained", &[], now as i64);
            tracing::warn!(state = ?now, "how short memory is has changed");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Bytes that all that is under way may hold back together, as things are now.
pub(super) fn held_memory(limits: &Limits) -> u64 {
    let usages: Vec<(u64, u64)> = own_groups().iter().filter_map(|group| usage(group)).collect();
    share(limits, capacity(&usages, machine()))
}

fn share(limits: &Limits, capacity: u64) -> u64 {
    match limits.held_memory {
        HeldMemory::Bytes(bytes) => bytes,
        HeldMemory::Percent(percent) => capacity / 100 * u64::from(percent),
    }
}

/// What the process may use: as much as the narrowest group, or the machine, has.
fn capacity(usages: &[(u64, u64)], machine: u64) -> u64 {
    usages.iter().map(|(_, limit)| *limit).fold(machine, u64::min)
}

/// The memory of the machine.
fn machine() -> u64 {
    total(&fs::read_to_string(MACHINE).unwrap_or_default()).unwrap_or(UNKNOWN)
}

fn total(about: &str) -> Option<u64> {
    let line = about.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?.checked_mul(1 << 10)
}

fn own_groups() -> Vec<PathBuf> {
    groups(&fs::read_to_string(OWN).unwrap_or_default(), Path::new(MOUNT))
}

/// The group of the process and those around it.
fn groups(own: &str, mount: &Path) -> Vec<PathBuf> {
    let mut groups = Vec::new();
    for line in own.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let root = match controllers {
            "" => mount.to_owned(),
            controllers if controllers.split(',').any(|one| one == "memory") => mount.join("memory"),
            _ => continue,
        };
        // Within a container the path may be one of the host, and the group is the root that is seen.
        let path = Path::new(path.trim_start_matches('/'));
        groups.extend(path.ancestors().map(|path| root.join(path)));
    }
    groups
}

/// What a group uses and may use; none where it has no limit.
fn usage(group: &Path) -> Option<(u64, u64)> {
    let number = |name: &str| fs::read_to_string(group.join(name)).ok()?.trim().parse::<u64>().ok();
    let [limit, current, idle] =
        VERSIONS.into_iter().find(|[limit, ..]| number(limit).is_some_and(|limit| (1..UNLIMITED).contains(&limit)))?;
    let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    let cached = stat.lines().find_map(|line| line.strip_prefix(idle)?.strip_prefix(' ')?.trim().parse::<u64>().ok());
    Some((number(current)?.saturating_sub(cached.unwrap_or(0)), number(limit)?))
}

/// What a use is beyond: as much below the bound of new requests as is left above it, that bound, and half of what is left.
fn strain_of(usage: (u64, u64), most: u32) -> Strain {
    let left = 100_u32.saturating_sub(most);
    // No more than a ninth of the bound: where that is low, connections are of use below it.
    let below = left.min(most / 9);
    let states = [(most + left / 2, Strain::Connections), (most, Strain::Requests), (most - below, Strain::KeepAlive)];
    states.into_iter().find(|(bound, _)| is_beyond(usage, *bound)).map_or(Strain::None, |(_, strain)| strain)
}

fn is_beyond((used, limit): (u64, u64), percent: u32) -> bool {
    u128::from(used) * 100 > u128::from(limit) * u128::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cached_and_idle_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        assert_eq!(usage(folder.path()), None);
        write("memory.max", "max\n");
        write("memory.current", "900\n");
        assert_eq!(usage(folder.path()), None, "no limit");
        write("memory.max", "1000\n");
        assert_eq!(usage(folder.path()), Some((900, 1000)));
        write("memory.stat", "anon 1\ninactive_file 400\nactive_file 7\n");
        assert_eq!(usage(folder.path()), Some((500, 1000)));
        let old = tempfile::tempdir().unwrap();
        fs::write(old.path().join("memory.limit_in_bytes"), "9223372036854771712\n").unwrap();
        assert_eq!(usage(old.path()), None, "the largest number is no limit");
        fs::write(old.path().join("memory.limit_in_bytes"), "64\n").unwrap();
        fs::write(old.path().join("memory.usage_in_bytes"), "60\n").unwrap();
        fs::write(old.path().join("memory.stat"), "inactive_file 50\ntotal_inactive_file 10\n").unwrap();
        assert_eq!(usage(old.path()), Some((50, 64)));
    }

    #[test]
    fn less_and_less_is_admitted() {
        use Strain::{Connections, KeepAlive, None, Requests};
        for (most, bounds) in [(90, [800, 900, 950]), (50, [450, 500, 750])] {
            let strains = bounds.map(|used| [strain_of((used, 1000), most), strain_of((used + 1, 1000), most)]);
            assert_eq!(strains, [[None, KeepAlive], [KeepAlive, Requests], [Requests, Connections]], "{most}");
        }
        assert_eq!(strain_of((1000, 1000), 100), None, "where nothing is left nothing is told");
        assert_eq!([10, 11].map(|used| strain_of((used, 1000), 1)), [None, Requests]);
    }

    /// A proxy whose one route leads nowhere, on a socket of its own.
    fn bound() -> (tempfile::TempDir, super::super::Bound) {
        let folder = tempfile::tempdir().unwrap();
        let config = "version = 1\n[timeouts]\nclient_stall = \"400ms\"\n[[listener]]\naddress = \"127.0.0.1:0\"\nclient_auth = \"none\"\nworkspace = \"acme\"\n\
            [[workspace]]\nname = \"acme\"\nrules = \"acme.toml\"\n\
            [[route]]\nname = \"none\"\npath = \"/\"\nupstream = \"http://127.0.0.1:1\"\n";
        fs::write(folder.path().join("acme.toml"), "version = 1\npacks = [\"pci\"]\n").unwrap();
        fs::write(folder.path().join("blackbar.toml"), config).unwrap();
        let policy = crate::policy::load(&folder.path().join("blackbar.toml")).unwrap().policy;
        let telemetry = Arc::new(crate::telemetry::Telemetry::new());
        (folder, super::super::Proxy::bind(Arc::new(policy), telemetry).unwrap())
    }

    /// The head of the answer to a request.
    async fn asked(stream: &mut tokio::net::TcpStream) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        stream.write_all(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap().to_lowercase()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn connections_end_behind_their_answer_where_memory_is_short() {
        use tokio::io::AsyncReadExt;
        let (_folder, bound) = bound();
        let super::super::Address::Tcp(at) = bound.addresses()[0].clone() else { panic!("no TCP") };
        let shared = Arc::clone(&bound.handle.shared);
        tokio::spawn(bound.run(std::future::pending()));
        let connect = || tokio::net::TcpStream::connect(at);
        let (mut used, mut fresh) = (connect().await.unwrap(), connect().await.unwrap());
        let is_last = |head: &str| head.contains("connection: close");
        assert!(!is_last(&asked(&mut used).await));
        shared.admission.strain(Strain::KeepAlive);
        // One that has been of use ends; one that has not is of use once.
        assert_eq!(used.read(&mut [0; 1]).await.unwrap(), 0);
        for stream in [&mut fresh, &mut connect().await.unwrap()] {
            assert!(is_last(&asked(stream).await));
            assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        }
        shared.admission.strain(Strain::Requests);
        let head = asked(&mut connect().await.unwrap()).await;
        assert!(head.starts_with("http/1.1 503") && head.contains("retry-after") && is_last(&head), "{head}");
        shared.admission.strain(Strain::None);
        let mut stream = connect().await.unwrap();
        for _ in 0..2 {
            assert!(!is_last(&asked(&mut stream).await));
        }
    }

    #[test]
    fn a_share_is_of_the_narrowest_group_or_of_the_machine() {
        assert_eq!(total("MemFree: 3 kB\nMemTotal:       2048 kB\n"), Some(2 << 20));
        assert_eq!((total("MemTotal: many kB"), total("")), (None, None));
        let limits = |held_memory| Limits { held_memory, ..Limits::default() };
        let half = limits(HeldMemory::Percent(50));
        assert_eq!(share(&half, capacity(&[], 1000)), 500);
        assert_eq!(share(&half, capacity(&[(7, 800), (7, 400)], 1000)), 200);
        assert_eq!(share(&limits(HeldMemory::Bytes(7)), 1000), 7);
        assert!(held_memory(&Limits::default()) > 0);
    }

    #[test]
    fn the_groups_around_count_too() {
        let found = groups("12:cpu:/x\n4:memory:/a/b\n0::/c\n", Path::new("/g"));
        let found: Vec<&str> = found.iter().filter_map(|path| path.to_str()).collect();
        assert_eq!(found, ["/g/memory/a/b", "/g/memory/a", "/g/memory/", "/g/c", "/g/"]);
        assert!(groups("nonsense", Path::new("/g")).is_empty());
    }
}
