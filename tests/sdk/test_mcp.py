"""The official MCP client through the proxy to the official server, over streamable HTTP: in the revision that opens a
session, and in the one that mirrors arguments into headers, which its server compares with the body."""

import asyncio
import base64
import json

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from planted import CARD, EMAIL, FORBIDDEN, PLAIN, PLANTED, SAFE, TEXT, clean

modes = pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])


@pytest.fixture
def server(running):
    server = running["mcp"]
    server.reset()
    return server


@pytest.fixture
def talk(base, tls):
    """Runs a conversation with a connected client."""

    def run(mode, conversation):
        async def main():
            async with httpx2.AsyncClient(verify=tls, timeout=20) as http:
                async with Client(streamable_http_client(f"{base}/crm/mcp", http_client=http), mode=mode) as client:
                    await client.list_tools()
                    return await conversation(client)

        return asyncio.run(asyncio.wait_for(main(), 60))

    return run


@modes
@pytest.mark.parametrize("mail", [EMAIL, f"J\u00e4ne {EMAIL}", f" {EMAIL}"])
def test_tools(server, talk, mode, mail):
    server.says = TEXT
    progress = []

    async def call(client):
        async def heard(_, __, message):
            progress.append(message)

        return await client.call_tool("find", {"email": mail, "note": TEXT}, progress_callback=heard)

    result = talk(mode, call)
    assert not result.is_error
    safe_mail = mail.replace(EMAIL, "jane@***")
    assert server.called == [{"email": safe_mail, "note": SAFE}]
    for headers in server.headers:
        clean(json.dumps(headers))
        if mode != "legacy":
            value = headers["mcp-param-email"]
            if value.startswith("=?base64?"):
                value = base64.b64decode(value.removeprefix("=?base64?").removesuffix("?=")).decode()
            assert value == safe_mail
    # What is structured, and its copy as a text.
    assert result.structured_content == {"text": f"It is {SAFE}", "note": SAFE}
    [content] = result.content
    assert json.loads(content.text) == result.structured_content
    assert progress == [f"found {SAFE}"]


@modes
def test_resources_and_prompts(server, talk, mode):
    server.says = TEXT

    async def read(client):
        text = await client.read_resource("note://text/a")
        data = await client.read_resource("note://bytes/a")
        return text, data, await client.get_prompt("ask", {"text": TEXT})

    text, data, prompt = talk(mode, read)
    assert text.contents[0].text == SAFE
    clean(base64.b64decode(data.contents[0].blob).decode())
    assert prompt.messages[0].content.text == f"{SAFE} and {SAFE}"
    assert server.called == [{"text": SAFE}]


@modes
def test_clean_text_passes_verbatim(server, talk, mode):
    server.says = PLAIN

    async def call(client):
        return await client.call_tool("find", {"email": PLAIN, "note": PLAIN})

    result = talk(mode, call)
    assert server.called == [{"email": PLAIN, "note": PLAIN}]
    assert result.structured_content == {"text": f"It is {PLAIN}", "note": PLAIN}


@modes
@pytest.mark.parametrize("where", ["email", "note"])
def test_a_blocked_call_is_an_error_of_json_rpc_and_is_not_made(server, talk, mode, where):
    async def call(client):
        with pytest.raises(MCPError) as raised:
            await client.call_tool("find", {"email": "a", "note": "b"} | {where: f"it is {FORBIDDEN}"})
        return raised.value

    refused = talk(mode, call)
    assert refused.error.code == -32000
    assert refused.error.data == {"code": "policy_blocked"}
    assert FORBIDDEN not in repr(refused)
    assert server.called == []


@modes
def test_a_blocked_answer_is_an_error_of_json_rpc(server, talk, mode):
    server.says = f"well, {FORBIDDEN} it is"

    async def call(client):
        with pytest.raises(MCPError) as raised:
            await client.call_tool("find", {"email": "a", "note": "b"})
        return raised.value

    refused = talk(mode, call)
    assert refused.error.code == -32000
    assert FORBIDDEN not in repr(refused)


def test_batches_and_what_no_client_sends(server, base, tls):
    """An array of messages, and a refusal with its identifier where there is one."""
    message = {"jsonrpc": "2.0", "id": "a-7", "method": "tools/call", "params": {"name": "find", "_meta": {"progressToken": "t"}}}
    accept = {"accept": "application/json, text/event-stream"}
    with httpx2.Client(verify=tls, base_url=base, headers=accept) as client:
        for body, told in [(message | {"x": FORBIDDEN}, "a-7"), (message | {"id": 7, "x": FORBIDDEN}, 7), ([message | {"x": FORBIDDEN}], None)]:
            answer = client.post("/crm/mcp", json=body)
            assert answer.status_code == 403
            assert answer.json() == {
                "jsonrpc": "2.0",
                "id": told,
                "error": {"code": -32000, "message": "The content was blocked by a redaction policy.", "data": {"code": "policy_blocked"}},
            }
        answer = client.post("/crm/mcp", content=b'{"id": 7, "method": ', headers={"content-type": "application/json"})
        assert answer.status_code == 400 and answer.json()["error"]["code"] in (-32600, -32700)
        assert not any(value in answer.text for value in [*PLANTED, FORBIDDEN, CARD])
    assert server.called == []
