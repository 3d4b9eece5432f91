"""Cohere's API, version 2: chat whole and as events, embeddings, reranking."""

import json

from . import Stream, Whole, event

META = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 11.0, "output_tokens": 7.0}}
USAGE = {"billed_units": {"input_tokens": 11, "output_tokens": 7}, "tokens": {"input_tokens": 11, "output_tokens": 7}}


def answer(request, said):
    if said.status != 200:
        return Whole({"id": "5a1f", "message": f"You sent: {said.text}"}, said.status)
    if request.path.endswith("/v2/chat"):
        return stream(said) if request.json.get("stream") else Whole(chat(said))
    if request.path.endswith("/v2/embed"):
        texts = request.json["texts"]
        return Whole({"id": "e-1", "embeddings": {"float": [[0.25, -1.5, 41111111.0]] * len(texts)}, "texts": texts, "meta": META})
    if request.path.endswith("/v2/rerank"):
        found = [{"index": n, "relevance_score": 0.9876543210987654} for n, _ in enumerate(request.json["documents"])]
        return Whole({"id": "r-1", "results": found, "meta": META})
    return Whole({})


def calls(said):
    function = {"name": "send", "arguments": said.arguments}
    return [{"id": f"call_{n}", "type": "function", "function": function} for n in range(2 if said.arguments else 0)]


def citation(said):
    source = {"type": "document", "id": "doc:0", "document": {"id": "doc:0", "text": said.text, "title": said.text}}
    return {"start": 0, "end": 4, "text": said.text, "sources": [source], "content_index": 0, "type": "TEXT_CONTENT"}


def chat(said):
    content = [{"type": "thinking", "thinking": said.reasoning}] if said.reasoning else []
    message = {"role": "assistant", "content": [*content, {"type": "text", "text": said.text}], "citations": [citation(said)]}
    if said.arguments:
        message |= {"tool_plan": said.text, "tool_calls": calls(said)}
    return {"id": "c-1", "message": message, "finish_reason": "COMPLETE", "usage": USAGE}


def stream(said):
    def bare():
        message = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        yield {"type": "message-start", "id": "c-1", "delta": {"message": message}}
        for part in said.deltas(said.text if said.arguments else ""):
            yield {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": part}}}
        for at, call in enumerate(calls(said)):
            begun = dict(call, function={"name": "send", "arguments": ""})
            yield {"type": "tool-call-start", "index": at, "delta": {"message": {"tool_calls": begun}}}
            for part in said.deltas(said.arguments):
                delta = {"message": {"tool_calls": {"function": {"arguments": part}}}}
                yield {"type": "tool-call-delta", "index": at, "delta": delta}
            yield {"type": "tool-call-end", "index": at}
        texts = [("thinking", said.reasoning)] if said.reasoning else []
        for at, (kind, text) in enumerate([*texts, ("text", said.text)]):
            begun = {"message": {"content": {"type": kind, kind: ""}}}
            yield {"type": "content-start", "index": at, "delta": begun}
            for part in said.deltas(text):
                yield {"type": "content-delta", "index": at, "delta": {"message": {"content": {kind: part}}}}
            yield {"type": "content-end", "index": at}
        yield {"type": "citation-start", "index": 0, "delta": {"message": {"citations": citation(said)}}}
        yield {"type": "citation-end", "index": 0}
        yield {"type": "message-end", "id": "c-1", "delta": {"finish_reason": "COMPLETE", "usage": USAGE}}

    return Stream(event(data, data["type"]) for data in bare())
