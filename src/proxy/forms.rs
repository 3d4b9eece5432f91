//! Header values with a form of their own: dates, seconds, codings, identifiers of traces.
//!
//! Enters: a field's name and its value. Leaves: whether the value is of the form that the field's specification gives it. Such a
//! value has no room for prose, and hardly any for a number of somebody's; a replacement would break it, so it is not scanned; any other value of the same field is,
//! like that of every field. Only what senders write today is known: an old form of a date is scanned, and passes clean.

/// Codings of bodies, whether they can be opened or not.
const CODINGS: &[&[u8]] = &[
    b"*",
    b"aws-chunked",
    b"br",
    b"compress",
    b"dcb",
    b"dcz",
    b"deflate",
    b"exi",
    b"gzip",
    b"identity",
    b"snappy",
    b"x-compress",
    b"x-gzip",
    b"x-snappy-framed",
    b"zstd",
];

/// Digits of a number of seconds: three years have eight. More could be an account's.
const SECONDS: usize = 8;
/// Bytes of a list of versions, and of the directives of strict transport: a number takes more than one item in longer ones.
const VERSIONS: usize = 12;
const TRANSPORT: usize = 64;
/// Digits of a length, as many as a u64 has at most, less one.
const LENGTH: usize = 19;

const DAYS: &[&[u8]] = &[b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
const MONTHS: &[&[u8]] =
    &[b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Whether a field (its name in lower case) has a form, and this value is of it.
pub(super) fn is_in_form(name: &str, value: &[u8]) -> bool {
    match name {
        "accept-encoding" => each(value, b',', is_weighted_coding),
        "content-encoding" => each(value, b',', is_coding),
        "content-length" => is_number(value, LENGTH),
        "age" | "access-control-max-age" => is_number(value, SECONDS) || value == b"-1",
        "date" | "if-modified-since" | "if-unmodified-since" | "last-modified" => is_date(value),
        "expires" => is_date(value) || matches!(value, b"0" | b"-1"),
        "retry-after" => is_date(value) || is_number(value, SECONDS),
        "sec-websocket-accept" => is_base64(value, 27, b"="),
        "sec-websocket-key" => is_base64(value, 22, b"=="),
        "sec-websocket-version" => value.len() <= VERSIONS && each(value, b',', |version| is_number(version, 3)),
        "strict-transport-security" => value.len() <= TRANSPORT && each(value, b';', is_transport_directive),
        "traceparent" => is_traceparent(value),
        _ => false,
    }
}

/// Whether each item of a list holds, blanks around it aside.
fn each(list: &[u8], between: u8, holds: impl Fn(&[u8]) -> bool) -> bool {
    list.split(|byte| *byte == between).map(<[u8]>::trim_ascii).all(|item| item.is_empty() || holds(item))
}

fn is_number(value: &[u8], most: usize) -> bool {
    (1..=most).contains(&value.len()) && value.iter().all(u8::is_ascii_digit)
}

fn is_coding(coding: &[u8]) -> bool {
    CODINGS.iter().any(|known| coding.eq_ignore_ascii_case(known))
}

/// RFC 9110 section 12.5.3: a coding and its weight.
fn is_weighted_coding(item: &[u8]) -> bool {
    let mut parts = item.splitn(2, |byte| *byte == b';').map(<[u8]>::trim_ascii);
    let weighs = |weight: &[u8]| {
        let Some((name, [b'=', value @ ..])) = weight.split_at_checked(1) else { return false };
        name.eq_ignore_ascii_case(b"q")
            && matches!(value, [b'0' | b'1'] | [b'0' | b'1', b'.', ..])
            && value.get(2..).is_none_or(|digits| digits.len() <= 3 && digits.iter().all(u8::is_ascii_digit))
    };
    parts.next().is_some_and(is_coding) && parts.next().is_none_or(weighs)
}

/// RFC 9110 section 5.6.7, as it is to be written: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn is_date(value: &[u8]) -> bool {
    let Ok::<&[u8; 29], _>(value) = value.try_into() else { return false };
    let part = |from: usize, bytes: usize| value.get(from..from + bytes).unwrap_or_default();
    let number = |from: usize, bytes: usize, most: u32| {
        let digits = part(from, bytes);
        let value = digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit.wrapping_sub(b'0')));
        digits.iter().all(u8::is_ascii_digit) && value <= most
    };
    let fixed = [(3, &b", "[..]), (7, b" "), (11, b" "), (16, b" "), (19, b":"), (22, b":"), (25, b" GMT")];
    DAYS.contains(&part(0, 3))
        && MONTHS.contains(&part(8, 3))
        && fixed.iter().all(|(at, bytes)| part(*at, bytes.len()) == *bytes)
        && number(5, 2, 31)
        && number(12, 4, 9999)
        && number(17, 2, 23)
        && number(20, 2, 59)
        && number(23, 2, 60)
}

/// So many digits of base64, and what fills them up.
fn is_base64(value: &[u8], digits: usize, filled: &[u8]) -> bool {
    value.split_at_checked(digits).is_some_and(|(value, rest)| {
        rest == filled && value.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
    })
}

/// RFC 6797 section 6.1.
fn is_transport_directive(directive: &[u8]) -> bool {
    let Some((name, value)) =
        directive.split_at_checked(b"max-age=".len()).filter(|(name, _)| name.eq_ignore_ascii_case(b"max-age="))
    else {
        return directive.eq_ignore_ascii_case(b"includeSubDomains") || directive.eq_ignore_ascii_case(b"preload");
    };
    let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    !name.is_empty() && is_number(quoted.unwrap_or(value), SECONDS)
}

/// W3C Trace Context section 3.2, version 00: `00-` 32 `-` 16 `-` 2 hexadecimal digits. Identifiers of random digits have
/// letters among them.
fn is_traceparent(value: &[u8]) -> bool {
    let is_decimal = |part: &[u8]| !part.iter().any(u8::is_ascii_alphabetic);
    if value.get(3..35).is_none_or(is_decimal) {
        return false;
    }
    let hexadecimal = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let mut parts = value.split(|byte| *byte == b'-');
    let mut has = |digits: usize| parts.next().is_some_and(|part| part.len() == digits && part.iter().all(hexadecimal));
    value.starts_with(b"00-") && has(2) && has(32) && has(16) && has(2) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::super::headers::PROTOCOL;
    use super::*;

    #[test]
    fn what_senders_write_is_of_its_form() {
        for (name, value) in [
            ("accept-encoding", "gzip, deflate;q=0.5, br ; q=1.000,*;Q=0"),
            ("accept-encoding", ""),
            ("content-encoding", "gzip, aws-chunked"),
            ("content-length", "12345678901"),
            ("age", "31536000"),
            ("access-control-max-age", "-1"),
            ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("last-modified", "Sat, 31 Dec 2016 23:59:60 GMT"),
            ("if-modified-since", "Mon, 30 Nov 2026 20:00:00 GMT"),
            ("expires", "0"),
            ("expires", "-1"),
            ("retry-after", "120"),
            ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            ("sec-websocket-version", "13, 8"),
            ("strict-transport-security", "max-age=63072000; includeSubDomains; preload"),
            ("strict-transport-security", "max-age=\"0\";"),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ] {
            assert!(is_in_form(name, value.as_bytes()), "{name}: {value}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        let prose = "jane@example.com 4111111111111111 555-0100";
        for name in PROTOCOL.iter().copied().chain(["x-any"]) {
            for value in prose.split(' ').filter(|value| name != "content-length" || !value.starts_with('4')) {
                assert!(!is_in_form(name, value.as_bytes()), "{name}: {value}");
            }
        }
        for (name, value) in [
            ("accept-encoding", "gzip;q=4111111111111111"),
            ("accept-encoding", "gzip;q=0.4111"),
            ("accept-encoding", "gzip;q=0.5;jane"),
            ("accept-encoding", "gzip;q"),
            ("content-encoding", "jane"),
            ("age", "2025550123"),
            ("age", ""),
            ("date", "Sun, 06 Nov 1994 08:49:37 UTC"),
            ("date", "Sun, 46 Nov 1994 08:49:37 GMT"),
            ("date", "Sun, 06 Nov 1994 08:49:37 GMT "),
            ("date", "Nov, 06 Sun 1994 08:49:37 GMT"),
            ("date", "Sun, 06 Nov 19\u{e9} 08:49:37 GMT"),
            ("retry-after", "jane"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ="),
            ("sec-websocket-version", "411, 111, 111, 111"),
            ("strict-transport-security", "max-age=41111111;max-age=11111111;max-age=41111111;max-age=11111111"),
            ("traceparent", "00-41111111111111110000000000000000-00f067aa0ba902b7-01"),
            ("strict-transport-security", "max-age=jane"),
            ("strict-transport-security", "max-age=1; report=jane"),
            ("traceparent", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
            ("traceparent", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-jane"),
            ("traceparent", "00--4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ] {
            assert!(!is_in_form(name, value.as_bytes()), "{name}: {value}");
        }
    }
}
