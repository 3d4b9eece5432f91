"""Anthropic's API: messages with text, thinking and tools, counting, batches, and what tools of the server bring whole."""

import json

from . import Stream, Whole, event

SIGNATURE = "c2lnbmF0dXJl" * 4


def answer(request, said):
    if said.status != 200:
        body = {"type": "invalid_request_error", "message": f"You sent: {said.text}"}
        return Whole({"type": "error", "error": body, "request_id": "req_1"}, said.status)
    if request.path.endswith("/messages"):
        return messages(request, said)
    if request.path.endswith("/count_tokens"):
        return Whole({"input_tokens": 42})
    if request.path.endswith("/results"):
        results = [{"custom_id": f"row-{n}", "result": {"type": "succeeded", "message": message(said)}} for n in range(2)]
        return Whole("".join(json.dumps(line) + "\n" for line in results).encode(), kind="application/x-jsonl")
    if "/messages/batches" in request.path:
        return Whole(batch(request))
    return Whole({})


def batch(request):
    counts = {"canceled": 0, "errored": 0, "expired": 0, "processing": 0, "succeeded": 2}
    return {
        "id": "msgbatch_1",
        "type": "message_batch",
        "processing_status": "ended",
        "request_counts": counts,
        "created_at": "2025-11-29T00:00:00Z",
        "expires_at": "2025-11-30T00:00:00Z",
        "ended_at": "2025-11-29T00:00:10Z",
        "archived_at": None,
        "cancel_initiated_at": None,
        "results_url": f"http://{request.headers['host']}/anthropic/v1/messages/batches/msgbatch_1/results",
    }


def blocks(said):
    """The blocks of an answer, each with the fragments it grows by: the type of a delta, its member, the text."""
    if said.reasoning:
        yield {"type": "thinking", "thinking": said.reasoning, "signature": SIGNATURE}, ("thinking_delta", "thinking", said.reasoning)
    yield {"type": "text", "text": said.text, "citations": None}, ("text_delta", "text", said.text)
    for n in range(said.more.get("calls", 1) if said.arguments else 0):
        call = {"type": "tool_use", "id": f"toolu_{n}", "name": "send", "input": json.loads(said.arguments)}
        yield call, ("input_json_delta", "partial_json", said.arguments)
    if said.more.get("server"):
        search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": said.text}}
        yield search, ("input_json_delta", "partial_json", json.dumps(search["input"]))
        page = {"type": "web_search_result", "url": "https://acme.test/", "title": said.text, "page_age": None}
        page["encrypted_content"] = SIGNATURE
        yield {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [page]}, None
        cited = {"type": "web_search_result_location", "cited_text": said.text, "title": said.text, "url": "https://acme.test/"}
        cited["encrypted_index"] = SIGNATURE
        yield {"type": "text", "text": said.text, "citations": [cited]}, ("text_delta", "text", said.text)


def message(said, model="m"):
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [block for block, _ in blocks(said)],
        "stop_reason": "tool_use" if said.arguments else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 7, "cache_read_input_tokens": 0},
    }


def messages(request, said):
    asked = request.json
    whole = message(said, asked.get("model", "m"))
    if not asked.get("stream"):
        return Whole(whole)
    return Stream(event(data, data["type"]) for data in bare(said, whole))


def bare(said, whole):
    """The events of a message."""
    empty = {"text": "", "thinking": "", "signature": "", "input": {}}
    yield {"type": "message_start", "message": dict(whole, content=[], stop_reason=None)}
    for index, (block, growth) in enumerate(blocks(said)):
        citations = block.get("citations") or []
        begun = {name: empty.get(name, value) if growth else value for name, value in block.items()}
        if citations:
            begun["citations"] = []
        yield {"type": "content_block_start", "index": index, "content_block": begun}
        yield {"type": "ping"}
        for citation in citations:
            added = {"type": "citations_delta", "citation": citation}
            yield {"type": "content_block_delta", "index": index, "delta": added}
        if growth:
            kind, member, text = growth
            for part in [""] + said.deltas(text) if kind == "input_json_delta" else said.deltas(text):
                yield {"type": "content_block_delta", "index": index, "delta": {"type": kind, member: part}}
        if block["type"] == "thinking":
            signed = {"type": "signature_delta", "signature": SIGNATURE}
            yield {"type": "content_block_delta", "index": index, "delta": signed}
        yield {"type": "content_block_stop", "index": index}
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": end, "usage": {"output_tokens": 7}}
    yield {"type": "message_stop"}
