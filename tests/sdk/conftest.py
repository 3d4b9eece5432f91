"""A proxy of the built binary in front of the upstreams, over real mTLS; one for all tests of the session."""

import os
import pathlib
import re
import ssl
import subprocess
import threading

# No client speaks to anyone but the upstreams, nor asks for a list of prices.
os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LANGSMITH_TRACING": "false", "DO_NOT_TRACK": "1"}

import pytest
from aimock import Aimock
from bedrock import Bedrock
from collector import Collector
from live import Live
from mcp_server import Mcp
from planted import PLANTED
from upstreams import Said, Upstreams, anthropic, aws, cohere, gemini, mistral, ollama, openai, sinks

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

{vendors}
[[route]]
name     = "bedrock"
path     = "/bedrock"
upstream = "{bedrock}"
dialect  = "bedrock"
sign     = {{ scheme = "aws-sigv4", region = "us-east-1", credentials = {{ file = "aws.credentials", profile = "proxy" }} }}

[[route]]
name     = "bedrock-small"
path     = "/small"
upstream = "{bedrock}"
request  = {{ mode = "buffer", limit = "4KiB" }}

[route.sign]
scheme = "aws-sigv4"
region = "us-east-1"
credentials = {{ access_key_id = {{ env = "PROXY_KEY_ID" }}, secret_access_key = {{ env = "PROXY_KEY" }}, session_token = {{ env = "PROXY_TOKEN" }} }}

[[route]]
name     = "live"
path     = "/live"
upstream = "{live}"

[[route]]
name     = "crm"
path     = "/crm"
upstream = "{mcp}"

[[route]]
name     = "aimock-bedrock"
path     = "/aimock/bedrock"
upstream = "{aimock}"

[[route]]
name     = "aimock"
path     = "/aimock"
upstream = "{aimock}"

[[route]]
name     = "otlp-http"
path     = "/otel"
upstream = "{collector}"

[[route]]
name        = "otlp-grpc"
path        = "/"
upstream    = "https://localhost:{grpc}"
upstream_ca = "ca.crt"
"""

# The route of each vendor, to a path of its own at the upstreams.
VENDOR = """
[[route]]
name     = "{name}"
path     = "/{name}"
upstream = "{url}/{name}"
opaque   = {{ "audio/*" = "pass" }}
"""

VENDORS = {module.__name__.rpartition(".")[2]: module.answer for module in (anthropic, aws, cohere, gemini, mistral, ollama, openai)}
VENDORS["azure-openai"] = openai.answer
VENDORS |= {"elastic": sinks.elastic, "opensearch": sinks.elastic, "splunk": sinks.splunk, "datadog": sinks.datadog}
VENDORS |= {"newrelic": sinks.new_relic, "sumo": sinks.sumo, "kafka": sinks.kafka, "loki": sinks.loki}
# New Relic's clients take a host and no path.
VENDORS["log"] = sinks.new_relic
VENDORS |= {"azure": sinks.azure, "langsmith": sinks.langsmith, "langfuse": sinks.langfuse, "chronicle": sinks.chronicle}

RULES = """
version = 1
packs = ["default"]

[[rule]]
id       = "acme.codename"
entity   = "CODENAME"
pattern  = 'PROJECT-[A-Z]{6}'
action   = "block"
examples = ["PROJECT-ZEBRAS"]

[[tool]]
name      = "send"
arguments = '"to":"mallory'
action    = "block"
"""


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    binary = os.environ["BLACKBAR"]
    folder = tmp_path_factory.mktemp("proxy")
    certificates = [binary, "certs", "--out", folder, "--client", "one", "--san", "uri:spiffe://acme.example/agent/one"]
    subprocess.run(certificates, check=True, capture_output=True)
    upstreams = Upstreams(VENDORS)
    collector = Collector(folder / "server.key", folder / "server.crt")
    bedrock = Bedrock()
    live = Live()
    mcp = Mcp()
    aimock = Aimock(folder)
    credentials = folder / "aws.credentials"
    credentials.write_text(f"[default]\nregion = x\n\n[proxy]\naws_access_key_id = {bedrock.key_id}\naws_secret_access_key = {bedrock.key}\n")
    credentials.chmod(0o600)
    environment = dict(os.environ, PROXY_KEY_ID=bedrock.key_id, PROXY_KEY=bedrock.key, PROXY_TOKEN=bedrock.token)
    vendors = "".join(VENDOR.format(name=name, url=upstreams.url) for name in VENDORS)
    config = CONFIG.format(
        vendors=vendors,
        bedrock=bedrock.url,
        live=live.url,
        mcp=mcp.url,
        aimock=aimock.url,
        collector=collector.http_url,
        grpc=collector.grpc_port,
    )
    (folder / "blackbar.toml").write_text(config)
    (folder / "acme.toml").write_text(RULES)
    proxy = subprocess.Popen(
        [binary, "serve", "--config", folder / "blackbar.toml"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment,
    )
    log = []
    listening = None
    for line in proxy.stderr:
        log.append(line)
        if found := re.search(r"127\.0\.0\.1:(\d+)", line):
            listening = int(found.group(1))
            break
    assert listening, "".join(log)
    threading.Thread(target=lambda: log.extend(proxy.stderr), daemon=True).start()
    yield {
        "folder": pathlib.Path(folder),
        "port": listening,
        "upstreams": upstreams,
        "bedrock": bedrock,
        "live": live,
        "mcp": mcp,
        "aimock": aimock,
        "collector": collector,
        "log": log,
    }
    aimock.stop()
    proxy.terminate()
    assert proxy.wait(40) == 0
    log = "".join(log)
    # Whole values and no parts of them: a request's id or a time may well hold four given figures.
    held = [kind for kind, value in enumerate([*PLANTED, bedrock.key]) if value in log]
    assert not held, f"the log holds planted value {held}"


@pytest.fixture
def upstreams(running):
    upstreams = running["upstreams"]
    upstreams.received.clear()
    upstreams.said = Said()
    return upstreams


@pytest.fixture
def bedrock(running):
    bedrock = running["bedrock"]
    bedrock.reset()
    return bedrock


@pytest.fixture
def live(running):
    live = running["live"]
    live.reset()
    return live


@pytest.fixture
def tls(running):
    folder = running["folder"]
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    context.load_cert_chain(str(folder / "one.crt"), str(folder / "one.key"))
    return context


@pytest.fixture
def base(running):
    return f"https://localhost:{running['port']}"
