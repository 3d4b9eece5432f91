"""Evasions and ordinary typography: a value as filters do not expect it.

Each takes a `random.Random`, the value and its label, and gives a `Text`, or None where it cannot be. `gated` is false for
what is reported only.
"""

import base64
import re
import urllib.parse

from carriers import Text, form, json_text, snake
from values import DIGITS

NUMBERS = {"CREDIT_CARD", "US_SSN", "PHONE", "GOV_ID", "IBAN"}
ALL = NUMBERS | {"EMAIL", "IP_ADDRESS", "SECRET", "PASSWORD"}
LOOSE = {"CREDIT_CARD", "US_SSN", "PHONE", "IBAN", "GOV_ID"}
EVASIONS = []


def evasion(name, entities=ALL, gated=True):
    def register(function):
        EVASIONS.append((name, frozenset(entities), gated, function))
        return function
    return register


def around(r, value, label):
    """What stands before and after a value whose label must be near."""
    if value.entity in ("GOV_ID", "PASSWORD"):
        return f"{label}: ", r.choice(["", " ok", "\n"])
    before = r.choice(["note ", "value: ", "see ", f"{label}: ", f"{label} "])
    return before, r.choice(["", " thanks", " and more"])


def direct(name, r, value, label, text, media_type="text/plain"):
    before, after = around(r, value, label)
    return Text(name, media_type, [(before, False), (text, True), (after, False)])


def coded(name, r, value, label, text, decode):
    before, after = around(r, value, label)
    return Text(name, "text/plain", [(before, False), (text, True), (after, False)], decode, [(before, False), (value.text, True), (after, False)])


def every(text, form):
    return "".join(form(byte) for byte in text.encode())


@evasion("percent-reserved", ALL)
def percent_reserved(r, value, label):
    text = urllib.parse.quote(value.text, safe="")
    if text == value.text:
        return None
    return coded("query", r, value, label, text, "percent")


@evasion("percent-form")
def percent_form(r, value, label):
    made = form(r, value, label)
    return made if made.decode else None


@evasion("percent-all")
def percent_all(r, value, label):
    return coded("query", r, value, label, every(value.text, lambda byte: f"%{byte:02X}"), "percent")


@evasion("percent-all-lower", {"CREDIT_CARD", "US_SSN", "EMAIL", "IBAN"})
def percent_lower(r, value, label):
    return coded("query", r, value, label, every(value.text, lambda byte: f"%{byte:02x}"), "percent")


@evasion("percent-double")
def percent_double(r, value, label):
    text = urllib.parse.quote(urllib.parse.quote(value.text, safe=""), safe="")
    return coded("query", r, value, label, text, "percent2") if text != value.text else None


@evasion("percent-double-all", {"CREDIT_CARD", "US_SSN", "EMAIL", "PHONE"})
def percent_double_all(r, value, label):
    return coded("query", r, value, label, every(value.text, lambda byte: f"%25{byte:02X}"), "percent2")


@evasion("html-decimal")
def html_decimal(r, value, label):
    return coded("html", r, value, label, "".join(f"&#{ord(char)};" for char in value.text), "html")


@evasion("html-hex", {"CREDIT_CARD", "US_SSN", "EMAIL", "PHONE", "IBAN", "SECRET"})
def html_hex(r, value, label):
    return coded("html", r, value, label, "".join(f"&#x{ord(char):x};" for char in value.text), "html")


@evasion("html-reserved", {"EMAIL", "CREDIT_CARD", "US_SSN", "PHONE"})
def html_reserved(r, value, label):
    names = {"@": "&commat;", ".": "&period;", " ": "&nbsp;", "+": "&plus;", "-": "&#45;", "(": "&lpar;", ")": "&rpar;"}
    text = "".join(names.get(char, char) for char in value.text)
    made = coded("html", r, value, label, text, "html")
    made.plain = [made.plain[0], (value.text.replace(" ", "\u00a0"), True), made.plain[2]]
    return made if text != value.text else None


def in_field(r, value, label, encode, decode, whole):
    """Something encoded in a JSON field: the value alone, or a text that holds it."""
    before, after = (f"{label}: ", ", thank you" if r.random() < 0.5 else "") if whole or value.entity in ("GOV_ID", "PASSWORD") else ("", "")
    blob = encode(before + value.text + after)
    head, tail = '{"name":"note.txt","data":"', '"}'
    return Text("json", "application/json", [(head, False), (blob, True), (tail, False)], decode, [(head + before, False), (value.text, True), (after + tail, False)])


def b64(text):
    return base64.b64encode(text.encode()).decode()


@evasion("base64-value")
def base64_value(r, value, label):
    return in_field(r, value, label, b64, "base64", False)


@evasion("base64-text")
def base64_text(r, value, label):
    return in_field(r, value, label, b64, "base64", True)


@evasion("base64url")
def base64_url(r, value, label):
    return in_field(r, value, label, lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="), "base64", r.random() < 0.5)


@evasion("base64-plain-text", {"CREDIT_CARD", "US_SSN", "EMAIL", "PHONE", "SECRET"})
def base64_plain(r, value, label):
    before, after = around(r, value, label)
    return Text("prose", "text/plain", [("payload=", False), (b64(before + value.text + after), True), (" done", False)], "base64",
                [("payload=" + before, False), (value.text, True), (after + " done", False)])


@evasion("base64-lines", {"CREDIT_CARD", "US_SSN", "EMAIL", "IBAN", "SECRET"})
def base64_lines(r, value, label):
    filler = "The quarterly report is attached and the figures are in the second table. "
    before, after = f"{filler}{label}: ", f". {filler}"
    blob = b64(before + value.text + after)
    lines = "\r\n".join(blob[place:place + 76] for place in range(0, len(blob), 76))
    head = "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return Text("mime", "text/plain", [(head, False), (lines, True), ("\r\n", False)], "base64lines", [(head + before, False), (value.text, True), (after + "\r\n", False)])


@evasion("authorization-basic", {"PASSWORD"})
def authorization_basic(r, value, label):
    user = r.choice(["admin", "deploy", "svc-app", "jane"])
    head = r.choice(["Authorization: Basic ", "authorization: Basic "])
    return Text("header", "text/plain", [(head, False), (b64(f"{user}:{value.text}"), True), ("\r\n", False)], "base64",
                [(f"{head}{user}:", False), (value.text, True), ("\r\n", False)])


@evasion("hex-value")
def hex_value(r, value, label):
    return in_field(r, value, label, lambda text: text.encode().hex(), "hex", False)


@evasion("hex-text", {"CREDIT_CARD", "US_SSN", "EMAIL", "PHONE", "IBAN"})
def hex_text(r, value, label):
    return in_field(r, value, label, lambda text: text.encode().hex().upper(), "hex", True)


@evasion("hex-0x", {"CREDIT_CARD", "US_SSN", "EMAIL"})
def hex_0x(r, value, label):
    return coded("prose", r, value, label, "0x" + value.text.encode().hex(), "hex")


@evasion("json-escapes")
def json_escapes(r, value, label):
    head, tail = '{"id":1,"%s":"' % json_text(snake(label)), '"}'
    text = "".join(f"\\u{ord(char):04x}" for char in value.text)
    return Text("json", "application/json", [(head, False), (text, True), (tail, False)], "uescape", [(head, False), (value.text, True), (tail, False)])


@evasion("u-escapes-in-text")
def u_escapes(r, value, label):
    return coded("code", r, value, label, "".join(f"\\u{ord(char):04x}" for char in value.text), "uescape")


@evasion("x-escapes-in-text", {"CREDIT_CARD", "US_SSN", "EMAIL", "SECRET"})
def x_escapes(r, value, label):
    return coded("code", r, value, label, every(value.text, lambda byte: f"\\x{byte:02x}"), "xescape")


def deep_json(r, value, label, depth, text):
    """JSON in JSON strings, `depth` of them."""
    before, after = '{"%s":"' % json_text(snake(label)), '","n":1}'
    for _ in range(depth):
        before, text, after = '{"payload":"' + json_text(before), json_text(text), json_text(after) + '"}'
    return before, text, after


@evasion("json-string-escapes", {"CREDIT_CARD", "US_SSN", "EMAIL", "PHONE", "IBAN", "GOV_ID"})
def json_string_escapes(r, value, label):
    before, text, after = deep_json(r, value, label, 1, "".join(f"\\u{ord(char):04x}" for char in value.text))
    return Text("json-in-json", "application/json", [(before, False), (text, True), (after, False)], "uescape", [(before, False), (value.text, True), (after, False)])


@evasion("json-three-deep", {"US_SSN", "EMAIL", "GOV_ID", "PASSWORD", "CREDIT_CARD"})
def json_three_deep(r, value, label):
    before, text, after = deep_json(r, value, label, 3, json_text(value.text))
    return Text("json-in-json", "application/json", [(before, False), (text, True), (after, False)])


@evasion("quoted-printable")
def quoted_printable(r, value, label):
    text = "".join(f"={byte:02X}" if chr(byte) in "@=+ -.:/" or byte > 126 else chr(byte) for byte in value.text.encode())
    if text == value.text:
        return None
    head = "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    before, after = around(r, value, label)
    return Text("mime", "text/plain", [(head + before, False), (text, True), (after, False)], "qp", [(head + before, False), (value.text, True), (after, False)])


@evasion("quoted-printable-soft-break", {"CREDIT_CARD", "EMAIL", "IBAN", "US_SSN", "SECRET"})
def quoted_printable_soft(r, value, label):
    middle = len(value.text) // 2
    text = value.text[:middle].replace("=", "=3D") + "=\r\n" + value.text[middle:].replace("=", "=3D")
    head = "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    before, after = around(r, value, label)
    return Text("mime", "text/plain", [(head + before, False), (text, True), (after, False)], "qp", [(head + before, False), (value.text, True), (after, False)])


@evasion("base64-in-form", {"CREDIT_CARD", "US_SSN", "EMAIL", "IBAN", "SECRET"})
def base64_in_form(r, value, label):
    before, after = f"{label}: ", r.choice(["", " ok?", " >> next"])
    blob = urllib.parse.quote_plus(b64(before + value.text + after))
    return Text("form", "application/x-www-form-urlencoded", [("id=3&data=", False), (blob, True), ("&submit=1", False)], "form+base64",
                [("id=3&data=" + before, False), (value.text, True), (after + "&submit=1", False)])


@evasion("percent-in-json", {"EMAIL", "PHONE", "CREDIT_CARD", "IBAN"})
def percent_in_json(r, value, label):
    text = urllib.parse.quote(value.text, safe="")
    if text == value.text:
        return None
    head, tail = '{"url":"https://example.com/u?%s=' % urllib.parse.quote(snake(label)), '&x=1"}'
    return Text("json", "application/json", [(head, False), (text, True), (tail, False)], "percent", [(urllib.parse.unquote(head), False), (value.text, True), (tail, False)])


def inside(r, text, what, places=None):
    """`text` with `what` put in at its groups' borders, or at two places of its middle."""
    borders = [place for place in range(2, len(text) - 1) if not text[place - 1].isalnum() or not text[place].isalnum()]
    if not borders or places:
        borders = sorted(r.sample(range(2, len(text) - 1), min(places or 2, len(text) - 3)))
    return "".join((what if place in borders else "") + char for place, char in enumerate(text))


for _name, _what in (("zero-width-space", "\u200b"), ("zero-width-joiner", "\u200d"), ("zero-width-non-joiner", "\u200c"), ("soft-hyphen", "\u00ad"),
                     ("bom", "\ufeff"), ("word-joiner", "\u2060"), ("bidi-marks", "\u200e"), ("variation-selector", "\ufe0f")):
    evasion(_name)(lambda r, value, label, what=_what: direct("prose", r, value, label, inside(r, value.text, what, 2 if len(value.text) > 6 else 1)))


@evasion("bidi-embedding", {"CREDIT_CARD", "US_SSN", "PHONE", "EMAIL", "IBAN"})
def bidi_embedding(r, value, label):
    middle = len(value.text) // 2
    return direct("prose", r, value, label, f"{value.text[:middle]}\u202a{value.text[middle:]}\u202c")


@evasion("zero-width-everywhere", {"CREDIT_CARD", "US_SSN", "EMAIL", "PHONE"})
def zero_width_everywhere(r, value, label):
    return direct("prose", r, value, label, "\u200b".join(value.text))


def regrouped(value, separator):
    """The value's groups with another separator between them; long runs are cut into groups as people do."""
    groups = [group for group in re.split(r"[\s\-./()]+", value.text) if group]
    if len(groups) == 1:
        if value.entity == "GOV_ID":
            return None
        run = groups[0]
        size = {"US_SSN": 3, "PHONE": 3}.get(value.entity, 4)
        groups = [run[place:place + size] for place in range(0, len(run), size)]
    return separator.join(groups)


def spread(r, value, label, separator):
    text = regrouped(value, separator)
    return None if text is None else direct("prose", r, value, label, text)


for _name, _separator in (("non-breaking-hyphen", "\u2011"), ("en-dash", "\u2013"), ("em-dash", "\u2014"), ("minus-sign", "\u2212"), ("underscore", "_"), ("slash", "/"),
                          ("double-space", "  "), ("nbsp", "\u00a0"), ("narrow-nbsp", "\u202f"), ("thin-space", "\u2009"), ("dots", "."), ("spaced-hyphen", " - ")):
    evasion(_name, LOOSE)(lambda r, value, label, separator=_separator: spread(r, value, label, separator))
evasion("tab", {"CREDIT_CARD", "PHONE", "IBAN"}, gated=False)(lambda r, value, label: spread(r, value, label, "\t"))


@evasion("spaced-out", NUMBERS)
def spaced_out(r, value, label):
    return direct("prose", r, value, label, " ".join(char for char in value.text if char.isalnum() or char == "+"))


@evasion("hyphened-out", {"CREDIT_CARD", "US_SSN", "PHONE"})
def hyphened_out(r, value, label):
    return direct("prose", r, value, label, "-".join(char for char in value.text if char.isalnum()))


for _name, _zero in (("arabic-indic", 0x660), ("persian", 0x6F0), ("devanagari", 0x966), ("bengali", 0x9E6), ("thai", 0xE50), ("mathematical", 0x1D7CE)):
    evasion(f"digits-{_name}", NUMBERS)(lambda r, value, label, zero=_zero: direct(
        "prose", r, value, label, "".join(chr(zero + int(char)) if char in DIGITS else char for char in value.text)))


@evasion("full-width", NUMBERS | {"EMAIL", "SECRET"})
def full_width(r, value, label):
    return direct("prose", r, value, label, "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else "\u3000" if char == " " else char for char in value.text))


@evasion("full-width-digits", NUMBERS)
def full_width_digits(r, value, label):
    return direct("prose", r, value, label, "".join(chr(ord(char) + 0xFEE0) if char in DIGITS else char for char in value.text))


def cut(value, what):
    """The value with `what` at its middle border, in the place of a space that stands there."""
    text = value.text
    if value.entity == "EMAIL":
        place = text.index("@") + 1
        return text[:place] + what + text[place:]
    borders = [place for place in range(2, len(text) - 1) if text[place] in " -"]
    place = min(borders, key=lambda place: abs(place - len(text) // 2)) if borders else len(text) // 2
    after = text[place + 1:] if text[place:place + 1] == " " else text[place:]
    if text[place] == "-":
        return text[:place + 1] + what + text[place + 1:]
    return text[:place] + what + after


for _name, _what, _who in (("line-break", "\n", ALL - {"PASSWORD", "IP_ADDRESS"}), ("crlf-indent", "\r\n    ", ALL - {"PASSWORD", "IP_ADDRESS"})):
    evasion(_name, _who)(lambda r, value, label, what=_what: direct("prose", r, value, label, cut(value, what)))
evasion("quoted-reply", {"CREDIT_CARD", "IBAN", "US_SSN", "PHONE"}, gated=False)(lambda r, value, label: direct("prose", r, value, label, cut(value, "\n> ")))


@evasion("json-line-break", {"CREDIT_CARD", "US_SSN", "IBAN", "PHONE", "EMAIL"})
def json_line_break(r, value, label):
    head, tail = '{"text":"%s: ' % json_text(label), '"}'
    return Text("json", "application/json", [(head, False), (json_text(cut(value, "\n")), True), (tail, False)])


for _name, _at, _dot in (("spelled-at", " at ", "."), ("spelled-at-dot", " at ", " dot "), ("bracket-at-dot", "[at]", "[dot]"), ("paren-at", "(at)", "."),
                         ("paren-at-dot-spaced", " (at) ", " (dot) "), ("upper-at-dot", " AT ", " DOT "), ("spaces-at", " @ ", "."), ("full-width-at", "\uff20", "."), ("brace-at", "{at}", "{dot}")):
    def _spelled(r, value, label, at=_at, dot=_dot):
        local, host = value.text.split("@")
        return direct("prose", r, value, label, local + at + host.replace(".", dot))
    evasion(_name, {"EMAIL"})(_spelled)


def glued(name, before_of, after_of, entities):
    def make(r, value, label):
        lead = f"{label} " if value.entity in ("GOV_ID", "PASSWORD") else r.choice(["note ", "", "see "])
        if value.text[:1] in "+(" or value.text[-1:] == ")":
            return None
        return Text("prose", "text/plain", [(lead + before_of(r), False), (value.text, True), (after_of(r), False)])
    evasion(name, entities)(make)


glued("glue-letters-before", lambda r: r.choice(["ref", "id", "no", "card", "acct"]), lambda r: r.choice(["", " ok"]), {"CREDIT_CARD", "US_SSN", "PHONE"})
glued("glue-letters-after", lambda r: "", lambda r: r.choice(["abc", "ok", "x"]), {"CREDIT_CARD", "US_SSN"})
glued("glue-underscore", lambda r: r.choice(["file_", "scan_", "x_"]), lambda r: r.choice(["_v2", "_final", "_1a"]), {"CREDIT_CARD", "US_SSN", "PHONE", "IBAN", "SECRET"})
glued("glue-cjk", lambda r: r.choice(["号码是", "番号は", "번호는", "卡号"]), lambda r: r.choice(["请查收", "です", "입니다", "谢谢"]), ALL - {"GOV_ID", "PASSWORD", "IP_ADDRESS"})
glued("glue-underscore-before", lambda r: r.choice(["customer_", "tmp_"]), lambda r: ".pdf", {"CREDIT_CARD", "US_SSN", "IBAN", "SECRET"})

WORDS = dict(zip(DIGITS, "zero one two three four five six seven eight nine".split()))


@evasion("digits-as-words", {"CREDIT_CARD", "US_SSN", "PHONE"}, gated=False)
def digits_as_words(r, value, label):
    return direct("prose", r, value, label, " ".join(WORDS[char] for char in value.text if char in WORDS))


@evasion("markup-inside", {"CREDIT_CARD", "US_SSN", "EMAIL", "PHONE"}, gated=False)
def markup_inside(r, value, label):
    return direct("html", r, value, label, cut(value, "<b></b>"), "text/html")


@evasion("concatenation", {"CREDIT_CARD", "EMAIL", "SECRET", "US_SSN"}, gated=False)
def concatenation(r, value, label):
    middle = len(value.text) // 2
    return direct("code", r, value, label, f'"{value.text[:middle]}" + "{value.text[middle:]}"')


@evasion("reversed", {"CREDIT_CARD", "US_SSN"}, gated=False)
def reversed_text(r, value, label):
    return direct("prose", r, value, label, value.text[::-1])
