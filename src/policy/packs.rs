//! A rules file in, its rules and those of its packs out, in one list.
//!
//! Packs come before the file that names them, so that its actions are the last word. A pack that is named twice is
//! taken once; files that name each other in a circle are an error.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::{Detector, Pattern, Regions, Suppression, ToolRules};

use super::actions::{ActionEntry, ActionPair, check_entries};
use super::diagnostic::{Place, Report, Source, nearest, quote, quoted_list};
use super::files::{Disk, beside};
use super::rules::{self, RuleShape, RulesFile, ScopeShape};

/// The packs that come with the program.
/// A pack is one file or several.
pub(crate) const BUNDLED: [(&str, &[&str]); 11] = [
    ("pci", &[include_str!("../../rules/pci.toml")]),
    ("us-pii", &[include_str!("../../rules/us-pii.toml")]),
    ("contact", &[include_str!("../../rules/contact.toml")]),
    ("finance", &[include_str!("../../rules/finance.toml")]),
    (
        "government",
        &[
            include_str!("../../rules/government-america.toml"),
            include_str!("../../rules/government-asia.toml"),
            include_str!("../../rules/government-europe-central.toml"),
            include_str!("../../rules/government-europe-east.toml"),
            include_str!("../../rules/government-europe-north.toml"),
            include_str!("../../rules/government-europe-south.toml"),
            include_str!("../../rules/government-europe-southeast.toml"),
            include_str!("../../rules/government-europe-west.toml"),
            include_str!("../../rules/government-europe.toml"),
            include_str!("../../rules/government-oceania-africa.toml"),
            include_str!("../../rules/government-world.toml"),
        ],
    ),
    ("health", &[include_str!("../../rules/health.toml")]),
    ("network", &[include_str!("../../rules/network.toml")]),
    ("device", &[include_str!("../../rules/device.toml")]),
    (
        "secrets",
        &[
            include_str!("../../rules/secrets-clouds.toml"),
            include_str!("../../rules/secrets-code.toml"),
            include_str!("../../rules/secrets-labels.toml"),
            include_str!("../../rules/secrets-messages.toml"),
            include_str!("../../rules/secrets-models.toml"),
            include_str!("../../rules/secrets-operations.toml"),
            include_str!("../../rules/secrets-payments.toml"),
            include_str!("../../rules/secrets-services.toml"),
            include_str!("../../rules/secrets-shapes.toml"),
            include_str!("../../rules/secrets-codes.toml"),
        ],
    ),
    ("business", &[include_str!("../../rules/business.toml")]),
    ("injection", &[include_str!("../../rules/injection.toml")]),
];
/// Names for several packs.
const COLLECTIONS: [(&str, &[&str]); 2] = [
    ("default", &["pci", "us-pii", "contact", "finance", "secrets", "government"]),
    (
        "all",
        &["pci", "us-pii", "contact", "finance", "government", "health", "network", "device", "secrets", "business"],
    ),
];
/// Most rules of a workspace.
const RULES: usize = 4096;
/// Deepest nesting of pack files.
const DEPTH: usize = 8;

/// The files of a bundled pack.
#[must_use]
pub fn bundled_pack(name: &str) -> Option<&'static [&'static str]> {
    BUNDLED.iter().find(|(known, _)| *known == name).map(|(_, files)| *files)
}

/// Whether a pack or a collection of them is bundled by this name.
#[must_use]
pub fn is_pack(name: &str) -> bool {
    COLLECTIONS.iter().map(|(name, _)| *name).chain(bundled_names()).any(|known| known == name)
}

/// The names of the bundled packs.
pub fn bundled_names() -> impl Iterator<Item = &'static str> {
    BUNDLED.iter().map(|(name, _)| *name)
}

/// Rules of less confidence are off unless a file says otherwise, in percent.
pub(crate) const THRESHOLD: u8 = 50;

/// A rules file and its packs, put together.
#[derive(Debug)]
pub(crate) struct Assembly {
    /// Every rule, packs first.
    pub(crate) rules: Vec<RuleShape>,
    /// Every entry of `[actions]`, packs first.
    pub(crate) actions: Vec<ActionEntry>,
    /// The scopes of the file itself.
    pub(crate) scopes: Vec<ScopeShape>,
    /// The sum of scores at which a body is blocked, and where it is written.
    pub(crate) block_score: Option<(u8, Place)>,
    /// Which tools may be called.
    pub(crate) tools: Option<Arc<ToolRules>>,
    /// The first place that asks for an action that needs a workspace's key, and the action.
    pub(crate) keyed: Option<(Place, &'static str)>,
    /// The least confidence of a rule that is on, in percent.
    pub(crate) threshold: u8,
}

impl Default for Assembly {
    fn default() -> Self {
        let (rules, actions, scopes, keyed) = Default::default();
        Self { rules, actions, scopes, block_score: None, tools: None, keyed, threshold: THRESHOLD }
    }
}

/// Reads the rules file at `path`, named at `place`, and its packs.
pub(crate) fn assemble(path: &Path, place: &Place, disk: &mut Disk, report: &mut Report) -> Assembly {
    assemble_beside(&[], path, place, disk, report)
}

/// As [`assemble`], beside rules whose findings come from elsewhere.
pub(crate) fn assemble_beside(
    beside: &[RuleShape],
    path: &Path,
    place: &Place,
    disk: &mut Disk,
    report: &mut Report,
) -> Assembly {
    let mut assembler = Assembler::new(disk, report);
    assembler.made.rules.extend_from_slice(beside);
    if let Some(source) = assembler.disk.source(path, place, assembler.report) {
        assembler.seen.push(identity(path));
        assembler.open.push(identity(path));
        assembler.take(&source, false, true);
        if assembler.made.rules.len() == beside.len() && assembler.report.errors() == assembler.before {
            let message = "no rules and no packs: nothing would be found";
            assembler.report.error(&Place::new(&source, 0), "empty", message).help("add packs = [\"default\"]");
        }
    }
    assembler.finish()
}

/// The bundled packs of a name.
pub(crate) fn assemble_bundled(name: &str, disk: &mut Disk, report: &mut Report) -> Assembly {
    assemble_bundled_beside(&[], name, disk, report)
}

/// As [`assemble_bundled`], beside rules whose findings come from elsewhere.
pub(crate) fn assemble_bundled_beside(
    beside: &[RuleShape],
    name: &str,
    disk: &mut Disk,
    report: &mut Report,
) -> Assembly {
    let mut assembler = Assembler::new(disk, report);
    assembler.made.rules.extend_from_slice(beside);
    assembler.pack(name, &Place::file(Path::new("bundled")));
    assembler.finish()
}

struct Assembler<'a> {
    disk: &'a mut Disk,
    report: &'a mut Report,
    made: Assembly,
    domains: Vec<String>,
    regions: Regions,
    seen: Vec<PathBuf>,
    open: Vec<PathBuf>,
    lost: Vec<String>,
    blind: bool,
    before: usize,
}

impl<'a> Assembler<'a> {
    fn new(disk: &'a mut Disk, report: &'a mut Report) -> Self {
        let before = report.errors();
        let (made, domains, regions, seen, open, lost) = Default::default();
        Self { disk, report, made, domains, regions, seen, open, lost, blind: false, before }
    }

    fn take(&mut self, source: &Arc<Source>, bundled: bool, own: bool) {
        let Some(file) = rules::read(source, bundled, self.disk, self.report) else {
            self.blind = true;
            return;
        };
        let RulesFile {
            packs,
            own_domains,
            phone_regions,
            threshold,
            actions,
            rules,
            scopes,
            block_score,
            tools,
            lost,
        } = file;
        self.lost.extend(lost);
        for (name, place) in &packs {
            self.named(name, place, source);
        }
        self.domains.extend(own_domains);
        self.regions = self.regions.and(phone_regions);
        for rule in rules {
            if let (None, Some(action)) = (&self.made.keyed, rule.action.as_ref().and_then(ActionPair::keyed)) {
                self.made.keyed = Some((rule.places.id.clone(), action));
            }
            self.rule(rule);
        }
        let in_scopes = scopes.iter().flat_map(|scope| &scope.actions);
        let keyed = |entry: &ActionEntry| entry.action.keyed().map(|action| (entry.place.clone(), action));
        let first = actions.iter().chain(in_scopes).find_map(keyed);
        self.made.keyed = self.made.keyed.take().or(first);
        // The rules of a pack that could not be read would make their actions look wrong too.
        if !self.blind {
            check_entries(&actions, &self.made.rules, &self.lost, self.report);
            for scope in &scopes {
                check_entries(&scope.actions, &self.made.rules, &self.lost, self.report);
            }
        }
        self.made.actions.extend(actions);
        match threshold {
            Some((percent, _)) if own => self.made.threshold = percent,
            Some((_, place)) => {
                let message = "a pack has no threshold: it holds for a whole workspace";
                self.report.error(&place, "contradiction", message).help("move it to the workspace's own file");
            }
            None => {}
        }
        self.take_own(block_score, tools, own);
        if own {
            self.made.scopes = scopes;
        } else if let Some(entry) = scopes.iter().flat_map(|scope| &scope.actions).next() {
            let message = "a pack has no [[scope]]: it knows no routes";
            self.report.error(&entry.place, "contradiction", message).help("move it to the workspace's own file");
        }
    }

    /// What only a workspace's own file may say.
    fn take_own(&mut self, block_score: Option<(u8, Place)>, tools: Option<(ToolRules, Place)>, own: bool) {
        if own {
            self.made.block_score = block_score;
            self.made.tools = tools.map(|(rules, _)| Arc::new(rules));
            return;
        }
        let help = "move it to the workspace's own file";
        if let Some((_, place)) = block_score {
            let message = "a pack has no `block_score`: it holds for a whole workspace";
            self.report.error(&place, "contradiction", message).help(help);
        }
        if let Some((_, place)) = tools {
            let message = "a pack has no `tools` and no [[tool]]: they hold for a whole workspace";
            self.report.error(&place, "contradiction", message).help(help);
        }
    }

    fn rule(&mut self, rule: RuleShape) {
        if let Some(first) = self.made.rules.iter().find(|known| known.spec.id == rule.spec.id) {
            let message = format!("rule {} is there twice", rule.spec.id);
            let help = match first.places.bundled {
                true => "rename this one, the other comes with a bundled pack".to_owned(),
                false => format!("rename this one, the other is at {}", first.places.id.line()),
            };
            self.report.error(&rule.places.id, "duplicate-name", message).help(help);
            return;
        }
        if self.made.rules.len() == RULES {
            let message = format!("more than {RULES} rules");
            self.report.error(&rule.places.id, "out-of-range", message).help("make one rule of several alternatives");
        }
        if self.made.rules.len() <= RULES {
            self.made.rules.push(rule);
        }
    }

    /// A pack by its name, or by a path seen from `source`.
    fn named(&mut self, name: &str, place: &Place, source: &Arc<Source>) {
        let is_path = name.contains(['/', '\\']) || Path::new(name).extension().is_some_and(|end| end == "toml");
        if !is_path {
            return self.pack(name, place);
        }
        let path = beside(source.path(), name);
        let key = identity(&path);
        if self.open.contains(&key) {
            let message = format!("{} takes itself as a pack", path.display());
            self.report.error(place, "circle", message).help("remove one of the two `packs` lines");
            return;
        }
        if self.seen.contains(&key) {
            return;
        }
        if self.open.len() >= DEPTH {
            let message = format!("packs within packs deeper than {DEPTH}");
            self.report.error(place, "circle", message).help("name the packs in one file");
            return;
        }
        self.seen.push(key.clone());
        match self.disk.source(&path, place, self.report) {
            None => self.blind = true,
            Some(source) => {
                self.open.push(key);
                self.take(&source, false, false);
                self.open.pop();
            }
        }
    }

    fn pack(&mut self, name: &str, place: &Place) {
        if let Some((_, members)) = COLLECTIONS.iter().find(|(known, _)| *known == name) {
            for member in *members {
                self.pack(member, place);
            }
            return;
        }
        let key = PathBuf::from(format!("bundled:{name}"));
        if let Some(files) = bundled_pack(name) {
            if !self.seen.contains(&key) {
                self.seen.push(key.clone());
                for text in files {
                    self.take(&Source::new(&key, (*text).to_owned()), true, false);
                }
            }
            return;
        }
        self.blind = true;
        let known = || COLLECTIONS.iter().map(|(name, _)| *name).chain(bundled_names());
        let error = self.report.error(place, "unknown-pack", format!("unknown pack {}", quote(name)));
        match nearest(name, known()) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.help(format!("there is {}, or name a file like \"packs/own.toml\"", quoted_list(known()))),
        }
    }

    fn finish(mut self) -> Assembly {
        for rule in self.made.rules.iter_mut().filter(|rule| rule.spec.entity.as_str() == "EMAIL") {
            rule.spec.suppressions.extend(self.domains.iter().cloned().map(Suppression::EmailDomain));
        }
        for rule in &mut self.made.rules {
            if let Pattern::Detector(Detector::PhoneNational(regions)) = &mut rule.spec.pattern {
                *regions = self.regions;
            }
        }
        self.made
    }
}

/// What tells that two paths mean one file.
fn identity(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
