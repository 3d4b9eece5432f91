//! What each rule of an assembly is and does: for `rules list`, the switched-off ones among them.

use std::sync::Arc;

use crate::engine::{Action, Cost, EntityType, Rule, RuleId, Validator};
use crate::policy::actions::Resolved;
use crate::policy::rules::RuleShape;

/// A rule as it holds outside any route.
#[derive(Clone, Debug)]
pub struct RuleState {
    /// The rule.
    pub id: RuleId,
    /// What it finds.
    pub entity: EntityType,
    /// What is done in requests.
    pub request: Action,
    /// What is done in responses.
    pub response: Action,
    /// The arithmetic that a match must pass.
    pub validator: Option<Validator>,
    /// How its candidates are found.
    pub cost: Cost,
    /// The most bytes held back on its account.
    pub holdback: usize,
    /// How likely a match is what the rule says, in percent.
    pub confidence: u8,
    /// Why it does nothing anywhere; none where it does something.
    pub off: Option<OffReason>,
    /// Texts in which it says that it finds something.
    pub examples: Arc<[String]>,
}

/// Why a rule is off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OffReason {
    /// Its confidence is below the workspace's threshold.
    Threshold(u8),
    /// An action says so.
    Action,
}

impl RuleState {
    /// The state of a rule, by what it does in requests and responses outside any route; `used` where it does
    /// something anywhere.
    pub(super) fn new(
        shape: &RuleShape,
        rule: &Rule,
        threshold: u8,
        base: &[Resolved; 2],
        (index, used): (usize, bool),
        examples: &Arc<[String]>,
    ) -> Self {
        let spec = &shape.spec;
        let [request, response] = base.each_ref().map(|resolved| resolved.base(index));
        let off = match used {
            true => None,
            false if spec.confidence < threshold => Some(OffReason::Threshold(threshold)),
            false => Some(OffReason::Action),
        };
        Self {
            id: spec.id.clone(),
            entity: spec.entity.clone(),
            request,
            response,
            validator: spec.validator,
            cost: rule.cost,
            holdback: rule.holdback,
            confidence: spec.confidence,
            off,
            examples: Arc::clone(examples),
        }
    }
}
