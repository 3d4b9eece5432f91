//! The HTTP service of Microsoft Presidio's analyzer: `POST /analyze` with texts, findings for each text back.
//!
//! Enters: a question; an answer's bytes. Leaves: the body to send; a verdict. One text is sent as a string, several as a
//! list, whose answer is a list of lists. Its places count code points, as Python does.

use serde_json::{Value, json};

use super::answer;
use super::{Failure, MOST_SPANS, Question, Span, Verdict, count};
use crate::engine::spoken;

/// The body of a question.
#[must_use]
pub fn question(asked: &Question, language: &str, threshold: u8) -> Vec<u8> {
    let texts: Vec<String> = asked.texts.iter().map(|text| spoken(text)).collect();
    let text = match texts.as_slice() {
        [one] => json!(one),
        several => json!(several),
    };
    let body = json!({
        "text": text,
        "language": language,
        "score_threshold": f64::from(threshold) / 100.0,
        "correlation_id": asked.request_id,
    });
    body.to_string().into_bytes()
}

/// What an answer says: Presidio finds, and never refuses.
///
/// # Errors
/// It is not of the form, or names what was not sent.
pub fn verdict(answer: &[u8], asked: &Question) -> Result<Verdict, Failure> {
    let answer = answer::read(answer)?;
    let listed = answer.as_array().ok_or(Failure::Answer)?;
    let mut spans = Vec::new();
    if asked.texts.len() == 1 {
        read(listed, 0, asked, &mut spans)?;
    } else {
        if listed.len() != asked.texts.len() {
            return Err(Failure::Answer);
        }
        for (text, found) in listed.iter().enumerate() {
            read(found.as_array().ok_or(Failure::Answer)?, text, asked, &mut spans)?;
        }
    }
    Ok(if spans.is_empty() { Verdict::Allow } else { Verdict::Redact(spans) })
}

fn read(found: &[Value], text: usize, asked: &Question, spans: &mut Vec<Span>) -> Result<(), Failure> {
    for one in found {
        let entity = one.get("entity_type").and_then(Value::as_str).ok_or(Failure::Answer)?;
        let place = count(one.get("start")).zip(count(one.get("end"))).ok_or(Failure::Answer)?;
        spans.push(Span::at(&asked.texts, text, place, entity).ok_or(Failure::Answer)?);
        if spans.len() > MOST_SPANS {
            return Err(Failure::Answer);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::external::asked;

    #[test]
    fn one_text_is_a_string_and_several_are_a_list() {
        let one: Value = serde_json::from_slice(&question(&asked(&["a"]), "en", 40)).unwrap();
        assert_eq!(one, json!({"text": "a", "language": "en", "score_threshold": 0.4, "correlation_id": "00ff"}));
        let two: Value = serde_json::from_slice(&question(&asked(&["a", "b"]), "de", 0)).unwrap();
        assert_eq!(
            two,
            json!({"text": ["a", "b"], "language": "de", "score_threshold": 0.0, "correlation_id": "00ff"})
        );
    }

    #[test]
    fn findings_count_code_points() {
        let found = r#"[{"start": 3, "end": 7, "score": 0.85, "entity_type": "PERSON"}]"#;
        let span = |text| Span { text, start: 6, end: 10, entity: "PERSON".to_owned() };
        let text = "\u{1f600}\u{41}, Jane"; // 4 bytes, then one each
        assert_eq!(unspoken_of(text, 4, 8), Some((7, 11)));
        let shifted = "\u{1f600}a Jane";
        assert_eq!(verdict(found.as_bytes(), &asked(&[shifted])), Ok(Verdict::Redact(vec![span(0)])));
        let listed = format!("[[], {found}]");
        assert_eq!(verdict(listed.as_bytes(), &asked(&["x", shifted])), Ok(Verdict::Redact(vec![span(1)])));
        assert_eq!(verdict(b"[[],[]]", &asked(&["x", shifted])), Ok(Verdict::Allow));
        assert_eq!(verdict(b"[]", &asked(&["x"])), Ok(Verdict::Allow));
    }

    fn unspoken_of(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
        crate::engine::unspoken(text.as_bytes(), start, end)
    }

    #[test]
    fn what_is_no_answer_is_none() {
        for answer in [
            "",
            "{}",
            "[{}]",
            r#"[{"start":0,"end":9,"entity_type":"X"}]"#,
            r#"[{"start":0,"end":1}]"#,
            r#"[{"start":0,"end":1,"end":3,"entity_type":"X"}]"#,
        ] {
            assert_eq!(verdict(answer.as_bytes(), &asked(&["abc"])), Err(Failure::Answer), "{answer}");
        }
        for answer in ["[]", "[[]]", "[[],[],[]]", "[[],{}]"] {
            assert_eq!(verdict(answer.as_bytes(), &asked(&["abc", "def"])), Err(Failure::Answer), "{answer}");
        }
    }
}
