//! `audit rotate-key`: a new key signs the log from here on. Enters: the configuration that names the key in force, and the
//! new one, which is made where none is named. Leaves: a record that both have signed, and the new key in the old one's file.
//!
//! Where a proxy writes the log, it is the proxy that changes over: the file is exchanged, and the old key stays beside it
//! until the log says that the new one is in force. No key is taken away before that. Where none does, the new key is on the
//! disk before the log asks for it, and another call takes up what was cut off.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::super::certs::{self, Readers, audit_key};
use super::super::check::readable;
use super::super::{Code, Failure, say};
use crate::audit::acts::{Act, Deed};
use crate::audit::note::{PublicKey, SigningKey};
use crate::audit::read::key_in_force;
use crate::audit::{AuditLog, OpenError};
use crate::policy::{self, AuditSettings};
use crate::proxy::moment;

/// How long the proxy may take: it looks at its files every five seconds, and tests itself before it takes a change.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Arguments of `audit rotate-key`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar audit rotate-key --config blackbar.toml

The new public key, once it is done: openssl pkey -in certs/audit.key -pubout -out audit.pub
The public keys from before still check the whole log.")]
pub(super) struct RotateArguments {
    /// The configuration, whose `signing_key` is the key in force
    #[arg(long, value_name = "FILE", default_value = "blackbar.toml")]
    config: PathBuf,
    /// The new key, an Ed25519 key in PEM; left out: one is made
    #[arg(long, value_name = "FILE")]
    new: Option<PathBuf>,
}

/// A key as it stands in a file.
struct New {
    pem: Zeroizing<Vec<u8>>,
    der: Zeroizing<Vec<u8>>,
    public: PublicKey,
}

impl New {
    fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let pem = Zeroizing::new(match path {
            Some(path) => fs::read(path).map_err(|error| Failure::io(path.display(), &error))?,
            None => audit_key().map_err(|error| Failure::failed(error.to_string()))?.into_bytes(),
        });
        let der = match PrivateKeyDer::from_pem_slice(&pem) {
            Ok(PrivateKeyDer::Pkcs8(der)) => Zeroizing::new(der.secret_pkcs8_der().to_vec()),
            Ok(_) | Err(_) => Zeroizing::default(),
        };
        match SigningKey::from_pkcs8(&der) {
            Ok(key) => Ok(Self { public: key.public(), pem, der }),
            Err(error) => {
                Err(Failure::failed(format!("{}: {error}", path.map_or("the new key".into(), Path::to_string_lossy))))
            }
        }
    }
}

/// Runs `audit rotate-key`.
pub(super) fn run(arguments: &RotateArguments) -> Result<Code, Failure> {
    readable(&arguments.config)?;
    let policy = policy::load(&arguments.config).map_err(|faults| Failure::invalid(&faults))?.policy;
    let Some(settings) = policy.audit else {
        return Err(Failure::failed(format!("{}: there is no [audit]", arguments.config.display())));
    };
    let file = &settings.key_file;
    // What an earlier call left is the key that the log may ask for.
    let next = with_ending(file, ".next");
    let given = arguments.new.as_deref().or_else(|| next.exists().then_some(next.as_path()));
    let new = New::read(given)?;
    let link = fs::symlink_metadata(file).map_err(|error| Failure::io(file.display(), &error))?.is_symlink();
    if link {
        let what = "is a link: exchange what it leads to, and the proxy changes over by itself";
        return Err(Failure::failed(format!("{}: {what}", file.display())));
    }
    match AuditLog::open(&settings, 1, moment, Act::new(Deed::RotateKey).entry()) {
        Ok(log) => {
            keep(&next, &new.pem)?;
            let changed = log.change_key(&new.der);
            log.close();
            let kept = || format!("; the new key is kept in {}: call this again", next.display());
            changed.map_err(|fault| Failure::failed(fault.to_string() + &kept()))?;
            install(file, &new.pem)?;
        }
        Err(OpenError::Locked(_)) => beside(&settings, &new)?,
        // A change that was cut off: the log has it, the file does not.
        Err(OpenError::OtherKey(_)) if in_force(&settings, &new) => install(file, &new.pem)?,
        Err(error) => return Err(Failure::failed(error.to_string())),
    }
    let spent = [arguments.new.as_deref(), Some(next.as_path())];
    for spent in spent.into_iter().flatten().filter(|spent| spent.exists() && !same(spent, file)) {
        fs::remove_file(spent).map_err(|error| Failure::io(spent.display(), &error))?;
    }
    say(&mut io::stdout().lock(), format_args!("the log is signed with {} from here on", new.public.to_text()))?;
    Ok(Code::Fine)
}

fn in_force(settings: &AuditSettings, new: &New) -> bool {
    key_in_force(&settings.directory).is_ok_and(|key| key == new.public)
}

fn same(one: &Path, other: &Path) -> bool {
    fs::canonicalize(one).ok().is_some_and(|one| fs::canonicalize(other).ok() == Some(one))
}

/// Lets the proxy that writes the log change over.
fn beside(settings: &AuditSettings, new: &New) -> Result<(), Failure> {
    let file = &settings.key_file;
    let kept = with_ending(file, ".old");
    // Another call may be under way, or have been cut off: the key that it keeps would be lost.
    if key_in_force(&settings.directory).ok() != Some(New::read(Some(file))?.public) {
        let what = "is not the key that signs the log; put that one back, from";
        return Err(Failure::failed(format!("{} {what} {} where it was kept", file.display(), kept.display())));
    }
    Act::new(Deed::RotateKey).record(settings, moment).map_err(|error| Failure::failed(error.to_string()))?;
    let old = Zeroizing::new(fs::read(file).map_err(|error| Failure::io(file.display(), &error))?);
    certs::write(&kept, &old, Readers::Owner)?;
    install(file, &new.pem)?;
    for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
        if in_force(settings, new) {
            return fs::remove_file(&kept).map_err(|error| Failure::io(kept.display(), &error));
        }
        std::thread::sleep(LOOK);
    }
    let spare = with_ending(file, ".next");
    keep(&spare, &new.pem)?;
    install(file, &old)?;
    if in_force(settings, new) {
        install(file, &new.pem)?;
        let _ = fs::remove_file(&spare);
        return fs::remove_file(&kept).map_err(|error| Failure::io(kept.display(), &error));
    }
    Err(Failure::failed(format!(
        "the process that writes {} has not changed over; the key in force is back in {}, the new one is in {}: if the next \
         start asks for another key, call this again",
        settings.directory.display(),
        file.display(),
        spare.display()
    )))
}

/// Writes a key to last.
fn keep(file: &Path, pem: &[u8]) -> Result<(), Failure> {
    certs::write(file, pem, Readers::Owner)?;
    settled(file)
}

/// Sees to it that a file's name is on the disk.
fn settled(file: &Path) -> Result<(), Failure> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = fs::File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|error| Failure::io(directory.display(), &error))
}

/// Exchanges a key's file at once.
fn install(file: &Path, pem: &[u8]) -> Result<(), Failure> {
    let unfinished = with_ending(file, ".tmp");
    let failed = |error| Failure::io(file.display(), &error);
    let before = fs::metadata(file).map_err(failed)?;
    certs::write(&unfinished, pem, Readers::Owner)?;
    // The proxy may be another user, who must be able to read it as before.
    chown(&unfinished, Some(before.uid()), Some(before.gid())).map_err(failed)?;
    fs::set_permissions(&unfinished, before.permissions()).map_err(failed)?;
    fs::rename(&unfinished, file).map_err(failed)?;
    settled(file)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
