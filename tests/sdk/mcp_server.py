"""A server of the Model Context Protocol, made with the official SDK: a tool with a mirrored argument, resources, a prompt.

It remembers what its tool was called with, and says what it is told to.
"""

import threading
from typing import Annotated

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from pydantic import BaseModel, Field


class Found(BaseModel):
    text: str
    note: str


class Mcp:
    def __init__(self):
        self.reset()
        server = MCPServer("crm", instructions="find customers")

        @server.tool()
        async def find(email: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Email"})], note: str, context: Context) -> Found:
            self.called.append({"email": email, "note": note})
            self.headers.append(dict(context.request_context.request.headers))
            await context.report_progress(1, 2, f"found {self.says}")
            return Found(text=f"It is {self.says}", note=note)

        @server.resource("note://text/{name}")
        def text(name: str) -> str:
            return self.says

        @server.resource("note://bytes/{name}")
        def data(name: str) -> bytes:
            return self.says.encode()

        @server.prompt()
        def ask(text: str) -> str:
            self.called.append({"text": text})
            return f"{self.says} and {text}"

        config = uvicorn.Config(server.streamable_http_app(), port=0, log_level="error")
        runner = uvicorn.Server(config)
        started = threading.Event()
        startup = runner.startup

        async def begin(*given, **named):
            await startup(*given, **named)
            started.set()

        runner.startup = begin
        threading.Thread(target=runner.run, daemon=True).start()
        assert started.wait(20)
        self.url = f"http://127.0.0.1:{runner.servers[0].sockets[0].getsockname()[1]}"

    def reset(self):
        self.called = []
        self.headers = []
        self.says = "nothing"
