//! An answer in JSON, read so that it says one thing.
//!
//! Enters: an answer's bytes. Leaves: its value. A key that stands twice in an object says two things, of which readers
//! take one or the other (RFC 8259 section 4): such an answer is none, wherever it stands.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::Failure;

/// What an answer says.
///
/// # Errors
/// It is no JSON, or has a key twice.
pub(super) fn read(answer: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(answer).map(|Single(value)| value).map_err(|_| Failure::Answer)
}

/// A value in which no object has a key twice.
struct Single(Value);

impl<'de> Deserialize<'de> for Single {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Once)
    }
}

struct Once;

impl<'de> Visitor<'de> for Once {
    type Value = Single;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Single, E> {
        Ok(Single(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Single, E> {
        Ok(Single(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Single, E> {
        Ok(Single(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Single, E> {
        Ok(Single(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Single, E> {
        Ok(Single(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Single, E> {
        Ok(Single(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Single, A::Error> {
        let mut list = Vec::new();
        while let Some(Single(element)) = access.next_element()? {
            list.push(element);
        }
        Ok(Single(Value::Array(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Single, A::Error> {
        let mut object = Map::new();
        while let Some((key, Single(value))) = access.next_entry::<String, Single>()? {
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        Ok(Single(Value::Object(object)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_stand() {
        let text = br#" {"a":[null,true,-1,18446744073709551615,1.5,"x\u00e9",{}],"b":{"a":{"a":1}}} "#;
        let plain: Value = serde_json::from_slice(text).expect("it is JSON");
        assert_eq!(read(text), Ok(plain));
    }

    #[test]
    fn a_key_that_stands_twice_says_nothing() {
        for answer in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"[{"b":[{"a":null,"a":null}]}]"#, "{} {}", "{"] {
            assert_eq!(read(answer.as_bytes()), Err(Failure::Answer), "{answer}");
        }
        assert_eq!(read("[".repeat(100_000).as_bytes()), Err(Failure::Answer));
    }
}
