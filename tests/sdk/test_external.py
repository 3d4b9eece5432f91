"""Other services' verdicts, by the services themselves: Presidio's analyzer, c-icap as Debian builds it, and a webhook whose
questions are held against deploy/openapi/external.yaml.

`BLACKBAR_PRESIDIO` is the Python that has presidio-analyzer, `BLACKBAR_CICAP` the program c-icap; `tests/run` installs both.
"""

import base64
import gzip
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import threading

import httpx
import jsonschema
import pytest
import yaml
from openapi_spec_validator import validate

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OPENAPI = yaml.safe_load((ROOT / "deploy/openapi/external.yaml").read_text())
PRESIDIO = os.environ.get("BLACKBAR_PRESIDIO", "")
CICAP = os.environ.get("BLACKBAR_CICAP", "")
CARD = "4111 1111 1111 1111"
SECRET = b"a secret of more than 24 bytes"

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
name     = "judged"
path     = "/"
upstream = "{upstream}"
request  = {{ mode = "buffer", external = [{names}] }}
response = {{ mode = "buffer", external = [{back}] }}

{tables}
"""


class Served(http.server.ThreadingHTTPServer):
    """A server that answers POST with what `respond` makes of path, headers and body."""

    def __init__(self, respond):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers, answer = respond(self.path, self.headers, body)
                self.send_response(200)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture
def proxied(tmp_path):
    """Starts a proxy in front of an echo; gives a client and what the upstream received."""
    binary, started, clients = os.environ["BLACKBAR"], [], []
    subprocess.run(
        [binary, "certs", "--out", tmp_path, "--client", "one", "--san", "uri:spiffe://acme.example/agent/one"],
        check=True,
        capture_output=True,
    )
    received = []

    def echo(_, headers, body):
        received.append(body)
        return {"Content-Type": headers["Content-Type"]}, body

    def start(tables, names, back="", rules='version = 1\npacks = ["pci"]\n', answer=None):
        upstream = Served((lambda *_: ({"Content-Type": "text/plain"}, answer)) if answer else echo)
        config = CONFIG.format(upstream=upstream.url.replace("127.0.0.1", "localhost"), tables=tables, names=names, back=back)
        (tmp_path / "blackbar.toml").write_text(config)
        (tmp_path / "acme.toml").write_text(rules)
        process = subprocess.Popen(
            [binary, "serve", "--config", tmp_path / "blackbar.toml"], stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        port = None
        for line in process.stderr:
            if found := re.search(r"127\.0\.0\.1:(\d+)", line):
                port = found.group(1)
                break
        threading.Thread(target=process.stderr.read, daemon=True).start()
        assert port, "the proxy did not start"
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        context.load_cert_chain(tmp_path / "one.crt", tmp_path / "one.key")
        client = httpx.Client(base_url=f"https://localhost:{port}", verify=context, timeout=60, trust_env=False)
        clients.append(client)
        return client, received

    start.folder = tmp_path
    yield start
    for client in clients:
        client.close()
    for process in started:
        process.terminate()
        process.wait(30)


def test_the_description_is_openapi():
    validate(OPENAPI)
    media = OPENAPI["paths"]["/judge"]["post"]
    for part, schema in ((media["requestBody"], "Question"), (media["responses"]["200"], "Answer")):
        for example in part["content"]["application/json"]["examples"].values():
            check(schema, example["value"])
    for wrong in ({}, {"action": "redact"}, {"action": "redact", "redactions": [{"text": 0, "start": -1, "end": 1}]}):
        with pytest.raises(jsonschema.ValidationError):
            check("Answer", wrong)


def check(schema, value):
    whole = {"$ref": f"#/components/schemas/{schema}", "components": OPENAPI["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)


def test_a_webhook_is_asked_as_described(proxied):
    questions = []

    def judge(path, headers, body):
        assert path == "/judge"
        signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
        code = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{code}"
        question = json.loads(body)
        check("Question", question)
        questions.append(question)
        found = [
            {"text": text["id"], "start": place.start(), "end": place.end(), "entity": "PERSON"}
            for text in question["texts"]
            for place in re.finditer("Zoë", text["text"])
        ]
        answer = {"action": "redact", "redactions": found} if found else {"action": "allow"}
        check("Answer", answer)
        return {"Content-Type": "application/json"}, json.dumps(answer).encode()

    (proxied.folder / "secret").write_bytes(SECRET)
    table = f'[[external]]\nname = "dlp"\nkind = "webhook"\nurl = "{Served(judge).url}/judge"\nsecrets = [{{ file = "secret" }}]'
    client, received = proxied(table, '"dlp"', '"dlp"')
    body = {"model": "m", "messages": [{"role": "user", "content": f"😀 Zoë pays with {CARD}"}]}
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    masked = "😀 [PERSON] pays with **** **** **** 1111"
    assert json.loads(received[0])["messages"][0]["content"] == masked
    assert answer.json()["messages"][0]["content"] == masked
    assert {question["direction"] for question in questions} == {"request", "response"}


@pytest.mark.skipif(not PRESIDIO, reason="tests/run installs Presidio")
def test_presidio_is_a_second_opinion(proxied):
    server = pathlib.Path(__file__).with_name("presidio_server.py")
    process = subprocess.Popen([PRESIDIO, server], stdout=subprocess.PIPE, text=True)
    try:
        port = int(process.stdout.readline())
        table = (
            f'[[external]]\nname = "presidio"\nkind = "presidio"\nurl = "http://127.0.0.1:{port}"\ntimeout = "60s"\nthreshold = 50\n'
            'entities = ["STARSHIP"]'
        )
        rules = 'version = 1\npacks = ["pci"]\n[actions]\nPERSON = "mask"\nEMAIL = "mask-domain"\n'
        client, received = proxied(table, '"presidio"', rules=rules)
        body = {
            "model": "m",
            "messages": [
                {"role": "user", "content": f'😀 "Zoë Müller" pays\twith {CARD}, IBAN GB33BUKB20201555555555'},
                {"role": "user", "content": "Jane Doe flies the Heart of Gold, writes from jane@example.com"},
                {"role": "user", "content": "nothing of this is anybody's"},
            ],
        }
        answer = client.post("/v1/chat/completions", json=body)
        assert answer.status_code == 200, answer.text
        sent = json.loads(received[0])["messages"]
        assert sent[0]["content"].startswith('😀 "*** ******" pays\twith **** **** **** 1111, IBAN ')
        assert "GB33BUKB" not in sent[0]["content"] and "[IBAN]" in sent[0]["content"]
        assert sent[1]["content"].startswith("**** *** flies the [STARSHIP], writes from ")
        assert "@example.com" not in sent[1]["content"] and "jane@" in sent[1]["content"]
        assert sent[2] == body["messages"][2]
        # One text alone, which is asked about as a string.
        client.post("/plain", content="Jane Doe", headers={"Content-Type": "text/plain"})
        assert received[1] == b"**** ***"
    finally:
        process.terminate()
        process.wait(30)


CICAP_CONFIG = """
PidFile {folder}/c-icap.pid
CommandsSocket {folder}/c-icap.ctl
Timeout 30
MaxKeepAliveRequests 100
KeepAliveTimeout 60
StartServers 1
MaxServers 2
MinSpareThreads 2
MaxSpareThreads 4
ThreadsPerChild 4
MaxRequestsPerChild 0
Port 127.0.0.1:{port}
ServerAdmin nobody@example.com
ServerName icap.example
TmpDir {folder}
DebugLevel 1
Pipelining on
ModulesDir {modules}
ServicesDir {modules}
TemplateDir {templates}
TemplateDefaultLanguage en
LoadMagicFile {magic}
ServerLog {folder}/server.log
AccessLog {folder}/access.log
Service echo srv_echo.so
Service partial srv_ex206.so
Service filter srv_content_filtering.so
srv_content_filtering.Match Codename body /PROJECT-ZEBRAS/ig score=10
srv_content_filtering.Match Rename body /(PROJECT-)(HORSES)/ig score=1 info{{New}}=$1PONIES
srv_content_filtering.Profile default block score{{Codename>5}}
srv_content_filtering.Profile default replace score{{Rename>0}} replaceInfo=New
Service urls srv_url_check.so
url_check.LookupTableDB denied host hash:{folder}/denied "Denied"
url_check.Profile default block denied
url_check.Profile default pass ALL
"""


@pytest.fixture
def cicap(tmp_path_factory):
    """A running c-icap; its port."""
    folder = tmp_path_factory.mktemp("cicap")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = pathlib.Path(CICAP).resolve().parent.parent
    modules = next(root.glob("lib/*/c_icap"))
    config = folder / "c-icap.conf"
    (folder / "denied").write_text("localhost\n")
    config.write_text(
        CICAP_CONFIG.format(
            folder=folder,
            port=port,
            modules=modules,
            templates=root / "share/c_icap/templates/",
            magic=next(path for path in (root.parent / "etc/c-icap/c-icap.magic", pathlib.Path("/etc/c-icap/c-icap.magic")) if path.exists()),
        )
    )
    process = subprocess.Popen([CICAP, "-N", "-f", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(3000):
            assert process.poll() is None, (folder / "server.log").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            threading.Event().wait(0.01)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def icap(port, service, more=""):
    return f'[[external]]\nname = "{service}"\nkind = "icap"\nurl = "icap://127.0.0.1:{port}/{service}"\ntimeout = "20s"\n{more}\n'


@pytest.mark.skipif(not CICAP, reason="tests/run installs c-icap")
def test_c_icap_lets_bodies_go_on(proxied, cicap):
    client, received = proxied(icap(cicap, "echo", 'preview = "64B"\ncache = { entries = 0 }'), '"echo"', '"echo"')
    # Under the preview, at its end, above it, and over several reads.
    for length in (1, 63, 64, 65, 5000, 700_000):
        body = "".join(chr(97 + place % 26) for place in range(length)).encode()
        answer = client.post("/", content=body, headers={"Content-Type": "text/plain"})
        assert (answer.status_code, answer.content == body) == (200, True), (length, answer.text[:200])
    coded = gzip.compress(f"words and {CARD}".encode())
    answer = client.post("/", content=coded, headers={"Content-Type": "text/plain", "Content-Encoding": "gzip"})
    assert gzip.decompress(received[-1]) == b"words and **** **** **** 1111"


@pytest.mark.skipif(not CICAP, reason="tests/run installs c-icap")
def test_c_icap_refuses_requests_by_their_target(proxied, cicap):
    client, received = proxied(icap(cicap, "urls"), '"urls"')
    refused = client.post("/", content=b"wwwww", headers={"Content-Type": "text/plain"})
    assert refused.status_code == 403, refused.text
    assert (refused.json()["code"], refused.json()["rule"]) == ("external", "external.urls")
    # It answers before it has read what is long, and may reset the connection: then its answer is not whole.
    refused = client.post("/", content=b"w" * 700_000, headers={"Content-Type": "text/plain"})
    assert refused.status_code in (403, 503), refused.text
    assert received == []


@pytest.mark.skipif(not CICAP, reason="tests/run installs c-icap")
def test_c_icap_refuses_and_changes_requests(proxied, cicap):
    client, received = proxied(icap(cicap, "filter"), '"filter"')
    clean = client.post("/", content="clean words", headers={"Content-Type": "text/plain"})
    assert (clean.status_code, clean.text) == (200, "clean words")
    refused = client.post("/", content="about PROJECT-ZEBRAS", headers={"Content-Type": "text/plain"})
    assert refused.status_code == 403, refused.text
    assert (refused.json()["code"], refused.json()["rule"]) == ("external", "external.filter")
    assert received == [b"clean words"] and "ZEBRAS" not in refused.text
    changed = client.post("/", content="about PROJECT-HORSES here", headers={"Content-Type": "text/plain"})
    assert (changed.status_code, changed.text) == (200, "about PROJECT-PONIES here")


@pytest.mark.skipif(not CICAP, reason="tests/run installs c-icap")
@pytest.mark.parametrize("said, status, wanted", [
    (b"it is clean", 200, "it is clean"),
    (b"it is PROJECT-ZEBRAS", 403, None),
    (b"it is PROJECT-HORSES here", 200, "it is PROJECT-PONIES here"),
])
def test_c_icap_refuses_and_changes_answers(proxied, cicap, said, status, wanted):
    client, _ = proxied(icap(cicap, "filter"), "", '"filter"', answer=said)
    answer = client.post("/", content="tell me", headers={"Content-Type": "text/plain"})
    assert answer.status_code == status, answer.text
    if wanted is None:
        assert answer.json()["code"] == "external" and "ZEBRAS" not in answer.text
    else:
        assert answer.text == wanted


@pytest.mark.skipif(not CICAP, reason="tests/run installs c-icap")
def test_c_icap_leaves_the_rest_of_an_answer_to_us(proxied, cicap):
    # Its own example of 206: a comment behind <html>, and the page from there on as it was sent.
    page = b"<html><head><title>a</title></head><body>" + b"<p>words</p>" * 20_000 + b"</body></html>"
    client, _ = proxied(icap(cicap, "partial"), "", '"partial"', answer=page)
    answer = client.post("/", content="tell me", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 200, answer.text
    begin, comment, end = answer.content.partition(b"<!--A simple comment added by the  ex206 C-ICAP service-->\n\n")
    assert comment and begin.strip() + end == page


@pytest.mark.skipif(not CICAP, reason="tests/run installs c-icap")
def test_a_service_that_c_icap_does_not_have_is_no_verdict(proxied, cicap):
    client, received = proxied(icap(cicap, "nothing"), '"nothing"')
    refused = client.post("/", content="words", headers={"Content-Type": "text/plain"})
    assert (refused.status_code, refused.json()["code"]) == (503, "external_unavailable")
    assert received == []
