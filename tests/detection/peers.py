#!/usr/bin/env python3
"""Runs a redactor of a registry over the corpus: lines of generate.py in, lines of `id` and `out` out.

    peers.py presidio | presidio-default | presidio-0.4 | scrubadub | detect-secrets  <corpus.jsonl >out.jsonl

Each as its documentation sets it up, without a trained model: what needs one (names, places) is no part of the corpus.
`presidio` is every pattern recogniser of every country, all scores; `presidio-default` the registry as it comes. Findings
leave as the marks that score.py reads; of those that overlap the first and longest counts. URLs, dates and UUIDs are not
asked of presidio: they are no part of the corpus.
"""

import json
import re
import sys


def marked(text, found):
    """`text` with every (start, end, entity) as a mark."""
    out, place = "", 0
    for start, end, entity in sorted(found, key=lambda item: (item[0], -item[1])):
        if end <= place:
            continue
        start = max(start, place)
        name = re.sub(r"[^A-Z0-9]+", "_", entity.upper()).strip("_")
        out += f"{text[place:start]}⟦{name}⟧"
        place = end
    return out + text[place:]


def presidio(countries, score):
    import inspect
    import logging

    import spacy
    from presidio_analyzer import AnalyzerEngine, PatternRecognizer, RecognizerRegistry, predefined_recognizers
    from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

    logging.disable(logging.WARNING)
    blank = spacy.blank("en")

    class Blank(NlpEngine):
        """Words without a model."""

        def load(self):
            pass

        def is_loaded(self):
            return True

        def process_text(self, text, language):
            doc = blank(text)
            return NlpArtifacts(entities=[], tokens=doc, tokens_indices=[token.idx for token in doc], lemmas=[token.text.lower() for token in doc],
                                nlp_engine=self, language=language)

        def process_batch(self, texts, language, **_):
            return ((text, self.process_text(text, language)) for text in texts)

        def is_stopword(self, word, language):
            return False

        def is_punct(self, word, language):
            return not word.isalnum()

        def get_supported_entities(self):
            return []

        def get_supported_languages(self):
            return ["en"]

    registry = RecognizerRegistry(supported_languages=["en"])
    if countries:
        for _, kind in inspect.getmembers(predefined_recognizers, inspect.isclass):
            if issubclass(kind, (PatternRecognizer, predefined_recognizers.PhoneRecognizer)):
                registry.add_recognizer(kind(supported_language="en"))
    else:
        registry.load_predefined_recognizers(languages=["en"])
        registry.recognizers = [entry for entry in registry.recognizers if "Spacy" not in type(entry).__name__]
    engine = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])

    def redact(text):
        found = engine.analyze(text=text, language="en", score_threshold=score)
        return marked(text, [(item.start, item.end, item.entity_type) for item in found if item.entity_type not in ("URL", "DATE_TIME", "UUID")])

    return redact


def scrubadub():
    import scrubadub

    scrubber = scrubadub.Scrubber()

    def redact(text):
        return marked(text, [(filth.beg, filth.end, filth.type or "unknown") for filth in scrubber.iter_filth(text)])

    return redact


def detect_secrets():
    import os
    import tempfile

    from detect_secrets import SecretsCollection
    from detect_secrets.settings import default_settings

    room = tempfile.TemporaryDirectory()

    def redact(text):
        # As files, which is how it is used: with its limits of entropy and its filters.
        path = os.path.join(room.name, "text.txt")
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        secrets = SecretsCollection()
        with default_settings():
            secrets.scan_file(path)
        found = []
        for _, secret in secrets:
            value = secret.secret_value
            start = text.find(value) if value else -1
            while start >= 0:
                found.append((start, start + len(value), "SECRET"))
                start = text.find(value, start + len(value))
        return marked(text, found)

    return redact


REDACTORS = {
    "presidio": lambda: presidio(True, 0.0), "presidio-default": lambda: presidio(False, 0.0), "presidio-0.4": lambda: presidio(False, 0.4),
    "scrubadub": scrubadub, "detect-secrets": detect_secrets,
}


def main():
    redact = REDACTORS[sys.argv[1]]()
    for line in sys.stdin:
        entry = json.loads(line)
        try:
            out = redact(entry["text"])
        except Exception as error:  # A peer that fails on a text has changed nothing in it.
            print(f"{entry['id']}: {type(error).__name__}", file=sys.stderr)
            out = entry["text"]
        print(json.dumps({"id": entry["id"], "out": out}, ensure_ascii=False))


if __name__ == "__main__":
    main()
