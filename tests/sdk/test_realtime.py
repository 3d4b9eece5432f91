"""OpenAI's SDK over Realtime: a WebSocket connection through the proxy with a client certificate."""

import json

import openai
import planted
import pytest
import websockets
from clients_node import error, node
from matrix import At

SOUND = "UklGRiQAAABXQVZFZm10IBAAAAABAAEA" * 4


def connect(base, tls):
    client = openai.OpenAI(api_key="test", base_url=f"{base}/live/v1")
    return client.realtime.connect(model="gpt-realtime", websocket_connection_options={"ssl": tls})


def talk(connection, text):
    """Says something in every way there is, and gives what comes until the answer's end."""
    connection.session.update(session={"type": "realtime", "instructions": text})
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    connection.conversation.item.create(item=item)
    connection.conversation.item.create(item={"type": "function_call_output", "call_id": "call_0", "output": json.dumps({"is": text})})
    connection.input_audio_buffer.append(audio=SOUND)
    connection.response.create(response={"instructions": text})
    events = []
    for event in connection:
        events.append(event)
        if event.type == "response.done":
            return events


def test_texts_are_redacted_both_ways_and_sound_is_as_it_was(base, tls, live):
    live.said = planted.TEXT
    with connect(base, tls) as connection:
        events = talk(connection, planted.TEXT)
    sent = "".join(live.received)
    assert not [value for value in planted.PLANTED if value in sent]
    messages = [json.loads(message) for message in live.received]
    redacted = planted.redacted(planted.TEXT)
    assert messages[0]["session"]["instructions"] == redacted
    assert messages[1]["item"]["content"][0]["text"] == redacted
    assert json.loads(messages[2]["item"]["output"]) == {"is": redacted}
    assert messages[3]["audio"] == SOUND
    assert messages[4]["response"]["instructions"] == redacted
    assert live.requests[0].headers["Authorization"] == "Bearer test"

    texts, last = {}, {}
    for event in events:
        got = event.to_dict()
        if event.type.endswith("audio.delta"):
            assert got["delta"] == SOUND
        elif event.type.endswith(".delta"):
            texts[event.type] = texts.get(event.type, "") + got["delta"]
        elif member := next((member for member in ("text", "transcript", "arguments") if member in got), None):
            last[event.type] = got[member]
    assert len(texts) == 4 and len(last) == 4
    for kind, text in [*texts.items(), *last.items()]:
        assert (json.loads(text)["note"] if "arguments" in kind else text) == redacted, kind
    assert not [value for value in planted.PLANTED if value in "".join(event.to_json() for event in events)]


def test_what_holds_nothing_is_as_it_was(base, tls, live):
    live.said = planted.PLAIN
    with connect(base, tls) as connection:
        events = talk(connection, planted.PLAIN)
    assert json.loads(live.received[1])["item"]["content"][0]["text"] == planted.PLAIN
    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert said == planted.PLAIN


def test_a_block_is_an_error_event_and_a_close(base, tls, live):
    with connect(base, tls) as connection:
        # The server's first event and the refusal come by ways of their own.
        assert connection.recv().type == "session.created"
        connection.session.update(session={"type": "realtime", "instructions": planted.FORBIDDEN})
        error = connection.recv()
        assert (error.type, error.error.code) == ("error", "policy_blocked")
        with pytest.raises(websockets.exceptions.ConnectionClosedError) as closed:
            connection.recv()
        assert closed.value.rcvd.code == 1008
    assert not live.received


def test_an_upstream_that_breaks_off_is_an_error_and_gives_nothing_that_is_held(base, tls, live):
    live.said, live.breaks_off = f"say {planted.CARD}", True
    with connect(base, tls) as connection:
        connection.response.create()
        got = []
        with pytest.raises(websockets.exceptions.ConnectionClosedError):
            while True:
                got.append(connection.recv().to_json())
    assert "4111" not in "".join(got)


def test_node(base, tls, running, live):
    live.said = planted.TEXT
    texts, last = node("openai realtime")(At(base, tls, running["folder"]))
    sent = "".join(live.received)
    planted.clean(sent)
    assert sent.count(json.dumps(planted.SAFE)[1:-1]) == 3
    assert len(texts) == 4 and len(last) == 3
    for kind, text in [*texts.items(), *last.items()]:
        assert (json.loads(text)["note"] if "arguments" in kind else text) == planted.SAFE, kind
    live.reset()
    live.said = planted.PLAIN
    texts, last = node("openai realtime")(At(base, tls, running["folder"], text=planted.PLAIN))
    assert texts["response.output_text.delta"] == last["response.output_text.done"] == planted.PLAIN
    assert json.loads(live.received[0])["session"]["instructions"] == planted.PLAIN
    live.reset()
    with pytest.raises(error()) as raised:
        node("openai realtime")(At(base, tls, running["folder"], text=planted.FORBIDDEN))
    assert planted.FORBIDDEN not in str(raised.value) and not live.received
