//! The text of a JSON path in, its steps out; and which of two paths is the narrower.

use crate::body::{JsonPath, PathStep};

/// Most steps of a path.
const STEPS: usize = 64;

/// Parses `$`, `.name`, `.*`, `['name']`, `["name"]`, `[*]`, `[0]`, and `..` before a name, `*` or bracket.
pub(crate) fn parse(text: &str) -> Result<JsonPath, &'static str> {
    let mut rest = text.strip_prefix('$').ok_or("it begins with `$`")?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() >= STEPS {
            return Err("it has too many steps");
        }
        if let Some(after) = rest.strip_prefix("..") {
            steps.push(PathStep::Descend);
            rest = if after.starts_with('[') { after } else { name(after, &mut steps)? };
        } else if let Some(after) = rest.strip_prefix('.') {
            rest = name(after, &mut steps)?;
        } else if let Some(after) = rest.strip_prefix('[') {
            rest = bracket(after, &mut steps)?;
        } else {
            return Err("`.` or `[` is missing before a name");
        }
    }
    Ok(JsonPath { steps })
}

fn name<'a>(text: &'a str, steps: &mut Vec<PathStep>) -> Result<&'a str, &'static str> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end).ok_or("a name is cut")?;
    match name {
        "" => return Err("a name is missing"),
        "*" => steps.push(PathStep::Any),
        name if name.contains(|c: char| c.is_control() || c.is_whitespace() || "]'\"*$?@(),:".contains(c)) => {
            return Err("a name with other characters than letters, digits, `_` and `-` stands in brackets and quotes");
        }
        name => steps.push(PathStep::Key(name.to_owned())),
    }
    Ok(rest)
}

fn bracket<'a>(text: &'a str, steps: &mut Vec<PathStep>) -> Result<&'a str, &'static str> {
    for quote in ['\'', '"'] {
        if let Some(inner) = text.strip_prefix(quote) {
            let (key, rest) = quoted(inner, quote)?;
            steps.push(PathStep::Key(key));
            return rest.strip_prefix(']').ok_or("`]` is missing");
        }
    }
    let (inner, rest) = text.split_once(']').ok_or("`]` is missing")?;
    match inner {
        "*" => steps.push(PathStep::Any),
        digits if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            steps.push(PathStep::Index(digits.parse().map_err(|_| "an index is too large")?));
        }
        _ => return Err("brackets hold a number, `*`, or a name in quotes"),
    }
    Ok(rest)
}

/// A key up to its closing quote; a backslash takes the next character as it is.
fn quoted(text: &str, quote: char) -> Result<(String, &str), &'static str> {
    let mut key = String::new();
    let mut letters = text.chars();
    loop {
        match letters.next().ok_or("a closing quote is missing")? {
            '\\' => key.push(letters.next().ok_or("a closing quote is missing")?),
            letter if letter == quote => return Ok((key, letters.as_str())),
            letter => key.push(letter),
        }
    }
}

/// Whether every place that `narrow` means is also meant by `wide`.
pub(crate) fn covers(wide: &JsonPath, narrow: &JsonPath) -> bool {
    // One row for each number of wide steps: which prefixes of `narrow` they can cover.
    let width = narrow.steps.len();
    let mut reach = vec![false; width + 1];
    if let Some(first) = reach.first_mut() {
        *first = true;
    }
    for step in &wide.steps {
        let mut next = vec![false; width + 1];
        let mut open = false;
        for (at, slot) in next.iter_mut().enumerate() {
            let here = reach.get(at).copied().unwrap_or(false);
            let below = at.checked_sub(1);
            let taken = below.and_then(|below| narrow.steps.get(below));
            match step {
                PathStep::Descend => {
                    open |= here;
                    *slot = open;
                }
                PathStep::Any | PathStep::Key(_) | PathStep::Index(_) => {
                    let before = below.and_then(|below| reach.get(below)).copied().unwrap_or(false);
                    let fits = match taken {
                        Some(PathStep::Descend) | None => false,
                        Some(taken) => matches!(step, PathStep::Any) || step == taken,
                    };
                    *slot = before && fits;
                }
            }
        }
        reach = next;
    }
    reach.last().copied().unwrap_or(false)
}

/// Sorts before another path that covers it: more named steps, fewer `..`, more steps.
pub(crate) fn breadth(path: &JsonPath) -> (usize, usize, usize) {
    let count = |wanted: fn(&PathStep) -> bool| path.steps.iter().filter(|step| wanted(step)).count();
    let named = count(|step| matches!(step, PathStep::Key(_) | PathStep::Index(_)));
    let open = count(|step| matches!(step, PathStep::Descend));
    (usize::MAX - named, open, usize::MAX - path.steps.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_parse() {
        use PathStep::{Any, Descend, Index};
        let key = |name: &str| PathStep::Key(name.to_owned());
        let table = [
            ("$", vec![]),
            ("$.to", vec![key("to")]),
            ("$.a.b[0]", vec![key("a"), key("b"), Index(0)]),
            ("$['a key']['it\\'s']", vec![key("a key"), key("it's")]),
            ("$[*].x", vec![Any, key("x")]),
            ("$.*", vec![Any]),
            ("$..name", vec![Descend, key("name")]),
            ("$..[*]", vec![Descend, Any]),
            ("$.a-b_c.ü", vec![key("a-b_c"), key("ü")]),
        ];
        for (text, steps) in table {
            assert_eq!(parse(text), Ok(JsonPath { steps }), "{text}");
        }
        let bad = [
            "",
            "a",
            "$a",
            "$.",
            "$..",
            "$...a",
            "$.a..",
            "$[",
            "$[]",
            "$[a]",
            "$[-1]",
            "$['a'",
            "$['a",
            "$[0",
            "$.a b",
            "$[?(@.x)]",
            "$.a*",
            "$[99999999999999999999999]",
            "$[0:1]",
        ];
        for text in bad {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&format!("${}", ".a".repeat(65))).is_err());
    }

    #[test]
    fn a_wider_path_covers_a_narrower_one() {
        let both = |wide: &str, narrow: &str| match (parse(wide), parse(narrow)) {
            (Ok(wide), Ok(narrow)) => (covers(&wide, &narrow), breadth(&narrow) <= breadth(&wide)),
            _ => panic!("no paths: {wide} {narrow}"),
        };
        for (wide, narrow) in [
            ("$.a", "$.a"),
            ("$.*", "$.a"),
            ("$..a", "$.a"),
            ("$..a", "$.x.y.a"),
            ("$..a", "$..b.a"),
            ("$..*", "$.*.*"),
            ("$.*.*", "$[0].b"),
            ("$..a..b", "$.a.x.b"),
        ] {
            assert_eq!(both(wide, narrow), (true, true), "{wide} {narrow}");
        }
        for (wide, narrow) in
            [("$.a", "$.*"), ("$.a", "$..a"), ("$.a", "$.a.b"), ("$..a", "$"), ("$.*", "$..a"), ("$", "$.a")]
        {
            assert!(!both(wide, narrow).0, "{wide} {narrow}");
        }
    }
}
