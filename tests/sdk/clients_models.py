"""The clients of model providers, in Python."""

import io
import json
import re

import anthropic
import boto3
import cohere
import httpx
import httpx2
import ollama
import openai
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cohere.core.api_error import ApiError
from google import genai
from google.ai.generativelanguage_v1beta import GenerativeServiceClient
from google.ai.generativelanguage_v1beta.services.generative_service.transports import GenerativeServiceRestTransport
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.genai import types as genai_types
from google.protobuf.json_format import MessageToJson
from matrix import Row, joined
from mistralai.client import Mistral
from mistralai.client.errors import MistralError


# OpenAI


def openai_client(at, prefix="/openai/v1"):
    module = httpx2 if issubclass(openai.DefaultHttpxClient, httpx2.Client) else httpx
    client = module.Client(verify=at.tls, http2=at.http2)
    return openai.OpenAI(base_url=at.base + prefix, api_key="k", http_client=client, max_retries=0)


def tool(at):
    parameters = {"type": "object", "properties": {"card": {"type": "integer", "description": at.text}}}
    return {"type": "function", "function": {"name": "send", "description": at.text, "parameters": parameters}}


def conversation(at):
    call = {"id": "call_0", "type": "function", "function": {"name": "send", "arguments": at.arguments}}
    return [
        {"role": "system", "content": at.text},
        {"role": "user", "name": "jane", "content": [{"type": "text", "text": at.text}, {"type": "text", "text": "and"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_0", "content": at.text},
        {"role": "assistant", "content": at.text, "refusal": None},
        {"role": "user", "content": at.text},
    ]


def chat_request(at, **more):
    request = {"model": "gpt-5", "messages": conversation(at), "metadata": {"note": at.text}, "user": at.text}
    return request | {"stop": [at.text], "temperature": 0.70, "seed": 9007199254740993} | more


def openai_chat(at, **more):
    return openai_client(at).chat.completions.create(**chat_request(at, n=2, tools=[tool(at)], **more))


def chunks_of_chat(chunks):
    """What the chunks of a chat add up to."""
    texts, calls, usage = [], {}, None
    for chunk in chunks:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            delta = choice.delta
            if delta is None:  # what Azure's filter says beside the stream
                continue
            for name in ("content", "refusal", "reasoning_content", "reasoning"):
                texts.append(((choice.index, name), getattr(delta, name, None)))
            for detail in getattr(delta, "reasoning_details", None) or []:
                texts.append(((choice.index, detail["index"], detail["type"]), detail.get("text", detail.get("data"))))
            for image in getattr(delta, "images", None) or []:
                calls[f"{choice.index} image"] = image
            for call in delta.tool_calls or []:
                if call.id:
                    calls[f"{choice.index} {call.index}"] = [call.id, call.type, call.function.name]
                texts.append(((choice.index, call.index), call.function.arguments))
            if choice.finish_reason:
                calls[f"{choice.index} end"] = choice.finish_reason
        last = [chunk.id, chunk.created, chunk.model, chunk.system_fingerprint]
    return [joined(texts), calls, usage, last]


def openai_chat_stream(at):
    options = {"stream": True, "stream_options": {"include_usage": True}}
    return chunks_of_chat(openai_client(at).chat.completions.create(**chat_request(at, n=2, tools=[tool(at)], **options)))


def openai_chat_helper(at):
    """The SDK's own accumulation, which parses partial arguments and checks the order of events."""
    with openai_client(at).chat.completions.stream(**chat_request(at, tools=[tool(at)])) as stream:
        kinds = {event.type for event in stream}
        return [sorted(kinds), stream.get_final_completion()]


def openai_chat_logprobs(at):
    return openai_client(at).chat.completions.create(**chat_request(at, n=2, logprobs=True, top_logprobs=1))


def openai_chat_stream_logprobs(at):
    options = {"stream": True, "logprobs": True, "top_logprobs": 1}
    texts = []
    for chunk in openai_client(at).chat.completions.create(**chat_request(at, **options)):
        for choice in chunk.choices:
            texts.append((choice.index, choice.delta.content))
            # They may be taken out; what is left belongs to this delta.
            if choice.logprobs and choice.logprobs.content:
                assert "".join(log.token for log in choice.logprobs.content) == choice.delta.content
    return joined(texts)


def compatible_request(at, **more):
    """What servers of OpenAI's protocol take besides, and what they have said in an earlier turn."""
    sealed = {"type": "reasoning.encrypted", "data": "c2VhbGVk" * 8, "id": "rs_0", "index": 1}
    details = [{"type": "reasoning.summary", "summary": at.text, "index": 0}, sealed]
    turn = {"role": "assistant", "content": at.text, "reasoning": at.text, "reasoning_details": details}
    messages = [*conversation(at), turn, {"role": "user", "content": at.text}]
    return chat_request(at, messages=messages, n=2, tools=[tool(at)], extra_body={"top_k": 20, "guided_regex": at.text}, **more)


def openai_compatible(at):
    answer = openai_client(at).chat.completions.create(**compatible_request(at))
    # Of what was asked this is a copy token by token, so that it never comes through the proxy.
    asked = answer.model_extra.pop("prompt_logprobs", None)
    assert asked is None or at.base.startswith("http://")
    return answer


def openai_compatible_stream(at):
    return chunks_of_chat(openai_client(at).chat.completions.create(**compatible_request(at, stream=True)))


def without_copies(got):
    for choice in got["choices"]:
        choice["token_ids"] = None
    return got


def without_logprobs(got):
    for choice in got["choices"]:
        choice["logprobs"] = None
    return got


def openai_embeddings(at):
    client = openai_client(at)
    inputs = [at.text, "nothing"]
    numbers = client.embeddings.create(model="e", input=inputs, encoding_format="float")
    return [numbers, client.embeddings.create(model="e", input=at.text)]


def openai_completions(at):
    return openai_client(at).completions.create(model="m", prompt=[at.text, "b"], suffix=at.text, n=2, echo=True)


def openai_completions_stream(at):
    chunks = openai_client(at).completions.create(model="m", prompt=at.text, n=2, stream=True)
    return joined((choice.index, choice.text) for chunk in chunks for choice in chunk.choices)


def openai_completions_logprobs(at):
    return openai_client(at).completions.create(model="m", prompt=at.text, logprobs=1)


def responses_request(at):
    output = [{"outcome": {"type": "exit", "exit_code": 0}, "stdout": at.text, "stderr": at.text}]
    given = [
        {"role": "user", "content": [{"type": "input_text", "text": at.text}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": at.text}]},
        {"type": "function_call", "call_id": "call_0", "name": "send", "arguments": at.arguments},
        {"type": "function_call_output", "call_id": "call_0", "output": at.text},
        {"type": "custom_tool_call", "call_id": "call_1", "name": "shell", "input": at.text},
        {"type": "custom_tool_call_output", "call_id": "call_1", "output": at.text},
        {"type": "shell_call", "call_id": "call_2", "action": {"commands": [at.text]}},
        {"type": "shell_call_output", "call_id": "call_2", "output": output},
        {"type": "reasoning", "id": "rs_0", "summary": [{"type": "summary_text", "text": at.text}], "encrypted_content": "c2VhbGVk" * 8},
    ]
    parameters = {"type": "object", "properties": {"card": {"type": "integer", "description": at.text}}}
    declared = {"type": "function", "name": "send", "description": at.text, "parameters": parameters, "strict": False}
    named = {"instructions": at.text, "metadata": {"note": at.text}, "safety_identifier": at.text}
    return {"model": "gpt-5", "input": given, "tools": [declared], "include": ["reasoning.encrypted_content"], **named}


def openai_responses(at):
    return openai_client(at).responses.create(**responses_request(at))


def without_responses_logprobs(got):
    got["output"][1]["content"][0]["logprobs"] = None
    return got


def openai_responses_stream(at):
    """The raw events: what grew, what `.done` and the last event repeat, and that no number is missing."""
    texts, whole, numbers = [], [], []
    for event in openai_client(at).responses.create(**responses_request(at), stream=True):
        numbers.append(event.sequence_number)
        # Where held text needs an event of its own, those behind it are counted on.
        event.sequence_number = 0
        if event.type.endswith(".delta"):
            place = getattr(event, "content_index", None), getattr(event, "summary_index", None)
            delta = event.delta
            texts.append(((event.output_index, event.type, *place), delta if isinstance(delta, str) else delta.stdout))
        else:
            whole.append(event)
    assert numbers == list(range(len(numbers)))
    return [joined(texts), whole]


def openai_responses_logprobs(at):
    """What tokens are worth may be taken out; what is left belongs to this delta."""
    texts = []
    for event in openai_client(at).responses.create(**responses_request(at), top_logprobs=1, stream=True):
        if event.type == "response.output_text.delta":
            texts.append((event.output_index, event.delta))
            assert not event.logprobs or "".join(log.token for log in event.logprobs) == event.delta
        elif event.type == "response.output_text.done":
            texts.append(("done", event.text))
            assert not event.logprobs or "".join(log.token for log in event.logprobs) == event.text
    return joined(texts)


def openai_responses_helper(at):
    with openai_client(at).responses.stream(**responses_request(at)) as stream:
        kinds = {event.type for event in stream}
        return [sorted(kinds), stream.get_final_response()]


def openai_retrieve(at):
    client = openai_client(at)
    return [client.responses.retrieve("resp_1"), client.batches.retrieve("batch_1")]


def batch(at):
    body = {"model": "gpt-5", "messages": conversation(at)}
    lines = [{"custom_id": f"row-{n}", "method": "POST", "url": "/v1/chat/completions", "body": body} for n in range(3)]
    lines.append({"custom_id": "row-3", "method": "POST", "url": "/v1/embeddings", "body": {"model": "e", "input": at.text}})
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def openai_batch(at):
    client = openai_client(at)
    sent = client.files.create(purpose="batch", file=("asked.jsonl", batch(at).encode()))
    made = client.batches.create(
        input_file_id=sent.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"note": at.text}
    )
    return [sent, made, client.files.content("file-2").text]


def sound():
    """A second of sound, as a wave file."""
    import wave

    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(8000)
        written.writeframes(bytes(n * 37 % 256 for n in range(16000)))
    return file.getvalue()


def openai_transcriptions(at):
    create = openai_client(at).audio.transcriptions.create
    kinds = ("json", "verbose_json", "text", "srt")
    return [create(model="w", file=("a.wav", sound()), prompt=at.text, response_format=kind) for kind in kinds]


def without_token_ids(got):
    """The token ids of a segment go where the text is changed."""
    for segment in got[1]["segments"]:
        segment["tokens"] = []
    return got


def openai_transcriptions_stream(at):
    texts = []
    for event in openai_client(at).audio.transcriptions.create(model="w", file=("a.wav", sound()), prompt=at.text, stream=True):
        texts.append((event.type, event.delta if event.type.endswith("delta") else event.text))
    return joined(texts)


def openai_moderations(at):
    return openai_client(at).moderations.create(input=[at.text, "b"])


OPENAI = {"denied": openai.PermissionDeniedError, "broken": openai.APIError, "failed": openai.BadRequestError}
QUIET = {"shows": False, "denied": None, "broken": None}
CHAT, RESPONSES = "OpenAI chat completions", "OpenAI Responses"

OPENAI_ROWS = [
    Row("openai", "chat", openai_chat, CHAT, reasoning=True, arguments=True, **OPENAI),
    Row("openai", "chat stream", openai_chat_stream, CHAT, True, reasoning=True, arguments=True, more={"refusal": True}, **OPENAI),
    Row("openai", "chat stream helper", openai_chat_helper, CHAT, True, arguments=True, **OPENAI),
    Row("openai", "chat logprobs", openai_chat_logprobs, CHAT, differs=without_logprobs, **OPENAI),
    Row("openai", "chat stream logprobs", openai_chat_stream_logprobs, CHAT, True, **OPENAI),
    Row("openai", "chat vllm", openai_compatible, CHAT, reasoning=True, arguments=True, more={"vllm": 1}, differs=without_copies, **OPENAI),
    Row("openai", "chat vllm stream", openai_compatible_stream, CHAT, True, reasoning=True, arguments=True, more={"vllm": 1}, **OPENAI),
    Row("openai", "chat openrouter", openai_compatible, CHAT, reasoning=True, arguments=True, more={"openrouter": 1}, **OPENAI),
    Row("openai", "chat openrouter stream", openai_compatible_stream, CHAT, True, reasoning=True, arguments=True, more={"openrouter": 1}, **OPENAI),
    Row("openai", "embeddings", openai_embeddings, "OpenAI embeddings", **OPENAI | QUIET),
    Row("openai", "completions", openai_completions, "OpenAI completions", **OPENAI),
    Row("openai", "completions stream", openai_completions_stream, "OpenAI completions", True, **OPENAI),
    Row("openai", "completions logprobs", openai_completions_logprobs, "OpenAI completions", differs=without_logprobs, **OPENAI),
    Row("openai", "responses", openai_responses, RESPONSES, reasoning=True, arguments=True, **OPENAI),
    Row("openai", "responses logprobs", openai_responses, RESPONSES, reasoning=True, arguments=True, differs=without_responses_logprobs, more={"logprobs": 1}, **OPENAI),
    Row("openai", "responses stream", openai_responses_stream, RESPONSES, True, reasoning=True, arguments=True, **OPENAI),
    Row("openai", "responses stream logprobs", openai_responses_logprobs, RESPONSES, True, more={"logprobs": 1}, **OPENAI),
    Row("openai", "responses stream helper", openai_responses_helper, RESPONSES, True, reasoning=True, arguments=True, **OPENAI),
    Row("openai", "retrieve", openai_retrieve, RESPONSES, reasoning=True, arguments=True, sends=False, failed=openai.BadRequestError),
    Row("openai", "batch", openai_batch, "OpenAI files and batches", **OPENAI),
    Row("openai", "transcriptions", openai_transcriptions, "OpenAI transcriptions", differs=without_token_ids, **OPENAI),
    Row("openai", "transcriptions stream", openai_transcriptions_stream, "OpenAI transcriptions", True, **OPENAI),
    Row("openai", "moderations", openai_moderations, "OpenAI moderations", **OPENAI | QUIET),
]


# Azure OpenAI


def azure_client(at, **more):
    module = httpx2 if issubclass(openai.DefaultHttpxClient, httpx2.Client) else httpx
    client = module.Client(verify=at.tls, http2=at.http2)
    return openai.AzureOpenAI(
        azure_endpoint=f"{at.base}/azure-openai", api_version="2025-04-01-preview", api_key="k", http_client=client, max_retries=0, **more
    )


def azure_chat(at):
    return azure_client(at).chat.completions.create(**chat_request(at, n=2, tools=[tool(at)]))


def azure_chat_stream(at):
    return chunks_of_chat(azure_client(at).chat.completions.create(**chat_request(at, n=2, tools=[tool(at)], stream=True)))


def azure_deployment(at):
    """A client of one deployment, whose name stands in its paths."""
    client = azure_client(at, azure_deployment="gpt-5")
    vectors = azure_client(at).embeddings.create(model="e", input=[at.text, "nothing"])
    return [client.completions.create(model="m", prompt=at.text), vectors]


def azure_responses(at):
    return azure_client(at).responses.create(**responses_request(at))


def azure_v1_responses_stream(at):
    """The newer paths, which OpenAI's own client takes."""
    with openai_client(at, "/azure-openai/openai/v1").responses.stream(**responses_request(at)) as stream:
        return stream.get_final_response()


AZURE = "Azure OpenAI"

OPENAI_ROWS += [
    Row("openai", "azure chat", azure_chat, AZURE, reasoning=True, arguments=True, more={"azure": 1}, **OPENAI),
    Row("openai", "azure chat stream", azure_chat_stream, AZURE, True, reasoning=True, arguments=True, more={"azure": 1}, **OPENAI),
    Row("openai", "azure deployment", azure_deployment, AZURE, **OPENAI),
    Row("openai", "azure responses", azure_responses, AZURE, reasoning=True, arguments=True, **OPENAI),
    Row("openai", "azure v1 responses stream", azure_v1_responses_stream, AZURE, True, reasoning=True, arguments=True, **OPENAI),
]


# Anthropic


def anthropic_client(at, prefix="/anthropic"):
    module = httpx2 if issubclass(anthropic.DefaultHttpxClient, httpx2.Client) else httpx
    client = module.Client(verify=at.tls, http2=at.http2)
    return anthropic.Anthropic(base_url=at.base + prefix, api_key="k", http_client=client, max_retries=0)


def anthropic_request(at):
    document = {"type": "document", "title": at.text, "context": at.text, "citations": {"enabled": True}}
    document["source"] = {"type": "text", "media_type": "text/plain", "data": at.text}
    result = {"type": "tool_result", "tool_use_id": "toolu_0", "content": [{"type": "text", "text": at.text}]}
    return {
        "model": "claude-sonnet-5",
        "max_tokens": 100,
        "system": [{"type": "text", "text": at.text, "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [document, {"type": "text", "text": at.text}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_0", "name": "send", "input": json.loads(at.arguments)}]},
            {"role": "user", "content": [result]},
        ],
        "tools": [{"name": "send", "description": at.text, "input_schema": {"type": "object", "properties": {}}}],
        "metadata": {"user_id": at.label},
        "stop_sequences": [at.text],
    }


def anthropic_messages(at):
    return anthropic_client(at).messages.create(**anthropic_request(at))


def anthropic_stream(at):
    """The raw events."""
    texts, whole = [], []
    for event in anthropic_client(at).messages.create(**anthropic_request(at), stream=True):
        if event.type == "content_block_delta" and event.delta.type != "citations_delta":
            kind = event.delta.type
            name = {"text_delta": "text", "input_json_delta": "partial_json", "thinking_delta": "thinking"}.get(kind, "signature")
            texts.append(((event.index, kind), getattr(event.delta, name)))
        else:
            whole.append(event)
    return [joined(texts), whole]


def anthropic_helper(at):
    with anthropic_client(at).messages.stream(**anthropic_request(at)) as stream:
        kinds = {event.type for event in stream}
        return [sorted(kinds), stream.get_final_message()]


def anthropic_batches(at):
    client = anthropic_client(at)
    requests = [{"custom_id": f"row-{n}", "params": anthropic_request(at)} for n in range(2)]
    made = client.messages.batches.create(requests=requests)
    return [made.id, client.messages.count_tokens(model="m", messages=anthropic_request(at)["messages"])]


def unsigned(got):
    """What signs a thought holds for it as it was: empty where the thought was changed."""
    if isinstance(got, list):
        return [unsigned(one) for one in got]
    if isinstance(got, dict):
        inside = {key: unsigned(one) for key, one in got.items() if "signature_delta" not in key}
        return inside | {"signature": ""} if inside.get("type") == "thinking" else inside
    return got


ANTHROPIC = {"denied": anthropic.PermissionDeniedError, "broken": anthropic.APIError, "failed": anthropic.BadRequestError}
MESSAGES = "Anthropic Messages"
THOUGHT = {"reasoning": True, "arguments": True, "differs": unsigned}

ANTHROPIC_ROWS = [
    Row("anthropic", "messages", anthropic_messages, MESSAGES, **THOUGHT, more={"server": True, "calls": 2}, **ANTHROPIC),
    Row("anthropic", "messages stream", anthropic_stream, MESSAGES, True, **THOUGHT, more={"server": True, "calls": 2}, **ANTHROPIC),
    Row("anthropic", "messages stream helper", anthropic_helper, MESSAGES, True, **THOUGHT, more={"server": True}, **ANTHROPIC),
    Row("anthropic", "batches and counts", anthropic_batches, MESSAGES, **ANTHROPIC | QUIET),
]


# Google


def gemini_client(at, prefix="/gemini"):
    options = genai_types.HttpOptions(
        base_url=at.base + prefix, api_version="v1beta", httpx_client=httpx.Client(verify=at.tls, http2=at.http2)
    )
    return genai.Client(api_key="k", http_options=options)


def gemini_contents(at):
    call = {"name": "send", "args": json.loads(at.arguments)}
    return [
        {"role": "user", "parts": [{"text": at.text}, {"text": "and"}]},
        {"role": "model", "parts": [{"function_call": call, "thought_signature": b"signed by its maker, and not to be touched"}]},
        {"role": "user", "parts": [{"function_response": {"name": "send", "response": {"result": at.text}}}]},
    ]


def gemini_config(at):
    schema = {"type": "OBJECT", "properties": {"card": {"type": "INTEGER", "description": at.text}}}
    declared = {"function_declarations": [{"name": "send", "description": at.text, "parameters": schema}]}
    quiet = {"automatic_function_calling": {"disable": True}}
    return {"system_instruction": at.text, "tools": [declared], "temperature": 0.5, "stop_sequences": [at.text], **quiet}


def gemini_generate(at):
    client = gemini_client(at)
    return client.models.generate_content(model="gemini-3-pro", contents=gemini_contents(at), config=gemini_config(at))


def gemini_parts(chunks):
    """What the messages of a stream add up to."""
    texts, rest = [], []
    for chunk in chunks:
        for candidate in chunk.candidates:
            for part in (candidate.content and candidate.content.parts) or []:
                if part.text is not None:
                    texts.append((f"{candidate.index} thought {part.thought}", part.text))
                else:
                    rest.append(part)
            rest += [candidate.finish_reason, candidate.grounding_metadata] if candidate.finish_reason else []
    return [joined(texts), rest, chunk.usage_metadata, chunk.response_id]


def gemini_stream(at):
    ask = gemini_client(at).models.generate_content_stream
    return gemini_parts(ask(model="gemini-3-pro", contents=gemini_contents(at), config=gemini_config(at)))


def gemini_chat(at):
    """Two turns: what was answered goes back up with the second."""
    chat = gemini_client(at).chats.create(model="gemini-3-pro", config=gemini_config(at))
    return [chat.send_message(at.text), gemini_parts(chat.send_message_stream(at.text)), len(chat.get_history())]


def gemini_embed(at):
    client = gemini_client(at)
    counted = client.models.count_tokens(model="gemini-3-pro", contents=gemini_contents(at))
    return [client.models.embed_content(model="gemini-embedding-001", contents=[at.text, "b"]), counted]


def gemini_array(at):
    """Without `alt=sse` the answer is an array that grows."""
    body = {"contents": [{"role": "user", "parts": [{"text": at.text}]}]}
    with httpx.Client(verify=at.tls, http2=at.http2) as client:
        answer = client.post(f"{at.base}/gemini/v1beta/models/gemini-3-pro:streamGenerateContent", json=body)
        answer.raise_for_status()
        parts = [part for message in answer.json() for part in message["candidates"][0]["content"]["parts"]]
        rest = [part for part in parts if "text" not in part]
        return [joined((part.get("thought"), part.get("text")) for part in parts), rest]


def gemini_rest(at):
    """Google's generated client over REST, which reads the array while it comes."""
    scheme, _, host = at.base.partition("://")
    transport = GenerativeServiceRestTransport(host=f"{host}/gemini", url_scheme=scheme, credentials=AnonymousCredentials())
    ca, *pair = (str(at.folder / name) for name in ("ca.crt", "one.crt", "one.key"))
    transport._session.trust_env, transport._session.verify, transport._session.cert = False, ca, tuple(pair)
    request = {"model": "models/gemini-3-pro", "contents": [{"role": "user", "parts": [{"text": at.text}]}]}
    with GenerativeServiceClient(transport=transport) as client:
        parts = [part for message in client.stream_generate_content(request) for part in message.candidates[0].content.parts]
    # Its numbers are all floating.
    rest = [json.loads(re.sub(r"\.0(?=,|$)", "", MessageToJson(part._pb, sort_keys=True), flags=re.M)) for part in parts if "text" not in part]
    return [joined((part.thought, part.text) for part in parts), rest]


GEMINI = {"denied": genai.errors.ClientError, "broken": genai.errors.APIError, "failed": genai.errors.ClientError}
GAPIC = {"denied": GoogleAPICallError, "broken": (GoogleAPICallError, OSError), "failed": GoogleAPICallError, "http2": False}
GENERATE = "Gemini"
GEMINI_ARRAY = "Gemini, streamed array"

GEMINI_ROWS = [
    Row("google-genai", "generate", gemini_generate, GENERATE, reasoning=True, arguments=True, more={"code": True, "grounding": True}, **GEMINI),
    Row("google-genai", "generate stream", gemini_stream, GENERATE, True, reasoning=True, arguments=True, more={"grounding": True}, **GEMINI),
    Row("google-genai", "two candidates", gemini_generate, GENERATE, reasoning=True, arguments=True, more={"candidates": 2}, **GEMINI),
    Row("google-genai", "stream of two candidates", gemini_stream, GENERATE, True, reasoning=True, arguments=True, more={"candidates": 2}, **GEMINI),
    Row("google-genai", "generate stream text", gemini_stream, GENERATE, True, **GEMINI),
    Row("google-genai", "chat", gemini_chat, GENERATE, True, **GEMINI),
    Row("google-genai", "embed and count", gemini_embed, GENERATE, **GEMINI | QUIET),
    Row("google-ai-generativelanguage", "generate stream", gemini_rest, GEMINI_ARRAY, True, reasoning=True, arguments=True, **GAPIC),
    Row("httpx", "gemini array", gemini_array, GEMINI_ARRAY, True, reasoning=True, arguments=True, broken=httpx.HTTPError),
]


# Cohere


def cohere_client(at, prefix="/cohere"):
    client = httpx.Client(verify=at.tls, http2=at.http2)
    return cohere.ClientV2(api_key="k", base_url=at.base + prefix, httpx_client=client, max_retries=0)


def cohere_request(at):
    call = {"id": "call_0", "type": "function", "function": {"name": "send", "arguments": at.arguments}}
    messages = [
        {"role": "system", "content": at.text},
        {"role": "user", "content": [{"type": "text", "text": at.text}]},
        {"role": "assistant", "tool_calls": [call], "tool_plan": at.text},
        {"role": "tool", "tool_call_id": "call_0", "content": [{"type": "document", "document": {"data": {"note": at.text}, "id": "doc:0"}}]},
    ]
    documents = [at.text, {"data": {"title": at.text}, "id": "doc:1"}]
    return {"model": "command-a", "messages": messages, "documents": documents, "tools": [tool(at)], "stop_sequences": [at.text]}


def cohere_chat(at):
    return cohere_client(at).chat(**cohere_request(at))


def cohere_stream(at):
    texts, rest = [], []
    for event in cohere_client(at).chat_stream(**cohere_request(at)):
        if event.type == "content-delta":
            content = event.delta.message.content
            texts += [((event.index, "text"), content.text), ((event.index, "thinking"), content.thinking)]
        elif event.type == "tool-plan-delta":
            texts.append(("plan", event.delta.message.tool_plan))
        elif event.type == "tool-call-delta":
            texts.append(((event.index, "arguments"), event.delta.message.tool_calls.function.arguments))
        else:
            rest.append(event)
    return [joined(texts), rest]


def cohere_embed(at):
    client = cohere_client(at)
    vectors = client.embed(model="embed-v4.0", input_type="search_document", texts=[at.text, "b"], embedding_types=["float"])
    return [vectors, client.rerank(model="rerank-v4", query=at.text, documents=[at.text, "b"])]


COHERE = {"denied": cohere.ForbiddenError, "broken": (httpx.HTTPError, ApiError), "failed": cohere.BadRequestError}
COHERE_CHAT = "Cohere v2"

COHERE_ROWS = [
    Row("cohere", "chat", cohere_chat, COHERE_CHAT, reasoning=True, arguments=True, **COHERE),
    Row("cohere", "chat stream", cohere_stream, COHERE_CHAT, True, reasoning=True, arguments=True, **COHERE),
    Row("cohere", "embed and rerank", cohere_embed, COHERE_CHAT, **COHERE | QUIET | {"shows": True}),
]


# Cohere, version 1


def cohere_v1_client(at):
    client = httpx.Client(verify=at.tls, http2=at.http2)
    return cohere.Client(api_key="k", base_url=f"{at.base}/cohere", httpx_client=client, max_retries=0)


def cohere_v1_request(at):
    call = {"name": "send", "parameters": json.loads(at.arguments)}
    history = [
        {"role": "USER", "message": at.text},
        {"role": "CHATBOT", "message": at.text, "tool_calls": [call]},
        {"role": "TOOL", "tool_results": [{"call": call, "outputs": [{"note": at.text}]}]},
    ]
    tools = [{"name": "send", "description": at.text, "parameter_definitions": {"card": {"description": at.text, "type": "int"}}}]
    rest = {"preamble": at.text, "documents": [{"id": "doc:0", "text": at.text}], "stop_sequences": [at.text], "seed": 7}
    return {"model": "command-r", "message": at.text, "chat_history": history, "tools": tools, **rest}


def cohere_v1_chat(at):
    return cohere_v1_client(at).chat(**cohere_v1_request(at))


def cohere_v1_stream(at):
    texts, rest = [], []
    for event in cohere_v1_client(at).chat_stream(**cohere_v1_request(at)):
        if event.event_type == "text-generation":
            texts.append(("text", event.text))
        elif event.event_type == "tool-calls-chunk":
            delta = event.tool_call_delta
            texts += [("plan", delta.text), ((delta.index, "parameters"), delta.parameters)]
            rest += [delta.name] if delta.name else []
        else:
            rest.append(event)
    return [joined(texts), rest]


def cohere_v1_rest(at):
    client = cohere_v1_client(at)
    examples = [{"text": at.text, "label": "a"}, {"text": "b", "label": "b"}]
    return [
        client.generate(prompt=at.text, return_likelihoods="GENERATION"),
        client.embed(texts=[at.text, "b"], model="embed-v3", input_type="search_document"),
        client.rerank(query=at.text, documents=[{"text": at.text}, {"text": "b"}], return_documents=True),
        client.classify(inputs=[at.text], examples=examples),
        client.summarize(text=at.text * 3, additional_command=at.text),
    ]


def without_likelihoods(got):
    got[0]["generations"][0]["token_likelihoods"] = None
    return got


COHERE_V1 = "Cohere v1"

COHERE_ROWS += [
    Row("cohere", "v1 chat", cohere_v1_chat, COHERE_V1, arguments=True, **COHERE),
    Row("cohere", "v1 chat stream", cohere_v1_stream, COHERE_V1, True, arguments=True, **COHERE),
    Row("cohere", "v1 generate, embed, rerank, classify", cohere_v1_rest, COHERE_V1, differs=without_likelihoods, **COHERE),
]


# Amazon Bedrock


def bedrock_client(at):
    ca, *pair = (str(at.folder / name) for name in ("ca.crt", "one.crt", "one.key"))
    keys = {"region_name": "eu-west-1", "aws_access_key_id": "CLIENTKEY", "aws_secret_access_key": "client-secret"}
    config = Config(client_cert=tuple(pair), retries={"total_max_attempts": 1})
    return boto3.client("bedrock-runtime", endpoint_url=f"{at.base}/aws", verify=ca, config=config, **keys)


def bedrock_request(at):
    schema = {"type": "object", "properties": {"card": {"type": "integer", "description": at.text}}}
    result = [{"text": at.text}, {"json": {"note": at.text}}]
    return {
        "modelId": "anthropic.claude-3-haiku-20240307-v1:0",
        "system": [{"text": at.text}],
        "messages": [
            {"role": "user", "content": [{"text": at.text}]},
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t-0", "name": "send", "input": json.loads(at.arguments)}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "t-0", "content": result}}]},
        ],
        "toolConfig": {"tools": [{"toolSpec": {"name": "send", "description": at.text, "inputSchema": {"json": schema}}}]},
        "inferenceConfig": {"stopSequences": [at.text], "temperature": 0.5},
    }


def bedrock_converse(at):
    answer = bedrock_client(at).converse(**bedrock_request(at))
    return [answer["output"], answer["stopReason"], answer["usage"]]


def bedrock_converse_stream(at):
    texts, rest = [], []
    for event in bedrock_client(at).converse_stream(**bedrock_request(at))["stream"]:
        [(kind, told)] = event.items()
        if kind != "contentBlockDelta":
            rest.append(event)
            continue
        of, delta = told["contentBlockIndex"], told["delta"]
        thought = delta.get("reasoningContent", {})
        texts += [((of, "text"), delta.get("text")), ((of, "input"), delta.get("toolUse", {}).get("input"))]
        texts += [((of, "thought"), thought.get("text")), ((of, "signature"), thought.get("signature"))]
    return [joined(texts), rest]


def invoked(at):
    request = {name: part for name, part in anthropic_request(at).items() if name != "model"}
    body = json.dumps(request | {"anthropic_version": "bedrock-2023-05-31"}, ensure_ascii=False)
    return {"modelId": "anthropic.claude-3-haiku-20240307-v1:0", "body": body}


def bedrock_invoke(at):
    return json.loads(bedrock_client(at).invoke_model(**invoked(at))["body"].read())


def bedrock_invoke_stream(at):
    texts, rest = [], []
    for event in bedrock_client(at).invoke_model_with_response_stream(**invoked(at))["body"]:
        said = json.loads(event["chunk"]["bytes"])
        if said["type"] != "content_block_delta":
            rest.append(said)
            continue
        for member in ("text", "partial_json", "thinking", "signature"):
            texts.append(((said["index"], member), said["delta"].get(member)))
    return [joined(texts), rest]


def without_signatures(got):
    """What signs a thought is empty where the thought was changed."""
    if isinstance(got, list):
        return [without_signatures(one) for one in got]
    if isinstance(got, dict):
        return {key: "" if key == "signature" else without_signatures(one) for key, one in got.items() if "'signature'" not in key}
    return got


BEDROCK = "Amazon Bedrock"
# What a client signs with, which is of the moment.
AWS_VARIES = (r'"(authorization|x-amz-[a-z0-9-]+|amz-sdk-[a-z-]+)": "[^"]*"',)
AWS = {"denied": ClientError, "broken": (ClientError, BotoCoreError), "failed": ClientError}
AWS |= {"http2": False, "reasoning": True, "arguments": True, "differs": without_signatures, "varies": AWS_VARIES}

BEDROCK_ROWS = [
    Row("boto3", "converse", bedrock_converse, BEDROCK, **AWS),
    Row("boto3", "converse stream", bedrock_converse_stream, BEDROCK, True, **AWS),
    Row("boto3", "invoke", bedrock_invoke, BEDROCK, more={"calls": 2}, **AWS),
    Row("boto3", "invoke stream", bedrock_invoke_stream, BEDROCK, True, more={"calls": 2}, **AWS),
]


# Mistral


def mistral_client(at):
    return Mistral(api_key="k", server_url=f"{at.base}/mistral", client=httpx.Client(verify=at.tls, http2=at.http2))


def mistral_request(at):
    call = {"id": "D681PevK9", "type": "function", "function": {"name": "send", "arguments": at.arguments}}
    messages = [
        {"role": "system", "content": at.text},
        {"role": "user", "content": [{"type": "text", "text": at.text}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": [{"type": "text", "text": at.text}]}], "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "D681PevK9", "name": "send", "content": at.text},
    ]
    return {"model": "mistral-large-latest", "messages": messages, "tools": [tool(at)], "stop": at.text, "metadata": {"note": at.text}}


def mistral_chat(at):
    return mistral_client(at).chat.complete(**mistral_request(at))


def mistral_stream(at):
    texts, rest = [], []
    for event in mistral_client(at).chat.stream(**mistral_request(at)):
        [choice] = event.data.choices
        content = choice.delta.content or []
        for part in [content] if isinstance(content, str) else content:
            thought = getattr(part, "thinking", None)
            texts += [("text", part if isinstance(part, str) else getattr(part, "text", None))]
            texts += [("thinking", chunk.text) for chunk in thought or []]
        rest += choice.delta.tool_calls or []
        rest += [choice.finish_reason, event.data.usage] if choice.finish_reason else []
    return [joined(texts), rest]


def mistral_rest(at):
    client = mistral_client(at)
    filled = client.fim.complete(model="codestral-latest", prompt=at.text, suffix=at.text)
    return [client.embeddings.create(model="mistral-embed", inputs=[at.text, "b"]), filled]


MISTRAL = {"denied": MistralError, "broken": (httpx.HTTPError, MistralError), "failed": MistralError}
MISTRAL_CHAT = "Mistral"

MISTRAL_ROWS = [
    Row("mistralai", "chat", mistral_chat, MISTRAL_CHAT, reasoning=True, arguments=True, **MISTRAL),
    Row("mistralai", "chat stream", mistral_stream, MISTRAL_CHAT, True, reasoning=True, arguments=True, **MISTRAL),
    Row("mistralai", "embeddings and fill in the middle", mistral_rest, MISTRAL_CHAT, **MISTRAL),
]


# Ollama


def ollama_client(at, prefix="/ollama"):
    return ollama.Client(host=at.base + prefix, verify=at.tls, http2=at.http2)


def ollama_request(at):
    call = {"function": {"name": "send", "arguments": json.loads(at.arguments)}}
    messages = [
        {"role": "system", "content": at.text},
        {"role": "user", "content": at.text},
        {"role": "assistant", "content": "", "thinking": at.text, "tool_calls": [call]},
        {"role": "tool", "tool_name": "send", "content": at.text},
    ]
    return {"model": "qwen3", "messages": messages, "tools": [tool(at)], "options": {"stop": [at.text], "seed": 7}}


def ollama_chat(at):
    return ollama_client(at).chat(**ollama_request(at))


def ollama_chat_stream(at):
    texts, rest = [], []
    for record in ollama_client(at).chat(**ollama_request(at), stream=True, think=True):
        texts += [("content", record.message.content), ("thinking", record.message.thinking)]
        rest += record.message.tool_calls or []
    return [joined(texts), rest, record]


def ollama_generate(at):
    return ollama_client(at).generate(model="qwen3", prompt=at.text, system=at.text, suffix=at.text, template=at.text)


def ollama_generate_stream(at):
    texts = []
    for record in ollama_client(at).generate(model="qwen3", prompt=at.text, system=at.text, stream=True):
        texts += [("response", record.response), ("thinking", record.thinking)]
    return [joined(texts), record]


def ollama_embed(at):
    return ollama_client(at).embed(model="qwen3", input=[at.text, "b"])


def without_context(got):
    """The tokens of what was said go where the text is changed."""
    last = got if isinstance(got, dict) else got[-1]
    last["context"] = None
    return got


OLLAMA = {"denied": ollama.ResponseError, "broken": (ollama.ResponseError, httpx.HTTPError), "failed": ollama.ResponseError}

OLLAMA_ROWS = [
    Row("ollama", "chat", ollama_chat, "Ollama", reasoning=True, arguments=True, **OLLAMA),
    Row("ollama", "chat stream", ollama_chat_stream, "Ollama", True, reasoning=True, arguments=True, **OLLAMA),
    Row("ollama", "generate", ollama_generate, "Ollama", reasoning=True, differs=without_context, **OLLAMA),
    Row("ollama", "generate stream", ollama_generate_stream, "Ollama", True, reasoning=True, differs=without_context, **OLLAMA),
    Row("ollama", "embed", ollama_embed, "Ollama", **OLLAMA | QUIET),
]

ROWS = [*OPENAI_ROWS, *ANTHROPIC_ROWS, *GEMINI_ROWS, *COHERE_ROWS, *BEDROCK_ROWS, *MISTRAL_ROWS, *OLLAMA_ROWS]
