"""A model provider that speaks OpenAI chat completions and Anthropic Messages, and remembers every byte it was sent.

Streams go out in deltas of three characters, so that every value is split. What it answers is decided by the test: the
text of the reply stands in `Provider.reply`, its kind follows from the request.
"""

import http.server
import json
import threading


def deltas(text, size=3):
    return [text[at : at + size] for at in range(0, len(text), size)]


class Provider(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.received = []
        self.reply = "hello"
        self.reasoning = ""
        self.arguments = ""
        self.choices = 1
        self.status = 200
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def everything_received(self):
        """What was sent, as it came and with JSON escapes opened."""
        raw = b"\n".join(body for _, _, body in self.received)
        parts = [raw.decode("utf-8", "replace")]
        for _, headers, body in self.received:
            parts.append(str(headers))
            try:
                parts.append(json.dumps(json.loads(body), ensure_ascii=False))
            except ValueError:
                pass
        return "\n".join(parts)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        if self.headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.received.append((self.path, dict(self.headers), body))
        try:
            request = json.loads(body)
        except ValueError:
            request = None
        if self.server.status != 200:
            error = {"error": {"message": "no", "type": "invalid_request_error", "code": None, "param": None}}
            self.answer(json.dumps(error).encode(), self.server.status)
        elif not isinstance(request, dict):
            self.answer(b"{}")
        elif self.path.endswith("/messages"):
            self.anthropic(request)
        else:
            self.openai(request)

    def answer(self, body, status=200):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, events):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events:
            data = event.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def openai(self, request):
        server = self.server
        envelope = {"id": "chatcmpl-1", "created": 1763690000, "model": request.get("model", "m")}
        if not request.get("stream"):
            message = {"role": "assistant", "content": server.reply, "refusal": None}
            if server.reasoning:
                message["reasoning_content"] = server.reasoning
            if server.arguments:
                message["tool_calls"] = [
                    {"id": f"call_{n}", "type": "function", "function": {"name": "send", "arguments": server.arguments}}
                    for n in range(2)
                ]
            choices = [
                {"index": index, "message": message, "logprobs": None, "finish_reason": "stop"}
                for index in range(server.choices)
            ]
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            body = dict(envelope, object="chat.completion", choices=choices, usage=usage)
            self.answer(json.dumps(body).encode())
            return

        def chunk(index, delta, finish=None):
            choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
            return "data: %s\n\n" % json.dumps(dict(envelope, object="chat.completion.chunk", choices=[choice]))

        def events():
            every = range(server.choices)
            for index in every:
                yield chunk(index, {"role": "assistant", "content": None})
            for part in deltas(server.reasoning):
                for index in every:
                    yield chunk(index, {"reasoning_content": part})
            for part in deltas(server.reply):
                for index in every:
                    yield chunk(index, {"content": part})
            if server.arguments:
                for index in every:
                    for call in range(2):
                        start = {"index": call, "id": f"call_{call}", "type": "function"}
                        start["function"] = {"name": "send", "arguments": ""}
                        yield chunk(index, {"tool_calls": [start]})
                for part in deltas(server.arguments):
                    for index in every:
                        for call in range(2):
                            yield chunk(index, {"tool_calls": [{"index": call, "function": {"arguments": part}}]})
            for index in every:
                yield chunk(index, {}, "tool_calls" if server.arguments else "stop")
            yield "data: [DONE]\n\n"

        self.stream(events())

    def anthropic(self, request):
        server = self.server
        blocks = []
        if server.reasoning:
            blocks.append({"type": "thinking", "thinking": server.reasoning, "signature": "c2lnbmF0dXJl"})
        blocks.append({"type": "text", "text": server.reply})
        if server.arguments:
            blocks.append({"type": "tool_use", "id": "toolu_1", "name": "send", "input": json.loads(server.arguments)})
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": request.get("model", "m"),
            "content": blocks,
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
        if not request.get("stream"):
            self.answer(json.dumps(message).encode())
            return

        def event(data):
            return "event: %s\ndata: %s\n\n" % (data["type"], json.dumps(data))

        def events():
            yield event({"type": "message_start", "message": dict(message, content=[], stop_reason=None)})
            for index, block in enumerate(blocks):
                kind = block["type"]
                empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}
                yield event({"type": "content_block_start", "index": index, "content_block": dict(block, **empty[kind])})
                yield event({"type": "ping"})
                text, name, field = {
                    "text": lambda: (block["text"], "text_delta", "text"),
                    "thinking": lambda: (block["thinking"], "thinking_delta", "thinking"),
                    "tool_use": lambda: (server.arguments, "input_json_delta", "partial_json"),
                }[kind]()
                for part in [""] + deltas(text) if kind == "tool_use" else deltas(text):
                    yield event({"type": "content_block_delta", "index": index, "delta": {"type": name, field: part}})
                if kind == "thinking":
                    signature = {"type": "signature_delta", "signature": block["signature"]}
                    yield event({"type": "content_block_delta", "index": index, "delta": signature})
                yield event({"type": "content_block_stop", "index": index})
            end = {"stop_reason": "end_turn", "stop_sequence": None}
            yield event({"type": "message_delta", "delta": end, "usage": {"output_tokens": 1}})
            yield event({"type": "message_stop"})

        self.stream(events())
