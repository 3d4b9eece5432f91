//! What a verifier takes for a record, a hash, a file: what enters are bytes, what leaves is what they say, or nothing.

use std::fs::File;
use std::io;
use std::path::Path;

use serde_json::Value;

use super::{Fault, Hash, LINE_MAX};

/// Objects and lists within each other.
const DEPTH_MAX: usize = 8;
/// The largest number.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Whether every byte of a body is accounted for.
pub(super) fn balances(receipt: &Value) -> bool {
    let number = |name: &str| receipt.get(name).map_or(Some(0), Value::as_u64);
    let unscanned = match receipt.get("unscanned") {
        None => Some(0),
        Some(Value::Object(reasons)) => reasons.values().try_fold(0_u64, |sum, bytes| sum.checked_add(bytes.as_u64()?)),
        Some(_) => None,
    };
    let (Some(scanned), Some(withheld), Some(unscanned)) = (number("scanned"), number("withheld"), unscanned) else {
        return false;
    };
    let sum = scanned.checked_add(withheld).and_then(|sum| sum.checked_add(unscanned));
    receipt.is_object() && sum.is_some() && receipt.get("length").and_then(Value::as_u64) == sum
}

/// The members of an object whose text is canonical (RFC 8785) and whose numbers are whole.
pub(super) fn canonical(line: &[u8]) -> Option<serde_json::Map<String, Value>> {
    if line.len() > LINE_MAX {
        return None;
    }
    let value: Value = serde_json::from_slice(line).ok()?;
    if serde_json::to_vec(&value).ok()? != line || !whole(&value, DEPTH_MAX) {
        return None;
    }
    match value {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

fn whole(value: &Value, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match value {
        Value::Number(number) => number.as_u64().is_some_and(|number| number <= NUMBER_MAX),
        Value::Array(items) => items.iter().all(|item| whole(item, depth)),
        // Names outside of ASCII would be in another order there.
        Value::Object(fields) => fields.iter().all(|(name, field)| name.is_ascii() && whole(field, depth)),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

pub(super) fn decoded(text: &str) -> Option<Hash> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).ok()?.try_into().ok()
}

pub(super) fn limited(path: &Path, limit: u64) -> Result<Vec<u8>, Fault> {
    let failed = |error| Fault::Io(path.to_owned(), error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    io::Read::read_to_end(&mut io::Read::take(file, limit + 1), &mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(failed(io::Error::other("it is larger than it can be")));
    }
    Ok(bytes)
}
