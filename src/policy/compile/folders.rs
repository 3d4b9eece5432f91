//! The folders of what a configuration names, and whether everybody may write there: who puts a file in a key's place, or among
//! the proxy's state, need not be able to write the file that is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::policy::HeldStore;
use crate::policy::diagnostic::{Place, Report};
use crate::policy::files::{Disk, folder_mode};

use super::Shapes;

/// Others than owner and group may write.
const WRITABLE: u32 = 0o002;
/// Nobody takes away what is another's.
const STICKY: u32 = 0o1000;

/// The folders in which the proxy keeps its state.
pub(super) fn of_state(shapes: &Shapes) -> Vec<PathBuf> {
    let letters = shapes.workspaces.iter().filter_map(|shape| shape.dead_letter.as_ref());
    let mut folders: Vec<PathBuf> = letters.map(|(letter, _)| letter.directory.clone()).collect();
    folders.extend(shapes.audit.as_ref().map(|audit| audit.directory.clone()));
    if let Some(HeldStore::Directory(store)) = shapes.quarantine.as_ref().map(|settings| &settings.store) {
        folders.push(store.clone());
    }
    folders.push(shapes.incident.clone());
    folders
}

/// Warns of folders that everybody may write, or with `strict` refuses them: those of the state, and those of every file that was
/// read, unless what is there is safe in them.
pub(super) fn check(state: &[PathBuf], disk: &Disk, strict: bool, place: &Place, report: &mut Report) {
    let open = |folder: &Path, safe: u32| {
        folder_mode(folder)
            .filter(|mode| mode & WRITABLE != 0 && mode & safe == 0)
            .map(|mode| (folder.to_owned(), mode))
    };
    let mut found: BTreeSet<(PathBuf, u32)> = state.iter().filter_map(|folder| open(folder, 0)).collect();
    let read = disk.files().iter().filter_map(|file| file.path.parent());
    let read = read.map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    found.extend(read.filter_map(|folder| open(folder, STICKY)));
    for (folder, mode) in found {
        let message = format!("{} has mode {mode:04o}: everybody may put files there", folder.display());
        let diagnostic = match strict {
            true => report.error(place, "permissions", message),
            false => report.warning(place, "permissions", message),
        };
        diagnostic.help(format!("chmod o-w {}", folder.display()));
    }
}
