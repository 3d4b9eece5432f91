//! Which rules hold, and whether they do what their examples say: files in, tables and an exit code out.
//!
//! Also where every command gets its rules from: a rules file, a workspace of a configuration, or the default packs.

mod diff;
mod list;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};

use super::check::{count_of, readable};
use super::{Code, Failure, complain, say};
use crate::body::{BodyLimits, Direction, Scopes};
use crate::engine::RuleSet;
use crate::policy::{self, OnFault, ProofCount, RuleState, RuleTests, Severity};

/// Arguments of `rules`.
#[derive(Args, Debug)]
#[command(after_help = "Example: blackbar rules test rules/workspaces/acme.toml")]
pub(super) struct RulesArguments {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Subcommand, Debug)]
enum RulesCommand {
    /// Print every rule: entity, action, validator, cost, confidence, hold-back, and whether it is on.
    #[command(after_help = "Example: blackbar rules list --config blackbar.toml --workspace acme")]
    List {
        #[command(flatten)]
        choice: RulesChoice,
        /// How rules are printed; json is one object a line
        #[arg(long, value_enum, default_value_t = ListStyle::Text)]
        format: ListStyle,
    },
    /// Print what a change of rules stops and starts covering; exit 1 if anything differs.
    #[command(after_help = "Example: blackbar rules diff rules/acme.old.toml rules/acme.toml")]
    Diff {
        /// A rules file, or the name of a bundled pack
        old: String,
        /// A rules file, or the name of a bundled pack
        new: String,
    },
    /// Turn a list of values on stdin, one a line, into a list of keyed hashes on stdout.
    #[command(after_help = "Example: blackbar rules hash-terms --key terms.key32 < customers.txt > customers.hashed")]
    HashTerms {
        /// A file with the list's key: 32 bytes, also as hexadecimal digits or base64
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Try the examples and counterexamples of rules and prove them by automata; exit 1 if one goes wrong.
    #[command(after_help = "Example: blackbar rules test rules/workspaces/acme.toml")]
    Test {
        /// Rules files; the bundled packs if none is named
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Prove the bundled rules too: anchors, hold-back, replacements, shadows
        #[arg(long)]
        prove: bool,
    },
}

/// Where the rules of a command come from.
#[derive(Args, Debug)]
pub(super) struct RulesChoice {
    /// A rules file [default: the bundled packs]
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    rules: Option<PathBuf>,
    /// A configuration, of which a workspace is used
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The workspace; may be left out where there is only one
    #[arg(long, value_name = "NAME", requires = "config")]
    workspace: Option<String>,
}

/// How rules are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum ListStyle {
    /// A table
    Text,
    /// One object a line
    Json,
}

/// Which way a body goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Way {
    /// Client to upstream
    Request,
    /// Upstream to client
    Response,
}

impl From<Way> for Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::Request => Self::Request,
            Way::Response => Self::Response,
        }
    }
}

/// Rules in force.
#[derive(Debug)]
pub(super) struct Active {
    /// The rules.
    pub(super) rules: Arc<RuleSet>,
    /// Actions of requests.
    request: Arc<Scopes>,
    /// Actions of responses.
    response: Arc<Scopes>,
    /// Every rule, those that are off among them.
    catalogue: Arc<[RuleState]>,
    /// Bounds of bodies.
    pub(super) limits: BodyLimits,
    /// Whether what is not what its type says passes, counted.
    pub(super) on_fault_pass: bool,
}

impl Active {
    /// The actions of a direction.
    pub(super) fn scopes(&self, direction: Direction) -> &Arc<Scopes> {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }
}

impl RulesChoice {
    /// Reads the rules; what is wrong with them is the failure.
    pub(super) fn load(&self) -> Result<Active, Failure> {
        if let Some(config) = &self.config {
            return self.workspace_of(config);
        }
        if let Some(path) = &self.rules {
            readable(path)?;
        }
        let loaded = policy::load_rules(self.rules.as_deref()).map_err(|faults| Failure::invalid(&faults))?;
        let policy::StandaloneRules { rules, request, response, catalogue, .. } = loaded;
        Ok(Active { rules, request, response, catalogue, limits: BodyLimits::default(), on_fault_pass: false })
    }

    fn workspace_of(&self, config: &std::path::Path) -> Result<Active, Failure> {
        readable(config)?;
        let policy = policy::load(config).map_err(|faults| Failure::invalid(&faults))?.policy;
        let workspace = match (&self.workspace, policy.workspaces.as_slice()) {
            (Some(name), all) => all.iter().find(|workspace| workspace.name == *name),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let Some(workspace) = workspace else {
            let names: Vec<&str> = policy.workspaces.iter().map(|workspace| workspace.name.as_str()).collect();
            let names = names.join(", ");
            return Err(Failure::failed(match &self.workspace {
                Some(name) => format!("{}: no workspace {name}; there is {names}", config.display()),
                None => format!("{}: several workspaces; add --workspace, one of {names}", config.display()),
            }));
        };
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| Failure::failed(format!("no random bytes: {error}")))?;
        let [request, response] = workspace.base.clone().map(|scopes| match &workspace.tokens {
            // What a filter reads has no answer in which anything could be opened.
            Some(tokens) => {
                Arc::new(scopes.in_exchange(&Arc::new(tokens.exchange(nonce, false).with_stand_ins()), false, None))
            }
            None => scopes,
        });
        Ok(Active {
            rules: Arc::clone(&workspace.rules),
            request,
            response,
            catalogue: Arc::clone(&workspace.catalogue),
            limits: policy.body_limits.clone(),
            on_fault_pass: workspace.on_fault == OnFault::Pass,
        })
    }
}

/// Runs `rules`.
pub(super) fn run(arguments: &RulesArguments) -> Result<Code, Failure> {
    match &arguments.command {
        RulesCommand::List { choice, format } => list::list(&choice.load()?, *format),
        RulesCommand::Diff { old, new } => diff::diff(old, new),
        RulesCommand::HashTerms { key } => hash_terms(key),
        RulesCommand::Test { files, prove } => test(files, *prove),
    }
}

fn hash_terms(key: &std::path::Path) -> Result<Code, Failure> {
    let hashed = policy::hash_terms(key, io::stdin().lock()).map_err(|error| Failure::failed(error.to_string()))?;
    io::stdout().lock().write_all(hashed.as_bytes()).map_err(|error| Failure::io("stdout", &error))?;
    Ok(Code::Fine)
}

fn test(files: &[PathBuf], prove_all: bool) -> Result<Code, Failure> {
    let mut code = Code::Fine;
    let named = files.iter().map(|path| Some(path.as_path()));
    let chosen: Vec<_> = if files.is_empty() { vec![None] } else { named.collect() };
    for path in chosen {
        if let Some(path) = path {
            readable(path)?;
        }
        let name = path.map_or_else(|| "bundled packs".to_owned(), |path| path.display().to_string());
        let RuleTests { tests, proofs, found } = match policy::test_rules(path, prove_all) {
            Ok(tests) => tests,
            Err(faults) => {
                faults.iter().for_each(|fault| complain(&fault.to_string()));
                code = Code::Refused;
                continue;
            }
        };
        tests.iter().flat_map(|test| &test.failures).chain(&found).for_each(|fault| complain(&fault.to_string()));
        let (cases, failures) =
            tests.iter().fold((0, 0), |(cases, failures), test| (cases + test.cases, failures + test.failures.len()));
        let counts = [count_of(tests.len(), "rule"), count_of(cases, "case"), count_of(failures, "failure")];
        let mut out = io::stdout().lock();
        say(&mut out, format_args!("{name}: {}", counts.join(", ")))?;
        if proofs.iter().any(|one| one.proven + one.open + one.wrong > 0) {
            let told = |one: &ProofCount| {
                format!("{} {} proven, {} not proven, {} wrong", one.check.name(), one.proven, one.open, one.wrong)
            };
            say(&mut out, format_args!("{name}: {}", proofs.iter().map(told).collect::<Vec<_>>().join("; ")))?;
        }
        if failures > 0 || found.iter().any(|fault| fault.severity == Severity::Error) {
            code = Code::Refused;
        }
    }
    Ok(code)
}
