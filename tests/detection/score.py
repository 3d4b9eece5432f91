#!/usr/bin/env python3
"""Scores redactors on the labelled detection corpus and prints one Markdown table.

    tests/detection/score.py --blackbar PATH [--corpus FILE] [--outputs NAME=FILE]... [--misses FILE]

Every finding leaves as a mark that holds its entity, so that the regions that a redactor changed are known exactly. A span is
caught when no more of it survives outside them than its masking mode may leave: the last four digits of a card or a phone,
the local part of an address, otherwise no letter and no digit. Where the value is encoded, the output is decoded first.
Precision counts the other regions changed. A text that could not be scanned counts as missed and is reported.

Exit code 1 when Blackbar falls below a floor of `FLOORS`.
"""

import argparse
import base64
import binascii
import collections
import html
import json
import os
import quopri
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

# Row of the table: what must be reached, what is aimed at, precision. None where nothing is asked.
FLOORS = {
    "CREDIT_CARD": (0.98, 0.995, 0.98),
    "US_SSN": (0.98, 0.995, 0.97),
    "US_ITIN": (0.98, 0.995, 0.97),
    "PHONE": (0.93, 0.97, 0.95),
    "EMAIL": (0.98, 0.995, 0.99),
    "IBAN": (0.97, 0.995, 0.99),
    "IP_ADDRESS": (0.98, 0.995, 0.97),
    "MAC_ADDRESS": (None, 0.97, 0.97),
    "CRYPTO_WALLET": (None, 0.90, 0.97),
    "BANK_ACCOUNT": (None, 0.85, 0.92),
    "DEVICE_ID": (None, 0.93, 0.92),
    "SECRET": (0.80, 0.90, 0.93),
    "SECRET_LABELLED": (0.72, 0.80, None),
    "PASSWORD": (0.60, 0.85, None),
    "GOV_ID": (0.85, 0.93, 0.92),
}
EVASIONS_FLOOR, EVASIONS_GOAL = 0.75, 0.92
NEGATIVES_FLOOR, NEGATIVES_GOAL = 0.02, 0.005
CLEAN_FLOOR, CLEAN_GOAL = 0.0005, 0.0005

# A redactor's entity to the row whose precision it counts in; what is not named here counts in GOV_ID.
ROWS = {row: row for row in FLOORS} | {
    "CREDITCARD": "CREDIT_CARD", "CREDIT_CARD_NUMBER": "CREDIT_CARD", "SSN": "US_SSN", "SOCIAL_SECURITY_NUMBER": "US_SSN", "US_SOCIAL_SECURITY_NUMBER": "US_SSN",
    "PHONE_NUMBER": "PHONE", "EMAIL_ADDRESS": "EMAIL", "IBAN_CODE": "IBAN", "IP": "IP_ADDRESS", "IPV4": "IP_ADDRESS", "IPV6": "IP_ADDRESS",
    "IPV4_ADDRESS": "IP_ADDRESS", "IPV6_ADDRESS": "IP_ADDRESS", "CRYPTO": "CRYPTO_WALLET", "CRYPTO_ADDRESS": "CRYPTO_WALLET", "US_BANK_NUMBER": "BANK_ACCOUNT", "ABA_ROUTING_NUMBER": "BANK_ACCOUNT",
    "PASSWORD": "SECRET", "CREDENTIAL": "SECRET", "CREDENTIALS": "SECRET", "SECRET_LABELLED": "SECRET", "PRIVATE_KEY": "SECRET", "API_KEY": "SECRET",
    "UNKNOWN": "OTHER", "URL": "OTHER", "DATE_TIME": "OTHER", "PERSON": "OTHER", "NAME": "OTHER", "LOCATION": "OTHER", "NRP": "OTHER", "STREETADDRESS": "OTHER", "ZIPCODE": "OTHER",
    "USERNAME": "OTHER", "DIGITS": "OTHER", "TWITTER": "OTHER", "SKYPE": "OTHER", "POSTALCODE": "OTHER", "DATE_OF_BIRTH": "OTHER", "IMEI": "DEVICE_ID", "IMSI": "DEVICE_ID",
    "VEHICLE": "OTHER", "LICENCEPLATE": "OTHER", "MAC": "MAC_ADDRESS", "ETHEREUM": "CRYPTO_WALLET", "BITCOIN": "CRYPTO_WALLET",
}
# Every pack there is.
PACKS = ["all"]
MARK = re.compile("⟦([A-Z0-9_]*)⟧")
# As a form writes it, in which every field may have been plain.
ENCODED_MARK = re.compile("%E2%9F%A6([A-Z0-9_]*)%E2%9F%A7")


# Running Blackbar

def entities_of(blackbar, rules):
    """The entities of the rules in force, from `rules list`."""
    done = subprocess.run([blackbar, "rules", "list", "--rules", rules], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"blackbar rules list ended with {done.returncode}: {done.stderr[-2000:]}")
    listed = done.stdout.splitlines()
    place = listed[0].split().index("ENTITY")
    return sorted({line.split()[place] for line in listed[1:] if len(line.split()) > place and re.fullmatch(r"[A-Z][A-Z0-9_]*", line.split()[place])})


def blackbar_outputs(blackbar, lines, extra):
    """Every text through `blackbar redact`, as a file of its own, one process for each media type. None: not scannable."""
    room = tempfile.mkdtemp(prefix="blackbar-detection-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    try:
        rules = os.path.join(room, "rules.toml")
        head = f"version = 1\npacks = {json.dumps(PACKS)}\n{extra}\n"
        with open(rules, "w", encoding="utf-8") as file:
            file.write(head)
        actions = "".join(f'{entity} = {{ replace = "⟦{entity}⟧" }}\n' for entity in entities_of(blackbar, rules))
        with open(rules, "w", encoding="utf-8") as file:
            file.write(f"{head}[actions]\n{actions}")
        by_type = collections.defaultdict(list)
        for line in lines:
            by_type[line["type"]].append(line)
        outputs = {}
        for number, (media_type, texts) in enumerate(sorted(by_type.items())):
            source, target = os.path.join(room, f"in{number}"), os.path.join(room, f"out{number}")
            os.mkdir(source)
            for line in texts:
                with open(os.path.join(source, line["id"]), "wb") as file:
                    file.write(line["text"].encode())
            for start in range(0, len(texts), 2000):
                names = [os.path.join(source, line["id"]) for line in texts[start:start + 2000]]
                done = subprocess.run([blackbar, "redact", "--rules", rules, "--type", media_type, "-o", target, *names], capture_output=True, text=True)
                if done.returncode not in (0, 1):
                    sys.exit(f"blackbar redact ended with {done.returncode}: {done.stderr[-2000:]}")
            for line in texts:
                path = os.path.join(target, line["id"])
                outputs[line["id"]] = None
                if os.path.exists(path):
                    with open(path, "rb") as file:
                        outputs[line["id"]] = file.read().decode("utf-8", "replace")
        return outputs
    finally:
        shutil.rmtree(room, ignore_errors=True)


# Decoding

def decoded_runs(text, pattern, decode):
    """`text` with every run of `pattern` that decodes to UTF-8 text in its decoded form."""

    def replace(match):
        try:
            found = decode(match.group()).decode("utf-8")
        except (ValueError, binascii.Error):
            return match.group()
        return found if found and all(char.isprintable() or char in "\r\n\t\u200b" for char in found) else match.group()

    return pattern.sub(replace, text)


def base64_bytes(run):
    run = re.sub(r"\s", "", run).rstrip("=")
    return base64.b64decode(run.replace("-", "+").replace("_", "/") + "=" * (-len(run) % 4), validate=True)


BASE64_RUN = re.compile(r"[A-Za-z0-9+/_-]{10,}={0,2}")
BASE64_LINES = re.compile(r"(?<=\r\n\r\n)[A-Za-z0-9+/]+(?:\r\n[A-Za-z0-9+/]+)*={0,2}")
HEX_RUN = re.compile(r"(?:0x)?((?:[0-9a-fA-F]{2}){6,})")


def escapes(text, pattern):
    joined = pattern.sub(lambda match: chr(int(match.group(1), 16)), text)
    return joined.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


DECODERS = {
    "": lambda text: text,
    "percent": urllib.parse.unquote,
    "percent2": lambda text: urllib.parse.unquote(urllib.parse.unquote(text)),
    "form": urllib.parse.unquote_plus,
    "html": html.unescape,
    "base64": lambda text: decoded_runs(text, BASE64_RUN, base64_bytes),
    "base64lines": lambda text: decoded_runs(text, BASE64_LINES, base64_bytes),
    "hex": lambda text: decoded_runs(text, HEX_RUN, lambda run: bytes.fromhex(run.removeprefix("0x"))),
    "uescape": lambda text: escapes(escapes(text, re.compile(r"\\\\u([0-9a-fA-F]{4})")), re.compile(r"\\u([0-9a-fA-F]{4})")),
    "xescape": lambda text: re.sub(r"(?:\\x[0-9a-f]{2})+", lambda match: bytes.fromhex(match.group().replace("\\x", "")).decode("utf-8", "replace"), text),
    "qp": lambda text: quopri.decodestring(text.encode()).decode("utf-8", "replace"),
    "form+base64": lambda text: decoded_runs(urllib.parse.unquote(text), BASE64_RUN, base64_bytes),
}


# Regions that were changed

def regions(before, after):
    """Where `before` was changed, as (start, end, entity), and whether that is exact."""
    if before == after:
        return [], True
    after = ENCODED_MARK.sub(lambda match: f"⟦{match.group(1)}⟧", after)
    parts = MARK.split(after)
    pieces, names = parts[::2], parts[1::2]
    if not names:
        return inexact(before, after), False
    for trimmed in (lambda piece: piece, unquoted, lambda piece: piece.strip(" *")):
        # Only beside a mark: a number that became a string, or signs that fill an encoding's last group.
        kept = [beside(piece, trimmed, place > 0, place < len(pieces) - 1) for place, piece in enumerate(pieces)]
        found = re.fullmatch("(.*?)".join(re.escape(piece) for piece in kept), before, re.DOTALL) if len(names) < 12 else None
        if found:
            return [(*found.span(group + 1), name) for group, name in enumerate(names) if found.group(group + 1)], True
    return inexact(before, after), False


def unquoted(piece):
    return piece.removeprefix('"').removesuffix('"')


def beside(piece, trimmed, left, right):
    """`piece` trimmed at the sides at which a mark stands."""
    whole = trimmed(piece)
    head, _, tail = piece.partition(whole) if whole else (piece, "", "")
    return ("" if left else head) + whole + ("" if right else tail)


def inexact(before, after):
    """Changed regions by comparison, for outputs that are not the text with marks in it."""
    import difflib

    out = []
    for kind, start, end, other, stop in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind in ("replace", "delete"):
            name = MARK.search(after[other:stop])
            out.append((start, end, name.group(1) if name else "UNKNOWN"))
    return out


AT = re.compile(r"@|＠|\s*[\[({]?\bat\b[\])}]?\s*|%40", re.IGNORECASE)


def survives(text, span, changed):
    """The part of a span that no masking mode may leave and that is left."""
    start, end, group = span
    left = [place for place in range(start, end) if not any(begin <= place < stop for begin, stop, _ in changed)]
    if group in ("CREDIT_CARD", "PHONE", "US_SSN", "US_ITIN"):
        every = [place for place in range(start, end) if text[place].isnumeric()]
        every = every if len(every) > 6 else [place for place in range(start, end) if text[place].isalnum()]
        may = set(every[-4:]) if group in ("CREDIT_CARD", "PHONE") else set()
        return [place for place in left if place in set(every) - may]
    if group == "EMAIL":
        at = AT.search(text, start, end)
        domain = at.end() if at else start
        return [place for place in left if place >= domain and text[place].isalnum()]
    if group == "IP_ADDRESS":
        zone = text.find("%", start, end)
        end = zone if zone >= 0 else end
    return [place for place in left if place < end and text[place].isalnum()]


def offsets(text, spans):
    """Spans in bytes as spans in characters."""
    data = text.encode()
    return [(len(data[:span["start"]].decode()), len(data[:span["end"]].decode()), span["group"]) for span in spans]


class Score:
    """What a redactor did on the corpus."""

    def __init__(self):
        self.recall = collections.defaultdict(lambda: [0, 0])      # row -> caught, all
        self.evasions = collections.defaultdict(lambda: [0, 0])
        self.ungated = collections.defaultdict(lambda: [0, 0])
        self.evaded_rows = collections.defaultdict(lambda: [0, 0])
        self.regions = collections.defaultdict(lambda: [0, 0])     # row -> right, all
        self.negatives = collections.defaultdict(lambda: [0, 0])   # class -> touched, all
        self.carriers = collections.defaultdict(lambda: [0, 0])
        self.misses = collections.defaultdict(list)                # (class, row, kind) -> [(line, output)]
        self.totals = collections.Counter()
        self.false = collections.defaultdict(list)                 # (class, entity) -> [(text, region)]
        self.refused, self.inexact = [], []

    def take(self, line, output):
        if output is None:
            self.refused.append(line)
        plain = line.get("plain", line)
        text = plain["text"]
        if output is None or output == line["text"]:
            changed = []
        else:
            changed, exact = regions(text, DECODERS[line.get("decode", "")](output))
            if not exact:
                self.inexact.append((line, output))
        spans = offsets(text, plain["spans"])
        for span, label in zip(spans, plain["spans"]):
            self.count_span(line, output, label, not survives(text, span, changed) and output is not None)
        for start, end, entity in changed:
            right = any(start < stop and begin < end for begin, stop, _ in spans)
            row = ROWS.get(entity, "GOV_ID")
            self.regions[row][0] += right
            self.regions[row][1] += 1
            if not right:
                self.false[line["class"] if not spans else "labelled", entity].append((text, text[start:end]))
        if not spans:
            self.negatives[line["class"]][0] += bool(changed) or output is None
            self.negatives[line["class"]][1] += 1

    def count_span(self, line, output, label, caught):
        row, kind = label["group"], line["class"]
        self.totals[kind, row, label["kind"]] += 1
        if not caught:
            self.misses[kind, row, label["kind"]].append((line, output))
        if kind.startswith("evasion."):
            table = self.ungated if line.get("gated") is False else self.evasions
            table[kind][0] += caught
            table[kind][1] += 1
            if table is self.evasions:
                self.evaded_rows[row][0] += caught
                self.evaded_rows[row][1] += 1
            return
        for table, key in ((self.recall, row), (self.carriers, line["carrier"])):
            table[key][0] += caught
            table[key][1] += 1

    # Figures

    def macro(self):
        return sum(caught / count for caught, count in self.evasions.values()) / max(1, len(self.evasions))

    def touched(self, prefix):
        pairs = [pair for name, pair in self.negatives.items() if name.startswith(prefix)]
        return sum(pair[0] for pair in pairs) / max(1, sum(pair[1] for pair in pairs))

    def ratio(self, row):
        caught, count = self.recall[row]
        return caught / count if count else 0.0

    def precision(self, row):
        right, count = self.regions[row]
        return right / count if count else None


def table(scores):
    """The Markdown table: a row per entity, a column per redactor, our floor and goal."""
    names = list(scores)
    out = ["| what | texts | " + " | ".join(names) + " | floor | goal | precision |", "|---|---|" + "---|" * (len(names) + 3)]
    first = scores[names[0]]
    show = lambda number: "–" if number is None else f"{number:.3f}"
    for row, (floor, goal, precise) in FLOORS.items():
        cells = []
        for score in scores.values():
            precision = score.precision(row) if precise is not None else None
            cells.append(show(score.ratio(row)) + (f" ({precision:.2f})" if precision is not None else ""))
        out.append(f"| {row} | {first.recall[row][1]} | " + " | ".join(cells) + f" | {show(floor)} | {show(goal)} | {'≥ ' + format(precise, '.2f') if precise else '–'} |")
    macros = " | ".join(f"{score.macro():.3f}" for score in scores.values())
    out.append(f"| evasions, macro over {len(first.evasions)} kinds | {sum(pair[1] for pair in first.evasions.values())} | {macros} | {EVASIONS_FLOOR} | {EVASIONS_GOAL} | |")
    for title, prefix, floor, goal in (("look-alikes touched", "lookalike", NEGATIVES_FLOOR, NEGATIVES_GOAL), ("clean lines touched", "clean", CLEAN_FLOOR, CLEAN_GOAL)):
        count = sum(pair[1] for name, pair in first.negatives.items() if name.startswith(prefix))
        cells = " | ".join(f"{100 * score.touched(prefix):.2f} %" for score in scores.values())
        out.append(f"| {title} | {count} | {cells} | {100 * floor:g} % | {100 * goal:g} % | |")
    return "\n".join(out)


def below(score):
    """What of Blackbar is below its floor."""
    out = []
    for row, (floor, _, precise) in FLOORS.items():
        if floor is not None and score.ratio(row) < floor:
            out.append(f"{row}: recall {score.ratio(row):.3f}, floor {floor}")
        precision = score.precision(row)
        if floor is not None and precise is not None and precision is not None and precision < precise:
            out.append(f"{row}: precision {precision:.3f}, floor {precise}")
    if score.macro() < EVASIONS_FLOOR:
        out.append(f"evasions: macro {score.macro():.3f}, floor {EVASIONS_FLOOR}")
    for title, prefix, floor in (("look-alikes", "lookalike", NEGATIVES_FLOOR), ("clean lines", "clean", CLEAN_FLOOR)):
        if score.touched(prefix) > floor:
            out.append(f"{title}: {100 * score.touched(prefix):.2f} % touched, at most {100 * floor:g} %")
    return out


def shown(text, limit=220):
    return json.dumps(text if len(text) <= limit else text[:limit] + "…", ensure_ascii=False)


def report(score):
    """What was missed and what was touched, worst first, with an example each."""
    out = ["# Misses, worst first", "", "Kinds of one class together: missed of all, the kinds, one example text.", ""]
    classes = collections.defaultdict(list)
    for (name, row, kind), lines in score.misses.items():
        classes[name, row].append((len(lines), score.totals[name, row, kind], kind, lines))
    totals = collections.Counter()
    for (name, row, _), count in score.totals.items():
        totals[name, row] += count
    for (name, row), kinds in sorted(classes.items(), key=lambda item: -sum(kind[0] for kind in item[1])):
        kinds.sort(key=lambda kind: (-kind[0], kind[2]))
        out.append(f"## {name} {row}: {sum(kind[0] for kind in kinds)} of {totals[name, row]} missed")
        by_carrier = collections.Counter(line["carrier"] for kind in kinds for line, _ in kind[3])
        out.append("carriers: " + ", ".join(f"{carrier} {count}" for carrier, count in by_carrier.most_common()))
        out.append("kinds (missed/all): " + ", ".join(f"{kind} {missed}/{count}" for missed, count, kind, _ in kinds))
        for _, _, kind, lines in kinds[:12 if not name.startswith("evasion") else 2]:
            line, output = lines[0]
            got = "refused" if output is None else "unchanged" if output == line["text"] else shown(output)
            out.append(f"- {kind} [{line['type']}]: {shown(line['text'])} → {got}")
        out.append("")
    out += ["# Look-alikes and clean lines touched", ""]
    for (name, entity), found in sorted(score.false.items(), key=lambda item: -len(item[1])):
        out.append(f"- {name} as {entity}: {len(found)}; " + "; ".join(f"{shown(region, 60)} in {shown(text, 120)}" for text, region in found[:3]))
    out += ["", f"# Not scannable: {len(score.refused)}", ""]
    out += [f"- {line['class']} [{line['type']}] {shown(line['text'])}" for line in score.refused[:20]]
    out += ["", f"# Outputs that are not the text with marks in it: {len(score.inexact)}", ""]
    out += [f"- {line['class']} [{line['type']}] {shown(line['text'])} → {shown(output)}" for line, output in score.inexact[:40]]
    return "\n".join(out) + "\n"


def details(score):
    """Recall by evasion and by carrier."""
    out = ["", "| evasion | recall | | evasion | recall |", "|---|---|---|---|---|"]
    pairs = sorted(score.evasions.items(), key=lambda item: item[1][0] / item[1][1])
    cell = lambda item: f"{item[0].removeprefix('evasion.')} | {item[1][0]}/{item[1][1]}" if item else " | "
    half = (len(pairs) + 1) // 2
    for place in range(half):
        out.append(f"| {cell(pairs[place])} | | {cell(pairs[half + place] if half + place < len(pairs) else None)} |")
    out += ["", "Evaded, by entity: " + ", ".join(f"{row} {caught}/{count}" for row, (caught, count) in sorted(score.evaded_rows.items()))]
    out += ["Reported only: " + ", ".join(f"{name.removeprefix('evasion.')} {caught}/{count}" for name, (caught, count) in score.ungated.items())]
    out += ["Carriers: " + ", ".join(f"{name} {caught / count:.2f}" for name, (caught, count) in sorted(score.carriers.items(), key=lambda item: item[1][0] / item[1][1]))]
    return "\n".join(out)


def main():
    arguments = argparse.ArgumentParser(description="Scores redactors on the labelled detection corpus.")
    arguments.add_argument("--blackbar", help="the built program")
    arguments.add_argument("--corpus", help="lines of generate.py; made anew without it")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--outputs", action="append", default=[], metavar="NAME=FILE", help="another redactor's outputs: JSON lines of id and out")
    arguments.add_argument("--rules", default="", help="lines of TOML for the rules file, such as phone regions")
    arguments.add_argument("--misses", help="where to write what was missed")
    arguments.add_argument("--no-floors", action="store_true")
    chosen = arguments.parse_args()
    if chosen.corpus:
        with open(chosen.corpus, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
    else:
        import generate

        lines = generate.corpus(chosen.seed)
    for line in lines:
        if DECODERS[line.get("decode", "")](line["text"]) != line.get("plain", line)["text"]:
            sys.exit(f"the corpus is wrong: {line['class']} does not decode to its plain text: {shown(line['text'], 2000)}")
    scores = {}
    sources = [("Blackbar", lambda: blackbar_outputs(chosen.blackbar, lines, chosen.rules))] if chosen.blackbar else []
    for item in chosen.outputs:
        name, _, path = item.partition("=")
        sources.append((name, lambda path=path: {entry["id"]: entry["out"] for entry in map(json.loads, open(path, encoding="utf-8"))}))
    for name, outputs in sources:
        score, made = Score(), outputs()
        for line in lines:
            score.take(line, made.get(line["id"]))
        scores[name] = score
    if not scores:
        arguments.error("nothing to score: --blackbar or --outputs")
    print(table(scores))
    ours = scores.get("Blackbar")
    if ours is None:
        return 0
    print(details(ours))
    print(f"\n{len(lines)} texts, {len(ours.refused)} not scannable, {len(ours.inexact)} outputs compared by difference.")
    if chosen.misses:
        with open(chosen.misses, "w", encoding="utf-8") as file:
            file.write(report(ours))
    low = below(ours)
    for line in low:
        print(f"below its floor: {line}")
    return 1 if low and not chosen.no_floors else 0


if __name__ == "__main__":
    sys.exit(main())
