//! Opens sealed tokens for a person: text with tokens on stdin, the same text with their values on stdout.
//!
//! What was sealed under the workspace's key is opened, whatever the entity and wherever it stands; all else passes as it
//! is. Streaming, in the memory of one token. Where the configuration has an audit log, that it is done, by whom, why and of how
//! many tokens stands in it; the record is written before the first token is opened.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::check::readable;
use super::input::PIECE;
use super::{Code, Failure, complain};
use crate::audit::acts::{Act, Deed};
use crate::engine::{EntityType, Output, Piece, Restorer};
use crate::policy::{self, Workspace};
use crate::proxy::moment;

/// Arguments of `reveal`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example: blackbar reveal --config blackbar.toml --workspace acme --reason \"ticket 4711\" < alert.txt

Values are written as they are: in JSON they would need escapes.

Exit codes: 0 fine, 1 invalid configuration, 2 usage or I/O."
)]
pub(super) struct RevealArguments {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The workspace whose key sealed the tokens
    #[arg(long, value_name = "NAME")]
    workspace: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs `reveal`.
pub(super) fn run(arguments: &RevealArguments) -> Result<Code, Failure> {
    readable(&arguments.config)?;
    let policy = policy::load(&arguments.config).map_err(|faults| Failure::invalid(&faults))?.policy;
    let named = |workspace: &&Arc<Workspace>| workspace.name == arguments.workspace;
    let config = arguments.config.display();
    let Some(workspace) = policy.workspaces.iter().find(named) else {
        return Err(Failure::failed(format!("{config}: no workspace {}", arguments.workspace)));
    };
    let mut entities: Vec<EntityType> = Vec::new();
    for state in workspace.catalogue.iter() {
        if !entities.contains(&state.entity) {
            entities.push(state.entity.clone());
        }
    }
    let map = workspace.tokens.as_ref().and_then(|tokens| tokens.reveal(entities));
    let Some(map) = map.map(Arc::new) else {
        return Err(Failure::failed(format!("{config}: workspace {} tokenizes nothing", workspace.name)));
    };
    // Nothing is opened that no record tells of.
    let about =
        Act { workspace: Some(workspace.name.clone()), reason: arguments.reason.clone(), ..Act::new(Deed::Reveal) };
    if let Some(settings) = &policy.audit {
        about.record(settings, moment).map_err(|error| Failure::failed(error.to_string()))?;
    }
    let opened = open(Restorer::new(Arc::clone(&map)).anywhere(), &mut io::stdin().lock(), &mut io::stdout().lock());
    revealed(workspace, map.tally().restored, arguments.reason.as_deref());
    if let Some(settings) = &policy.audit {
        let count = Some(map.tally().restored);
        let done = Act { count, deed: Deed::Revealed, ..about };
        done.record(settings, moment).map_err(|error| Failure::failed(error.to_string()))?;
    }
    opened.map_err(|error| Failure::io("reveal", &error))?;
    Ok(Code::Fine)
}

/// Tells on stderr that tokens were opened.
fn revealed(workspace: &Workspace, count: u64, reason: Option<&str>) {
    let reason = reason.map(|reason| format!(": {}", reason.escape_debug())).unwrap_or_default();
    complain(&format!("{count} tokens of workspace {} opened{reason}", workspace.name));
}

fn open(mut restorer: Restorer, input: &mut dyn Read, output: &mut dyn Write) -> io::Result<()> {
    let mut piece = vec![0_u8; PIECE];
    let (mut from, mut out) = (Output::default(), Output::default());
    loop {
        let count = input.read(&mut piece)?;
        from.clear();
        if count == 0 {
            restorer.finish(&mut out);
        } else {
            from.bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
            from.pieces.push(Piece::Clear { len: count });
            restorer.push(&from, &mut out);
        }
        output.write_all(&out.bytes)?;
        output.flush()?;
        out.clear();
        if count == 0 {
            return Ok(());
        }
    }
}
