"""Presidio's analyzer behind the form of its own HTTP service: the real package's engine, recognizers that are patterns, and a
deny list. Its language models cannot be had here: texts are only cut into words.

Run by the Python that has presidio-analyzer; prints its port.
"""

import http.server
import json
import logging

import spacy
from presidio_analyzer import AnalyzerEngine, AnalyzerRequest, BatchAnalyzerEngine, PatternRecognizer
from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine

logging.disable(logging.CRITICAL)


class Words(SpacyNlpEngine):
    """Cuts texts into words, and knows no names."""

    def __init__(self):
        super().__init__(models=[], ner_model_configuration=NerModelConfiguration(labels_to_ignore=[]))

    def load(self):
        self.nlp = {"en": spacy.blank("en")}


words = Words()
words.load()
engine = AnalyzerEngine(nlp_engine=words, supported_languages=["en"])
names = PatternRecognizer(supported_entity="PERSON", deny_list=["Jane Doe", "Zoë Müller"])
engine.registry.add_recognizer(names)
engine.registry.add_recognizer(PatternRecognizer(supported_entity="STARSHIP", deny_list=["Heart of Gold"]))
batches = BatchAnalyzerEngine(engine)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = AnalyzerRequest(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        several = isinstance(asked.text, list)
        found = batches.analyze_iterator(
            texts=asked.text if several else [asked.text],
            language=asked.language,
            score_threshold=asked.score_threshold,
            entities=asked.entities,
        )
        found = [[one.to_dict() for one in results] for results in found]
        answer = json.dumps(found if several else found[0], default=str).encode()
        self.send_response(200 if self.path == "/analyze" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
