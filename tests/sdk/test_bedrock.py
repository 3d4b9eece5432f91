"""boto3's Bedrock runtime through the proxy. botocore checks both sums of every message and the shape of every union; the
upstream checks the proxy's signature with botocore's signer."""

import base64
import json
import re

import boto3
import pytest
from bedrock import SIGNATURE, exception
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EventStreamError
from clients_node import error, node
from matrix import At
from planted import CARD, PLANTED, SAFE, SSN, TEXT, clean
from test_sdks import ARGUMENTS, arguments_are_redacted

ARN = "arn:aws:bedrock:us-east-1:000011112222:inference-profile/us.anthropic.claude-3-haiku-20240307-v1:0"
ENCODED = "arn%3Aaws%3Abedrock%3Aus-east-1%3A000011112222%3Ainference-profile%2Fus.anthropic.claude-3-haiku-20240307-v1%3A0"
SAY = [{"role": "user", "content": [{"text": "hi"}]}]
SECRET = "the name is PROJECT-ZEBRAS"


@pytest.fixture
def make(base, running):
    folder = running["folder"]

    def make(path="/bedrock", certificate=True):
        pair = (str(folder / "one.crt"), str(folder / "one.key")) if certificate else None
        return boto3.client(
            "bedrock-runtime",
            endpoint_url=base + path,
            # Another region and key than the proxy's: nothing of the client's signature goes up.
            region_name="eu-west-1",
            aws_access_key_id="CLIENTKEY",
            aws_secret_access_key="client-secret",
            aws_session_token="client-token",
            verify=str(folder / "ca.crt"),
            config=Config(client_cert=pair, retries={"total_max_attempts": 1}),
        )

    return make


@pytest.fixture
def client(make):
    return make()


def sent(bedrock):
    received = bedrock.everything_received()
    clean(received)
    assert "client-token" not in received and "CLIENTKEY" not in received
    return json.loads(bedrock.received[-1][2])


HISTORY = [
    {"role": "user", "content": [{"text": TEXT}]},
    {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": "f", "input": json.loads(ARGUMENTS)}}]},
    {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": [{"text": TEXT}, {"json": {"a": TEXT}}]}}]},
]


@pytest.mark.parametrize("model", ["anthropic.claude-3-haiku-20240307-v1:0", ARN])
def test_converse(client, bedrock, model):
    bedrock.reply, bedrock.reasoning, bedrock.arguments = TEXT, "I see " + TEXT, ARGUMENTS
    answer = client.converse(modelId=model, messages=HISTORY, system=[{"text": TEXT}])
    thought, text, tool = answer["output"]["message"]["content"]
    assert text["text"] == SAFE
    assert thought["reasoningContent"]["reasoningText"] == {"text": "I see " + SAFE, "signature": ""}
    arguments_are_redacted(json.dumps(tool["toolUse"]["input"]))
    assert answer["stopReason"] == "tool_use"
    request = sent(bedrock)
    assert request["system"][0]["text"] == SAFE and request["messages"][0]["content"][0]["text"] == SAFE
    arguments_are_redacted(json.dumps(request["messages"][1]["content"][0]["toolUse"]["input"]))
    path = bedrock.received[0][0]
    assert path == f"/model/{ENCODED if model == ARN else 'anthropic.claude-3-haiku-20240307-v1%3A0'}/converse"

    # The redacted thought goes back up in the next turn, and is taken out there.
    turn = [*HISTORY[:1], answer["output"]["message"], {"role": "user", "content": [{"text": "go on"}]}]
    client.converse(modelId=model, messages=turn)
    assert [list(block) for block in sent(bedrock)["messages"][1]["content"]] == [["text"], ["toolUse"]]


def test_converse_stream(client, bedrock):
    bedrock.reply, bedrock.reasoning, bedrock.arguments = TEXT, "I see " + TEXT, ARGUMENTS
    answer = client.converse_stream(modelId="m", messages=HISTORY)
    texts, thought, signature, inputs, events = {}, "", None, {}, []
    for event in answer["stream"]:
        (kind, value), = event.items()
        events.append(kind)
        if kind == "contentBlockDelta":
            at, delta = value["contentBlockIndex"], value["delta"]
            texts[at] = texts.get(at, "") + delta.get("text", "")
            inputs[at] = inputs.get(at, "") + delta.get("toolUse", {}).get("input", "")
            thought += delta.get("reasoningContent", {}).get("text", "")
            signature = delta.get("reasoningContent", {}).get("signature", signature)
    assert texts[1] == SAFE and thought == "I see " + SAFE and signature == ""
    arguments_are_redacted(inputs[2])
    arguments_are_redacted(inputs[3])
    assert events[0] == "messageStart" and events[-2:] == ["messageStop", "metadata"]
    sent(bedrock)


def test_untouched_thinking_keeps_its_signature(client, bedrock):
    bedrock.reasoning = "nothing personal here"
    message = client.converse(modelId="m", messages=SAY)["output"]["message"]
    assert message["content"][0]["reasoningContent"]["reasoningText"]["signature"] == SIGNATURE
    stream = client.converse_stream(modelId="m", messages=SAY)["stream"]
    deltas = [event["contentBlockDelta"]["delta"] for event in stream if "contentBlockDelta" in event]
    assert SIGNATURE in [delta.get("reasoningContent", {}).get("signature") for delta in deltas]
    client.converse(modelId="m", messages=[*SAY, message, *SAY])
    assert sent(bedrock)["messages"][1]["content"] == message["content"]


BODIES = {
    "anthropic.claude-3": ({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": TEXT}]}, ["content", 0, "text"], ["delta", "text"]),
    "amazon.titan-text": ({"inputText": TEXT, "textGenerationConfig": {"maxTokenCount": 9}}, ["results", 0, "outputText"], ["outputText"]),
    "meta.llama3": ({"prompt": TEXT, "max_gen_len": 9}, ["generation"], ["generation"]),
}


def at(value, path):
    for step in path:
        value = value[step] if isinstance(step, int) or step in value else ""
    return value


@pytest.mark.parametrize("model", BODIES)
def test_invoke_model(client, bedrock, model):
    bedrock.reply = TEXT
    request, whole, part = BODIES[model]
    answer = json.loads(client.invoke_model(modelId=model, body=json.dumps(request))["body"].read())
    assert at(answer, whole) == SAFE
    assert SAFE in json.dumps(sent(bedrock))
    stream = client.invoke_model_with_response_stream(modelId=model, body=json.dumps(request))["body"]
    events = [json.loads(event["chunk"]["bytes"]) for event in stream]
    assert "".join(at(event, part) for event in events) == SAFE
    clean(json.dumps(events))
    sent(bedrock)


def test_documents_and_token_counts(client, bedrock):
    document = {"format": "txt", "name": "d", "source": {"bytes": ("Notes.\n" + TEXT + "\n").encode() * 20}}
    picture = {"format": "png", "source": {"bytes": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4}}
    content = [{"text": "see"}, {"document": document}, {"image": picture}]
    client.converse(modelId="m", messages=[{"role": "user", "content": content}])
    blocks = sent(bedrock)["messages"][0]["content"]
    assert base64.b64decode(blocks[2]["image"]["source"]["bytes"]) == picture["source"]["bytes"]
    read = base64.b64decode(blocks[1]["document"]["source"]["bytes"]).decode()
    # What takes a value's place inside base64 may be longer, so that groups of it stay whole.
    assert re.sub(r"jane@\*+", "jane@***", read) == ("Notes.\n" + SAFE + "\n") * 20
    body = json.dumps({"inputText": TEXT}).encode()
    for count in [{"converse": {"messages": HISTORY}}, {"invokeModel": {"body": body}}]:
        assert client.count_tokens(modelId="m", input=count)["inputTokens"] == 7
        sent(bedrock)


def test_credentials_of_every_kind_and_the_limit(make, bedrock):
    client = make("/small")
    client.converse(modelId="m", messages=SAY)
    assert bedrock.received[0][1]["x-amz-security-token"] == bedrock.token
    received = len(bedrock.received)
    with pytest.raises(ClientError) as raised:
        client.converse(modelId="m", messages=[{"role": "user", "content": [{"text": "word " * 2000}]}])
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    assert len(bedrock.received) == received


def test_a_block_raises_the_usual_exceptions(client, bedrock):
    with pytest.raises(client.exceptions.AccessDeniedException) as raised:
        client.converse(modelId="m", messages=[{"role": "user", "content": [{"text": SECRET}]}])
    response = raised.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403 and response["ResponseMetadata"]["RequestId"]
    assert "ZEBRAS" not in str(response) and not bedrock.received
    bedrock.reply = "well, it is PROJECT-ZEBRAS as you know"
    with pytest.raises(client.exceptions.AccessDeniedException):
        client.converse(modelId="m", messages=SAY)
    shown = ""
    with pytest.raises(EventStreamError) as raised:
        for event in client.converse_stream(modelId="m", messages=SAY)["stream"]:
            shown += event.get("contentBlockDelta", {}).get("delta", {}).get("text", "")
    assert raised.value.response["Error"]["Code"] == "validationException"
    assert shown == "well, it is "
    shown = ""
    with pytest.raises(EventStreamError):
        body = client.invoke_model_with_response_stream(modelId="meta.llama3", body=json.dumps({"prompt": "hi"}))["body"]
        for event in body:
            shown += json.loads(event["chunk"]["bytes"])["generation"]
    assert shown == "well, it is "


def test_the_providers_errors_pass_redacted(client, bedrock):
    bedrock.error = (429, "ThrottlingException", f"slow down, {SSN}")
    with pytest.raises(client.exceptions.ThrottlingException) as raised:
        client.converse(modelId="m", messages=SAY)
    assert raised.value.response["Error"]["Message"] == "slow down, ***-**-****"
    bedrock.error = None
    bedrock.reply, bedrock.ending = TEXT, exception("modelStreamErrorException", f"lost it at {CARD}")
    shown = ""
    with pytest.raises(EventStreamError) as raised:
        for event in client.converse_stream(modelId="m", messages=SAY)["stream"]:
            shown += event.get("contentBlockDelta", {}).get("delta", {}).get("text", "")
    assert raised.value.response["Error"]["Message"] == "lost it at **** **** **** 1111"
    assert shown == SAFE


def test_a_damaged_stream_is_seen_to_be_broken(client, bedrock):
    bedrock.reply, bedrock.damaged = "and so " * 3 + CARD, True
    shown = ""
    with pytest.raises(EventStreamError) as raised:
        for event in client.converse_stream(modelId="m", messages=SAY)["stream"]:
            shown += event.get("contentBlockDelta", {}).get("delta", {}).get("text", "")
    assert raised.value.response["Error"]["Code"] == "modelStreamErrorException"
    assert all(value not in shown for value in PLANTED)


def test_without_a_certificate_there_is_no_connection(make):
    with pytest.raises(BotoCoreError):
        make(certificate=False).converse(modelId="m", messages=SAY)


def test_node(running, base, tls, bedrock):
    """AWS's own client in Node, which checks both sums of every message as well."""
    bedrock.reply, bedrock.arguments = TEXT, ARGUMENTS
    at = At(base, tls, running["folder"], text=TEXT)
    content = node("bedrock converse")(at)["message"]["content"]
    assert [block["text"] for block in content if "text" in block] == [SAFE]
    request = sent(bedrock)
    assert request["system"][0]["text"] == SAFE and request["messages"][0]["content"][0]["text"] == SAFE
    texts = node("bedrock converse stream")(at)
    assert [text for key, text in texts.items() if key.endswith("text")] == [SAFE]
    for key, text in texts.items():
        if key.endswith("input"):
            arguments_are_redacted(text)
    sent(bedrock)
    with pytest.raises(error("AccessDeniedException", "BedrockRuntimeServiceException", "ServiceException", "Error")):
        node("bedrock converse")(At(base, tls, running["folder"], text=SECRET))
