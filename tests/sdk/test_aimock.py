"""An upstream that nobody here wrote: @copilotkit/aimock, a mock of the providers' APIs, with one character a delta, and
with its switches for chaos. Whatever it does, a client gets the text redacted or an error."""

import dataclasses

import httpx
import pytest
from clients_models import anthropic_client, cohere_client, gemini_client, ollama_client, openai_client
from clients_node import node
from matrix import At
from planted import FORBIDDEN, SAFE, TEXT, clean

import openai


@pytest.fixture
def aimock(running):
    url = running["aimock"].url
    with httpx.Client(base_url=url) as control:
        control.delete("/__aimock/chaos").raise_for_status()
        control.delete("/__aimock/journal")
        yield control
        control.delete("/__aimock/chaos").raise_for_status()


@pytest.fixture
def at(base, tls, running):
    return At(f"{base}/aimock", tls, running["folder"])


def of_openai(at, prompt):
    chunks = openai_client(at, "/v1").chat.completions.create(
        model="gpt-5", stream=True, messages=[{"role": "system", "content": TEXT}, {"role": "user", "content": prompt}]
    )
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def of_responses(at, prompt):
    with openai_client(at, "/v1").responses.stream(model="gpt-5", instructions=TEXT, input=prompt) as stream:
        grown = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        assert stream.get_final_response().output_text == grown
        return grown


def of_anthropic(at, prompt):
    client = anthropic_client(at, "")
    with client.messages.stream(model="claude-sonnet-5", max_tokens=99, system=TEXT, messages=[{"role": "user", "content": prompt}]) as stream:
        grown = "".join(stream.text_stream)
        assert stream.get_final_text() == grown
        return grown


def of_gemini(at, prompt):
    client = gemini_client(at, "")
    config = {"system_instruction": TEXT}
    chunks = client.models.generate_content_stream(model="gemini-3-pro", contents=prompt, config=config)
    return "".join(chunk.text or "" for chunk in chunks)


def of_cohere(at, prompt):
    messages = [{"role": "system", "content": TEXT}, {"role": "user", "content": prompt}]
    events = cohere_client(at, "").chat_stream(model="command-a", messages=messages)
    return "".join(event.delta.message.content.text for event in events if event.type == "content-delta")


def of_ollama(at, prompt):
    messages = [{"role": "system", "content": TEXT}, {"role": "user", "content": prompt}]
    return "".join(record.message.content for record in ollama_client(at, "").chat(model="qwen3", messages=messages, stream=True))


def of_bedrock(at, prompt):
    """By Node's client: botocore refuses the mock's empty unions."""
    return "".join(node("bedrock converse stream")(dataclasses.replace(at, text=prompt)).values())


def of_realtime(at, prompt):
    client = openai.OpenAI(api_key="k", base_url=f"{at.base}/v1")
    grown = ""
    with client.realtime.connect(model="gpt-realtime", websocket_connection_options={"ssl": at.tls}) as connection:
        connection.session.update(session={"type": "realtime", "instructions": TEXT, "output_modalities": ["text"]})
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": prompt}]}
        connection.conversation.item.create(item=item)
        connection.response.create()
        for event in connection:
            if event.type == "error":
                raise openai.OpenAIError(event.error.message)
            grown += event.delta if event.type == "response.output_text.delta" else ""
            if event.type == "response.output_text.done":
                assert event.text == grown
            if event.type == "response.done":
                return grown


HTTP = [of_openai, of_responses, of_anthropic, of_gemini, of_cohere, of_ollama, of_bedrock]
clients = pytest.mark.parametrize("ask", HTTP)


@pytest.mark.parametrize("ask", [*HTTP, of_realtime])
def test_streams_are_redacted(aimock, at, ask):
    assert ask(at, "say it") == SAFE
    journal = aimock.get("/__aimock/journal").text
    assert "say it" in journal
    # It repeats what it says; what it was sent is in the requests.
    for request in aimock.get("/__aimock/journal").json():
        clean(str(request["body"]))


@clients
@pytest.mark.parametrize("chaos", ["dropRate", "malformedRate", "disconnectRate"])
def test_chaos_is_an_error_and_nothing_else(aimock, at, ask, chaos):
    aimock.post("/__aimock/chaos", json={chaos: 1}).raise_for_status()
    with pytest.raises(Exception) as raised:
        ask(at, "say it")
    assert not isinstance(raised.value, AssertionError)
    clean(str(raised.value) + repr(raised.value))


@clients
def test_a_stream_that_is_cut_is_an_error(at, ask):
    with pytest.raises(Exception) as raised:
        ask(at, "cut it")
    assert not isinstance(raised.value, AssertionError)
    clean(str(raised.value) + repr(raised.value))


@pytest.mark.parametrize("ask", [*HTTP, of_realtime])
def test_a_blocked_answer_is_an_error(at, ask):
    with pytest.raises(Exception) as raised:
        ask(at, "forbid it")
    assert not isinstance(raised.value, AssertionError)
    assert FORBIDDEN not in str(raised.value) + repr(raised.value)
