"""The upstreams: one server on loopback, with a vendor's API under each first segment of a path.

It remembers every request, and says what the test told it to say: `Said`. A vendor's module has a function `answer` that
takes the request and what is to be said, and returns a `Whole` or a `Stream`. The parts of a stream are flushed one by one.
"""

import base64
import gzip
import http.server
import json
import re
import sys
import threading
import traceback
import urllib.parse
import zlib
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP

import cramjam
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from .push import PushRequest

# Headers that are of one connection, or that tell two ways apart, and not of the message.
OF_THE_WAY = {"host", "connection", "transfer-encoding", "content-length", "accept-encoding", "via", "x-request-id", "te", "keep-alive", "expect"}

# Members of JSON whose values are bytes: those of Kafka's records and Chronicle's raw logs.
BYTES = re.compile(r'"(key|value|data)": ?"([A-Za-z0-9+/]+=*)"')


def opened(member):
    """Such a member with what it says. Asterisks fill up a group of base64 whose value has become shorter: two here."""
    said = base64.b64decode(member[2], validate=True).decode("utf-8", "surrogateescape")
    return f"{member[1]}: {said.replace('@*****', '@***')}"


@dataclass
class Request:
    method: str
    path: str
    query: str
    headers: dict
    body: bytes

    @property
    def text(self):
        """The body without its coding; protobuf as messages read it, bytes in JSON as what they say."""
        if self.headers.get("content-type") == "application/x-protobuf":
            return MessageToJson(self.message, ensure_ascii=False)
        text = self.content.decode("utf-8", "surrogateescape")
        if self.headers.get("content-type") == "application/vnd.kafka.v1+json" or self.path.endswith("/logs:import"):
            return BYTES.sub(opened, text)
        return text

    @property
    def message(self):
        """Spans in OpenTelemetry's own messages, what Loki is pushed in one block of snappy."""
        if self.path == "/loki/api/v1/push":
            return PushRequest.FromString(bytes(cramjam.snappy.decompress_raw(self.content)))
        return ExportTraceServiceRequest.FromString(self.content)

    @property
    def content(self):
        coding = self.headers.get("content-encoding", "identity")
        if coding == "gzip":
            return gzip.decompress(self.body)
        if coding == "deflate":
            return zlib.decompress(self.body)
        if coding == "zstd":
            import zstandard

            return zstandard.ZstdDecompressor().decompressobj().decompress(self.body)
        assert coding == "identity", coding
        return self.body

    @property
    def json(self):
        return json.loads(self.content)

    @property
    def parts(self):
        """The parts of a multipart body: their heads and their contents."""
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        message = BytesParser(policy=HTTP).parsebytes(head + self.content)
        parts = message.iter_parts()
        return [({name.lower(): value for name, value in part.items()}, part.get_payload(decode=True)) for part in parts]

    @property
    def boundary(self):
        kind, _, rest = self.headers.get("content-type", "").partition("boundary=")
        return rest.strip('"') if kind.startswith("multipart/") else ""

    def as_sent(self):
        """All that the test compares: what was sent, but for what is of the way it took."""
        headers = {name: value for name, value in sorted(self.headers.items()) if name not in OF_THE_WAY}
        text = f"{self.method} {self.path}?{self.query}\n{json.dumps(headers, indent=1)}\n\n{self.text}"
        return text.replace(self.boundary, "BOUNDARY") if self.boundary else text


@dataclass
class Said:
    """What the upstreams say."""

    text: str = "hello"
    reasoning: str = ""
    arguments: str = ""
    status: int = 200
    # The letters of a delta.
    size: int = 3
    # After how many parts a stream breaks off.
    cut: int | None = None
    # Whatever else a module is told.
    more: dict = field(default_factory=dict)
    # From which character to which its citations go.
    cites: tuple = (0, 4)

    @property
    def cited_bytes(self):
        return [len(self.text[:at].encode()) for at in self.cites]

    def deltas(self, text):
        return [text[at : at + self.size] for at in range(0, len(text), self.size)]


@dataclass
class Whole:
    body: object
    status: int = 200
    kind: str = "application/json"
    headers: dict = field(default_factory=dict)

    @property
    def content(self):
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Stream:
    parts: object
    kind: str = "text/event-stream; charset=utf-8"


def event(data, name=None):
    """An event of a stream."""
    data = data if isinstance(data, str) else json.dumps(data)
    return f"event: {name}\ndata: {data}\n\n" if name else f"data: {data}\n\n"


class Upstreams(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = False

    def __init__(self, vendors):
        super().__init__(("127.0.0.1", 0), Handler)
        self.vendors = vendors
        self.received = []
        self.said = Said()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def everything_received(self):
        return "\n".join(request.as_sent() for request in self.received)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # a client that has gone
            traceback.print_exc()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def any(self):
        if self.headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
        target = urllib.parse.urlsplit(self.path)
        _, vendor, path = target.path.split("/", 2)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, "/" + path, target.query, headers, body)
        self.server.received.append(request)
        answer = self.server.vendors[vendor](request, self.server.said)
        if isinstance(answer, Stream):
            self.stream(answer)
        else:
            self.whole(answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = any

    def whole(self, answer):
        content = answer.content
        self.send_response(answer.status)
        if answer.status != 204:
            self.send_header("content-type", answer.kind)
            self.send_header("content-length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def stream(self, answer):
        self.send_response(200)
        self.send_header("content-type", answer.kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for at, part in enumerate(answer.parts):
            if at == self.server.said.cut:
                self.close_connection = True
                return
            data = part if isinstance(part, bytes) else part.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
