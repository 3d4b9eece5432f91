"""AWS Bedrock's runtime, as far as tests need it: it checks every signature with botocore's own signer, and remembers every
request.

Answers are decided by the test: the text stands in `Bedrock.reply`, a thought in `reasoning`, a tool's input in
`arguments`. Streams go out in deltas of three characters, so that every value is split.
"""

import base64
import binascii
import http.server
import json
import struct
import threading
import urllib.parse

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SIGNATURE = "EqoBCkgIAhABGAIiQL2m8Q1d7aTqZQ0xY3mN5n9v6k4pWw8cB1rTz0s5uVXyZgAbCdEfGhIjKlMnOpQrStUvWxYz=="
PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def frame(headers, payload):
    section = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(section) + len(payload), len(section))
    message = prelude + struct.pack("!I", binascii.crc32(prelude)) + section + payload
    return message + struct.pack("!I", binascii.crc32(message))


def event(kind, data):
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps(data).encode())


def exception(kind, message):
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps({"message": message}).encode())


def deltas(text, size=3):
    return [text[at : at + size] for at in range(0, len(text), size)]


class Bedrock(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        # Made up, and in no form that a scanner takes for a real one.
        self.key_id, self.key, self.token = "AKIDEXAMPLE", "not-a/real+key" * 3, "not-a-real-token"
        self.reset()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def reset(self):
        self.received = []
        self.reply, self.reasoning, self.arguments = "hello", "", ""
        self.error = None
        self.ending = b""
        self.damaged = False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def everything_received(self):
        """What was sent, as it came, with JSON escapes opened, and with base64 opened."""
        parts = []
        for _, headers, body in self.received:
            parts += [str(headers), body.decode("utf-8", "replace")]
            opened = [json.loads(body)] if body else []
            while opened:
                value = opened.pop()
                if isinstance(value, dict):
                    opened += list(value) + list(value.values())
                elif isinstance(value, list):
                    opened += value
                else:
                    parts.append(str(value))
                    try:
                        parts.append(base64.b64decode(str(value), validate=True).decode())
                    except ValueError:
                        pass
        return "\n".join(parts)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.received.append((self.path, dict(self.headers), body))
        problem = self.signature_problem(body)
        if problem:
            return self.refuse(403, "InvalidSignatureException", problem)
        if self.server.error:
            return self.refuse(*self.server.error)
        _, _, model, operation = self.path.split("/")
        request = json.loads(body)
        {
            "converse": self.converse,
            "converse-stream": self.converse_stream,
            "invoke": self.invoke,
            "invoke-with-response-stream": self.invoke_stream,
            "count-tokens": self.count_tokens,
        }[operation](urllib.parse.unquote(model), request)

    def signature_problem(self, body):
        """None where botocore's signer, with our key, gives the signature that the request has."""
        scheme, _, rest = self.headers.get("authorization", "").partition(" ")
        if scheme != "AWS4-HMAC-SHA256":
            return "no signature"
        parts = dict(part.split("=", 1) for part in rest.split(", "))
        key_id, _, region, service, _ = parts["Credential"].split("/")
        if key_id != self.server.key_id:
            return f"whose key is {key_id}?"
        names = parts["SignedHeaders"].split(";")
        missing = {"host", "x-amz-date"} | {name for name in map(str.lower, self.headers) if name.startswith("x-amz-")}
        if missing - set(names):
            return f"not signed: {missing - set(names)}"
        token = self.headers.get("x-amz-security-token")
        if token not in (None, self.server.token):
            return "a foreign token"
        headers = {name: self.headers[name] for name in names}
        request = AWSRequest(self.command, f"{self.server.url}{self.path}", headers=headers, data=body)
        request.context["timestamp"] = self.headers["x-amz-date"]
        signer = SigV4Auth(Credentials(self.server.key_id, self.server.key, token), service, region)
        canonical = signer.canonical_request(request)
        expected = signer.signature(signer.string_to_sign(request, canonical), request)
        return None if expected == parts["Signature"] else f"expected another signature over {canonical!r}"

    def refuse(self, status, kind, message):
        body = json.dumps({"message": message}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("x-amzn-errortype", f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, frames):
        self.send_response(200)
        self.send_header("content-type", "application/vnd.amazon.eventstream")
        self.send_header("x-amzn-bedrock-content-type", "application/json")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        frames = list(frames)
        if self.server.damaged:
            frames[-3] = frames[-3][:-6] + bytes([frames[-3][-6] ^ 1]) + frames[-3][-5:]
        if self.server.ending:
            frames[-2:] = [self.server.ending]
        for one in frames:
            # Cut anywhere: frames and chunks have nothing to do with each other.
            for piece in (one[:7], one[7:]):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def converse(self, model, request):
        server = self.server
        content = [{"text": server.reply}]
        if server.reasoning:
            thought = {"text": server.reasoning, "signature": SIGNATURE}
            content.insert(0, {"reasoningContent": {"reasoningText": thought}})
        if server.arguments:
            tool = {"toolUseId": "tooluse_1", "name": "send", "input": json.loads(server.arguments)}
            content.append({"toolUse": tool})
        self.answer(
            {
                "output": {"message": {"role": "assistant", "content": content}},
                "stopReason": "tool_use" if server.arguments else "end_turn",
                "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
                "metrics": {"latencyMs": 1},
            }
        )

    def converse_stream(self, model, request):
        server = self.server

        def delta(index, value):
            return event("contentBlockDelta", {"contentBlockIndex": index, "delta": value, "p": PADDING[: 3 + index]})

        def frames():
            yield event("messageStart", {"role": "assistant", "p": PADDING[:9]})
            at = 0
            if server.reasoning:
                for part in deltas(server.reasoning):
                    yield delta(at, {"reasoningContent": {"text": part}})
                yield delta(at, {"reasoningContent": {"signature": SIGNATURE}})
                yield event("contentBlockStop", {"contentBlockIndex": at})
                at += 1
            for part in deltas(server.reply):
                yield delta(at, {"text": part})
            yield event("contentBlockStop", {"contentBlockIndex": at})
            if server.arguments:
                tools = [at + 1, at + 2]
                for index in tools:
                    start = {"toolUse": {"toolUseId": f"tooluse_{index}", "name": "send"}}
                    yield event("contentBlockStart", {"contentBlockIndex": index, "start": start})
                for part in deltas(server.arguments):
                    for index in tools:
                        yield delta(index, {"toolUse": {"input": part}})
                for index in tools:
                    yield event("contentBlockStop", {"contentBlockIndex": index})
            yield event("messageStop", {"stopReason": "tool_use" if server.arguments else "end_turn"})
            usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
            yield event("metadata", {"usage": usage, "metrics": {"latencyMs": 1}})

        self.stream(frames())

    def invoke(self, model, request):
        reply = self.server.reply
        if "anthropic" in model:
            content = [{"type": "text", "text": reply}]
            self.answer({"type": "message", "role": "assistant", "content": content, "stop_reason": "end_turn"})
        elif "titan" in model:
            result = {"tokenCount": 1, "outputText": reply, "completionReason": "FINISH"}
            self.answer({"inputTextTokenCount": 1, "results": [result]})
        else:
            self.answer({"generation": reply, "prompt_token_count": 1, "stop_reason": "stop"})

    def invoke_stream(self, model, request):
        reply = self.server.reply
        if "anthropic" in model:
            start = {"type": "message", "role": "assistant", "content": []}
            block = {"type": "content_block_delta", "index": 0}
            events = [{"type": "message_start", "message": start}]
            events.append({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
            events += [dict(block, delta={"type": "text_delta", "text": part}) for part in deltas(reply)]
            events += [{"type": "content_block_stop", "index": 0}, {"type": "message_stop"}]
        elif "titan" in model:
            events = [{"outputText": part, "index": 0, "completionReason": None} for part in deltas(reply)]
            events.append({"outputText": "", "index": 0, "completionReason": "FINISH"})
        else:
            events = [{"generation": part, "stop_reason": None} for part in deltas(reply)]
            events.append({"generation": "", "stop_reason": "stop"})

        def chunk(value):
            inside = base64.b64encode(json.dumps(value).encode()).decode()
            return event("chunk", {"bytes": inside, "p": PADDING[:11]})

        self.stream(chunk(value) for value in events)

    def count_tokens(self, model, request):
        self.answer({"inputTokens": 7})
