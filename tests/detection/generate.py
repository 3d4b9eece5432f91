#!/usr/bin/env python3
"""Makes the labelled detection corpus: JSON lines, the same for the same seed.

    tests/detection/generate.py [--seed N] [--out FILE]

A line is `id`, `class`, `text`, `carrier`, `type` (its media type), `spans` and `complete`: everything that is to be
redacted in the text is labelled. A span has `start` and `end` in bytes of the text's UTF-8, `entity`, `group` (the row of
the table it counts in) and `kind`. Where the value is encoded, the spans cover what encodes it, `decode` names the
encoding, and `plain` holds the decoded text with its spans. `gated` is false for classes that are reported only.

Nothing of it is committed: it is made at run time, so that no text of the repository looks like a live token.
"""

import argparse
import json
import random
import sys

import carriers
import evasions
import government
import negatives
import tokens
import values
from values import Value

GROUPS = {"NATIONAL_ID": "GOV_ID", "TAX_ID": "GOV_ID", "HEALTH_ID": "GOV_ID", "PASSPORT": "GOV_ID", "DRIVING_LICENCE": "GOV_ID"}


def spans_of(parts, entity, kind):
    """Parts as a text and its spans in bytes."""
    text, spans, place = "", [], 0
    for part, is_value in parts:
        size = len(part.encode())
        if is_value:
            spans.append({"start": place, "end": place + size, "entity": entity, "group": GROUPS.get(entity, entity), "kind": kind})
        text, place = text + part, place + size
    return text, spans


class Corpus:
    """The lines made so far; every class draws from a generator of its own, so that a new class changes no other."""

    def __init__(self, seed):
        self.seed, self.lines = seed, []

    def random(self, name):
        return random.Random(f"{self.seed}:{name}")

    def add(self, name, made, value, gated=True):
        text, spans = spans_of(made.parts, value.entity, value.kind)
        line = {"class": name, "text": text, "carrier": made.carrier, "type": made.media_type, "spans": spans, "complete": True}
        if made.decode:
            plain, plain_spans = spans_of(made.plain, value.entity, value.kind)
            line |= {"decode": made.decode, "plain": {"text": plain, "spans": plain_spans}}
        if not gated:
            line["gated"] = False
        self.lines.append(line)

    def carry(self, r, name, value, labels, count, pool=carriers.CARRIERS):
        """`value` in `count` carriers drawn from `pool`."""
        for carrier in r.sample(pool, min(count, len(pool))):
            self.add(name, carrier(r, value, r.choice(labels)), value)

    def direct(self, name, before, value, after):
        self.add(name, carriers.Text("prose", "text/plain", [(before, False), (value.text, True), (after, False)]), value)


def cards(corpus):
    r = corpus.random("cards")
    for kind, prefixes, lengths in values.CARDS:
        for length in lengths:
            for form, _ in values.card_forms("0" * length, kind):
                number = values.card_number(r, prefixes, length)
                text = dict(values.card_forms(number, kind))[form]
                value = Value(text, "CREDIT_CARD", f"{kind}-{length}-{form}")
                corpus.carry(r, "card", value, values.CARD_LABELS, 5)
                corpus.direct("card.bare", r.choice(["", "paid with ", "see "]), value, r.choice(["", " today", ", ok"]))


def social_security(corpus):
    r = corpus.random("ssn")
    for _ in range(11):
        for separator in ("-", " ", ""):
            value = Value(values.ssn(r, separator), "US_SSN", "ssn" + {"-": "", " ": "-spaces", "": "-compact"}[separator])
            corpus.carry(r, "ssn", value, values.SSN_LABELS, 7)
    for _ in range(20):
        corpus.direct("ssn.bare", r.choice(["", "for ", "name Doe, "]), Value(values.ssn(r), "US_SSN", "ssn-bare"), r.choice(["", " please", "."]))
    for _ in range(6):
        for separator in ("-", " ", ""):
            value = Value(values.itin(r, separator), "US_ITIN", "itin" + {"-": "", " ": "-spaces", "": "-compact"}[separator])
            corpus.carry(r, "itin", value, values.ITIN_LABELS, 5)


def phones(corpus):
    r = corpus.random("phones")
    for form in values.NANP_FORMS:
        for count in range(3):
            value = Value(values.nanp(r, form), "PHONE", "nanp")
            corpus.carry(r, "phone.nanp", value, ["phone", "tel", "Phone", "mobile", "call", "cell"], 4)
            corpus.direct("phone.nanp.bare", r.choice(["", "call ", "reach me at "]), value, r.choice(["", " today", "."]))
    for form in values.EXTENSIONS:
        for _ in range(3):
            value = Value(form.format(p=values.nanp(r), e=values.digits(r, r.choice([2, 3, 4]))), "PHONE", "extension")
            corpus.carry(r, "phone.extension", value, ["phone", "office", "tel"], 2)
    for country, code, prefix, forms, labels in values.PHONES:
        for form in forms:
            national = values.filled(r, form)
            number = values.international(code, prefix, national)
            kind = f"{country}-international"
            compact = "+" + "".join(char for char in number if char.isdigit())
            corpus.carry(r, "phone.international", Value(number, "PHONE", kind), labels, 2)
            corpus.carry(r, "phone.international", Value(compact, "PHONE", kind + "-compact"), labels, 1)
            corpus.direct("phone.international.bare", r.choice(["call ", "", "from "]), Value(number, "PHONE", kind), r.choice(["", " now"]))
            corpus.direct("phone.tel", "<a href=\"tel:", Value(compact, "PHONE", kind + "-tel"), "\">call</a>")
            corpus.direct("phone.00", f"{r.choice(labels)}: ", Value("00" + number[1:], "PHONE", f"{country}-00"), r.choice(["", "\n"]))
            corpus.carry(r, "phone.national", Value(values.filled(r, form), "PHONE", f"{country}-national"), labels, 3)


def mail(corpus):
    r = corpus.random("email")
    for turn in range(7):
        for kind, address in values.emails(r):
            value = Value(address, "EMAIL", kind)
            corpus.carry(r, "email", value, values.EMAIL_LABELS, 3)
            before, after = r.choice([("<", ">"), ("Jane Doe <", ">,"), ("mailto:", "?subject=hi"), ("(", ")"), ("to:", ";"), ("'", "'"), ("", ""), ("write to ", ".")])
            corpus.direct("email.bare", before, value, after)


def accounts(corpus):
    r = corpus.random("iban")
    for country in values.IBANS:
        compact = values.iban(r, country)
        for text, form in ((compact, "compact"), (values.grouped(compact, (4,) * (len(compact) // 4)), "grouped")):
            value = Value(text, "IBAN", f"{country}-{form}")
            corpus.carry(r, "iban", value, values.IBAN_LABELS, 2)
            corpus.direct("iban.bare", r.choice(["to ", "", "see "]), value, r.choice(["", " today", "."]))
    r = corpus.random("banks")
    for _ in range(4):
        for kind, text, labels in values.bank_accounts(r):
            corpus.carry(r, "bank", Value(text, "BANK_ACCOUNT", kind), labels, 5)
        for kind, text, labels in values.wallets(r):
            value = Value(text, "CRYPTO_WALLET", kind)
            corpus.carry(r, "wallet", value, labels + values.WALLET_LABELS * (kind not in ("eth-lower", "solana")), 3)


def network(corpus):
    r = corpus.random("network")
    for _ in range(40):
        value = Value(values.ipv4(r), "IP_ADDRESS", "v4")
        corpus.carry(r, "ip", value, values.IP_LABELS, 3)
        before, after = r.choice([("", f":{r.randint(80, 65000)}"), ("http://", "/x"), ("from ", " port 22"), ("[", "]"), ("", "/24"), ("ssh root@", ""), ("", " - - [x]"), ("via ", ", ")])
        corpus.direct("ip.bare", before, value, after)
    for _ in range(8):
        for kind, text in values.ipv6_forms(r):
            value = Value(text, "IP_ADDRESS", kind)
            corpus.carry(r, "ip", value, values.IP_LABELS, 1)
            before, after = r.choice([("[", "]:443"), ("from ", " port 22"), ("", "/64"), ("http://[", "]/"), ("peer ", ","), ("", "")])
            corpus.direct("ip.bare", before, value, after)
    for _ in range(8):
        for kind, text in values.mac_forms(r):
            corpus.carry(r, "mac", Value(text, "MAC_ADDRESS", kind), values.MAC_LABELS, 2)
            corpus.direct("mac.bare", r.choice(["link/ether ", "", "lladdr "]), Value(text, "MAC_ADDRESS", kind), r.choice(["", " brd"]))


def secrets(corpus):
    r = corpus.random("tokens")
    plain = [c for c in carriers.CARRIERS]
    for turn in range(2):
        for vendor, before, text, after in tokens.tokens(r):
            value = Value(text, "SECRET", vendor)
            if before or after:
                form = carriers.Text("prose", "text/plain", [(r.choice(["", "use ", "DATABASE_URL=", "url: "]) + before, False), (text, True), (after, False)])
                corpus.add("secret.vendor", form, value)
                head, tail = '{"data":"', '"}'
                quoted = [(carriers.json_text(part), flag) for part, flag in ((before, False), (text, True), (after, False))]
                corpus.add("secret.vendor", carriers.Text("json", "application/json", [(head, False), *quoted, (tail, False)]), value)
                continue
            labels = ["token", "key", "credential", vendor.split("-")[0] + "_token", "value"]
            corpus.carry(r, "secret.vendor", value, labels, 2, plain)
            corpus.direct("secret.vendor.bare", r.choice(["use ", "", "Authorization: Bearer ", "curl -u ", "leaked: "]), value, r.choice(["", " now", "\n", '"']))
    r = corpus.random("labelled")
    for entry in tokens.LABELLED:
        for _ in range(3):
            value = tokens.labelled(r, entry)
            corpus.carry(r, "secret.labelled", value, value.labels, 3)
    r = corpus.random("passwords")
    for language, labels in tokens.PASSWORD_LABELS.items():
        for label in labels:
            for _ in range(2):
                value = Value(tokens.password(r), "PASSWORD", f"{language}-password")
                corpus.carry(r, "password", value, [label], 5)


def people(corpus):
    r = corpus.random("government")
    for entry in government.KINDS:
        name, entity, labels, function = entry
        for place, _ in enumerate(function(r)):
            forms = function(r)
            for turn in range(2):
                value = Value(function(r)[min(place, len(forms) - 1)], entity, name)
                corpus.carry(r, "government", value, labels, 3)
        for label in labels:
            value = government.value(r, entry)
            corpus.add("government.prose", carriers.prose(r, value, label), value)
    r = corpus.random("devices")
    for _ in range(6):
        for kind, text, labels in values.devices(r):
            corpus.carry(r, "device", Value(text, "DEVICE_ID", kind), labels, 4)


# Kinds whose check digits or structure make them sure beside a label, for the evasions.
CHECKED = "gb-nhs gb-nino gb-utr ca-sin au-tfn de-idnr fr-nir nl-bsn es-dni it-cf se-personnummer pl-pesel in-aadhaar br-cpf cn-ric ch-ahv be-nn za-id mx-curp kr-rrn".split()


def evaded(corpus):
    for name, entities, gated, function in evasions.EVASIONS:
        r = corpus.random(f"evasion:{name}")
        for entity in sorted(entities):
            made = 0
            for _ in range(40):
                if made == 4:
                    break
                group, labels = sample(r, entity)
                text = function(r, Value(group.text, entity, group.kind), r.choice(labels))
                if text is not None and text.parts[1][0] != "":
                    corpus.add(f"evasion.{name}", text, group, gated)
                    made += 1


def sample(r, group):
    """An ordinary value of a group and the labels beside it."""
    if group == "CREDIT_CARD":
        kind, prefixes, lengths = r.choice([card for card in values.CARDS if card[0] in ("visa", "mastercard", "amex", "discover")])
        length = 15 if kind == "amex" else 16
        form, text = r.choice(values.card_forms(values.card_number(r, prefixes, length))[:3])
        return Value(text, "CREDIT_CARD", kind), values.CARD_LABELS[:5]
    if group == "US_SSN":
        return Value(values.ssn(r), "US_SSN", "ssn"), values.SSN_LABELS[:4]
    if group == "PHONE":
        if r.random() < 0.5:
            return Value(values.nanp(r, r.choice(values.NANP_FORMS[:5] + values.NANP_FORMS[8:11])), "PHONE", "nanp"), ["phone", "tel", "call"]
        country, code, prefix, forms, labels = r.choice(values.PHONES)
        return Value(values.international(code, prefix, values.filled(r, forms[0])), "PHONE", f"{country}-international"), ["phone", "tel"]
    if group == "EMAIL":
        kind, text = r.choice(values.emails(r)[:8])
        return Value(text, "EMAIL", kind), values.EMAIL_LABELS[:4]
    if group == "IBAN":
        country = r.choice(["GB", "DE", "FR", "NL", "CH", "PL", "IT", "SE"])
        compact = values.iban(r, country)
        return Value(r.choice([compact, values.grouped(compact, (4,) * (len(compact) // 4))]), "IBAN", country), ["IBAN", "account"]
    if group == "IP_ADDRESS":
        return Value(r.choice([values.ipv4(r), values.ipv6_forms(r)[4][1]]), "IP_ADDRESS", "v4"), values.IP_LABELS[:3]
    if group == "SECRET":
        vendor, _, text, _ = r.choice([token for token in tokens.tokens(r) if token[0] in ("github-personal", "aws-access-key-id", "stripe-live", "slack-bot", "gitlab-personal", "npm", "sendgrid", "google-api-key")])
        return Value(text, "SECRET", vendor), ["token", "key"]
    if group == "PASSWORD":
        return Value(tokens.password(r), "PASSWORD", "en-password"), ["password", "passwd", "pwd"]
    entry = next(entry for entry in r.sample(government.KINDS, len(government.KINDS)) if entry[0] in CHECKED)
    return government.value(r, entry), entry[2]


def clean(corpus):
    r = corpus.random("negatives")
    for name, text in negatives.texts(r, each=16, clean=600):
        corpus.lines.append({"class": name, "text": text, "carrier": "line", "type": "text/plain", "spans": [], "complete": True})


def corpus(seed):
    """Every line of the corpus with this seed."""
    made = Corpus(seed)
    for part in (cards, social_security, phones, mail, accounts, network, secrets, people, evaded, clean):
        part(made)
    for place, line in enumerate(made.lines):
        line["id"] = f"{place:05d}"
    return made.lines


def main():
    arguments = argparse.ArgumentParser(description="Makes the labelled detection corpus.")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--out", default="-", help="a file; standard output without one")
    chosen = arguments.parse_args()
    out = sys.stdout if chosen.out == "-" else open(chosen.out, "w", encoding="utf-8")
    for line in corpus(chosen.seed):
        out.write(json.dumps(line, ensure_ascii=False) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
