"""Cohere's API, versions 1 and 2: chat whole and as events or records, embeddings, reranking."""

import json

from . import Stream, Whole, event

META = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 11.0, "output_tokens": 7.0}}
USAGE = {"billed_units": {"input_tokens": 11, "output_tokens": 7}, "tokens": {"input_tokens": 11, "output_tokens": 7}}


def answer(request, said):
    if said.status != 200:
        return Whole({"id": "5a1f", "message": f"You sent: {said.text}"}, said.status)
    if request.path.startswith("/v1/"):
        return version_1(request, said)
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
    return {"start": said.cites[0], "end": said.cites[1], "text": said.text, "sources": [source], "content_index": 0, "type": "TEXT_CONTENT"}


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


def version_1(request, said):
    asked = request.json
    path = request.path.rpartition("/")[2]
    if path == "chat":
        return records(said) if asked.get("stream") else Whole(chat_1(said))
    if path == "generate":
        likely = [{"token": token, "likelihood": -0.5} for token in said.deltas(said.text)]
        made = {"id": "g-1", "text": said.text, "index": 0, "finish_reason": "COMPLETE", "token_likelihoods": likely}
        return Whole({"id": "g-0", "prompt": asked["prompt"], "generations": [made], "meta": META})
    if path == "embed":
        vectors = [[0.25, -1.5, 4.1111111]] * len(asked["texts"])
        return Whole({"id": "e-1", "response_type": "embeddings_floats", "embeddings": vectors, "texts": asked["texts"], "meta": META})
    if path == "rerank":
        found = [{"index": n, "relevance_score": 0.5, "document": {"text": said.text}} for n, _ in enumerate(asked["documents"])]
        return Whole({"id": "r-1", "results": found, "meta": META})
    if path == "classify":
        one = {"id": "c-1", "input": said.text, "prediction": "a", "predictions": ["a"], "confidence": 0.5, "confidences": [0.5]}
        kind = {"classification_type": "single-label", "labels": {"a": {"confidence": 0.5}}}
        return Whole({"id": "c-0", "classifications": [dict(one, **kind)], "meta": META})
    return Whole({"id": "s-1", "summary": said.text, "meta": META})


def chat_1(said):
    cited = {"start": said.cites[0], "end": said.cites[1], "text": said.text, "document_ids": ["doc:0"]}
    calls = [{"name": "send", "parameters": json.loads(said.arguments)}] * 2 if said.arguments else None
    history = [{"role": "USER", "message": said.text}, {"role": "CHATBOT", "message": said.text}]
    found = {"documents": [{"id": "doc:0", "title": said.text, "snippet": said.text}], "search_queries": [{"text": said.text, "generation_id": "q"}]}
    answer = {"response_id": "r-1", "generation_id": "g-1", "text": said.text, "chat_history": history, "finish_reason": "COMPLETE"}
    return answer | {"citations": [cited], "tool_calls": calls, "meta": META, **found}


def records(said):
    """A record a line, as the version's streams are."""

    def record(kind, **members):
        return json.dumps({"is_finished": kind == "stream-end", "event_type": kind, **members}) + "\n"

    def bare():
        whole = chat_1(said)
        yield record("stream-start", generation_id="g-1")
        yield record("search-queries-generation", search_queries=whole["search_queries"])
        yield record("search-results", search_results=[], documents=whole["documents"])
        if said.arguments:
            for part in said.deltas(said.text):
                yield record("tool-calls-chunk", tool_call_delta={"text": part})
            for at in range(2):
                yield record("tool-calls-chunk", tool_call_delta={"index": at, "name": "send"})
                for part in said.deltas(said.arguments):
                    yield record("tool-calls-chunk", tool_call_delta={"index": at, "parameters": part})
            yield record("tool-calls-generation", text=said.text, tool_calls=whole["tool_calls"])
        for part in said.deltas(said.text):
            yield record("text-generation", text=part)
        yield record("citation-generation", citations=whole["citations"])
        yield record("stream-end", finish_reason="COMPLETE", response=whole)

    return Stream(bare(), "application/stream+json")
