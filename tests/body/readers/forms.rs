//! Forms beside the reader of the URL standard (application/x-www-form-urlencoded).

use super::{FILLERS, run};

#[test]
fn forms() {
    run(52, 400, |choices, plant| {
        let mut writer = form_urlencoded::Serializer::new(String::new());
        let mut wanted = Vec::new();
        for number in 0..1 + choices.below(5) {
            let (value, read) = choices.text(FILLERS, plant);
            let name = format!("name {number} é");
            writer.append_pair(&name, &value);
            wanted.push((name, read));
        }
        let body = writer.finish();
        let out = choices.redacted("application/x-www-form-urlencoded", body.as_bytes());
        let read: Vec<(String, String)> = form_urlencoded::parse(&out).into_owned().collect();
        assert_eq!(read, wanted, "{body}");
        assert!(plant || out == body.as_bytes());
    });
}
