"""The values that every test plants, what the default packs make of them, and how to look for them.

What is sent and said holds all of `PLANTED`. `redacted` says what a text of it must have become: it replaces the values and
nothing else, so that comparing with it finds every other byte that changed.
"""

import base64
import binascii
import json
import re
import urllib.parse

CARD = "4111 1111 1111 1111"
NUMBER = 4111111111111111
SSN = "078-05-1120"
PHONE = "(212) 555-0123"
EMAIL = "jane@example.com"
SECRET = "AKIA" + "QYLPMN5HFIQR7XYA"  # in two, so that no scanner of this repository takes it for one
TEXT = f"Card {CARD}, number {SSN}, phone {PHONE}, mail {EMAIL}, key {SECRET}; thanks."

CHANGES = {
    CARD: "**** **** **** 1111",
    SSN: "***-**-****",
    PHONE: "(***) ***-0123",
    EMAIL: "jane@***",
    SECRET: "[SECRET]",
}
PLANTED = [CARD, str(NUMBER), SSN, SSN.replace("-", ""), "212) 555", EMAIL, "example.com", SECRET]

# What a rule of the tests' workspace blocks.
FORBIDDEN = "PROJECT-ZEBRAS"

# Nothing to find here, and everything that a reader and writer might spell otherwise.
PLAIN = 'Nothing to find: "quoted", é, 漢字, \U0001f600, a\\b, <tag>, 1.50, 12/31, https://acme.test/?a=b&c=d\n\tend.'


def arguments(text):
    """A tool call's arguments that hold `text`, and the card as a number where the text is the planted one."""
    number = NUMBER if text == TEXT else 9007199254740993
    return {"card": number, "note": text + ' "é" \u2028', "nested": {"list": [text, 1.50, None, True]}}


# A card as a number: it becomes a string, quoted as the member's name is at that depth of JSON within JSON.
BARE = re.compile(r'(\\*")(\s*:\s*)%d(?=\D)' % NUMBER)


def redacted(text):
    """What a text with planted values must have become."""
    text = BARE.sub(r"\1\2\1************1111\1", text)
    for value, change in CHANGES.items():
        text = text.replace(value, change)
    return text


SAFE = redacted(TEXT)


def layers(text, depth=3):
    """The text, and what it reads as where it is JSON, base64 or percent-encoded."""
    yield text
    if depth == 0:
        return
    try:
        inner = json.loads(text)
        if isinstance(inner, (dict, list, str)):
            yield json.dumps(inner, ensure_ascii=False)
            for string in strings(inner):
                yield from layers(string, depth - 1)
    except ValueError:
        pass
    if "%" in text:
        yield urllib.parse.unquote_plus(text)
    for run in re.findall(r"[A-Za-z0-9+/_-]{24,}={0,2}", text):
        try:
            yield base64.b64decode(run.replace("-", "+").replace("_", "/") + "==").decode("utf-8", "replace")
        except (ValueError, binascii.Error):
            pass


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from strings(member)


def clean(text):
    """Fails where a planted value is in a text, or in what is encoded in it."""
    for layer in layers(text):
        for value in PLANTED:
            assert value not in layer, f"{value} in {layer[max(layer.find(value) - 200, 0) :][:600]}"
