"""Carriers: a value as people, programs and protocols write it down, and evasions: a value as filters do not expect it.

What enters is a `Value`; what leaves is a `Text`: parts of which some are the value, its media type, and for carriers that
encode the way back: the plain text on which a redacted output is judged once it is decoded.
"""

import base64
import html
import json
import re
import unicodedata
import urllib.parse
from dataclasses import dataclass, field

from values import DIGITS, HEX, digits, letters


@dataclass
class Text:
    """A text in parts: `(text, True)` is the value. `decode` names how `plain` (parts again) comes out of it."""

    carrier: str
    media_type: str
    parts: list
    decode: str = ""
    plain: list = field(default_factory=list)


# How a label is written as a name

def words(label):
    """A label's words: `T.C. kimlik` is TC and kimlik, `driver's` is drivers, `N°` and `nº` go."""
    label = re.sub(r"(?i)\bn(?:\.?º|°)|№", " ", label).replace("A/C", "AC").replace("'s ", "s ").replace("eID", "eid")
    label = re.sub(r"(?i)\be-mail\b", "email", label)
    label = re.sub(r"\b(?:\w\.){2,}", lambda match: match.group().replace(".", "") + " ", label)
    found = [word for word in re.split(r"[\s.\-_/'’()]+|(?<=[a-z])(?=[A-Z])", label) if word]
    return found[1:] if found[0] == "de" else found


def plain_letters(text):
    """Latin letters without their marks, as names in programs have them."""
    folded = unicodedata.normalize("NFD", text)
    bare = "".join(char for char in folded if not unicodedata.combining(char)).replace("ł", "l").replace("ø", "o").replace("ı", "i").replace("đ", "d")
    return bare if bare.isascii() else text


def snake(label):
    name = "_".join(words(label)).lower()
    # Half of the labels keep their marks: which half does not change from run to run.
    return plain_letters(name) if len(name) % 2 else name


def camel(label):
    first, *rest = words(label)
    return first.lower() + "".join(word[:1].upper() + word[1:].lower() for word in rest)


def upper(label):
    return snake(label).upper()


def kebab(label):
    return "-".join(word[:1].upper() + word[1:].lower() for word in words(label))


def element(label):
    name = "".join(word[:1].upper() + word[1:] for word in words(label))
    return name if name[:1].isalpha() else "Id" + name


PROSE = {
    "": ["{l}: {v}", "{l} {v}", "{l}: {v}.", "{l} = {v}", "{l} ({v})", "{l}\n{v}"],
    "en": ["My {l} is {v}, please check it.", "Customer gave {l} {v} on the phone.", "Please update the {l} to {v} today.", "The {l} on file ({v}) has expired.", "{l} {v} belongs to the caller."],
    "de": ["Meine {l} lautet {v}.", "Bitte {l} {v} prüfen.", "{l}: {v}, danke."], "fr": ["Mon {l} est le {v}.", "Voici le {l} : {v}", "{l} : {v}, merci."],
    "es": ["Mi {l} es {v}.", "Adjunto {l}: {v}", "El {l} del cliente es {v}."], "it": ["Il mio {l} è {v}.", "{l}: {v} (cliente)"],
    "pt": ["O meu {l} é {v}.", "Segue o {l}: {v}"], "nl": ["Mijn {l} is {v}.", "Hierbij {l} {v}."], "pl": ["Mój {l} to {v}.", "Podaję {l}: {v}"],
    "sv": ["Mitt {l} är {v}.", "{l}: {v}, tack"], "da": ["Mit {l} er {v}."], "no": ["Mitt {l} er {v}."], "fi": ["{l} on {v}."], "cs": ["Moje {l} je {v}."],
    "ru": ["Мой {l} {v}, проверьте.", "{l}: {v}"], "uk": ["Мій {l}: {v}."], "bg": ["Моят {l} е {v}."], "el": ["Ο {l} μου είναι {v}."], "tr": ["{l}: {v} olarak kayıtlı."],
    "zh": ["我的{l}是{v}，请查收。", "{l}：{v}"], "ja": ["私の{l}は{v}です。", "{l}：{v}"], "ko": ["제 {l}는 {v}입니다.", "{l}: {v}"], "he": ["{l} שלי {v}."],
    "ar": ["{l}: {v}"], "hi": ["मेरा {l} {v} है।"], "th": ["{l} {v}"], "vi": ["{l} của tôi là {v}."], "hu": ["A {l}: {v}."], "ro": ["{l} este {v}."],
}
LANGUAGES = {
    "us": "en", "gb": "en", "ie": "en", "ca": "en", "au": "en", "nz": "en", "za": "en", "in": "en", "sg": "en", "hk": "en", "ng": "en", "de": "de", "at": "de",
    "ch": "de", "fr": "fr", "be": "fr", "lu": "fr", "es": "es", "mx": "es", "ar": "es", "cl": "es", "co": "es", "pe": "es", "ec": "es", "do": "es", "uy": "es",
    "ve": "es", "cr": "es", "it": "it", "pt": "pt", "br": "pt", "nl": "nl", "pl": "pl", "se": "sv", "dk": "da", "no": "no", "fi": "fi", "cz": "cs", "ru": "ru",
    "ua": "uk", "bg": "bg", "gr": "el", "tr": "tr", "cn": "zh", "tw": "zh", "jp": "ja", "kr": "ko", "il": "he", "sa": "ar", "th": "th", "vn": "vi", "hu": "hu", "ro": "ro",
}


def split_template(template, **names):
    """A template's parts; {v} is the value."""
    before, after = template.split("{v}")
    return before.format(**names), after.format(**names)


def prose(r, value, label):
    """Label and value in a sentence of the value's country, or just side by side."""
    country = value.kind.split("-")[0].lower() if "-" in value.kind else ""
    pool = PROSE[""] + (PROSE[""] if not label.isascii() else PROSE["en"]) + 2 * PROSE.get(LANGUAGES.get(country, ""), [])
    before, after = split_template(r.choice(pool), l=label)
    return Text("prose", "text/plain", [(before, False), (value.text, True), (after, False)])


def log(r, value, label):
    day = f"2026-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}T{r.randint(0, 23):02d}:{r.randint(0, 59):02d}:{r.randint(0, 59):02d}Z"
    before, after = split_template(r.choice([
        "{t} INFO app[{n}]: {k}={v} status=200", '{t} level=warn msg="lookup failed" {k}="{v}" attempt=3', "{t} DEBUG worker-{n} request {{{k}: {v}}} took 12ms",
        "{t} [main] ERROR c.a.Service - invalid {l}: {v}", "<14>1 {t} host7 app {n} - - {k}={v}",
    ]), t=day, n=r.randint(2, 9999), k=snake(label), l=label)
    return Text("log", "text/plain", [(before, False), (value.text, True), (after, False)])


def json_text(value):
    return json.dumps(value, ensure_ascii=False)[1:-1]


def json_flat(r, value, label):
    key = json_text(r.choice([snake, camel, snake, str])(label))
    before, after = r.choice([
        ('{"id": %d, "%s": "' % (r.randint(1, 99), key), '", "status": "active"}'), ('{"%s":"' % key, '"}'),
        ('{\n  "type": "record",\n  "%s": "' % key, '",\n  "version": 2\n}\n'),
    ])
    return Text("json", "application/json", [(before, False), (json_text(value.text), True), (after, False)])


def json_nested(r, value, label):
    key = json_text(r.choice([snake, camel])(label))
    before, after = r.choice([
        ('{"customer":{"profile":{"%s":"' % key, '"},"tier":"gold"},"page":1}'), ('{"items":[{"name":"a","%s":"' % key, '"},{"name":"b"}]}'),
        ('{"fields":[{"name":"%s","value":"' % key, '"}]}'), ('{"%s":["' % key, '"],"n":1}'),
    ])
    return Text("json-nested", "application/json", [(before, False), (json_text(value.text), True), (after, False)])


def json_in_json(r, value, label):
    key = json_text(snake(label))
    head, tail = '{"event":"created","message":"', '"}'
    inner = ('{"%s":"' % key, json_text(value.text), '","ok":true}')
    before, text, after = (json_text(part) for part in inner)
    return Text("json-in-json", "application/json", [(head + before, False), (text, True), (after + tail, False)])


def ndjson(r, value, label):
    line = '{"ts":%d,"level":"info","msg":"ok"}\n' % r.randint(1_700_000_000, 1_790_000_000)
    return Text("ndjson", "application/x-ndjson", [(line + '{"ts":17,"%s":"' % json_text(snake(label)), False), (json_text(value.text), True), ('"}\n' + line, False)])


def csv(r, value, label):
    cell, separator = value.text, r.choice([",", ",", ";", "\t"])
    quoted = separator in cell or '"' in cell or "\n" in cell
    quote = '"' if quoted or r.random() < 0.2 else ""
    head = separator.join(["id", "created", r.choice([snake, str])(label).replace(separator, " "), "state"])
    row = separator.join([str(r.randint(1, 900)), "2026-02-03", ""])
    return Text("csv", "text/csv", [(f"{head}\n{row}{quote}", False), (cell.replace('"', '""') if quote else cell, True), (f"{quote}{separator}open\n", False)])


def csv_second_row(r, value, label):
    quote = '"' if "," in value.text or "\n" in value.text else ""
    head = f"name,{snake(label)},n\na,,1\nb,{quote}"
    return Text("csv", "text/csv", [(head, False), (value.text, True), (f"{quote},2\n", False)])


def escaped(text):
    return html.escape(text, quote=False)


def xml(r, value, label):
    name = r.choice([element, snake])(label)
    before, after = r.choice([
        (f"<record><id>{r.randint(1, 99)}</id><{name}>", f"</{name}></record>"), (f'<?xml version="1.0"?>\n<r>\n  <{name}>', f"</{name}>\n</r>\n"),
        (f'<user id="{r.randint(1, 99)}" {name}="', '"/>'), (f'<ns:{name} xsi:type="xs:string">', f"</ns:{name}>"),
    ])
    text = html.escape(value.text) if before.endswith('="') else escaped(value.text)
    made = Text("xml", "application/xml", [(before, False), (text, True), (after, False)])
    if text != value.text:
        made.decode, made.plain = "html", [(before, False), (value.text, True), (after, False)]
    return made


def yaml(r, value, label):
    key = r.choice([snake, camel, str])(label)
    if "\n" in value.text:
        block = value.text.replace("\n", "\n    ")
        return Text("yaml", "application/yaml", [(f"app:\n  {key}: |\n    ", False), (block.rstrip(), True), ("\n  port: 80\n", False)])
    quote = r.choice(["", '"', "'"])
    return Text("yaml", "application/yaml", [(f"app:\n  name: web\n  {key}: {quote}", False), (value.text, True), (f"{quote}\n  port: 80\n", False)])


def env(r, value, label):
    quote = '"' if "\n" in value.text or " " in value.text else r.choice(["", "", '"', "'"])
    lead = r.choice(["", "export "])
    return Text("env", "text/plain", [(f"APP_ENV=production\n{lead}{upper(label)}={quote}", False), (value.text, True), (f"{quote}\nPORT=8080\n", False)])


def encoded(name, media_type, before, value, after, quote):
    text = quote(value.text)
    made = Text(name, media_type, [(before, False), (text, True), (after, False)])
    if text != value.text:
        made.decode = "form"
        made.plain = [(urllib.parse.unquote_plus(before), False), (value.text, True), (urllib.parse.unquote_plus(after), False)]
    return made


def query(r, value, label):
    key = urllib.parse.quote(r.choice([snake, camel])(label))
    before, after = r.choice([
        (f"GET /api/v2/search?page=1&{key}=", "&limit=20 HTTP/1.1"), (f"https://app.example.com/find?{key}=", "#top"),
        (f"url: /lookup?lang=en&{key}=", ""),
    ])
    return encoded("query", "text/plain", before, value, after, lambda text: urllib.parse.quote(text, safe=""))


def form(r, value, label):
    key = urllib.parse.quote_plus(r.choice([snake, camel])(label))
    return encoded("form", "application/x-www-form-urlencoded", f"id={r.randint(1, 99)}&{key}=", value, "&submit=Save", urllib.parse.quote_plus)


def header(r, value, label):
    name = plain_letters(kebab(label))
    name = f"X-{name}" if name.isascii() else label
    return Text("header", "text/plain", [(f"GET /me HTTP/1.1\r\nHost: api.example.com\r\n{name}: ", False), (value.text, True), ("\r\nAccept: */*\r\n\r\n", False)])


def sql(r, value, label):
    text = value.text.replace("'", "''")
    column = snake(label)
    before, after = r.choice([
        (f"INSERT INTO people (id, {column}, note) VALUES ({r.randint(1, 99)}, '", "', 'new');"), (f"UPDATE people SET {column} = '", f"' WHERE id = {r.randint(1, 99)};"),
        (f"SELECT * FROM people WHERE {column} = '", "' LIMIT 1"),
    ])
    return Text("sql", "text/plain", [(before, False), (text, True), (after, False)])


def code(r, value, label):
    text = value.text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    before, after = split_template(r.choice([
        '{s} = "{v}"\nprint(lookup({s}))\n', 'const {c} = "{v}";\n', 'String {c} = "{v}"; // from the form\n', 'config.set("{s}", "{v}")\n',
        'assert_eq!(parse({c}), Ok("{v}"));\n', '    "{s}" => "{v}",\n', 'var {c} string = "{v}"\n',
    ]), s=snake(label), c=camel(label))
    return Text("code", "text/plain", [(before, False), (text, True), (after, False)])


def markdown(r, value, label):
    before, after = split_template(r.choice(["- **{l}:** {v}\n", "| {l} | {v} |\n|---|---|\n", "### Contact\n\n{l}: `{v}`\n", "* {l} – {v}\n", "> {l}: {v}\n"]), l=label)
    return Text("markdown", "text/markdown", [(before, False), (value.text, True), (after, False)])


def chat(r, value, label):
    before, after = split_template(r.choice([
        "user: my {l} is {v}\nassistant: Thank you, one moment.\n", "agent: could you confirm your {l}?\ncustomer: {v}\nagent: thanks!\n",
        "[10:31] maria: {l}?\n[10:32] tom: {v}\n", "Human: here's the {l}: {v}\n\nAssistant:",
    ]), l=label)
    return Text("chat", "text/plain", [(before, False), (value.text, True), (after, False)])


def web(r, value, label):
    before, after = r.choice([
        (f"<tr><th>{label}</th><td>", "</td></tr>"), (f'<label>{label}</label> <input name="{snake(label)}" value="', '">'), (f"<dt>{label}</dt><dd>", "</dd>"),
        (f"<p>{label}: <b>", "</b></p>"),
    ])
    text = html.escape(value.text)
    made = Text("html", "text/html", [(before, False), (text, True), (after, False)])
    if text != value.text:
        made.decode, made.plain = "html", [(before, False), (value.text, True), (after, False)]
    return made


CARRIERS = [prose, log, json_flat, json_nested, json_in_json, ndjson, csv, csv_second_row, xml, yaml, env, query, form, header, sql, code, markdown, chat, web]


# Evasions and typography. Each takes `r`, the value and its label, and gives a Text or None where it cannot be.

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
