"""Carriers: a value as people, programs and protocols write it down.

What enters is a `Value`; what leaves is a `Text`: parts of which some are the value, its media type, and for carriers that
encode the way back: the plain text on which a redacted output is judged once it is decoded.
"""

import html
import json
import re
import unicodedata
import urllib.parse
from dataclasses import dataclass, field


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
