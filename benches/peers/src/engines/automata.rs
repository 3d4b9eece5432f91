//! `regex-automata`: one multi-pattern pass of its meta engine, with its own cache size and with 64 MiB of it.

use regex_automata::Input;
use regex_automata::meta::{Cache, Config, Regex};
use regex_automata::util::syntax;

use super::{Engine, Tally, Writer};
use crate::rules::{ELEVEN, passes};

pub struct Automata {
    name: &'static str,
    regex: Regex,
    cache: Cache,
    writer: Writer,
}

impl Automata {
    pub fn new(name: &'static str, cache: Option<usize>) -> Result<Self, String> {
        let mut config = Config::new().utf8_empty(false).nfa_size_limit(Some(64 << 20));
        if let Some(cache) = cache {
            config = config.hybrid_cache_capacity(cache);
        }
        let patterns: Vec<&str> = ELEVEN.iter().map(|(_, pattern)| *pattern).collect();
        let regex = Regex::builder()
            .configure(config)
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .build_many(&patterns)
            .map_err(|error| error.to_string())?;
        let cache = regex.create_cache();
        Ok(Self { name, regex, cache, writer: Writer::default() })
    }
}

impl Engine for Automata {
    fn name(&self) -> &str {
        self.name
    }

    fn redact(&mut self, unit: &[u8], tally: &mut Tally) -> &[u8] {
        self.writer.begin();
        let mut input = Input::new(unit);
        while let Some(found) = self.regex.search_with(&mut self.cache, &input) {
            let rule = found.pattern().as_usize();
            if passes(rule, &unit[found.range()]) {
                tally[rule] += 1;
                self.writer.replace(unit, found.start(), found.end());
            }
            input.set_start(found.end());
        }
        self.writer.finish(unit)
    }
}
