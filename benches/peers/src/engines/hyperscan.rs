//! Hyperscan and its fork Vectorscan, opened at run time so that neither need be there to build.
//!
//! Both libraries have one name; each is opened by its path and keeps its symbols to itself. `--fetch` puts Debian's
//! packages of both under the target directory; a system's own is found as well.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_ulonglong, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr;

use super::{Engine, Tally, Writer};
use crate::rules::{ELEVEN, passes};

/// Names here and Debian's packages.
pub const LIBRARIES: [(&str, &str); 2] = [("hyperscan", "libhyperscan5"), ("vectorscan", "libvectorscan5")];

const LIBRARY: &str = "libhs.so.5";
const SUCCESS: c_int = 0;
const FLAG_SOM_LEFTMOST: c_uint = 256;
const MODE_BLOCK: c_uint = 1;

type OnMatch = extern "C" fn(c_uint, c_ulonglong, c_ulonglong, c_uint, *mut c_void) -> c_int;
type Compile = unsafe extern "C" fn(
    *const *const c_char,
    *const c_uint,
    *const c_uint,
    c_uint,
    c_uint,
    *const c_void,
    *mut *mut c_void,
    *mut *mut CompileError,
) -> c_int;
type AllocateScratch = unsafe extern "C" fn(*const c_void, *mut *mut c_void) -> c_int;
type Scan =
    unsafe extern "C" fn(*const c_void, *const c_char, c_uint, c_uint, *mut c_void, OnMatch, *mut c_void) -> c_int;
type Version = unsafe extern "C" fn() -> *const c_char;

#[repr(C)]
struct CompileError {
    message: *const c_char,
    expression: c_int,
}

/// Block mode with the eleven rules. The library, the database and the scratch stay until the process ends.
pub struct Hyperscan {
    name: String,
    version: String,
    scan: Scan,
    database: *const c_void,
    scratch: *mut c_void,
    /// With start of match, so that it can redact; without, only ends are known and nothing is written.
    start_of_match: bool,
    found: Vec<Found>,
    writer: Writer,
}

#[derive(Clone, Copy)]
struct Found {
    rule: usize,
    start: usize,
    end: usize,
}

/// Keeps the longest of the matches of one rule and start that come one after another.
extern "C" fn collect(rule: c_uint, start: c_ulonglong, end: c_ulonglong, _: c_uint, context: *mut c_void) -> c_int {
    // SAFETY: `redact` gives the address of its own list, and nothing else uses it meanwhile.
    let found = unsafe { &mut *context.cast::<Vec<Found>>() };
    let next = Found { rule: rule as usize, start: start as usize, end: end as usize };
    match found.last_mut() {
        Some(last) if (last.rule, last.start) == (next.rule, next.start) => last.end = last.end.max(next.end),
        _ => found.push(next),
    }
    0
}

fn symbol(library: *mut c_void, name: &CStr) -> Result<*mut c_void, String> {
    // SAFETY: the library is open and the name ends in NUL.
    let symbol = unsafe { libc::dlsym(library, name.as_ptr()) };
    if symbol.is_null() { Err(format!("{} is missing from the library", name.to_string_lossy())) } else { Ok(symbol) }
}

impl Hyperscan {
    pub fn open(library: &str, start_of_match: bool) -> Result<Self, String> {
        let path = find(library).ok_or_else(|| format!("{LIBRARY} of {library} is not there; see --fetch"))?;
        let file = CString::new(path.as_os_str().as_encoded_bytes()).map_err(|error| error.to_string())?;
        // SAFETY: a library of the distribution; its initialisers are its own affair.
        let handle = unsafe { libc::dlopen(file.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            return Err(format!("{} does not load", path.display()));
        }
        // SAFETY: the types are those of hs_compile.h and hs_runtime.h, the same in both libraries.
        let (compile, allocate, scan, version) = unsafe {
            (
                std::mem::transmute::<*mut c_void, Compile>(symbol(handle, c"hs_compile_multi")?),
                std::mem::transmute::<*mut c_void, AllocateScratch>(symbol(handle, c"hs_alloc_scratch")?),
                std::mem::transmute::<*mut c_void, Scan>(symbol(handle, c"hs_scan")?),
                std::mem::transmute::<*mut c_void, Version>(symbol(handle, c"hs_version")?),
            )
        };
        let database = build(compile, if start_of_match { FLAG_SOM_LEFTMOST } else { 0 })?;
        let mut scratch = ptr::null_mut();
        // SAFETY: the database was just built by the same library.
        if unsafe { allocate(database, &raw mut scratch) } != SUCCESS {
            return Err("no scratch".to_owned());
        }
        // SAFETY: the library gives a text of its own that ends in NUL.
        let version = unsafe { CStr::from_ptr(version()) }.to_string_lossy().into_owned();
        Ok(Self {
            name: format!("{library}{}", if start_of_match { "" } else { "-ends" }),
            version,
            scan,
            database,
            scratch,
            start_of_match,
            found: Vec::new(),
            writer: Writer::default(),
        })
    }
}

fn build(compile: Compile, flags: c_uint) -> Result<*const c_void, String> {
    let texts: Vec<CString> =
        ELEVEN.iter().map(|(_, pattern)| CString::new(*pattern)).collect::<Result<_, _>>().map_err(|_| "NUL")?;
    let pointers: Vec<*const c_char> = texts.iter().map(|text| text.as_ptr()).collect();
    let flags = vec![flags; texts.len()];
    let ids: Vec<c_uint> = (0..).take(texts.len()).collect();
    let mut database = ptr::null_mut();
    let mut error = ptr::null_mut();
    // SAFETY: every list has as many entries as is said, and the results have places of their own.
    let result = unsafe {
        compile(
            pointers.as_ptr(),
            flags.as_ptr(),
            ids.as_ptr(),
            texts.len() as c_uint,
            MODE_BLOCK,
            ptr::null(),
            &raw mut database,
            &raw mut error,
        )
    };
    if result == SUCCESS {
        return Ok(database);
    }
    if error.is_null() {
        return Err(format!("error {result}"));
    }
    // SAFETY: on an error the library gives a message that ends in NUL, and keeps it until it is freed.
    Err(unsafe { CStr::from_ptr((*error).message) }.to_string_lossy().into_owned())
}

impl Engine for Hyperscan {
    fn name(&self) -> &str {
        &self.name
    }

    fn redacts(&self) -> bool {
        self.start_of_match
    }

    fn version(&self) -> Option<&str> {
        Some(&self.version)
    }

    fn redact(&mut self, unit: &[u8], tally: &mut Tally) -> &[u8] {
        self.found.clear();
        let context = (&raw mut self.found).cast();
        // SAFETY: database and scratch are of this library, the unit is as long as is said, the list outlives the call.
        let result = unsafe {
            (self.scan)(self.database, unit.as_ptr().cast(), unit.len() as c_uint, 0, self.scratch, collect, context)
        };
        assert_eq!(result, SUCCESS, "hs_scan");
        if !self.start_of_match {
            return &[];
        }
        self.found.sort_unstable_by_key(|found| (found.start, usize::MAX - found.end, found.rule));
        self.writer.begin();
        for found in &self.found {
            if found.start >= self.writer.end() && passes(found.rule, &unit[found.start..found.end]) {
                tally[found.rule] += 1;
                self.writer.replace(unit, found.start, found.end);
            }
        }
        self.writer.finish(unit)
    }
}

/// Where `--fetch` unpacks: beside the program, which is in the target directory.
fn unpacked(library: &str) -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.join("peer-libraries").join(library))
}

/// The library: what `--fetch` unpacked, or the system's own, by what its documentation directory is called.
fn find(library: &str) -> Option<PathBuf> {
    let package = LIBRARIES.iter().find(|(name, _)| *name == library).map(|(_, package)| *package)?;
    let below = |root: &Path| {
        ["usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/lib"]
            .iter()
            .map(|folder| root.join(folder).join(LIBRARY))
            .find(|path| path.exists())
    };
    let system = Path::new("/usr/share/doc").join(package).exists().then(|| below(Path::new("/"))).flatten();
    unpacked(library).and_then(|root| below(&root)).or(system)
}

/// Downloads and unpacks Debian's packages of both libraries, without installing them.
pub fn fetch() -> Result<(), String> {
    for (library, package) in LIBRARIES {
        let folder = unpacked(library).ok_or("the program does not know where it is")?;
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let download = Command::new("apt-get").args(["download", package]).current_dir(&folder).status();
        if !download.is_ok_and(|status| status.success()) {
            return Err(format!("apt-get download {package} failed; another way is to install the package"));
        }
        let entries = std::fs::read_dir(&folder).map_err(|error| error.to_string())?;
        for file in
            entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "deb"))
        {
            let unpack = Command::new("dpkg").arg("-x").arg(&file).arg(&folder).status();
            if !unpack.is_ok_and(|status| status.success()) {
                return Err(format!("dpkg -x {} failed", file.display()));
            }
        }
    }
    Ok(())
}
