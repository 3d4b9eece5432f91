#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a failed test")]

use proptest::prelude::*;

use super::*;
use crate::engine::{Action, Detector, EntityType, Keywords, Pattern, RuleId, RuleSet, RuleSpec};

fn scopes(card: Action) -> Arc<Scopes> {
    let rule = |id: &str, pattern| RuleSpec {
        id: RuleId::new(id),
        entity: EntityType::new("X"),
        pattern,
        validator: None,
        keywords: None,
        suppressions: Vec::new(),
        priority: 0,
        confidence: 80,
    };
    let badge = || Pattern::Regex { pattern: String::from(r"\bEMP-[0-9]{6}\b"), max_len: None };
    let number = Pattern::Regex { pattern: String::from(r"\b[0-9]{7}\b"), max_len: None };
    let rules = RuleSet::build(vec![
        rule("card", Pattern::Detector(Detector::Card)),
        rule("badge", badge()),
        RuleSpec {
            keywords: Some(Keywords {
                words: vec![String::from("tariff"), String::from("token")],
                before: 20,
                after: 0,
            }),
            ..rule("tariff", number)
        },
    ]);
    let actions = ActionTable::new(vec![card, Action::Replace("<\"gone\">".into()), Action::Observe], None);
    Arc::new(Scopes {
        rules: Arc::new(rules.unwrap()),
        actions: Arc::new(actions),
        paths: Vec::new(),
        tools: None,
        restore: None,
    })
}

fn run_in(scopes: &Scopes, html: bool, chunks: &[&[u8]]) -> (String, Inspection) {
    let (mut body, mut out, mut seen) = (MarkupBody::new(scopes, html), Vec::new(), Inspection::default());
    for chunk in chunks {
        body.push(chunk, &mut out, &mut seen).unwrap();
    }
    body.finish(&mut out, &mut seen).unwrap();
    assert_eq!(body.held(), 0);
    seen.findings.sort_unstable();
    (String::from_utf8(out).unwrap(), seen)
}

/// Runs a body whole and at every split, which must agree.
fn run(scopes: &Scopes, html: bool, body: &str) -> (String, Inspection) {
    let whole = run_in(scopes, html, &[body.as_bytes()]);
    for at in 0..=body.len() {
        let (first, second) = body.as_bytes().split_at(at);
        let split = run_in(scopes, html, &[first, second]);
        assert_eq!((&split.0, &split.1.findings), (&whole.0, &whole.1.findings), "{body} at {at}");
    }
    let bytes: Vec<_> = body.as_bytes().chunks(1).collect();
    assert_eq!(run_in(scopes, html, &bytes).0, whole.0, "{body}");
    whole
}

#[test]
fn values_are_found_over_tags_comments_and_sections() {
    let scopes = scopes(Action::KeepLast4);
    for (body, wanted) in [
        ("<p>4111 <b>1111</b> 1111 1111</p>", "<p>**** <b>****</b> **** 1111</p>"),
        ("<p>4111 1111<!-- x < y --> 1111 1111</p>", "<p>**** ****<!-- x < y --> **** 1111</p>"),
        ("<svg>4111 <![CDATA[1111 11]]>11 1111</svg>", "<svg>**** <![CDATA[**** **]]>** 1111</svg>"),
        ("<a><![CDATA[4111]]]]><![CDATA[]1111]]></a>", "<a><![CDATA[4111]]]]><![CDATA[]1111]]></a>"),
        ("<x:span>4111</x:span>111111111111", "<x:span>****</x:span>********1111"),
        ("<p>4111<?pi 4?>111111111111</p>", "<p>****<?pi 4?>********1111</p>"),
        // Fields are not one value.
        ("<td>4111</td><td>111111111111</td>", "<td>4111</td><td>111111111111</td>"),
        ("4111<br>111111111111", "4111<br>111111111111"),
        // As they stand, in all that is no text of an element.
        ("<a t='4111111111111111' u=4111111111111111>", "<a t='************1111' u=************1111>"),
        ("<!-- 4111111111111111 -->", "<!-- ************1111 -->"),
        (
            "<?x 4111111111111111?><!DOCTYPE x [<!ENTITY y '4111111111111111'>]>x",
            "<?x ************1111?><!DOCTYPE x [<!ENTITY y '************1111'>]>x",
        ),
        ("<script>a < '4111111111111111' </scrip></script>", "<script>a < '************1111' </scrip></script>"),
        ("a < 4111111111111111 << 4</ b", "a < ************1111 << 4</ b"),
        // A mask of another length stands where the value began.
        ("<p>&#52;111 <i>1111</i>&#32;11111111", "<p>**** **** ****1111<i></i>"),
    ] {
        let (out, seen) = run(&scopes, true, body);
        assert_eq!(out, wanted);
        let found: u64 = seen.findings.iter().map(|(_, _, count)| count).sum();
        assert_eq!(
            found,
            u64::from(body != wanted) + u64::from(body.matches("4111111111111111").count() == 2),
            "{body}"
        );
    }
}

#[test]
fn what_is_new_is_escaped_as_its_place_asks() {
    let scopes = scopes(Action::Redact);
    for (body, wanted) in [
        ("<a>EMP-123456</a>", "<a>&lt;\"gone\"&gt;</a>"),
        ("<a b=\"EMP-123456\" c='EMP-123456'/>", "<a b=\"&lt;&quot;gone&quot;&gt;\" c='&lt;\"gone\"&gt;'/>"),
        ("<a b=EMP-123456>", "<a b=__gone__>"),
        ("<svg><![CDATA[EMP-123456]]></svg>", "<svg><![CDATA[<\"gone\" ]]></svg>"),
        ("<!--EMP-123456-->", "<!--<\"gone\" -->"),
        ("<p>EMP-<b>123456</b>.</p>", "<p>&lt;\"gone\"&gt;<b></b>.</p>"),
        ("<a>4111 <b>1111</b> 1111 1111</a>", "<a>[X]<b></b></a>"),
    ] {
        assert_eq!(run(&scopes, true, body).0, wanted);
    }
}

/// What stands in a name stays one, and tags that belong together stay alike.
#[test]
fn names_stay_names() {
    for (action, masked) in [
        (Action::Mask, "x________________"),
        (Action::KeepLast4, "x____________1111"),
        (Action::Redact, "x_X_"),
        (Action::Remove, "x"),
        (Action::Replace("9 <\u{2026}:".into()), "x9____"),
    ] {
        let scopes = scopes(action);
        for body in [
            "<x4111111111111111>a</x4111111111111111>",
            "<p><x4111111111111111/>a<x4111111111111111 b='c'>d</x4111111111111111></p>",
            "<p:x4111111111111111 xmlns:p='u'>a</p:x4111111111111111>",
            "<a x4111111111111111='b'/>",
            "<?x4111111111111111 b?><a/>",
            "<?x4111111111111111?><a/>",
            "<!DOCTYPE x4111111111111111><x4111111111111111/>",
            "<!DOCTYPE a [<!ENTITY x4111111111111111 'b'><!ENTITY c '&x4111111111111111;'>]><a b='&x4111111111111111;'>\
             &x4111111111111111; &c;</a>",
            "<!DOCTYPE a [<!ENTITY % x4111111111111111 'b'><!ENTITY c '%x4111111111111111; d'>%x4111111111111111;\
             <!ELEMENT x4111111111111111 ANY><!ATTLIST x4111111111111111 b CDATA #IMPLIED>\
             <!NOTATION x4111111111111111 SYSTEM 'd'>]><a/>",
        ] {
            let out = run(&scopes, false, body).0;
            assert_eq!(out, body.replace("x4111111111111111", masked), "{body}");
            well_formed(&out);
        }
        // A value stays what it was masked with, and no attribute is there twice.
        let body = "<a x4111111111111111='4111111111111111' b='' x4012888888881881='c'/>";
        let out = run(&scopes, false, body).0;
        assert!(out.starts_with(&format!("<a {masked}='")) && !out.contains("4012888888881881"), "{out}");
        well_formed(&out);
    }
    // At the very beginning of a name.
    for (given, masked) in [("", "_"), ("7f", "_7f"), ("-a", "_-a"), ("<a>", "_a_"), ("\u{e9}a", "_a"), ("a:b", "a_b")]
    {
        let base = scopes(Action::Mask);
        let actions = ActionTable::new(vec![Action::Mask, Action::Replace(given.into()), Action::Observe], None);
        let scopes = Scopes { actions: Arc::new(actions), ..(*base).clone() };
        for body in [
            "<EMP-123456>a</EMP-123456>",
            "<EMP-123456/>",
            "<p:EMP-123456 xmlns:p='u'/>",
            "<a EMP-123456='b'/>",
            "<!DOCTYPE EMP-123456 [<!ELEMENT EMP-123456 ANY>]><EMP-123456/>",
        ] {
            let out = run(&scopes, false, body).0;
            assert_eq!(out, body.replace("EMP-123456", masked), "{body}");
            well_formed(&out);
        }
    }
    // In HTML too, where pages are often both.
    let out = run(&scopes(Action::Mask), true, "<p x4111111111111111=4111111111111111>a</p>").0;
    assert_eq!(out, "<p x________________=****************>a</p>");
}

/// Sees that a document of XML is one.
fn well_formed(text: &str) {
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let good = |name: &[u8]| {
        let first = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        first && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(byte))
    };
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag) => {
                assert!(good(tag.name().as_ref()), "{text}");
                // No name is there twice, or this is an error.
                tag.attributes().for_each(|attribute| assert!(good(attribute.unwrap().key.as_ref()), "{text}"));
            }
            quick_xml::events::Event::PI(said) => assert!(good(said.target()), "{text}"),
            quick_xml::events::Event::DocType(said) => {
                let said: &[u8] = &said;
                let end = said.iter().position(|byte| b" [".contains(byte)).unwrap_or(said.len());
                assert!(good(&said[..end]), "{text}");
            }
            quick_xml::events::Event::Eof => return,
            _ => {}
        }
    }
}

/// HTML is read as browsers mend it: nothing that only they see as one text passes.
#[test]
fn html_is_read_as_browsers_do() {
    let scopes = scopes(Action::KeepLast4);
    const FOUR: [&str; 4] = ["4111", "1111", "1111", "1111"];
    for between in [
        "<!-->",
        "<!--->",
        "<!---->",
        "<!--x--!>",
        "<!--x->y--!-->",
        "<!--!-->",
        "<!x>",
        "<!>",
        "<!-x>",
        "<!DOCTYPE a [b>",
        "<![CDATA[x>",
        "<?x>",
        "</>",
        "</ x>",
        "</1>",
        "</b >",
        "</B/x='>'>",
        "<b>",
        "<i x=y='>",
        "<i x=\"y\">",
        "<i x='>' y= \">\" z = '>'>",
        "<x-unknown>",
        "<o:p></o:p>",
        "<script>x</script>",
        "<script>'<!--<script></script><i x=\"'</script>",
        "<style>x > y</style>",
        "<meta name=x>",
    ] {
        let body = format!("<p>{}</p>", FOUR.join(between));
        let wanted = format!("<p>{}</p>", ["****", "****", "****", "1111"].join(between));
        assert_eq!(run(&scopes, true, &body).0, wanted);
    }
    for (body, wanted) in [
        // A comment in an element without tags is none: what follows is read.
        ("<title><!--</title><p>4111<b>111111111111", "<title><!--</title><p>****<b>********1111"),
        (
            "<textarea></text><p x='</textarea><p>4111<b>111111111111",
            "<textarea></text><p x='</textarea><p>****<b>********1111",
        ),
        ("<svg><p><![CDATA[x></p><p>4111<b>111111111111", "<svg><p><![CDATA[x></p><p>****<b>********1111"),
        ("<svg><title><b>4111</b>111111111111</title></svg>", "<svg><title><b>****</b>********1111</title></svg>"),
        ("<plaintext>4111</plaintext>111111111111", "<plaintext>4111</plaintext>111111111111"),
        ("4111<p>111111111111", "4111<p>111111111111"),
        ("4111<1>111111111111 < b>", "4111<1>111111111111 < b>"),
    ] {
        assert_eq!(run(&scopes, true, body).0, wanted, "{body}");
    }
    let (out, seen) = run(&scopes, true, "<p>&#52&#49&#49&#49 1111<b> 1111&nbsp1111</b>");
    assert!(!out.contains("&#52") && !out.contains("&#49") && seen.findings.len() == 1, "{out}");
}

/// The number of a reference may have any number of zeros before it.
#[test]
fn zeros_of_references_are_no_text() {
    let scopes = scopes(Action::KeepLast4);
    for zeros in [0, 8, 9, 15, 16, 17, 36, 37, 38, 100, 2000] {
        let zeros = "0".repeat(zeros);
        for html in [true, false] {
            for (body, wanted) in [
                (format!("<a>EMP&#{zeros}45;123456</a>"), "<a>&#60;&#34;gone&#34;&#62;</a>"),
                (format!("<a>EMP&#x{zeros}2d;<b>123456</b>.</a>"), "<a>&#60;&#34;gone&#34;&#62;<b></b>.</a>"),
                (format!("<a>&#{zeros}52;111 1111&#{zeros}32;1111 1111</a>"), "<a>**** **** **** 1111</a>"),
            ] {
                let (out, seen) = match zeros.len() {
                    0..=100 => run(&scopes, html, &body),
                    _ => run_in(&scopes, html, &[body.as_bytes()]),
                };
                assert_eq!((out.as_str(), seen.findings.len()), (wanted, 1), "{body}");
            }
        }
    }
    // They are none of it where markup comes between, and no more than may stand in a text.
    for body in [
        format!("<p>&#{}<b>0</b>0004111111111111111</p>", "0".repeat(40)),
        format!("<p>&#{}</p><p>0004111</p>", "0".repeat(40)),
    ] {
        assert_eq!(run(&scopes, true, &body).0, body);
    }
    let much = format!("<p>EMP&#{}45;123456</p>", "0".repeat(BETWEEN + 40));
    let whole = run_in(&scopes, true, &[much.as_bytes()]).0;
    assert_eq!(run_in(&scopes, true, &much.as_bytes().chunks(7).collect::<Vec<_>>()).0, whole);
    let (mut body, mut out, mut seen) = (MarkupBody::new(&scopes, true), Vec::new(), Inspection::default());
    body.push(b"<p>EMP&#", &mut out, &mut seen).unwrap();
    for _ in 0..1000 {
        body.push(&[b'0'; 100], &mut out, &mut seen).unwrap();
        assert!(body.held() < 2 * BETWEEN);
    }
}

/// A rule for fields that are called `password`.
fn fields() -> Scopes {
    let field = RuleSpec {
        id: RuleId::new("pw"),
        entity: EntityType::new("PW"),
        pattern: Pattern::Field { names: vec![String::from("password")], max_len: None },
        validator: None,
        keywords: None,
        suppressions: Vec::new(),
        priority: 0,
        confidence: 80,
    };
    let rules = RuleSet::build(vec![field]).unwrap();
    let actions = ActionTable::new(vec![Action::Redact], None);
    let base = scopes(Action::Observe);
    Scopes { rules: Arc::new(rules), actions: Arc::new(actions), ..(*base).clone() }
}

/// The value of an attribute that a rule for fields names is a text of its own.
#[test]
fn attributes_are_labels() {
    let scopes = fields();
    for (html, body, wanted) in [
        (true, "<input name='user' password=\"a, b & c > d\" x=y>", "<input name='user' password=\"[PW]\" x=y>"),
        (true, "<input type=password value='a b'>a b", "<input type=password value='[PW]'>a b"),
        (
            true,
            "<input type=\"Password\" name=x value='a b'><input value='a b'>",
            "<input type=\"Password\" name=x value='[PW]'><input value='a b'>",
        ),
        (true, "<input name=user[password] value=a;b><a value=c>", "<input name=user[password] value=[PW]><a value=c>"),
        (false, "<c PASSWORD = ' a b '/><c password=''/>", "<c PASSWORD = ' [PW] '/><c password=''/>"),
        (false, "<e key=\"dbPassword\" value=\"a b\"/>", "<e key=\"dbPassword\" value=\"[PW]\"/>"),
        // The name stands behind its value, or another one does.
        (true, "<input value='a > b' name=password>", "<input value='[PW]' name=password>"),
        (true, "<input value=a name=password type=text>a", "<input value=[PW] name=password type=text>a"),
        (true, "<input name=password type=text value=a>", "<input name=password type=text value=[PW]>"),
        (
            false,
            "<e value='a' data='b' password='c' key='password' text=''/><e value='a'/>",
            "<e value='[PW]' data='[PW]' password='[PW]' key='password' text=''/><e value='a'/>",
        ),
        (true, "<input value=a name=user><input name=password>", "<input value=a name=user><input name=password>"),
        (true, "<input value='4 > 3' type=password", "<input value='[PW]' type=password"),
        (
            false,
            "<e android:value='a' data='b' c='c' text='d' content='e' val='f' android:name='password'/>",
            "<e android:value='[PW]' data='[PW]' c='c' text='[PW]' content='[PW]' val='[PW]' android:name='password'/>",
        ),
    ] {
        assert_eq!(run(&scopes, html, body).0, wanted, "{body}");
    }
}

/// A name is what its readers read: with its character references opened, in HTML and in XML.
#[test]
fn names_are_read_without_their_references() {
    let fields = fields();
    for (html, body, wanted) in [
        (false, "<field name='pass&#119;ord'>a, b</field>", "<field name='pass&#119;ord'>[PW]</field>"),
        (false, "<e key='&#x70;assword' value='a'/>", "<e key='&#x70;assword' value='[PW]'/>"),
        (false, "<e value='a' key='db&#45;&#112;assword'/>", "<e value='[PW]' key='db&#45;&#112;assword'/>"),
        (true, "<input name=pass&#119ord value=a>", "<input name=pass&#119ord value=[PW]>"),
        (true, "<input name=\"db&lowbar;password\" value='a'>", "<input name=\"db&lowbar;password\" value='[PW]'>"),
        (true, "<td name='&#0000000000000112;assword'>a</td>", "<td name='&#0000000000000112;assword'>[PW]</td>"),
        (
            true,
            "<input name='pass&nbsp' value=a type='pass&#119ord'",
            "<input name='pass&nbsp' value=[PW] type='pass&#119ord'",
        ),
        // What is opened once is a reference no more.
        (true, "<input name='pass&amp;#119;ord' value=a>", "<input name='pass&amp;#119;ord' value=a>"),
    ] {
        assert_eq!(run(&fields, html, body).0, wanted, "{body}");
    }
    let long = "0".repeat(1000);
    let body = format!("<e name='&#x{long}70;assword'>a</e>");
    assert_eq!(run_in(&fields, false, &[body.as_bytes()]).0, body.replace(">a<", ">[PW]<"));
}

/// What an attribute says of an element adds to what the element's name says, and the other way round.
#[test]
fn names_take_nothing_from_each_other() {
    let base = fields();
    let field = |id: &str, name: &str| RuleSpec {
        id: RuleId::new(id),
        entity: EntityType::new("X"),
        pattern: Pattern::Field { names: vec![String::from(name)], max_len: None },
        validator: None,
        keywords: None,
        suppressions: Vec::new(),
        priority: 0,
        confidence: 80,
    };
    let rules = RuleSet::build(vec![field("pw", "password"), field("code", "code")]).unwrap();
    let actions = ActionTable::new(vec![Action::Redact, Action::Observe], None);
    let scopes = Scopes { rules: Arc::new(rules), actions: Arc::new(actions), ..base };
    for (html, body, wanted) in [
        (false, "<password type='code'>a</password>", "<password type='code'>[X]</password>"),
        (false, "<code type='password'>a</code>", "<code type='password'>[X]</code>"),
        (false, "<f type='password' name='code'>a</f>", "<f type='password' name='code'>[X]</f>"),
        (true, "<input name=code type=password value=a>", "<input name=code type=password value=[X]>"),
        (true, "<input value=a name=code type=password>", "<input value=[X] name=code type=password>"),
        (false, "<f type='user' name='code'>a</f>", "<f type='user' name='code'>a</f>"),
    ] {
        let (out, seen) = run(&scopes, html, body);
        assert_eq!(out, wanted, "{body}");
        let counts = [(0, "redact", 1), (1, "observe", 1)];
        assert_eq!(
            seen.findings,
            counts.iter().filter(|(rule, ..)| *rule == 1 || out != body).copied().collect::<Vec<_>>()
        );
    }
    let scopes = super::tests::scopes(Action::Observe);
    let far = "x".repeat(40);
    // `next token` is a place in a list; a token that says it is the next one is a token.
    for (tag, end, found) in [
        (format!("<token type='next' x='{far}'>"), "</token>", 1),
        (format!("<next name='token' x='{far}'>"), "</next>", 1),
        (format!("<next-token x='{far}'>"), "</next-token>", 0),
        (format!("<next-token type='string' x='{far}'>"), "</next-token>", 0),
    ] {
        let body = format!("{tag}1234567{end}");
        assert_eq!(run(&scopes, false, &body).1.findings.len(), found, "{body}");
    }
}

/// An element may say what the one behind it is.
#[test]
fn elements_are_called_by_those_before_them() {
    let fields = fields();
    for (html, body, wanted) in [
        (
            false,
            "<p><name>password</name><value>a b</value></p>",
            Some("<p><name>password</name><value>[PW]</value></p>"),
        ),
        (
            false,
            "<p><name>db.password</name><description>x</description><value>a</value></p><p><value>a</value></p>",
            Some(
                "<p><name>db.password</name><description>x</description><value>[PW]</value></p><p><value>a</value></p>",
            ),
        ),
        (
            false,
            "<dict><key>pass&#119;ord</key><string>a</string><key>x</key><string>a</string></dict>",
            Some("<dict><key>pass&#119;ord</key><string>[PW]</string><key>x</key><string>a</string></dict>"),
        ),
        (
            false,
            "<m><name> password\n</name><value><string>a</string></value></m><m><name>x</name><value>a</value></m>",
            Some(
                "<m><name> password\n</name><value><string>[PW]</string></value></m><m><name>x</name><value>a</value></m>",
            ),
        ),
        (
            false,
            "<p><label>password</label><data>a</data></p>",
            Some("<p><label>password</label><data>[PW]</data></p>"),
        ),
        (false, "<p><name>password</name></p><p><value>a</value></p>", None),
        (false, "<p><name><x>password</x></name><value>a</value></p>", None),
        (false, "<p><name/>password<value>a</value></p>", None),
        (true, "<dl><dt>Password<dd>a<dd>b<dt>x<dd>a</dl>", Some("<dl><dt>Password<dd>[PW]<dd>[PW]<dt>x<dd>a</dl>")),
        (true, "<tr><th><b>Password</b>:</th><td>a</td></tr>", Some("<tr><th><b>Password</b>:</th><td>[PW]</td></tr>")),
        (true, "<tr><th>User<th>Password</tr><tr><td>a</td></tr>", None),
        (true, "<name>password</name><value>a</value>", None),
    ] {
        assert_eq!(run(&fields, html, body).0, wanted.unwrap_or(body), "{body}");
    }
    for (len, found) in [(64, true), (65, false)] {
        let name = format!("{} password", "x".repeat(len - 9));
        let body = format!("<p><name>{name}</name><value>a</value></p>");
        assert_eq!(run_in(&fields, false, &[body.as_bytes()]).0.contains("[PW]"), found);
    }
}

/// What stands on a button is no value of the field that it is called after; its `value` is.
#[test]
fn captions_are_no_values() {
    let fields = fields();
    for (html, body, wanted) in [
        (true, "<button name='toggle-password'>Show</button>", None),
        (true, "<button name=password><span>Show</span> <b>it</b></button>", None),
        (true, "<fieldset name=password><legend name=password>New</legend></fieldset>", None),
        (true, "<table><tr><th name=password>Old<td name=x>New</table>", None),
        (true, "<form name=password>Login</form><label for=password>Login</label>", None),
        (true, "<select name=x><optgroup label=password><option>a</select>", None),
        (false, "<button name='password'>Show</button>", None),
        (true, "<button name=password value=a>Show</button>", Some("<button name=password value=[PW]>Show</button>")),
        (true, "<textarea name=password>a</textarea>", Some("<textarea name=password>[PW]</textarea>")),
        (true, "<option name=password>a</option>", Some("<option name=password>[PW]</option>")),
        (true, "<meta name=password content=a>", Some("<meta name=password content=[PW]>")),
        (true, "<param name=password value=a>", Some("<param name=password value=[PW]>")),
        (true, "<dt>x<dd name=password>a", Some("<dt>x<dd name=password>[PW]")),
        (false, "<property name='password'>a</property>", Some("<property name='password'>[PW]</property>")),
        (false, "<form name='password'>a</form>", Some("<form name='password'>[PW]</form>")),
    ] {
        assert_eq!(run(&fields, html, body).0, wanted.unwrap_or(body), "{body}");
    }
}

/// Of a value that refuses the body nothing leaves, wherever the body is cut and whatever stands behind it.
#[test]
fn what_refuses_a_body_does_not_leave() {
    let base = fields();
    let scopes = Scopes { actions: Arc::new(ActionTable::new(vec![Action::Block], None)), ..base };
    let behind = "<p>some more words</p>".repeat(300);
    for body in [
        "<r><e value='hunter2' name='password'/>",
        "<r><e name='password' value='hunter2'/>",
        "<r><password>hunter2</password>",
        "<r><f name='password'>hunter2</f>",
    ] {
        let body = format!("{body}{behind}</r>");
        for at in 0..80 {
            let (mut markup, mut out, mut seen) = (MarkupBody::new(&scopes, false), Vec::new(), Inspection::default());
            let (first, second) = body.as_bytes().split_at(at);
            let pushed =
                markup.push(first, &mut out, &mut seen).and_then(|()| markup.push(second, &mut out, &mut seen));
            assert!(pushed.is_err(), "{body} at {at}");
            assert!(!String::from_utf8_lossy(&out).contains("hunter"), "{body} at {at}");
            assert!(!seen.findings.is_empty(), "{body} at {at}");
        }
    }
}

/// What an element's attributes call it labels its text, but for the text behind what has none.
#[test]
fn elements_are_called_by_their_attributes() {
    let fields = fields();
    for (html, body, wanted) in [
        (false, "<field name='password'>a, b</field>a", "<field name='password'>[PW]</field>a"),
        (false, "<Data Name=\"password\">a</Data><Data>a</Data>", "<Data Name=\"password\">[PW]</Data><Data>a</Data>"),
        (false, "<string type='x' name='password'>a</string>", "<string type='x' name='password'>[PW]</string>"),
        (false, "<password type='hash'>a</password>", "<password type='hash'>[PW]</password>"),
        (false, "<e name='password'/>a<e name='password'></e>", "<e name='password'/>a<e name='password'></e>"),
        (true, "<td name=password>a</td>", "<td name=password>[PW]</td>"),
        (true, "<td name=\"password\"/>a</td>", "<td name=\"password\"/>[PW]</td>"),
        (false, "<label key='password'>a</label>", "<label key='password'>[PW]</label>"),
        (true, "<p>a<input name=password>a</p>", "<p>a<input name=password>a</p>"),
    ] {
        assert_eq!(run(&fields, html, body).0, wanted, "{body}");
    }
    let scopes = scopes(Action::Observe);
    // As it stands the word is too far away.
    let far = "x".repeat(40);
    for (tag, found) in
        [("<data name='tariff' x='", 1), ("<data type='x' key='tariff' x='", 1), ("<data y='tariff' x='", 0)]
    {
        for (end, found) in [("'>", found), ("'/>", 0)] {
            let body = format!("{tag}{far}{end}1234567</data>");
            assert_eq!(run(&scopes, false, &body).1.findings.len(), found, "{body}");
        }
    }
}

/// A value whose name has been said waits for nothing, and is read however long its tag is.
#[test]
fn values_behind_their_names_do_not_wait() {
    let fields = fields();
    for (value, between) in [(1, 20 << 10), (1000, 1), (1, 1)] {
        let (value, between) = ("a".repeat(value), "x".repeat(between));
        let body = format!("<e name='password' value='{value}' data='b' other='{between}'/>");
        let whole = run_in(&fields, false, &[body.as_bytes()]).0;
        assert_eq!(whole, format!("<e name='password' value='[PW]' data='[PW]' other='{between}'/>"));
    }
}

/// A value waits for its tag's end, up to so many bytes of it.
#[test]
fn values_that_wait_for_their_names_are_bounded() {
    let fields = fields();
    for (value, between, found) in
        [(1, 100, true), (1, (16 << 10) - 40, true), (1, 16 << 10, false), (1024, 1, true), (4097, 1, false)]
    {
        let (value, between) = ("a".repeat(value), "x".repeat(between));
        let body = format!("<e value='{value}' other='{between}' data='b' name='password'/>");
        let whole = run_in(&fields, false, &[body.as_bytes()]);
        assert_eq!(whole.0.contains("value='[PW]'"), found, "{} and {}", value.len(), between.len());
        let (mut markup, mut out, mut seen) = (MarkupBody::new(&fields, false), Vec::new(), Inspection::default());
        for chunk in body.as_bytes().chunks(7) {
            markup.push(chunk, &mut out, &mut seen).unwrap();
            assert!(markup.held() < (16 << 10) + 1024);
        }
        markup.finish(&mut out, &mut seen).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), whole.0);
        assert_eq!(seen.findings, whole.1.findings);
    }
}

#[test]
fn what_is_only_counted_is_counted_once() {
    let scopes = scopes(Action::Observe);
    for (body, counts) in [
        ("<p>4111 1111 1111 1111</p>", vec![(0, "observe", 1)]),
        ("<p>4111 <b>1111</b> 1111 1111</p>", vec![(0, "observe", 1)]),
        ("<tariff>1234567</tariff>", vec![(2, "observe", 1)]),
        ("<tariff>123<!-- -->4567</tariff>", vec![(2, "observe", 1)]),
        ("<p>123<!-- -->4567</p>", vec![]),
    ] {
        let (out, seen) = run(&scopes, false, body);
        assert_eq!((out.as_str(), seen.findings), (body, counts), "{body}");
    }
}

#[test]
fn what_stands_between_is_bounded() {
    let scopes = scopes(Action::KeepLast4);
    for (between, found) in [(BETWEEN, true), (BETWEEN + 1, false)] {
        let body = format!("<p>4111<!--{}-->111111111111</p>", "x".repeat(between - 7));
        let (mut markup, mut out, mut seen) = (MarkupBody::new(&scopes, false), Vec::new(), Inspection::default());
        for chunk in body.as_bytes().chunks(100) {
            markup.push(chunk, &mut out, &mut seen).unwrap();
            assert!(markup.held() < BETWEEN + 1024);
        }
        markup.finish(&mut out, &mut seen).unwrap();
        assert_eq!((seen.findings.len() == 1, out == body.as_bytes()), (found, !found));
    }
    let endless = format!("<p>41{}", "<!-- -->".repeat(100_000));
    let (mut markup, mut out, mut seen) = (MarkupBody::new(&scopes, false), Vec::new(), Inspection::default());
    for chunk in endless.as_bytes().chunks(1000) {
        markup.push(chunk, &mut out, &mut seen).unwrap();
        assert!(markup.held() < BETWEEN + 2048);
    }
}

fn fragments() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<b>",
        "</b>",
        "<p>",
        "</p>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "]",
        "<",
        ">",
        "\"",
        "'",
        "=",
        " ",
        "4111",
        "1111",
        "1111 1111",
        "EMP-",
        "123456",
        "<a b=\"",
        "<a value='x' name='password' ",
        "<token type='",
        "<name>password</name>",
        "<value>",
        "<dt>pass&#119;ord",
        "<dd>",
        "t&#97;riff",
        " name=tariff>",
        "<?",
        "?>",
        "<!",
        "-",
        "<script>",
        "</script>",
        "\u{e9}",
        "&#52;",
        "\n",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

/// What a reference reader makes of a document: its events without their texts, and all of its text.
fn read(document: &str) -> (Vec<String>, String) {
    use quick_xml::events::Event;
    let (mut reader, mut events, mut text) = (quick_xml::Reader::from_str(document), Vec::new(), String::new());
    loop {
        let event = reader.read_event().unwrap();
        let name = |name: quick_xml::name::QName<'_>| String::from_utf8_lossy(name.as_ref()).into_owned();
        match event {
            Event::Eof => return (events, text),
            Event::Start(tag) | Event::Empty(tag) => {
                events.push(name(tag.name()));
                for attribute in tag.attributes() {
                    let attribute = attribute.unwrap();
                    events.push(format!("@{}", name(attribute.key)));
                    text.push_str(&format!("{}\n", String::from_utf8_lossy(&attribute.value)));
                }
            }
            Event::End(tag) => events.push(format!("/{}", name(tag.name()))),
            Event::Text(run) => text.push_str(&String::from_utf8_lossy(&run)),
            Event::CData(run) => text.push_str(&String::from_utf8_lossy(&run)),
            Event::GeneralRef(_) => text.push('&'),
            Event::Comment(_) => events.push(String::from("comment")),
            Event::PI(_) | Event::Decl(_) | Event::DocType(_) => events.push(String::from("instruction")),
        }
    }
}

/// A well-formed element, with values in all its places.
fn element() -> impl Strategy<Value = String> {
    let value = || {
        prop::sample::select(vec![
            "4111111111111111",
            "EMP-123456",
            "4111 <b>1111</b> 1111 1111",
            "41111111<!-- x -->11111111",
            "a &lt; b",
            "4111<![CDATA[1111]]>1111<i>1111</i>",
            "EMP-<?x?>123456",
            "word",
            " ",
            "EMP-<u>12</u>3456 and 4111111111111111",
        ])
    };
    let attribute = prop::sample::select(vec!["", " a='EMP-123456'", " b=\"4111111111111111\" c='x > y'"]);
    let leaf = (prop::sample::select(vec!["p", "x:y", "ssn", "td"]), attribute, prop::collection::vec(value(), 0..4))
        .prop_map(|(name, attribute, values)| format!("<{name}{attribute}>{}</{name}>", values.join(" , ")));
    leaf.prop_recursive(3, 12, 4, |inside| {
        prop::collection::vec(inside, 0..4)
            .prop_map(|inside| format!("<r><!-- 4111111111111111 -->{}</r>", inside.concat()))
    })
}

proptest! {
    #[test]
    fn a_reference_reader_finds_the_same_elements_and_no_value(document in element()) {
        for action in [Action::KeepLast4, Action::Redact] {
            let (out, _) = run_in(&scopes(action), false, &[document.as_bytes()]);
            let (before, after) = (read(&document), read(&out));
            prop_assert_eq!(&before.0, &after.0);
            let digits: String = after.1.chars().filter(|letter| !matches!(letter, ' ' | '-')).collect();
            prop_assert!(!digits.contains("4111111111111111") && !digits.contains("EMP123456"), "{out}");
        }
    }

    #[test]
    fn any_chunking_of_anything_agrees(body in fragments(), html: bool, cuts in prop::collection::vec(0..200_usize, 0..5)) {
        for action in [Action::KeepLast4, Action::Redact] {
            let scopes = scopes(action);
            let whole = run_in(&scopes, html, &[body.as_bytes()]);
            let mut cuts: Vec<_> = cuts.iter().map(|cut| (*cut).min(body.len())).collect();
            cuts.sort_unstable();
            let (mut chunks, mut from) = (Vec::new(), 0);
            for cut in cuts {
                chunks.push(&body.as_bytes()[from..cut]);
                from = cut;
            }
            chunks.push(&body.as_bytes()[from..]);
            let split = run_in(&scopes, html, &chunks);
            prop_assert_eq!(&split.0, &whole.0);
            prop_assert_eq!(&split.1.findings, &whole.1.findings);
            if whole.1.findings.is_empty() {
                prop_assert_eq!(&whole.0, &body);
            }
        }
    }
}
