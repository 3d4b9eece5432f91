"""The audit log that `serve` writes, against a verifier of its own: same verdicts, while it is attacked and killed."""

import base64
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "audit"))
import verify as second  # noqa: E402

BINARY = os.environ.get("BLACKBAR", "target/debug/blackbar")
LONG = bool(os.environ.get("BLACKBAR_LONG"))


class Echo(threading.Thread):
    """An upstream that answers every POST with 200 and what it was sent."""

    def __init__(self):
        import http.server

        class Answer(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                self.send_response(200)
                self.send_header("content-type", "text/plain")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        super().__init__(daemon=True)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def run(self):
        self.server.serve_forever()


class Proxy:
    """`serve` on a Unix socket, so that every start has the same address."""

    def __init__(self, folder, upstream, durability="os"):
        self.folder = folder
        if not (folder / "certs").exists():
            subprocess.run([BINARY, "certs", "--out", folder / "certs"], check=True, stdout=subprocess.DEVNULL)
        (folder / "blackbar.toml").write_text(
            f"""version = 1
[[listener]]
address = "unix:{folder}/socket"
workspace = "local"
[audit]
directory = "audit"
signing_key = "certs/audit.key"
durability = "{durability}"
[[workspace]]
name = "local"
[[route]]
name = "echo"
path = "/"
upstream = "{upstream}"
"""
        )
        self.log = folder / "audit"
        self.process = None

    def start(self, shell=""):
        command = f"{shell} exec {BINARY} serve --config {self.folder}/blackbar.toml"
        self.process = subprocess.Popen(["bash", "-c", command], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "listening" in line:
                threading.Thread(target=self.process.stderr.read, daemon=True).start()
                return
        raise AssertionError("serve did not start")

    def client(self):
        transport = httpx.HTTPTransport(uds=str(self.folder / "socket"))
        return httpx.Client(transport=transport, base_url="http://localhost", timeout=30)

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(60)

    def exchanges(self):
        """Records of exchanges by request id."""
        found = {}
        for path in sorted(self.log.glob("audit-*.jsonl")):
            for line in path.read_bytes().split(b"\n")[:-1]:
                record = json.loads(line)
                if record["kind"] == "exchange":
                    assert record["req"] not in found
                    found[record["req"]] = record
        return found


@pytest.fixture
def upstream():
    echo = Echo()
    echo.start()
    yield echo.url
    echo.server.shutdown()


def first_verdict(folder):
    ran = subprocess.run([BINARY, "audit", "verify", folder, "--json"], capture_output=True, text=True)
    assert ran.returncode in (0, 1), ran.stderr
    return json.loads(ran.stdout)


def verdicts(folder):
    """What both verifiers say, which must be the same."""
    first = first_verdict(folder)
    try:
        other = second.verify(folder)
    except (second.Broken, KeyError, TypeError, ValueError, IndexError):
        assert first["status"] == "broken", first
        return None
    assert first["status"] == "ok", first
    for name in ("records", "unsealed", "head", "root"):
        assert first[name] == other[name], name
    return other


def test_two_verifiers_agree(tmp_path, upstream):
    proxy = Proxy(tmp_path, upstream)
    proxy.start()
    with proxy.client() as client:
        for number in range(60):
            answer = client.post("/", content=f"message {number} to jane@example.com é \u202e", headers={"content-type": "text/plain"})
            assert answer.status_code == 200
            assert answer.headers["x-request-id"] in proxy.exchanges()
    assert proxy.end() == 0
    clean = verdicts(proxy.log)
    assert clean and clean["unsealed"] == 0 and clean["records"] >= 63
    segment, notes = next(proxy.log.glob("audit-*.jsonl")), next(proxy.log.glob("*.ckpt"))
    dice = random.Random(7)
    for path in (segment, notes, proxy.log / "genesis.json"):
        whole = path.read_bytes()
        for _ in range(300 if LONG else 12):
            at = dice.randrange(len(whole))
            path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << dice.randrange(7))]) + whole[at + 1 :])
            said = verdicts(proxy.log)
            assert said is None or said["torn"], f"{path.name} at {at}"
        path.write_bytes(whole)
    assert verdicts(proxy.log) == clean
    key = json.loads((proxy.log / "genesis.json").read_text())["key"]
    assert len(base64.b64decode(key)) == 32
    assert second.verify(proxy.log, key) == clean
    with pytest.raises(second.Broken):
        second.verify(proxy.log, key[::-1])


def test_a_killed_proxy_leaves_a_log_with_every_answer_in_it(tmp_path, upstream):
    dice = random.Random(11)
    for durability in ("os", "disk"):
        folder = tmp_path / durability
        folder.mkdir()
        proxy = Proxy(folder, upstream, durability)
        answered = set()
        for _ in range(100 if LONG else 4):
            proxy.start()
            stopped = threading.Event()

            def ask():
                with contextlib.suppress(httpx.HTTPError), proxy.client() as client:
                    while not stopped.is_set():
                        answer = client.post("/", content="hello", headers={"content-type": "text/plain"})
                        if answer.status_code == 200:
                            answered.add(answer.headers["x-request-id"])

            clients = [threading.Thread(target=ask) for _ in range(4)]
            for client in clients:
                client.start()
            before, deadline = len(answered), time.monotonic() + 30
            while len(answered) < before + 5 and time.monotonic() < deadline:
                time.sleep(0.001)
            # Somewhere in what they are at.
            time.sleep(dice.uniform(0, 0.05))
            proxy.end(signal.SIGKILL)
            stopped.set()
            for client in clients:
                client.join()
            assert first_verdict(proxy.log)["status"] == "ok"
        proxy.start()
        with proxy.client() as client:
            # It takes signals once it serves.
            assert client.post("/", content="hello").status_code == 200
        assert proxy.end() == 0
        said = verdicts(proxy.log)
        assert said and said["unsealed"] == 0 and not said["torn"]
        assert len(answered) >= 20 and answered <= proxy.exchanges().keys()


@pytest.mark.skipif(not shutil.which("prlimit"), reason="util-linux is not there")
def test_a_full_disk_refuses_and_recovers(tmp_path, upstream):
    proxy = Proxy(tmp_path, upstream)
    # A file may not grow beyond this: the same to the log as a disk that is full.
    proxy.start("trap '' XFSZ; ulimit -S -f 40;")
    answered, refused = set(), 0
    with proxy.client() as client:
        post = lambda: client.post("/", content="hello", headers={"content-type": "text/plain"})  # noqa: E731
        for _ in range(300):
            with contextlib.suppress(httpx.HTTPError):
                answer = post()
                if answer.status_code == 200:
                    assert not refused, "nothing is served while the log is full"
                    answered.add(answer.headers["x-request-id"])
                else:
                    assert answer.status_code == 503 and answer.json()["code"] == "audit_unavailable"
                    refused += 1
        assert answered and refused
        subprocess.run(["prlimit", "--pid", str(proxy.process.pid), "--fsize=unlimited"], check=True)
        deadline = time.monotonic() + 20
        while (answer := post()).status_code != 200:
            assert time.monotonic() < deadline
        answered.add(answer.headers["x-request-id"])
    assert proxy.end() == 0
    said = verdicts(proxy.log)
    assert said and said["unsealed"] == 0
    assert answered <= proxy.exchanges().keys()
    text = b"".join(path.read_bytes() for path in proxy.log.glob("*.jsonl"))
    assert b'"kind":"recovered"' in text


def test_two_verifiers_follow_a_key_that_gives_way(tmp_path, upstream):
    proxy = Proxy(tmp_path, upstream)
    proxy.start()
    with proxy.client() as client:
        post = lambda: client.post("/", content="hello", headers={"content-type": "text/plain"}).status_code  # noqa: E731
        rotate = [BINARY, "audit", "rotate-key", "--config", tmp_path / "blackbar.toml"]
        assert post() == 200
        subprocess.run(rotate, check=True, stdout=subprocess.DEVNULL)
        assert post() == 200
    assert proxy.end() == 0
    subprocess.run(rotate, check=True, stdout=subprocess.DEVNULL)
    clean = verdicts(proxy.log)
    assert clean and clean["unsealed"] == 0
    path = proxy.log / "keys.jsonl"
    whole = path.read_bytes()
    changes = [json.loads(line) for line in whole.splitlines()]
    assert len(changes) == 2
    first = json.loads((proxy.log / "genesis.json").read_text())["key"]
    for key in (first, changes[0]["new"], changes[1]["new"]):
        assert second.verify(proxy.log, key) == clean
    with pytest.raises(second.Broken):
        second.verify(proxy.log, base64.b64encode(bytes(31) + b"\1").decode())
    # Without the file the records tell; what is changed in it, or stands in it alone, is found.
    path.unlink()
    assert verdicts(proxy.log) == clean
    dice = random.Random(5)
    for _ in range(200 if LONG else 12):
        at = dice.randrange(len(whole))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << dice.randrange(7))]) + whole[at + 1 :])
        assert verdicts(proxy.log) is None, at
    for forged in (whole + whole, whole[:-1], whole.splitlines(keepends=True)[1]):
        path.write_bytes(forged)
        assert verdicts(proxy.log) is None
    path.write_bytes(whole)
    segment = next(proxy.log.glob("audit-*.jsonl"))
    text = segment.read_bytes()
    segment.write_bytes(text.replace(b'"kind":"key_rotate"', b'"kind":"admin"', 1))
    assert verdicts(proxy.log) is None
    segment.write_bytes(text)
    assert verdicts(proxy.log) == clean
