//! AWS Signature Version 4 in the `Authorization` header ("Create a signed AWS API request", IAM User Guide).
//!
//! Enters: a request as it will be sent, its body whole, whose credentials and what for, and the time. Leaves: the
//! request's headers with a signature over it. What the client signed with is dropped before: it covers another host and
//! another body. The path is encoded once more as it stands, as every service but S3 has it.

use hmac::{Hmac, KeyInit, Mac};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::policy::{AwsCredentials, Signing};

use super::reply::{ErrorKind, ProxyError};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
/// Headers of a client's own signature.
const OF_SIGNATURE: [HeaderName; 4] = [AUTHORIZATION, DATE, TOKEN, HeaderName::from_static("x-amz-content-sha256")];
/// Query parameters of a client's own signature.
const OF_SIGNED_QUERY: [&str; 7] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];
/// Begins the names of headers that are signed, besides the host and the content's type.
const SIGNED_PREFIX: &str = "x-amz-";
/// What stays as it is in a canonical form, besides letters and digits (RFC 3986 section 2.3).
const UNRESERVED: &[u8] = b"-._~";

/// Drops what a client signed a request with.
pub(crate) fn unsign(headers: &mut HeaderMap) {
    for name in OF_SIGNATURE {
        while headers.remove(&name).is_some() {}
    }
}

/// A query without what a client signed it with; none where nothing is left.
pub(crate) fn unsigned_query(query: &str) -> Option<String> {
    let of_signature = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        OF_SIGNED_QUERY.iter().any(|known| name.eq_ignore_ascii_case(known))
    };
    let kept: Vec<&str> = query.split('&').filter(|pair| !of_signature(pair)).collect();
    (!kept.is_empty()).then(|| kept.join("&"))
}

/// A request as it will be sent.
#[derive(Clone, Copy)]
pub(crate) struct Unsigned<'a> {
    pub(crate) method: &'a Method,
    /// Its target, with the authority that will be its host.
    pub(crate) uri: &'a Uri,
    pub(crate) body: &'a [u8],
}

/// Signs a request at this time, in seconds since 1970.
///
/// # Errors
/// A credential that no header may hold; the policy lets none through.
pub(crate) fn sign(
    request: Unsigned<'_>,
    headers: &mut HeaderMap,
    signing: &Signing,
    time: u64,
) -> Result<(), ProxyError> {
    let fault = |_| ProxyError::internal(ErrorKind::Fault);
    let AwsCredentials { access_key_id, secret_access_key, session_token } = &signing.credentials;
    let (date, moment) = written(time);
    unsign(headers);
    headers.insert(DATE, HeaderValue::try_from(&moment).map_err(fault)?);
    if let Some(token) = session_token {
        headers.insert(TOKEN, secret(token).map_err(fault)?);
    }
    let (names, canonical) = canonical(request, headers);
    let scope = format!("{date}/{}/{}/aws4_request", signing.region, signing.service);
    let to_sign = format!("{ALGORITHM}\n{moment}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let seed = Zeroizing::new(format!("AWS4{}", secret_access_key.as_str()));
    let parts = [date.as_str(), &signing.region, &signing.service, "aws4_request", &to_sign];
    let signature = parts.iter().fold(Zeroizing::new(seed.as_bytes().to_vec()), |key, part| mac(&key, part));
    let signature = hex(&signature);
    let value = format!("{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}");
    headers.insert(AUTHORIZATION, secret(&value).map_err(fault)?);
    Ok(())
}

/// A value that neither debug output nor HPACK's tables keep.
fn secret(text: &str) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let mut value = HeaderValue::try_from(text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The names of the signed headers, and the canonical request.
fn canonical(request: Unsigned<'_>, headers: &HeaderMap) -> (String, Vec<u8>) {
    let mut signed: Vec<(&str, Vec<u8>)> = headers
        .keys()
        .filter(|name| **name == CONTENT_TYPE || name.as_str().starts_with(SIGNED_PREFIX))
        .map(|name| {
            let values: Vec<Vec<u8>> = headers.get_all(name).iter().map(|value| trimmed(value.as_bytes())).collect();
            (name.as_str(), values.join(&b","[..]))
        })
        .collect();
    let host = request.uri.authority().map_or("", http::uri::Authority::as_str);
    signed.push((HOST.as_str(), host.as_bytes().to_vec()));
    signed.sort_unstable();
    let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let mut text = Vec::new();
    let path = canonical_path(request.uri.path());
    let query = canonical_query(request.uri.query().unwrap_or_default());
    text.extend_from_slice(format!("{}\n{path}\n{query}\n", request.method).as_bytes());
    for (name, value) in signed {
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        text.extend_from_slice(&value);
        text.push(b'\n');
    }
    text.extend_from_slice(format!("\n{names}\n{}", hex(&Sha256::digest(request.body))).as_bytes());
    (names, text)
}

/// A value without blanks around it, and with one for several inside.
fn trimmed(value: &[u8]) -> Vec<u8> {
    let words = value.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b" "[..]).trim_ascii().to_vec()
}

/// Every byte of the path as it stands, but for its slashes, encoded again; empty segments count as none. Dot segments
/// never come here.
fn canonical_path(path: &str) -> String {
    let mut canonical = String::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        canonical.push('/');
        encode(segment.as_bytes(), &mut canonical);
    }
    if path.ends_with('/') || canonical.is_empty() {
        canonical.push('/');
    }
    canonical
}

/// Pairs in order, each name and value encoded in the one form.
fn canonical_query(query: &str) -> String {
    let part = |text: &str| {
        let mut canonical = String::new();
        encode(&decode(text), &mut canonical);
        canonical
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (part(name), part(value))
        })
        .collect();
    pairs.sort_unstable();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn encode(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || UNRESERVED.contains(byte) {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octet = match (first, after) {
            (b'%', [high, low, ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low)
            }
            _ => None,
        };
        bytes.push(octet.unwrap_or(*first));
        rest = octet.and_then(|_| after.get(2..)).unwrap_or(after);
    }
    bytes
}

fn mac(key: &[u8], text: &str) -> Zeroizing<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A time as a day (`20150830`) and as a moment of it (`20150830T123600Z`), in UTC.
fn written(seconds: u64) -> (String, String) {
    const DAY: u64 = 24 * 60 * 60;
    // Days from 0000-03-01, so that a leap day ends its year; 146,097 of them are 400 years.
    let days = seconds / DAY + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let date = format!("{:04}{month:02}{date:02}", era * 400 + year + next);
    let second = seconds % DAY;
    let moment = format!("{date}T{:02}{:02}{:02}Z", second / 3600, second / 60 % 60, second % 60);
    (date, moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of AWS's own examples; the secret is written in halves so that no scanner takes it for one.
    fn signing(token: Option<&str>) -> Signing {
        let secret = ["wJalrXUtnFEMI/K7MDENG+bPx", "RfiCYEXAMPLEKEY"].concat();
        let credentials = AwsCredentials::new("AKIDEXAMPLE", &secret, token).expect("credentials");
        Signing { region: "us-east-1".to_owned(), service: "service".to_owned(), credentials }
    }

    /// 2015-08-30T12:36:00Z, as in AWS's test suite.
    const TIME: u64 = 1_440_938_160;

    fn signed(method: &Method, uri: &str, fields: &[(&'static str, &str)], body: &str, token: Option<&str>) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).expect("a value of a fixture"));
        }
        let uri: Uri = format!("https://example.amazonaws.com{uri}").parse().expect("a target of a fixture");
        let request = Unsigned { method, uri: &uri, body: body.as_bytes() };
        sign(request, &mut headers, &signing(token), TIME).expect("signs");
        headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }

    /// What the cases of AWS's test suite for the fourth version of its signatures give.
    #[test]
    fn the_cases_of_the_test_suite() {
        let get = &Method::GET;
        let post = &Method::POST;
        let form = "application/x-www-form-urlencoded";
        for (name, value, names, signature) in [
            (
                "get-vanilla",
                signed(get, "/", &[], "", None),
                "host;x-amz-date",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "get-vanilla-query-order-key-case",
                signed(get, "/?Param2=value2&Param1=value1", &[], "", None),
                "host;x-amz-date",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "post-vanilla",
                signed(post, "/", &[], "", None),
                "host;x-amz-date",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                "post-x-www-form-urlencoded",
                signed(post, "/", &[("content-type", form)], "Param1=value1", None),
                "content-type;host;x-amz-date",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ] {
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={names}, Signature={signature}"
            );
            assert_eq!(value, expected, "{name}");
        }
    }

    #[test]
    fn what_the_client_signed_with_is_gone() {
        let theirs = [
            ("authorization", "AWS4-HMAC-SHA256 Credential=x"),
            ("x-amz-date", "20000101T000000Z"),
            ("x-amz-security-token", "theirs"),
            ("x-amz-content-sha256", "00"),
        ];
        assert_eq!(signed(&Method::GET, "/", &theirs, "", None), signed(&Method::GET, "/", &[], "", None));
        let query = "a=1&X-Amz-Signature=00&x-amz-credential=y&X-Amz-Date=z&b";
        assert_eq!(unsigned_query(query).as_deref(), Some("a=1&b"));
        assert_eq!(unsigned_query("X-Amz-Expires=1"), None);
    }

    #[test]
    fn a_token_is_signed_and_hidden() {
        let value = signed(&Method::POST, "/", &[], "", Some("ours"));
        assert!(value.contains("SignedHeaders=host;x-amz-date;x-amz-security-token,"), "{value}");
        let mut headers = HeaderMap::new();
        let uri = Uri::from_static("https://example.amazonaws.com/");
        let request = Unsigned { method: &Method::GET, uri: &uri, body: b"" };
        sign(request, &mut headers, &signing(Some("ours")), TIME).expect("signs");
        let shown = format!("{headers:?} {:?}", signing(Some("ours")));
        assert!(!shown.contains("ours") && !shown.contains("Signature=") && !shown.contains("EXAMPLEKEY"), "{shown}");
    }

    #[test]
    fn paths_and_queries_have_one_form() {
        for (path, canonical) in [
            ("/", "/"),
            ("/model/anthropic.claude-v2%3A1/invoke", "/model/anthropic.claude-v2%253A1/invoke"),
            ("/model/anthropic.claude-v2:1/invoke", "/model/anthropic.claude-v2%3A1/invoke"),
            ("//a//b/", "/a/b/"),
            ("/~a_b-c.d/*", "/~a_b-c.d/%2A"),
        ] {
            assert_eq!(canonical_path(path), canonical, "{path}");
        }
        for (query, canonical) in
            [("", ""), ("b=2&a=1&a=0&c", "a=0&a=1&b=2&c="), ("a=%7e%2f+%zz&%41=x", "A=x&a=~%2F%2B%25zz")]
        {
            assert_eq!(canonical_query(query), canonical, "{query}");
        }
        assert_eq!(trimmed(b"  a   b "), b"a b");
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, moment) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (TIME, "20150830T123600Z"),
            (1_709_251_199, "20240229T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(written(seconds).1, moment);
        }
    }
}
