//! Encoded values: found through every spelling, replaced in it, and the same at every split.

use blackbar::engine::{Action, Detector, Output, Pattern, StreamRedactor};
use proptest::prelude::*;
use proptest::test_runner::TestRng;

use super::spelling::{STANDARD, VALUES, base64, hex, read, unbase64, unhex};
use super::support::{regex, run, same_in_pieces, set, spec, usual, whole};

fn each(text: &str, spell: impl Fn(char) -> String) -> String {
    text.chars().map(spell).collect()
}

/// A spelling of a text.
type Spelling = (&'static str, fn(&str) -> String);

const SPELLINGS: &[Spelling] = &[
    ("percent, what must be", |text| {
        each(text, |c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("%{:02X}", c as u32) })
    }),
    ("percent, all", |text| each(text, |c| format!("%{:02x}", c as u32))),
    ("percent twice", |text| each(text, |c| format!("%25{:02X}", c as u32))),
    ("references", |text| each(text, |c| format!("&#{};", c as u32))),
    ("references in hexadecimal", |text| each(text, |c| format!("&#x{:x};", c as u32))),
    ("references twice", |text| each(text, |c| format!("&amp;#{};", c as u32))),
    ("escapes", |text| each(text, |c| format!("\\u{:04x}", c as u32))),
    ("escapes nested", |text| each(text, |c| format!("\\\\u{:04x}", c as u32))),
    ("escapes in braces", |text| each(text, |c| format!("\\u{{{:x}}}", c as u32))),
    ("octal escapes", |text| each(text, |c| format!("\\{:03o}", c as u32))),
    ("percent and u", |text| each(text, |c| format!("%u{:04x}", c as u32))),
    ("quoted-printable, all", |text| each(text, |c| format!("={:02X}", c as u32))),
    ("keycaps", |text| each(text, |c| if c.is_ascii_digit() { format!("{c}\u{fe0f}\u{20e3}") } else { c.to_string() })),
    ("byte escapes", |text| each(text, |c| format!("\\x{:02x}", c as u32))),
    ("full width", |text| {
        each(text, |c| char::from_u32(if c == ' ' { 0x3000 } else { c as u32 + 0xFEE0 }).unwrap_or(c).to_string())
    }),
    ("zero-width spaces", |text| each(text, |c| format!("{c}\u{200b}"))),
    ("soft hyphens", |text| each(text, |c| format!("{c}\u{ad}"))),
    ("arabic digits", |text| {
        each(text, |c| c.to_digit(10).and_then(|digit| char::from_u32(0x660 + digit)).unwrap_or(c).to_string())
    }),
    ("empty tags", |text| each(text, |c| format!("{c}<b></b>"))),
    ("empty spans", |text| each(text, |c| format!("{c}<span></span>"))),
    ("dashes", |text| text.replace('-', "\u{2011}")),
    ("base64", |text| base64(text.as_bytes(), STANDARD, true)),
    ("base64 unpadded", |text| base64(text.as_bytes(), STANDARD, false)),
    ("base64 of a sentence", |text| base64(format!("call me: {text} or not").as_bytes(), STANDARD, true)),
    ("hexadecimal", |text| hex(text.as_bytes(), false)),
];

#[test]
fn every_spelling_is_found_and_written_as_it_was() {
    let (rules, actions) = usual();
    for (name, spell) in SPELLINGS {
        for (value, part) in VALUES {
            let spelled = spell(value);
            for text in [spelled.clone(), format!("it is {spelled}, she said"), format!("x={spelled}&y=1")] {
                let redacted = whole(&rules, &actions, &text);
                assert_ne!(redacted, text, "{name}");
                if name.contains("base64") {
                    let run = redacted
                        .split([' ', ',', '&'])
                        .map(|word| word.strip_prefix("x=").unwrap_or(word))
                        .max_by_key(|word| word.len())
                        .unwrap();
                    let decoded = unbase64(run, STANDARD).and_then(|bytes| String::from_utf8(bytes).ok());
                    let decoded = decoded.unwrap_or_else(|| panic!("{name}: {redacted} is broken"));
                    assert!(!decoded.contains(part), "{name}: {decoded}");
                    assert!(decoded.contains('*') || decoded.contains('['), "{name}: {decoded}");
                } else if *name == "hexadecimal" {
                    assert!(!redacted.contains(&spell(part)), "{name}: {redacted}");
                } else {
                    assert!(!read(&redacted).replace([' ', '-'], "").contains(part), "{name}: {redacted}");
                }
            }
        }
    }
}

/// Three bytes of base64 are one group, and two values may have a part of it each.
#[test]
fn values_that_share_a_group_are_each_replaced() {
    let (rules, actions) = set(
        vec![
            spec("card", Pattern::Detector(Detector::Card)),
            spec("mail", Pattern::Detector(Detector::Email)),
            regex("id", r"\b[A-Z]{2}[0-9]", None),
        ],
        vec![Action::Redact, Action::Mask, Action::Redact],
    );
    for (text, wanted) in [
        ("a@example.com,b@example.org", "*@*******.***,*@*******.***"),
        ("aa@example.com,b@example.org", "**@*******.***,*@*******.***"),
        ("aaa@example.com,b@example.org", "***@*******.***,*@*******.***"),
        ("4111111111111111,jane@example.com", "[CARD],***@*******.***"),
        ("x jane@example.com,4111111111111111.", "x ****@*******.***,[CARD]."),
        ("numbers: AB1 CD2,EF3", "numbers: [ID] [ID],[ID]"),
    ] {
        for padded in [true, false] {
            let run_of = base64(text.as_bytes(), STANDARD, padded);
            let whole = whole(&rules, &actions, &run_of);
            let decoded = String::from_utf8(unbase64(&whole, STANDARD).unwrap()).unwrap();
            // What fills a group up stands behind the replacement, so stars are not counted.
            let unfilled = |text: &str| text.replace('*', "");
            assert_eq!(unfilled(&decoded), unfilled(wanted), "{decoded}");
            for cut in 0..run_of.len() {
                let (left, right) = run_of.as_bytes().split_at(cut);
                let halves = run(&rules, &actions, &[left, right]);
                assert_eq!(String::from_utf8_lossy(&halves.text), whole, "{text} at {cut}");
            }
        }
    }
}

/// What a person has let pass shares groups with what they have not.
#[test]
fn what_is_approved_shows_nothing_of_what_shares_its_group() {
    let specs =
        || vec![spec("card", Pattern::Detector(Detector::Card)), spec("mail", Pattern::Detector(Detector::Email))];
    for (actions, kept, hidden) in [
        ([Action::Approved, Action::Mask], "4111111111111111", ["jane", "ane@", "example"]),
        ([Action::Mask, Action::Approved], "jane@example.com", ["4111", "1111", "111,"]),
    ] {
        let (rules, actions) = set(specs(), actions.to_vec());
        for before in ["", "x", "xy"] {
            for values in ["4111111111111111,jane@example.com", "jane@example.com,4111111111111111"] {
                for padded in [true, false] {
                    let run_of = base64(format!("{before} {values} ok").as_bytes(), STANDARD, padded);
                    let whole = whole(&rules, &actions, &run_of);
                    let decoded = String::from_utf8(unbase64(&whole, STANDARD).unwrap()).unwrap();
                    assert!(decoded.contains(kept), "{values}: {decoded}");
                    assert!(hidden.iter().all(|part| !decoded.contains(part)), "{values}: {decoded}");
                }
            }
        }
    }
}

/// A match too long to be held leaves in pieces: no piece shows what the next one hides, wherever the text was cut.
#[test]
fn a_long_match_in_base64_is_replaced_in_whole_groups() {
    for (most, action) in [(3, Action::Mask), (2, Action::Mask), (7, Action::Redact), (5, Action::Hash)] {
        let (rules, actions) = set(vec![regex("endless", "11[1é]*", Some(most))], vec![action]);
        for before in ["some ", "of two", "a number"] {
            let text = base64(format!("{before}{}, or so", "111é1".repeat(9)).as_bytes(), STANDARD, false);
            let whole = whole(&rules, &actions, &text);
            let decoded = unbase64(&whole, STANDARD).unwrap_or_else(|| panic!("{whole} is broken"));
            let decoded = String::from_utf8(decoded).unwrap();
            let inside = decoded.strip_prefix(before).and_then(|rest| rest.strip_suffix(", or so")).unwrap();
            assert!(!inside.replace("]", "").contains(['1', 'é']) || inside.contains('_'), "{decoded}");
            for largest in 1..9 {
                let pieces: Vec<&[u8]> = text.as_bytes().chunks(largest).collect();
                let cut = run(&rules, &actions, &pieces);
                assert_eq!(String::from_utf8_lossy(&cut.text), whole, "{before} in pieces of {largest}");
            }
        }
    }
}

/// A match in pieces is written as its stretches are, and what cannot be seen between two pieces is inside it.
#[test]
fn a_long_match_over_encoded_characters_is_one_at_every_split() {
    let (rules, actions) = set(
        vec![regex("endless", "1[1-]*1", Some(3)), regex("key", r"\bsk-[a-z0-9]{20,}", Some(24))],
        vec![Action::Mask, Action::Redact],
    );
    for (text, wanted) in [
        ("%44?1-%31-1-1-11-1", "%44?%2A-%2A-*-*-**-*"),
        ("1-%31-1-11 x", "%2A-%2A-*-** x"),
        ("sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\u{200b}aaa.", "[KEY]."),
        ("sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\u{200b} aaa.", "[KEY]\u{200b} aaa."),
        ("sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%E2%80%8B&shy;aaa.", "[KEY]."),
        // Both looks see the beginning, and one of them the rest.
        ("11\u{200b}-1 11\u{200b}-1", "**-* **-*"),
        ("x\u{200b} 1-1\u{200b}-11", "x\u{200b} *-*-**"),
        ("%33 1-1-\\u0031-1-", "%33 *-*-*-*-"),
        ("--11\u{200b}-1\u{200b}1`3----11\u{200b}-1\u{200b}1", "--**-**`3----**-**"),
        ("x\u{200b} sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\u{200b}aaa.", "x\u{200b} [KEY]."),
    ] {
        let mut out = Output::default();
        StreamRedactor::new(rules.clone(), actions.clone())
            .push_last(text.as_bytes(), &mut out)
            .expect("nothing blocks");
        assert_eq!(String::from_utf8_lossy(&out.bytes), wanted, "{text} in one call");
        for largest in 1..=text.len() {
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(largest).collect();
            let cut = run(&rules, &actions, &pieces);
            assert_eq!(String::from_utf8_lossy(&cut.text), wanted, "{text} in pieces of {largest}");
        }
    }
}

/// A view goes on behind its last encoded character for as long as a match does that begins before it.
#[test]
fn an_encoded_character_hides_no_long_match() {
    let (rules, actions) = usual();
    for (text, wanted) in [
        (format!("sk-%61{} x", "a".repeat(1000)), "%5BSK%5D x"),
        (format!("sk-\u{200b}{} x", "a".repeat(300)), "[SK] x"),
        (
            format!("eyJ%68{}.eyJ{}.{} x", "a".repeat(1000), "b".repeat(1000), "c".repeat(100)),
            "%5BJWT_7796b6c26539c2bf%5D x",
        ),
    ] {
        for largest in [1, 7, 100, 5000] {
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(largest).collect();
            let cut = run(&rules, &actions, &pieces);
            assert_eq!(String::from_utf8_lossy(&cut.text), wanted, "in pieces of {largest}");
        }
    }
}

/// A run is a text of its own: a digit before it is no part of the number in it.
#[test]
fn a_number_at_the_beginning_of_a_run_is_whole() {
    let (rules, actions) = usual();
    for value in ["078-05-1120", "4111 1111 1111 1111", "(212) 555-0123"] {
        for before in ["data:text/plain;base64,", "64,", "1.", "4/ ", "no 12 "] {
            let run = base64(format!("{value} or so").as_bytes(), STANDARD, true);
            let redacted = whole(&rules, &actions, &format!("{before}{run}"));
            let decoded = unbase64(redacted.strip_prefix(before).unwrap(), STANDARD).unwrap();
            assert!(decoded.starts_with(b"*") || decoded.starts_with(b"(*"), "{value} behind {before}");
        }
    }
}

#[test]
fn every_split_gives_the_same() {
    let (rules, actions) = usual();
    for (name, spell) in SPELLINGS {
        for (value, _) in VALUES {
            let text = format!("it is {}, she said", spell(value));
            let wanted = run(&rules, &actions, &[text.as_bytes()]);
            for cut in 0..=text.len() {
                let (left, right) = text.as_bytes().split_at(cut);
                let halves = run(&rules, &actions, &[left, right]);
                assert_eq!(
                    (String::from_utf8_lossy(&halves.text), &halves.findings),
                    (String::from_utf8_lossy(&wanted.text), &wanted.findings),
                    "{name} at {cut}"
                );
            }
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            let bytes = run(&rules, &actions, &bytes);
            assert_eq!(String::from_utf8_lossy(&bytes.text), String::from_utf8_lossy(&wanted.text), "{name}");
        }
    }
}

/// Spellings, their beginnings, and words in any order and any chunking.
#[test]
fn any_chunking_of_spellings_gives_one_result() {
    let mut rng = TestRng::from_seed(prop::test_runner::RngAlgorithm::ChaCha, &[11; 32]);
    let (rules, actions) = usual();
    let mut number = |below: usize| rng.next_u32() as usize % below;
    let rounds = if std::env::var_os("BLACKBAR_LONG").is_some() { 200_000 } else { 3000 };
    for _ in 0..rounds {
        let mut text = String::new();
        for _ in 0..1 + number(8) {
            let (value, _) = VALUES[number(VALUES.len())];
            match number(6) {
                0 => text.push_str(value),
                1 => text.push_str(
                    [
                        "the ", "%", "&am", "\\", "=", "\u{200b}", "%2", "=20", "%25", "é", "<", "<b", "<!--", "1+",
                        "00+02:00", "</i>",
                    ][number(16)],
                ),
                2 => text.push_str(["customer said ", "100% & more ", "a=b&c=d ", "\n", "  "][number(5)]),
                3 => text.push_str(&"plain words again and again ".repeat(number(30))),
                _ => text.push_str(&SPELLINGS[number(SPELLINGS.len())].1(value)),
            }
        }
        let wanted = run(&rules, &actions, &[text.as_bytes()]);
        same_in_pieces(&rules, &actions, &text, &wanted, &[1, 3, 40, 400], &mut number);
    }
}

/// What cannot be seen holds a value open, but not for as long as it goes on.
#[test]
fn invisible_characters_do_not_hold_without_end() {
    let (rules, actions) = usual();
    let few = format!("4111 {}1111 1111 1111", "\u{200b}".repeat(200));
    assert!(!whole(&rules, &actions, &few).contains("1111 1111"));
    let many = format!("4111 {}1111 1111 1111", "\u{200b}".repeat(20_000));
    let result = run(&rules, &actions, &many.as_bytes().chunks(100).collect::<Vec<_>>());
    assert!(result.peak < 4096, "{}", result.peak);
}

/// Base64 and passwords end with the sign of a soft line break. The next line is none of them, by the packs that hold where
/// nothing is told and at every split; what an encoder has broken, or who hides a number, is found as before.
#[test]
fn a_sign_at_the_end_of_a_line_hides_no_line() {
    let loaded = blackbar::policy::load_rules(None).expect("the packs compile");
    let scopes = loaded.scopes(blackbar::body::Direction::Request);
    let (rules, actions) = (scopes.rules.clone(), scopes.actions.clone());
    let head = "The card for this order, as the customer told us in her last call, is";
    let (wrapped, joined) = (format!("{head} 4111 1111=\n 1111 1111."), format!("{head} **** **** **** 1111."));
    for (text, wanted) in [
        (
            "SESSION_SECRET=aK9/sQ2LmZx9Bv4Np7Rtqq==\nDEBUG=false\nPORT=3000\n",
            "SESSION_SECRET=[SECRET]\nDEBUG=false\nPORT=3000\n",
        ),
        (
            "DB_PASSWORD=Tr0ub4dor=\nDB_HOST=db1.internal\nPORT=1\n",
            "DB_PASSWORD=[SECRET]\nDB_HOST=db1.internal\nPORT=1\n",
        ),
        ("my password is Tr0ub4dor=\nthanks a lot, Jane", "my password is [SECRET]=\nthanks a lot, Jane"),
        ("GET /x?token=abc123def456ghi=\nHost: api.example.com\n", "GET /x?token=[SECRET]\nHost: api.example.com\n"),
        (
            "GET /x?token=abc123def456ghi=\r\nHost: api.example.com\r\n",
            "GET /x?token=[SECRET]\r\nHost: api.example.com\r\n",
        ),
        ("it is 4111 11=\n11 1111 1111, she said", "it is **** **** **** 1111, she said"),
        ("it is 4111=\r\n 1111 1111 1111, she said", "it is **** **** **** 1111, she said"),
        (wrapped.as_str(), joined.as_str()),
        ("postgres://app:s3cr3tPw9@db.example.com/x", "postgres://app:[SECRET]@db.example.com/x"),
    ] {
        assert_eq!(whole(&rules, &actions, text), wanted);
        for cut in 0..=text.len() {
            let (left, right) = text.as_bytes().split_at(cut);
            let halves = run(&rules, &actions, &[left, right]);
            assert_eq!(String::from_utf8_lossy(&halves.text), wanted, "at {cut}");
        }
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(String::from_utf8_lossy(&run(&rules, &actions, &bytes).text), wanted);
    }
}

/// Markdown's marks round groups of a number have no place in it; those round other things have.
#[test]
fn emphasis_within_a_number_is_passed_over() {
    let (rules, actions) = usual();
    for (text, wanted) in [
        ("card 4111 **1111** 1111 1111 ok", "card **** **** **** 1111 ok"),
        ("**4111**-1111-1111-1111", "******-****-****-1111"),
        ("`4111` `1111` `1111` `1111`", "`**** **** **** 1111`"),
        ("*4111 1111* 1111 1111", "***** **** **** 1111"),
        ("3782 *822463* 10005", "**** ****** *0005"),
        ("1024* 2048 *4096 8192", "1024* 2048 *4096 8192"),
        ("ports `5432` `6379` `8080` `9090`", "ports `5432` `6379` `8080` `9090`"),
        ("4111 **1111** 1111 1112", "4111 **1111** 1111 1112"),
        ("4111,1111,1111,1111", "4111,1111,1111,1111"),
    ] {
        let one = run(&rules, &actions, &[text.as_bytes()]);
        assert_eq!(String::from_utf8_lossy(&one.text), wanted, "{text}");
        for cut in 0..=text.len() {
            let (left, right) = text.as_bytes().split_at(cut);
            let halves = run(&rules, &actions, &[left, right]);
            assert_eq!(String::from_utf8_lossy(&halves.text), wanted, "{text} at {cut}");
            assert_eq!(halves.findings, one.findings, "{text} at {cut}");
        }
        assert_eq!(whole(&rules, &actions, wanted), wanted, "{text} once more");
    }
}

/// What a run of base64 or hexadecimal holds is JSON to who opens it: a string stands where a number stood.
#[test]
fn a_number_of_json_in_a_run_becomes_a_string() {
    let (rules, actions) = set(vec![spec("card", Pattern::Detector(Detector::Card))], vec![Action::KeepLast4]);
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (text, wanted) in [
        (r#"{"order":7,"card":4111111111111111,"t":"x"}"#, r#"{"order":7,"card":"1111","t":"x"}"#),
        (r#"{"card": 4111111111111111}"#, r#"{"card": "1111"}"#),
        ("{\"a\": 1,\n  \"card\" : 4111111111111111\n}", "{\"a\": 1,\n  \"card\" : \"1111\"\n}"),
        (r#"{"cards":[4111111111111111,"x"]}"#, r#"{"cards":["1111","x"]}"#),
        (r#"{"cards":[1, 4111111111111111]}"#, r#"{"cards":[1, "1111"]}"#),
        (r#"{"in":"{\"card\":4111111111111111}"}"#, r#"{"in":"{\"card\":\"1111\"}"}"#),
        (r#"{"card":"4111111111111111"}"#, r#"{"card":"1111"}"#),
        (r#"{"text":"a card: 4111111111111111, b"}"#, r#"{"text":"a card: 1111, b"}"#),
        ("a line, 4111111111111111, and more", "a line, 1111, and more"),
    ] {
        for padded in [true, false] {
            for run_of in [base64(text.as_bytes(), STANDARD, padded), hex(text)] {
                let whole = whole(&rules, &actions, &run_of);
                let decoded = if run_of.starts_with(&hex(&text[..4])) {
                    let byte = |at: usize| u8::from_str_radix(&whole[at..at + 2], 16).unwrap();
                    (0..whole.len()).step_by(2).map(byte).collect()
                } else {
                    unbase64(&whole, STANDARD).unwrap()
                };
                let decoded = String::from_utf8(decoded).unwrap();
                assert_eq!(decoded.replace('*', ""), wanted, "{decoded}");
                for cut in 0..run_of.len() {
                    let (left, right) = run_of.as_bytes().split_at(cut);
                    let halves = run(&rules, &actions, &[left, right]);
                    assert_eq!(String::from_utf8_lossy(&halves.text), whole, "{text} at {cut}");
                }
            }
        }
    }
}

/// A UUID is no number, at any split, and digits in other groups are.
#[test]
fn uuids_stay() {
    let (rules, actions) = super::support::usual();
    for (text, stays) in [
        ("65163932-1773-4469-80d7-4cce032bedc6", true),
        ("run 65163932-1773-4469-80d7-4cce032bedc6, next", true),
        ("4111-1111-1111-1111", false),
        ("65163932-1773-4469", false),
        ("x 65163932-1773-4469-80d7-4cce032bedc and more", false),
    ] {
        let all = whole(&rules, &actions, text);
        assert_eq!(all == text, stays, "{text}: {all}");
        for cut in 0..text.len() {
            let (left, right) = text.as_bytes().split_at(cut);
            let halves = run(&rules, &actions, &[left, right]);
            assert_eq!(String::from_utf8_lossy(&halves.text), all, "{text} at {cut}");
        }
    }
}

/// Encoders break long runs into lines, and a value that goes over a line's end is found whole.
#[test]
fn a_run_goes_on_in_the_next_line() {
    let (rules, actions) = set(
        vec![
            spec("card", Pattern::Detector(Detector::Card)),
            regex("key", r"\bghp_[A-Za-z0-9]{36}\b", None),
            spec("mail", Pattern::Detector(Detector::Email)),
        ],
        vec![Action::Mask, Action::Redact, Action::Redact],
    );
    let values = ["4111111111111111", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "jane.roe@example.com"];
    for (value, (width, end)) in
        values.iter().flat_map(|value| [(76, "\r\n"), (64, "\n"), (60, "\n   ")].map(|lines| (value, lines)))
    {
        for before in 30..60 {
            let plain = format!("{} {value} and so on, and on, for a while. ", "words".repeat(12).split_at(before).0);
            for hexadecimal in [false, true] {
                let run =
                    if hexadecimal { hex(plain.as_bytes(), false) } else { base64(plain.as_bytes(), STANDARD, true) };
                let lines: Vec<_> =
                    run.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
                let text = format!("body:{end}{}{end}-- ", lines.join(end));
                let redacted = whole(&rules, &actions, &text);
                let rest =
                    redacted.strip_prefix(&format!("body:{end}")).unwrap().strip_suffix(&format!("{end}-- ")).unwrap();
                let run: String = rest.split_whitespace().collect();
                let left = if hexadecimal { unhex(&run) } else { unbase64(&run, STANDARD) };
                let left = String::from_utf8(left.unwrap()).unwrap();
                assert!(
                    values.iter().all(|value| !left.contains(&value[2..8])) && left.contains("and so on"),
                    "{left}"
                );
            }
            let text = base64(plain.as_bytes(), STANDARD, true);
            let (one, two) = text.split_at(width);
            let text = format!("body:{end}{one}{end}{two}{end}-- ");
            let wanted = run(&rules, &actions, &[text.as_bytes()]);
            let halves = (0..=text.len()).step_by(if before == 30 { 1 } else { 7 }).map(|cut| {
                let (left, right) = text.as_bytes().split_at(cut);
                vec![left, right]
            });
            for pieces in halves.chain([1, 3].map(|size| text.as_bytes().chunks(size).collect())) {
                let cut = run(&rules, &actions, &pieces);
                assert_eq!(
                    (String::from_utf8_lossy(&cut.text), &cut.findings),
                    (String::from_utf8_lossy(&wanted.text), &wanted.findings)
                );
            }
        }
    }
    // Lines of other lengths are runs of their own, and so is what follows one that is filled up.
    let one = base64(b"the card is 4111111111111111", STANDARD, false);
    for two in [one.as_str(), "plain words, 4111111111111111"] {
        let redacted = whole(&rules, &actions, &format!("{one}\n{two}\n"));
        let mut lines = redacted.lines();
        let first = unbase64(lines.next().unwrap(), STANDARD).map(|text| String::from_utf8(text).unwrap());
        assert_eq!(first.as_deref(), Some("the card is ****************"));
        assert!(lines.next().is_some_and(|line| !line.contains("4111") && line != one), "{redacted}");
    }
}
