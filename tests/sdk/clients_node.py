"""The clients in Node: rows that have one process call them."""

import json
import os
import pathlib
import shutil
import subprocess

from clients_logs import LENGTHS, TRACES
from clients_models import AWS_VARIES, BEDROCK, CHAT, GENERATE, MESSAGES, QUIET, RESPONSES, THOUGHT, without_logprobs, without_signatures
from matrix import Row

HERE = pathlib.Path(__file__).parent
# Where `tests/run` installs them.
INSTALLED = pathlib.Path(os.environ.get("BLACKBAR_NODE", HERE.parent.parent / "target" / "node"))

running = []
classes = {}


class NodeError(Exception):
    pass


def error(*names):
    """The class of this name, which extends those that follow."""
    if not names:
        return NodeError
    if names not in classes:
        classes[names] = type(names[0], (error(*names[1:]),), {})
    return classes[names]


def process():
    if not running:
        # Modules are found from where the script stands.
        script, _ = (shutil.copy(HERE / "node" / name, INSTALLED) for name in ("clients.mjs", "sinks.mjs"))
        running.append(subprocess.Popen(["node", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    return running[0]


def node(call, **more):
    def run(at):
        tls = {name: (at.folder / file).read_text() for name, file in (("ca", "ca.crt"), ("cert", "one.crt"), ("key", "one.key"))}
        told = {"base": at.base, "tls": tls, "http2": at.http2, "text": at.text, "label": at.label, "arguments": at.arguments, **more}
        node = process()
        node.stdin.write(json.dumps({"call": call, "at": told}) + "\n")
        node.stdin.flush()
        answer = json.loads(node.stdout.readline())
        if "classes" in answer:
            raise error(*answer["classes"])(answer["message"])
        return answer["got"]

    return run


def of(package):
    """The errors of a package that names them as OpenAI's does."""
    base = ("APIError", package, "Error")
    return {"denied": error("PermissionDeniedError", *base), "broken": error("Error"), "failed": error("BadRequestError", *base)}


OPENAI, ANTHROPIC = of("OpenAIError"), of("AnthropicError")
GEMINI = {"denied": error("ApiError", "Error"), "broken": error("Error"), "failed": error("ApiError", "Error")}
OLLAMA = {"denied": error("ResponseError", "Error"), "broken": error("Error"), "failed": error("ResponseError", "Error")}


AWS_ERRORS = ("BedrockRuntimeServiceException", "ServiceException", "Error")
AWS = {"denied": error("AccessDeniedException", *AWS_ERRORS), "broken": error("Error"), "failed": error("ValidationException", *AWS_ERRORS)}
AWS |= {"http2": False, "varies": AWS_VARIES, "differs": without_signatures}


# What a client makes anew each time.
UUIDS = (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",)
SECONDS = (r'"timestamp":"20[^"]*Z"',)

KAFKA = {"denied": error(), "failed": error(), "http2": False, "records": True, "kept": "plain"}
SINK = {"http2": False, "records": True, "kept": "plain", "shows": False}

SINK_ROWS = [
    Row("npm:@newrelic/telemetry-sdk", "logs", node("newrelic logs"), "New Relic", denied=error("Error"), failed=error("Error"), http2=False, shows=False),
    Row("npm:sumo-logger", "logs", node("sumo logs"), "Sumo Logic", **SINK),
    Row("npm:kafka-rest", "binary", node("kafka binary"), "Kafka REST", **KAFKA),
    Row("npm:kafka-rest", "avro", node("kafka avro"), "Kafka REST", **KAFKA),
    Row("npm:winston-loki", "json", node("winston loki json"), "Loki", failed=error("Error"), **SINK),
    Row("npm:winston-loki", "protobuf", node("winston loki protobuf"), "Loki", failed=error("Error"), **SINK),
    Row("npm:pino-loki", "json", node("pino loki"), "Loki", **SINK | {"http2": True}),
    Row("npm:splunk-logging", "events", node("splunk events"), "Splunk HEC", **SINK),
    Row("npm:datadog-winston", "log", node("datadog log"), "Datadog logs", **SINK | {"kept": ""}),
    Row("npm:langfuse", "ingestion", node("langfuse ingestion"), "Langfuse ingestion", varies=UUIDS + SECONDS),
    Row("npm:@langfuse/otel", "observations", node("langfuse spans"), "Langfuse", shows=False, http2=False, varies=TRACES),
    Row("npm:langsmith", "runs in a batch", node("langsmith batch"), "LangSmith", shows=False),
    Row("npm:langsmith", "runs in parts", node("langsmith parts"), "LangSmith", shows=False, varies=LENGTHS),
]

ROWS = [
    *SINK_ROWS,
    Row("npm:openai", "chat", node("openai chat"), CHAT, reasoning=True, arguments=True, **OPENAI),
    Row("npm:openai", "chat logprobs", node("openai chat logprobs"), CHAT, differs=without_logprobs, **OPENAI),
    Row("npm:openai", "chat stream", node("openai chat stream"), CHAT, True, reasoning=True, arguments=True, more={"refusal": True}, **OPENAI),
    Row("npm:openai", "chat stream helper", node("openai chat stream helper"), CHAT, True, arguments=True, **OPENAI),
    Row("npm:openai", "responses", node("openai responses"), RESPONSES, reasoning=True, arguments=True, **OPENAI),
    Row("npm:openai", "responses stream", node("openai responses stream"), RESPONSES, True, reasoning=True, arguments=True, **OPENAI),
    Row("npm:openai", "responses stream helper", node("openai responses stream helper"), RESPONSES, True, arguments=True, more={"shell": False}, **OPENAI),
    Row("npm:openai", "embeddings", node("openai embeddings"), "OpenAI embeddings", **OPENAI | QUIET),
    Row("npm:openai", "batch file", node("openai batch file"), "OpenAI files and batches", **OPENAI),
    Row("npm:@anthropic-ai/sdk", "messages", node("anthropic messages"), MESSAGES, **THOUGHT, more={"server": True, "calls": 2}, **ANTHROPIC),
    Row("npm:@anthropic-ai/sdk", "messages stream", node("anthropic messages stream"), MESSAGES, True, **THOUGHT, more={"calls": 2}, **ANTHROPIC),
    Row("npm:@anthropic-ai/sdk", "messages stream helper", node("anthropic messages stream helper"), MESSAGES, True, **THOUGHT, **ANTHROPIC),
    Row("npm:@google/genai", "generate", node("gemini generate"), GENERATE, reasoning=True, arguments=True, more={"grounding": True}, **GEMINI),
    Row("npm:@google/genai", "generate stream", node("gemini generate stream"), GENERATE, True, reasoning=True, arguments=True, **GEMINI),
    Row("npm:@google/genai", "embed and count", node("gemini embed and count"), GENERATE, **GEMINI | QUIET),
    Row("npm:@aws-sdk/client-bedrock-runtime", "converse", node("bedrock converse", aws="/aws"), BEDROCK, reasoning=True, arguments=True, **AWS),
    Row("npm:@aws-sdk/client-bedrock-runtime", "converse stream", node("bedrock converse stream", aws="/aws"), BEDROCK, True, reasoning=True, arguments=True, **AWS),
    Row("npm:ollama", "chat", node("ollama chat"), "Ollama", reasoning=True, arguments=True, **OLLAMA),
    Row("npm:ollama", "chat stream", node("ollama chat stream"), "Ollama", True, reasoning=True, arguments=True, **OLLAMA),
    Row("npm:ollama", "generate stream", node("ollama generate stream"), "Ollama", True, **OLLAMA),
]
