//! Streams of models and of tools as data: for each text that one may bring in pieces a path, a framing, what comes before
//! the text, an event that brings a piece of it, and what comes behind.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Deserializer, Value, json};

use crate::bedrock::{event, messages};

const TEXT: &str = "Your card 4111 1111 1111 1111 is known to jane@example.com, 4111 1111 1111 1111";
const VALUES: [(&str, &str); 2] = [("4111 1111 1111 1111", "**** **** **** 1111"), ("jane@example.com", "jane@***")];
/// Characters of a fragment.
const SIZE: usize = 9;

/// What an event is in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-sent events, named by their type.
    Events,
    Lines,
    /// An array that grows.
    Array,
    /// Converse's event-stream messages.
    Messages,
    /// Event-stream messages with a model's own event in base64.
    Chunks,
}

/// A text of a protocol.
pub(super) struct Protocol {
    /// Whose and what text.
    pub(super) name: &'static str,
    pub(super) path: &'static str,
    pub(super) framing: Framing,
    /// What comes before it.
    first: &'static [&'static str],
    event: fn(&str) -> Value,
    /// Where in an event the text stands.
    place: &'static str,
    /// What comes behind it, by all of the text.
    last: fn(&str) -> Vec<Value>,
    sort: Sort,
}

/// What the text is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Prose,
    /// JSON, which a tool is called with.
    Arguments,
    /// Whole in each event.
    Whole,
}

use Framing::{Array, Chunks, Events, Lines, Messages};
use Sort::{Arguments, Prose, Whole};

const CHAT: &str = "/v1/chat/completions";
const GEMINI: &str = "/v1beta/models/m:streamGenerateContent";
const GEMINI_EVENTS: &str = "/v1beta/models/m:streamGenerateContent?alt=sse";
const CONVERSE: &str = "/model/m/converse-stream";

pub(super) const PROTOCOLS: [Protocol; 30] = [
    Protocol {
        name: "chat, content",
        path: CHAT,
        framing: Events,
        first: &[r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#],
        event: |text| chat(&json!({ "content": text })),
        place: "/choices/0/delta/content",
        last: |_| vec![finished("stop")],
        sort: Prose,
    },
    Protocol {
        name: "chat, reasoning",
        path: CHAT,
        framing: Events,
        first: &[],
        event: |text| chat(&json!({ "reasoning_content": text })),
        place: "/choices/0/delta/reasoning_content",
        last: |_| vec![chat(&json!({ "content": "So be it." })), finished("stop")],
        sort: Prose,
    },
    Protocol {
        name: "chat, arguments",
        path: CHAT,
        framing: Events,
        first: &[
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_0","type":"function","function":{"name":"send","arguments":""}}]},"finish_reason":null}]}"#,
        ],
        event: |text| chat(&json!({"tool_calls": [{"index": 0, "function": {"arguments": text}}]})),
        place: "/choices/0/delta/tool_calls/0/function/arguments",
        last: |_| vec![finished("tool_calls")],
        sort: Arguments,
    },
    Protocol {
        name: "completions",
        path: "/v1/completions",
        framing: Events,
        first: &[],
        event: |text| json!({"choices": [{"index": 0, "text": text, "logprobs": null, "finish_reason": null}]}),
        place: "/choices/0/text",
        last: |_| vec![json!({"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]})],
        sort: Prose,
    },
    Protocol {
        name: "Responses, text",
        path: "/v1/responses",
        framing: Events,
        first: &[],
        event: |text| delta("response.output_text", text),
        place: "/delta",
        last: |text| {
            let done =
                json!({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": text});
            let item = json!({"type": "message", "content": [{"type": "output_text", "text": text}]});
            vec![done, json!({"type": "response.completed", "response": {"output": [item]}})]
        },
        sort: Prose,
    },
    Protocol {
        name: "Responses, reasoning",
        path: "/v1/responses",
        framing: Events,
        first: &[],
        event: |text| delta("response.reasoning_text", text),
        place: "/delta",
        last: |text| {
            let done =
                json!({"type": "response.reasoning_text.done", "output_index": 0, "content_index": 0, "text": text});
            vec![done, json!({"type": "response.completed", "response": {}})]
        },
        sort: Prose,
    },
    Protocol {
        name: "Responses, arguments",
        path: "/v1/responses",
        framing: Events,
        first: &[],
        event: |text| json!({"type": "response.function_call_arguments.delta", "output_index": 0, "delta": text}),
        place: "/delta",
        last: |text| {
            let done = json!({"type": "response.function_call_arguments.done", "output_index": 0, "arguments": text});
            vec![done, json!({"type": "response.completed", "response": {}})]
        },
        sort: Arguments,
    },
    Protocol {
        name: "Messages, text",
        path: "/v1/messages",
        framing: Events,
        first: &[r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#],
        event: |text| block(&json!({"type": "text_delta", "text": text})),
        place: "/delta/text",
        last: |_| stopped(),
        sort: Prose,
    },
    Protocol {
        name: "Messages, thinking",
        path: "/v1/messages",
        framing: Events,
        first: &[r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#],
        event: |text| block(&json!({"type": "thinking_delta", "thinking": text})),
        place: "/delta/thinking",
        last: |_| stopped(),
        sort: Prose,
    },
    Protocol {
        name: "Messages, arguments",
        path: "/v1/messages",
        framing: Events,
        first: &[
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_0","name":"send","input":{}}}"#,
        ],
        event: |text| block(&json!({"type": "input_json_delta", "partial_json": text})),
        place: "/delta/partial_json",
        last: |_| stopped(),
        sort: Arguments,
    },
    Protocol {
        name: "Gemini, text",
        path: GEMINI_EVENTS,
        framing: Events,
        first: &[],
        event: |text| candidate(&json!({ "text": text })),
        place: "/candidates/0/content/parts/0/text",
        last: |_| vec![json!({"candidates": [{"finishReason": "STOP"}]})],
        sort: Prose,
    },
    Protocol {
        name: "Gemini, thought",
        path: GEMINI_EVENTS,
        framing: Events,
        first: &[],
        event: |text| candidate(&json!({"text": text, "thought": true})),
        place: "/candidates/0/content/parts/0/text",
        last: |_| vec![json!({"candidates": [{"finishReason": "STOP"}]})],
        sort: Prose,
    },
    Protocol {
        name: "Gemini, arguments",
        path: GEMINI_EVENTS,
        framing: Events,
        first: &[],
        event: |text| argument(text, true),
        place: "/candidates/0/content/parts/0/functionCall/partialArgs/0/stringValue",
        last: |_| vec![argument("", false), json!({"candidates": [{"finishReason": "STOP"}]})],
        sort: Prose,
    },
    Protocol {
        name: "Gemini's array, text",
        path: GEMINI,
        framing: Array,
        first: &[],
        event: |text| candidate(&json!({ "text": text })),
        place: "/candidates/0/content/parts/0/text",
        last: |_| vec![json!({"candidates": [{"finishReason": "STOP"}]})],
        sort: Prose,
    },
    Protocol {
        name: "Gemini's array, thought",
        path: GEMINI,
        framing: Array,
        first: &[],
        event: |text| candidate(&json!({"text": text, "thought": true})),
        place: "/candidates/0/content/parts/0/text",
        last: |_| vec![json!({"candidates": [{"finishReason": "STOP"}]})],
        sort: Prose,
    },
    Protocol {
        name: "Ollama, content",
        path: "/api/chat",
        framing: Lines,
        first: &[],
        event: |text| json!({"model": "m", "message": {"role": "assistant", "content": text}, "done": false}),
        place: "/message/content",
        last: |_| vec![json!({"model": "m", "message": {"role": "assistant", "content": ""}, "done": true})],
        sort: Prose,
    },
    Protocol {
        name: "Ollama, thinking",
        path: "/api/chat",
        framing: Lines,
        first: &[],
        event: |text| json!({"model": "m", "message": {"role": "assistant", "content": "", "thinking": text}, "done": false}),
        place: "/message/thinking",
        last: |_| vec![json!({"model": "m", "message": {"role": "assistant", "content": ""}, "done": true})],
        sort: Prose,
    },
    Protocol {
        name: "Cohere, content",
        path: "/v2/chat",
        framing: Events,
        first: &[r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#],
        event: |text| json!({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": text}}}}),
        place: "/delta/message/content/text",
        last: |_| vec![json!({"type": "content-end", "index": 0}), complete()],
        sort: Prose,
    },
    Protocol {
        name: "Cohere, thinking",
        path: "/v2/chat",
        framing: Events,
        first: &[
            r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":""}}}}"#,
        ],
        event: |text| json!({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"thinking": text}}}}),
        place: "/delta/message/content/thinking",
        last: |_| vec![json!({"type": "content-end", "index": 0}), complete()],
        sort: Prose,
    },
    Protocol {
        name: "Cohere, arguments",
        path: "/v2/chat",
        framing: Events,
        first: &[
            r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"call_0","type":"function","function":{"name":"send","arguments":""}}}}}"#,
        ],
        event: |text| {
            let call = json!({"function": {"arguments": text}});
            json!({"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": call}}})
        },
        place: "/delta/message/tool_calls/function/arguments",
        last: |_| vec![json!({"type": "tool-call-end", "index": 0}), complete()],
        sort: Arguments,
    },
    Protocol {
        name: "Converse, text",
        path: CONVERSE,
        framing: Messages,
        first: &[],
        event: |text| json!({"contentBlockIndex": 0, "delta": {"text": text}}),
        place: "/delta/text",
        last: |_| vec![json!({"contentBlockIndex": 0}), json!({"stopReason": "end_turn"})],
        sort: Prose,
    },
    Protocol {
        name: "Converse, reasoning",
        path: CONVERSE,
        framing: Messages,
        first: &[],
        event: |text| json!({"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": text}}}),
        place: "/delta/reasoningContent/text",
        last: |_| vec![json!({"contentBlockIndex": 0}), json!({"stopReason": "end_turn"})],
        sort: Prose,
    },
    Protocol {
        name: "Converse, arguments",
        path: CONVERSE,
        framing: Messages,
        first: &[r#"{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"tooluse_0","name":"send"}}}"#],
        event: |text| json!({"contentBlockIndex": 0, "delta": {"toolUse": {"input": text}}}),
        place: "/delta/toolUse/input",
        last: |_| vec![json!({"contentBlockIndex": 0}), json!({"stopReason": "tool_use"})],
        sort: Arguments,
    },
    Protocol {
        name: "invoked Messages, text",
        path: "/model/m/invoke-with-response-stream",
        framing: Chunks,
        first: &[r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#],
        event: |text| block(&json!({"type": "text_delta", "text": text})),
        place: "/delta/text",
        last: |_| stopped(),
        sort: Prose,
    },
    Protocol {
        name: "invoked Messages, arguments",
        path: "/model/m/invoke-with-response-stream",
        framing: Chunks,
        first: &[
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_0","name":"send","input":{}}}"#,
        ],
        event: |text| block(&json!({"type": "input_json_delta", "partial_json": text})),
        place: "/delta/partial_json",
        last: |_| stopped(),
        sort: Arguments,
    },
    Protocol {
        name: "Mistral's conversations, content",
        path: "/v1/conversations",
        framing: Events,
        first: &[r#"{"type":"conversation.response.started","conversation_id":"conv_0"}"#],
        event: |text| json!({"type": "message.output.delta", "output_index": 0, "content_index": 0, "content": text}),
        place: "/content",
        last: |_| vec![json!({"type": "conversation.response.done", "usage": {"total_tokens": 9}})],
        sort: Prose,
    },
    Protocol {
        name: "Mistral's conversations, thinking",
        path: "/v1/conversations",
        framing: Events,
        first: &[r#"{"type":"conversation.response.started","conversation_id":"conv_0"}"#],
        event: |text| {
            let thought = json!({"type": "thinking", "thinking": [{"type": "text", "text": text}]});
            json!({"type": "message.output.delta", "output_index": 0, "content_index": 0, "content": thought})
        },
        place: "/content/thinking/0/text",
        last: |_| vec![json!({"type": "conversation.response.done", "usage": {"total_tokens": 9}})],
        sort: Prose,
    },
    Protocol {
        name: "Mistral's conversations, arguments",
        path: "/v1/conversations",
        framing: Events,
        first: &[r#"{"type":"conversation.response.started","conversation_id":"conv_0"}"#],
        event: |text| {
            let call = json!({"type": "function.call.delta", "output_index": 0, "name": "send", "tool_call_id": "c"});
            with(call, "arguments", text)
        },
        place: "/arguments",
        last: |_| vec![json!({"type": "conversation.response.done", "usage": {"total_tokens": 9}})],
        sort: Arguments,
    },
    Protocol {
        name: "transcript",
        path: "/v1/audio/transcriptions",
        framing: Events,
        first: &[],
        event: |text| json!({"type": "transcript.text.delta", "delta": text}),
        place: "/delta",
        last: |text| vec![json!({"type": "transcript.text.done", "text": text})],
        sort: Prose,
    },
    Protocol {
        name: "Model Context Protocol",
        path: "/mcp",
        framing: Events,
        first: &[],
        event: |text| {
            let said = json!({"level": "info", "data": text});
            json!({"jsonrpc": "2.0", "method": "notifications/message", "params": said})
        },
        place: "/params/data",
        last: |text| {
            let result = json!({"content": [{"type": "text", "text": text}]});
            vec![json!({"jsonrpc": "2.0", "id": 1, "result": result})]
        },
        sort: Whole,
    },
];

fn chat(delta: &Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn finished(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn delta(kind: &str, text: &str) -> Value {
    json!({"type": format!("{kind}.delta"), "output_index": 0, "content_index": 0, "delta": text})
}

fn block(delta: &Value) -> Value {
    json!({"type": "content_block_delta", "index": 0, "delta": delta})
}

fn stopped() -> Vec<Value> {
    vec![json!({"type": "content_block_stop", "index": 0}), json!({"type": "message_stop"})]
}

fn candidate(part: &Value) -> Value {
    json!({"candidates": [{"content": {"parts": [part], "role": "model"}}]})
}

fn argument(text: &str, goes_on: bool) -> Value {
    let argument = json!({"jsonPath": "$.note", "stringValue": text, "willContinue": goes_on});
    candidate(&json!({"functionCall": {"id": "call_0", "name": "send", "partialArgs": [argument]}}))
}

fn complete() -> Value {
    json!({"type": "message-end", "delta": {"finish_reason": "COMPLETE"}})
}

fn with(mut object: Value, member: &str, text: &str) -> Value {
    object[member] = text.into();
    object
}

/// What is left of a text.
pub(super) fn redacted(text: &str) -> String {
    VALUES.iter().fold(text.to_owned(), |text, (value, left)| text.replace(value, left))
}

/// Whether a value stands in a text.
pub(super) fn shows(text: &str) -> bool {
    VALUES.iter().any(|(value, _)| text.contains(value))
}

impl Protocol {
    pub(super) fn media_type(&self) -> &'static str {
        match self.framing {
            Events => "text/event-stream",
            Lines => "application/x-ndjson",
            Array => "application/json",
            Messages | Chunks => "application/vnd.amazon.eventstream",
        }
    }

    /// All of the text.
    pub(super) fn text(&self) -> String {
        match self.sort {
            Prose => TEXT.to_owned(),
            Arguments => json!({"to": "them", "note": TEXT}).to_string(),
            Whole => TEXT.repeat(3),
        }
    }

    /// The stream, event by event.
    pub(super) fn events(&self) -> Vec<Vec<u8>> {
        let text = self.text();
        let size = if self.sort == Whole { TEXT.len() } else { SIZE };
        let pieces = text.as_bytes().chunks(size).map(|piece| std::str::from_utf8(piece).unwrap());
        let first = self.first.iter().map(|event| serde_json::from_str(event).unwrap());
        let events: Vec<Value> = first.chain(pieces.map(self.event)).chain((self.last)(&text)).collect();
        let framed = |(at, event): (usize, &Value)| self.framed(event, at == 0, at + 1 == events.len());
        events.iter().enumerate().map(framed).collect()
    }

    fn framed(&self, data: &Value, first: bool, last: bool) -> Vec<u8> {
        match self.framing {
            Events => {
                let name = data["type"].as_str().map(|name| format!("event: {name}\n"));
                format!("{}data: {data}\n\n", name.unwrap_or_default()).into_bytes()
            }
            Lines => format!("{data}\n").into_bytes(),
            Array => {
                format!("{}{data}{}", if first { "[" } else { ",\r\n" }, if last { "\n]" } else { "" }).into_bytes()
            }
            Messages => {
                let kinds = [
                    ("delta", "contentBlockDelta"),
                    ("start", "contentBlockStart"),
                    ("stopReason", "messageStop"),
                    ("contentBlockIndex", "contentBlockStop"),
                ];
                let kind = kinds.iter().find(|(member, _)| !data[*member].is_null());
                event(kind.unwrap().1, &data.to_string())
            }
            Chunks => event("chunk", &json!({"bytes": STANDARD.encode(data.to_string())}).to_string()),
        }
    }

    /// The events that are whole in a body.
    pub(super) fn read(&self, body: &[u8]) -> Vec<Value> {
        match self.framing {
            Events | Lines => {
                let text = String::from_utf8_lossy(body);
                let data = text.lines().map(|line| line.strip_prefix("data: ").unwrap_or(line));
                data.filter_map(|data| serde_json::from_str(data).ok()).collect()
            }
            Array => {
                let (mut rest, mut read) = (body, Vec::new());
                loop {
                    let begin = rest.iter().position(|byte| !b"[,]\r\n ".contains(byte)).unwrap_or(rest.len());
                    rest = &rest[begin..];
                    let mut values = Deserializer::from_slice(rest).into_iter::<Value>();
                    let Some(Ok(value)) = values.next() else { return read };
                    rest = &rest[values.byte_offset()..];
                    read.push(value);
                }
            }
            Messages | Chunks => {
                let payloads = messages(body).into_iter().map(|(_, payload)| serde_json::from_str(&payload).unwrap());
                payloads.map(opened).collect()
            }
        }
    }

    /// The text that events spell.
    pub(super) fn spelled(&self, events: &[Value]) -> String {
        events.iter().filter_map(|event| event.pointer(self.place)?.as_str()).collect()
    }
}

/// A payload, or what it has in base64.
fn opened(payload: Value) -> Value {
    let Some(bytes) = payload["bytes"].as_str() else { return payload };
    serde_json::from_slice(&STANDARD.decode(bytes).unwrap()).unwrap()
}
