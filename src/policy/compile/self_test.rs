//! `[self_test]` in, how the proxy tests itself out.

use crate::policy::diagnostic::{Report, nearest};
use crate::policy::files::Fields;
use crate::policy::rules::{entity_name, unknown_name};
use crate::policy::{SelfTest, TESTED, Weaker};

/// Reads `[self_test]`.
pub(super) fn self_test(fields: &mut Fields<'_>, report: &mut Report) -> SelfTest {
    let mut settings = SelfTest::default();
    let Some(mut table) = fields.value("self_test").and_then(|value| value.table("[self_test]", report)) else {
        return settings;
    };
    if let Some(enabled) = table.value("enabled").and_then(|value| value.flag(report)) {
        settings.enabled = enabled;
    }
    if let Some(interval) = table.value("interval").and_then(|value| value.duration(report)) {
        settings.interval = interval;
    }
    if let Some(value) = table.value("allow_weaker") {
        settings.allow_weaker = match value.as_flag() {
            Some(true) => Weaker::Any,
            Some(false) => Weaker::Nothing,
            None => {
                let named = value.list("true, false or a list of entities", report);
                let named = named.iter().filter_map(|item| Some((item.text(report)?, item.place())));
                let named: Vec<_> = named.collect();
                for (name, place) in &named {
                    // Rules that a file wrote or left out may find anything.
                    match nearest(name, TESTED) {
                        _ if TESTED.contains(name) => {}
                        Some(_) => unknown_name("entity of the self-test", name, TESTED.into_iter(), place, report),
                        None => drop(entity_name(name, place, report)),
                    }
                }
                Weaker::Entities(named.into_iter().map(|(name, _)| name.to_owned()).collect())
            }
        };
    }
    table.finish(report);
    settings
}
