"""What stands between a program and a provider's protocol: LiteLLM and LangChain."""

import httpx
import httpx2
import litellm
import openai
from langchain_core.exceptions import LangChainException
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from litellm.llms.custom_httpx.http_handler import HTTPHandler
from matrix import Row, joined
from clients_models import CHAT, conversation, openai_client, tool

litellm.telemetry = False
litellm.suppress_debug_info = True
litellm.disable_aiohttp_transport = True


# LiteLLM

KINDS = {
    "openai": {"model": "openai/gpt-5", "path": "/openai/v1"},
    "anthropic": {"model": "anthropic/claude-sonnet-5", "path": "/anthropic"},
    "gemini": {"model": "gemini/gemini-3-pro", "path": "/gemini/v1beta"},
}


def litellm_request(at, kind):
    client = openai_client(at) if kind == "openai" else HTTPHandler(client=httpx.Client(verify=at.tls, http2=at.http2))
    where = {"api_base": at.base + KINDS[kind]["path"], "api_key": "k", "client": client, "num_retries": 0, "max_retries": 0}
    return {"model": KINDS[kind]["model"], "messages": conversation(at), "tools": [tool(at)], "max_tokens": 100, **where}


def litellm_completion(kind, **more):
    def run(at):
        answer = litellm.completion(**litellm_request(at, kind) | more)
        choices = [[choice.message, choice.finish_reason, getattr(choice, "logprobs", None)] for choice in answer.choices]
        return [choices, answer.usage]

    return run


def without_logprobs(got):
    for choice in got[0]:
        choice[2] = None
    return got


def litellm_stream(kind, **more):
    def run(at):
        texts, calls = [], []
        for chunk in litellm.completion(**litellm_request(at, kind) | more, stream=True):
            for choice in chunk.choices:
                delta = choice.delta
                texts.append(((choice.index, "content"), delta.content))
                texts.append(((choice.index, "reasoning"), getattr(delta, "reasoning_content", None)))
                for call in delta.tool_calls or []:
                    calls += [call.function.name] if call.function.name else []
                    texts.append(((choice.index, call.index, "arguments"), call.function.arguments))
                calls += [choice.finish_reason] if choice.finish_reason else []
        return [joined(texts), calls]

    return run


LITELLM = {"denied": openai.APIError, "broken": openai.APIError, "failed": openai.BadRequestError}
IDS = (r'call_[0-9a-f-]{28,}',)
FORMATS = {"openai": "OpenAI chat completions", "anthropic": "Anthropic Messages", "gemini": "Gemini"}

LITELLM_ROWS = [
    row
    for kind, format in FORMATS.items()
    for row in (
        Row("litellm", kind, litellm_completion(kind), format, arguments=True, varies=IDS, **LITELLM),
        Row("litellm", f"{kind} stream", litellm_stream(kind), format, True, arguments=True, varies=IDS, **LITELLM),
    )
]
TWO_SURE = {"model": "openai/gpt-4o", "n": 2, "logprobs": True, "top_logprobs": 1}
LITELLM_ROWS += [
    Row("litellm", "openai logprobs", litellm_completion("openai", **TWO_SURE), CHAT, reasoning=True, arguments=True, differs=without_logprobs, **LITELLM),
    Row("litellm", "openai stream of two", litellm_stream("openai", n=2), CHAT, True, reasoning=True, arguments=True, **LITELLM),
]


# LangChain


def langchain_client(at, **more):
    client = httpx2.Client if issubclass(openai.DefaultHttpxClient, httpx2.Client) else httpx.Client
    http = client(verify=at.tls, http2=at.http2)
    return ChatOpenAI(model="gpt-5", api_key="k", base_url=f"{at.base}/openai/v1", http_client=http, max_retries=0, **more)


def langchain_messages(at):
    call = {"id": "call_0", "name": "send", "args": {"note": at.text}}
    return [
        SystemMessage(at.text),
        HumanMessage([{"type": "text", "text": at.text}]),
        AIMessage("", tool_calls=[call]),
        ToolMessage(at.text, tool_call_id="call_0"),
    ]


def langchain_invoke(at):
    answer = langchain_client(at).bind_tools([tool(at)]).invoke(langchain_messages(at))
    return [answer.content, answer.tool_calls, answer.usage_metadata, answer.response_metadata]


def langchain_stream(at):
    whole = None
    for chunk in langchain_client(at, stream_usage=True).bind_tools([tool(at)]).stream(langchain_messages(at)):
        whole = chunk if whole is None else whole + chunk
    return [whole.content, whole.tool_calls, whole.usage_metadata]


def langchain_generate(at):
    """Two answers with what their tokens are worth."""
    model = langchain_client(at, n=2, logprobs=True, top_logprobs=1)
    [answers] = model.generate([langchain_messages(at)], tools=[tool(at)]).generations
    return [[answer.message.content, answer.message.tool_calls, answer.message.response_metadata] for answer in answers]


def without_langchain_logprobs(got):
    for _, _, metadata in got:
        metadata["logprobs"] = None
    return got


def langchain_responses(at):
    answer = langchain_client(at, use_responses_api=True).invoke(langchain_messages(at))
    return [answer.content, answer.tool_calls, answer.usage_metadata]


def langchain_embeddings(at):
    client = httpx2.Client if issubclass(openai.DefaultHttpxClient, httpx2.Client) else httpx.Client
    http = client(verify=at.tls, http2=at.http2)
    where = {"base_url": f"{at.base}/openai/v1", "http_client": http, "check_embedding_ctx_length": False}
    return OpenAIEmbeddings(model="e", api_key="k", max_retries=0, **where).embed_documents([at.text, "b"])


OPENAI = {"denied": openai.PermissionDeniedError, "broken": openai.APIError, "failed": openai.BadRequestError}

LANGCHAIN_ROWS = [
    Row("langchain-openai", "invoke", langchain_invoke, "OpenAI chat completions", arguments=True, **OPENAI),
    Row("langchain-openai", "generate two", langchain_generate, CHAT, arguments=True, differs=without_langchain_logprobs, **OPENAI),
    Row("langchain-openai", "stream", langchain_stream, "OpenAI chat completions", True, arguments=True, **OPENAI),
    Row("langchain-openai", "responses", langchain_responses, "OpenAI Responses", arguments=True, reasoning=True, **OPENAI),
    Row("langchain-openai", "embeddings", langchain_embeddings, "OpenAI embeddings", shows=False, failed=openai.BadRequestError),
]

ROWS = [*LITELLM_ROWS, *LANGCHAIN_ROWS]
