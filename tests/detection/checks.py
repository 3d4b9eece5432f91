"""Check digits, from the public descriptions of each number.

What enters is the body of a number as digits or letters; what leaves is its check character or characters. Nothing here is
shared with the program under test: a fault in one of the two shows as a miss.
"""

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BASE36 = DIGITS + LETTERS


def weighted(body, weights):
    """The sum of the digits of `body`, each by its weight."""
    return sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))


def luhn(body):
    """The Luhn digit (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def luhn_holds(number):
    """Whether the last digit of `number` is the Luhn digit of the others."""
    return luhn(number[:-1]) == number[-1]


def mod97_10(body):
    """The two digits of ISO 7064 mod 97-10 after `body`, in which letters count 10 to 35."""
    number = "".join(str(BASE36.index(char)) for char in body)
    return f"{98 - int(number + '00') % 97:02d}"


def iban(country, account):
    """An IBAN (ISO 13616): country, two check digits, account."""
    return country + mod97_10(account + country) + account


def mod11_10(body):
    """The digit of ISO 7064 mod 11,10."""
    product = 10
    for digit in body:
        product = (product + int(digit)) % 10 or 10
        product = product * 2 % 11
    return str((11 - product) % 10)


def mod11_2(body):
    """The character of ISO 7064 mod 11-2: a digit or X."""
    total = 0
    for digit in body:
        total = (total + int(digit)) * 2
    return "0123456789X"[(12 - total) % 11]


_VERHOEFF_D = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7], [4, 0, 1, 2, 3, 9, 5, 6, 7, 8], [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3], [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
]
_VERHOEFF_P = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
for _ in range(6):
    _VERHOEFF_P.append([_VERHOEFF_P[1][digit] for digit in _VERHOEFF_P[-1]])


def verhoeff(body):
    """The Verhoeff digit."""
    check = 0
    for place, digit in enumerate(reversed(body), 1):
        check = _VERHOEFF_D[check][_VERHOEFF_P[place % 8][int(digit)]]
    return str(_VERHOEFF_D[check].index(0))


def ean(body):
    """The check digit of GTIN, EAN and the Swiss AHV number (GS1)."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return str(-total % 10)


def icao(body, weights=(7, 3, 1)):
    """The check digit of machine-readable documents (ICAO 9303): weights 7, 3, 1; letters count 10 to 35."""
    return str(sum(BASE36.index(char) * weights[place % 3] for place, char in enumerate(body)) % 10)


def isin(body):
    """The check digit of an ISIN (ISO 6166): Luhn over letters written as two digits."""
    return luhn("".join(str(BASE36.index(char)) for char in body))


# Base58, Bech32 and the hashes that addresses are checked by

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def base58(data):
    """Base58 without a check."""
    number, out = int.from_bytes(data, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        out = BASE58[rest] + out
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + out


def base58check(payload):
    """Base58Check: four bytes of a double SHA-256 behind the payload."""
    from hashlib import sha256

    return base58(payload + sha256(sha256(payload).digest()).digest()[:4])


def _polymod(values):
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check


def bech32(prefix, values, final=1):
    """Bech32 (BIP 173, `final` 1) or Bech32m (BIP 350, `final` 0x2BC830A3) of five-bit values."""
    spread = [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]
    check = _polymod(spread + values + [0] * 6) ^ final
    values = values + [check >> 5 * (5 - place) & 31 for place in range(6)]
    return prefix + "1" + "".join(BECH32[value] for value in values)


def five_bits(data):
    """Bytes as five-bit values, filled up with zero bits."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return [int(bits[place:place + 5], 2) for place in range(0, len(bits), 5)]


def _keccak_f(lanes):
    rounds, mask = 1, (1 << 64) - 1
    turn = lambda value, count: (value << count | value >> (64 - count)) & mask if count else value
    for _ in range(24):
        columns = [lanes[x][0] ^ lanes[x][1] ^ lanes[x][2] ^ lanes[x][3] ^ lanes[x][4] for x in range(5)]
        mixed = [columns[(x + 4) % 5] ^ turn(columns[(x + 1) % 5], 1) for x in range(5)]
        lanes = [[lanes[x][y] ^ mixed[x] for y in range(5)] for x in range(5)]
        x, y, current = 1, 0, lanes[1][0]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            current, lanes[x][y] = lanes[x][y], turn(current, (step + 1) * (step + 2) // 2 % 64)
        lanes = [[lanes[x][y] ^ (~lanes[(x + 1) % 5][y] & mask & lanes[(x + 2) % 5][y]) for y in range(5)] for x in range(5)]
        for bit in range(7):
            rounds = (rounds << 1 ^ (rounds >> 7) * 0x71) % 256
            if rounds & 2:
                lanes[0][0] ^= 1 << ((1 << bit) - 1)
    return lanes


def keccak256(data):
    """Keccak-256 with the original padding, as Ethereum uses it; for inputs of less than one block."""
    block = bytearray(data) + bytearray(136 - len(data))
    block[len(data)] ^= 0x01
    block[135] ^= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for place in range(17):
        lanes[place % 5][place // 5] = int.from_bytes(block[8 * place:8 * place + 8], "little")
    lanes = _keccak_f(lanes)
    return b"".join(lanes[place % 5][place // 5].to_bytes(8, "little") for place in range(4))


def ethereum(address):
    """An Ethereum address with the case of its letters as check (EIP-55)."""
    digest = keccak256(address.encode()).hex()
    return "0x" + "".join(char.upper() if int(digest[place], 16) >= 8 else char for place, char in enumerate(address))


def base62_crc32(body, width=6):
    """The last six characters of GitHub's and npm's tokens: CRC-32 of the body in base 62."""
    import zlib

    number, out = zlib.crc32(body.encode()), ""
    alphabet = DIGITS + LETTERS + LETTERS.lower()
    while number:
        number, rest = divmod(number, 62)
        out = alphabet[rest] + out
    return out.rjust(width, "0")
