"""Ollama's API: lines of JSON, streamed unless the request says otherwise."""

import json

from . import Stream, Whole

AT = "2025-11-29T07:00:00.123456789Z"
COUNTS = {"total_duration": 5043500667, "load_duration": 5025959, "prompt_eval_count": 26, "eval_count": 298, "eval_duration": 4709213000}


def answer(request, said):
    if said.status != 200:
        return Whole({"error": f"You sent: {said.text}"}, said.status)
    asked = request.json
    model = asked["model"]
    if request.path.endswith("/api/embed"):
        inputs = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        return Whole({"model": model, "embeddings": [[0.25, -1.5, 41111111.0]] * len(inputs), "total_duration": 14143917})
    if request.path.endswith("/api/chat"):
        records = chat(said)
    elif request.path.endswith("/api/generate"):
        records = generate(said)
    else:
        return Whole({})
    whole, parts, last = records
    envelope = {"model": model, "created_at": AT}
    end = {"done": True, "done_reason": "stop", **COUNTS}
    if asked.get("stream", True):
        lines = [*(dict(envelope, **part, done=False) for part in parts), dict(envelope, **last, **end)]
        return Stream((json.dumps(line) + "\n" for line in lines), "application/x-ndjson")
    return Whole(dict(envelope, **whole, **end))


def chat(said):
    calls = [{"function": {"name": "send", "arguments": json.loads(said.arguments)}}] * 2 if said.arguments else []
    role = {"role": "assistant"}
    whole = {"message": dict(role, content=said.text, thinking=said.reasoning, tool_calls=calls)}
    parts = [{"message": dict(role, content="", thinking=part)} for part in said.deltas(said.reasoning)]
    parts += [{"message": dict(role, content=part)} for part in said.deltas(said.text)]
    parts += [{"message": dict(role, content="", tool_calls=calls)}] if calls else []
    return whole, parts, {"message": dict(role, content="")}


def generate(said):
    parts = [{"response": "", "thinking": part} for part in said.deltas(said.reasoning)]
    parts += [{"response": part} for part in said.deltas(said.text)]
    whole = {"response": said.text, "thinking": said.reasoning, "context": [1, 2, 9007199254740993]}
    return whole, parts, {"response": "", "context": [1, 2, 9007199254740993]}
