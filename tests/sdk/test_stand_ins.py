"""Stand-ins and the sentence for the model with the providers' own SDKs: the user reads the real values, a tool that is not to have
them has some of their shape, and the model is told to keep tokens."""

import http.server
import json
import os
import re
import ssl
import subprocess
import threading

import anthropic
import openai
import pytest
from test_tokens import CONFIG, Echo, client

MAIL, PHONE, CARD, IBAN = "jane.doe@acme.test", "(212) 555-0123", "4111 1111 1111 1111", "DE89370400440532013000"
TEXT = f"Write to {MAIL}, call {PHONE}; card {CARD} or {IBAN}."
SHAPES = re.compile(
    r"Write to [a-z2-7]{16}@example\.com, call \(\d{3}\) 555-01\d\d; card (9999(?: \d{4}){3}) or DE\d{2}9\d{17}\.$"
)
SAID = "Keep what stands in brackets as it is."
RULES = """
version = 1
packs = ["default"]

[actions]
EMAIL = { request = "stand-in", response = "mask-domain" }
PHONE = { request = "stand-in", response = "mask" }
CREDIT_CARD = { request = "stand-in", response = "block" }
IBAN = { request = "stand-in", response = "block" }
US_SSN = { request = "tokenize", response = "mask" }
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    binary = os.environ["BLACKBAR"]
    folder = tmp_path_factory.mktemp("stand-ins")
    certificates = [binary, "certs", "--out", folder, "--client", "one", "--san", "uri:spiffe://acme.example/agent/one"]
    subprocess.run(certificates, check=True, capture_output=True)
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    config = CONFIG.replace('["send_email"]', '["send_email"], entities = ["EMAIL", "PHONE", "CREDIT_CARD", "IBAN", "US_SSN"]')
    config += f'token_instruction = "{SAID}"\n'
    (folder / "blackbar.toml").write_text(config.format(url=f"http://127.0.0.1:{upstream.server_port}"))
    (folder / "acme.toml").write_text(RULES)
    (folder / "acme.key32").write_bytes(bytes(range(32)))
    (folder / "acme.key32").chmod(0o600)
    proxy = subprocess.Popen([binary, "serve", "--config", folder / "blackbar.toml"], stderr=subprocess.PIPE, text=True)
    log, port = [], None
    for line in proxy.stderr:
        log.append(line)
        if found := re.search(r"127\.0\.0\.1:(\d+)", line):
            port = found.group(1)
            break
    assert port, "".join(log)
    threading.Thread(target=lambda: log.extend(proxy.stderr), daemon=True).start()
    tls = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    tls.load_cert_chain(str(folder / "one.crt"), str(folder / "one.key"))
    yield f"https://localhost:{port}", tls
    proxy.terminate()
    assert proxy.wait(40) == 0
    upstream.shutdown()
    assert not any(value in "".join(log) for value in [MAIL, PHONE, CARD, IBAN])


@pytest.fixture
def received(served):
    Echo.received.clear()
    yield Echo.received
    assert Echo.received
    for body in Echo.received:
        assert not any(value in body for value in [MAIL, "jane", "555-0123", CARD, IBAN, "078-05-1120"]), body


def luhn(number):
    digits = [int(digit) for digit in number if digit.isdigit()][::-1]
    return sum(digits[0::2]) + sum(sum(divmod(digit * 2, 10)) for digit in digits[1::2])


def asked(body):
    """What the upstream was asked."""
    said = json.loads(body)["messages"][-1]["content"]
    said = said if isinstance(said, str) else said[-1]["text"]
    shape = SHAPES.match(said)
    assert shape and luhn(shape.group(1)) % 10 == 0, said
    return said


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_openai(served, received, stream):
    base, tls = served
    http_client = client(openai.DefaultHttpxClient, tls)
    oai = openai.OpenAI(base_url=f"{base}/v1", api_key="k", http_client=http_client, max_retries=0)
    messages = [{"role": "user", "content": TEXT}]
    if stream:
        with oai.chat.completions.stream(model="m", messages=messages) as events:
            for _ in events:
                pass
            message = events.get_final_completion().choices[0].message
    else:
        message = oai.chat.completions.create(model="m", messages=messages).choices[0].message
    said = asked(received[-1])
    assert message.content == TEXT
    assert [json.loads(call.function.arguments)["to"] for call in message.tool_calls] == [TEXT, said]
    assert SAID not in received[-1], "there is nothing in brackets"
    # The next turn brings what was read, and the same ones stand for it.
    turn = [*messages, {"role": "assistant", "content": message.content}, {"role": "user", "content": TEXT}]
    oai.chat.completions.create(model="m", messages=turn)
    assert [turn["content"] for turn in json.loads(received[-1])["messages"]] == [said] * 3


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_anthropic(served, received, stream):
    base, tls = served
    http_client = client(anthropic.DefaultHttpxClient, tls)
    claude = anthropic.Anthropic(base_url=base, api_key="k", http_client=http_client, max_retries=0)
    request = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": TEXT}]}
    if stream:
        with claude.messages.stream(**request) as events:
            assert "".join(events.text_stream) == TEXT
            message = events.get_final_message()
    else:
        message = claude.messages.create(**request)
    text, *calls = message.content
    assert text.text == TEXT
    assert [(call.name, call.input["to"]) for call in calls] == [("send_email", TEXT), ("open_url", asked(received[-1]))]


def test_the_model_is_told_of_tokens(served, received):
    base, tls = served
    oai = openai.OpenAI(
        base_url=f"{base}/v1", api_key="k", http_client=client(openai.DefaultHttpxClient, tls), max_retries=0
    )
    ssn = "my number is 078-05-1120"
    said = oai.chat.completions.create(model="m", messages=[{"role": "user", "content": ssn}]).choices[0].message.content
    told, asked_for = json.loads(received[-1])["messages"]
    assert said == ssn and asked_for["content"].startswith("my number is [US_SSN_")
    assert told == {"role": "system", "content": SAID}
    claude = anthropic.Anthropic(
        base_url=base, api_key="k", http_client=client(anthropic.DefaultHttpxClient, tls), max_retries=0
    )
    blocks = [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}]
    for system, expected in [("Be kind.", f"Be kind.\n\n{SAID}"), (blocks, [*blocks, {"type": "text", "text": SAID}])]:
        request = {"model": "m", "max_tokens": 9, "system": system, "messages": [{"role": "user", "content": ssn}]}
        assert claude.messages.create(**request).content[0].text == ssn
        assert json.loads(received[-1])["system"] == expected
