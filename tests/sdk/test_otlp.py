"""OpenTelemetry's Python exporters through the proxy, over HTTP and gRPC, plain and with gzip, to a collector that decodes
what it gets with OpenTelemetry's own messages."""

import json
import logging

import grpc
import httpx
import pytest
from clients_node import node
from matrix import At
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.profiles.v1development import profiles_service_pb2, profiles_service_pb2_grpc
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Status, StatusCode
from planted import FORBIDDEN, PLANTED, SAFE, SSN, TEXT, clean

RESOURCE = Resource({"service.name": "shop", "contact": TEXT})
ways = pytest.mark.parametrize("way", ["http", "grpc"])
zipped = pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])


@pytest.fixture
def collector(running):
    collector = running["collector"]
    collector.received.clear()
    collector.message = ""
    return collector


@pytest.fixture
def exporter(running, base, monkeypatch):
    # They would win over the exporter's own argument.
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    folder = running["folder"]

    def make(http, over_grpc, way, gzip, path):
        if way == "grpc":
            ca, key, certificate = ((folder / name).read_bytes() for name in ("ca.crt", "one.key", "one.crt"))
            return over_grpc(
                endpoint=base,
                credentials=grpc.ssl_channel_credentials(ca, key, certificate),
                compression=grpc.Compression.Gzip if gzip else grpc.Compression.NoCompression,
                timeout=10,
            )
        return http(
            endpoint=f"{base}/otel/v1/{path}",
            certificate_file=str(folder / "ca.crt"),
            client_key_file=str(folder / "one.key"),
            client_certificate_file=str(folder / "one.crt"),
            compression=Compression.Gzip if gzip else Compression.NoCompression,
            timeout=10,
        )

    return make


def attributes(pairs):
    return {pair.key: pair.value for pair in pairs}


def only(collector, way):
    [(came, message)] = collector.received
    assert came == way
    clean(str(message))
    clean(message.SerializeToString().decode("utf-8", "replace"))
    return message


@ways
@zipped
def test_logs(collector, exporter, way, gzip):
    provider = LoggerProvider(RESOURCE)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter(HttpLogs, GrpcLogs, way, gzip, "logs")))
    logger = logging.Logger("shop")
    logger.addHandler(LoggingHandler(logger_provider=provider))
    logger.warning(TEXT, extra={"customer.ssn": SSN.replace("-", ""), "card": 4111111111111111, "count": 3})
    provider.shutdown()
    [logs] = only(collector, way).resource_logs
    assert attributes(logs.resource.attributes)["contact"].string_value == SAFE
    [record] = logs.scope_logs[0].log_records
    assert record.body.string_value == SAFE
    assert record.severity_text == "WARN" and record.observed_time_unix_nano > 0
    found = attributes(record.attributes)
    assert found["card"].string_value == "************1111"
    assert found["count"].int_value == 3


@ways
@zipped
def test_traces(collector, exporter, way, gzip):
    messages = json.dumps([{"role": "user", "parts": [{"type": "text", "content": TEXT}]}])
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(exporter(HttpSpans, GrpcSpans, way, gzip, "traces")))
    with provider.get_tracer("shop").start_as_current_span(f"call {TEXT}") as span:
        span.set_attribute("gen_ai.input.messages", messages)
        span.set_attribute("list", [TEXT, "nothing"])
        span.add_event(f"said {TEXT}", {"text": TEXT})
        span.set_status(Status(StatusCode.ERROR, TEXT))
        context = span.get_span_context()
    provider.shutdown()
    [spans] = only(collector, way).resource_spans
    [span] = spans.scope_spans[0].spans
    assert span.trace_id == context.trace_id.to_bytes(16, "big")
    assert span.span_id == context.span_id.to_bytes(8, "big")
    assert span.name == f"call {SAFE}" and span.status.message == SAFE
    found = attributes(span.attributes)
    assert json.loads(found["gen_ai.input.messages"].string_value)[0]["parts"][0]["content"] == SAFE
    assert [value.string_value for value in found["list"].array_value.values] == [SAFE, "nothing"]
    assert span.events[0].name == f"said {SAFE}"
    assert attributes(span.events[0].attributes)["text"].string_value == SAFE


@ways
@zipped
def test_metrics(collector, exporter, way, gzip):
    exporter = exporter(HttpMetrics, GrpcMetrics, way, gzip, "metrics")
    provider = MeterProvider([PeriodicExportingMetricReader(exporter, 3_600_000)], RESOURCE)
    meter = provider.get_meter("shop")
    meter.create_counter("sales", description=TEXT).add(4, {"who": TEXT})
    meter.create_histogram("latency").record(7.5, {"who": TEXT})
    provider.shutdown()
    [metrics] = only(collector, way).resource_metrics
    sales, latency = metrics.scope_metrics[0].metrics
    assert sales.description == SAFE and sales.sum.data_points[0].as_int == 4
    assert attributes(sales.sum.data_points[0].attributes)["who"].string_value == SAFE
    assert latency.histogram.data_points[0].sum == 7.5
    assert sum(latency.histogram.data_points[0].bucket_counts) == 1


def test_profiles(collector, running, tls, base):
    """No exporter sends them yet; the messages are OpenTelemetry's own."""
    request = profiles_service_pb2.ExportProfilesServiceRequest()
    request.dictionary.string_table.extend(["", "cpu", TEXT, "contact"])
    request.dictionary.attribute_table.add(key_strindex=3).value.string_value = TEXT
    request.dictionary.function_table.add(name_strindex=2)
    request.dictionary.link_table.add(trace_id=bytes(range(16)), span_id=bytes(range(8)))
    resource = request.resource_profiles.add()
    resource.resource.attributes.add(key="contact").value.string_value = TEXT
    profile = resource.scope_profiles.add().profiles.add(profile_id=bytes(range(16)), original_payload=TEXT.encode())
    profile.samples.add(values=[4111111111111111, 1], timestamps_unix_nano=[1763690000123456789])
    folder = running["folder"]
    ca, key, certificate = ((folder / name).read_bytes() for name in ("ca.crt", "one.key", "one.crt"))
    with grpc.secure_channel(f"localhost:{running['port']}", grpc.ssl_channel_credentials(ca, key, certificate)) as channel:
        profiles_service_pb2_grpc.ProfilesServiceStub(channel).Export(request, timeout=10)
    with httpx.Client(verify=tls) as client:
        sent = {"content": request.SerializeToString(), "headers": {"content-type": "application/x-protobuf"}}
        client.post(f"{base}/otel/v1development/profiles", **sent).raise_for_status()
    assert [way for way, _ in collector.received] == ["grpc", "http"]
    for _, received in collector.received:
        assert list(received.dictionary.string_table) == ["", "cpu", SAFE, "contact"]
        assert received.dictionary.attribute_table[0].value.string_value == SAFE
        assert received.resource_profiles[0].resource.attributes[0].value.string_value == SAFE
        [found] = received.resource_profiles[0].scope_profiles[0].profiles
        assert found.original_payload.decode() == SAFE
        assert found.samples == profile.samples and found.profile_id == profile.profile_id
        assert received.dictionary.link_table == request.dictionary.link_table


@zipped
def test_answers_over_grpc(collector, running, gzip):
    collector.message = TEXT
    folder = running["folder"]
    ca, key, certificate = ((folder / name).read_bytes() for name in ("ca.crt", "one.key", "one.crt"))
    credentials = grpc.ssl_channel_credentials(ca, key, certificate)
    compression = grpc.Compression.Gzip if gzip else grpc.Compression.NoCompression
    with grpc.secure_channel(f"localhost:{running['port']}", credentials, compression=compression) as channel:
        stub = logs_service_pb2_grpc.LogsServiceStub(channel)
        reply = stub.Export(logs_service_pb2.ExportLogsServiceRequest(), timeout=10)
        assert reply.partial_success.error_message == SAFE
        # Another service than those that are known.
        with pytest.raises(grpc.RpcError) as raised:
            channel.unary_unary("/some.Service/Call")(b"\x0a\x01x", timeout=10)
        assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED
        # The server may refuse the head before the message has been looked at; the message comes nowhere.
        assert any(told in raised.value.details() for told in ("(media_type, request ", "Method not found!"))
    assert not any(value in str(collector.received) for value in PLANTED)


def test_refusals_over_grpc(collector, exporter, caplog):
    """What blocks outside of all records refuses the call; the exporter says why and does not try again."""
    provider = LoggerProvider(Resource({"contact": f"{TEXT} {FORBIDDEN}"}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter(None, GrpcLogs, "grpc", True, "logs")))
    logger = logging.Logger("shop")
    logger.addHandler(LoggingHandler(logger_provider=provider))
    with caplog.at_level(logging.DEBUG):
        logger.warning("nothing")
        provider.shutdown()
    assert collector.received == []
    assert "StatusCode.PERMISSION_DENIED" in caplog.text
    assert not any(value in caplog.text for value in [*PLANTED, FORBIDDEN])


@pytest.mark.parametrize("call, way", [("otlp json", "json"), ("otlp protobuf", "http"), ("otlp grpc", "grpc")])
def test_node(collector, running, base, tls, call, way):
    at = At(base, tls, running["folder"], text=TEXT)
    assert node(call)(at) == []
    [logs] = only(collector, way).resource_logs
    assert attributes(logs.resource.attributes)["contact"].string_value == SAFE
    [record] = logs.scope_logs[0].log_records
    assert record.body.string_value == SAFE and record.severity_text == "WARN"
    assert attributes(record.attributes)["note"].string_value == SAFE
    assert attributes(record.attributes)["count"].int_value == 3
    assert attributes(record.attributes)["card"].string_value == "************1111"
    # What blocks outside of all records is the exporter's error, and is not sent.
    collector.received.clear()
    [error] = node(call)(At(base, tls, running["folder"], text=f"it is {FORBIDDEN}"))
    assert FORBIDDEN not in error and not collector.received
    assert error.startswith("7: " if way == "grpc" else "403: ")


def test_node_metrics(collector, running, base, tls):
    assert node("otlp metrics")(At(base, tls, running["folder"], text=TEXT)) == []
    [metrics] = only(collector, "json").resource_metrics
    assert attributes(metrics.resource.attributes)["contact"].string_value == SAFE
    sales, latency = metrics.scope_metrics[0].metrics
    assert sales.description == SAFE
    [point] = sales.sum.data_points
    # What was measured is a number, whatever it looks like; what it was measured of may be a text.
    assert (point.as_double or point.as_int) == 4
    assert attributes(point.attributes)["who"].string_value == SAFE
    assert attributes(point.attributes)["card"].string_value == "************1111"
    assert latency.histogram.data_points[0].sum == 7.5
    assert sum(latency.histogram.data_points[0].bucket_counts) == 1
