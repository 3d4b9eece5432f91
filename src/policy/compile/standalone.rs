//! Rules without a proxy, for filters and for tests of rules: one file or the default packs in, one table for each
//! direction out.

use std::path::Path;
use std::sync::Arc;

use crate::body::{Direction, Scopes};
use crate::engine::RuleSet;
use crate::policy::diagnostic::{Diagnostic, Place, Report};
use crate::policy::files::Disk;
use crate::policy::packs::{assemble, assemble_bundled};

use super::catalogue::RuleState;
use super::proofs::ProofCount;
use super::ruleset::{Bound, Compiled, RuleTest, compile};

/// Rules and actions that hold outside any route.
#[derive(Clone, Debug)]
pub struct StandaloneRules {
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// The actions of requests.
    pub request: Arc<Scopes>,
    /// The actions of responses.
    pub response: Arc<Scopes>,
    /// Every rule, those that are off among them.
    pub catalogue: Arc<[RuleState]>,
    /// Warnings and notes.
    pub warnings: Vec<Diagnostic>,
}

impl StandaloneRules {
    /// The actions of a direction.
    #[must_use]
    pub fn scopes(&self, direction: Direction) -> &Arc<Scopes> {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }
}

/// Reads a rules file, or takes the default packs. A scope that names routes holds nowhere here.
///
/// # Errors
/// Every fault at once, with the warnings.
pub fn load_rules(rules: Option<&Path>) -> Result<StandaloneRules, Vec<Diagnostic>> {
    let mut report = Report::default();
    let compiled = read(rules, &mut report);
    if let Some((place, action)) = compiled.as_ref().and_then(Compiled::keyed) {
        let help = "use --config FILE --workspace NAME with a workspace that has a key, or \"redact\"";
        report.error(place, "hash-key", format!("`{action}` needs a workspace's key")).help(help);
    }
    match compiled {
        Some(compiled) if report.errors() == 0 => {
            let Bound { rules, mut scopes, catalogue } = compiled.bind(&[None], None, None);
            match scopes.pop() {
                Some(both) => {
                    let [request, response] = both.map(super::refusing);
                    Ok(StandaloneRules { rules, request, response, catalogue, warnings: report.into_sorted() })
                }
                None => Err(report.into_sorted()),
            }
        }
        Some(_) | None => Err(report.into_sorted()),
    }
}

/// What became of a file's rules when they were tried.
#[derive(Clone, Debug)]
pub struct RuleTests {
    /// The examples of each rule.
    pub tests: Vec<RuleTest>,
    /// How much was proven.
    pub proofs: Vec<ProofCount>,
    /// What the proofs found: errors, then warnings, then notes.
    pub found: Vec<Diagnostic>,
}

/// Tries the examples and counterexamples of every rule of a file and its packs, or of all bundled packs, and proves what
/// can be proven: of the file's own rules, or of all of them where `prove_all`.
///
/// # Errors
/// The rules cannot be read at all. Examples and proofs that fail stand in the result.
pub fn test_rules(rules: Option<&Path>, prove_all: bool) -> Result<RuleTests, Vec<Diagnostic>> {
    let mut report = Report::default();
    // Compiling tries the examples of a user's rules and fails with them; here they are results.
    let assembly = match rules {
        Some(path) => assemble(path, &Place::file(path), &mut Disk::default(), &mut report),
        None => assemble_bundled("all", &mut Disk::default(), &mut report),
    };
    if report.errors() > 0 {
        return Err(report.into_sorted());
    }
    let Some(compiled) = Compiled::build(assembly, &mut report) else { return Err(report.into_sorted()) };
    let tests = compiled.try_examples(|_| true, &mut Report::default());
    let mut found = Report::default();
    let proofs = compiled.prove(|shape| prove_all || !shape.places.bundled, &mut found);
    Ok(RuleTests { tests, proofs, found: found.into_sorted() })
}

fn read(rules: Option<&Path>, report: &mut Report) -> Option<Compiled> {
    let mut disk = Disk::default();
    let errors = report.errors();
    let assembly = match rules {
        Some(path) => assemble(path, &Place::file(path), &mut disk, report),
        None => assemble_bundled("default", &mut disk, report),
    };
    let compiled = compile(assembly, report);
    compiled.filter(|_| report.errors() == errors)
}
