//! What must not lie among the files of the audit log: paths that others write to in, an error for each that does.
//!
//! A path may lead there by any name: links are followed, as far as there is something to follow.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::policy::diagnostic::{Place, Report};

/// Folders within the log's that are the proxy's own.
const OWN: [&str; 2] = ["acts", "export"];
/// Links that a path may lead through.
const LINKS: usize = 16;

/// The folder of the log.
pub(super) struct LogFolder(PathBuf);

impl LogFolder {
    pub(super) fn new(directory: &Path) -> Self {
        Self(led_to(directory))
    }

    /// Says so where `path`, which is a file if `is_file` and else a folder of files, would lie among those of the log.
    pub(super) fn keeps_out(&self, path: &Path, is_file: bool, place: &Place, report: &mut Report) {
        let path = led_to(path);
        let folder = if is_file { path.parent().unwrap_or(&path) } else { &path };
        let is_own = *folder == self.0 || OWN.iter().any(|own| folder.starts_with(self.0.join(own)));
        if is_own {
            let message = "this lies among the files of the audit log, which would not hold any more";
            report.error(place, "audit-directory", message).help("name a place outside of the `directory` of [audit]");
        }
    }
}

/// Where a path leads: through links as far as it exists, and by its words from there on.
fn led_to(path: &Path) -> PathBuf {
    let mut path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for _ in 0..LINKS {
        // A link to what is not there yet.
        match std::fs::read_link(&path) {
            Ok(target) if matches!(path.canonicalize(), Err(error) if error.kind() == io::ErrorKind::NotFound) => {
                path = path.parent().unwrap_or(Path::new("/")).join(target);
            }
            Ok(_) | Err(_) => break,
        }
    }
    let mut behind = Vec::new();
    let mut before = path.as_path();
    let mut led = loop {
        match (before.canonicalize(), before.parent()) {
            (Ok(real), _) => break real,
            (Err(_), Some(parent)) => {
                behind.extend(before.components().next_back());
                before = parent;
            }
            (Err(_), None) => break before.to_owned(),
        }
    };
    for part in behind.into_iter().rev() {
        match part {
            Component::ParentDir => drop(led.pop()),
            part => led.push(part),
        }
    }
    led
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic here is a failed test")]

    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn whatever_its_name_a_path_among_the_files_of_the_log_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("audit/acts")).unwrap();
        fs::create_dir_all(at("audit/own")).unwrap();
        fs::write(at("audit/genesis.json"), "").unwrap();
        symlink("audit", at("link")).unwrap();
        symlink("audit/genesis.json", at("file")).unwrap();
        symlink("link/not-there", at("dangling")).unwrap();
        let found = |log: &str, path: &str, is_file: bool| {
            let mut report = Report::default();
            LogFolder::new(&at(log)).keeps_out(&at(path), is_file, &Place::file(Path::new("x")), &mut report);
            report.errors() == 1
        };
        for log in ["audit", "link", "./x/../audit"] {
            for path in
                ["audit/copy", "audit/genesis.json", "link/copy", "file", "dangling", "x/../audit/y", "audit/acts/x"]
            {
                assert!(found(log, path, true), "{log} {path}");
            }
            for path in ["copy", "audit", "audit/own/copy", "audits/copy", "audit/../copy", "nowhere/copy"] {
                assert!(!found(log, path, true), "{log} {path}");
            }
            for path in ["audit", "link", "audit/acts", "audit/export/deeper", "nowhere/../audit"] {
                assert!(found(log, path, false), "{log} {path}");
            }
            assert!(!found(log, "audit/own", false) && !found(log, "held", false));
        }
        // A log that is not there yet.
        assert!(found("new/audit", "new/audit/copy", true) && !found("new/audit", "new/copy", true));
    }
}
