"""Reversible tokens with the providers' own SDKs: the user reads the real address, in prose and in a tool's arguments, and the
upstream never saw it."""

import http.server
import json
import os
import re
import ssl
import subprocess
import threading

import anthropic
import httpx
import httpx2
import openai
import pytest

MAIL, PHONE, CARD = "jane.doe@example.com", "(212) 555-0123", "4111 1111 1111 1111"
TEXT = f'Write to {MAIL} or "{MAIL}", call {PHONE}; card {CARD}.'
TOKEN = re.compile(r"\[[A-Z_]+_[a-z2-7]{16}\]")

CONFIG = """
version = 1

[[listener]]
address     = "127.0.0.1:0"
certificate = "server.crt"
private_key = "server.key"
client_ca   = "ca.crt"

[[workspace]]
name    = "acme"
clients = ["uri:spiffe://acme.example/agent/one"]
rules   = "acme.toml"
key     = {{ file = "acme.key32" }}
restore = {{ tools = ["send_email"] }}

[[route]]
name     = "models"
path     = "/"
upstream = "{url}"
"""

RULES = """
version = 1
packs = ["default"]

[actions]
EMAIL = { request = "tokenize", response = "mask-domain" }
PHONE = { request = "tokenize", response = "mask" }
CREDIT_CARD = { request = "tokenize", response = "mask" }
"""


class Echo(http.server.BaseHTTPRequestHandler):
    """Says what it was asked last, in prose and to two tools, three letters at a time where it is asked to stream."""

    protocol_version = "HTTP/1.1"
    received = []

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"] or 0)) if self.headers["content-length"] else self.chunks()
        Echo.received.append(body.decode())
        asked = json.loads(body)
        said = asked["messages"][-1]["content"]
        said = said if isinstance(said, str) else said[-1]["text"]
        answer = self.claude if self.path.endswith("/messages") else self.chat
        kind, text = answer(said, asked.get("stream", False))
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def chunks(self):
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def chat(self, said, stream):
        arguments = json.dumps({"to": said})
        head = {"id": "c", "created": 1, "model": "m"}
        if not stream:
            calls = [
                {"id": f"t{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
                for at, name in enumerate(["send_email", "open_url"])
            ]
            message = {"role": "assistant", "content": said, "tool_calls": calls}
            choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
            return "application/json", json.dumps(head | {"object": "chat.completion", "choices": [choice]})
        deltas = [{"role": "assistant", "content": ""}] + [{"content": part} for part in parts(said)]
        for at, name in enumerate(["send_email", "open_url"]):
            first = {"index": at, "id": f"t{at}", "type": "function", "function": {"name": name, "arguments": ""}}
            deltas += [{"tool_calls": [first]}]
            deltas += [{"tool_calls": [{"index": at, "function": {"arguments": part}}]} for part in parts(arguments)]
        events = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        events.append({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
        lines = [json.dumps(head | {"object": "chat.completion.chunk", "choices": [event]}) for event in events]
        return "text/event-stream", "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"])

    def claude(self, said, stream):
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None, "usage": usage}
        calls = [
            {"type": "tool_use", "id": f"t{at}", "name": name, "input": {"to": said}}
            for at, name in enumerate(["send_email", "open_url"])
        ]
        if not stream:
            content = [{"type": "text", "text": said}, *calls]
            return "application/json", json.dumps(message | {"content": content, "stop_reason": "tool_use"})
        events = [{"type": "message_start", "message": message | {"content": [], "stop_reason": None}}]
        for index, block in enumerate([{"type": "text", "text": ""}, *(call | {"input": {}} for call in calls)]):
            events.append({"type": "content_block_start", "index": index, "content_block": block})
            delta = {"type": "text_delta"} if index == 0 else {"type": "input_json_delta"}
            member = "text" if index == 0 else "partial_json"
            for part in parts(said if index == 0 else json.dumps({"to": said})):
                events.append({"type": "content_block_delta", "index": index, "delta": delta | {member: part}})
            events.append({"type": "content_block_stop", "index": index})
        stop = {"stop_reason": "tool_use", "stop_sequence": None}
        events += [{"type": "message_delta", "delta": stop, "usage": usage}, {"type": "message_stop"}]
        return "text/event-stream", "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


def parts(text, size=3):
    return [text[at : at + size] for at in range(0, len(text), size)]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    binary = os.environ["BLACKBAR"]
    folder = tmp_path_factory.mktemp("tokens")
    certificates = [binary, "certs", "--out", folder, "--client", "one", "--san", "uri:spiffe://acme.example/agent/one"]
    subprocess.run(certificates, check=True, capture_output=True)
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    (folder / "blackbar.toml").write_text(CONFIG.format(url=f"http://127.0.0.1:{upstream.server_port}"))
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
    assert not any(value in "".join(log) for value in [MAIL, PHONE, CARD])


@pytest.fixture
def received(served):
    Echo.received.clear()
    yield Echo.received
    assert Echo.received
    for body in Echo.received:
        assert not any(value in body for value in [MAIL, "jane", "555-0123", CARD]), body


def client(kind, tls):
    module = httpx2 if issubclass(kind, httpx2.Client) else httpx
    return module.Client(verify=tls)


def expected(body):
    """What the client reads: all values but the card, whose token stays."""
    tokens = TOKEN.findall(json.loads(body)["messages"][-1]["content"])
    assert len(tokens) == 4 and tokens[0] == tokens[1]
    return TEXT.replace(CARD, tokens[3]), TEXT.replace(CARD, tokens[3]).replace(MAIL, tokens[0]).replace(PHONE, tokens[2])


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
    opened, closed = expected(received[-1])
    assert message.content == opened
    assert [json.loads(call.function.arguments)["to"] for call in message.tool_calls] == [opened, closed]
    # The next turn brings what was read; the same values have the same tokens, so that a cache of prompts hits.
    turn = [*messages, {"role": "assistant", "content": message.content}, {"role": "user", "content": TEXT}]
    oai.chat.completions.create(model="m", messages=turn)
    first, again = (json.loads(body)["messages"] for body in received[-2:])
    assert again[0] == first[0] and again[1]["content"] == closed and again[2] == first[0]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_anthropic(served, received, stream):
    base, tls = served
    http_client = client(anthropic.DefaultHttpxClient, tls)
    claude = anthropic.Anthropic(base_url=base, api_key="k", http_client=http_client, max_retries=0)
    asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": TEXT}]}
    if stream:
        with claude.messages.stream(**asked) as events:
            assert "".join(events.text_stream) == expected(received[-1])[0]
            message = events.get_final_message()
    else:
        message = claude.messages.create(**asked)
    opened, closed = expected(received[-1])
    text, *calls = message.content
    assert text.text == opened
    assert [(call.name, call.input["to"]) for call in calls] == [("send_email", opened), ("open_url", closed)]
