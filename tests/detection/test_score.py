#!/usr/bin/env python3
"""The scorer against redactors whose score is known: one that knows the labels, one that does nothing, and masks."""

import json
import unittest

import generate
import score

LINES = generate.corpus(1)


def perfect(line):
    """Every labelled span as a mark, in the text's own bytes."""
    data, out, place = line["text"].encode(), b"", 0
    for span in line["spans"]:
        out += data[place:span["start"]] + f"⟦{span['group']}⟧".encode()
        place = span["end"]
    return (out + data[place:]).decode()


def scored(redact):
    total = score.Score()
    for line in LINES:
        total.take(line, redact(line))
    return total


class Scorer(unittest.TestCase):
    def test_the_labels_themselves_reach_everything(self):
        total = scored(perfect)
        missed = [lines[0] for lines in total.misses.values()]
        self.assertFalse(missed, json.dumps(missed[:3], ensure_ascii=False)[:2000])
        self.assertEqual(total.macro(), 1.0)
        self.assertEqual(total.touched(""), 0.0)
        for row in score.FLOORS:
            self.assertIn(total.precision(row), (1.0, None), row)
        self.assertFalse([text for text in score.below(total)])

    def test_nothing_reaches_nothing(self):
        total = scored(lambda line: line["text"])
        self.assertEqual(sum(pair[0] for pair in total.recall.values()), 0)
        self.assertEqual((total.macro(), total.touched("")), (0.0, 0.0))

    def test_a_text_that_cannot_be_scanned_is_missed_and_touched(self):
        total = scored(lambda line: None)
        self.assertEqual(sum(pair[0] for pair in total.recall.values()), 0)
        self.assertEqual(total.touched(""), 1.0)

    def test_all_of_everything_has_no_precision(self):
        total = scored(lambda line: "⟦SECRET⟧")
        self.assertEqual(total.touched(""), 1.0)

    def test_what_may_survive(self):
        def left(text, start, end, group, changed):
            return "".join(text[place] for place in score.survives(text, (start, end, group), changed))

        card = "4111 1111 1111 1111"
        self.assertEqual(left(card, 0, 19, "CREDIT_CARD", [(0, 15, "")]), "")
        self.assertEqual(left(card, 0, 19, "CREDIT_CARD", [(0, 13, "")]), "1")
        self.assertEqual(left(card, 0, 19, "US_SSN", [(0, 15, "")]), "1111")
        self.assertEqual(left("jane@example.com", 0, 16, "EMAIL", [(5, 16, "")]), "")
        self.assertEqual(left("jane@example.com", 0, 16, "EMAIL", [(0, 4, "")]), "examplecom")

    def test_regions_follow_the_marks(self):
        self.assertEqual(score.regions("a 12 b 34 c", "a ⟦X⟧ b ⟦Y⟧ c"), ([(2, 4, "X"), (7, 9, "Y")], True))
        self.assertEqual(score.regions('{"a":12}', '{"a":"⟦X⟧"}'), ([(5, 7, "X")], True))
        self.assertEqual(score.regions("same", "same"), ([], True))

    def test_the_corpus_is_the_same_for_the_same_seed(self):
        self.assertEqual(LINES, generate.corpus(1))
        self.assertGreaterEqual(len(LINES), 5000)
        for line in LINES:
            data = line["text"].encode()
            for span in line["spans"]:
                data[span["start"]:span["end"]].decode()
            decode = score.DECODERS[line.get("decode", "")]
            self.assertEqual(decode(line["text"]), line.get("plain", line)["text"])


if __name__ == "__main__":
    unittest.main()
