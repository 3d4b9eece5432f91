//! Rows of model providers' protocols: places in their JSON documents, each with what is special about it. Adding a field
//! is adding a row.
//!
//! Enters: nothing, this is data. Leaves: the lists that `dialect` makes its tables of, by protocol and direction. What is
//! special because of a value's form stands in `typed`.

use super::dialect::{Pieces, Row, Special};
use super::json::{Form, Reason, Side, Unit};

const TOKEN_IDS: Special = Special::TokenIds { always: false };

const STARTS: Special = Special::Offset((Unit::Characters, Side::Start));
const ENDS: Special = Special::Offset((Unit::Characters, Side::End));
const STARTS_AT_BYTE: Special = Special::Offset((Unit::Bytes, Side::Start));
const ENDS_AT_BYTE: Special = Special::Offset((Unit::Bytes, Side::End));

pub(super) const SIGNATURE: Special = Special::Exempt(Form::Base64, Reason::Signature);
const ENCRYPTED: Special = Special::Exempt(Form::Base64, Reason::Encrypted);
const MEDIA: Special = Special::Exempt(Form::Base64, Reason::Media);
const DATA_URI: Special = Special::Exempt(Form::DataUri, Reason::Media);
const FILE: Special = Special::Exempt(Form::Either, Reason::Media);

/// OpenAI chat completions, completions, embeddings, and what is compatible with them; both directions.
pub(super) const OPENAI: &[Row] = &[
    ("$..function.arguments", Special::Arguments),
    ("$..function_call.arguments", Special::Arguments),
    ("$..encrypted_content", ENCRYPTED),
    // Of a program that calls tools, in Responses.
    ("$..fingerprint", ENCRYPTED),
    ("$..input_audio", FILE),
    ("$..input_audio.data", MEDIA),
    ("$..audio.data", MEDIA),
    // What the tool for images has made, in Responses.
    ("$..output[*].result", MEDIA),
    ("$.data[*].result", MEDIA),
    ("$.input[*].result", MEDIA),
    ("$.result", MEDIA),
    // Realtime: what is appended to the input, and what an item holds.
    ("$.audio", MEDIA),
    ("$.item.content[*].audio", MEDIA),
    ("$..b64_json", MEDIA),
    ("$..image_url.url", DATA_URI),
    ("$..image_url", DATA_URI),
    ("$..file_data", FILE),
    ("$..outputs[*].url", DATA_URI),
    // What is read in pictures of documents, at Mistral's.
    ("$..document_url", DATA_URI),
    ("$..image_base64", FILE),
];

/// Where OpenAI, vLLM and others take token ids in place of a text.
pub(super) const OPENAI_REQUEST: &[Row] = &[
    ("$.prompt", TOKEN_IDS),
    ("$.input", TOKEN_IDS),
    ("$.input_ids", TOKEN_IDS),
    ("$.prompt_token_ids", TOKEN_IDS),
    ("$.token_ids", TOKEN_IDS),
    ("$.tokens", TOKEN_IDS),
];

/// Requests in the lines of a batch, where `body` keeps them.
pub(super) const BATCH_REQUEST: &[Row] = &[
    ("$.body.prompt", TOKEN_IDS),
    ("$.body.input", TOKEN_IDS),
    ("$.body.input_ids", TOKEN_IDS),
    ("$.body.prompt_token_ids", TOKEN_IDS),
    ("$.body.token_ids", TOKEN_IDS),
    ("$.body.tokens", TOKEN_IDS),
    ("$.body.messages[*].content", Special::Blocks),
];

/// Answers in the lines of a batch's results, where `response.body` or `result.message` keeps them.
pub(super) const BATCH_RESPONSE: &[Row] = &[
    ("$.response.body.data[*].embedding", Special::Vector),
    ("$.response.body.choices", Special::Choices),
    ("$.response.body.choices[*].message", Special::Spoken),
    ("$.response.body.choices[*].text", Special::Spoken),
    ("$.response.body.choices[*].logprobs", Special::Copied),
    ("$.response.body.choices[*].token_ids", Special::Copied),
    ("$.response.body.choices[*].prompt_logprobs", Special::Hidden),
    ("$.response.body.prompt_logprobs", Special::Hidden),
    ("$.response.body.output[*].content", Special::Choices),
    ("$.response.body.output[*].content[*].text", Special::Spoken),
    ("$.response.body.output[*].content[*].logprobs", Special::Copied),
    ("$.response.body.content", Special::Blocks),
    ("$.result.message.content", Special::Blocks),
];

/// What only an answer has.
pub(super) const OPENAI_RESPONSE: &[Row] = &[
    ("$.data[*].embedding", Special::Vector),
    ("$.choices", Special::Choices),
    ("$.choices[*].message", Special::Spoken),
    ("$.choices[*].text", Special::Spoken),
    ("$.choices[*].logprobs", Special::Copied),
    ("$.choices[*].token_ids", Special::Copied),
    ("$.choices[*].prompt_logprobs", Special::Hidden),
    ("$.prompt_logprobs", Special::Hidden),
    ("$.output[*].content", Special::Choices),
    ("$.output[*].content[*].text", Special::Spoken),
    ("$.output[*].content[*].logprobs", Special::Copied),
    // What is listed: stored answers, the items of a conversation, the messages of a thread.
    ("$.data[*].choices", Special::Choices),
    ("$.data[*].choices[*].message", Special::Spoken),
    ("$.data[*].choices[*].text", Special::Spoken),
    ("$.data[*].choices[*].logprobs", Special::Copied),
    ("$.data[*].choices[*].token_ids", Special::Copied),
    ("$.data[*].content", Special::Choices),
    ("$.data[*].content[*].text", Special::Spoken),
    ("$.data[*].content[*].text.value", Special::Cited),
    ("$.data[*].content[*].logprobs", Special::Copied),
    // One of them by itself; also the text of llama.cpp's own answers.
    ("$.content", Special::Choices),
    ("$.content[*].text", Special::Spoken),
    ("$.content[*].text.value", Special::Cited),
    ("$.content[*].logprobs", Special::Copied),
    ("$.completion_probabilities", Special::CopiedIds),
    // What a text is cut into, of which the answer does not have it, and where it does.
    ("$.tokens", Special::Spelling),
    ("$.token_strs", Special::Hidden),
    // Text Generation Inference, one answer and several.
    ("$.generated_text", Special::Spoken),
    ("$.details.tokens", Special::CopiedIds),
    ("$.details.top_tokens", Special::CopiedIds),
    ("$.details.prefill", Special::Hidden),
    ("$.details.best_of_sequences", Special::Choices),
    ("$.details.best_of_sequences[*].generated_text", Special::Spoken),
    ("$.details.best_of_sequences[*].tokens", Special::CopiedIds),
    ("$.details.best_of_sequences[*].top_tokens", Special::CopiedIds),
    ("$.details.best_of_sequences[*].prefill", Special::Hidden),
    ("$[*].generated_text", Special::Spoken),
    ("$[*].details.tokens", Special::CopiedIds),
    ("$[*].details.top_tokens", Special::CopiedIds),
    ("$[*].details.prefill", Special::Hidden),
    // SGLang.
    ("$.output_ids", Special::CopiedIds),
    ("$.meta_info.output_token_logprobs", Special::Copied),
    ("$.meta_info.output_top_logprobs", Special::Copied),
    ("$.meta_info.input_token_logprobs", Special::Hidden),
    ("$.meta_info.input_top_logprobs", Special::Hidden),
    // Transcriptions.
    ("$.text", Special::Transcript),
    ("$.words[*].word", Special::Spelled(Pieces::Words)),
    ("$.segments[*].text", Special::Spelled(Pieces::Segments)),
    ("$.segments[*].words[*].word", Special::Spelled(Pieces::WordsOfSegments)),
    ("$.segments[*].tokens", Special::CopiedIds),
    ("$.logprobs", Special::Copied),
    ("$..choices[*].message.content", Special::Cited),
    ("$..annotations[*].url_citation.start_index", STARTS),
    ("$..annotations[*].url_citation.end_index", ENDS),
    ("$..annotations[*].start_index", STARTS),
    ("$..annotations[*].end_index", ENDS),
];

/// Anthropic Messages; both directions.
pub(super) const ANTHROPIC: &[Row] = &[
    ("$..content[*].signature", SIGNATURE),
    ("$..content[*].thinking", Special::Prose),
    ("$..content[*].data", ENCRYPTED),
    ("$..encrypted_content", ENCRYPTED),
    ("$..encrypted_index", ENCRYPTED),
    ("$..encrypted_stdout", ENCRYPTED),
    ("$..content[*].source.data", MEDIA),
];

pub(super) const ANTHROPIC_REQUEST: &[Row] =
    &[("$.messages[*].content", Special::Blocks), ("$.requests[*].params.messages[*].content", Special::Blocks)];

pub(super) const ANTHROPIC_RESPONSE: &[Row] = &[("$.content", Special::Blocks)];

/// Google Gemini; both directions. Protocol buffers are read with either of two names for a member.
pub(super) const GEMINI: &[Row] = &[
    ("$..parts", Special::Parts),
    ("$..parts[*].thoughtSignature", Special::Signed),
    ("$..parts[*].thought_signature", Special::Signed),
    ("$..thoughtSignature", SIGNATURE),
    ("$..thought_signature", SIGNATURE),
    ("$..inlineData.data", MEDIA),
    ("$..inline_data.data", MEDIA),
    ("$..realtimeInput.audio.data", MEDIA),
    ("$..realtimeInput.video.data", MEDIA),
    ("$..mediaChunks[*].data", MEDIA),
    // Pictures and sound of Vertex AI's other models.
    ("$..bytesBase64Encoded", MEDIA),
    ("$..imageBytes", MEDIA),
    ("$..videoBytes", MEDIA),
    ("$..encodedVideo", MEDIA),
    ("$..audioContent", MEDIA),
];

/// `response` is where some gateways keep an answer.
pub(super) const GEMINI_RESPONSE: &[Row] = &[
    ("$.embedding.values", Special::Vector),
    ("$.embeddings[*].values", Special::Vector),
    ("$.predictions[*].embeddings.values", Special::Vector),
    ("$.predictions[*].textEmbedding", Special::Vector),
    ("$.predictions[*].imageEmbedding", Special::Vector),
    ("$.predictions[*].videoEmbeddings[*].embedding", Special::Vector),
    ("$.candidates", Special::Choices),
    ("$.candidates[*].content", Special::Spoken),
    ("$.candidates[*].logprobsResult", Special::Copied),
    ("$.candidates[*].logprobs_result", Special::Copied),
    ("$.response.candidates", Special::Choices),
    ("$.response.candidates[*].content", Special::Spoken),
    ("$.response.candidates[*].logprobsResult", Special::Copied),
    ("$..candidates[*].content.parts[*].text", Special::Cited),
    ("$..groundingSupports[*].segment.startIndex", STARTS_AT_BYTE),
    ("$..groundingSupports[*].segment.endIndex", ENDS_AT_BYTE),
    ("$..grounding_supports[*].segment.start_index", STARTS_AT_BYTE),
    ("$..grounding_supports[*].segment.end_index", ENDS_AT_BYTE),
    ("$..citationSources[*].startIndex", STARTS_AT_BYTE),
    ("$..citationSources[*].endIndex", ENDS_AT_BYTE),
    ("$..citations[*].startIndex", STARTS_AT_BYTE),
    ("$..citations[*].endIndex", ENDS_AT_BYTE),
];

/// Cohere; both directions.
pub(super) const COHERE: &[Row] = &[
    ("$..function.arguments", Special::Arguments),
    ("$..image_url.url", DATA_URI),
    ("$..image_url", DATA_URI),
    ("$..image", FILE),
    ("$.images", Special::Vector),
];

/// Token ids in place of a text.
pub(super) const COHERE_REQUEST: &[Row] = &[("$.tokens", TOKEN_IDS)];

pub(super) const COHERE_RESPONSE: &[Row] = &[
    ("$.embeddings", Special::Vector),
    ("$.embeddings.float", Special::Vector),
    ("$.embeddings.base64", Special::Vector),
    ("$.message", Special::Spoken),
    ("$.logprobs", Special::Copied),
    ("$.generations", Special::Choices),
    ("$.generations[*].text", Special::Spoken),
    ("$.generations[*].token_likelihoods", Special::Copied),
    ("$.message.content[*].text", Special::Cited),
    ("$.text", Special::Cited),
    ("$..citations[*].start", STARTS),
    ("$..citations[*].end", ENDS),
];

/// Ollama; both directions.
pub(super) const OLLAMA: &[Row] = &[("$.images", Special::Vector), ("$.messages[*].images", Special::Vector)];

/// `context` are the tokens of what was said, sent again.
pub(super) const OLLAMA_REQUEST: &[Row] = &[("$.context", Special::TokenIds { always: true })];

/// `context` are the tokens of what was said.
pub(super) const OLLAMA_RESPONSE: &[Row] = &[
    ("$.embedding", Special::Vector),
    ("$.embeddings", Special::Vector),
    ("$.message", Special::Spoken),
    ("$.response", Special::Spoken),
    ("$.thinking", Special::Spoken),
    ("$.context", Special::Copied),
    ("$.logprobs", Special::Copied),
    ("$.image", MEDIA),
];

/// Bedrock's Converse, what counts its tokens, and models of Amazon's; both directions.
pub(super) const BEDROCK: &[Row] = &[
    ("$..reasoningContent.reasoningText.text", Special::Prose),
    ("$..reasoningContent.reasoningText.signature", SIGNATURE),
    ("$..reasoningContent.redactedContent", ENCRYPTED),
    ("$..image.source.bytes", MEDIA),
    ("$..document.source.bytes", MEDIA),
    ("$..video.source.bytes", MEDIA),
    ("$..audio.source.bytes", MEDIA),
    ("$..inputImage", MEDIA),
    ("$..image", MEDIA),
    ("$..maskImage", MEDIA),
    ("$..conditionImage", MEDIA),
    ("$..init_image", MEDIA),
    ("$..mask_image", MEDIA),
    ("$.images", Special::Vector),
    ("$..imageVariationParams.images", Special::Vector),
];

/// Bedrock passes on what the models' own protocols have.
pub(super) const BEDROCK_REQUEST: &[Row] = &[("$.input.converse.messages[*].content", Special::Blocks)];

pub(super) const BEDROCK_RESPONSE: &[Row] = &[
    ("$.output.message.content", Special::Blocks),
    ("$.embedding", Special::Vector),
    ("$.embeddingsByType.float", Special::Vector),
    ("$.embeddingsByType.binary", Special::Vector),
    ("$.artifacts[*].base64", MEDIA),
];

/// The Model Context Protocol; both directions. What a tool's result says twice, structured and as text, is scanned twice.
pub(super) const MCP: &[Row] =
    &[("$..blob", MEDIA), ("$..content[*].data", MEDIA), ("$..content.data", MEDIA), ("$..icons[*].src", DATA_URI)];
