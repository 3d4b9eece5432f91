"""Collectors of OTLP over HTTP and gRPC that decode what they get with OpenTelemetry's own messages, and remember it.

Each answers with a partial success whose message is `Collector.message`.
"""

import gzip
import http.server
import threading
from concurrent import futures

import grpc
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.profiles.v1development import profiles_service_pb2, profiles_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

SIGNALS = {
    "logs": (logs_service_pb2.ExportLogsServiceRequest, logs_service_pb2.ExportLogsServiceResponse),
    "traces": (trace_service_pb2.ExportTraceServiceRequest, trace_service_pb2.ExportTraceServiceResponse),
    "metrics": (metrics_service_pb2.ExportMetricsServiceRequest, metrics_service_pb2.ExportMetricsServiceResponse),
    "profiles": (profiles_service_pb2.ExportProfilesServiceRequest, profiles_service_pb2.ExportProfilesServiceResponse),
}


class Collector:
    def __init__(self, key, certificate):
        self.received = []
        self.message = ""
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = b""
                if self.headers.get("transfer-encoding") == "chunked":
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                request, _ = SIGNALS[self.path.rsplit("/", 1)[1]]
                kind = self.headers["content-type"]
                if kind == "application/json":
                    reply = json_format.MessageToJson(collector.take("json", json_format.Parse(body, request()))).encode()
                else:
                    reply = collector.take("http", request.FromString(body)).SerializeToString()
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

        class Servicer:
            def Export(self, request, context):
                return collector.take("grpc", request)

        self.grpc = grpc.server(futures.ThreadPoolExecutor(4), compression=grpc.Compression.Gzip)
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server(Servicer(), self.grpc)
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Servicer(), self.grpc)
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(Servicer(), self.grpc)
        profiles_service_pb2_grpc.add_ProfilesServiceServicer_to_server(Servicer(), self.grpc)
        credentials = grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])
        self.grpc_port = self.grpc.add_secure_port("127.0.0.1:0", credentials)
        self.grpc.start()

    @property
    def http_url(self):
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    def take(self, way, message):
        self.received.append((way, message))
        reply = next(reply for request, reply in SIGNALS.values() if isinstance(message, request))()
        if self.message:
            reply.partial_success.error_message = self.message
        return reply
