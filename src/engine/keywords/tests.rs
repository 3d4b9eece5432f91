//! The table against a matcher that is as simple as possible, and the phrases that people and programs write.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic here is a failed test")]

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::letters::parts;
use super::table::numbered;
use super::*;

fn keywords(words: &[&str], before: usize, after: usize) -> Keywords {
    Keywords { words: words.iter().map(|word| (*word).to_owned()).collect(), before, after }
}

fn judged(words: &[&str], before: usize, after: usize, text: &[u8], span: (usize, usize), last: bool) -> Judgement {
    let mut builder = KeywordTableBuilder::default();
    builder.add(&keywords(&["another", "quite long before"], 90, 0));
    let near = builder.add(&keywords(words, before, after));
    builder.build().near(near, text, span, span.0 as u64, last, &mut Scratch::default())
}

fn stands_before(phrase: &str, text: &str) -> bool {
    let whole = format!("{text}078051120");
    judged(&[phrase], 60, 0, whole.as_bytes(), (text.len(), whole.len()), true) == Judgement::Finding
}

#[test]
fn a_phrase_is_found_however_it_is_written() {
    for (phrase, texts) in [
        (
            "ssn",
            &[
                "ssn ",
                "SSN: ",
                "user_ssn=",
                "userSSN: ",
                "\"ssn\":",
                "<ssn>",
                "SSNNumber ",
                "mySsn=",
                "sSN ",
                "ssn1 ",
                "\"ssn_2\":",
                "ssn02=",
            ][..],
        ),
        (
            "tax id",
            &[
                "tax id ",
                "tax_id=",
                "tax-id: ",
                "taxId: ",
                "TaxID ",
                "TAX ID ",
                "tax.id ",
                "taxid ",
                "TAXID=",
                "Tax - Id: ",
            ],
        ),
        ("social security number", &["socialSecurityNumber:", "socialsecuritynumber ", "social_securitynumber "]),
        ("national insurance", &["NationalInsuranceNumber\">", "national  insurance "]),
        ("número de pasaporte", &["Número de Pasaporte: ", "NUMERO DE PASAPORTE ", "nu\u{301}mero_de_pasaporte="]),
        ("führerschein", &["Führerschein ", "FUEHRERSCHEIN: ", "fuhrerschein "]),
        ("fødselsnummer", &["Fødselsnummer: ", "fodselsnummer=", "foedselsnummer "]),
        ("numer dowodu", &["Numer dowodu: ", "numerDowodu "]),
        ("паспорт", &["ПАСПОРТ: ", "Паспорт № "]),
        ("kimlik numarası", &["KİMLİK NUMARASI: ", "kimlik numarasi "]),
        ("αριθμός", &["ΑΡΙΘΜΟΣ ", "Αριθμός: "]),
        ("straße", &["STRASSE ", "Strasse: "]),
        ("身份证", &["身份证", "我的身份证号码是", "身份证号:"]),
        ("マイナンバー", &["私のマイナンバーは", "マイナンバー: "]),
        ("เลขประจำตัวประชาชน", &["เลขประจำตัวประชาชน", "หมายเลขประจำตัวประชาชนคือ "]),
        ("주민등록번호", &["주민등록번호는 ", "제주민등록번호:", "주민 등록 번호 "]),
        ("आधार", &["आधार: ", "मेरा आधार "]),
        ("iban", &["iBAN ", "IBAN: "]),
        ("đt", &["ĐT: ", "Đt ", "\"đt\":"]),
        ("sđt", &["SĐT: ", "sdt "]),
        ("điện thoại", &["Điện thoại: ", "dien thoai ", "DIENTHOAI="]),
        ("passport no", &["Passport No. ", "passportNo:", "PASSPORT-NO "]),
        ("phone", &["phone2: ", "\"phone1\":\"", "homePhone2=", "PHONE_01 ", "PHONE02="]),
        ("telefon", &["Telefon1: "]),
    ] {
        for text in texts {
            assert!(stands_before(phrase, text), "{phrase} in {text}");
        }
    }
}

#[test]
fn a_word_is_not_found_inside_another() {
    for (phrase, texts) in [
        ("ssn", &["lessness ", "ssns ", "xssn ", "ssn123 ", "1ssn", "ssn", "SSNA ", "ss1 "][..]),
        ("tax id", &["tax identity ", "syntax id ", "tax and id ", "tax ---- id ", "id tax "]),
        ("паспорт", &["паспорта ", "загранпаспорт "]),
        ("pan", &["japan ", "PANEL ", "company "]),
        ("đt", &["dt ", "DT: ", "dt.", "đtt "]),
    ] {
        for text in texts {
            assert!(!stands_before(phrase, text), "{phrase} in {text}");
        }
    }
    assert!(!stands_before("", " "));
}

#[test]
fn a_phrase_that_the_window_cuts_does_not_count() {
    let text = b"the tax id is 12";
    assert_eq!(judged(&["tax id"], 10, 0, text, (14, 16), true), Judgement::Finding);
    assert_eq!(judged(&["tax id"], 9, 0, text, (14, 16), true), Judgement::Rejected);
    assert_eq!(judged(&["id"], 9, 0, b"hybrid 12", (7, 9), true), Judgement::Rejected);
    assert_eq!(judged(&["rid"], 4, 0, b"hybrid 12", (7, 9), true), Judgement::Rejected);
    assert_eq!(judged(&["Rid"], 4, 0, b"hybRid 12", (7, 9), true), Judgement::Finding);
}

#[test]
fn what_is_not_there_yet_decides_later() {
    let more = |text: &str, last| judged(&["tax id"], 0, 8, text.as_bytes(), (0, 2), last);
    assert_eq!(more("12 tax", false), Judgement::More);
    assert_eq!(more("12 tax", true), Judgement::Rejected);
    assert_eq!(more("12 tax id", false), Judgement::More);
    assert_eq!(more("12 tax id", true), Judgement::Finding);
    assert_eq!(more("12 tax id.", false), Judgement::Finding);
    assert_eq!(more("12 tax idx", false), Judgement::More);
    assert_eq!(more("12 tax idx xx", false), Judgement::Rejected);
    assert_eq!(more("12  tax ids or", false), Judgement::Rejected);
    assert_eq!(more("12taxId x y z", false), Judgement::Rejected);
    assert_eq!(more("12-taxId-x y z", false), Judgement::Finding);
}

/// Every way to read the text from `at` on as one of the phrase's words, as simply as can be said.
fn reference(words: &[&str], before: usize, after: usize, text: &[u8], (start, end): (usize, usize)) -> bool {
    let mut letters: Vec<(usize, char, Class)> = Vec::new();
    let mut at = 0;
    for chunk in text.utf8_chunks() {
        for (place, character) in chunk.valid().char_indices() {
            letters.push((at + place, character, Class::of(character)));
        }
        at += chunk.valid().len();
        for _ in chunk.invalid() {
            letters.push((at, '\u{FFFD}', Class::Other));
            at += 1;
        }
    }
    let class = |at: Option<usize>| at.and_then(|at| letters.get(at)).map_or(Class::Other, |(_, _, class)| *class);
    let first = letters.partition_point(|(at, ..)| *at < start);
    let behind = letters.partition_point(|(at, ..)| *at < end);
    let windows = [(first.saturating_sub(before), first), (behind, letters.len().min(behind + after))];
    windows.into_iter().enumerate().any(|(side, (from, to))| {
        let split = |at: usize| {
            let next = if side == 0 && at + 1 > first { Class::Other } else { class(Some(at + 1)) };
            splits(class(at.checked_sub(1)), class(Some(at)), Some(next)) == Some(true)
        };
        let hard = |at: usize| parts(class(at.checked_sub(1)), class(Some(at)));
        let mut units = Vec::new();
        for begin in from..to {
            for stop in begin + 1..=to {
                let inside = (begin..stop).all(|at| class(Some(at)) != Class::Other);
                let part = split(begin) && split(stop) && !(begin + 1..stop).any(split);
                let name = hard(begin) && hard(stop) && !(begin + 1..stop).any(hard);
                if inside && (part || name) {
                    let mut word = Vec::new();
                    letters[begin..stop].iter().for_each(|(_, letter, class)| append(*letter, *class, &mut word));
                    if !word.is_empty() {
                        units.push((begin, stop, word));
                    }
                }
            }
        }
        let blank = |from: usize, to: usize| {
            let between: Vec<Class> =
                (from..to).map(|at| class(Some(at))).filter(|class| *class != Class::Mark).collect();
            between.len() <= MAX_GAP && between.iter().all(|class| *class == Class::Other)
        };
        words.iter().flat_map(|phrase| spellings(phrase)).any(|spelling| {
            let mut ends: Vec<Option<usize>> = vec![None];
            for word in &spelling {
                let next = ends.iter().flat_map(|reached| {
                    let follows = |begin: usize| reached.is_none_or(|end| begin >= end && blank(end, begin));
                    units
                        .iter()
                        .filter(move |(begin, _, unit)| {
                            (unit == word || numbered(unit) == Some(word)) && follows(*begin)
                        })
                        .map(|(_, end, _)| Some(*end))
                });
                ends = next.collect();
            }
            !spelling.is_empty() && !ends.is_empty()
        })
    })
}

#[test]
fn the_table_equals_the_reference() {
    const PARTS: &[&str] = &[
        "ssn",
        "SSN",
        "tax",
        "Tax",
        "TAX",
        "id",
        "Id",
        "ID",
        "number",
        "Number",
        "no",
        "é",
        "E\u{301}",
        "ß",
        "身",
        "份",
        "证",
        "주",
        "ไทย",
        "\u{301}",
        " ",
        " ",
        "_",
        "-",
        ": ",
        "...",
        "....",
        "\n",
        "1",
        "a",
        "B",
        "\u{200d}",
        "я",
        "Я",
        "\u{ff33}",
        "号",
    ];
    const PHRASES: &[&str] =
        &["ssn", "tax id", "id", "tax id number", "no", "é", "身份证", "主 no", "주", "a b", "я", "idno tax", "ss n"];
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut roll = |below: usize| rng.next_u32() as usize % below;
    let mut found = 0;
    for round in 0..30_000 {
        let mut text = Vec::new();
        for _ in 0..roll(14) {
            match roll(30) {
                0 => text.push(roll(256) as u8),
                _ => text.extend_from_slice(PARTS[roll(PARTS.len())].as_bytes()),
            }
        }
        let start = text.len();
        let value = [&b"42"[..], b"A1", b"x", "号1".as_bytes()][roll(4)];
        text.extend_from_slice(value);
        let end = text.len();
        for _ in 0..roll(10) {
            text.extend_from_slice(PARTS[roll(PARTS.len())].as_bytes());
        }
        let words = [PHRASES[roll(PHRASES.len())], PHRASES[roll(PHRASES.len())]];
        let (before, after) = (roll(20), roll(12));
        if before + after == 0 {
            continue;
        }
        let expected = reference(&words, before, after, &text, (start, end));
        let mut builder = KeywordTableBuilder::default();
        for others in PHRASES.chunks(3) {
            builder.add(&keywords(others, 30, 0));
        }
        let near = builder.add(&keywords(&words, before, after));
        let (table, mut scratch) = (builder.build(), Scratch::default());
        let mut ask = |text: &[u8], last| table.near(near, text, (start, end), start as u64, last, &mut scratch);
        let shown = String::from_utf8_lossy(&text);
        let answer = if expected { Judgement::Finding } else { Judgement::Rejected };
        assert_eq!(ask(&text, true), answer, "{round}: {words:?} {before} {after} in {shown:?} at {start}");
        // What is said early stays true.
        for cut in end..=text.len() {
            let early = ask(&text[..cut], false);
            assert!(early == Judgement::More || early == answer, "{round}: {words:?} in {shown:?} cut at {cut}");
        }
        found += usize::from(expected);
    }
    assert!(found > 2_000, "{found}");
}

/// What is read along a text tells of every place at least what a look at the place tells.
#[test]
fn what_is_read_along_leaves_no_word_out() {
    let pieces = [
        "ssn",
        "SSN",
        "Ssn",
        "tax",
        "Tax",
        "TAX",
        "id",
        "ID",
        "Id",
        "ID",
        "no",
        "Steuer",
        "número",
        "e\u{301}",
        "身份证",
        "เลขประจำตัวประชาชน",
        "เลข",
        "号",
        " ",
        " ",
        "_",
        "-",
        ": ",
        "  ",
        "\n",
        "7",
        "12",
        "A",
        "a",
        "Ab",
        "é",
        "\u{FF}",
        "…",
        "xyzxyzxyzxyzxyzxyz",
    ];
    let mut builder = KeywordTableBuilder::default();
    let mut nears = Vec::new();
    for (words, before) in [
        (&["ssn", "tax id"][..], 20),
        (&["steuer id no", "número"], 9),
        (&["身份证", "id no", "เลขประจำตัวประชาชน"], 24),
        (&["taxid", "a"], 3),
    ] {
        nears.push(builder.add(&keywords(words, before, 0)));
    }
    let table = builder.build();
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut below = move |count: usize| (random.next_u64() % count as u64) as usize;
    let (mut told, mut asked, mut quiet) = (0, 0, 0);
    for _ in 0..4000 {
        let count = 1 + below(40);
        let mut text: Vec<u8> = Vec::new();
        for _ in 0..count {
            text.extend_from_slice(pieces[below(pieces.len())].as_bytes());
        }
        if below(8) == 0 {
            let at = below(text.len());
            text[at] = 0xC3;
        }
        let (mut along, mut forgotten) = (Along::default(), 0);
        let (mut ahead, mut read, mut dropped) = (Ahead::default(), 0, 0);
        for place in 0..text.len() {
            if place >= read {
                read = (place + 1 + below(90)).min(text.len());
                table.read_ahead(&text[dropped..read], dropped as u64, 6, &mut ahead);
                dropped += below(8) / 7 * (place.saturating_sub(148).max(dropped) - dropped);
            }
            let is_quiet = ahead.is_quiet(place as u64);
            quiet += usize::from(is_quiet);
            if below(3) == 0 && text[place].is_ascii() {
                if below(6) == 0 {
                    forgotten = forgotten + below(place.saturating_sub(148).max(forgotten) - forgotten + 1);
                }
                let groups: Vec<usize> =
                    table.along(&text[forgotten..], forgotten as u64, place - forgotten, 6, &mut along).collect();
                for earlier in (place.saturating_sub(6)..=place).filter(|at| text[*at] & 0xC0 != 0x80) {
                    for near in &nears {
                        let mut scratch = Scratch::default();
                        let hits = table.before(&text, earlier, earlier as u64, true, &mut scratch);
                        if hits.is_some_and(|hits| hits.within(near.group, near.before)) {
                            asked += 1;
                            assert!(!is_quiet, "{:?} {near:?} at {earlier}", String::from_utf8_lossy(&text));
                            let shown = String::from_utf8_lossy(&text[..place]);
                            assert!(groups.contains(&near.group), "{shown:?} {near:?} at {earlier}");
                        }
                    }
                }
                told += groups.len();
            }
        }
    }
    assert!(asked > 10_000 && told > 1000 && quiet > 10_000, "{asked} {told} {quiet}");
}
