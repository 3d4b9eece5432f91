"""Values of payment, contact, network and device: made up at random inside public formats, with right check digits.

Every function takes a `random.Random` and gives a `Value` or a list of them. Ranges that their authorities reserve for
examples (555-01XX and others' drama numbers, example.com, TEST-NET, 2001:db8::/32) are used where there are any.
"""

from dataclasses import dataclass, field

import checks

DIGITS, LETTERS, BASE36 = checks.DIGITS, checks.LETTERS, checks.BASE36
HEX = "0123456789abcdef"


@dataclass
class Value:
    """One value: its text, what it is, and the words that people write beside it."""

    text: str
    entity: str
    kind: str
    labels: list = field(default_factory=list)


def digits(r, count):
    return "".join(r.choice(DIGITS) for _ in range(count))


def letters(r, count, alphabet=LETTERS):
    return "".join(r.choice(alphabet) for _ in range(count))


def filled(r, template):
    """`template` with # as a digit, ? as a capital letter, ~ as a digit from 1 on."""
    pick = {"#": DIGITS, "?": LETTERS, "~": DIGITS[1:]}
    return "".join(r.choice(pick[char]) if char in pick else char for char in template)


def grouped(text, sizes, separator=" "):
    """`text` in groups of `sizes`; what is left over is a last group."""
    groups, place = [], 0
    for size in sizes:
        groups.append(text[place:place + size])
        place += size
    groups.append(text[place:])
    return separator.join(group for group in groups if group)


# Cards: issuer ranges of ISO/IEC 7812 as the schemes publish them

CARDS = [
    # kind, prefixes (a range as two ends), lengths
    ("visa", ["4"], [13, 16, 19]),
    ("mastercard", ["51-55"], [16]),
    ("mastercard-2", ["2221-2720"], [16]),
    ("amex", ["34", "37"], [15]),
    ("discover", ["6011", "644-649", "65"], [16, 17, 18, 19]),
    ("diners", ["300-305", "36", "38-39"], [14]),
    ("diners-16", ["36", "38-39"], [16, 19]),
    ("jcb", ["3528-3589"], [16, 17, 18, 19]),
    ("jcb-15", ["2131", "1800"], [15]),
    ("unionpay", ["6200-6269", "6282-6288"], [16, 17, 18, 19]),
    ("maestro", ["5018", "5020", "5038", "5893", "6304", "6759", "6761-6763"], [13, 14, 15, 16, 18, 19]),
    ("mir", ["2200-2204"], [16, 17, 18, 19]),
    ("rupay", ["6521", "6522", "60801-60809", "8172"], [16]),
    ("verve", ["506099-506198", "650002-650027"], [16, 18, 19]),
    ("troy", ["979200-979289"], [16]),
    ("uatp", ["1"], [15]),
    ("dankort", ["5019"], [16]),
    ("elo", ["506699-506778", "509000-509999", "636368", "636297"], [16]),
    ("hipercard", ["606282"], [16]),
]
CARD_LABELS = ["card", "card number", "credit card", "cc", "pan", "Kreditkarte", "carte bancaire", "tarjeta", "kaart", "carta di credito", "银行卡", "カード番号"]


def card_number(r, prefixes, length):
    prefix = r.choice(prefixes)
    if "-" in prefix:
        low, high = prefix.split("-")
        prefix = str(r.randint(int(low), int(high)))
    body = prefix + digits(r, length - 1 - len(prefix))
    return body + checks.luhn(body)


def card_forms(number, kind=""):
    """The ways in which a card of this length is printed: name, text. Cards of 17 and 18 digits have no usual groups."""
    length = len(number)
    sizes = {13: (4, 3, 3, 3), 14: (4, 6, 4), 15: (4, 6, 5), 16: (4, 4, 4, 4), 19: (4, 4, 4, 4, 3)}.get(length)
    if sizes is None or (length == 13 and kind != "visa"):
        return [("plain", number)]
    forms = [("plain", number), ("spaces", grouped(number, sizes)), ("hyphens", grouped(number, sizes, "-"))]
    if length == 19 and kind == "unionpay":
        forms.append(("6-13", grouped(number, (6, 13))))
    if length in (15, 16):
        forms.append(("4s", grouped(number, (4, 4, 4, 4))))
    if length == 14:
        forms.append(("4s", grouped(number, (4, 4, 4, 2))))
    return forms


# United States: SSN by the rules of area, group and serial; ITIN by the group's ranges

SSN_LABELS = ["ssn", "SSN", "social security number", "Social Security No.", "social security", "soc sec", "social_security_number", "SSN (last used)"]
ITIN_LABELS = ["itin", "ITIN", "taxpayer identification number", "individual taxpayer id", "tax id"]


def ssn(r, separator="-"):
    area = r.choice([n for n in (r.randint(1, 899), r.randint(1, 665), r.randint(667, 899)) if n != 666])
    return separator.join((f"{area:03d}", f"{r.randint(1, 99):02d}", f"{r.randint(1, 9999):04d}"))


def itin(r, separator="-"):
    group = r.choice([*range(50, 66), *range(70, 89), 90, 91, 92, *range(94, 100)])
    return separator.join((f"{r.randint(900, 999):03d}", f"{group:02d}", f"{r.randint(1, 9999):04d}"))


# Phones: country, calling code, national prefix, forms in national writing, words beside them

PHONES = [
    ("GB", "44", "0", ["020 7946 0###", "0113 496 0###", "07400 123###", "(0161) 496 0###", "07911 123 ###"], ["Telephone", "Tel", "Mobile"]),
    ("IE", "353", "0", ["01 45# ####", "087 12# ####"], ["Telephone", "Mobile"]),
    ("FR", "33", "0", ["01 99 00 ## ##", "06 12 34 ## ##", "04.65.71.##.##", "0612 34 ## ##"], ["Téléphone", "Tél.", "Portable"]),
    ("DE", "49", "0", ["030 23125###", "040/66969###", "0171 39200##", "(089) 99998###", "030-23125-###"], ["Telefon", "Tel.", "Mobil"]),
    ("ES", "34", "", ["612 34# ###", "91 2## ## ##", "612 34 ## ##"], ["Teléfono", "Tel.", "Móvil"]),
    ("IT", "39", "", ["06 698# ####", "320 345 ####", "347-12#####"], ["Telefono", "Tel.", "Cellulare"]),
    ("PT", "351", "", ["912 34# ###", "21 345 ####"], ["Telefone", "Telemóvel"]),
    ("NL", "31", "0", ["06 1234####", "020 623 ####", "06-12 34 ## ##"], ["Telefoon", "Mobiel"]),
    ("BE", "32", "0", ["0470 12 3# ##", "02 555 1# ##"], ["Telefoon", "Téléphone"]),
    ("LU", "352", "", ["628 12# ###"], ["Téléphone"]),
    ("CH", "41", "0", ["078 123 4# ##", "044 668 1# ##"], ["Telefon", "Natel"]),
    ("AT", "43", "0", ["0664 123####", "01 5855####"], ["Telefon", "Handy"]),
    ("SE", "46", "0", ["08-465 004 ##", "070-174 06 ##", "031-390 06 ##"], ["Telefon", "Mobil"]),
    ("NO", "47", "", ["406 12 3##", "21 23 4# ##"], ["Telefon", "Mobil"]),
    ("DK", "45", "", ["32 12 3# ##", "20 12 3# ##"], ["Telefon", "Mobil"]),
    ("FI", "358", "0", ["041 234 ####", "09 2311 ####"], ["Puhelin", "Matkapuhelin"]),
    ("IS", "354", "", ["611 12##", "410 12##"], ["Sími"]),
    ("PL", "48", "", ["512 345 ###", "12 345 6# ##"], ["Telefon", "Tel. kom."]),
    ("CZ", "420", "", ["601 123 ###", "212 345 ###"], ["Telefon", "Mobil"]),
    ("SK", "421", "0", ["0912 123 ###", "02/2123 4###"], ["Telefón"]),
    ("HU", "36", "06 ", ["06 20 123 4###", "06 1 234 5###"], ["Telefon", "Mobil"]),
    ("RO", "40", "0", ["0712 034 ###", "021 123 4###"], ["Telefon"]),
    ("BG", "359", "0", ["087 812 3###", "02 943 ####"], ["Телефон"]),
    ("GR", "30", "", ["691 234 5###", "21 2345 6###"], ["Τηλέφωνο", "Κινητό"]),
    ("HR", "385", "0", ["091 234 5###", "01 2345 ###"], ["Telefon", "Mobitel"]),
    ("SI", "386", "0", ["031 234 ###", "01 234 5# ##"], ["Telefon"]),
    ("RS", "381", "0", ["060 1234###", "011 123 4###"], ["Телефон", "Telefon"]),
    ("UA", "380", "0", ["050 123 4###", "(044) 123-4#-##"], ["Телефон"]),
    ("RU", "7", "8 ", ["8 (912) 345-6#-##", "8 495 123-4#-##"], ["Телефон", "Моб."]),
    ("TR", "90", "0", ["0501 234 5# ##", "(0212) 345 6# ##"], ["Telefon", "Cep"]),
    ("IL", "972", "0", ["050-234-5###", "02-623-4###"], ["טלפון", "נייד"]),
    ("AE", "971", "0", ["050 123 4###", "04 234 5###"], ["هاتف", "Phone"]),
    ("SA", "966", "0", ["051 234 5###", "011 234 5###"], ["هاتف", "جوال"]),
    ("EG", "20", "0", ["0100 123 4###", "02 2345 6###"], ["هاتف"]),
    ("ZA", "27", "0", ["071 123 4###", "010 123 4###"], ["Phone", "Cell"]),
    ("NG", "234", "0", ["0802 123 4###", "0703 123 4###"], ["Phone"]),
    ("KE", "254", "0", ["0712 123###", "0722 123 ###"], ["Phone", "Simu"]),
    ("MA", "212", "0", ["0650-123###", "0522-98####"], ["Téléphone"]),
    ("IN", "91", "0", ["081234 56###", "022 2345 6###"], ["Phone", "Mobile", "फ़ोन"]),
    ("PK", "92", "0", ["0301 2345###", "021 3456 7###"], ["Phone", "Mobile"]),
    ("BD", "880", "0", ["01812-345###"], ["Phone", "ফোন"]),
    ("LK", "94", "0", ["071 234 5###", "011 234 5###"], ["Phone"]),
    ("CN", "86", "", ["131 2345 6###", "138123456##", "13812345###"], ["电话", "手机"]),
    ("HK", "852", "", ["5123 4###", "2123 4###"], ["電話", "Tel"]),
    ("TW", "886", "0", ["0912 345 ###", "02 2123 4###"], ["電話", "手機"]),
    ("JP", "81", "0", ["090-1234-5###", "03-1234-5###"], ["電話", "携帯", "TEL"]),
    ("KR", "82", "0", ["010-2345-6###", "02-312-3###"], ["전화", "휴대폰"]),
    ("SG", "65", "", ["8123 4###", "6123 4###"], ["Tel", "HP"]),
    ("MY", "60", "0", ["012-345 6###", "03-2323 4###"], ["Telefon", "No. Tel"]),
    ("TH", "66", "0", ["081 234 5###", "02 123 4###"], ["โทร", "โทรศัพท์"]),
    ("VN", "84", "0", ["0912 345 ###", "024 3823 ####"], ["Điện thoại", "SĐT"]),
    ("ID", "62", "0", ["0812-345-6###", "021 2345 6###"], ["Telepon", "No. HP"]),
    ("PH", "63", "0", ["0905 123 4###", "(02) 8234 5###"], ["Phone", "Telepono"]),
    ("AU", "61", "0", ["0491 570 ###", "(02) 5550 ####", "(03) 7010 ####"], ["Phone", "Mobile"]),
    ("NZ", "64", "0", ["021 123 4###", "03-347 8###"], ["Phone", "Mobile"]),
    ("BR", "55", "", ["(11) 96123-4###", "(21) 2345-6###"], ["Telefone", "Celular"]),
    ("MX", "52", "", ["222 123 4###", "55 1234 5###"], ["Teléfono", "Celular"]),
    ("AR", "54", "0", ["011 4345-6###", "0341 423-4###"], ["Teléfono"]),
    ("CL", "56", "", ["2 2123 4###", "9 6123 4###"], ["Teléfono", "Celular"]),
    ("CO", "57", "", ["321 1234###", "601 234 5###"], ["Teléfono", "Celular"]),
    ("PE", "51", "", ["912 345 ###"], ["Teléfono", "Celular"]),
]
AREA_CODES = "201 202 206 212 213 303 305 312 404 415 503 512 602 617 646 702 713 718 773 804 904 916 917 919 416 514 604".split()
NANP_FORMS = [
    "({a}) 555-{n}", "({a})555-{n}", "{a}-555-{n}", "{a}.555.{n}", "{a} 555 {n}", "1-{a}-555-{n}", "1 ({a}) 555-{n}", "1.{a}.555.{n}",
    "+1 {a} 555 {n}", "+1 ({a}) 555-{n}", "+1-{a}-555-{n}", "+1{a}555{n}", "+1.{a}.555.{n}", "001-{a}-555-{n}", "{a}/555-{n}",
]
EXTENSIONS = ["{p} x{e}", "{p} ext. {e}", "{p} ext {e}", "{p}x{e}", "{p} extension {e}", "{p};ext={e}", "{p} #{e}"]


def nanp(r, form=None):
    return (form or r.choice(NANP_FORMS)).format(a=r.choice(AREA_CODES), n=f"01{digits(r, 2)}")


def international(country_code, prefix, national):
    """A national form as an international one: without its prefix and brackets, behind the calling code."""
    rest = national.replace("(", "").replace(")", "").replace("/", " ").strip()
    if prefix and rest.startswith(prefix):
        rest = rest[len(prefix):].strip()
    return f"+{country_code} {rest}"


# E-mail

EMAIL_LABELS = ["email", "e-mail", "mail", "E-Mail", "courriel", "correo", "contact", "from", "user", "邮箱", "メール"]
FIRST = "jane john maria amir li yuki olga pedro fatima sven chloe marek aisha tomas ines noor kofi elif priya duc".split()
LAST = "doe roe smith garcia chen tanaka novak okafor rossi dupont jansen kaya singh nguyen silva berg kowalski haddad".split()
HOSTS = ["example.com", "example.org", "example.net", "mail.example.com", "corp.eu.example.org", "acme.example", "shop.example.co.uk", "example.io", "it.example.com.br"]


def emails(r):
    """One address of every form: kind, address."""
    first, last, host = r.choice(FIRST), r.choice(LAST), r.choice(HOSTS)
    year = r.randint(50, 99)
    return [
        ("plain", f"{first}.{last}@{host}"),
        ("short", f"{first[0]}{last}@{host}"),
        ("number", f"{first}{year}@{host}"),
        ("plus", f"{first}+{r.choice(['news', 'spam', 'shop', 'a1'])}@{host}"),
        ("underscore", f"{first}_{last}@{host}"),
        ("hyphen", f"{first}-{last}@{r.choice(['my-company.example', 'sub-1.example.com'])}"),
        ("upper", f"{first.title()}.{last.title()}@{host.upper()}"),
        ("subdomains", f"{first}@a.b.{host}"),
        ("symbols", f"{first}!{last}=x@{host}"),
        ("apostrophe", f"{first}.o'{last}@{host}"),
        ("idn", f"{first}@{r.choice(['bücher.example', 'münchen.example', '例え.テスト', 'пример.example', 'café.example.org'])}"),
        ("punycode", f"{first}@xn--bcher-kva.example"),
        ("utf8-local", f"{r.choice(['jürgen', 'usuário', 'józef', '用户', 'почта'])}@{host}"),
        ("digits", f"{digits(r, 8)}@{host}"),
    ]


# IBAN: country and the account's structure from the SWIFT registry: n digits, a letters, c both

IBANS = dict(pair.split(":") for pair in """
AD:8n12c AE:19n AL:8n16c AT:16n AZ:4a20c BA:16n BE:12n BG:4a6n8c BH:4a14c BI:23n BR:23n1a1c BY:4c4n16c CH:5n12c CR:18n CY:8n16c CZ:20n
DE:18n DJ:23n DK:14n DO:4c20n EE:16n EG:25n ES:20n FI:14n FK:2a12n FO:14n FR:10n11c2n GB:4a14n GE:2a16n GI:4a15c GL:14n GR:7n16c GT:4c20c
HN:4a20n HR:17n HU:24n IE:4a14n IL:19n IQ:4a15n IS:22n IT:1a10n12c JO:4a4n18c KW:4a22c KZ:3n13c LB:4n20c LC:4a24c LI:5n12c LT:16n LU:3n13c
LV:4a13c LY:21n MC:10n11c2n MD:2c18c ME:18n MK:3n10c2n MN:16n MR:23n MT:4a5n18c MU:4a19n3a NI:4a20n NL:4a10n NO:11n OM:3n16c PK:4a16c PL:24n
PS:4a21c PT:21n QA:4a21c RO:4a16c RS:18n RU:14n15c SA:2n18c SC:4a20n3a SD:14n SE:20n SI:15n SK:20n SM:1a10n12c SO:19n ST:21n SV:4a20n TL:19n
TN:20n TR:6n16c UA:6n19c VA:18n VG:4a16n XK:16n YE:4a4n18c""".split())
IBAN_LABELS = ["IBAN", "iban", "account", "bank account", "Konto", "compte", "cuenta", "rekening", "conto"]


def iban(r, country):
    account, count = "", ""
    for char in IBANS[country]:
        if char.isdigit():
            count += char
            continue
        account += letters(r, int(count), {"n": DIGITS, "a": LETTERS, "c": BASE36 if r.random() < 0.3 else DIGITS}[char])
        count = ""
    # Accounts with a check of their own that validators know of.
    if country == "BE":
        account = account[:10] + f"{int(account[:10]) % 97 or 97:02d}"
    elif country == "ES":
        bank, number = account[:8], account[10:]
        ten = (1, 2, 4, 8, 5, 10, 9, 7, 3, 6)
        pair = [11 - checks.weighted(body, ten) % 11 for body in ("00" + bank, number)]
        account = bank + "".join(str({10: 1, 11: 0}.get(digit, digit)) for digit in pair) + number
    elif country in ("FR", "MC"):
        table = str.maketrans(LETTERS, "12345678912345678923456789")
        bank, office, number = account[:5], account[5:10], account[10:21].translate(table)
        account = account[:21] + f"{97 - (89 * int(bank) + 15 * int(office) + 3 * int(number)) % 97:02d}"
    elif country in ("IT", "SM"):
        odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
        total = 0
        for place, char in enumerate(account[1:]):
            value = int(char) if char.isdigit() else LETTERS.index(char)
            total += odd[value] if place % 2 == 0 else value
        account = LETTERS[total % 26] + account[1:]
    elif country == "NO":
        while True:
            rest = checks.weighted(account[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
            if rest != 1:
                break
            account = digits(r, 11)
        account = account[:10] + str(-rest % 11)
    elif country in ("BA", "ME", "MK", "PT", "RS", "SI", "TL", "XK", "MR", "TN"):
        account = account[:-2] + checks.mod97_10(account[:-2])
    return checks.iban(country, account)


# Networks

IP_LABELS = ["ip", "client_ip", "remote_addr", "source ip", "host", "addr", "IP address", "peer"]
MAC_LABELS = ["mac", "MAC address", "hwaddr", "ether", "bssid", "device"]


def ipv4(r):
    return r.choice([
        f"192.0.2.{r.randint(1, 254)}", f"198.51.100.{r.randint(1, 254)}", f"203.0.113.{r.randint(1, 254)}",
        f"198.{r.randint(18, 19)}.{r.randint(0, 255)}.{r.randint(1, 254)}", f"10.{r.randint(0, 255)}.{r.randint(0, 255)}.{r.randint(1, 254)}",
        f"172.{r.randint(16, 31)}.{r.randint(0, 255)}.{r.randint(1, 254)}", f"192.168.{r.randint(0, 255)}.{r.randint(1, 254)}",
    ])


def ipv6_forms(r):
    """Spellings of IPv6 addresses (RFC 4291, 5952, 4007): kind, text."""
    part = lambda: f"{r.randint(0x10, 0xFFFF):x}"
    full = ["2001", "db8"] + [part() for _ in range(6)]
    return [
        ("v6-full", ":".join(full)),
        ("v6-zeros", ":".join(group.rjust(4, "0") for group in full)),
        ("v6-upper", ":".join(full).upper()),
        ("v6-compressed", f"2001:db8::{part()}"),
        ("v6-compressed-middle", f"2001:db8:{part()}::{part()}:{part()}"),
        ("v6-compressed-end", f"2001:db8:{part()}:{part()}::"),
        ("v6-link-local", f"fe80::{part()}:{part()}:{part()}:{part()}"),
        ("v6-zone", f"fe80::{part()}:{part()}%eth0"),
        ("v6-ula", f"fd{r.randint(0, 255):02x}:{part()}:{part()}::{part()}"),
        ("v6-mapped", f"::ffff:192.0.2.{r.randint(1, 254)}"),
        ("v6-mapped-hex", f"::ffff:c000:2{r.randint(16, 254):02x}"),
        ("v6-nat64", f"64:ff9b::192.0.2.{r.randint(1, 254)}"),
    ]


def mac_forms(r):
    """Spellings of hardware addresses, universally administered and unicast: kind, text."""
    first = r.randint(0, 63) * 4
    pairs = [f"{first:02x}"] + [f"{r.randint(0, 255):02x}" for _ in range(5)]
    whole = "".join(pairs)
    return [
        ("colons", ":".join(pairs)), ("colons-upper", ":".join(pairs).upper()), ("hyphens", "-".join(pairs).upper()),
        ("hyphens-lower", "-".join(pairs)), ("cisco", grouped(whole, (4, 4, 4), ".")), ("eui-64", ":".join([*pairs[:3], "ff", "fe", *pairs[3:]])),
    ]


# Wallets

WALLET_LABELS = ["wallet", "btc address", "payout address", "send to", "donate"]


def wallets(r):
    """Addresses with their checks: kind, text, labels."""
    data = r.randbytes
    xrp = str.maketrans(checks.BASE58, "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz")
    address = data(20).hex()
    return [
        ("btc-p2pkh", checks.base58check(b"\0" + data(20)), ["bitcoin", "BTC"]),
        ("btc-p2sh", checks.base58check(b"\5" + data(20)), ["bitcoin", "BTC"]),
        ("btc-segwit", checks.bech32("bc", [0, *checks.five_bits(data(20))]), ["bitcoin", "BTC"]),
        ("btc-segwit-32", checks.bech32("bc", [0, *checks.five_bits(data(32))]), ["bitcoin", "BTC"]),
        ("btc-taproot", checks.bech32("bc", [1, *checks.five_bits(data(32))], 0x2BC830A3), ["bitcoin", "BTC"]),
        ("eth", checks.ethereum(address), ["ethereum", "ETH"]),
        ("eth-lower", "0x" + address, ["ethereum address", "ETH wallet"]),
        ("ltc", checks.base58check(b"\x30" + data(20)), ["litecoin", "LTC"]),
        ("ltc-segwit", checks.bech32("ltc", [0, *checks.five_bits(data(20))]), ["litecoin", "LTC"]),
        ("doge", checks.base58check(b"\x1e" + data(20)), ["dogecoin", "DOGE"]),
        ("tron", checks.base58check(b"\x41" + data(20)), ["tron", "TRX wallet"]),
        ("xrp", checks.base58check(b"\0" + data(20)).translate(xrp), ["ripple", "XRP"]),
        ("solana", checks.base58(data(32)), ["solana wallet", "SOL wallet"]),
        ("cardano", checks.bech32("addr", checks.five_bits(b"\1" + data(56))), ["cardano", "ADA"]),
    ]


# Banks

def aba(r):
    """A routing number: Federal Reserve district, weights 3, 7, 1."""
    body = f"{r.choice([*range(1, 13), *range(21, 33)]):02d}{digits(r, 6)}"
    return body + str(-checks.weighted(body, (3, 7, 1, 3, 7, 1, 3, 7)) % 10)


def clabe(r):
    """A Mexican account: bank, place, account, weights 3, 7, 1 of which each product counts mod 10."""
    body = r.choice(["002", "012", "014", "021", "030", "036", "044", "058", "072", "127", "646"]) + r.choice(["180", "320", "580", "150", "010"]) + digits(r, 11)
    total = sum(int(digit) * (3, 7, 1)[place % 3] % 10 for place, digit in enumerate(body))
    return body + str(-total % 10)


def bank_accounts(r):
    """Numbers that ask for a word beside them: kind, text, labels."""
    ten = (1, 2, 4, 8, 5, 10, 9, 7, 3, 6)
    bank, number = r.choice(["2100", "0049", "0182", "2038"]) + digits(r, 4), digits(r, 10)
    pair = "".join(str({10: 1, 11: 0}.get(11 - checks.weighted(body, ten) % 11, 11 - checks.weighted(body, ten) % 11)) for body in ("00" + bank, number))
    return [
        ("us-aba", aba(r), ["routing number", "ABA", "ABA routing", "Routing No.", "rtn"]),
        ("us-account", digits(r, r.randint(9, 12)), ["account number", "bank account number", "checking account", "Acct No."]),
        ("mx-clabe", clabe(r), ["CLABE", "CLABE interbancaria", "cuenta CLABE"]),
        ("es-ccc", f"{bank[:4]} {bank[4:]} {pair} {number}", ["CCC", "cuenta bancaria", "código cuenta cliente"]),
        ("gb-sort-account", f"{filled(r, '##-##-##')} {digits(r, 8)}", ["sort code and account number", "Sort code / account"]),
        ("in-ifsc-account", digits(r, 14), ["bank account number", "A/C No."]),
        ("au-bsb-account", f"{filled(r, '06#-###')} {digits(r, 8)}", ["BSB and account number", "BSB / account"]),
    ]


# Devices

def devices(r):
    """Numbers of devices and subscribers: kind, text, labels."""
    body = r.choice(["35", "86", "01", "49"]) + digits(r, 12)
    imei = body + checks.luhn(body)
    subscriber = r.choice(["310260", "310410", "26201", "23415", "20801", "22201", "46000"])
    return [
        ("imei", imei, ["IMEI", "imei number", "device imei"]),
        ("imei-grouped", f"{imei[:2]}-{imei[2:8]}-{imei[8:14]}-{imei[14]}", ["IMEI", "imei"]),
        ("imsi", subscriber + digits(r, 15 - len(subscriber)), ["IMSI", "imsi"]),
        ("meid", "A" + letters(r, 13, HEX.upper()), ["MEID", "meid"]),
    ]
