use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::string::string_regex;

use super::*;

/// A JSON text in many spellings; `C` stands for a card in strings.
fn json() -> impl Strategy<Value = String> {
    let space = || string_regex("[ \t\r\n]{0,2}").expect("compiles");
    let character = string_regex(r#"[a-zA-Z0-9 .@é😀-]|\\["\\/bfnrt]|\\u00[4-7][0-9a-f]|\\ud83d\\ude0[0-9a-f]|\\ud83d| c 4111 1111 1111 1111 e | \\u0034111111111111111 |EMP-1234|GONE-1234|SEEN-1234|\{\\"|\[1"#).expect("compiles");
    let text = proptest::collection::vec(character, 0..8).prop_map(|parts| format!("\"{}\"", parts.concat())).boxed();
    let number = string_regex(r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?").expect("compiles");
    let leaf = prop_oneof![
        text.clone(),
        number,
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("4111111111111111".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let element = (space(), inner.clone(), space()).prop_map(|(a, value, b)| format!("{a}{value}{b}")).boxed();
        let member = (space(), text.clone(), space(), element.clone())
            .prop_map(|(a, key, b, value)| format!("{a}{key}{b}:{value}"));
        prop_oneof![
            proptest::collection::vec(element, 0..4).prop_map(|list| format!("[{}]", list.join(","))),
            proptest::collection::vec(member, 0..4).prop_map(|list| format!("{{{}}}", list.join(","))),
            inner.prop_map(|value| serde_json::to_string(&value).expect("a string")),
        ]
    })
}

fn chunks<'a>(text: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    places.sort_unstable();
    let (mut from, mut list) = (0, Vec::new());
    for place in places.into_iter().chain([text.len()]) {
        list.push(&text[from..place]);
        from = place;
    }
    list
}

/// The text of every string and the digits of every number, wherever they stand.
fn leaves(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => {
            found.push(text.clone());
            if let Ok(inner) = serde_json::from_str::<serde_json::Value>(text) {
                leaves(&inner, found);
            }
        }
        serde_json::Value::Number(number) => found.push(number.to_string()),
        serde_json::Value::Array(list) => list.iter().for_each(|value| leaves(value, found)),
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                found.push(key.clone());
                leaves(value, found);
            }
        }
        serde_json::Value::Bool(_) | serde_json::Value::Null => {}
    }
}

fn nothing_to_find() -> Setting {
    let rules = RuleSet::build(vec![spec("t.none", "NONE", regex("no-such-thing"))]).expect("compiles");
    let actions = Arc::new(ActionTable::new(vec![Action::Redact], None));
    Setting {
        scopes: Arc::new(Scopes { rules: Arc::new(rules), actions, paths: Vec::new(), tools: None, restore: None }),
        ..Setting::plain()
    }
}

/// Rules that match over the punctuation of JSON and into escapes, and what replaces them breaks both.
fn hostile() -> Arc<Scopes> {
    static SCOPES: OnceLock<Arc<Scopes>> = OnceLock::new();
    let build = || {
        let patterns = [
            r"[a-c].{1,9}[x-z4]",
            r"\\[nu].{2}",
            r#"":? ?""#,
            r"[0-9]{3,4}\]?",
            r#"[0-9], ?"[a-m]{1,3}"#,
            r"(?-u:\xA9)e?|\x{C3}",
        ];
        let specs = patterns.iter().map(|pattern| spec(&format!("t.{pattern}"), "T", regex(pattern))).collect();
        let actions = ["\"", "]}\\", "", "é\n", "1,", "\u{1}"].map(|text| Action::Replace(text.into()));
        let rules = Arc::new(RuleSet::build(specs).expect("compiles"));
        Arc::new(Scopes {
            rules,
            actions: Arc::new(ActionTable::new(actions.to_vec(), None)),
            paths: Vec::new(),
            tools: None,
            restore: None,
        })
    };
    Arc::clone(SCOPES.get_or_init(build))
}

proptest! {
    #[test]
    fn hostile_rules_give_one_valid_result_too(
        text in json(),
        damage in proptest::option::of((any::<usize>(), string_regex(r#"[ x\]}"\\,0-9-]|\\u00"#).expect("compiles"))),
        cuts in proptest::collection::vec(any::<usize>(), 0..6),
        hold in prop_oneof![Just(1 << 18), 4..20_usize],
        depth in 1..8_usize,
    ) {
        let scopes = hostile();
        let limits = BodyLimits { json_hold: hold, json_depth: depth, ..BodyLimits::default() };
        let mut damaged = text.clone();
        if let Some((at, damage)) = &damage {
            let at = (0..=text.len()).cycle().skip(at % (text.len() + 1)).find(|at| text.is_char_boundary(*at));
            damaged.insert_str(at.unwrap_or(0), damage);
        }
        let run = |chunks: &[&[u8]]| {
            let mut logical = LogicalText::arguments(&scopes.rules, &scopes.actions, &limits);
            let (mut out, mut seen) = (TextOut::default(), Inspection::default());
            for chunk in chunks {
                logical.push(chunk, &mut out, &mut seen).expect("passes");
            }
            logical.finish(&mut out, &mut seen).expect("ends");
            seen.findings.sort_unstable();
            (String::from_utf8_lossy(&out.bytes).into_owned(), seen.findings)
        };
        let whole = run(&[damaged.as_bytes()]);
        prop_assert_eq!(&run(&chunks(damaged.as_bytes(), &cuts)), &whole);
        if damage.is_none() && hold > 20 && depth > 6 {
            prop_assert!(Setting { scopes: nothing_to_find().scopes, ..Setting::plain() }.run(&[whole.0.as_bytes()]).1.is_ok(), "{}", whole.0);
        }
        let setting = Setting { scopes, ..Setting::plain() };
        let (body, ended, seen) = setting.run(&[text.as_bytes()]);
        prop_assert_eq!(ended, Ok(()));
        let (again, ended, seen_again) = setting.run(&chunks(text.as_bytes(), &cuts));
        prop_assert_eq!(ended, Ok(()));
        prop_assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&body));
        prop_assert_eq!(seen_again.findings, seen.findings);
        prop_assert_eq!(nothing_to_find().run(&[&body]).1, Ok(()));
    }

    #[test]
    fn any_chunking_gives_one_valid_result(text in json(), cuts in proptest::collection::vec(any::<usize>(), 0..6)) {
        let setting = Setting::plain();
        let (whole, ended, seen) = setting.run(&[text.as_bytes()]);
        prop_assert_eq!(ended, Ok(()));
        let (out, ended, again) = setting.run(&chunks(text.as_bytes(), &cuts));
        prop_assert_eq!(ended, Ok(()));
        prop_assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&whole));
        prop_assert_eq!(again.findings, seen.findings);
        // Half a surrogate pair is valid by the grammar and refused by this reader.
        if let Ok(value) = serde_json::from_slice::<serde_json::Value>(&whole) {
            let mut found = Vec::new();
            leaves(&value, &mut found);
            for leaf in found {
                prop_assert!(!leaf.contains("c 4111 1111 1111 1111 e"), "{}", leaf);
            }
        } else {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_err(), "{}", text);
        }
    }

    #[test]
    fn what_no_finding_touches_leaves_byte_for_byte(text in json(), cuts in proptest::collection::vec(any::<usize>(), 0..6)) {
        let (out, ended, _) = nothing_to_find().run(&chunks(text.as_bytes(), &cuts));
        prop_assert_eq!(ended, Ok(()));
        prop_assert_eq!(String::from_utf8_lossy(&out), text);
    }

    #[test]
    fn redacting_twice_is_redacting_once(text in json()) {
        let setting = Setting::plain();
        let (once, ..) = setting.run(&[text.as_bytes()]);
        let (twice, ended, _) = setting.run(&[&once]);
        prop_assert_eq!(ended, Ok(()));
        prop_assert_eq!(String::from_utf8_lossy(&twice), String::from_utf8_lossy(&once));
    }

    #[test]
    fn damaged_bodies_end_alike_however_cut(
        text in json(),
        at in any::<usize>(),
        byte in any::<u8>(),
        cuts in proptest::collection::vec(any::<usize>(), 0..6),
    ) {
        let mut bytes = text.into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        for dialect in Dialect::ALL {
            let setting = Setting::dialect(dialect, Direction::Response);
            let (whole, ended, seen) = setting.run(&[&bytes]);
            let (out, again, seen_again) = setting.run(&chunks(&bytes, &cuts));
            prop_assert_eq!(&again, &ended);
            if ended.is_ok() {
                prop_assert_eq!(&out, &whole);
                prop_assert_eq!(seen_again.findings, seen.findings);
            }
        }
    }

    #[test]
    fn damaged_texts_are_still_scanned_alike_however_cut(
        text in json(),
        at in any::<usize>(),
        damage in string_regex(r#"[ x\]}"\\,0-9-]| c 4111 1111 1111 1111 e | jane@example.com |\\u00"#).expect("compiles"),
        cuts in proptest::collection::vec(any::<usize>(), 0..6),
    ) {
        let scopes = scopes();
        let at = (0..=text.len()).cycle().skip(at % (text.len() + 1)).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let (before, after) = text.split_at(at);
        let text = format!("{before}{damage}{after}");
        let run = |chunks: &[&[u8]]| {
            let mut logical = LogicalText::arguments(&scopes.rules, &scopes.actions, &BodyLimits::default());
            let (mut out, mut seen) = (TextOut::default(), Inspection::default());
            for chunk in chunks {
                logical.push(chunk, &mut out, &mut seen).expect("passes");
            }
            logical.finish(&mut out, &mut seen).expect("ends");
            seen.findings.sort_unstable();
            (String::from_utf8_lossy(&out.bytes).into_owned(), seen.findings)
        };
        let whole = run(&[text.as_bytes()]);
        prop_assert_eq!(&run(&chunks(text.as_bytes(), &cuts)), &whole);
        prop_assert!(!whole.0.contains("c 4111 1111 1111 1111 e"), "{}", whole.0);
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..80), cuts in proptest::collection::vec(any::<usize>(), 0..4)) {
        for dialect in Dialect::ALL {
            let setting = Setting { framing: Framing::Sequence, ..Setting::dialect(dialect, Direction::Request) };
            let (_, ended, _) = setting.run(&[&bytes]);
            let (_, again, _) = setting.run(&chunks(&bytes, &cuts));
            prop_assert_eq!(again, ended);
        }
        let _ = index(&bytes, &BodyLimits::default());
        let _ = unescape(&bytes, &mut Vec::new());
    }

    #[test]
    fn the_index_reads_what_another_reader_reads(text in json()) {
        let bytes = text.as_bytes();
        let index = index(bytes, &BodyLimits::default()).expect("is JSON");
        let is_last = |node| {
            let (Some(parent), Some(key)) = (index.parent(node), index.key(node)) else { return true };
            index.member(parent, key) == Some(node)
        };
        let duplicates = !index.nodes().all(is_last);
        for node in index.nodes() {
            let literal = index.literal(node, bytes);
            // Half a surrogate pair is refused by the other reader.
            let Ok(value) = serde_json::from_slice::<serde_json::Value>(literal) else { continue };
            let kind = match &value {
                serde_json::Value::String(text) => {
                    let mut out = Vec::new();
                    unescape(literal, &mut out).expect("is a literal");
                    prop_assert_eq!(&out, text.as_bytes());
                    Kind::String
                }
                serde_json::Value::Object(_) => Kind::Object,
                serde_json::Value::Array(list) => {
                    prop_assert_eq!(index.children(node).count(), list.len());
                    Kind::Array
                }
                serde_json::Value::Number(_) => Kind::Number,
                serde_json::Value::Bool(true) => Kind::True,
                serde_json::Value::Bool(false) => Kind::False,
                serde_json::Value::Null => Kind::Null,
            };
            prop_assert_eq!(index.kind(node), kind);
            if !duplicates {
                prop_assert_eq!(index.get(&index.path(node)), Some(node));
            }
        }
    }
}
