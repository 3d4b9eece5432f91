"""What the matrix does not say: signed thinking, how far a blocked stream gets, versions of HTTP, who may connect."""

import base64
import json
from contextlib import nullcontext

import anthropic
import httpx
import httpx2
import openai
import pytest
from planted import CARD, EMAIL, FORBIDDEN, NUMBER, SAFE, SSN, TEXT, clean
from upstreams.anthropic import SIGNATURE

ARGUMENTS = json.dumps({"card": NUMBER, "note": TEXT, "nested": {"list": [SSN, EMAIL]}})

both = pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@pytest.fixture
def oai(base, tls):
    def make(http2):
        module = httpx2 if issubclass(openai.DefaultHttpxClient, httpx2.Client) else httpx
        client = module.Client(verify=tls, http2=http2)
        return openai.OpenAI(base_url=f"{base}/openai/v1", api_key="k", http_client=client, max_retries=0)

    return make


@pytest.fixture
def claude(base, tls):
    def make(http2):
        module = httpx2 if issubclass(anthropic.DefaultHttpxClient, httpx2.Client) else httpx
        client = module.Client(verify=tls, http2=http2)
        return anthropic.Anthropic(base_url=f"{base}/anthropic", api_key="k", http_client=client, max_retries=0)

    return make


def arguments_are_redacted(text):
    arguments = json.loads(text)
    assert arguments["card"] == "************1111"
    assert arguments["note"] == SAFE
    assert arguments["nested"]["list"] == ["***-**-****", "jane@***"]


def test_versions_of_the_protocol(base, tls):
    for http2, version in [(False, "HTTP/1.1"), (True, "HTTP/2")]:
        with httpx.Client(verify=tls, http2=http2) as client:
            answer = client.post(f"{base}/openai/v1/chat/completions", json={"messages": []})
            assert answer.http_version == version
            assert answer.headers["x-request-id"]


@both
@streamed
def test_anthropic_text_tools_and_thinking(claude, upstreams, http2, stream):
    upstreams.said.text, upstreams.said.reasoning, upstreams.said.arguments = TEXT, "I see " + TEXT, ARGUMENTS
    history = [
        {"role": "user", "content": TEXT},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": json.loads(ARGUMENTS)}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": TEXT}]},
    ]
    arguments = {"model": "m", "max_tokens": 100, "messages": history, "system": TEXT}
    client = claude(http2)
    if stream:
        with client.messages.stream(**arguments) as events:
            shown = "".join(events.text_stream)
            final = events.get_final_message()
        assert shown == SAFE
    else:
        final = client.messages.create(**arguments)
    thinking, text, tool = final.content
    assert thinking.thinking == "I see " + SAFE
    assert thinking.signature == ""
    assert text.text == SAFE
    arguments_are_redacted(json.dumps(tool.input))
    assert final.stop_reason == "tool_use"
    clean(upstreams.everything_received())
    sent = upstreams.received[0].json
    assert sent["system"] == SAFE and sent["messages"][0]["content"] == SAFE

    # The redacted thinking goes back up in the next turn, and is taken out there.
    upstreams.received.clear()
    blocks = [block.model_dump(exclude_none=True) for block in final.content]
    next_turn = history[:1] + [{"role": "assistant", "content": blocks}, {"role": "user", "content": "go on"}]
    client.messages.create(model="m", max_tokens=100, messages=next_turn)
    sent = upstreams.received[0].json
    assert [block["type"] for block in sent["messages"][1]["content"]] == ["text", "tool_use"]


@both
@streamed
def test_untouched_thinking_keeps_its_signature(claude, upstreams, http2, stream):
    upstreams.said.reasoning = "nothing personal here"
    client = claude(http2)
    arguments = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}
    if stream:
        with client.messages.stream(**arguments) as events:
            final = events.get_final_message()
    else:
        final = client.messages.create(**arguments)
    assert final.content[0].signature == SIGNATURE
    assert final.content[0].thinking == "nothing personal here"


@both
def test_a_blocked_request_raises_the_usual_exception(oai, claude, upstreams, http2):
    secret = f"the name is {FORBIDDEN}"
    with pytest.raises(openai.PermissionDeniedError) as raised:
        oai(http2).chat.completions.create(model="m", messages=[{"role": "user", "content": secret}])
    assert raised.value.status_code == 403
    assert "ZEBRAS" not in str(raised.value.body)
    with pytest.raises(anthropic.PermissionDeniedError):
        claude(http2).messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": secret}])
    assert "ZEBRAS" not in upstreams.everything_received()


@both
def test_a_blocked_answer_raises_in_and_out_of_a_stream(oai, claude, upstreams, http2):
    upstreams.said.text = f"well, it is {FORBIDDEN} as you know"
    messages = [{"role": "user", "content": "hi"}]
    with pytest.raises(openai.PermissionDeniedError):
        oai(http2).chat.completions.create(model="m", messages=messages)
    with pytest.raises(anthropic.PermissionDeniedError):
        claude(http2).messages.create(model="m", max_tokens=9, messages=messages)
    shown = ""
    with pytest.raises(openai.APIError):
        for chunk in oai(http2).chat.completions.create(model="m", messages=messages, stream=True):
            shown += chunk.choices[0].delta.content or ""
    assert shown == "well, it is "
    shown = ""
    with pytest.raises(anthropic.APIError), claude(http2).messages.stream(model="m", max_tokens=9, messages=messages) as events:
        for text in events.text_stream:
            shown += text
    assert shown == "well, it is "


@both
@pytest.mark.parametrize("to", ["anna", "mallory"])
def test_a_refused_tool_call_never_reaches_the_client_whole(oai, claude, upstreams, http2, to):
    upstreams.said.arguments = json.dumps({"to": to, "n": {"m": [1, 2]}})
    messages = [{"role": "user", "content": "hi"}]
    allowed = nullcontext() if to == "anna" else None
    with allowed or pytest.raises(openai.PermissionDeniedError):
        oai(http2).chat.completions.create(model="m", messages=messages)
    with allowed or pytest.raises(openai.PermissionDeniedError):
        oai(http2).responses.create(model="m", input="hi")
    with allowed or pytest.raises(anthropic.PermissionDeniedError):
        claude(http2).messages.create(model="m", max_tokens=9, messages=messages)
    shown = ""
    with allowed or pytest.raises(openai.APIError):
        for chunk in oai(http2).chat.completions.create(model="m", messages=messages, stream=True):
            for call in chunk.choices[0].delta.tool_calls or []:
                shown += call.function.arguments if call.index == 0 else ""
    assert (shown == upstreams.said.arguments) == (to == "anna") and shown
    shown = ""
    with allowed or pytest.raises(openai.APIError):
        for chunk in oai(http2).responses.create(model="m", input="hi", stream=True):
            assert to == "anna" or chunk.type not in ("response.function_call_arguments.done", "response.completed")
            shown += chunk.delta if chunk.type == "response.function_call_arguments.delta" else ""
    assert upstreams.said.arguments in shown if to == "anna" else upstreams.said.arguments not in shown
    stopped = 0
    with allowed or pytest.raises(anthropic.APIError), claude(http2).messages.stream(model="m", max_tokens=9, messages=messages) as events:
        for event in events:
            stopped += event.type == "content_block_stop" and event.content_block.type == "tool_use"
    assert bool(stopped) == (to == "anna")


@both
def test_the_providers_errors_pass(oai, upstreams, http2):
    upstreams.said.status = 400
    with pytest.raises(openai.BadRequestError) as raised:
        oai(http2).chat.completions.create(model="m", messages=[])
    assert raised.value.body["message"] == f"You sent: {upstreams.said.text}"


def test_without_a_certificate_there_is_no_connection(base, running):
    import ssl

    context = ssl.create_default_context(cafile=str(running["folder"] / "ca.crt"))
    with pytest.raises(httpx.TransportError):
        httpx.get(base, verify=context)


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson", "text/plain"])
def test_a_log_batch(base, tls, upstreams, kind):
    lines = [json.dumps({"event": f"user {EMAIL} paid with {CARD}", "n": n}) for n in range(50)]
    body = "\n".join(lines) if kind != "application/json" else "[" + ",".join(lines) + "]"
    with httpx.Client(verify=tls) as client:
        client.post(f"{base}/openai/collect", content=body, headers={"content-type": kind})
    received = upstreams.everything_received()
    clean(received)
    assert received.count("jane@***") >= 50


def test_text_in_base64_where_a_file_may_stand(base, tls, upstreams):
    data = base64.b64encode(TEXT.encode()).decode()
    uri = f"data:text/plain;base64,{data}"
    parts = [{"type": "file", "file": {"filename": "a.txt", "file_data": uri}}]
    bodies = {
        "/openai/v1/chat/completions": {"model": "m", "messages": [{"role": "user", "content": parts}]},
        "/openai/v1/responses": {"model": "m", "input": [{"role": "user", "content": [{"type": "input_file", "file_data": uri}]}]},
        "/anthropic/v1/messages": {
            "messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "base64", "media_type": "text/plain", "data": data}}]}]
        },
        "/gemini/v1beta/models/m:generateContent": {"contents": [{"parts": [{"inlineData": {"mimeType": "text/plain", "data": data}}]}]},
    }
    with httpx.Client(verify=tls) as client:
        for path, body in bodies.items():
            upstreams.received.clear()
            client.post(base + path, json=body).raise_for_status()
            clean(upstreams.everything_received())
