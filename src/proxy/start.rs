//! Why a proxy cannot start, or a configuration cannot take over.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::audit::{KeyFault, OpenError};
use crate::quarantine::Fault;

use super::tls::TlsFault;

/// Why a proxy cannot start, or a configuration cannot take over.
#[derive(Debug)]
pub enum StartError {
    /// A listener cannot be bound.
    Bind {
        /// The address as configured.
        address: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The audit log cannot be written.
    Audit(OpenError),
    /// The audit log cannot be signed with another key.
    AuditKey(KeyFault),
    /// TLS cannot be set up.
    Tls(TlsFault),
    /// A directory of dead letters cannot be used.
    DeadLetter {
        /// The directory.
        directory: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Who is stopped cannot be read.
    Incident {
        /// The folder of stopped workspaces, or what is kept of it beside the audit log.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The store of held requests cannot be used.
    Quarantine(Fault),
    /// The listeners differ from those that are bound.
    Listeners,
    /// Values that are caught now would pass: which, in words.
    Weaker(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { address, .. } => write!(f, "cannot listen on {address}"),
            Self::Audit(error) => write!(f, "{error}"),
            Self::AuditKey(fault) => write!(f, "{fault}"),
            Self::Tls(_) => f.write_str("cannot set up tls"),
            Self::DeadLetter { directory, .. } => write!(f, "cannot keep dead letters in {}", directory.display()),
            Self::Incident { path, .. } => {
                write!(f, "cannot read which workspaces are stopped in {}", path.display())
            }
            Self::Quarantine(fault) => write!(f, "quarantine: {fault}"),
            Self::Listeners => f.write_str("a change of the listeners needs a restart"),
            Self::Weaker(names) => {
                write!(
                    f,
                    "these values are caught now and would pass: {names} (`allow_weaker` in [self_test] lets them)"
                )
            }
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind { source, .. } | Self::DeadLetter { source, .. } | Self::Incident { source, .. } => Some(source),
            Self::Audit(error) => std::error::Error::source(error),
            Self::Tls(fault) => Some(fault),
            Self::Quarantine(fault) => std::error::Error::source(fault),
            Self::AuditKey(_) | Self::Listeners | Self::Weaker(_) => None,
        }
    }
}

impl From<TlsFault> for StartError {
    fn from(fault: TlsFault) -> Self {
        Self::Tls(fault)
    }
}
