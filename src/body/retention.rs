//! What model providers keep, and what a request must say so that they keep nothing: data, not code paths.
//!
//! Enters: a provider and the path of a request that sends something. Leaves: what its body must and must not say, or
//! nothing where the endpoint keeps what it is sent, or is not known. Only endpoints that are known to answer and forget
//! are listed, so that one which a provider adds tomorrow is refused until someone has looked at it. What a provider
//! keeps whatever a request says (logs against abuse, caches of prompts) is a matter of contract, not of this table.

use super::Dialect;

/// A model provider whose terms are known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Provider {
    /// OpenAI, Azure OpenAI and servers that speak their API.
    OpenAi,
    /// Anthropic, and its models on Vertex AI.
    Anthropic,
    /// Google's Gemini API and Vertex AI.
    Gemini,
    /// Mistral.
    Mistral,
    /// OpenRouter.
    OpenRouter,
    /// xAI.
    Xai,
    /// Cohere.
    Cohere,
}

/// An endpoint that keeps nothing where its body says so.
#[derive(Debug)]
pub struct Endpoint {
    /// The end of its path.
    path: &'static str,
    /// Members that the body has, with these values, whatever it came with.
    pub(super) set: &'static [Setting],
    /// Members that ask for something to be kept, or stand for something that is: `null` and `false` alone may stand
    /// there.
    pub(super) refuse: &'static [&'static str],
}

/// A member of the outermost object that is set.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) value: Forced,
}

/// The value of a [`Setting`].
#[derive(Debug)]
pub(super) enum Forced {
    /// This literal.
    Literal(&'static str),
    /// An object that has these members besides its own; one of them is made where none is there.
    Members(&'static [(&'static str, &'static str)]),
}

const STORE: &[Setting] = &[Setting { name: "store", value: Forced::Literal("false") }];
const ROUTING: &[Setting] =
    &[Setting { name: "provider", value: Forced::Members(&[("data_collection", "\"deny\""), ("zdr", "true")]) }];
const RESPONSES: &[&str] = &["background", "previous_response_id", "conversation"];

const fn free(path: &'static str) -> Endpoint {
    Endpoint { path, set: &[], refuse: &[] }
}

const fn endpoint(path: &'static str, set: &'static [Setting], refuse: &'static [&'static str]) -> Endpoint {
    Endpoint { path, set, refuse }
}

/// The first whose path ends so counts.
const OPENAI: &[Endpoint] = &[
    endpoint("/chat/completions", STORE, &[]),
    endpoint("/responses", STORE, RESPONSES),
    endpoint("/responses/input_tokens", &[], &["previous_response_id", "conversation"]),
    free("/completions"),
    free("/embeddings"),
    free("/moderations"),
    free("/audio/speech"),
    free("/audio/transcriptions"),
    free("/audio/translations"),
    free("/images/generations"),
    free("/images/edits"),
    free("/images/variations"),
    free("/tokenize"),
    free("/detokenize"),
    free("/rerank"),
    free("/score"),
];
const ANTHROPIC: &[Endpoint] = &[
    free("/messages"),
    free("/messages/count_tokens"),
    free("/v1/complete"),
    free(":rawPredict"),
    free(":streamRawPredict"),
];
const GEMINI: &[Endpoint] = &[
    endpoint(":generateContent", &[], &["cachedContent", "cached_content"]),
    endpoint(":streamGenerateContent", &[], &["cachedContent", "cached_content"]),
    endpoint(":countTokens", &[], &["cachedContent", "cached_content"]),
    free(":embedContent"),
    free(":batchEmbedContents"),
    free(":predict"),
    endpoint("/interactions", STORE, &["background", "previous_interaction_id", "previousInteractionId"]),
];
const MISTRAL: &[Endpoint] = &[
    free("/chat/completions"),
    free("/fim/completions"),
    free("/embeddings"),
    free("/moderations"),
    free("/classifications"),
    free("/ocr"),
    free("/audio/transcriptions"),
];
const OPENROUTER: &[Endpoint] = &[
    endpoint("/chat/completions", ROUTING, &[]),
    endpoint("/responses", ROUTING, RESPONSES),
    endpoint("/messages", ROUTING, &[]),
    endpoint("/completions", ROUTING, &[]),
    endpoint("/embeddings", ROUTING, &[]),
];
const XAI: &[Endpoint] = &[
    endpoint("/chat/completions", &[], &["deferred", "store"]),
    endpoint("/responses", STORE, RESPONSES),
    free("/embeddings"),
    free("/images/generations"),
    free("/tokenize-text"),
];
const COHERE: &[Endpoint] = &[
    free("/chat"),
    free("/generate"),
    free("/summarize"),
    free("/classify"),
    free("/embed"),
    free("/rerank"),
    free("/tokenize"),
    free("/detokenize"),
];

/// Hosts, and the ends of hosts that begin with a dot.
const HOSTS: &[(&str, Provider)] = &[
    ("api.openai.com", Provider::OpenAi),
    (".api.openai.com", Provider::OpenAi),
    (".openai.azure.com", Provider::OpenAi),
    (".cognitiveservices.azure.com", Provider::OpenAi),
    (".services.ai.azure.com", Provider::OpenAi),
    ("api.anthropic.com", Provider::Anthropic),
    ("generativelanguage.googleapis.com", Provider::Gemini),
    ("aiplatform.googleapis.com", Provider::Gemini),
    ("-aiplatform.googleapis.com", Provider::Gemini),
    ("api.mistral.ai", Provider::Mistral),
    ("codestral.mistral.ai", Provider::Mistral),
    ("openrouter.ai", Provider::OpenRouter),
    ("api.x.ai", Provider::Xai),
    (".api.x.ai", Provider::Xai),
    ("api.cohere.com", Provider::Cohere),
    ("api.cohere.ai", Provider::Cohere),
];

impl Provider {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::OpenAi, Self::Anthropic, Self::Gemini, Self::Mistral, Self::OpenRouter, Self::Xai, Self::Cohere];

    /// The name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Mistral => "mistral",
            Self::OpenRouter => "openrouter",
            Self::Xai => "xai",
            Self::Cohere => "cohere",
        }
    }

    /// The provider behind a host, which is given in lower case.
    #[must_use]
    pub fn of_host(host: &str) -> Option<Self> {
        let is = |known: &str| if known.starts_with(['.', '-']) { host.ends_with(known) } else { host == known };
        HOSTS.iter().find(|(known, _)| is(known)).map(|(_, provider)| *provider)
    }

    /// The provider that a route's dialect stands for where its host tells nothing.
    #[must_use]
    pub fn of_dialect(dialect: Dialect) -> Option<Self> {
        match dialect {
            Dialect::OpenAi => Some(Self::OpenAi),
            Dialect::Anthropic => Some(Self::Anthropic),
            Dialect::Gemini => Some(Self::Gemini),
            Dialect::Cohere => Some(Self::Cohere),
            Dialect::Plain
            | Dialect::Bedrock
            | Dialect::Mcp
            | Dialect::Ollama
            | Dialect::Otlp(_)
            | Dialect::Loki
            | Dialect::RemoteWrite => None,
        }
    }

    /// The protocol in whose words a refusal is written.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        match self {
            Self::OpenAi | Self::Mistral | Self::OpenRouter | Self::Xai => Dialect::OpenAi,
            Self::Anthropic => Dialect::Anthropic,
            Self::Gemini => Dialect::Gemini,
            Self::Cohere => Dialect::Cohere,
        }
    }

    /// What holds at this path (no query) for a request that sends something; `None` where the provider keeps what it
    /// is sent there, or nobody has said that it does not.
    #[must_use]
    pub fn endpoint(self, path: &str) -> Option<&'static Endpoint> {
        let endpoints = match self {
            Self::OpenAi => OPENAI,
            Self::Anthropic => ANTHROPIC,
            Self::Gemini => GEMINI,
            Self::Mistral => MISTRAL,
            Self::OpenRouter => OPENROUTER,
            Self::Xai => XAI,
            Self::Cohere => COHERE,
        };
        // Models of other makers on Vertex AI are asked in their makers' words.
        let partner = self == Self::Gemini && path.contains("/publishers/anthropic/");
        let endpoints = if partner { ANTHROPIC } else { endpoints };
        let path = path.strip_suffix('/').unwrap_or(path);
        if has_other_spellings(path) {
            return None;
        }
        endpoints.iter().find(|endpoint| endpoint.stands_at(path))
    }
}

/// Whether some reader of this path could take it for another: an empty segment, a parameter, an encoded character but
/// those that names of models have (`@`, `:`, a blank).
fn has_other_spellings(path: &str) -> bool {
    let encoded = |rest: &str| !["40", "3A", "3a", "20"].iter().any(|known| rest.starts_with(known));
    path.contains("//") || path.contains(';') || path.split('%').skip(1).any(encoded)
}

impl Endpoint {
    /// Whether a path ends with it. `/completions` alone ends longer names too: it stands behind a version or a
    /// deployment.
    fn stands_at(&self, path: &str) -> bool {
        let Some(before) = path.strip_suffix(self.path) else { return false };
        if self.path != "/completions" {
            return true;
        }
        let mut segments = before.rsplit('/');
        let last = segments.next().unwrap_or_default();
        let version = last.strip_prefix('v').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
        last.is_empty() || version || segments.next() == Some("deployments")
    }

    /// Whether the body must be read to be let through.
    #[must_use]
    pub fn reads_body(&self) -> bool {
        !self.set.is_empty() || !self.refuse.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_tell_the_provider() {
        for (host, provider) in [
            ("api.openai.com", Some(Provider::OpenAi)),
            ("eu.api.openai.com", Some(Provider::OpenAi)),
            ("acme.openai.azure.com", Some(Provider::OpenAi)),
            ("us-east5-aiplatform.googleapis.com", Some(Provider::Gemini)),
            ("openrouter.ai", Some(Provider::OpenRouter)),
            ("notopenrouter.ai", None),
            ("api.openai.com.example", None),
            ("localhost", None),
        ] {
            assert_eq!(Provider::of_host(host), provider, "{host}");
        }
    }

    #[test]
    fn what_stores_by_nature_is_in_no_table() {
        for (provider, paths) in [
            (
                Provider::OpenAi,
                &[
                    "/v1/files",
                    "/v1/batches",
                    "/v1/threads",
                    "/v1/threads/t/runs",
                    "/v1/assistants",
                    "/v1/conversations",
                    "/v1/fine_tuning/jobs",
                    "/v1/vector_stores",
                    "/v1/uploads",
                    "/v1/responses/r/cancel",
                    "/v1/containers",
                    "/v1/evals",
                    "/v1/videos",
                    "/v1/something/new",
                    // What another reader could take for chat completions.
                    "/v1/chat//completions",
                    "/v1/%63hat/completions",
                    "/v1/chat;a/completions",
                    "/v1/Chat/completions",
                    "/v1/chat/./completions",
                    "/v1/files/completions",
                ][..],
            ),
            (Provider::Anthropic, &["/v1/messages/batches", "/v1/files", "/v1/skills"]),
            (
                Provider::Gemini,
                &[
                    "/upload/v1beta/files",
                    "/v1beta/cachedContents",
                    "/v1beta/tunedModels",
                    "/v1/m:batchGenerateContent",
                ],
            ),
            (
                Provider::Mistral,
                &["/v1/conversations", "/v1/files", "/v1/agents", "/v1/agents/completions", "/v1/batch/jobs"],
            ),
            (Provider::Xai, &["/v1/chat/deferred-completion", "/v1/files"]),
            (Provider::Cohere, &["/v1/datasets", "/v1/finetuning/finetuned-models", "/v1/embed-jobs"]),
        ] {
            for path in paths {
                assert!(provider.endpoint(path).is_none(), "{provider:?} {path}");
            }
        }
        for (provider, path) in [
            (Provider::OpenAi, "/openai/deployments/x/chat/completions"),
            (Provider::OpenAi, "/openai/deployments/x/completions"),
            (Provider::OpenAi, "/v1/completions"),
            (Provider::OpenAi, "/v1/responses/"),
            (Provider::Anthropic, "/v1/messages"),
            (Provider::Gemini, "/v1beta/models/g:streamGenerateContent"),
            (Provider::Gemini, "/v1/projects/p/locations/l/publishers/anthropic/models/c:streamRawPredict"),
            (Provider::OpenRouter, "/api/v1/chat/completions"),
            (Provider::Cohere, "/v2/chat"),
        ] {
            assert!(provider.endpoint(path).is_some(), "{provider:?} {path}");
        }
    }
}
