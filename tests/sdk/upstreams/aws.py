"""Amazon Bedrock's runtime: Converse, and Anthropic's messages that are invoked, whole and in event-stream messages.

It looks at no signature: a route that passes the client's on changes what it was made over. `bedrock.py` checks those of the proxy.
"""

import base64
import json

from bedrock import PADDING, SIGNATURE, event

from . import Stream, Whole, anthropic

EVENTS = "application/vnd.amazon.eventstream"
COUNTED = {"usage": {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18}, "metrics": {"latencyMs": 30}}


def answer(request, said):
    if said.status != 200:
        headers = {"x-amzn-errortype": "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/"}
        return Whole({"message": f"You sent: {said.text}"}, said.status, headers=headers)
    operation = request.path.rsplit("/", 1)[1]
    if operation == "converse":
        return Whole({"output": {"message": {"role": "assistant", "content": whole(said)}}, "stopReason": reason(said), **COUNTED})
    if operation == "converse-stream":
        return Stream(stream(said), EVENTS)
    asked = request.json
    assert asked["anthropic_version"]
    if operation == "invoke":
        return Whole(anthropic.message(said))
    return Stream((chunk(data) for data in anthropic.bare(said, anthropic.message(said))), EVENTS)


def reason(said):
    return "tool_use" if said.arguments else "end_turn"


def calls(said):
    return range(2 if said.arguments else 0)


def whole(said):
    thought = {"reasoningContent": {"reasoningText": {"text": said.reasoning, "signature": SIGNATURE}}}
    tools = [{"toolUse": {"toolUseId": f"tooluse_{n}", "name": "send", "input": json.loads(said.arguments)}} for n in calls(said)]
    return [*([thought] if said.reasoning else []), {"text": said.text}, *tools]


def stream(said):
    def delta(index, value):
        return event("contentBlockDelta", {"contentBlockIndex": index, "delta": value, "p": PADDING[: 3 + index]})

    yield event("messageStart", {"role": "assistant", "p": PADDING[:9]})
    at = 0
    if said.reasoning:
        for part in said.deltas(said.reasoning):
            yield delta(at, {"reasoningContent": {"text": part}})
        yield delta(at, {"reasoningContent": {"signature": SIGNATURE}})
        yield event("contentBlockStop", {"contentBlockIndex": at})
        at += 1
    for part in said.deltas(said.text):
        yield delta(at, {"text": part})
    yield event("contentBlockStop", {"contentBlockIndex": at})
    tools = [at + 1 + n for n in calls(said)]
    for index in tools:
        yield event("contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": {"toolUseId": f"tooluse_{index}", "name": "send"}}})
    for part in said.deltas(said.arguments):
        for index in tools:
            yield delta(index, {"toolUse": {"input": part}})
    for index in tools:
        yield event("contentBlockStop", {"contentBlockIndex": index})
    yield event("messageStop", {"stopReason": reason(said)})
    yield event("metadata", COUNTED)


def chunk(data):
    return event("chunk", {"bytes": base64.b64encode(json.dumps(data).encode()).decode(), "p": PADDING[:11]})
