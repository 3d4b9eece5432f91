"""Numbers that authorities give to people: United States, Commonwealth, western and southern Europe.

With the check digits and dates that their public descriptions ask for; `authority.py` tells what a kind is.
"""

import checks
from authority import HEALTH, LICENCE, NATIONAL, PASSPORT, TAX, birth, kind, mod11, shape, until
from values import BASE36, DIGITS, LETTERS, digits, filled, grouped, letters


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
