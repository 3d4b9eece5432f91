//! What the kernel says of processes: CPU time, memory, open files.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// CPU time of a process and of those it has started, in nanoseconds: the scheduler's count over all threads.
pub fn cpu_nanos(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks
        .map(|task| {
            let line = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let own: u64 = line.split(' ').next().and_then(|field| field.parse().ok()).unwrap_or(0);
            own + children(&task.path()).map(cpu_nanos).sum::<u64>()
        })
        .sum()
}

/// Resident memory of a process and of those it has started, in bytes.
pub fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let own = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let own: u64 = own.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0);
    (own << 10) + children(Path::new(&format!("/proc/{pid}/task/{pid}"))).map(resident).sum::<u64>()
}

fn children(task: &Path) -> impl Iterator<Item = u32> + use<> {
    let list = fs::read_to_string(task.join("children")).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>().into_iter()
}

/// CPU time of this process's children that have ended, in seconds. In steps of a hundredth.
pub fn ended_children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(13) + ticks(14)) / rustix::param::clock_ticks_per_second() as f64
}

/// Lets this process and its children hold as many files open as it may, and says how many that is.
pub fn open_files(wanted: u64) -> u64 {
    let known = getrlimit(Resource::Nofile);
    let most = known.maximum.unwrap_or(wanted).max(wanted);
    let raised = Rlimit { current: Some(most), maximum: Some(most) };
    if setrlimit(Resource::Nofile, raised).is_err() {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: known.maximum, maximum: known.maximum });
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

pub fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// A field of the first processor.
pub fn processor(field: &str) -> String {
    let all = read("/proc/cpuinfo");
    let line = all.lines().find(|line| line.starts_with(field)).and_then(|line| line.split_once(':'));
    line.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}
