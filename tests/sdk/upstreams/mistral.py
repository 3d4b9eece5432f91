"""Mistral's API: chat whose content is a string or chunks, fill in the middle, embeddings."""

from . import Stream, Whole, event

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def answer(request, said):
    if said.status != 200:
        detail = [{"type": "missing", "loc": ["body", "model"], "msg": f"You sent: {said.text}", "input": {}}]
        return Whole({"detail": detail} if said.status == 422 else {"message": f"You sent: {said.text}"}, said.status)
    asked = request.json
    envelope = {"id": "cmpl-e5cc70bb28c444948073e77776eb30ef", "created": 1763690000, "model": asked["model"]}
    if request.path.endswith("/embeddings"):
        inputs = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        data = [{"object": "embedding", "index": n, "embedding": [0.25, -1.5, 41111111.0]} for n, _ in enumerate(inputs)]
        return Whole(dict(envelope, object="list", data=data, usage=USAGE))
    return stream(said, envelope) if asked.get("stream") else Whole(chat(said, envelope))


def calls(said):
    return [
        {"id": f"D681PevK{n}", "type": "function", "index": n, "function": {"name": "send", "arguments": said.arguments}}
        for n in range(2 if said.arguments else 0)
    ]


def thinking(text):
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}], "closed": True}


def chat(said, envelope):
    content = said.text
    if said.reasoning:
        reference = {"type": "reference", "reference_ids": [1, 2]}
        content = [thinking(said.reasoning), {"type": "text", "text": said.text}, reference]
    message = {"role": "assistant", "content": content, "tool_calls": calls(said) or None, "prefix": False}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if said.arguments else "stop"}
    return dict(envelope, object="chat.completion", choices=[choice], usage=USAGE)


def stream(said, envelope):
    def chunk(delta, finish=None, **more):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return event(dict(envelope, object="chat.completion.chunk", choices=[choice], **more))

    def parts():
        yield chunk({"role": "assistant", "content": ""})
        for part in said.deltas(said.reasoning):
            yield chunk({"content": [thinking(part)]})
        for at, part in enumerate(said.deltas(said.text)):
            # As a string and as a chunk in turns: it is one text.
            yield chunk({"content": [{"type": "text", "text": part}] if said.reasoning and at % 2 else part})
        end = "tool_calls" if said.arguments else "stop"
        # Calls come whole, with the end.
        yield chunk({"content": "", "tool_calls": calls(said) or None}, end, usage=USAGE)
        yield event("[DONE]")

    return Stream(parts())
