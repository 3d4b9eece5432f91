"""Google's SDKs over Gemini's live API: a WebSocket connection through the proxy with a client certificate."""

import asyncio
import base64
import json

import planted
import pytest
from clients_node import NodeError, node
from google import genai
from google.genai import errors, types
from matrix import At
from planted import EMAIL, TEXT, redacted

SOUND = base64.b64decode("UklGRiQAAABXQVZFZm10IBAAAAABAAEA" * 4)
SPLIT = TEXT.index(EMAIL) + 4


def talk(base, tls, text, split=SPLIT):
    """Says something in every way there is, and gives what comes until the end of the turn: texts joined, and the rest."""

    async def run():
        client = genai.Client(api_key="test", http_options={"base_url": f"{base}/live", "async_client_args": {"ssl": tls}})
        config = {"response_modalities": ["TEXT"], "system_instruction": text}
        texts, rest = {"text": "", "transcript": ""}, []
        async with client.aio.live.connect(model="gemini-live", config=config) as session:
            await session.send_realtime_input(media=types.Blob(data=SOUND, mime_type="audio/pcm"))
            await session.send_tool_response(function_responses={"id": "call_0", "name": "note", "response": {"is": text}})
            # One turn in two messages.
            for part, last in ((text[:split], False), (text[split:], True)):
                await session.send_client_content(turns={"role": "user", "parts": [{"text": part}]}, turn_complete=last)
            async for message in session.receive():
                content = message.server_content
                if content and content.output_transcription:
                    texts["transcript"] += content.output_transcription.text
                for part in content.model_turn.parts if content and content.model_turn else []:
                    texts["text"] += part.text or ""
                    assert not part.inline_data or part.inline_data.data == SOUND
                if message.tool_call:
                    rest.append(message.tool_call.function_calls[0].args)
        return texts, rest

    return asyncio.run(run())


def test_texts_are_redacted_both_ways_and_sound_is_as_it_was(base, tls, live):
    live.said = TEXT
    texts, rest = talk(base, tls, TEXT)
    assert texts == {"text": redacted(TEXT), "transcript": redacted(TEXT)} and rest == [{"note": redacted(TEXT)}]
    messages = [json.loads(message) for message in live.received]
    assert messages[0]["setup"]["systemInstruction"]["parts"][0]["text"] == redacted(TEXT)
    [sound] = messages[1]["realtime_input"]["mediaChunks"]
    assert base64.b64decode(sound["data"]) == SOUND
    assert messages[2]["tool_response"]["functionResponses"][0]["response"] == {"is": redacted(TEXT)}
    turns = [message["client_content"] for message in messages[3:]]
    assert "".join(part["text"] for turn in turns for content in turn["turns"] for part in content["parts"]) == redacted(TEXT)
    assert turns[-1]["turnComplete"] is True
    assert live.requests[0].headers["x-goog-api-key"] == "test"


def test_what_holds_nothing_is_as_it_was(base, tls, live):
    live.said = planted.PLAIN
    texts, rest = talk(base, tls, planted.PLAIN, 20)
    assert texts == {"text": planted.PLAIN, "transcript": planted.PLAIN} and rest == [{"note": planted.PLAIN}]
    turns = [json.loads(message)["client_content"] for message in live.received[3:]]
    assert "".join(turn["turns"][0]["parts"][0]["text"] for turn in turns) == planted.PLAIN


def test_a_block_ends_the_session(base, tls, live):
    with pytest.raises(errors.APIError) as raised:
        talk(base, tls, planted.FORBIDDEN)
    assert raised.value.code == 1008 and planted.FORBIDDEN not in str(raised.value)
    assert not live.received


def test_an_upstream_that_breaks_off_is_an_error_and_gives_nothing_that_is_held(base, tls, live, caplog):
    live.said, live.breaks_off = f"say {planted.CARD}", True
    with pytest.raises(errors.APIError) as raised:
        talk(base, tls, "hello", 2)
    assert "4111" not in caplog.text + str(raised.value)


def test_node(running, base, tls, live):
    live.said = TEXT
    got = node("gemini live")(At(base, tls, running["folder"]))
    assert got == {"text": redacted(TEXT), "transcript": redacted(TEXT), "calls": [{"note": redacted(TEXT)}]}
    messages = [json.loads(message) for message in live.received]
    assert messages[0]["setup"]["systemInstruction"]["parts"][0]["text"] == redacted(TEXT)
    assert messages[-1]["clientContent"]["turns"][0]["parts"][0]["text"] == redacted(TEXT)
    live.reset()
    with pytest.raises(NodeError) as raised:
        node("gemini live")(At(base, tls, running["folder"], text=planted.FORBIDDEN))
    assert "1008" in str(raised.value) and planted.FORBIDDEN not in str(raised.value)
    assert not live.received
