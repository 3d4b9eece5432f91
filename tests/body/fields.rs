//! Passwords and secrets that fill a field: structure says where they end, so that every sign may be part of them.

use blackbar::body::{BodyInspector, BodySpec, Dialect};

const VALUE: &str = "correct horse, battery & staple";

fn run(kind: &str, dialect: Dialect, pieces: &[&[u8]]) -> (String, u64) {
    let spec = BodySpec { dialect, ..super::fixtures::spec(kind) };
    let mut inspector = BodyInspector::new(spec).unwrap();
    let mut out = Vec::new();
    for piece in pieces {
        inspector.push(piece, &mut out).unwrap();
    }
    inspector.finish(&mut out).unwrap();
    let found = inspector.into_inspection().findings.iter().map(|(_, _, count)| *count).sum();
    (String::from_utf8(out).unwrap(), found)
}

/// What leaves, which every split in two and byte for byte must give.
pub(crate) fn redact_as(kind: &str, dialect: Dialect, body: &str) -> String {
    let body = body.as_bytes();
    let whole = run(kind, dialect, &[body]);
    for at in 0..=body.len() {
        let (left, right) = body.split_at(at);
        assert_eq!(run(kind, dialect, &[left, right]), whole, "{} at {at}", String::from_utf8_lossy(body));
    }
    let single: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(run(kind, dialect, &single), whole, "{}", String::from_utf8_lossy(body));
    whole.0
}

fn redact(kind: &str, body: &str) -> String {
    redact_as(kind, Dialect::Plain, body)
}

#[test]
fn a_field_is_redacted_whole() {
    for (kind, body, expected) in [
        ("application/json", r#"{"password": " correct horse, battery & staple "}"#, r#"{"password": " [SECRET] "}"#),
        ("application/json", r#"{"dbPasswd": "p<a>ss;\"w0rd\""}"#, r#"{"dbPasswd": "[SECRET]"}"#),
        ("application/json", r#"{"p\u0061ssword": "a,\u003c4711\u003e\n;b"}"#, r#"{"p\u0061ssword": "[SECRET]"}"#),
        (
            "application/json",
            r#"{"pwd": 4711, "passphrase": -48291734}"#,
            r#"{"pwd": "[SECRET]", "passphrase": "-[SECRET]"}"#,
        ),
        (
            "application/json",
            r#"{"passwords": ["tiger; 4711", "a,b;c&d9"]}"#,
            r#"{"passwords": ["[SECRET]", "[SECRET]"]}"#,
        ),
        ("application/json", r#"{"password": {"value": "tiger; 4711"}}"#, r#"{"password": {"value": "[SECRET]"}}"#),
        (
            "application/json",
            r#"{"name": "password", "value": "tiger; 4711"}"#,
            r#"{"name": "password", "value": "[SECRET]"}"#,
        ),
        ("application/json", r#"{"client": {"secret": "x~9<Kd,2;&pQ"}}"#, r#"{"client": {"secret": "[SECRET]"}}"#),
        (
            "application/json",
            r#"{"a": "{\"password\": \"tiger; \\\"4711\\\"\"}"}"#,
            r#"{"a": "{\"password\": \"[SECRET]\"}"}"#,
        ),
        (
            "application/x-ndjson",
            "{\"pwd\":\"a;b;c;4711\"}\n{\"pwd\":\"x\"}\n",
            "{\"pwd\":\"[SECRET]\"}\n{\"pwd\":\"x\"}\n",
        ),
        ("text/csv", "user,Password\nann,\"tiger; \"\"4711\"\"\"\n", "user,Password\nann,\"[SECRET]\"\n"),
        (
            "application/x-www-form-urlencoded",
            "user%5Bpassword%5D=tiger%3B+%264711&a=b",
            "user%5Bpassword%5D=%5BSECRET%5D&a=b",
        ),
        (
            "application/xml",
            "<a><password>correct horse, battery &amp; staple</password></a>",
            "<a><password>[SECRET]</password></a>",
        ),
        ("text/event-stream", "data: {\"password\":\"tiger; 4711\"}\n\n", "data: {\"password\":\"[SECRET]\"}\n\n"),
    ] {
        assert_eq!(redact(kind, body), expected, "{body}");
    }
}

/// What a form calls a password is one, whatever its name is.
#[test]
fn a_forms_type_is_a_label() {
    for (body, expected) in [
        ("<input name=code type=password value=\"tiger; 4711\">", "<input name=code type=password value=\"[SECRET]\">"),
        ("<input name=code type=password value=hunter2>", "<input name=code type=password value=[SECRET]>"),
        ("<input name=password value=hunter2 x>", "<input name=password value=[SECRET] x>"),
        ("<input value='tiger 4711' type='password'/>", "<input value='[SECRET]' type='password'/>"),
        ("<INPUT VALUE=hunter2 ID=a NAME=code TYPE=PASSWORD>", "<INPUT VALUE=[SECRET] ID=a NAME=code TYPE=PASSWORD>"),
        ("<input type=text name=code value='tiger; 4711'>", "<input type=text name=code value='tiger; 4711'>"),
    ] {
        assert_eq!(redact("text/html", body), expected);
    }
}

/// Columns are found as their readers find them, also where the first record has more than names in it.
#[test]
fn columns_are_those_of_the_tables_readers() {
    for (body, expected) in [
        // A quote is one at a cell's beginning alone.
        ("a\"b,c\"d,password\nx,y,tiger; 4711\n", "a\"b,c\"d,password\nx,y,[SECRET]\n"),
        ("size 5\",password\nx,tiger; 4711\n", "size 5\",password\nx,[SECRET]\n"),
        ("\"a\"\",b\",password\nx,tiger; 4711\n", "\"a\"\",b\",password\nx,[SECRET]\n"),
        ("\u{feff}\"a,b\",password\nx,tiger; 4711\n", "\u{feff}\"a,b\",password\nx,[SECRET]\n"),
        // A line that tells the delimiter is no record.
        ("sep=;\r\nuser;password\r\nann;tiger, 4711\r\n", "sep=;\r\nuser;password\r\nann;[SECRET]\r\n"),
        ("\"SEP=^\"\nuser^password\nann^tiger, 4711", "\"SEP=^\"\nuser^password\nann^[SECRET]"),
        ("sep\npassword\n", "sep\npassword\n"),
        ("sep=,,\ntiger; 4711\n", "sep=,,\ntiger; 4711\n"),
        // Numbers and addresses are no names, and keep none from being one.
        ("2024,user,password\n7,ann,tiger; 4711\n", "2024,user,password\n7,ann,[SECRET]\n"),
        ("password,tiger; 4711,1\nuser,ann,2\n", "password,[SECRET],1\nuser,ann,2\n"),
    ] {
        assert_eq!(redact("text/csv", body), expected, "{body}");
    }
}

/// Python's reader and spreadsheets leave a closing quote out that text stands behind, others keep it.
#[test]
fn text_behind_a_closing_quote_is_read_with_it_and_without() {
    let long = "x ".repeat(140);
    for (body, expected) in [
        ("c\n\"jane@exam\"ple.com\n".to_owned(), "c\n\"jane@***\"\n".to_owned()),
        ("c\n\"4111 1111 \"1111 1111\n".to_owned(), "c\n\"**** **** **** 1111\"\n".to_owned()),
        (
            "n,c\n1,\"a \"\"b\"\" 4111 1111 \"1111 1111 x,2\n".to_owned(),
            "n,c\n1,\"a \"\"b\"\" **** **** **** 1111\" x,2\n".to_owned(),
        ),
        ("c\n\"4111 1111 1111 1111\"x\n".to_owned(), "c\n\"**** **** **** 1111\"x\n".to_owned()),
        ("c\n\"x\"4111 1111 1111 1111\n".to_owned(), "c\n\"x\"**** **** **** 1111\n".to_owned()),
        ("c\n\"a\"b\"c,d\n\"\"e,\"\"\"f\"g\n".to_owned(), "c\n\"a\"b\"c,d\n\"\"e,\"\"\"f\"g\n".to_owned()),
        (
            format!("c\n\"{long}4111 1111 \"1111 1111 {long}jane@example.com\n"),
            format!("c\n\"{long}**** **** **** 1111\" {long}jane@***\n"),
        ),
    ] {
        assert_eq!(redact("text/csv", &body), expected, "{body}");
    }
}

#[test]
fn arguments_of_tool_calls_have_fields() {
    let call = r#"{"choices":[{"message":{"tool_calls":[{"id":"1","type":"function","function":{"name":"login","arguments":"{\"user\":\"ann\",\"password\":\"correct horse, battery & staple\"}"}}]}}]}"#;
    let out = redact_as("application/json", Dialect::OpenAi, call);
    assert_eq!(out, call.replace(VALUE, "[SECRET]"));
    let arguments = r#"{"password":"correct horse, battery & staple"}"#;
    let mut stream = String::new();
    for delta in arguments.as_bytes().chunks(3) {
        let delta = serde_json::to_string(std::str::from_utf8(delta).unwrap()).unwrap();
        stream.push_str(&format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":0,\"function\":{{\"arguments\":{delta}}}}}]}}}}]}}\n\n"
        ));
    }
    stream.push_str(
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n",
    );
    let (out, found) = run("text/event-stream", Dialect::OpenAi, &[stream.as_bytes()]);
    let mut joined = String::new();
    for event in out.split("\n\n").filter_map(|event| event.strip_prefix("data: {")) {
        let event: serde_json::Value = serde_json::from_str(&format!("{{{event}")).unwrap();
        let part = event.pointer("/choices/0/delta/tool_calls/0/function/arguments");
        joined.push_str(part.and_then(serde_json::Value::as_str).unwrap_or_default());
    }
    assert_eq!((joined.as_str(), found), (r#"{"password":"[SECRET]"}"#, 1));
}

#[test]
fn what_is_no_password_stays() {
    for value in [
        r#""required""#,
        "null",
        "true",
        "12",
        r#""<password>""#,
        r#""{{password}}""#,
        r#""${DB_PASSWORD}""#,
        r#""****""#,
        r#""string""#,
        r#"{"type":"string","description":"At least 8 characters, letters & digits."}"#,
        r#""Enter your password""#,
        r#""Passwort vergessen?""#,
        r#""""#,
    ] {
        let body = format!(r#"{{"password":{value},"passwordHint":"tiger; lily & 4711x"}}"#);
        assert_eq!(redact("application/json", &body), body);
    }
    // No structure, no field.
    let prose = "password policy: words, signs & digits";
    assert_eq!(redact("text/plain", prose), prose);
}

/// The bound of the rule, in bytes of the decoded value: at it the whole goes, beyond it other rules look.
#[test]
fn a_longer_text_is_no_field() {
    for (len, whole) in [(1023, true), (1024, true), (1025, false)] {
        let mut value = "tiger lily & ".repeat(100);
        value.truncate(len - 2);
        value.push('\u{e9}');
        let body = format!("{{\"password\":\"{}\"}}", value.replace('\u{e9}', "\\u00e9"));
        let (out, _) = run("application/json", Dialect::Plain, &body.as_bytes().chunks(7).collect::<Vec<_>>());
        assert_eq!(out == r#"{"password":"[SECRET]"}"#, whole, "{len}");
        assert_eq!(out == body, !whole, "{len}");
    }
}

/// The key of a record of Kafka's is what the record is called, in base64: no secret, and no name of its value. What it
/// holds is looked at.
#[test]
fn keys_of_kafkas_records_are_no_secrets() {
    let records = |key: &str| {
        format!(
            r#"{{"records":[{{"key":"b3JkZXItOGYza3o5cTItNzcxMA==","value":"bGFrZQ=="}},{{"value":null,"key":"{key}"}}],"key_schema_id":1}}"#
        )
    };
    let (card, masked) = ("Y2FyZCA0MTExIDExMTEgMTExMSAxMTExIG9r", "Y2FyZCAqKioqICoqKiogKioqKiAxMTExIG9r");
    let told = |key: &str| format!(r#"[{{"key":"{key}","value":"bGFrZQ==","partition":0,"offset":1}}]"#);
    for kind in ["application/vnd.kafka.binary.v2+json", "application/vnd.kafka.binary.v1+json; charset=utf-8"] {
        for body in [&records as &dyn Fn(&str) -> String, &told] {
            assert_eq!(redact(kind, &body(card)), body(masked), "{kind}");
        }
    }
    // Elsewhere a member of that name may have one.
    let binary = "application/vnd.kafka.binary.v2+json";
    for kind in ["application/vnd.kafka.json.v2+json", "application/vnd.kafka.binary.v20+json", "application/json"] {
        assert!(redact(kind, &records("x")).contains(r#""key":"[SECRET]""#), "{kind}");
    }
    assert!(redact_as(binary, Dialect::OpenAi, &records("x")).contains(r#""key":"[SECRET]""#));
    let record = r#"{"key":"b3JkZXItOGYza3o5cTItNzcxMA=="}"#;
    for around in
        ["RECORD", r#"{"rows":[RECORD]}"#, r#"{"a":{"records":[RECORD]}}"#, "[[RECORD]]", r#"{"records":RECORD}"#]
    {
        assert!(redact(binary, &around.replace("RECORD", record)).contains("[SECRET]"), "{around}");
    }
}
