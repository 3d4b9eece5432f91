//! What is taken out of requests and what they are made to say, at every split, against a whole parser.

use blackbar::body::retention::Provider;
use blackbar::body::{BodyErrorKind, BodyInspector, BodySpec, Dialect, Direction, Edits, JsonPath};
use proptest::prelude::*;
use serde_json::Value;

use super::fixtures;

fn spec(kind: &str, drop: &[&str], terms: Option<(Provider, &str)>) -> BodySpec {
    let drop = drop.iter().map(|path| JsonPath::parse(path).unwrap()).collect();
    let terms = terms.map(|(provider, path)| provider.endpoint(path).unwrap());
    BodySpec {
        direction: Direction::Request,
        dialect: Dialect::OpenAi,
        edits: Edits { drop, terms, ..Edits::default() },
        ..fixtures::spec(kind)
    }
}

fn run(spec: &BodySpec, pieces: &[&[u8]]) -> (String, Result<(), BodyErrorKind>, u64) {
    let mut inspector = BodyInspector::new(spec.clone()).unwrap();
    let mut out = Vec::new();
    let end = pieces.iter().try_for_each(|piece| inspector.push(piece, &mut out));
    let end = end.and_then(|()| inspector.finish(&mut out)).map_err(|error| error.kind);
    (String::from_utf8(out).unwrap(), end, inspector.inspection().dropped_fields)
}

/// One result at every split in two, and byte by byte.
fn edited(spec: &BodySpec, body: &str) -> (String, u64) {
    let (whole, end, dropped) = run(spec, &[body.as_bytes()]);
    assert_eq!(end, Ok(()), "{body}");
    for cut in 1..body.len() {
        let (first, second) = body.as_bytes().split_at(cut);
        assert_eq!(run(spec, &[first, second]), (whole.clone(), Ok(()), dropped), "{body} at {cut}");
    }
    let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
    assert_eq!(run(spec, &bytes), (whole.clone(), Ok(()), dropped), "{body} byte by byte");
    (whole, dropped)
}

#[test]
fn members_go_with_their_comma() {
    let user = &["$.user"][..];
    for (drop, body, expected, count) in [
        (user, r#"{"user":1,"b":2}"#, r#"{"b":2}"#, 1),
        (user, r#"{"a":1,"user":"x","b":2}"#, r#"{"a":1,"b":2}"#, 1),
        (user, r#"{"a":1,"user":{"x":[1,{"user":2}]}}"#, r#"{"a":1}"#, 1),
        (user, r#"{"user":-1.5e3}"#, "{}", 1),
        (user, r#"{"user":true,"user":null,"user":"\"}"}"#, "{}", 3),
        (user, r#"{"user":1,"a":1,"user":2,"b":2,"user":3}"#, r#"{"a":1,"b":2}"#, 3),
        (user, r#"{"\u0075ser":1,"us\u0065r":2,"use":3,"users":4,"User":5}"#, r#"{"use":3,"users":4,"User":5}"#, 2),
        (user, r#"{ "user" : 1 , "a" : { "user" : 2 } }"#, r#"{  "a" : { "user" : 2 } }"#, 1),
        (user, "{\n  \"a\": 1,\n  \"user\": 2\n}\n", "{\n  \"a\": 1\n}\n", 1),
        (user, "{\"user\":1}\n{\"user\":2,\"a\":3}", "{}\n{\"a\":3}", 2),
        (user, r#"["user",{"user":1}]"#, r#"["user",{"user":1}]"#, 0),
        (user, r#"{"a":"4111 1111 1111 1111","user":"4111 1111 1111 1111"}"#, r#"{"a":"**** **** **** 1111"}"#, 1),
        (&["$..user"], r#"{"user":1,"a":[{"user":2},{"b":{"user":3}}]}"#, r#"{"a":[{},{"b":{}}]}"#, 3),
        (&["$.a[0]"], r#"{"a":[1,2,3]}"#, r#"{"a":[2,3]}"#, 1),
        (&["$.a[1]"], r#"{"a":[1,"2",3]}"#, r#"{"a":[1,3]}"#, 1),
        (&["$.a[2]", "$.a[0]"], r#"{"a":[[1],2,{"x":1}]}"#, r#"{"a":[2]}"#, 2),
        (&["$.a[*]"], r#"{"a":[1,2,3],"b":[1]}"#, r#"{"a":[],"b":[1]}"#, 3),
        (&["$.a.b", "$['c d']"], r#"{"c d":1,"a":{"b":1,"c d":2}}"#, r#"{"a":{"c d":2}}"#, 2),
        (&["$.*"], r#"{"a":1,"b":[]}"#, "{}", 2),
    ] {
        let sequence = spec("application/x-ndjson", drop, None);
        let sequence = BodySpec { dialect: Dialect::Plain, ..sequence };
        assert_eq!(edited(&sequence, body), (expected.to_owned(), count), "{drop:?} {body}");
        // What is not announced as JSON is changed no less.
        let sniffed = BodySpec { media_type: None, ..sequence };
        assert_eq!(edited(&sniffed, body), (expected.to_owned(), count), "{drop:?} {body}, sniffed");
    }
}

#[test]
fn what_is_dropped_is_not_looked_at() {
    let rules = "version = 1\npacks = [\"pci\"]\n[actions]\nCREDIT_CARD = \"block\"\n";
    let folder = std::env::temp_dir().join(format!("blackbar-edits-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("rules.toml");
    std::fs::write(&file, rules).unwrap();
    let rules = blackbar::policy::load_rules(Some(&file)).unwrap();
    let blocking = BodySpec {
        scopes: rules.scopes(Direction::Request).clone(),
        ..spec("application/json", &["$.metadata"], None)
    };
    let body = r#"{"metadata":{"card":"4111 1111 1111 1111"},"a":1}"#;
    assert_eq!(edited(&blocking, body), (r#"{"a":1}"#.to_owned(), 1));
    let kept = body.replace("metadata", "kept");
    assert!(matches!(run(&blocking, &[kept.as_bytes()]).1, Err(BodyErrorKind::Blocked { .. })));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_provider_is_told_to_keep_nothing() {
    let store = r#""store":false"#;
    let openai = |path| spec("application/json", &[], Some((Provider::OpenAi, path)));
    for (body, expected) in [
        ("{}", format!("{{{store}}}")),
        (r#"{"model":"m"}"#, format!(r#"{{{store},"model":"m"}}"#)),
        (r#"{"store":true,"model":"m"}"#, format!(r#"{{{store},"model":"m"}}"#)),
        (r#"{"model":"m","st\u006fre":true}"#, format!(r#"{{{store},"model":"m"}}"#)),
        (r#"{"store":null,"a":{"store":true},"store":{"x":[]}}"#, format!(r#"{{{store},"a":{{"store":true}}}}"#)),
        (r#"{"background":false,"previous_response_id":null}"#, {
            format!(r#"{{{store},"background":false,"previous_response_id":null}}"#)
        }),
    ] {
        assert_eq!(edited(&openai("/v1/responses"), body), (expected, 0), "{body}");
    }
    let provider = r#""provider":{"data_collection":"deny","zdr":true"#;
    let openrouter = spec("application/json", &[], Some((Provider::OpenRouter, "/api/v1/chat/completions")));
    for (body, expected) in [
        ("{}", format!("{{{provider}}}}}")),
        (r#"{"a":1}"#, format!(r#"{{"a":1,{provider}}}}}"#)),
        (r#"{"provider":null,"a":1}"#, format!(r#"{{"a":1,{provider}}}}}"#)),
        (r#"{"provider":[{"zdr":false}]}"#, format!("{{{provider}}}}}")),
        (r#"{"provider":{}}"#, format!("{{{provider}}}}}")),
        (r#"{"provider":{"zdr":false,"order":["x"],"data_collection":"allow"},"a":1}"#, {
            format!(r#"{{{provider},"order":["x"]}},"a":1}}"#)
        }),
        (r#"{"provider":{"zdr":false},"provider":{"x":{"zdr":false}}}"#, {
            format!(r#"{{{provider}}},{provider},"x":{{"zdr":false}}}}}}"#)
        }),
        (r#"{"x":{"provider":{"zdr":false}}}"#, format!(r#"{{"x":{{"provider":{{"zdr":false}}}},{provider}}}}}"#)),
    ] {
        assert_eq!(edited(&openrouter, body), (expected, 0), "{body}");
    }
}

#[test]
fn what_would_be_kept_is_refused() {
    let responses = spec("application/json", &[], Some((Provider::OpenAi, "/v1/responses")));
    for body in [
        r#"{"background":true}"#,
        r#"{"a":1,"back\u0067round":true}"#,
        r#"{"background":false,"background":true}"#,
        r#"{"previous_response_id":"resp_1"}"#,
        r#"{"conversation":{"id":"c"}}"#,
        r#"{"conversation":1}"#,
        "[{}]",
        "\"x\"",
    ] {
        for cut in 0..body.len() {
            let (first, second) = body.as_bytes().split_at(cut);
            let (_, end, _) = run(&responses, &[first, second]);
            assert_eq!(end, Err(BodyErrorKind::Retention), "{body} at {cut}");
        }
    }
    // What is no JSON can say nothing, and no policy lets it pass.
    for kind in ["application/json", "text/plain", "image/png", "multipart/form-data; boundary=x"] {
        let lenient = BodySpec { on_fault_pass: true, ..spec(kind, &[], Some((Provider::OpenAi, "/v1/responses"))) };
        let sound = run(&lenient, &[br#"{"store":true}"#]);
        assert_eq!((sound.0.as_str(), sound.1), (r#"{"store":false}"#, Ok(())), "{kind}");
        for (body, fault) in [
            (&b"store=true"[..], BodyErrorKind::JsonSyntax),
            (b"{}{}", BodyErrorKind::JsonSyntax),
            (b"{\"store\":true", BodyErrorKind::Truncated),
            (b"{\0\"\0s\0", BodyErrorKind::Truncated),
            (b"[\0]\0", BodyErrorKind::Retention),
        ] {
            assert_eq!(run(&lenient, &[body]).1, Err(fault), "{kind} {body:?}");
        }
    }
}

#[test]
fn what_waits_is_bounded() {
    let spec = spec("application/json", &["$.a"], None);
    let hold = spec.limits.json_hold;
    let blanks = format!("{{{}\"a\":1}}", " ".repeat(hold));
    assert_eq!(run(&spec, &[blanks.as_bytes()]).1, Err(BodyErrorKind::TooLarge));
    let long = format!("{{\"a\":\"{}\",\"b\":1}}", "x".repeat(4 * hold));
    assert_eq!(run(&spec, &[long.as_bytes()]).0, r#"{"b":1}"#, "a value that goes nowhere may be of any length");
    let deep = format!("{{\"a\":{}", "[".repeat(300));
    assert_eq!(run(&spec, &[deep.as_bytes()]).1, Err(BodyErrorKind::JsonDepth));
}

/// Documents of few names, so that paths meet them.
fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-20..20).prop_map(Value::from),
        "[a-c\"\\\\ ]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[abc]", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The same with serde_json.
fn without(value: Value, place: &mut Vec<String>, gone: &dyn Fn(&[String]) -> bool) -> Option<Value> {
    if gone(place) {
        return None;
    }
    Some(match value {
        Value::Array(elements) => {
            let inner = elements.into_iter().enumerate().filter_map(|(at, element)| {
                place.push(at.to_string());
                let kept = without(element, place, gone);
                place.pop();
                kept
            });
            Value::Array(inner.collect())
        }
        Value::Object(members) => {
            let inner = members.into_iter().filter_map(|(name, member)| {
                place.push(name.clone());
                let kept = without(member, place, gone);
                place.pop();
                Some((name, kept?))
            });
            Value::Object(inner.collect())
        }
        other => other,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_whole_parser_agrees(document in documents(), pretty: bool, cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5)) {
        let spec = spec("application/json", &["$.a", "$..b.c", "$.c[1]", "$..c[0]"], None);
        let text = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) }.unwrap();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).chain([0, text.len()]).collect();
        places.sort_unstable();
        let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
        let (out, end, _) = run(&spec, &pieces);
        prop_assert_eq!(end, Ok(()));
        let expected = without(document, &mut Vec::new(), &|place| {
            let ends = |end: [&str; 2]| place.len() >= 2 && place[place.len() - 2..] == end;
            place == ["a"] || ends(["b", "c"]) || place == ["c", "1"] || ends(["c", "0"])
        });
        prop_assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), expected.unwrap());
    }
}
