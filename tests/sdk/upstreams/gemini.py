"""Google's Gemini API: answers whole, as events and as a streamed array, embeddings and counts.

A part of an answer has no index: consecutive parts of one kind are one text. The end of an answer and the last of its text
are in one message.
"""

import base64
import json

from . import Stream, Whole, event

SIGNATURE = base64.b64encode(b"a thought, signed" * 4).decode()
USAGE = {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18}


def answer(request, said):
    if said.status != 200:
        return Whole({"error": {"code": said.status, "message": f"You sent: {said.text}", "status": "INVALID_ARGUMENT"}}, said.status)
    action = request.path.rsplit(":", 1)[-1]
    if action == "generateContent":
        return Whole(message([*whole(said)], "STOP", said))
    if action == "streamGenerateContent":
        messages = list(stream(said))
        if "alt=sse" in request.query:
            return Stream(f"data: {json.dumps(data)}\r\n\r\n" for data in messages)
        pieces = [("[" if at == 0 else ",\r\n") + json.dumps(data, indent=2) for at, data in enumerate(messages)]
        return Stream([*pieces, "\n]"], "application/json; charset=UTF-8")
    if action == "embedContent":
        return Whole({"embedding": {"values": [0.25, -1.5, 41111111.0]}})
    if action == "batchEmbedContents":
        return Whole({"embeddings": [{"values": [0.25, -1.5, 41111111.0]} for _ in request.json["requests"]]})
    if action == "countTokens":
        return Whole({"totalTokens": 31, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 31}]})
    return Whole({})


def calls(said):
    for n in range(2 if said.arguments else 0):
        call = {"id": f"call_{n}", "name": "send", "args": json.loads(said.arguments)}
        yield {"functionCall": call, "thoughtSignature": SIGNATURE}


def whole(said):
    if said.reasoning:
        yield {"text": said.reasoning, "thought": True}
    yield {"text": said.text}
    if said.more.get("code"):
        yield {"executableCode": {"language": "PYTHON", "code": f"print({said.text!r})"}}
        yield {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": said.text}}
    yield from calls(said)


def message(parts, finish, said):
    candidate = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    if finish and said.more.get("grounding"):
        chunk = {"web": {"uri": "https://acme.test/", "title": said.text}}
        support = {"segment": {"startIndex": said.cited_bytes[0], "endIndex": said.cited_bytes[1], "text": said.text}, "groundingChunkIndices": [0]}
        found = {"webSearchQueries": [said.text], "groundingChunks": [chunk], "groundingSupports": [support]}
        candidate["groundingMetadata"] = dict(found, searchEntryPoint={"renderedContent": f"<div>{said.text}</div>"})
    rest = {"usageMetadata": USAGE, "modelVersion": "gemini-3-pro", "responseId": "mAitaLmkHPPlz7IPvtfUqQ4"}
    return {"candidates": [dict(candidate, index=n) for n in range(said.more.get("candidates", 1))], **rest}


def stream(said):
    for part in said.deltas(said.reasoning):
        yield message([{"text": part, "thought": True}], None, said)
    parts = said.deltas(said.text)
    for part in parts[:-1]:
        yield message([{"text": part}], None, said)
    # The last of the text is in the message that ends it, unless calls follow.
    if said.arguments:
        yield message([{"text": parts[-1]}], None, said)
        yield message([*calls(said)], "STOP", said)
    else:
        yield message([{"text": parts[-1]}], "STOP", said)
