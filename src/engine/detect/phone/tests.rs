//! Numbers in their forms, what only looks like one, and answers that more text does not change.

use super::*;

fn found(text: &str) -> bool {
    matches!(phone(text.as_bytes(), 0, true), Step::Match(end) if end == text.len())
}

fn of(ids: &[&str]) -> Regions {
    ids.iter().fold(Regions::NONE, |regions, id| regions.with(id).unwrap_or_default())
}

#[test]
fn numbers_in_their_forms() {
    for text in [
        "212-555-0123",
        "(212) 555-0123",
        "(212)555-0123",
        "212.555.0123",
        "212 555 0123",
        "212/555-0123",
        "212_555_0123",
        "212  555  0123",
        "212 - 555 - 0123",
        "212-555-\r\n    0123",
        "1-800-555-0199",
        "1 (212) 555-0123",
        "1/212/555/0123",
        "+1 212 555 0123",
        "+12125550123",
        "+1(212)555-0123",
        "001-212-555-0123",
        "+44 20 7946 0958",
        "+442079460958",
        "+44 (0)20 7946 0958",
        "+44 (0) 20 7946 0958",
        "+44  20  7946  0958",
        "+44 20\n7946 0958",
        "0044 20 7946 0958",
        "0045 32 12 34 56",
        "0032 12 34 56 78",
        "0033 1.99.00.12.34",
        "0044.20.7946.0958",
        "011 44 20 7946 0958",
        "+49 30 901820",
        "+49 (30) 901820-12",
        "+81-3-1234-5678",
        "212\u{2011}555\u{2011}0123",
        "212\u{a0}555\u{a0}0123",
        "212\u{2014}555\u{2014}0123",
        "212-555-0123x45",
        "(212) 555-0123 ext. 4",
        "+49 30 23125 Durchwahl 12",
        "+33 (0)1 23 45 67 89",
        "+33.1.99.00.12.34",
        "2 1 2 5 5 5 0 1 2 3",
        "+ 4 4 2 0 7 9 4 6 0 9 5 8",
        "4-4-2-0-7-9-4-6-0-9-5-8",
        "(555) 123-4567",
        "+881 623456781",
        "+870 323456789",
        "+882 16 12345678",
        "+878 10 12345 67890",
        "+800 1234 5678",
    ] {
        assert!(found(text), "{text}");
    }
}

#[test]
fn what_is_no_number() {
    for text in [
        "2125550123",
        "112-555-0123",
        "211-555-0123",
        "212-155-0123",
        "2025-11-21",
        "212-555-01234",
        "212-555-0123-4",
        "212 555.0123",
        "212_555_0123_4",
        "+1 112 555 0123",
        "+210 123 456 789",
        "+0123456789",
        "+1234567",
        "+12345678",
        "+20240115",
        "+1 234",
        "+0000",
        "192.168.10.1000",
        "0044207946095",
        "00 31 12 34 56 78 90",
        "007.41 2026-02-10",
        "0063360 045464 111130 147067",
        "0039.0002.927C",
        "0069_0308_0301",
        "+35236450.6",
        "0000 0000 0000 0000",
        "9 8 7 6 5 4 3 2 1 0",
        "2 1 2 5 5 5 0 1 2 3 4",
    ] {
        assert_eq!(phone(text.as_bytes(), 0, true), Step::None, "{text}");
    }
    for text in ["xyz+12125550123", "1.2+12125550123", "47 212 555 0123"] {
        assert_eq!(phone(text.as_bytes(), 3, true), Step::None, "{text}");
    }
    assert_eq!(phone(b"\"47 212 555 0123\"", 4, true), Step::None);
    assert_eq!(phone(b"147067 0063360 045464", 7, true), Step::None);
    assert_ne!(phone(b"in 7 0049170 123456 x", 5, true), Step::None);
    for at in [5, 9] {
        assert_eq!(phone(b"XK12 001 0049 3023 1250 16", at, true), Step::None);
    }
    for text in ["Apt 12 212 555 0123", "02:15:00 212 555 0123", "n\n12 212 555 0123", "212 555 0123 212 555 0123"] {
        let at = text.len() - "212 555 0123".len();
        assert_eq!(phone(text.as_bytes(), at, true), Step::Match(text.len()), "{text}");
    }
}

#[test]
fn a_number_ends_where_the_next_begins() {
    for (text, wanted) in [
        ("+44 20 7946 0958 2024 was", "+44 20 7946 0958"),
        ("+44 20 7946 0958  12", "+44 20 7946 0958"),
        ("+1 212 555 0123 / +1 212 555 0124", "+1 212 555 0123"),
        ("+12125550123\n+12125550124", "+12125550123"),
        ("212-555-0123,5,open", "212-555-0123"),
        ("(212) 555-0123 extra", "(212) 555-0123"),
        ("212-555-0123 x86_64", "212-555-0123"),
    ] {
        assert_eq!(phone(text.as_bytes(), 0, true), Step::Match(wanted.len()), "{text}");
    }
}

#[test]
fn national_numbers_of_regions() {
    let find = |text: &str, ids: &[&str]| national(text.as_bytes(), 0, true, of(ids));
    for (text, id) in [
        ("030 23125000", "DE"),
        ("(089) 99998123", "DE"),
        ("040/66969123", "DE"),
        ("01 99 00 12 34", "FR"),
        ("04.65.71.12.34", "FR"),
        ("020 7946 0123", "GB"),
        ("612 345 678", "ES"),
        ("8 (912) 345-67-89", "RU"),
        ("(11) 96123-4567", "BR"),
        ("06 20 123 4567", "HU"),
    ] {
        assert_eq!(find(text, &[id]), Step::Match(text.len()), "{text}");
        assert_eq!(find(text, &[]), Step::None, "{text}");
    }
    for text in ["0199001234", "01.02.2026", "2026-01-31"] {
        assert_eq!(find(text, &["FR", "DE", "GB"]), Step::None, "{text}");
    }
}

#[test]
fn any_number_beside_a_word() {
    let find = |text: &str| any(text.as_bytes(), 0, true);
    for text in
        ["0612345678", "2125550123", "01632 960123", "070-174 06 05", "8123 4567", "(02) 5550 1234", "03-1234-5678"]
    {
        assert_eq!(find(text), Step::Match(text.len()), "{text}");
    }
    // Behind a plus, of no plan: the mobile numbers of Mexico had a 1 behind the calling code.
    for text in ["+5215512345678", "+521 55 1234 5678", "+1234567890"] {
        assert_eq!(find(text), Step::Match(text.len()), "{text}");
    }
    assert_eq!(any(b"x+5215512345678", 1, true), Step::None);
    assert_eq!(any(b"GET /sms HTTP/1.1\" 200 72949", 19, true), Step::None);
    // An entry of a register.
    assert_eq!(any(b"CVE-2021-44228", 4, true), Step::None);
    assert_eq!(any(b"TEL-2021-4422", 4, true), Step::None);
    assert_ne!(any(b"x-2021-4422", 2, true), Step::None);
    for text in [
        "2026-01-31",
        "31.12.2026",
        "20260131",
        "10.0.12.123",
        "123.4567890",
        "12345",
        "0000000000",
        "12:30:45",
        "00000004",
        "2147483647",
        "+2147483648",
        "4294967295",
        "1.20.0 3.1.1",
    ] {
        assert_eq!(find(text), Step::None, "{text}");
    }
}

#[test]
fn an_answer_never_changes_with_more_text() {
    type Detect = fn(&[u8], usize, bool) -> Step;
    let detectors: [Detect; 3] = [phone, any, |text, at, last| national(text, at, last, of(&["DE", "FR", "BR", "RU"]))];
    for text in [
        "+44 20 7946 0958 2024 was",
        "+44 (0) 20 7946\r\n  0958 x12 e",
        "(212) 555-0123 call",
        "(212) 555-\n0123 ext. 45 and",
        "+1 (212) 555-0123-9",
        "1-800-555-0199.",
        "0044 20 7946 0958, ext",
        "2 1 2 5 5 5 0 1 2 3 a",
        "+ 4 4 2 0 7 9 4 6 0 9 5 8 -",
        "(089) 99998\u{2011}123 доб. 3 ок",
        "8 (912) 345-67-89;ext=1;",
        "0612345678:12",
        "+5215512345678 x",
        "+521 55 1234 5678, ext",
    ] {
        let bytes = text.as_bytes();
        for detector in detectors {
            let whole = detector(bytes, 0, true);
            for cut in 1..bytes.len() {
                let early = detector(&bytes[..cut], 0, false);
                assert!(early == Step::More || early == whole, "{text} at {cut}");
            }
        }
    }
}
