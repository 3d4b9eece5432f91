"""rsyslog and syslog-ng, as Debian builds them, through the proxy: syslog over TLS with client certificates to a sink over TLS,
rsyslog's omelasticsearch and syslog-ng's http() over HTTP.

`BLACKBAR_SENDERS` is the folder that `tests/run` unpacked them into.
"""

import glob
import http.server
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest
from planted import FORBIDDEN, PLAIN, SAFE, TEXT, clean

ROOT = pathlib.Path(os.environ.get("BLACKBAR_SENDERS", "/nowhere"))
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="tests/run unpacks the senders")

PLAIN_LINE = PLAIN.replace("\n\t", " ")
LINES = ["first", TEXT, f"no {FORBIDDEN} here", PLAIN_LINE, json.dumps({"note": TEXT}), "last"]
WANTED = ["first", SAFE, PLAIN_LINE, json.dumps({"note": SAFE}), "last"]

CONFIG = """
version = 1
[[listener]]
address     = "127.0.0.1:0"
certificate = "server.crt"
private_key = "server.key"
client_ca   = "ca.crt"
protocol    = "syslog"
upstream    = "tls://localhost:{siem}"
upstream_ca = "ca.crt"

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
name     = "elastic"
path     = "/"
upstream = "http://127.0.0.1:{http}"
"""

RULES = """
version = 1
packs = ["default"]

[[rule]]
id       = "acme.codename"
entity   = "CODENAME"
pattern  = 'PROJECT-[A-Z]{6}'
action   = "block"
"""


class Siem:
    """Takes syslog over TLS and remembers every byte."""

    def __init__(self, folder):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.crt", folder / "server.key")
        self.received = b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

        def serve(plain):
            try:
                with context.wrap_socket(plain, server_side=True) as stream:
                    while piece := stream.recv(65536):
                        self.received += piece
            except OSError:
                pass

        def accept():
            while True:
                try:
                    plain, _ = self.listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(plain,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()


class Http:
    """Takes bulks and what else is posted, and answers as Elasticsearch does."""

    def __init__(self):
        self.received = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, body):
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                self.answer(b"{}")

            do_HEAD = do_GET

            def do_POST(self):
                body = self.body()
                outer.received.append((self.path, self.headers.get("content-type"), body))
                items = [{"index": {"_index": "logs", "status": 201}}] * (body.count(b"\n") // 2)
                self.answer(json.dumps({"took": 1, "errors": False, "items": items}).encode())

            def body(self):
                if self.headers.get("transfer-encoding") != "chunked":
                    return self.rfile.read(int(self.headers["content-length"]))
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    binary = os.environ["BLACKBAR"]
    folder = tmp_path_factory.mktemp("syslog")
    certificates = [binary, "certs", "--out", folder, "--client", "one", "--san", "uri:spiffe://acme.example/agent/one"]
    subprocess.run(certificates, check=True, capture_output=True)
    siem, sink = Siem(folder), Http()
    (folder / "blackbar.toml").write_text(CONFIG.format(siem=siem.port, http=sink.port))
    (folder / "acme.toml").write_text(RULES)
    process = subprocess.Popen(
        [binary, "serve", "--config", folder / "blackbar.toml"], stderr=subprocess.PIPE, text=True, cwd=folder
    )
    log, ports = [], []
    for line in process.stderr:
        log.append(line)
        ports += [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", line)]
        if len(ports) == 2:
            break
    assert len(ports) == 2, "".join(log)
    threading.Thread(target=lambda: log.extend(process.stderr), daemon=True).start()
    yield {"folder": folder, "siem": siem, "sink": sink, "syslog": ports[0], "http": ports[1], "log": log}
    process.terminate()
    assert process.wait(40) == 0
    clean("".join(log))


def libraries():
    folders = {os.path.dirname(path) for path in glob.glob(f"{ROOT}/**/*.so*", recursive=True)}
    return dict(os.environ, LD_LIBRARY_PATH=":".join(sorted(folders)))


def wait(done):
    """What `done` gives once that is something."""
    for _ in range(300):
        if found := done():
            return found
        time.sleep(0.1)
    raise AssertionError("nothing came")


class Sender:
    """A daemon that runs until the end of a `with`."""

    def __init__(self, command, cwd):
        self.command, self.cwd = command, cwd

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, cwd=self.cwd, env=libraries(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        return self

    def __exit__(self, *failure):
        self.process.terminate()
        output, _ = self.process.communicate(timeout=20)
        if failure[0]:
            print(output.decode("utf-8", "replace"))


def rsyslog(folder, action):
    """rsyslogd with `action` for every line of a file."""
    [modules] = glob.glob(f"{ROOT}/usr/lib/*/rsyslog")
    (folder / "in.log").write_text("".join(f"{line}\n" for line in LINES))
    (folder / "rsyslog.conf").write_text(f"""
global(workDirectory="{folder}" maxMessageSize="64k"
       defaultNetstreamDriverCAFile="{folder}/ca.crt"
       defaultNetstreamDriverCertFile="{folder}/one.crt" defaultNetstreamDriverKeyFile="{folder}/one.key"
       parser.escapeControlCharactersOnReceive="off")
module(load="imfile" mode="polling" pollingInterval="1")
input(type="imfile" File="{folder}/in.log" Tag="shop:" Severity="info" Facility="local0")
{action}
""")
    command = [ROOT / "usr/sbin/rsyslogd", "-n", "-f", folder / "rsyslog.conf", "-i", folder / "rsyslog.pid", "-M", modules]
    return Sender(command, folder)


def syslog_ng(folder, destination):
    """syslog-ng with `destination` for every line of a file."""
    [modules] = glob.glob(f"{ROOT}/usr/lib/syslog-ng/3.*")
    (folder / "in.log").write_text("".join(f"{line}\n" for line in LINES))
    (folder / "syslog-ng.conf").write_text(f"""@version: 3.38
options {{ stats-freq(0); }};
source in {{ file("{folder}/in.log" follow-freq(0.1) flags(no-parse)); }};
destination out {{ {destination} }};
log {{ source(in); destination(out); }};
""")
    command = [
        ROOT / "usr/sbin/syslog-ng", "-F", "--no-caps", "-f", folder / "syslog-ng.conf", "-R", folder / "persist",
        "-p", folder / "syslog-ng.pid", "-c", folder / "syslog-ng.ctl", f"--module-path={modules}",
    ]  # fmt: skip
    return Sender(command, folder)


@pytest.fixture
def home(proxy, tmp_path):
    """A folder with the client's files, and sinks that have nothing yet."""
    for name in ("ca.crt", "one.crt", "one.key"):
        (tmp_path / name).write_bytes((proxy["folder"] / name).read_bytes())
    proxy["siem"].received = b""
    proxy["sink"].received.clear()
    return tmp_path


def counted(stream):
    """The messages of a stream of counted ones; what is not whole is left out."""
    messages = []
    while found := re.match(rb"([1-9]\d*) ", stream):
        length = int(found.group(1))
        message, stream = stream[found.end() :][:length], stream[found.end() + length :]
        if len(message) < length:
            break
        messages.append(message.decode())
    return messages


def texts(messages):
    """What each message says, behind a header that is as it should be."""
    header = re.compile(r"<134?\d?>(?:1 \S+ \S+ \S+ \S+ \S+ (?:-|\[.*?\]) |\S{3} [ \d]\d \S+ \S+ |\S+ \S+ )(?:shop: ?)?(?:\ufeff)?")
    found = [header.match(message) for message in messages]
    assert all(found), messages
    return [message[head.end() :].rstrip("\n") for head, message in zip(found, messages)]


@pytest.mark.parametrize("framing", ["octet-counted", "traditional"])
@pytest.mark.parametrize("template", ["RSYSLOG_SyslogProtocol23Format", "RSYSLOG_ForwardFormat", "RSYSLOG_TraditionalForwardFormat"])
def test_rsyslog(proxy, home, framing, template):
    action = f"""action(type="omfwd" Target="localhost" Port="{proxy["syslog"]}" Protocol="tcp" TCP_Framing="{framing}"
       StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="localhost"
       template="{template}")"""

    def read():
        stream = proxy["siem"].received
        messages = counted(stream) if framing == "octet-counted" else stream.decode().splitlines()
        return messages if messages and messages[-1].rstrip("\n").endswith("last") else None

    with rsyslog(home, action):
        messages = wait(read)
    clean("\n".join(messages))
    assert texts(messages) == WANTED


@pytest.mark.parametrize("driver", ["syslog", "network"])
def test_syslog_ng(proxy, home, driver):
    destination = f"""{driver}("localhost" port({proxy["syslog"]}) transport("tls")
        tls(ca-file("{home}/ca.crt") cert-file("{home}/one.crt") key-file("{home}/one.key") peer-verify(required-trusted)));"""

    def read():
        stream = proxy["siem"].received
        messages = counted(stream) if driver == "syslog" else stream.decode().splitlines()
        return messages if messages and messages[-1].rstrip("\n").endswith("last") else None

    with syslog_ng(home, destination):
        messages = wait(read)
    clean("\n".join(messages))
    assert [any(message.rstrip("\n").endswith(wanted) for message in messages) for wanted in WANTED] == [True] * len(WANTED)
    assert len(messages) == len(WANTED), "the blocked message alone is missing"


def test_rsyslog_omelasticsearch(proxy, home):
    action = f"""module(load="omelasticsearch")
template(name="line" type="list" option.jsonf="on") {{ property(outname="message" name="msg" format="jsonf") }}
action(type="omelasticsearch" server="localhost" serverport="{proxy["http"]}" usehttps="on" bulkmode="on" searchIndex="logs"
       template="line" tls.cacert="{home}/ca.crt" tls.mycert="{home}/one.crt" tls.myprivkey="{home}/one.key")"""

    def sources():
        bodies = [body for path, _, body in proxy["sink"].received if path.endswith("_bulk")]
        lines = [json.loads(line) for body in bodies for line in body.decode().splitlines() if line]
        found = [line["message"].strip() for line in lines if "message" in line]
        return found if found and found[-1] == "last" else None

    with rsyslog(home, action):
        found = wait(sources)
    clean(json.dumps(found, ensure_ascii=False))
    assert found == WANTED


def test_syslog_ng_http(proxy, home):
    destination = f"""http(url("https://localhost:{proxy["http"]}/services/collector/event") method("POST")
        batch-lines(3) batch-timeout(500) delimiter("\\n") body("$(format-json event=$MESSAGE)")
        tls(ca-file("{home}/ca.crt") cert-file("{home}/one.crt") key-file("{home}/one.key") peer-verify(yes)));"""

    def events():
        bodies = [body for path, _, body in proxy["sink"].received if path.startswith("/services")]
        found = [json.loads(line)["event"] for body in bodies for line in body.decode().splitlines() if line]
        return found if found and found[-1] == "last" else None

    with syslog_ng(home, destination):
        found = wait(events)
    clean(json.dumps(found, ensure_ascii=False))
    assert found == WANTED
    assert {kind for _, kind, _ in proxy["sink"].received} == {"application/x-www-form-urlencoded"}
