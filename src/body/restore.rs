//! Where in an answer values may be given back: data, and the questions that readers ask of it.
//!
//! Enters: what a workspace's `restore` says, and a place in an answer. Leaves: whether tokens are opened there. By
//! default these are the texts that a model's answer has for its reader, named in [`TEXTS`]; what is not named is not
//! opened. The arguments of tool calls are opened only for tools that are named: whoever runs a tool may carry the value
//! anywhere.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::OnceLock;

use super::json::Step;
use super::{JsonPath, PathStep};

/// The texts of models' answers, whole and in events, in every dialect. The last step is a name.
const TEXTS: &[&str] = &[
    // Chat completions and completions; a batch's result line.
    "$.choices[*].message.content",
    "$.choices[*].message.content[*].text",
    "$.choices[*].message.refusal",
    "$.choices[*].message.reasoning_content",
    "$.choices[*].message.reasoning",
    "$.choices[*].message.audio.transcript",
    "$.choices[*].text",
    "$.response.body.choices[*].message.content",
    "$.response.body.choices[*].text",
    // Responses and Realtime, in answers and in what events repeat.
    "$.output_text",
    "$.output[*].content[*].text",
    "$.output[*].content[*].refusal",
    "$.output[*].content[*].transcript",
    "$.output[*].summary[*].text",
    "$.response.output_text",
    "$.response.output[*].content[*].text",
    "$.response.output[*].content[*].refusal",
    "$.response.output[*].content[*].transcript",
    "$.response.output[*].summary[*].text",
    "$.item.content[*].text",
    "$.item.content[*].refusal",
    "$.item.content[*].transcript",
    "$.item.summary[*].text",
    "$.part.text",
    "$.part.refusal",
    "$.part.transcript",
    "$.text",
    "$.refusal",
    "$.transcript",
    // Messages, and Anthropic's text completions.
    "$.content[*].text",
    "$.content_block.text",
    "$.result.message.content[*].text",
    "$.completion",
    // Gemini.
    "$.candidates[*].content.parts[*].text",
    "$.response.candidates[*].content.parts[*].text",
    "$.serverContent.modelTurn.parts[*].text",
    "$.serverContent.outputTranscription.text",
    // Cohere and Ollama.
    "$.message.content[*].text",
    "$.message.tool_plan",
    "$.generations[*].text",
    "$.message.content",
    "$.message.thinking",
    "$.response",
    "$.thinking",
    // Bedrock.
    "$.output.message.content[*].text",
    "$.generation",
    "$.outputText",
    "$.results[*].outputText",
    "$.outputs[*].text",
];

/// Where the arguments of tool calls stand; the tool's `name` is a member beside them.
const CALLS: &[&str] = &[
    "$.choices[*].message.tool_calls[*].function.arguments",
    "$.choices[*].message.tool_calls[*].custom.input",
    "$.choices[*].message.function_call.arguments",
    "$.response.body.choices[*].message.tool_calls[*].function.arguments",
    "$.output[*].arguments",
    "$.output[*].input",
    "$.response.output[*].arguments",
    "$.response.output[*].input",
    "$.item.arguments",
    "$.item.input",
    "$.arguments",
    "$.input",
    "$.content[*].input",
    "$.content_block.input",
    "$.result.message.content[*].input",
    "$.candidates[*].content.parts[*].functionCall.args",
    "$.candidates[*].content.parts[*].function_call.args",
    "$.response.candidates[*].content.parts[*].functionCall.args",
    "$.toolCall.functionCalls[*].args",
    "$.message.tool_calls[*].function.arguments",
    "$.output.message.content[*].toolUse.input",
];

/// Whether tokens are opened in a text, and what it is.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) enum Opens {
    /// They stay.
    #[default]
    No,
    /// They are, in words for a reader.
    Prose {
        /// What kind of text it is: the names on the way to it. A reader may add up an answer's texts of one kind.
        kind: u64,
    },
    /// They are, in a value that a program takes whole: one that begins as an address is one to its end.
    Value,
}

impl Opens {
    /// In values, where they are opened at all.
    pub(super) fn value(opened: bool) -> Self {
        if opened { Self::Value } else { Self::No }
    }
}

/// The names on the way to a place, as one number, whichever of an array's contents or outputs it is in. Choices are answers
/// of their own.
fn kind_of<'a>(steps: impl Iterator<Item = Step<'a>>) -> u64 {
    const ANSWERS: [&[u8]; 5] = [b"choices", b"candidates", b"generations", b"results", b"outputs"];
    let mut hasher = DefaultHasher::new();
    let mut tells = false;
    for step in steps {
        match step {
            Step::Key(key) => {
                tells = ANSWERS.contains(&key);
                key.hash(&mut hasher);
            }
            Step::Index(at) if tells => at.hash(&mut hasher),
            Step::Index(_) => {}
        }
    }
    hasher.finish()
}

/// What a workspace says of the places where values may be given back.
#[derive(Clone, Default, Debug)]
pub struct Restore {
    /// Places in JSON, and what is in them; none: the texts of models' answers.
    pub fields: Vec<JsonPath>,
    /// Tools whose arguments may hold values: names, or their beginning and `*`.
    pub tools: Vec<String>,
    /// Whether a body that is one text is opened as well.
    pub texts: bool,
}

/// Paths by their last name.
struct Places(Vec<(Vec<u8>, JsonPath)>);

impl Places {
    fn new(paths: &[&str]) -> Self {
        let place = |text: &&str| {
            let path = JsonPath::parse(text).ok()?;
            match path.steps.last()? {
                PathStep::Key(name) => Some((name.clone().into_bytes(), path)),
                PathStep::Index(_) | PathStep::Any | PathStep::Descend => None,
            }
        };
        Self(paths.iter().filter_map(place).collect())
    }

    fn hold<'a, S: Iterator<Item = Step<'a>>>(&self, key: &[u8], steps: impl Fn() -> S) -> bool {
        self.0.iter().any(|(name, path)| name == key && path.walk(steps()).exact)
    }
}

impl Restore {
    /// Whether the string at this place, whose key this is where it is a member, is a text that is opened.
    pub(super) fn opens<'a, S: Iterator<Item = Step<'a>>>(&self, key: Option<&[u8]>, steps: impl Fn() -> S) -> Opens {
        static PLACES: OnceLock<Places> = OnceLock::new();
        if !self.fields.is_empty() && !self.fields.iter().any(|field| field.walk(steps()).covers) {
            return Opens::No;
        }
        match key.is_some_and(|key| PLACES.get_or_init(|| Places::new(TEXTS)).hold(key, &steps)) {
            true => Opens::Prose { kind: kind_of(steps()) },
            false => Opens::value(!self.fields.is_empty()),
        }
    }

    /// Whether the member `key` at this place is the arguments of a tool call.
    pub(super) fn is_call<'a, S: Iterator<Item = Step<'a>>>(key: &[u8], steps: impl Fn() -> S) -> bool {
        static PLACES: OnceLock<Places> = OnceLock::new();
        PLACES.get_or_init(|| Places::new(CALLS)).hold(key, steps)
    }

    /// Whether the arguments of this tool are opened.
    pub(super) fn opens_tool(&self, name: &[u8]) -> bool {
        self.tools.iter().any(|tool| match tool.strip_suffix('*') {
            Some(begin) => name.starts_with(begin.as_bytes()),
            None => tool.as_bytes() == name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_a_path_that_ends_with_a_name() {
        assert_eq!(Places::new(TEXTS).0.len(), TEXTS.len());
        assert_eq!(Places::new(CALLS).0.len(), CALLS.len());
    }

    #[test]
    fn tools_are_named_whole_or_by_their_beginning() {
        let restore = Restore { tools: vec!["send_email".into(), "crm_*".into()], ..Restore::default() };
        for (name, opened) in
            [("send_email", true), ("send_email2", false), ("send", false), ("crm_find", true), ("xcrm_find", false)]
        {
            assert_eq!(restore.opens_tool(name.as_bytes()), opened, "{name}");
        }
        assert!(!Restore::default().opens_tool(b""));
    }
}
