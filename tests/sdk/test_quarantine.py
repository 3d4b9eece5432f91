"""A request that is held for a person, as the providers' own SDKs tell of it: their exception for what is not to be tried
again, with the item in it; and what is released arrives as it was sent."""

import http.server
import json
import os
import re
import ssl
import subprocess
import threading
import urllib.error
import urllib.request

import anthropic
import httpx
import httpx2
import openai
import pytest

SSN = "078-05-1120"
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

[[route]]
name     = "models"
path     = "/"
upstream = "{url}"
request  = {{ mode = "buffer" }}

[admin]
address = "127.0.0.1:0"

[[admin.person]]
name         = "rita"
role         = "reviewer"
token_sha256 = "{hash}"

[quarantine]
store = "held"
key   = {{ file = "quarantine.key32" }}
"""
RULES = 'version = 1\npacks = ["default"]\n[actions]\nUS_SSN = "quarantine"\n'


class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    received = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.received.append((dict(self.headers), json.loads(body)))
        answer = b'{"fine": true}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    binary, folder = os.environ["BLACKBAR"], tmp_path_factory.mktemp("quarantine")
    certificates = [binary, "certs", "--out", folder, "--client", "one", "--san", "uri:spiffe://acme.example/agent/one"]
    subprocess.run(certificates, check=True, capture_output=True)
    made = subprocess.run([binary, "quarantine", "token"], check=True, capture_output=True, text=True).stdout
    token, digest = re.fullmatch(r'token: (\w+)\ntoken_sha256 = "(\w+)"\n', made).groups()
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{upstream.server_port}"
    (folder / "blackbar.toml").write_text(CONFIG.format(url=url, hash=digest))
    (folder / "acme.toml").write_text(RULES)
    (folder / "quarantine.key32").write_bytes(os.urandom(32))
    proxy = subprocess.Popen([binary, "serve", "--config", folder / "blackbar.toml"], stderr=subprocess.PIPE, text=True)
    ports = {}
    for line in proxy.stderr:
        if found := re.search(r'"message":"(admin listener|listening)".*"address":"127\.0\.0\.1:(\d+)"|"address":"127\.0\.0\.1:(\d+)".*"message":"(admin listener|listening)"', line):
            ports[found[1] or found[4]] = int(found[2] or found[3])
        if "listening" in ports:
            break
    threading.Thread(target=lambda: proxy.stderr.read(), daemon=True).start()
    tls = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    tls.load_cert_chain(str(folder / "one.crt"), str(folder / "one.key"))
    yield {"base": f"https://localhost:{ports['listening']}", "admin": f"http://127.0.0.1:{ports['admin listener']}", "tls": tls, "token": token}
    proxy.terminate()
    assert proxy.wait(40) == 0


def client_of(kind, tls):
    module = httpx2 if issubclass(kind, httpx2.Client) else httpx
    return module.Client(verify=tls)


def asked(running, method, target, order=None):
    body = None if order is None else json.dumps(order).encode()
    request = urllib.request.Request(running["admin"] + target, data=body, method=method)
    request.add_header("authorization", f"Bearer {running['token']}")
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def released(running, error, key):
    item = error.response.headers["x-blackbar-item"]
    assert item in str(error) and SSN not in str(error)
    assert not Upstream.received, "it was held before anything left, and not tried again"
    shown = asked(running, "GET", f"/quarantine/{item}")
    assert shown["state"] == "held" and SSN not in json.dumps(shown)
    done = asked(running, "POST", f"/quarantine/{item}/release", {"reason": "agreed"})
    assert (done["state"], done["upstream_status"]) == ("released", 200)
    assert asked(running, "POST", f"/quarantine/{item}/release", {"reason": "agreed"}) == done
    ((headers, body),) = Upstream.received
    assert SSN in json.dumps(body) and any(value.endswith(key) for value in headers.values())


@pytest.fixture(autouse=True)
def nothing_received():
    Upstream.received.clear()


def test_openai(running):
    http_client = client_of(openai.DefaultHttpxClient, running["tls"])
    client = openai.OpenAI(base_url=running["base"] + "/v1", api_key="sk-none", http_client=http_client, max_retries=3)
    with pytest.raises(openai.PermissionDeniedError) as raised:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": f"my number is {SSN}"}])
    assert raised.value.code == "quarantined"
    released(running, raised.value, "sk-none")


def test_anthropic(running):
    http_client = client_of(anthropic.DefaultHttpxClient, running["tls"])
    client = anthropic.Anthropic(base_url=running["base"], api_key="sk-none", http_client=http_client, max_retries=3)
    with pytest.raises(anthropic.PermissionDeniedError) as raised:
        client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": f"my number is {SSN}"}])
    released(running, raised.value, "sk-none")


def test_a_token_that_nobody_has_gets_nothing(running):
    with pytest.raises(urllib.error.HTTPError) as raised:
        asked({**running, "token": "none"}, "GET", "/quarantine")
    assert raised.value.code == 401
