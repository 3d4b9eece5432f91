//! How near the process is to the end of its memory.
//!
//! Enters: what the kernel says of the control group and those around it (cgroup v2 or v1). Leaves: whether new requests, and
//! nearer to the end new connections, are to be shed, so that those under way may end and nobody is killed. Counted is what cannot be taken back at once: not the
//! files that are cached and idle.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use super::admission::Strain;

/// Between two looks. Heads that do not end take memory as fast as clients can send them.
const LOOK: Duration = Duration::from_millis(100);
/// Where control groups are mounted, and which the process is in.
const MOUNT: &str = "/sys/fs/cgroup";
const OWN: &str = "/proc/self/cgroup";
/// Above this a limit of cgroup v1 is none: it writes the largest number of pages.
const UNLIMITED: u64 = 1 << 62;

/// The names of the files, of the two versions.
const VERSIONS: [[&str; 3]; 2] = [
    ["memory.max", "memory.current", "inactive_file"],
    ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"],
];

/// Looks again and again, until dropped.
pub(super) async fn follow(shared: Arc<Shared>) {
    let groups = groups(&fs::read_to_string(OWN).unwrap_or_default(), Path::new(MOUNT));
    if groups.iter().all(|group| usage(group).is_none()) {
        return;
    }
    let mut strain = Strain::None;
    loop {
        let most = shared.generation().policy.limits.memory_percent;
        let now = groups.iter().filter_map(|group| usage(group)).map(|usage| strain_of(usage, most)).max();
        let now = now.unwrap_or(Strain::None);
        if now != strain {
            strain = now;
            shared.admission.strain(now);
            shared.telemetry.set("blackbar_memory_strained", &[], i64::from(now != Strain::None));
            tracing::warn!(refused = ?now, "memory is short: what is new is refused while it is");
        }
        tokio::time::sleep(LOOK).await;
    }
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

/// What a use is beyond: the bound of new requests, and half of what is left above it.
fn strain_of(usage: (u64, u64), most: u32) -> Strain {
    match (is_beyond(usage, most), is_beyond(usage, most + 100_u32.saturating_sub(most) / 2)) {
        (false, _) => Strain::None,
        (true, false) => Strain::Requests,
        (true, true) => Strain::Connections,
    }
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
        let strains = [900, 901, 950, 951].map(|used| strain_of((used, 1000), 90));
        assert_eq!(strains, [Strain::None, Strain::Requests, Strain::Requests, Strain::Connections]);
        assert_eq!(strain_of((1000, 1000), 100), Strain::None, "where nothing is left nothing is told");
        let old = tempfile::tempdir().unwrap();
        fs::write(old.path().join("memory.limit_in_bytes"), "9223372036854771712\n").unwrap();
        assert_eq!(usage(old.path()), None, "the largest number is no limit");
        fs::write(old.path().join("memory.limit_in_bytes"), "64\n").unwrap();
        fs::write(old.path().join("memory.usage_in_bytes"), "60\n").unwrap();
        fs::write(old.path().join("memory.stat"), "inactive_file 50\ntotal_inactive_file 10\n").unwrap();
        assert_eq!(usage(old.path()), Some((50, 64)));
    }

    #[test]
    fn the_groups_around_count_too() {
        let found = groups("12:cpu:/x\n4:memory:/a/b\n0::/c\n", Path::new("/g"));
        let found: Vec<&str> = found.iter().filter_map(|path| path.to_str()).collect();
        assert_eq!(found, ["/g/memory/a/b", "/g/memory/a", "/g/memory/", "/g/c", "/g/"]);
        assert!(groups("nonsense", Path::new("/g")).is_empty());
    }
}
