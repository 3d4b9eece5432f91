//! The request target: what a path may hold, and what its query looks like when it leaves.
//!
//! Enters: path and query as they came. Leaves: the path and query for the upstream. Segments are compared as they came,
//! never decoded, so that route and upstream cannot disagree about where one ends; what an upstream could resolve to
//! another place is refused. A finding in the path refuses the request; in the query it is redacted, and only the
//! values that changed are written anew.

use crate::engine::Piece;

use super::headers::TextScan;
use super::reply::{ErrorKind, ProxyError};

/// Parameters that hold credentials: they pass as they are.
const KEY_PARAMETERS: &[&str] = &[
    "key",
    "api_key",
    "api-key",
    "apikey",
    "access_token",
    "auth",
    "auth_token",
    "client_secret",
    "sig",
    "signature",
    "subscription-key",
    "token",
    "x-amz-credential",
    "x-amz-security-token",
    "x-amz-signature",
    "x-goog-credential",
    "x-goog-signature",
];

/// How often a text may be percent-encoded and still be looked into.
const LAYERS: usize = 2;

/// Refuses paths whose meaning depends on who reads them.
pub(crate) fn check_path(path: &str) -> Result<(), ProxyError> {
    let refused = || ProxyError::client(ErrorKind::TargetSyntax);
    let rest = path.strip_prefix('/').ok_or_else(refused)?;
    let legal = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#' | b'"' | b'<' | b'>');
    if !path.bytes().all(legal) {
        return Err(refused());
    }
    for segment in rest.split('/') {
        let decoded = decode_strictly(segment.as_bytes()).ok_or_else(refused)?;
        if decoded.iter().any(|byte| byte.is_ascii_control()) {
            return Err(refused());
        }
        let mut pieces = decoded.split(|byte| matches!(byte, b'/' | b'\\'));
        let dots = |piece: &[u8]| matches!(piece.split(|byte| *byte == b';').next(), Some(b"." | b".."));
        if pieces.any(dots) {
            return Err(refused());
        }
    }
    Ok(())
}

/// Refuses a path with a finding.
pub(crate) fn scan_path(path: &str, scan: &mut TextScan<'_>) -> Result<(), ProxyError> {
    // No field is called so.
    let mark = scan.mark(b"/", path.as_bytes());
    if scan.is_cleared(mark) {
        return Ok(());
    }
    let mut text = path.as_bytes().to_vec();
    for _ in 0..=LAYERS {
        if scan.redact(&text)?.is_some() {
            return Err(ProxyError::blocked(scan.last_rule()));
        }
        match decode(&text, false) {
            Some(decoded) => text = decoded,
            None => break,
        }
    }
    scan.clear(mark);
    Ok(())
}

/// The query as it may leave.
pub(crate) fn redact_query(query: &str, scan: &mut TextScan<'_>) -> Result<String, ProxyError> {
    let mut redacted = String::with_capacity(query.len());
    for (index, pair) in query.split('&').enumerate() {
        if index > 0 {
            redacted.push('&');
        }
        let (name, value) = match pair.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (pair, None),
        };
        let decoded_name = decode(name.as_bytes(), true).unwrap_or_else(|| name.as_bytes().to_vec());
        if decoded_name.contains(&0) {
            return Err(ProxyError::client(ErrorKind::TargetSyntax));
        }
        push_redacted(name, scan, &mut redacted)?;
        let Some(value) = value else { continue };
        redacted.push('=');
        if KEY_PARAMETERS.iter().any(|known| decoded_name.eq_ignore_ascii_case(known.as_bytes())) {
            redacted.push_str(value);
        } else {
            scan.call(&decoded_name);
            let pushed = push_redacted(value, scan, &mut redacted);
            scan.call(&[]);
            pushed?;
        }
    }
    Ok(redacted)
}

/// A query without the parameters that carry credentials; none where nothing is left.
pub(crate) fn without_keys(query: &str) -> Option<String> {
    let is_key = |pair: &&str| {
        let name = pair.split_once('=').map_or(*pair, |(name, _)| name).as_bytes();
        let name = decode(name, true).unwrap_or_else(|| name.to_vec());
        let known = KEY_PARAMETERS.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        known || std::str::from_utf8(&name).is_ok_and(super::secret_names::is_called_secret)
    };
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_key(pair)).collect();
    Some(kept.join("&")).filter(|query| !query.is_empty())
}

/// Appends a name or value as it may leave. The deepest layer is looked at first, so that what is written anew is scanned
/// again above it.
fn push_redacted(encoded: &str, scan: &mut TextScan<'_>, out: &mut String) -> Result<(), ProxyError> {
    let mut current = encoded.as_bytes().to_vec();
    if layers(&current).iter().any(|units| units.iter().any(|unit| unit.octet == 0)) {
        return Err(ProxyError::client(ErrorKind::TargetSyntax));
    }
    let mut looked = Ok(());
    for layer in (0..=LAYERS).rev() {
        match redact_layer(&current, layer, scan) {
            Ok(Some(clean)) => {
                current = clean;
                scan.looks_again(true);
            }
            Ok(None) => {}
            Err(error) => looked = Err(error),
        }
        if looked.is_err() {
            break;
        }
    }
    scan.looks_again(false);
    looked?;
    out.push_str(&String::from_utf8_lossy(&current));
    Ok(())
}

/// A text such as a header's value, with what stands percent-encoded in it (a URL and its query, RFC 8187) redacted in
/// place; `None` where nothing is. What stands there plainly is not looked at.
pub(crate) fn redact_encoded(text: &[u8], scan: &mut TextScan<'_>) -> Result<Option<Vec<u8>>, ProxyError> {
    if decode(text, true).is_none() {
        return Ok(None);
    }
    let mut redacted: Option<Vec<u8>> = None;
    for layer in (1..=LAYERS).rev() {
        let clean = redact_layer(redacted.as_deref().unwrap_or(text), layer, scan)?;
        if clean.is_some() {
            scan.looks_again(true);
            redacted = clean;
        }
    }
    Ok(redacted)
}

/// An octet of decoded text, and how many octets of the encoded text stand for it.
#[derive(Clone, Copy)]
struct Unit {
    octet: u8,
    encoded: usize,
}

/// The text below each layer of percent-encoding that there is, the text itself first.
fn layers(text: &[u8]) -> Vec<Vec<Unit>> {
    let mut layers = vec![text.iter().map(|octet| Unit { octet: *octet, encoded: 1 }).collect::<Vec<_>>()];
    while layers.len() <= LAYERS {
        let Some(below) = layers.last().and_then(|above| decode_units(above, layers.len() == 1)) else { break };
        layers.push(below);
    }
    layers
}

/// [`decode`], with the place of every octet kept.
fn decode_units(above: &[Unit], plus: bool) -> Option<Vec<Unit>> {
    let mut below = Vec::with_capacity(above.len());
    let mut changed = false;
    let mut rest = above;
    while let Some((first, after)) = rest.split_first() {
        let escape = match (first.octet, after) {
            (b'%', [high, low, after @ ..]) => octet(&[high.octet, low.octet])
                .map(|octet| (Unit { octet, encoded: first.encoded + high.encoded + low.encoded }, after)),
            (b'+', _) if plus => Some((Unit { octet: b' ', encoded: first.encoded }, after)),
            _ => None,
        };
        changed |= escape.is_some();
        let (unit, after) = escape.unwrap_or((*first, after));
        below.push(unit);
        rest = after;
    }
    changed.then_some(below)
}

/// Redacts what lies below exactly so many layers, encoded as deep again; what is not touched stays as it came.
fn redact_layer(text: &[u8], layer: usize, scan: &mut TextScan<'_>) -> Result<Option<Vec<u8>>, ProxyError> {
    let mut all = layers(text);
    let Some(units) = all.get_mut(layer).map(std::mem::take) else { return Ok(None) };
    let below: Vec<u8> = units.iter().map(|unit| unit.octet).collect();
    let Some(output) = scan.redact_pieces(&below)? else { return Ok(None) };
    let mut redacted = Vec::with_capacity(text.len());
    let (mut text, mut units, mut clean) = (text, units.as_slice(), output.bytes.as_slice());
    for piece in &output.pieces {
        let (taken, given) = match *piece {
            Piece::Clear { len } => (len, len),
            Piece::Replaced { taken, given } => (taken, given),
        };
        let (covered, later) = units.split_at(taken.min(units.len()));
        let encoded = covered.iter().map(|unit| unit.encoded).sum::<usize>();
        let (old, rest) = text.split_at(encoded.min(text.len()));
        let (new, fresh) = clean.split_at(given.min(clean.len()));
        (text, units, clean) = (rest, later, fresh);
        match piece {
            Piece::Clear { .. } => redacted.extend_from_slice(old),
            Piece::Replaced { .. } => redacted.extend_from_slice(&encode_layers(new, layer)),
        }
    }
    Ok(Some(redacted))
}

fn encode_layers(text: &[u8], layers: usize) -> Vec<u8> {
    if layers == 0 {
        return encode(text, b"-._~!$'()*,;:@/?%+=");
    }
    (0..layers).fold(text.to_vec(), |text, _| encode(&text, b"-._~"))
}

/// Percent-decodes what is well formed and leaves the rest; `None` where nothing was encoded.
/// A text without its percent-encoding; `plus` where `+` stands for a blank.
pub(crate) fn decoded(text: &str, plus: bool) -> String {
    let bytes = decode(text.as_bytes(), plus).unwrap_or_else(|| text.as_bytes().to_vec());
    String::from_utf8_lossy(&bytes).into_owned()
}

fn decode(text: &[u8], plus: bool) -> Option<Vec<u8>> {
    if !text.iter().any(|byte| *byte == b'%' || (plus && *byte == b'+')) {
        return None;
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let octet = if *first == b'%' {
            after.split_at_checked(2).and_then(|(hex, after)| Some((octet(hex)?, after)))
        } else {
            None
        };
        match octet {
            Some((octet, after)) => {
                decoded.push(octet);
                rest = after;
            }
            None => {
                decoded.push(if plus && *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
    }
    (decoded != text).then_some(decoded)
}

/// Percent-decodes a path segment; `None` where a `%` is not followed by two hexadecimal digits.
fn decode_strictly(segment: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut rest = segment;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let (hex, after) = after.split_at_checked(2)?;
            decoded.push(octet(hex)?);
            rest = after;
        } else {
            decoded.push(*first);
        }
    }
    Some(decoded)
}

fn octet(hex: &[u8]) -> Option<u8> {
    if !hex.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

/// Percent-encodes everything but letters, digits and what is told to stay (RFC 3986 sections 2.3 and 3.4).
fn encode(text: &[u8], stays: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(text.len());
    for byte in text {
        if byte.is_ascii_alphanumeric() || stays.contains(byte) {
            encoded.push(*byte);
        } else {
            encoded.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_could_mean_another_place_are_refused() {
        for good in ["/", "/v1/chat", "/a%2Fb", "/a//b", "/x;y=1", "/ft:gpt", "/...", "/%E2%82%AC"] {
            assert!(check_path(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "*",
            "v1",
            "/a/../b",
            "/./a",
            "/a/%2e%2E/b",
            "/a/..%2fb",
            "/a/..;x/b",
            "/a\\b",
            "/%00",
            "/%zz",
            "/%2",
            "/a%5c..",
            "/\u{7f}",
            "/%0a",
            "/a#b",
        ] {
            assert!(check_path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn decoding_leaves_what_is_malformed() {
        assert_eq!(decode(b"100%", false), None);
        assert_eq!(decode(b"a+b%20c%zz", true).as_deref(), Some(&b"a b c%zz"[..]));
        assert_eq!(decode(b"a+b", false), None);
        assert_eq!(encode_layers(b"a b*%", 1), b"a%20b%2A%25");
        assert_eq!(encode_layers(b"a%20b [X]", 0), b"a%20b%20%5BX%5D");
        let below = |text: &[u8], layer: usize| {
            layers(text).get(layer).map(|units| units.iter().map(|unit| unit.octet).collect::<Vec<_>>())
        };
        assert_eq!(below(b"%2540", 2).as_deref(), Some(&b"@"[..]));
        assert_eq!(below(b"%40", 2), None);
        assert_eq!(layers(b"a%2540%").last().map(|units| units.iter().map(|unit| unit.encoded).sum()), Some(7));
    }
}
