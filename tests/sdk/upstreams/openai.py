"""OpenAI's API: chat completions, completions, embeddings, Responses, files, batches, transcriptions, moderations; and what
is compatible with it.

Every answer holds the text in each place that can hold one.
"""

import base64
import json
import struct

from . import Stream, Whole, event

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
VECTOR = [0.25, -1.5, 0.0078125, 41111111.0]
CREATED = 1763690000
# As Azure's filter judges.
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO1AAAAABJRU5ErkJggg=="}}
FILTERED = {"hate": {"filtered": False, "severity": "safe"}, "protected_material_text": {"detected": False, "filtered": False}}
PROMPT_FILTERED = [{"prompt_index": 0, "content_filter_results": FILTERED}]
SIGNED = base64.b64encode(b"sealed reasoning, for its maker alone" * 3).decode()


def answer(request, said):
    path = request.path.rstrip("/")
    if said.status != 200:
        return error(said)
    for end, function in ENDS.items():
        if path.endswith(end):
            return function(request, said)
    if "/files" in path:
        return files(request, said)
    if "/batches" in path:
        return batches(request, said)
    return Whole({})


def error(said):
    body = {"message": f"You sent: {said.text}", "type": "invalid_request_error", "code": None, "param": "messages"}
    return Whole({"error": body}, said.status)


def logprob(token, more=True):
    found = {"token": token, "logprob": -0.25, "bytes": list(token.encode())}
    return dict(found, top_logprobs=[logprob(token, False)]) if more else found


def thoughts(said, text):
    """What OpenRouter says of a model's thoughts beside them, or of a piece of them."""
    detail = {"format": "anthropic-claude-v1", "index": 0}
    return {"reasoning": text, "reasoning_details": [{"type": "reasoning.text", "text": text, **detail}]}


def sealed():
    return {"type": "reasoning.encrypted", "data": SIGNED, "id": "rs_1", "format": "openai-responses-v1", "index": 1}


def vllm(said):
    """What vLLM adds to a choice, and to an answer."""
    tokens = list(range(9906, 9906 + len(said.deltas(said.text))))
    asked = [None, *({str(n): {"logprob": -0.25, "rank": 1, "decoded_token": part}} for n, part in enumerate(said.deltas(said.text)))]
    return {"stop_reason": None, "token_ids": tokens}, {"prompt_logprobs": asked, "prompt_token_ids": None, "kv_transfer_params": None}


def chat(request, said):
    asked = request.json
    choices = range(asked.get("n") or 1)
    logs = asked.get("logprobs")
    envelope = {
        "id": "chatcmpl-BcVr3XwZ",
        "created": CREATED,
        "model": asked.get("model", "m"),
        "service_tier": "default",
        "system_fingerprint": "fp_44709d6fcb",
    }
    calls = [
        {"id": f"call_{n}", "type": "function", "function": {"name": "send", "arguments": said.arguments}}
        for n in range(2 if said.arguments else 0)
    ]
    finish = "tool_calls" if calls else "stop"
    if not asked.get("stream"):
        note = {"type": "url_citation", "url_citation": {"start_index": said.cites[0], "end_index": said.cites[1], "title": said.text, "url": "https://acme.test/"}}
        message = {"role": "assistant", "content": said.text, "refusal": None, "annotations": [note]}
        if said.reasoning:
            message["reasoning_content"] = said.reasoning
        if said.more.get("vllm"):
            message["reasoning"] = message.pop("reasoning_content")
        if said.more.get("openrouter"):
            message |= thoughts(said, message.pop("reasoning_content")) | {"images": [PICTURE]}
            message["reasoning_details"] += [{"type": "reasoning.summary", "summary": said.reasoning, "index": 2}, sealed()]
        if calls:
            message["tool_calls"] = calls
        details = {"content": [logprob(token) for token in said.deltas(said.text)], "refusal": None} if logs else None
        body = [{"index": n, "message": message, "logprobs": details, "finish_reason": finish} for n in choices]
        if said.more.get("azure"):
            envelope["prompt_filter_results"] = PROMPT_FILTERED
            body = [dict(choice, content_filter_results=FILTERED) for choice in body]
        if said.more.get("vllm"):
            of_choice, of_answer = vllm(said)
            envelope |= of_answer
            body = [choice | of_choice for choice in body]
        return Whole(dict(envelope, object="chat.completion", choices=body, usage=USAGE))

    def chunk(*parts, usage=None):
        listed = [
            {"index": n, "delta": delta, "logprobs": details, "finish_reason": end} for n, delta, details, end in parts
        ]
        body = dict(envelope, object="chat.completion.chunk", choices=listed)
        if (asked.get("stream_options") or {}).get("include_usage"):
            body["usage"] = usage
        return event(body)

    def parts():
        if said.more.get("azure"):
            # Before there is a choice.
            yield event(dict(envelope, object="chat.completion.chunk", choices=[], prompt_filter_results=PROMPT_FILTERED))
        for n in choices:
            yield chunk((n, {"role": "assistant", "content": None, "refusal": None}, None, None))
        for part in said.deltas(said.reasoning):
            for n in choices:
                thought = {"reasoning" if said.more.get("vllm") else "reasoning_content": part}
                yield chunk((n, thoughts(said, part) if said.more.get("openrouter") else thought, None, None))
        if said.more.get("openrouter"):
            yield ": OPENROUTER PROCESSING\n\n"
            yield chunk(*((n, {"reasoning_details": [sealed()], "images": [PICTURE]}, None, None) for n in choices))
        for part in said.deltas(said.text):
            for n in choices:
                details = {"content": [logprob(part)], "refusal": None} if logs else None
                yield chunk((n, {"content": part}, details, None))
        for part in said.deltas(said.more.get("refusal", "")):
            for n in choices:
                yield chunk((n, {"refusal": part}, None, None))
        for n in choices:
            for at, call in enumerate(calls):
                start = dict(call, index=at, function={"name": "send", "arguments": ""})
                yield chunk((n, {"tool_calls": [start]}, None, None))
        for part in said.deltas(said.arguments):
            for n in choices:
                for at, _ in enumerate(calls):
                    yield chunk((n, {"tool_calls": [{"index": at, "function": {"arguments": part}}]}, None, None))
        if said.more.get("azure"):
            # Of its filter that works beside the stream: neither text nor an end.
            offsets = {"check_offset": 44, "start_offset": 44, "end_offset": 198}
            late = [{"index": n, "finish_reason": None, "content_filter_results": FILTERED, "content_filter_offsets": offsets} for n in choices]
            yield event(dict(envelope, object="chat.completion.chunk", choices=late))
        for n in choices:
            yield chunk((n, {}, None, finish))
        if (asked.get("stream_options") or {}).get("include_usage"):
            yield chunk(usage=USAGE)
        yield event("[DONE]")

    return Stream(parts())


def completions(request, said):
    asked = request.json
    envelope = {"id": "cmpl-BcVr3XwZ", "object": "text_completion", "created": CREATED, "model": asked["model"]}

    def choice(n, text, end, details=None):
        return {"index": n, "text": text, "logprobs": details, "finish_reason": end}

    choices = range(asked.get("n") or 1)
    if asked.get("stream"):

        def parts():
            for part in said.deltas(said.text):
                for n in choices:
                    yield event(dict(envelope, choices=[choice(n, part, None)]))
            for n in choices:
                yield event(dict(envelope, choices=[choice(n, "", "stop")]))
            yield event("[DONE]")

        return Stream(parts())
    tokens = said.deltas(said.text)
    details = {
        "tokens": tokens,
        "token_logprobs": [-0.5] * len(tokens),
        "top_logprobs": [{token: -0.5} for token in tokens],
        "text_offset": list(range(0, len(said.text), said.size)),
    }
    wanted = details if asked.get("logprobs") else None
    return Whole(dict(envelope, choices=[choice(n, said.text, "stop", wanted) for n in choices], usage=USAGE))


def embeddings(request, said):
    asked = request.json
    vector = VECTOR
    if asked.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack(f"<{len(VECTOR)}f", *VECTOR)).decode()
    inputs = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
    data = [{"object": "embedding", "index": n, "embedding": vector} for n, _ in enumerate(inputs)]
    usage = {"prompt_tokens": 8, "total_tokens": 8}
    return Whole({"object": "list", "data": data, "model": asked["model"], "usage": usage})


# Of each kind of item that grows: the type of the events, the place in the item, the index beside it, the member of `.done`.
def items(said):
    """The items of a response, each with the events that its texts grow by."""
    text, arguments = said.text, said.arguments or "{}"
    notes = [{"type": "url_citation", "start_index": said.cites[0], "end_index": said.cites[1], "title": text, "url": "https://acme.test/"}]
    logs = said.more.get("logprobs") and [
        {"token": token, "logprob": -0.25, "bytes": list(token.encode()), "top_logprobs": []} for token in said.deltas(text)
    ]
    yield (
        {
            "id": "rs_1",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": said.reasoning}],
            "content": [{"type": "reasoning_text", "text": said.reasoning}],
            "encrypted_content": SIGNED,
            "status": "completed",
        },
        [
            ("response.reasoning_summary_text", {"summary_index": 0}, "text", said.reasoning),
            ("response.reasoning_text", {"content_index": 0}, "text", said.reasoning),
        ],
    )
    yield (
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [
                {"type": "output_text", "text": text, "annotations": notes, "logprobs": logs or []},
                {"type": "refusal", "refusal": text},
            ],
        },
        [
            ("response.output_text", {"content_index": 0}, "text", text),
            ("response.refusal", {"content_index": 1}, "refusal", text),
        ],
    )
    for n in range(2):
        call = {"id": f"fc_{n}", "type": "function_call", "call_id": f"call_{n}", "name": "send", "arguments": arguments}
        yield dict(call, status="completed"), [("response.function_call_arguments", {}, "arguments", arguments)]
    custom = {"id": "ctc_1", "type": "custom_tool_call", "call_id": "call_3", "name": "shell", "input": text}
    yield custom, [("response.custom_tool_call_input", {}, "input", text)]
    mcp = {"id": "mcp_1", "type": "mcp_call", "server_label": "crm", "name": "find", "arguments": arguments}
    yield dict(mcp, output=text, error=None), [("response.mcp_call_arguments", {}, "arguments", arguments)]
    code = {"id": "ci_1", "type": "code_interpreter_call", "code": f"print({text!r})", "container_id": "cntr_1"}
    logs = [{"type": "logs", "logs": text}]
    yield (
        dict(code, outputs=logs, status="completed"),
        [("response.code_interpreter_call_code", {}, "code", f"print({text!r})")],
    )
    if said.more.get("shell") is False:  # some clients refuse what they do not know
        return
    action = {"commands": [text, "ls"], "max_output_length": 4096, "timeout_ms": 60000}
    shell = {"id": "sh_1", "type": "shell_call", "call_id": "call_4", "action": action, "status": "completed"}
    yield shell, [("response.shell_call_command", {"command_index": 0}, "command", text)]
    output = [{"outcome": {"type": "exit", "exit_code": 0}, "stdout": text, "stderr": ""}]
    shown = {"id": "sho_1", "type": "shell_call_output", "call_id": "call_4", "status": "completed", "output": output}
    yield shown, [("response.shell_call_output_content", {"command_index": 0}, "output", text)]


def responses(request, said):
    asked = request.json if request.content else {}
    body = {
        "id": "resp_1",
        "object": "response",
        "created_at": CREATED,
        "status": "completed",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": asked.get("instructions"),
        "metadata": asked.get("metadata") or {},
        "model": asked.get("model", "m"),
        "output": [item for item, _ in items(said)],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": asked.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": 11,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 3},
            "total_tokens": 18,
        },
        "user": None,
    }
    if not asked.get("stream"):
        return Whole(body)

    def bare():
        begun = dict(body, status="in_progress", output=[], usage=None)
        yield {"type": "response.created", "response": begun}
        yield {"type": "response.in_progress", "response": begun}
        for index, (item, growing) in enumerate(items(said)):
            at = {"output_index": index, "item_id": item["id"]}
            yield {"type": "response.output_item.added", "output_index": index, "item": empty(item)}
            for kind, place, member, text in growing:
                part = part_of(item, place)
                name = "response.reasoning_summary_part" if "summary_index" in place else "response.content_part"
                if part:
                    yield {"type": f"{name}.added", **at, **place, "part": empty(part)}
                if kind == "response.shell_call_command":
                    yield {"type": f"{kind}.added", "output_index": index, **place, "command": ""}
                for delta in said.deltas(text):
                    shaped = {"stdout": delta} if member == "output" else delta
                    worth = [logprob(delta)] if said.more.get("logprobs") else []
                    logs = {"logprobs": worth} if kind == "response.output_text" else {}
                    yield {"type": f"{kind}.delta", **at, **place, "delta": shaped, **logs}
                if kind == "response.output_text":
                    note = item["content"][0]["annotations"][0]
                    added = {"annotation_index": 0, "annotation": note}
                    yield {"type": "response.output_text.annotation.added", **at, **place, **added}
                whole = item["output"] if member == "output" else text
                logs = {"logprobs": item["content"][0]["logprobs"]} if kind == "response.output_text" else {}
                yield {"type": f"{kind}.done", **at, **place, member: whole, **logs}
                if part:
                    yield {"type": f"{name}.done", **at, **place, "part": part}
            yield {"type": "response.output_item.done", "output_index": index, "item": item}
        yield {"type": "response.completed", "response": body}

    return Stream(event(dict(data, sequence_number=n), data["type"]) for n, data in enumerate(bare()))


def part_of(item, place):
    if item["type"] not in ("message", "reasoning"):
        return None
    if "summary_index" in place:
        return item["summary"][place["summary_index"]]
    return item["content"][place["content_index"]]


def empty(item):
    """An item or part as it is announced, before its texts."""
    blank = {
        "text": "",
        "refusal": "",
        "arguments": "",
        "input": "",
        "code": "",
        "content": [],
        "summary": [],
        "annotations": [],
        "logprobs": [],
        "output": [] if isinstance(item.get("output"), list) else None,
        "outputs": None,
        "action": {"commands": [], "max_output_length": None, "timeout_ms": None},
    }
    begun = {name: blank.get(name, value) for name, value in item.items()}
    return dict(begun, status="in_progress") if "status" in begun else begun


def file(said, name="said.jsonl"):
    return {
        "id": "file-1",
        "object": "file",
        "bytes": 120000,
        "created_at": CREATED,
        "filename": name,
        "purpose": "batch",
        "status": "processed",
        "status_details": None,
    }


def files(request, said):
    if request.path.endswith("/content"):
        body = chat_body(said)
        line = {"id": "batch_req_1", "custom_id": "row-1", "response": {"status_code": 200, "request_id": "r", "body": body}}
        lines = [dict(line, error=None), dict(line, custom_id="row-2", error=None)]
        content = "".join(json.dumps(line) + "\n" for line in lines)
        return Whole(content.encode(), kind="application/octet-stream")
    return Whole(file(said))


def chat_body(said):
    message = {"role": "assistant", "content": said.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    envelope = {"id": "chatcmpl-1", "object": "chat.completion", "created": CREATED, "model": "m"}
    return dict(envelope, choices=[choice], usage=USAGE)


def batches(request, said):
    return Whole(
        {
            "id": "batch_1",
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "errors": {"object": "list", "data": [{"code": "bad", "line": 2, "message": said.text, "param": None}]},
            "input_file_id": "file-1",
            "completion_window": "24h",
            "status": "completed",
            "output_file_id": "file-2",
            "created_at": CREATED,
            "request_counts": {"total": 2, "completed": 2, "failed": 0},
            "metadata": {"note": said.text},
        }
    )


def transcriptions(request, said):
    form = {}
    for head, content in request.parts:
        form[head["content-disposition"].split('name="')[1].split('"')[0]] = content
    text = said.text
    if form.get("stream") == b"true":

        def parts():
            for delta in said.deltas(text):
                yield event({"type": "transcript.text.delta", "delta": delta})
            yield event({"type": "transcript.text.done", "text": text})

        return Stream(parts())
    kind = form.get("response_format", b"json")
    if kind == b"text":
        return Whole((text + "\n").encode(), kind="text/plain; charset=utf-8")
    if kind == b"srt":
        return Whole(f"1\n00:00:00,000 --> 00:00:04,200\n{text}\n\n".encode(), kind="text/plain; charset=utf-8")
    if kind == b"verbose_json":
        segment = {"id": 0, "seek": 0, "start": 0.0, "end": 4.2, "text": text, "tokens": [50364, 440], "temperature": 0.0}
        segment |= {"avg_logprob": -0.25, "compression_ratio": 1.5, "no_speech_prob": 0.0078125}
        return Whole({"task": "transcribe", "language": "english", "duration": 4.2, "text": text, "segments": [segment]})
    return Whole({"text": text, "usage": {"type": "duration", "seconds": 4}})


def moderations(request, said):
    flags = {"categories": {"violence": False}, "category_scores": {"violence": 0.0001}, "flagged": False}
    return Whole({"id": "modr-1", "model": "omni-moderation-latest", "results": [dict(flags, category_applied_input_types={})]})


ENDS = {
    "/chat/completions": chat,
    "/completions": completions,
    "/embeddings": embeddings,
    "/responses": responses,
    "/audio/transcriptions": transcriptions,
    "/moderations": moderations,
}
