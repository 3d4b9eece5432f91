"""Numbers that authorities give to people: northern and eastern Europe, Africa, Asia, Latin America.

With the check digits and dates that their public descriptions ask for; `authority.py` tells what a kind is.
"""

import checks
from authority import HEALTH, KINDS, LICENCE, NATIONAL, PASSPORT, TAX, birth, kind, mod11, shape, until
from values import BASE36, DIGITS, LETTERS, digits, grouped, letters


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
