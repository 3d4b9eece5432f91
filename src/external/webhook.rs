//! Blackbar's own question in JSON, signed as Standard Webhooks has it. The form is deploy/openapi/external.yaml.
//!
//! Enters: a question; an answer's bytes and its signature. Leaves: the body to send and the fields that go with it; a
//! verdict. The signature is over id, time and body, so that neither a question nor an answer serves twice.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::answer::read;
use super::{Failure, MOST_SPANS, Question, Span, Verdict, count};
use crate::body::base64;
use crate::engine::spoken;

/// The version of the form.
const VERSION: u64 = 1;

/// The body of a question.
#[must_use]
pub fn question(asked: &Question) -> Vec<u8> {
    let texts = asked.texts.iter().enumerate().map(|(id, text)| json!({ "id": id, "text": spoken(text) }));
    let findings = asked
        .findings
        .iter()
        .map(|one| json!({ "rule": one.rule, "entity": one.entity, "action": one.action, "count": one.count }));
    let body = json!({
        "version": VERSION,
        "id": asked.request_id,
        "workspace": asked.workspace,
        "route": asked.route,
        "direction": asked.direction.name(),
        "media_type": asked.media_type,
        "content": if asked.original { "original" } else { "redacted" },
        "texts": texts.collect::<Vec<_>>(),
        "findings": findings.collect::<Vec<_>>(),
    });
    body.to_string().into_bytes()
}

/// What an answer says.
///
/// # Errors
/// It is not of the form, or names what was not sent.
pub fn verdict(answer: &[u8], asked: &Question) -> Result<Verdict, Failure> {
    let answer = read(answer)?;
    match answer.get("action").and_then(Value::as_str) {
        Some("allow") => Ok(Verdict::Allow),
        Some("block") => Ok(Verdict::Block),
        Some("redact") => {
            let listed = answer.get("redactions").and_then(Value::as_array).ok_or(Failure::Answer)?;
            if listed.len() > MOST_SPANS {
                return Err(Failure::Answer);
            }
            let span = |one: &Value| {
                let entity = one.get("entity").and_then(Value::as_str).unwrap_or_default();
                let place = (count(one.get("start"))?, count(one.get("end"))?);
                Span::at(&asked.texts, count(one.get("text"))?, place, entity)
            };
            // One that cannot be placed may be the one that counts.
            let spans: Option<Vec<Span>> = listed.iter().map(span).collect();
            spans.map(Verdict::Redact).ok_or(Failure::Answer)
        }
        Some(_) | None => Err(Failure::Answer),
    }
}

/// `v1,` and the base64 of HMAC-SHA256 over id, time and body, once for each secret.
#[must_use]
pub fn signatures<S: AsRef<[u8]>>(secrets: &[S], id: &str, timestamp: u64, body: &[u8]) -> String {
    let signed = secrets.iter().map(|secret| {
        let mut out = b"v1,".to_vec();
        base64::encode(&mac(secret.as_ref(), id, timestamp, body).finalize().into_bytes(), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    });
    signed.collect::<Vec<_>>().join(" ")
}

/// Whether one of the signatures in `header` is of one of the secrets, and not older or newer than `tolerance` seconds.
#[must_use]
pub fn is_signed<S: AsRef<[u8]>>(
    secrets: &[S],
    (id, timestamp, header): (&str, &str, &str),
    body: &[u8],
    (now, tolerance): (u64, u64),
) -> bool {
    let Ok(at) = timestamp.parse::<u64>() else { return false };
    if now.abs_diff(at) > tolerance {
        return false;
    }
    header.split(' ').filter_map(|one| one.strip_prefix("v1,")).take(8).any(|coded| {
        let mut given = Vec::new();
        base64::decode(coded.as_bytes(), &mut given)
            && secrets.iter().any(|secret| mac(secret.as_ref(), id, at, body).verify_slice(&given).is_ok())
    })
}

fn mac(secret: &[u8], id: &str, timestamp: u64, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(id.as_bytes());
    mac.update(b".");
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::external::asked;

    #[test]
    fn answers_name_characters_and_become_bytes() {
        let asked = asked(&["x", "\u{e9}a Falcon"]);
        let answer =
            br#"{"action":"redact","redactions":[{"text":1,"start":3,"end":9,"entity":"PROJECT"}],"reason":"x"}"#;
        let span = Span { text: 1, start: 4, end: 10, entity: "PROJECT".to_owned() };
        assert_eq!(verdict(answer, &asked), Ok(Verdict::Redact(vec![span])));
        assert_eq!(verdict(br#"{"action":"allow"}"#, &asked), Ok(Verdict::Allow));
        assert_eq!(verdict(br#"{"action":"block","reason":"no"}"#, &asked), Ok(Verdict::Block));
    }

    #[test]
    fn what_is_no_answer_is_none() {
        let asked = asked(&["abc"]);
        for answer in [
            "",
            "null",
            "{}",
            r#"{"action":"maybe"}"#,
            r#"{"action":"block","action":"allow"}"#,
            r#"{"action":"allow","\u0061ction":"allow"}"#,
            r#"{"action":"redact","redactions":[],"redactions":[{"text":0,"start":0,"end":1}]}"#,
            r#"{"action":"redact","redactions":[{"text":0,"start":0,"end":1,"end":3}]}"#,
            r#"{"action":"redact"}"#,
            r#"{"action":"redact","redactions":[{"text":1,"start":0,"end":1}]}"#,
            r#"{"action":"redact","redactions":[{"text":0,"start":0,"end":4}]}"#,
            r#"{"action":"redact","redactions":[{"text":0,"start":2,"end":1}]}"#,
            r#"{"action":"redact","redactions":[{"text":0,"start":-1,"end":1}]}"#,
            r#"{"action":"redact","redactions":[{"text":0,"start":0.5,"end":1}]}"#,
            r#"{"action":"redact","redactions":[{"text":0,"start":0,"end":1e400}]}"#,
        ] {
            assert_eq!(verdict(answer.as_bytes(), &asked), Err(Failure::Answer), "{answer}");
        }
        let one = r#"{"text":0,"start":0,"end":1}"#;
        for (count, taken) in [(MOST_SPANS, true), (MOST_SPANS + 1, false)] {
            let many = format!(r#"{{"action":"redact","redactions":[{}]}}"#, vec![one; count].join(","));
            assert_eq!(verdict(many.as_bytes(), &asked).is_ok(), taken);
        }
    }

    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        // The example of the specification's own libraries.
        let mut secret = Vec::new();
        assert!(base64::decode(b"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &mut secret));
        let body = br#"{"test": 2432232314}"#;
        let (id, at) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330);
        let signed = signatures(&[&secret], id, at, body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let told =
            |header: &str, now, tolerance| is_signed(&[&secret], (id, "1614265330", header), body, (now, tolerance));
        assert!(told(&signed, at, 0));
        assert!(told(&format!("v2,zzz {signed}"), at + 300, 300));
        assert!(!told(&signed, at + 301, 300) && !told(&signed, at - 301, 300));
        assert!(
            !told("v1,", at, 300)
                && !told("", at, 300)
                && !told("g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", at, 300)
        );
        assert!(!is_signed(&[&secret], ("other", "1614265330", &signed), body, (at, 300)));
        assert!(!is_signed(&[&secret], (id, "1614265330", &signed), b"{}", (at, 300)));
    }
}
