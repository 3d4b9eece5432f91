"""The official Python SDKs through the proxy: HTTP/1.1 and HTTP/2, streamed and not, with tools, choices, reasoning."""

import json

import anthropic
import httpx
import httpx2
import openai
import pytest

CARD = "4111 1111 1111 1111"
SSN = "078-05-1120"
PHONE = "(212) 555-0123"
EMAIL = "jane@example.com"
TEXT = f"Card {CARD}, number {SSN}, phone {PHONE}, mail {EMAIL}; thanks."
SAFE = "Card **** **** **** 1111, number ***-**-****, phone (***) ***-0123, mail jane@***; thanks."
PLANTED = [CARD, "4111111111111111", SSN, "078051120", "212) 555", EMAIL, "example.com"]
ARGUMENTS = json.dumps({"card": 4111111111111111, "note": TEXT, "nested": {"list": [SSN, EMAIL]}})

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


def clean(text):
    for value in PLANTED:
        assert value not in text, value


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
def test_openai_text_choices_and_reasoning(oai, provider, http2, stream):
    provider.reply, provider.reasoning, provider.choices = TEXT, "I see " + TEXT, 2
    history = [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": [{"type": "text", "text": TEXT}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": ARGUMENTS}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": TEXT},
    ]
    client = oai(http2)
    texts, reasonings = ["", ""], ["", ""]
    if stream:
        for chunk in client.chat.completions.create(model="m", messages=history, n=2, stream=True):
            for choice in chunk.choices:
                texts[choice.index] += choice.delta.content or ""
                reasonings[choice.index] += getattr(choice.delta, "reasoning_content", None) or ""
    else:
        answer = client.chat.completions.create(model="m", messages=history, n=2)
        for choice in answer.choices:
            texts[choice.index] = choice.message.content
            reasonings[choice.index] = choice.message.reasoning_content
    assert texts == [SAFE, SAFE]
    assert reasonings == ["I see " + SAFE] * 2
    received = provider.everything_received()
    clean(received)
    sent = json.loads(provider.received[0][2])
    assert sent["messages"][1]["content"][0]["text"] == SAFE
    arguments_are_redacted(sent["messages"][2]["tool_calls"][0]["function"]["arguments"])


@both
def test_openai_tools_in_the_stream_helper(oai, provider, http2):
    provider.reply, provider.arguments = "calling", ARGUMENTS
    tool = {"type": "function", "function": {"name": "send", "parameters": {"type": "object", "properties": {}}}}
    messages = [{"role": "user", "content": "go"}]
    with oai(http2).chat.completions.stream(model="m", messages=messages, tools=[tool]) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert len(calls) == 2
    for call in calls:
        arguments_are_redacted(call.function.arguments)
    assert final.choices[0].finish_reason == "tool_calls"


@both
@streamed
def test_anthropic_text_tools_and_thinking(claude, provider, http2, stream):
    provider.reply, provider.reasoning, provider.arguments = TEXT, "I see " + TEXT, ARGUMENTS
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
    assert final.stop_reason == "end_turn"
    clean(provider.everything_received())
    sent = json.loads(provider.received[0][2])
    assert sent["system"] == SAFE and sent["messages"][0]["content"] == SAFE

    # The redacted thinking goes back up in the next turn, and is taken out there.
    provider.received.clear()
    blocks = [block.model_dump(exclude_none=True) for block in final.content]
    next_turn = history[:1] + [{"role": "assistant", "content": blocks}, {"role": "user", "content": "go on"}]
    client.messages.create(model="m", max_tokens=100, messages=next_turn)
    sent = json.loads(provider.received[0][2])
    assert [block["type"] for block in sent["messages"][1]["content"]] == ["text", "tool_use"]


@both
@streamed
def test_untouched_thinking_keeps_its_signature(claude, provider, http2, stream):
    provider.reasoning = "nothing personal here"
    client = claude(http2)
    arguments = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}
    if stream:
        with client.messages.stream(**arguments) as events:
            final = events.get_final_message()
    else:
        final = client.messages.create(**arguments)
    assert final.content[0].signature == "c2lnbmF0dXJl"
    assert final.content[0].thinking == "nothing personal here"


@both
def test_a_blocked_request_raises_the_usual_exception(oai, claude, provider, http2):
    secret = "the name is PROJECT-ZEBRAS"
    with pytest.raises(openai.PermissionDeniedError) as raised:
        oai(http2).chat.completions.create(model="m", messages=[{"role": "user", "content": secret}])
    assert raised.value.status_code == 403
    assert "ZEBRAS" not in str(raised.value.body)
    with pytest.raises(anthropic.PermissionDeniedError):
        claude(http2).messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": secret}])
    assert "ZEBRAS" not in provider.everything_received()


@both
def test_a_blocked_answer_raises_in_and_out_of_a_stream(oai, claude, provider, http2):
    provider.reply = "well, it is PROJECT-ZEBRAS as you know"
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
def test_the_providers_errors_pass(oai, provider, http2):
    provider.status = 400
    with pytest.raises(openai.BadRequestError) as raised:
        oai(http2).chat.completions.create(model="m", messages=[])
    assert raised.value.body["message"] == "no"


def test_without_a_certificate_there_is_no_connection(base, running):
    import ssl

    context = ssl.create_default_context(cafile=str(running["folder"] / "ca.crt"))
    with pytest.raises(httpx.TransportError):
        httpx.get(base, verify=context)


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson", "text/plain"])
def test_a_log_batch(base, tls, provider, kind):
    lines = [json.dumps({"event": f"user {EMAIL} paid with {CARD}", "n": n}) for n in range(50)]
    body = "\n".join(lines) if kind != "application/json" else "[" + ",".join(lines) + "]"
    with httpx.Client(verify=tls) as client:
        client.post(f"{base}/openai/collect", content=body, headers={"content-type": kind})
    received = provider.everything_received()
    clean(received)
    assert received.count("jane@***") >= 50
