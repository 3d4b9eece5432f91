"""The clients of log and trace sinks, in Python."""

import asyncio
import datetime
import gzip
import json
import logging
import uuid

import aiohttp
import elasticsearch
import httpx
import opensearchpy
import requests
import urllib3
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import AzureKeyCredentialPolicy
from azure.monitor.ingestion import LogsIngestionClient
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ApiException
from datadog_api_client.v2.api.logs_api import LogsApi
from datadog_api_client.v2.model.content_encoding import ContentEncoding
from datadog_api_client.v2.model.http_log import HTTPLog
from datadog_api_client.v2.model.http_log_item import HTTPLogItem
from elasticsearch import helpers
from hass_splunk import SplunkPayloadError, hass_splunk
from langfuse import Langfuse
from langsmith import Client as LangSmith
from logging_loki import LokiHandler
from matrix import Row
from newrelic_telemetry_sdk import Log, LogClient
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from secops.chronicle import ChronicleClient
from secops.exceptions import APIError
from splunk_handler import SplunkHandler

AT = datetime.datetime(2026, 11, 29, 7, 0, 0, 123456, datetime.timezone.utc)
ID = uuid.UUID("01a2b3c4-d5e6-7f89-8abc-def012345678")


def secured(at):
    """A session of `requests` that takes its CA from here and not from the environment."""
    session = requests.Session()
    session.trust_env = False
    session.verify, session.cert = files(at)["ca"], (files(at)["cert"], files(at)["key"])
    return session


def files(at):
    return {"ca": str(at.folder / "ca.crt"), "cert": str(at.folder / "one.crt"), "key": str(at.folder / "one.key")}


def secure(at):
    return at.base.startswith("https")


# Elasticsearch and OpenSearch


def document(at, **more):
    return {"message": at.text, "user": {"email": at.label}, "tags": [at.text, "b"], "n": 9007199254740993, "ratio": 1.50} | more


def elastic_client(at, compress):
    keys = {"ca_certs": files(at)["ca"], "client_cert": files(at)["cert"], "client_key": files(at)["key"]} if secure(at) else {}
    return elasticsearch.Elasticsearch(f"{at.base}/elastic", http_compress=compress, max_retries=0, api_key="k", **keys)


def actions(at):
    yield {"_op_type": "index", "_index": "logs", "_id": "doc-1", "routing": "r-1", "_source": document(at)}
    yield {"_op_type": "delete", "_index": "logs", "_id": "doc-2"}
    yield {"_op_type": "update", "_index": "logs", "_id": "doc-3", "doc": document(at), "upsert": document(at)}
    yield {"_op_type": "create", "_index": "logs", "_id": "doc-4", "_source": document(at)}


def elastic_bulk(compress):
    return lambda at: helpers.bulk(elastic_client(at, compress), actions(at), raise_on_error=False)


def elastic_documents(at):
    client = elastic_client(at, False)
    query = {"bool": {"must": [{"match": {"message": at.text}}, {"term": {"user.email": at.label}}]}}
    made = client.index(index="logs", id="doc-1", document=document(at)).body
    return [made, client.search(index="logs", query=query, highlight={"fields": {"message": {}}}).body]


def opensearch_client(at, compress):
    keys = {"ca_certs": files(at)["ca"], "client_cert": files(at)["cert"], "client_key": files(at)["key"]} if secure(at) else {}
    return opensearchpy.OpenSearch(f"{at.base}/opensearch", http_compress=compress, max_retries=0, **keys)


def opensearch_bulk(compress):
    return lambda at: opensearchpy.helpers.bulk(opensearch_client(at, compress), actions(at), raise_on_error=False)


def opensearch_documents(at):
    client = opensearch_client(at, False)
    made = client.index(index="logs", id="doc-1", body=document(at))
    return [made, client.search(index="logs", body={"query": {"match": {"message": at.text}}})]


ELASTIC = {"denied": elasticsearch.ApiError, "failed": elasticsearch.BadRequestError, "http2": False}
OPENSEARCH = {"denied": opensearchpy.AuthorizationException, "failed": opensearchpy.RequestError, "http2": False}

SEARCH_ROWS = [
    Row("elasticsearch", "bulk", elastic_bulk(False), "Elasticsearch", records=True, **ELASTIC),
    Row("elasticsearch", "bulk gzip", elastic_bulk(True), "Elasticsearch", records=True, **ELASTIC),
    Row("elasticsearch", "index and search", elastic_documents, "Elasticsearch", **ELASTIC),
    Row("opensearch-py", "bulk", opensearch_bulk(False), "OpenSearch", records=True, **OPENSEARCH),
    Row("opensearch-py", "bulk gzip", opensearch_bulk(True), "OpenSearch", records=True, **OPENSEARCH),
    Row("opensearch-py", "index and search", opensearch_documents, "OpenSearch", **OPENSEARCH),
]


# Splunk


def splunk_events(compress):
    def run(at):
        event = {"time": 1763690000.123, "host": "web-1", "source": "shop", "sourcetype": "_json", "index": "main"}
        events = [dict(event, event=at.text), dict(event, event=document(at), fields={"note": at.text}), dict(event, event=at.text)]
        # Concatenated, with any white space or none in between.
        body = (json.dumps(events[0]) + json.dumps(events[1]) + "\n" + json.dumps(events[2])).encode()
        headers = {"authorization": "Splunk 7b1f1a2c", "x-splunk-request-channel": str(ID), "content-type": "application/json"}
        if compress:
            body, headers["content-encoding"] = gzip.compress(body, mtime=0), "gzip"
        with httpx.Client(verify=at.tls, http2=at.http2) as client:
            answer = client.post(f"{at.base}/splunk/services/collector/event?channel={ID}", content=body, headers=headers)
            answer.raise_for_status()
            return answer.json()

    return run


def splunk_raw(at):
    lines = f"{at.text}\r\n\n  {at.text}\nlast {at.text}"
    with httpx.Client(verify=at.tls, http2=at.http2) as client:
        query = {"channel": str(ID), "sourcetype": "log", "host": "web-1"}
        headers = {"authorization": "Splunk 7b1f1a2c"}
        answer = client.post(f"{at.base}/splunk/services/collector/raw", params=query, content=lines.encode(), headers=headers)
        answer.raise_for_status()
        return answer.json()


def splunk_of_home_assistant(at):
    """A line for each event."""

    async def run():
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=at.tls)) as session:
            client = hass_splunk(session, "7b1f1a2c", "localhost", use_ssl=secure(at))
            client.url = f"{at.base}/splunk/services/collector/event"
            for event in (at.text, document(at), "plain", at.text):
                await client.queue({"time": 1763690000.123, "host": "web-1", "event": event}, send=False)
            return await client.send()

    return asyncio.run(run())


def logged(at, handler, **extra):
    """What a handler of Python's own logging makes of three records."""
    logger = logging.Logger("shop")
    logger.addHandler(handler)
    logger.warning(at.text, extra=extra)
    logger.warning("plain", extra=extra)
    logger.error("said %s", at.text, extra=extra)


def splunk_of_logging(at):
    """Texts with nothing between them."""
    handler = SplunkHandler(
        "localhost", 8088, "7b1f1a2c", "main", url=f"{at.base}/splunk/services/collector/event", hostname="web-1", source="shop",
        allow_overrides=True, flush_interval=3600, verify=files(at)["ca"], retry_count=0,
    )  # fmt: skip
    handler.session = secured(at)
    logged(at, handler, _time=1763690000.123)
    handler.close()


HEC = {"records": True, "shows": False}

SPLUNK_ROWS = [
    Row("httpx", "splunk events", splunk_events(False), "Splunk HEC", **HEC),
    Row("httpx", "splunk events gzip", splunk_events(True), "Splunk HEC", **HEC),
    Row("httpx", "splunk raw", splunk_raw, "Splunk HEC", **HEC),
    Row("hass-splunk", "events", splunk_of_home_assistant, "Splunk HEC", kept="plain", failed=SplunkPayloadError, http2=False, **HEC),
    Row("splunk-handler", "events", splunk_of_logging, "Splunk HEC", kept="plain", http2=False, **HEC),
]


# New Relic and Loki


class NewRelic(LogClient):
    PATH = "/newrelic/log/v1"


class NewRelicOverHttp(NewRelic):
    """Where the test goes straight to the upstream."""

    POOL_CLS = urllib3.HTTPConnectionPool


def new_relic_logs(at):
    url = urllib3.util.parse_url(at.base)
    keys = {"ca_certs": files(at)["ca"], "cert_file": files(at)["cert"], "key_file": files(at)["key"]} if secure(at) else {}
    client = (NewRelic if secure(at) else NewRelicOverHttp)("k", url.host, url.port, **keys)
    logs = [Log(at.text, 1763690000123, user=at.label, nested=document(at)), Log("plain", 1763690000124), Log(at.text, 1763690000125)]
    answer = client.send_batch(logs, common={"attributes": {"service": "shop"}})
    client.close()
    answer.raise_for_status()
    return answer.json()


def loki_of_logging(at):
    handler = LokiHandler(f"{at.base}/loki/loki/api/v1/push", {"app": "shop"}, version="1")
    handler.emitter._session = secured(at)
    logged(at, handler, tags={"env": "prod"})
    handler.emitter.close()


NANOSECONDS = (r'"\d{19}"',)

PUSH_ROWS = [
    Row("newrelic-telemetry-sdk", "logs", new_relic_logs, "New Relic", records=True, kept="plain", http2=False, shows=False),
    Row("python-logging-loki", "lines", loki_of_logging, "Loki", records=True, kept="plain", http2=False, shows=False, varies=NANOSECONDS),
]


# Datadog


def datadog_logs(encoding):
    def run(at):
        scheme, _, name = at.base.partition("://")
        settings = Configuration(
            api_key={"apiKeyAuth": "k"},
            server_operation_index={"submit_log": 1, "v2.submit_log": 1},
            server_operation_variables={kind: {"name": f"{name}/datadog", "protocol": scheme} for kind in ("submit_log", "v2.submit_log")},
            enable_retry=False,
        )
        settings.ssl_ca_cert, settings.cert_file, settings.key_file = files(at).values()
        item = {"ddsource": "shop", "ddtags": f"env:prod,user:{at.label}", "hostname": "web-1", "service": "shop", "message": at.text}
        logs = HTTPLog([HTTPLogItem(**item, card_holder=at.label), HTTPLogItem(**dict(item, message="plain"))])
        with ApiClient(settings) as client:
            coding = {"content_encoding": ContentEncoding(encoding)} if encoding else {}
            return LogsApi(client).submit_log(logs, ddtags="env:prod", **coding)

    return run


DATADOG = {"records": True, "failed": ApiException, "http2": False, "shows": False}

DATADOG_ROWS = [
    Row("datadog-api-client", "logs", datadog_logs(None), "Datadog logs", **DATADOG),
    Row("datadog-api-client", "logs gzip", datadog_logs("gzip"), "Datadog logs", **DATADOG),
    Row("datadog-api-client", "logs deflate", datadog_logs("deflate"), "Datadog logs", **DATADOG),
]


# Azure Monitor


def azure_upload(at):
    """Its bearer policy wants TLS, also where the test goes straight to the upstream: a key in its place."""
    credential = AzureKeyCredential("k")
    keys = {"connection_verify": files(at)["ca"], "connection_cert": (files(at)["cert"], files(at)["key"])} if secure(at) else {}
    policy = AzureKeyCredentialPolicy(credential, "authorization", prefix="Bearer")
    with LogsIngestionClient(f"{at.base}/azure", credential, authentication_policy=policy, retry_total=0, **keys) as client:
        logs = [document(at, TimeGenerated="2026-11-29T07:00:00Z"), document(at)]
        return client.upload(rule_id="dcr-00000000000000000000000000000000", stream_name="Custom-Logs", logs=logs)


AZURE = {"records": True, "failed": HttpResponseError, "http2": False, "shows": False}
AZURE_IDS = (r'"x-ms-client-request-id": "[0-9a-f-]+"',)

AZURE_ROWS = [Row("azure-monitor-ingestion", "upload", azure_upload, "Azure Monitor", varies=AZURE_IDS, **AZURE)]


# LangSmith and Langfuse


def langsmith_runs(way):
    def run(at):
        info = {"version": "0.9.0", "batch_ingest_config": {"use_multipart_endpoint": True}}
        client = LangSmith(f"{at.base}/langsmith", api_key="k", session=secured(at), info=info, auto_batch_tracing=False)
        told = {"inputs": {"messages": [{"role": "user", "content": at.text}]}, "outputs": {"answer": at.text, "n": 1.5}}
        made = {"id": ID, "trace_id": ID, "dotted_order": f"20261129T070000000000Z{ID}", "name": "ask", "run_type": "llm"}
        whole = made | told | {"start_time": AT, "end_time": AT, "extra": {"metadata": {"note": at.text}}, "error": at.text}
        getattr(client, way)(create=[whole])

    return run


def langfuse_observations(at):
    keys = {"certificate_file": files(at)["ca"], "client_key_file": files(at)["key"], "client_certificate_file": files(at)["cert"]}
    exporter = OTLPSpanExporter(f"{at.base}/langfuse/api/public/otel/v1/traces", session=secured(at), **keys)
    client = Langfuse(public_key=f"pk-{uuid.uuid4()}", secret_key="sk", base_url=f"{at.base}/langfuse", span_exporter=exporter, tracer_provider=TracerProvider())
    with client.start_as_current_observation(as_type="generation", name="ask", model="gpt-5", input=[{"role": "user", "content": at.text}]) as seen:
        seen.update(output={"answer": at.text}, metadata={"note": at.text}, usage_details={"input": 11, "output": 7})
    client.flush()
    client.shutdown()


def posted(at, path, body):
    with httpx.Client(verify=at.tls, http2=at.http2) as client:
        answer = client.post(at.base + path, json=body, headers={"authorization": "Bearer k"})
        answer.raise_for_status()
        return answer.status_code, answer.json()


class KafkaError(Exception):
    """What its REST proxy says of a whole request."""


def kafka_texts(at):
    """Version 3 of Kafka's REST proxy, which has no client of its own: a text for each record, an answer for each."""
    values = [
        {"type": "JSON", "data": {"note": at.text, "n": 9007199254740993}},
        {"type": "STRING", "data": "plain"},
        {"type": "STRING", "data": at.text},
        {"type": "JSON", "data": {"last": True}},
    ]
    records = [{"partition_id": 0, "key": {"type": "STRING", "data": f"k-{n}"}, "value": value} for n, value in enumerate(values)]
    with httpx.Client(verify=at.tls, http2=at.http2) as client:
        headers = {"content-type": "application/json"}
        body = "\n".join(json.dumps(record, ensure_ascii=False) for record in records).encode()
        answer = client.post(f"{at.base}/kafka/v3/clusters/c/topics/t/records", content=body, headers=headers)
    if answer.status_code != 200:
        raise KafkaError(answer.text)
    return [json.loads(line) for line in answer.text.splitlines()]


def langfuse_ingestion(at):
    """The older way, which its other SDKs still take: an answer for each event."""
    trace = {"id": str(ID), "name": at.text, "userId": at.label, "input": {"q": at.text}, "metadata": {"note": at.text}, "tags": [at.text]}
    made = {"id": "gen-1", "traceId": str(ID), "input": [{"role": "user", "content": at.text}], "output": at.text, "usage": {"input": 11}}
    events = [("trace-create", trace), ("generation-create", made), ("score-create", {"traceId": str(ID), "name": "s", "comment": at.text})]
    batch = [{"id": f"ev-{n}", "type": kind, "timestamp": AT.isoformat(), "body": body} for n, (kind, body) in enumerate(events)]
    return posted(at, "/langfuse/api/public/ingestion", {"batch": batch, "metadata": {"batch_size": 3}})


def chronicle_entries(at):
    """Raw logs, and events of its unified data model."""
    entries = [{"log_text": at.text, "ts_rfc3339": AT.isoformat()}, {"log_text": "plain", "ts_epoch_microseconds": 1763690000000000}]
    raw = {"customer_id": str(ID), "log_type": "BIND_DNS", "entries": entries}
    metadata = {"event_timestamp": AT.isoformat(), "event_type": "USER_LOGIN", "description": at.text}
    events = [{"metadata": metadata, "principal": {"user": {"email_addresses": [at.label]}}, "network": {"email": {"subject": [at.text]}}}]
    return [
        posted(at, "/chronicle/v2/unstructuredlogentries:batchCreate", raw),
        posted(at, "/chronicle/v2/udmevents:batchCreate", {"customer_id": str(ID), "events": events}),
    ]


def chronicle_sdk(at):
    session = secured(at)
    client = ChronicleClient("shop", str(ID), session=session)
    client.base_url = f"{at.base}/chronicle/v1alpha"
    times = {"log_entry_time": AT, "collection_time": AT, "forwarder_id": "f-1"}
    metadata = {"event_timestamp": AT.isoformat(), "event_type": "USER_LOGIN", "description": at.text, "id": "ev-1"}
    event = {"metadata": metadata, "principal": {"user": {"email_addresses": [at.label]}}}
    return [
        client.ingest_log("OKTA", [at.text, "plain", json.dumps(document(at))], labels={"note": at.text}, force_log_type=True, **times),
        client.ingest_udm(event),
    ]


HTTPX = {"denied": httpx.HTTPStatusError, "failed": None}

TRACES = (r'"(traceId|spanId|parentSpanId)": ?"[^"]+"', r'"(startTimeUnixNano|endTimeUnixNano)": ?"\d+"', r"pk-[0-9a-f-]{36}", r'"authorization": "[^"]+"')

# Of a part of a body that is made anew while it passes, the length is not known before.
LENGTHS = (r"Content-Length: \d+\r?\n",)

KAFKA_ROWS = [
    Row("httpx", "kafka v3 records", kafka_texts, "Kafka REST", records=True, kept="plain", denied=KafkaError, failed=KafkaError),
]

TRACING_ROWS = [
    Row("langsmith", "runs in parts", langsmith_runs("multipart_ingest"), "LangSmith", shows=False, http2=False, varies=LENGTHS),
    Row("langsmith", "runs in a batch", langsmith_runs("batch_ingest_runs"), "LangSmith", shows=False, http2=False),
    Row("langfuse", "observations", langfuse_observations, "Langfuse", shows=False, http2=False, varies=TRACES),
    Row("httpx", "langfuse ingestion", langfuse_ingestion, "Langfuse ingestion", records=True, **HTTPX),
    Row("httpx", "chronicle", chronicle_entries, "Google Chronicle", records=True, kept="plain", shows=False, **HTTPX),
    Row("secops", "logs and events", chronicle_sdk, "Google Chronicle", records=True, shows=False, denied=APIError, failed=APIError, http2=False),
]

ROWS = [*SEARCH_ROWS, *SPLUNK_ROWS, *PUSH_ROWS, *DATADOG_ROWS, *AZURE_ROWS, *KAFKA_ROWS, *TRACING_ROWS]
