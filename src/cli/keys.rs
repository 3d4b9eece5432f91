//! `keys new`: a key for a client, and its hash for the configuration.

use std::io;

use clap::{Args, Subcommand};
use sha2::{Digest, Sha256};

use super::{Code, Failure, say};

/// Arguments of `keys`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar keys new")]
pub(super) struct KeysArguments {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Subcommand, Debug)]
enum KeysCommand {
    /// Print a new key, which the client gets, and its hash, for `hash` of an [[workspace.api_key]].
    #[command(after_help = "Example: blackbar keys new

The key is nowhere else: what is lost is replaced by another one.")]
    New,
}

/// Runs `keys`.
pub(super) fn run(arguments: &KeysArguments) -> Result<Code, Failure> {
    match arguments.command {
        KeysCommand::New => {
            let mut bits = [0; 32];
            aws_lc_rs::rand::fill(&mut bits).map_err(|_| Failure::failed("the system has no randomness"))?;
            use base64::Engine as _;
            let key = format!("bbk_{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bits));
            let hash: String = Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            say(&mut io::stdout().lock(), format_args!("key  {key}\nhash sha256:{hash}"))?;
            Ok(Code::Fine)
        }
    }
}
