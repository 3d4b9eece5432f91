#!/usr/bin/env python3
"""Scores the pack `injection` on labelled texts: attacks by kind, and texts that only speak of such things.

    tests/detection/injection.py --blackbar PATH [--misses FILE]

A text is found when any rule of the pack has a finding in it. Exit code 1 below a floor or above a ceiling.
"""

import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile

# What must be reached over all attacks, and what may be found of the texts that are none. The ceiling for articles on the
# subject is apart: they quote attacks.
RECALL_FLOOR = 0.70
FALSE_CEILING = 0.02
SECURITY_CEILING = 0.25
HERE = os.path.dirname(os.path.abspath(__file__))


def texts():
    with open(os.path.join(HERE, "injection.txt"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                kind, text = line.rstrip("\n").split("\t", 1)
                yield kind, unescaped(text)


def unescaped(text):
    out, at = [], 0
    simple = {"n": "\n", "t": "\t", "\\": "\\"}
    while at < len(text):
        if text[at] != "\\":
            out.append(text[at])
            at += 1
        elif text[at + 1] in simple:
            out.append(simple[text[at + 1]])
            at += 2
        else:
            length = {"u": 4, "U": 8}[text[at + 1]]
            out.append(chr(int(text[at + 2 : at + 2 + length], 16)))
            at += 2 + length
    return "".join(out)


def found(blackbar, all_texts):
    """For each text the rules that have findings in it, from one scan."""
    with tempfile.TemporaryDirectory() as room:
        rules = os.path.join(room, "rules.toml")
        with open(rules, "w", encoding="utf-8") as file:
            file.write('version = 1\npacks = ["injection"]\n')
        names = []
        for number, (_, text) in enumerate(all_texts):
            names.append(os.path.join(room, f"{number:05d}.txt"))
            with open(names[-1], "w", encoding="utf-8", newline="") as file:
                file.write(text)
        done = subprocess.run([blackbar, "scan", "--rules", rules, "--format", "json", *names], capture_output=True, text=True)
        if done.returncode not in (0, 1):
            sys.exit(f"blackbar scan ended with {done.returncode}: {done.stderr[-2000:]}")
        if done.returncode == 1 and not done.stdout:
            sys.exit(f"blackbar scan found nothing: {done.stderr[-2000:]}")
        rules_of = collections.defaultdict(set)
        for line in done.stdout.splitlines():
            finding = json.loads(line)
            rules_of[os.path.basename(finding["file"])].add(finding["rule"])
        return [rules_of[os.path.basename(name)] for name in names]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--blackbar", required=True)
    arguments.add_argument("--misses", help="where to write what was missed, and found wrongly")
    chosen = arguments.parse_args()
    all_texts = list(texts())
    caught, count, wrong = collections.Counter(), collections.Counter(), []
    for (kind, text), rules in zip(all_texts, found(chosen.blackbar, all_texts)):
        count[kind] += 1
        caught[kind] += bool(rules)
        if bool(rules) == kind.startswith("benign"):
            wrong.append(f"{kind}\t{text!r}\t{' '.join(sorted(rules))}")
    share = lambda kinds: (sum(caught[kind] for kind in kinds), sum(count[kind] for kind in kinds))
    attacks = [kind for kind in count if not kind.startswith("benign")]
    security = ["benign-security"]
    benign = [kind for kind in count if kind.startswith("benign") and kind not in security]
    print("| texts | found | of | share |\n|---|---|---|---|")
    rows = [(kind, [kind]) for kind in attacks] + [("all attacks", attacks)]
    rows += [(kind.replace("-", ": "), [kind]) for kind in benign] + [("all benign", benign), ("articles on attacks", security)]
    for name, kinds in rows:
        hits, of = share(kinds)
        print(f"| {name} | {hits} | {of} | {hits / of:.2f} |")
    if chosen.misses:
        with open(chosen.misses, "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in wrong)
    limits = [(attacks, RECALL_FLOOR, 1), (benign, FALSE_CEILING, -1), (security, SECURITY_CEILING, -1)]
    low = 0
    for kinds, limit, sign in limits:
        hits, of = share(kinds)
        if sign * hits / of < sign * limit:
            low = 1
            print(f"{'below its floor' if sign > 0 else 'above its ceiling'} of {limit}: {hits} of {of}")
    return low


if __name__ == "__main__":
    sys.exit(main())
