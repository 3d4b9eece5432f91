"""The clients of model providers, in Python."""

import io
import json

import httpx
import httpx2
import openai
from matrix import Row, joined


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
            for name in ("content", "refusal", "reasoning_content"):
                texts.append(((choice.index, name), getattr(delta, name, None)))
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
        if event.type.endswith(".delta"):
            place = getattr(event, "content_index", None), getattr(event, "summary_index", None)
            delta = event.delta
            texts.append(((event.output_index, event.type, *place), delta if isinstance(delta, str) else delta.stdout))
        else:
            whole.append(event)
    assert sorted(set(numbers)) == list(range(max(numbers) + 1))
    return [joined(texts), whole]


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
    Row("openai", "embeddings", openai_embeddings, "OpenAI embeddings", **OPENAI | QUIET),
    Row("openai", "completions", openai_completions, "OpenAI completions", **OPENAI),
    Row("openai", "completions stream", openai_completions_stream, "OpenAI completions", True, **OPENAI),
    Row("openai", "completions logprobs", openai_completions_logprobs, "OpenAI completions", differs=without_logprobs, **OPENAI),
    Row("openai", "responses", openai_responses, RESPONSES, reasoning=True, arguments=True, differs=without_responses_logprobs, **OPENAI),
    Row("openai", "responses stream", openai_responses_stream, RESPONSES, True, reasoning=True, arguments=True, **OPENAI),
    Row("openai", "responses stream helper", openai_responses_helper, RESPONSES, True, reasoning=True, arguments=True, **OPENAI),
    Row("openai", "retrieve", openai_retrieve, RESPONSES, reasoning=True, arguments=True, sends=False, failed=openai.BadRequestError),
    Row("openai", "batch", openai_batch, "OpenAI files and batches", **OPENAI),
    Row("openai", "transcriptions", openai_transcriptions, "OpenAI transcriptions", **OPENAI),
    Row("openai", "transcriptions stream", openai_transcriptions_stream, "OpenAI transcriptions", True, **OPENAI),
    Row("openai", "moderations", openai_moderations, "OpenAI moderations", **OPENAI | QUIET),
]

ROWS = [*OPENAI_ROWS]
