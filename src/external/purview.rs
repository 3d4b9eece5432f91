//! Microsoft Graph's `processContent` (Purview data security and governance): content and what is done with it in, policy
//! actions out.
//!
//! Enters: a question; an answer's bytes. Leaves: the body to send; a verdict. Each text is an entry of one conversation.
//! A policy action that restricts access by blocking blocks; others (audit, notify) let the body go on. An answer with
//! processing errors has not judged everything, and is none.

use serde_json::{Value, json};

use super::answer::read;
use super::{Failure, Question, Verdict};
use crate::body::Direction;
use crate::engine::spoken;

/// The body of a question asked at `now`, a time as ISO 8601 writes it.
#[must_use]
pub fn question(asked: &Question, application: &str, now: &str) -> Vec<u8> {
    let entries = asked.texts.iter().enumerate().map(|(sequence, text)| {
        json!({
            "@odata.type": "microsoft.graph.processConversationMetadata",
            "identifier": format!("{}-{}-{sequence}", asked.request_id, asked.direction.name()),
            "content": { "@odata.type": "microsoft.graph.textContent", "data": spoken(text) },
            "name": "Blackbar",
            "correlationId": asked.request_id,
            "sequenceNumber": sequence,
            "isTruncated": false,
            "createdDateTime": now,
            "modifiedDateTime": now,
        })
    });
    let activity = match asked.direction {
        Direction::Request => "uploadText",
        Direction::Response => "downloadText",
    };
    let body = json!({
        "contentToProcess": {
            "contentEntries": entries.collect::<Vec<_>>(),
            "activityMetadata": { "activity": activity },
            "deviceMetadata": {
                "operatingSystemSpecifications": {
                    "operatingSystemPlatform": "Unknown", "operatingSystemVersion": "Unknown",
                },
            },
            "protectedAppMetadata": {
                "name": asked.route,
                "version": "1.0",
                "applicationLocation": {
                    "@odata.type": "microsoft.graph.policyLocationApplication", "value": application,
                },
            },
            "integratedAppMetadata": { "name": "Blackbar", "version": env!("CARGO_PKG_VERSION") },
        }
    });
    body.to_string().into_bytes()
}

/// What an answer says.
///
/// # Errors
/// It is not of the form, or tells of errors.
pub fn verdict(answer: &[u8]) -> Result<Verdict, Failure> {
    let answer = read(answer)?;
    let list = |name: &str| match answer.get(name) {
        None | Some(Value::Null) => Ok(&[][..]),
        Some(Value::Array(list)) => Ok(list.as_slice()),
        Some(_) => Err(Failure::Answer),
    };
    if !answer.is_object() {
        return Err(Failure::Answer);
    }
    let says = |action: &Value, name: &str, word: &str| {
        action.get(name).and_then(Value::as_str).is_some_and(|said| said.eq_ignore_ascii_case(word))
    };
    // An action that restricts access and says nothing of how is taken for one that blocks.
    let blocks = |action: &Value| {
        let unsaid = action.get("restrictionAction").is_none_or(Value::is_null);
        says(action, "action", "blockAccess")
            || says(action, "restrictionAction", "block")
            || (says(action, "action", "restrictAccess") && unsaid)
    };
    if list("policyActions")?.iter().any(blocks) {
        return Ok(Verdict::Block);
    }
    if list("processingErrors")?.is_empty() { Ok(Verdict::Allow) } else { Err(Failure::Answer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_that_restrict_access_block() {
        let answer = |actions: &str, errors: &str| {
            format!(
                r##"{{"protectionScopeState":"notModified","policyActions":{actions},"processingErrors":{errors}}}"##
            )
        };
        let restrict = |how: &str| {
            format!(
                r##"[{{"@odata.type":"#microsoft.graph.restrictAccessAction","action":"restrictAccess","restrictionAction":{how}}}]"##
            )
        };
        for (actions, errors, verdict_of) in [
            ("[]", "[]", Ok(Verdict::Allow)),
            ("null", "null", Ok(Verdict::Allow)),
            (&restrict("\"block\""), "[]", Ok(Verdict::Block)),
            (&restrict("\"block\""), "[{}]", Ok(Verdict::Block)),
            (&restrict("null"), "[]", Ok(Verdict::Block)),
            (&restrict("\"audit\""), "[]", Ok(Verdict::Allow)),
            (r#"[{"action":"notifyUser"},{"action":"blockAccess"}]"#, "[]", Ok(Verdict::Block)),
            (r#"[{"action":"notifyUser"}]"#, "[]", Ok(Verdict::Allow)),
            ("[]", r#"[{"code":"InternalError"}]"#, Err(Failure::Answer)),
            ("{}", "[]", Err(Failure::Answer)),
        ] {
            assert_eq!(verdict(answer(actions, errors).as_bytes()), verdict_of, "{actions} {errors}");
        }
        let twice = |value: &str| format!(r#"{{"policyActions":{value},"policyActions":[]}}"#);
        for bad in ["", "[]", "null", "3", &twice(&restrict("\"block\"")), &twice("[]")] {
            assert_eq!(verdict(bad.as_bytes()), Err(Failure::Answer));
        }
        assert_eq!(verdict(b"{}"), Ok(Verdict::Allow));
    }
}
