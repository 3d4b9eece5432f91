"""Numbers that authorities give to people, with the check digits and dates that their public descriptions ask for.

`KINDS` holds every kind: its name, its entity, the words that stand beside it in the country's languages, and a function
from a `random.Random` to the ways in which one number is written. Labels hold what the number is called, never a number.
"""

import datetime

import checks
from values import BASE36, DIGITS, LETTERS, Value, digits, filled, grouped, letters

KINDS = []


def kind(name, entity, *labels):
    """Registers the function below as a kind of number."""

    def register(function):
        KINDS.append((name, entity, list(labels), function))
        return function

    return register


def shape(name, entity, labels, *templates):
    """Registers a kind that is only a shape: # a digit, ~ one from 1 on, ? a letter."""
    KINDS.append((name, entity, labels, lambda r: [filled(r, template) for template in templates]))


def value(r, entry):
    """One value of an entry of `KINDS`, in one of its writings."""
    name, entity, labels, function = entry
    return Value(r.choice(function(r)), entity, name, labels)


def birth(r):
    return datetime.date(1950, 1, 1) + datetime.timedelta(days=r.randrange(365 * 55))


def until(make):
    """The first of the numbers that `make` gives which is one: `None` stands for a draw that has no check digit."""
    while True:
        made = make()
        if made is not None:
            return made


def mod11(body, weights, minus=True):
    """The sum mod 11 (`minus`: what is missing to 11) as 0 to 10."""
    rest = checks.weighted(body, weights) % 11
    return -rest % 11 if minus else rest


NATIONAL, TAX, HEALTH, PASSPORT, LICENCE = "NATIONAL_ID", "TAX_ID", "HEALTH_ID", "PASSPORT", "DRIVING_LICENCE"


# United States

@kind("us-mbi", HEALTH, "Medicare Beneficiary Identifier", "MBI", "Medicare number", "Medicare ID")
def us_mbi(r):
    letter, both = "ACDEFGHJKMNPQRTUVWXY", "ACDEFGHJKMNPQRTUVWXY0123456789"
    pick = lambda alphabet: r.choice(alphabet)
    number = (pick(DIGITS[1:]) + pick(letter) + pick(both) + pick(DIGITS) + pick(letter) + pick(both) + pick(DIGITS)
              + pick(letter) + pick(letter) + pick(DIGITS) + pick(DIGITS))
    return [number, f"{number[:4]}-{number[4:7]}-{number[7:]}"]


@kind("us-npi", HEALTH, "NPI", "National Provider Identifier", "provider NPI")
def us_npi(r):
    body = r.choice("12") + digits(r, 8)
    return [body + checks.luhn("80840" + body)]


@kind("us-dea", HEALTH, "DEA number", "DEA", "DEA registration")
def us_dea(r):
    body = digits(r, 6)
    total = checks.weighted(body[::2], (1, 1, 1)) + 2 * checks.weighted(body[1::2], (1, 1, 1))
    return [r.choice("ABFGM") + r.choice(LETTERS) + body + str(total % 10)]


shape("us-passport", PASSPORT, ["passport number", "US passport", "passport no."], "?########", "~########")
shape("us-ptin", TAX, ["PTIN", "preparer tax identification number"], "P########")
shape("us-licence-ca", LICENCE, ["driver's license", "California driver license", "DL", "driver license number"], "?#######")
shape("us-licence-fl", LICENCE, ["driver's license", "Florida driver license", "driver license number"], "?###-###-##-###-0", "?############")
shape("us-licence-ny", LICENCE, ["New York driver license", "driver's license", "DLN"], "### ### ###", "#########")
shape("us-licence-tx", LICENCE, ["Texas driver license", "driver license number", "driver's license"], "~#######")
shape("us-licence-il", LICENCE, ["Illinois driver's license", "driver's license number"], "?###-####-####", "?###########")
shape("us-licence-nj", LICENCE, ["New Jersey driver license", "driver's license"], "?#### ##### #####", "?##############")


@kind("us-atin", TAX, "ATIN", "adoption taxpayer identification number")
def us_atin(r):
    return [filled(r, "9##-93-####")]


# United Kingdom, Ireland

@kind("gb-nhs", HEALTH, "NHS number", "NHS No.", "NHS no", "nhs_number")
def gb_nhs(r):
    def make():
        body = r.choice("4679") + digits(r, 8)
        check = mod11(body, range(10, 1, -1))
        return None if check == 10 else body + str(check)
    number = until(make)
    return [number, grouped(number, (3, 3, 4)), grouped(number, (3, 3, 4), "-")]


@kind("gb-chi", HEALTH, "CHI number", "CHI", "Community Health Index")
def gb_chi(r):
    def make():
        body = birth(r).strftime("%d%m%y") + digits(r, 3)
        check = mod11(body, range(10, 1, -1))
        return None if check == 10 else body + str(check)
    return [until(make)]


@kind("gb-nino", NATIONAL, "National Insurance number", "NI number", "NINO", "National Insurance No.", "ni_number")
def gb_nino(r):
    def make():
        prefix = letters(r, 1, "ABCEGHJKLMNOPRSTWXYZ") + letters(r, 1, "ABCEGHJKLMNPRSTWXYZ")
        return None if prefix in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ") else prefix
    prefix, number, suffix = until(make), digits(r, 6), r.choice("ABCD")
    return [prefix + number + suffix, f"{prefix} {number[:2]} {number[2:4]} {number[4:]} {suffix}", f"{prefix} {number} {suffix}"]


@kind("gb-utr", TAX, "UTR", "Unique Taxpayer Reference", "tax reference", "Self Assessment UTR")
def gb_utr(r):
    body = digits(r, 9)
    number = "21987654321"[checks.weighted(body, (6, 7, 8, 9, 10, 5, 4, 3, 2)) % 11] + body
    return [number, number[:5] + " " + number[5:]]


@kind("gb-licence", LICENCE, "driving licence", "driving licence number", "Driver number", "driving_licence_number")
def gb_licence(r):
    born, woman = birth(r), r.random() < 0.5
    name = r.choice(["SMITH", "JONES", "MORGA", "DOE99", "PATEL", "KHAN9", "EVANS"])
    date = f"{born.year % 100 // 10}{born.month + (50 if woman else 0):02d}{born.day:02d}{born.year % 10}"
    number = name + date + r.choice(LETTERS) + r.choice("9" + LETTERS) + r.choice("9876") + letters(r, 2)
    return [number, grouped(number, (5, 6, 5))]


@kind("gb-upn", NATIONAL, "UPN", "Unique Pupil Number", "pupil number")
def gb_upn(r):
    body = r.choice(["201", "306", "380", "873", "926"]) + digits(r, 9)
    return ["ABCDEFGHJKLMNPQRTUVWXYZ"[checks.weighted(body, range(2, 14)) % 23] + body]


shape("gb-passport", PASSPORT, ["passport number", "passport no", "UK passport"], "~########")


@kind("ie-pps", NATIONAL, "PPS number", "PPSN", "PPS No.", "Personal Public Service Number", "UPSP")
def ie_pps(r):
    body = digits(r, 7)
    total = checks.weighted(body, range(8, 1, -1))
    second = r.choice(["", "", "A", "B", "H"])
    total += (LETTERS.index(second) + 1) * 9 if second else 0
    return [body + ("W" + LETTERS)[total % 23] + second]


shape("ie-passport", PASSPORT, ["passport number", "Irish passport", "uimhir phas"], "P?#######")


# Canada, Australia, New Zealand

@kind("ca-sin", NATIONAL, "SIN", "Social Insurance Number", "NAS", "numéro d'assurance sociale", "social insurance no.")
def ca_sin(r):
    body = r.choice("1234567") + digits(r, 7)
    number = body + checks.luhn(body)
    return [number, grouped(number, (3, 3, 3)), grouped(number, (3, 3, 3), "-")]


@kind("ca-health-on", HEALTH, "health card number", "OHIP", "OHIP number", "Ontario health card")
def ca_ohip(r):
    body = r.choice("123456789") + digits(r, 8)
    number = body + checks.luhn(body)
    version = letters(r, 2)
    return [f"{grouped(number, (4, 3, 3), '-')}-{version}", f"{grouped(number, (4, 3, 3))} {version}", number + version]


@kind("ca-health-qc", HEALTH, "RAMQ", "carte d'assurance maladie", "numéro d'assurance maladie", "NAM")
def ca_ramq(r):
    born, woman = birth(r), r.random() < 0.5
    number = letters(r, 4) + f"{born.year % 100:02d}{born.month + (50 if woman else 0):02d}{born.day:02d}" + digits(r, 2)
    return [number, f"{number[:4]} {number[4:8]} {number[8:]}"]


@kind("ca-health-bc", HEALTH, "PHN", "Personal Health Number", "BC Services Card", "MSP number")
def ca_phn(r):
    def make():
        body = digits(r, 8)
        rest = checks.weighted(body, (2, 4, 8, 5, 10, 9, 7, 3)) % 11
        return None if rest in (0, 1) else "9" + body + str(11 - rest)
    number = until(make)
    return [number, grouped(number, (4, 3, 3))]


shape("ca-passport", PASSPORT, ["passport number", "Canadian passport", "numéro de passeport"], "??######")


@kind("au-tfn", TAX, "TFN", "Tax File Number", "tax file no.")
def au_tfn(r):
    def make():
        body = r.choice(DIGITS[1:]) + digits(r, 7)
        # The last weight is 10, which is -1: the digit is the sum of the others.
        check = checks.weighted(body, (1, 4, 3, 7, 5, 8, 6, 9)) % 11
        return None if check == 10 else body + str(check)
    number = until(make)
    return [number, grouped(number, (3, 3, 3))]


@kind("au-medicare", HEALTH, "Medicare number", "Medicare card", "Medicare No.", "medicare card number")
def au_medicare(r):
    body = r.choice("23456") + digits(r, 7)
    number = body + str(checks.weighted(body, (1, 3, 7, 9, 1, 3, 7, 9)) % 10) + r.choice(DIGITS[1:])
    return [number, grouped(number, (4, 5, 1)), f"{grouped(number[:10], (4, 5, 1))}/{r.randint(1, 9)}"]


shape("au-passport", PASSPORT, ["passport number", "Australian passport"], "N#######", "PA#######")
shape("au-licence", LICENCE, ["driver licence", "NSW driver licence", "licence number"], "########")


@kind("nz-ird", TAX, "IRD number", "IRD", "Inland Revenue number", "tax number")
def nz_ird(r):
    def make():
        body = f"{r.randint(1000000, 14999999):08d}"
        for weights in ((3, 2, 7, 6, 5, 4, 3, 2), (7, 4, 3, 2, 5, 2, 7, 6)):
            check = mod11(body, weights)
            if check != 10:
                return body.lstrip("0") + str(check)
        return None
    number = until(make)
    return [number, f"{number[:-6]}-{number[-6:-3]}-{number[-3:]}"]


@kind("nz-nhi", HEALTH, "NHI", "NHI number", "National Health Index")
def nz_nhi(r):
    alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    def make():
        name, body = letters(r, 3, alphabet), digits(r, 3)
        total = sum((alphabet.index(char) + 1) * weight for char, weight in zip(name, (7, 6, 5)))
        rest = (total + checks.weighted(body, (4, 3, 2))) % 11
        return None if rest == 0 else name + body + str((11 - rest) % 10)
    return [until(make)]


shape("nz-passport", PASSPORT, ["passport number", "NZ passport"], "L?######", "R?######")


# Germany, Austria, Switzerland

@kind("de-idnr", TAX, "Steuer-ID", "IdNr", "Steueridentifikationsnummer", "Steuerliche Identifikationsnummer", "IdNr.")
def de_idnr(r):
    # One digit twice among the first ten, one missing, the rest once; no leading zero.
    def make():
        pool = list(DIGITS)
        r.shuffle(pool)
        body = pool[:9] + [pool[r.randrange(9)]]
        r.shuffle(body)
        return None if body[0] == "0" else "".join(body)
    body = until(make)
    number = body + checks.mod11_10(body)
    return [number, grouped(number, (2, 3, 3, 3))]


@kind("de-svnr", NATIONAL, "Sozialversicherungsnummer", "SV-Nummer", "Rentenversicherungsnummer", "RVNR", "Versicherungsnummer")
def de_svnr(r):
    area = r.choice(["02", "08", "12", "13", "15", "18", "24", "39", "52", "65"])
    letter = r.choice(LETTERS)
    body = area + birth(r).strftime("%d%m%y") + f"{LETTERS.index(letter) + 1:02d}" + f"{r.randint(0, 99):02d}"
    total = sum(sum(map(int, str(int(digit) * weight))) for digit, weight in zip(body, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)))
    number = body[:8] + letter + body[10:] + str(total % 10)
    return [number, f"{number[:2]} {number[2:8]} {number[8]} {number[9:]}"]


def icao_body(r, first, count):
    return r.choice(first) + letters(r, count - 1, "CFGHJKLMNPRTVWXYZ0123456789")


@kind("de-personalausweis", NATIONAL, "Personalausweis", "Ausweisnummer", "Personalausweisnummer", "Ausweis-Nr.")
def de_ausweis(r):
    body = icao_body(r, "LMNPRTVWXY", 9)
    return [body + checks.icao(body)]


@kind("de-passport", PASSPORT, "Reisepass", "Passnummer", "Reisepassnummer", "Pass-Nr.")
def de_passport(r):
    body = icao_body(r, "CFGHJK", 9)
    return [body, body + checks.icao(body)]


@kind("de-kvnr", HEALTH, "Krankenversichertennummer", "KVNR", "Versichertennummer", "Krankenversicherungsnummer")
def de_kvnr(r):
    letter, body = r.choice(LETTERS), digits(r, 8)
    whole = f"{LETTERS.index(letter) + 1:02d}{body}"
    total = sum(sum(map(int, str(int(digit) * weight))) for digit, weight in zip(whole, (1, 2) * 5))
    return [letter + body + str(total % 10)]


shape("de-steuernummer", TAX, ["Steuernummer", "St.-Nr.", "StNr", "Steuer-Nr."], "###/###/#####", "##/###/#####")
shape("de-licence", LICENCE, ["Führerschein", "Führerscheinnummer", "Führerschein-Nr."], "B072RRE2I##")


@kind("at-vnr", NATIONAL, "Sozialversicherungsnummer", "SV-Nr.", "SVNR", "Versicherungsnummer")
def at_vnr(r):
    def make():
        serial, date = str(r.randint(100, 999)), birth(r).strftime("%d%m%y")
        check = checks.weighted(serial + date, (3, 7, 9, 5, 8, 4, 2, 1, 6)) % 11
        return None if check == 10 else serial + str(check) + date
    number = until(make)
    return [number, grouped(number, (4, 6))]


shape("at-passport", PASSPORT, ["Reisepass", "Passnummer", "Reisepass Nr."], "U#######", "P#######")


@kind("ch-ahv", NATIONAL, "AHV-Nummer", "AHV-Nr.", "numéro AVS", "N° AVS", "numero AVS", "Sozialversicherungsnummer")
def ch_ahv(r):
    body = "756" + digits(r, 9)
    number = body + checks.ean(body)
    return [number, f"{number[:3]}.{number[3:7]}.{number[7:11]}.{number[11:]}"]


shape("ch-passport", PASSPORT, ["Reisepass", "numéro de passeport", "Pass-Nr."], "X#######")


# France, Belgium, Luxembourg, Netherlands

@kind("fr-nir", NATIONAL, "numéro de sécurité sociale", "NIR", "n° de sécu", "Sécurité sociale", "numero_securite_sociale")
def fr_nir(r):
    place = r.choice(["75", "13", "69", "33", "59", "2A", "2B", "44"])
    body = f"{r.choice('12')}{r.randint(50, 99)}{r.randint(1, 12):02d}{place}{r.randint(1, 990):03d}{r.randint(1, 990):03d}"
    number = int(body.replace("2A", "19").replace("2B", "18"))
    whole = body + f"{97 - number % 97:02d}"
    return [whole, grouped(whole, (1, 2, 2, 2, 3, 3, 2)), f"{grouped(whole[:13], (1, 2, 2, 2, 3, 3))} {whole[13:]}"]


@kind("fr-nif", TAX, "numéro fiscal", "NIF", "SPI", "numéro fiscal de référence", "n° fiscal")
def fr_nif(r):
    body = r.choice("0123") + digits(r, 9)
    number = body + f"{int(body) % 511:03d}"
    return [number, grouped(number, (2, 2, 3, 3, 3))]


shape("fr-passport", PASSPORT, ["passeport", "numéro de passeport", "n° de passeport"], "##??#####")
shape("fr-cni", NATIONAL, ["carte d'identité", "carte nationale d'identité", "CNI", "n° CNI"], "############")
shape("fr-licence", LICENCE, ["permis de conduire", "numéro de permis"], "##0#750#####")


@kind("be-nn", NATIONAL, "rijksregisternummer", "numéro national", "Rijksregister", "registre national", "INSZ", "NISS")
def be_nn(r):
    born = birth(r)
    body = born.strftime("%y%m%d") + f"{r.randint(1, 997):03d}"
    check = 97 - int(("2" if born.year >= 2000 else "") + body) % 97
    number = body + f"{check:02d}"
    return [number, f"{number[:2]}.{number[2:4]}.{number[4:6]}-{number[6:9]}.{number[9:]}"]


@kind("be-eid", NATIONAL, "eID", "identiteitskaartnummer", "numéro de carte d'identité", "identiteitskaart")
def be_eid(r):
    body = r.choice(["590", "591", "592"]) + digits(r, 7)
    number = body + f"{int(body) % 97 or 97:02d}"
    return [number, f"{number[:3]}-{number[3:10]}-{number[10:]}"]


shape("be-passport", PASSPORT, ["paspoort", "passeport", "paspoortnummer"], "E?######")


@kind("lu-nin", NATIONAL, "matricule", "numéro d'identification national", "Sozialversicherungsnummer", "matricule national")
def lu_nin(r):
    body = birth(r).strftime("%Y%m%d") + digits(r, 3)
    return [body + checks.luhn(body) + checks.verhoeff(body)]


@kind("nl-bsn", NATIONAL, "BSN", "burgerservicenummer", "sofinummer", "BSN-nummer")
def nl_bsn(r):
    def make():
        body = digits(r, 8)
        check = checks.weighted(body, range(9, 1, -1)) % 11
        return None if check == 10 or body[0] == "0" else body + str(check)
    number = until(make)
    return [number, grouped(number, (4, 2, 3), "."), grouped(number, (3, 3, 3))]


@kind("nl-passport", PASSPORT, "paspoort", "paspoortnummer", "documentnummer", "paspoort nr.")
def nl_passport(r):
    return [letters(r, 2, "ABCDEFGHIJKLMNPQRSTUVWXYZ") + letters(r, 6, "ABCDEFGHIJKLMNPQRSTUVWXYZ123456789") + r.choice(DIGITS)]


shape("nl-licence", LICENCE, ["rijbewijs", "rijbewijsnummer"], "##########")


# Spain, Portugal, Italy, Greece, Malta, Cyprus

@kind("es-dni", NATIONAL, "DNI", "NIF", "documento nacional de identidad", "D.N.I.")
def es_dni(r):
    body = digits(r, 8)
    letter = "TRWAGMYFPDXBNJZSQVHLCKE"[int(body) % 23]
    return [body + letter, f"{body}-{letter}", f"{body[:2]}.{body[2:5]}.{body[5:]}-{letter}"]


@kind("es-nie", NATIONAL, "NIE", "número de identidad de extranjero", "N.I.E.")
def es_nie(r):
    first, body = r.choice("XYZ"), digits(r, 7)
    letter = "TRWAGMYFPDXBNJZSQVHLCKE"[int(str("XYZ".index(first)) + body) % 23]
    return [first + body + letter, f"{first}-{body}-{letter}"]


@kind("es-nuss", NATIONAL, "número de la Seguridad Social", "NUSS", "NSS", "núm. afiliación Seguridad Social")
def es_nuss(r):
    province, body = f"{r.randint(1, 50):02d}", r.choice(DIGITS[1:]) + digits(r, 7)
    number = province + body + f"{int(province + body) % 97:02d}"
    return [number, f"{number[:2]}/{number[2:10]}/{number[10:]}", f"{number[:2]} {number[2:10]} {number[10:]}"]


shape("es-passport", PASSPORT, ["pasaporte", "número de pasaporte"], "PA?######")


@kind("pt-nif", TAX, "NIF", "contribuinte", "número de contribuinte", "n.º de contribuinte")
def pt_nif(r):
    body = r.choice("12") + digits(r, 7)
    check = mod11(body, range(9, 1, -1))
    number = body + str(check % 10)
    return [number, grouped(number, (3, 3, 3))]


@kind("pt-cc", NATIONAL, "cartão de cidadão", "número do cartão de cidadão", "CC", "n.º cartão de cidadão")
def pt_cc(r):
    body = r.choice(DIGITS[1:]) + digits(r, 7)
    check = mod11(body, range(9, 1, -1)) % 10
    whole = f"{body}{check}Z{r.choice('XYZ')}"
    total = 0
    for place, char in enumerate(reversed(whole)):
        product = BASE36.index(char) * (2 if place % 2 == 0 else 1)
        total += product - 9 if product > 9 and place % 2 == 0 else product
    number = whole + str(-total % 10)
    return [number, f"{number[:8]} {number[8]} {number[9:]}"]


@kind("pt-niss", NATIONAL, "NISS", "Segurança Social", "número de segurança social")
def pt_niss(r):
    body = r.choice("12") + digits(r, 9)
    return [body + str(9 - checks.weighted(body, (29, 23, 19, 17, 13, 11, 7, 5, 3, 2)) % 10)]


_CF_ODD = dict(zip(DIGITS + LETTERS, (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)))


@kind("it-cf", TAX, "codice fiscale", "C.F.", "cod. fiscale", "codice_fiscale", "CF")
def it_cf(r):
    born, woman = birth(r), r.random() < 0.5
    consonants = "BCDFGLMNPRSTVZ"
    body = (letters(r, 6, consonants) + f"{born.year % 100:02d}" + "ABCDEHLMPRST"[born.month - 1] + f"{born.day + (40 if woman else 0):02d}"
            + r.choice(["H501", "F205", "L219", "D612", "A944", "F839", "G273"]))
    total = sum(_CF_ODD[char] if place % 2 == 0 else (int(char) if char.isdigit() else LETTERS.index(char)) for place, char in enumerate(body))
    number = body + LETTERS[total % 26]
    return [number, number.lower(), grouped(number, (3, 3, 5, 5))]


shape("it-cie", NATIONAL, ["carta d'identità", "numero carta d'identità", "CIE"], "CA#####??")
shape("it-passport", PASSPORT, ["passaporto", "numero di passaporto"], "Y?#######")
shape("it-licence", LICENCE, ["patente", "patente di guida", "numero patente"], "U1#######?")


@kind("gr-amka", NATIONAL, "ΑΜΚΑ", "AMKA", "Α.Μ.Κ.Α.")
def gr_amka(r):
    body = birth(r).strftime("%d%m%y") + digits(r, 4)
    return [body + checks.luhn(body)]


@kind("gr-afm", TAX, "ΑΦΜ", "AFM", "Α.Φ.Μ.", "αριθμός φορολογικού μητρώου")
def gr_afm(r):
    body = r.choice("01") + digits(r, 7)
    return [body + str(checks.weighted(body, (256, 128, 64, 32, 16, 8, 4, 2)) % 11 % 10)]


# Nordic and Baltic countries

@kind("se-personnummer", NATIONAL, "personnummer", "pers.nr", "Personnr", "personal identity number")
def se_pnr(r):
    born = birth(r)
    body = born.strftime("%y%m%d") + digits(r, 3)
    number = body[6:] + checks.luhn(body)
    return [f"{body[:6]}-{number}", born.strftime("%Y%m%d") + number, f"{born.strftime('%Y%m%d')}-{number}", body[:6] + number]


@kind("se-samordningsnummer", NATIONAL, "samordningsnummer", "coordination number", "samordningsnr")
def se_samordning(r):
    born = birth(r)
    body = f"{born:%y%m}{born.day + 60:02d}" + digits(r, 3)
    return [f"{body[:6]}-{body[6:]}{checks.luhn(body)}"]


def norwegian(r, day):
    def make():
        born = birth(r)
        body = f"{born.day + day:02d}{born:%m%y}" + f"{r.randint(0, 499):03d}"
        first = mod11(body, (3, 7, 6, 1, 8, 9, 4, 5, 2))
        second = 10 if first == 10 else mod11(body + str(first), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2))
        return None if second == 10 or born.year >= 2000 else f"{body}{first}{second}"
    number = until(make)
    return [number, number[:6] + " " + number[6:]]


@kind("no-fodselsnummer", NATIONAL, "fødselsnummer", "fnr", "personnummer", "fødselsnr.")
def no_fnr(r):
    return norwegian(r, 0)


@kind("no-dnummer", NATIONAL, "D-nummer", "d-nummer", "dnr")
def no_dnr(r):
    return norwegian(r, 40)


@kind("dk-cpr", NATIONAL, "CPR-nummer", "CPR-nr.", "CPR", "personnummer")
def dk_cpr(r):
    def make():
        born = birth(r)
        body = born.strftime("%d%m%y") + (r.choice("0123") if born.year < 2000 else r.choice("4567")) + digits(r, 2)
        check = mod11(body, (4, 3, 2, 7, 6, 5, 4, 3, 2))
        return None if check == 10 else body + str(check)
    number = until(make)
    return [f"{number[:6]}-{number[6:]}", number]


@kind("fi-hetu", NATIONAL, "henkilötunnus", "HETU", "hetu", "sosiaaliturvatunnus", "personbeteckning")
def fi_hetu(r):
    born = birth(r)
    date, serial = born.strftime("%d%m%y"), f"{r.randint(2, 899):03d}"
    return [date + ("-" if born.year < 2000 else "A") + serial + "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(date + serial) % 31]]


@kind("is-kennitala", NATIONAL, "kennitala", "kt.", "Kennitala")
def is_kennitala(r):
    def make():
        born = birth(r)
        body = born.strftime("%d%m%y") + str(r.randint(20, 99))
        check = mod11(body, (3, 2, 7, 6, 5, 4, 3, 2))
        return None if check == 10 else body + str(check) + ("9" if born.year < 2000 else "0")
    number = until(make)
    return [f"{number[:6]}-{number[6:]}", number]


def baltic(r):
    born = birth(r)
    body = str((3 if born.year < 2000 else 5) + r.randint(0, 1)) + born.strftime("%y%m%d") + digits(r, 3)
    check = mod11(body, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1), minus=False)
    if check == 10:
        check = mod11(body, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3), minus=False) % 10
    return [body + str(check)]


KINDS.append(("ee-isikukood", NATIONAL, ["isikukood", "IK", "personal code"], baltic))
KINDS.append(("lt-asmens-kodas", NATIONAL, ["asmens kodas", "a.k.", "personal code"], baltic))


@kind("lv-personas-kods", NATIONAL, "personas kods", "p.k.", "personal code")
def lv_pk(r):
    def make():
        born = birth(r)
        body = born.strftime("%d%m%y") + ("1" if born.year < 2000 else "2") + digits(r, 3)
        check = (1 + checks.weighted(body, (10, 5, 8, 4, 2, 1, 6, 3, 7, 9))) % 11
        return None if check == 10 else f"{body[:6]}-{body[6:]}{check}"
    return [until(make)]


# Central and eastern Europe

@kind("pl-pesel", NATIONAL, "PESEL", "numer PESEL", "nr PESEL")
def pl_pesel(r):
    born = birth(r)
    body = f"{born:%y}{born.month + (20 if born.year >= 2000 else 0):02d}{born:%d}" + digits(r, 4)
    return [body + str(-checks.weighted(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10)]


@kind("pl-nip", TAX, "NIP", "numer NIP", "nr identyfikacji podatkowej")
def pl_nip(r):
    def make():
        body = r.choice(["526", "521", "113", "676", "779"]) + digits(r, 6)
        check = mod11(body, (6, 5, 7, 2, 3, 4, 5, 6, 7), minus=False)
        return None if check == 10 else body + str(check)
    number = until(make)
    return [number, grouped(number, (3, 3, 2, 2), "-")]


@kind("pl-dowod", NATIONAL, "dowód osobisty", "numer dowodu", "nr dowodu osobistego", "seria i numer dowodu")
def pl_dowod(r):
    prefix, body = "A" + letters(r, 2), digits(r, 5)
    total = sum((LETTERS.index(char) + 10) * weight for char, weight in zip(prefix, (7, 3, 1)))
    number = prefix + str((total + checks.weighted(body, (7, 3, 1, 7, 3))) % 10) + body
    return [number, f"{number[:3]} {number[3:]}"]


shape("pl-passport", PASSPORT, ["paszport", "numer paszportu", "nr paszportu"], "E?#######")


def rodne_cislo(r):
    def make():
        born, woman = birth(r), r.random() < 0.5
        if born.year < 1954:
            return None
        body = f"{born:%y}{born.month + (50 if woman else 0):02d}{born:%d}" + digits(r, 3)
        check = int(body) % 11
        return None if check == 10 else body + str(check)
    number = until(make)
    return [f"{number[:6]}/{number[6:]}", number]


KINDS.append(("cz-rc", NATIONAL, ["rodné číslo", "RČ", "r.č.", "rodne cislo"], rodne_cislo))
KINDS.append(("sk-rc", NATIONAL, ["rodné číslo", "RČ", "rod. číslo"], rodne_cislo))


@kind("hu-taj", HEALTH, "TAJ szám", "TAJ", "TAJ-szám", "társadalombiztosítási azonosító")
def hu_taj(r):
    body = r.choice("01") + digits(r, 7)
    number = body + str(checks.weighted(body, (3, 7, 3, 7, 3, 7, 3, 7)) % 10)
    return [number, grouped(number, (3, 3, 3)), grouped(number, (3, 3, 3), "-")]


@kind("hu-ado", TAX, "adóazonosító jel", "adóazonosító", "adószám")
def hu_ado(r):
    def make():
        body = "8" + digits(r, 8)
        check = checks.weighted(body, range(1, 10)) % 11
        return None if check == 10 else body + str(check)
    return [until(make)]


@kind("ro-cnp", NATIONAL, "CNP", "cod numeric personal", "C.N.P.")
def ro_cnp(r):
    born = birth(r)
    body = str((1 if born.year < 2000 else 5) + r.randint(0, 1)) + born.strftime("%y%m%d") + f"{r.randint(1, 46):02d}" + f"{r.randint(1, 999):03d}"
    check = checks.weighted(body, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return [body + str(1 if check == 10 else check)]


@kind("bg-egn", NATIONAL, "ЕГН", "EGN", "единен граждански номер")
def bg_egn(r):
    born = birth(r)
    body = f"{born:%y}{born.month + (40 if born.year >= 2000 else 0):02d}{born:%d}" + digits(r, 3)
    return [body + str(checks.weighted(body, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10)]


@kind("hr-oib", NATIONAL, "OIB", "osobni identifikacijski broj", "OIB broj")
def hr_oib(r):
    body = digits(r, 10)
    return [body + checks.mod11_10(body)]


def jmbg(r, region):
    def make():
        born = birth(r)
        body = f"{born:%d%m}{born.year % 1000:03d}{region}" + digits(r, 3)
        check = mod11(body, (7, 6, 5, 4, 3, 2) * 2)
        return None if check == 10 else body + str(check)
    return [until(make)]


KINDS.append(("si-emso", NATIONAL, ["EMŠO", "EMSO", "enotna matična številka občana"], lambda r: jmbg(r, "50")))
KINDS.append(("rs-jmbg", NATIONAL, ["ЈМБГ", "JMBG", "matični broj"], lambda r: jmbg(r, "71")))


@kind("si-davcna", TAX, "davčna številka", "davčna št.", "DŠ")
def si_davcna(r):
    def make():
        body = r.choice(DIGITS[1:]) + digits(r, 6)
        check = 11 - checks.weighted(body, range(8, 1, -1)) % 11
        return None if check == 11 else body + str(check % 10)
    return [until(make)]


@kind("tr-kimlik", NATIONAL, "T.C. kimlik no", "TC Kimlik No", "TCKN", "kimlik numarası", "TC kimlik")
def tr_kimlik(r):
    body = r.choice(DIGITS[1:]) + digits(r, 8)
    tenth = (7 * checks.weighted(body[::2], (1,) * 5) - checks.weighted(body[1::2], (1,) * 4)) % 10
    return [f"{body}{tenth}{(sum(map(int, body)) + tenth) % 10}"]


@kind("ua-rntrc", TAX, "РНОКПП", "ІПН", "ідентифікаційний код", "індивідуальний податковий номер")
def ua_rntrc(r):
    body = str(r.randint(18264, 38000)) + digits(r, 4)
    return [body + str(checks.weighted(body, (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10)]


@kind("ru-inn", TAX, "ИНН", "INN", "ИНН физлица")
def ru_inn(r):
    body = r.choice(["77", "78", "50", "66", "16"]) + digits(r, 8)
    body += str(checks.weighted(body, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10)
    return [body + str(checks.weighted(body, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10)]


@kind("ru-snils", NATIONAL, "СНИЛС", "SNILS", "страховой номер")
def ru_snils(r):
    body = f"{r.randint(2000000, 999999999):09d}"
    check = checks.weighted(body, range(9, 0, -1)) % 101 % 100
    return [f"{grouped(body, (3, 3, 3), '-')} {check:02d}", f"{body}{check:02d}", f"{grouped(body, (3, 3, 3), '-')}-{check:02d}"]


shape("ru-passport", PASSPORT, ["паспорт", "серия и номер паспорта", "паспорт РФ"], "45 ## ######", "4### ######")


@kind("kz-iin", NATIONAL, "ИИН", "ЖСН", "IIN")
def kz_iin(r):
    def make():
        born = birth(r)
        body = born.strftime("%y%m%d") + (r.choice("34") if born.year < 2000 else r.choice("56")) + digits(r, 4)
        check = checks.weighted(body, range(1, 12)) % 11
        if check == 10:
            check = checks.weighted(body, (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)) % 11
        return None if check == 10 else body + str(check)
    return [until(make)]


# Middle East and Africa

@kind("il-id", NATIONAL, "תעודת זהות", "מספר זהות", "ת.ז.", "Teudat Zehut", "Israeli ID")
def il_id(r):
    body = r.choice("023") + digits(r, 7)
    return [body + checks.luhn(body)]


@kind("ae-eid", NATIONAL, "رقم الهوية", "Emirates ID", "EID", "الهوية الإماراتية")
def ae_eid(r):
    body = f"784{birth(r).year}{digits(r, 7)}"
    number = body + checks.luhn(body)
    return [grouped(number, (3, 4, 7, 1), "-"), number]


@kind("sa-id", NATIONAL, "رقم الهوية الوطنية", "رقم الإقامة", "National ID", "Iqama number")
def sa_id(r):
    body = r.choice("12") + digits(r, 8)
    return [body + checks.luhn(body)]


@kind("za-id", NATIONAL, "South African ID", "ID number", "RSA ID", "identiteitsnommer")
def za_id(r):
    body = birth(r).strftime("%y%m%d") + digits(r, 4) + r.choice("01") + "8"
    number = body + checks.luhn(body)
    return [number, grouped(number, (6, 4, 2, 1))]


@kind("eg-id", NATIONAL, "الرقم القومي", "national ID", "رقم البطاقة")
def eg_id(r):
    born = birth(r)
    return [f"{2 if born.year < 2000 else 3}{born:%y%m%d}{r.choice(['01', '02', '12', '21', '88'])}{digits(r, 5)}"]


shape("ng-nin", NATIONAL, ["NIN", "National Identification Number", "NIN number"], "~##########")


# South Asia

@kind("in-aadhaar", NATIONAL, "Aadhaar", "Aadhaar number", "आधार", "UIDAI", "आधार संख्या", "Aadhar No.")
def in_aadhaar(r):
    body = r.choice("23456789") + digits(r, 10)
    number = body + checks.verhoeff(body)
    return [number, grouped(number, (4, 4, 4)), grouped(number, (4, 4, 4), "-")]


@kind("in-pan", TAX, "PAN", "PAN number", "Permanent Account Number", "PAN card", "पैन")
def in_pan(r):
    return [letters(r, 3) + "P" + r.choice(LETTERS) + f"{r.randint(1, 9999):04d}" + r.choice(LETTERS)]


@kind("in-epic", NATIONAL, "EPIC", "Voter ID", "EPIC No.", "मतदाता पहचान")
def in_epic(r):
    body = digits(r, 6)
    return [letters(r, 3) + body + checks.luhn(body)]


shape("in-passport", PASSPORT, ["passport number", "Indian passport", "पासपोर्ट"], "M~######")
shape("in-licence", LICENCE, ["driving licence", "DL No.", "driving licence number"], "MH12 201########", "DL-1420110######")


@kind("pk-cnic", NATIONAL, "CNIC", "قومی شناختی کارڈ", "CNIC No.", "NADRA ID")
def pk_cnic(r):
    number = r.choice("1234567") + digits(r, 11) + r.choice(DIGITS[1:])
    return [grouped(number, (5, 7, 1), "-"), number]


shape("bd-nid", NATIONAL, ["NID", "জাতীয় পরিচয়পত্র", "National ID", "NID No."], "~#########", "19~##############")
shape("lk-nic", NATIONAL, ["NIC", "NIC number", "National Identity Card"], "85~######V", "1985~#######")


# East and South-East Asia

@kind("cn-ric", NATIONAL, "身份证号", "身份证", "居民身份证号码", "公民身份号码", "ID card number")
def cn_ric(r):
    body = r.choice(["110101", "310101", "440102", "330102", "510104", "320102"]) + birth(r).strftime("%Y%m%d") + digits(r, 3)
    return [body + checks.mod11_2(body)]


shape("cn-passport", PASSPORT, ["护照号", "护照号码", "passport number"], "E########")


@kind("kr-rrn", NATIONAL, "주민등록번호", "주민번호", "RRN", "resident registration number")
def kr_rrn(r):
    born = birth(r)
    body = born.strftime("%y%m%d") + (r.choice("12") if born.year < 2000 else r.choice("34")) + f"{r.randint(0, 95):02d}" + digits(r, 3)
    number = body + str((11 - checks.weighted(body, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10)
    return [f"{number[:6]}-{number[6:]}", number]


shape("kr-passport", PASSPORT, ["여권번호", "여권 번호", "passport number"], "M########")


@kind("jp-mynumber", NATIONAL, "マイナンバー", "個人番号", "My Number", "マイナンバーカード")
def jp_mynumber(r):
    body = digits(r, 11)
    rest = checks.weighted(body, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    number = body + str(0 if rest <= 1 else 11 - rest)
    return [number, grouped(number, (4, 4, 4)), grouped(number, (4, 4, 4), "-")]


shape("jp-passport", PASSPORT, ["旅券番号", "パスポート番号", "パスポート"], "T?#######")
shape("jp-licence", LICENCE, ["運転免許証番号", "免許証番号"], "30~#########")


@kind("th-id", NATIONAL, "เลขประจำตัวประชาชน", "บัตรประชาชน", "Thai ID", "เลขบัตรประชาชน")
def th_id(r):
    body = r.choice("12345678") + digits(r, 11)
    number = body + str((11 - checks.weighted(body, range(13, 1, -1)) % 11) % 10)
    return [number, f"{number[0]}-{number[1:5]}-{number[5:10]}-{number[10:12]}-{number[12]}"]


@kind("my-nric", NATIONAL, "MyKad", "No. Kad Pengenalan", "NRIC", "kad pengenalan", "IC No.")
def my_nric(r):
    number = birth(r).strftime("%y%m%d") + r.choice(["01", "07", "08", "10", "12", "14", "21"]) + digits(r, 4)
    return [grouped(number, (6, 2, 4), "-"), number]


@kind("id-nik", NATIONAL, "NIK", "No. KTP", "Nomor Induk Kependudukan", "KTP")
def id_nik(r):
    born, woman = birth(r), r.random() < 0.5
    return [r.choice(["317101", "327301", "357801", "517103"]) + f"{born.day + (40 if woman else 0):02d}{born:%m%y}" + f"{r.randint(1, 9999):04d}"]


@kind("sg-nric", NATIONAL, "NRIC", "NRIC No.", "FIN", "IC number")
def sg_nric(r):
    first, body = r.choice("STFG"), digits(r, 7)
    total = checks.weighted(body, (2, 7, 6, 5, 4, 3, 2)) + (4 if first in "TG" else 0)
    return [first + body + ("JZIHGFEDCBA" if first in "ST" else "XWUTRQPNMLK")[total % 11]]


@kind("tw-id", NATIONAL, "身分證字號", "國民身分證", "身分證", "Taiwan ID")
def tw_id(r):
    letter, body = r.choice(LETTERS), r.choice("12") + digits(r, 7)
    code = str("ABCDEFGHJKLMNPQRSTUVXYWZIO".index(letter) + 10)
    total = int(code[0]) + 9 * int(code[1]) + checks.weighted(body, range(8, 0, -1))
    return [letter + body + str(-total % 10)]


@kind("hk-hkid", NATIONAL, "HKID", "香港身份證", "身份證號碼", "Hong Kong identity card")
def hk_hkid(r):
    letter, body = r.choice("ABCDEFGHKPRYZ"), digits(r, 6)
    total = 36 * 9 + (LETTERS.index(letter) + 10) * 8 + checks.weighted(body, range(7, 1, -1))
    check = "0123456789A"[-total % 11]
    return [f"{letter}{body}({check})", f"{letter}{body}{check}"]


shape("vn-cccd", NATIONAL, ["CCCD", "căn cước công dân", "số CCCD", "CMND"], "001~########")
shape("ph-sss", NATIONAL, ["SSS number", "SSS No.", "SSS"], "34-#######-#")
shape("ph-tin", TAX, ["TIN", "TIN number", "BIR TIN"], "###-###-###-000")


# Latin America

@kind("br-cpf", TAX, "CPF", "CPF nº", "Cadastro de Pessoas Físicas", "CPF/MF")
def br_cpf(r):
    body = digits(r, 9)
    for start in (10, 11):
        body += str(-checks.weighted(body, range(start, 1, -1)) % 11 % 10)
    return [body, f"{body[:3]}.{body[3:6]}.{body[6:9]}-{body[9:]}"]


@kind("br-pis", NATIONAL, "PIS", "PIS/PASEP", "NIT", "PIS/PASEP nº")
def br_pis(r):
    body = "12" + digits(r, 8)
    number = body + str(-checks.weighted(body, (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) % 11 % 10)
    return [number, f"{number[:3]}.{number[3:8]}.{number[8:10]}-{number[10]}"]


shape("br-passport", PASSPORT, ["passaporte", "número do passaporte"], "F?######")


@kind("mx-curp", NATIONAL, "CURP", "Clave Única de Registro de Población", "C.U.R.P.")
def mx_curp(r):
    born = birth(r)
    body = (r.choice("GLMPRSH") + r.choice("AEIOU") + letters(r, 2, "GLMPRSTV") + born.strftime("%y%m%d") + r.choice("HM")
            + r.choice(["DF", "JC", "NL", "MC", "OC", "YN"]) + letters(r, 3, "BCDFGLMNPRST") + (r.choice(DIGITS) if born.year < 2000 else "A"))
    alphabet = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    total = sum(alphabet.index(char) * (18 - place) for place, char in enumerate(body))
    return [body + str(-total % 10)]


@kind("mx-rfc", TAX, "RFC", "Registro Federal de Contribuyentes", "R.F.C.")
def mx_rfc(r):
    body = r.choice("GLMPRSH") + r.choice("AEIOU") + letters(r, 2, "GLMPRSTV") + birth(r).strftime("%y%m%d") + letters(r, 2, BASE36)
    alphabet = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ"
    rest = sum(alphabet.index(char) * (13 - place) for place, char in enumerate(body)) % 11
    return [body + ("0" if rest == 0 else "A" if rest == 1 else str(11 - rest))]


@kind("ar-cuit", TAX, "CUIT", "CUIL", "C.U.I.T.", "CUIT/CUIL")
def ar_cuit(r):
    def make():
        body = r.choice(["20", "23", "24", "27"]) + digits(r, 8)
        check = mod11(body, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2))
        return None if check == 10 else body + str(check)
    number = until(make)
    return [number, f"{number[:2]}-{number[2:10]}-{number[10]}"]


shape("ar-dni", NATIONAL, ["DNI", "documento", "D.N.I."], "2#.###.###", "3#######")


@kind("cl-rut", NATIONAL, "RUT", "RUN", "R.U.T.", "cédula de identidad")
def cl_rut(r):
    body = str(r.randint(5000000, 25999999))
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(body)))
    check = "0123456789K"[-total % 11]
    return [f"{body}-{check}", f"{int(body):,}".replace(",", ".") + f"-{check}", body + check]


@kind("co-nit", TAX, "NIT", "N.I.T.", "número de identificación tributaria")
def co_nit(r):
    body = r.choice("89") + digits(r, 8)
    rest = checks.weighted(body[::-1], (3, 7, 13, 17, 19, 23, 29, 37, 41)) % 11
    check = rest if rest < 2 else 11 - rest
    return [f"{body}-{check}", f"{int(body):,}".replace(",", ".") + f"-{check}"]


shape("co-cedula", NATIONAL, ["cédula de ciudadanía", "C.C.", "cédula"], "1.0##.###.###", "10########")
shape("pe-dni", NATIONAL, ["DNI", "documento nacional de identidad", "DNI N°"], "4#######")


@kind("pe-ruc", TAX, "RUC", "R.U.C.", "número de RUC")
def pe_ruc(r):
    body = "10" + digits(r, 8)
    return [body + str((11 - checks.weighted(body, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 10)]


@kind("ec-cedula", NATIONAL, "cédula", "cédula de identidad", "C.I.", "número de cédula")
def ec_cedula(r):
    body = f"{r.randint(1, 24):02d}{r.randint(0, 5)}" + digits(r, 6)
    return [body + checks.luhn(body), f"{body}-{checks.luhn(body)}"]


@kind("do-cedula", NATIONAL, "cédula", "cédula de identidad y electoral", "Cédula No.")
def do_cedula(r):
    body = r.choice(["001", "402", "031", "223"]) + digits(r, 7)
    number = body + checks.luhn(body)
    return [number, grouped(number, (3, 7, 1), "-")]


@kind("uy-ci", NATIONAL, "cédula de identidad", "C.I.", "CI", "documento de identidad")
def uy_ci(r):
    body = str(r.randint(1000000, 5999999))
    number = body + str(-checks.weighted(body, (2, 9, 8, 7, 6, 3, 4)) % 10)
    return [f"{body[0]}.{body[1:4]}.{body[4:]}-{number[-1]}", number]


@kind("ve-rif", TAX, "RIF", "R.I.F.", "número de RIF")
def ve_rif(r):
    body = digits(r, 8)
    rest = (4 + checks.weighted(body, (3, 2, 7, 6, 5, 4, 3, 2))) % 11
    check = "00987654321"[rest]
    return [f"V-{body}-{check}", f"V{body}{check}"]


shape("ve-cedula", NATIONAL, ["cédula de identidad", "C.I.", "cédula"], "V-1#.###.###", "V-1#######")
shape("cr-cedula", NATIONAL, ["cédula", "cédula de identidad", "número de cédula"], "1-0###-0###", "10###0###")
