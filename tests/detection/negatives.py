"""Texts with nothing to redact: look-alikes of every value, and lines of clean code, documentation, logs and prose.

Each look-alike is a class with templates around it. What would be a true value by accident is drawn again: an order
number fails the Luhn check, a test vector fails its own.
"""

import base64
import hashlib

import checks
from tokens import ALNUM, uuid
from values import BASE36, DIGITS, HEX, LETTERS, digits, grouped, letters


def no_luhn(r, make):
    """A number of `make` that fails the Luhn check."""
    while True:
        number = make()
        if not checks.luhn_holds("".join(char for char in number if char.isdigit())):
            return number


def hashed(r, name):
    return hashlib.new(name, r.randbytes(16)).hexdigest()


def sri(r, name):
    return f"{name}-" + base64.b64encode(hashlib.new(name, r.randbytes(16)).digest()).decode()


def epoch(r):
    return r.randint(1_600_000_000, 1_799_999_999)


def clock(r):
    return f"{r.randint(0, 23):02d}:{r.randint(0, 59):02d}:{r.randint(0, 59):02d}"


def day(r):
    return f"{r.randint(1999, 2027)}-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}"


def ean13(r):
    def make():
        body = r.choice(["400", "501", "590", "871", "761", "012", "300", "800", "690", "45"]) + digits(r, 9)
        body = body[:12]
        return body + checks.ean(body)
    return no_luhn(r, make)


def isbn13(r):
    def make():
        body = "978" + digits(r, 9)
        return body + checks.ean(body)
    number = no_luhn(r, make)
    return r.choice([number, f"{number[:3]}-{number[3]}-{number[4:8]}-{number[8:12]}-{number[12]}"])


def isbn10(r):
    body = digits(r, 9)
    check = -checks.weighted(body, range(10, 1, -1)) % 11
    text = body + "0123456789X"[check]
    return f"{text[0]}-{text[1:5]}-{text[5:9]}-{text[9]}"


def issn(r):
    body = digits(r, 7)
    return f"{body[:4]}-{body[4:]}{'0123456789X'[-checks.weighted(body, range(8, 1, -1)) % 11]}"


def imo(r):
    body = r.choice("6789") + digits(r, 5)
    return body + str(checks.weighted(body, range(7, 1, -1)) % 10)


def isin(r):
    body = r.choice(["US", "DE", "GB", "FR", "CH"]) + letters(r, 9, DIGITS)
    return body + checks.isin(body)


def lei(r):
    body = digits(r, 4) + "00" + letters(r, 12, BASE36)
    return body + checks.mod97_10(body)


def bad_iban(r):
    good = checks.iban("DE", digits(r, 18))
    return good[:2] + f"{(int(good[2:4]) + 1) % 97 + 2:02d}" + good[4:]


def octets(r, count, separator=" "):
    return separator.join(f"{r.randint(0, 255):02x}" for _ in range(count))


def version(r, parts=3):
    return ".".join(str(r.randint(0, 30)) for _ in range(parts))


# Class, templates, function from r to the look-alike. {} is the look-alike.
LOOKALIKES = [
    ("uuid", ["id {}", "request {} done", '"trace_id": "{}"', "urn:uuid:{}", "/v1/items/{}/edit"], uuid),
    ("md5", ["md5 {}", "{}  backup.tar", "Content-MD5 {}", "fingerprint={}"], lambda r: hashed(r, "md5")),
    ("sha1", ["commit {}", "index {}..", "rev: {}", "git checkout {}"], lambda r: hashed(r, "sha1")),
    ("sha1-short", ["commit {}", "fixed in {}", "at {} (HEAD)"], lambda r: hashed(r, "sha1")[:r.choice([7, 8, 10])]),
    ("sha256", ["sha256:{}", "{}  image.iso", 'checksum = "{}"', "digest sha256:{}"], lambda r: hashed(r, "sha256")),
    ("sri", ['integrity="{}"', '"integrity": "{}",', "{}"], lambda r: sri(r, r.choice(["sha256", "sha384", "sha512"]))),
    ("epoch-s", ["ts={}", '"created": {}', "expires at {}", "{} 200 GET /", "mtime {}"], lambda r: str(epoch(r))),
    ("epoch-ms", ["ts={}", '"timestamp": {},', "at {} ms", "t:{}"], lambda r: f"{epoch(r)}{digits(r, 3)}"),
    ("epoch-us", ["ts={}", '"us": {}'], lambda r: f"{epoch(r)}{digits(r, 6)}"),
    ("epoch-ns", ["startTimeUnixNano {}", '"timeUnixNano": "{}"', "ns={}"], lambda r: f"{epoch(r)}{digits(r, 9)}"),
    ("epoch-float", ["elapsed since {}", '"time": {}'], lambda r: f"{epoch(r)}.{digits(r, 6)}"),
    ("iso-time", ["{} started", '"at": "{}"', "between {} and now", "<time>{}</time>"], lambda r: f"{day(r)}T{clock(r)}{r.choice(['Z', '+02:00', '.123Z', '.004512-05:00'])}"),
    ("log-time", ["[{}] GET /index", "{} host7 systemd[1]: Started", "{} INFO ready"],
     lambda r: r.choice([f"{day(r)} {clock(r)},{digits(r, 3)}", f"{r.randint(1, 28):02d}/Mar/2026:{clock(r)} +0000", f"{day(r).replace('-', '/')} {clock(r)}.{digits(r, 6)}"])),
    ("compact-time", ["backup_{}.tar", "run {}", "snapshot-{}"], lambda r: day(r).replace("-", "") + r.choice(["", "T"]) + clock(r).replace(":", "")),
    ("dates", ["due {}", "from {} on", "{} – Q3", "valid until {}"], lambda r: r.choice([day(r), day(r).replace("-", "/"), f"{r.randint(1, 28)}.{r.randint(1, 12)}.{r.randint(1999, 2027)}", day(r).replace("-", "")])),
    ("order-16", ["order {}", "order number {}", '"order_id": "{}"', "Bestellung {}", "tracking {}"], lambda r: no_luhn(r, lambda: r.choice("4523") + digits(r, 15))),
    ("order-grouped", ["order {}", "ref {}", "voucher {}"], lambda r: no_luhn(r, lambda: grouped(r.choice("4523") + digits(r, 15), (4, 4, 4, 4), r.choice(" -")))),
    ("order-15", ["order {}", "consignment {}"], lambda r: no_luhn(r, lambda: "37" + digits(r, 13))),
    ("invoice", ["invoice {}", "Rechnung Nr. {}", "INV-{}", "facture {}", "PO {}"], lambda r: r.choice([f"2026-{digits(r, 5)}", digits(r, 8), f"{digits(r, 6)}/26", no_luhn(r, lambda: digits(r, 12))])),
    ("ticket", ["{} is fixed", "see {}", "closes #{}", "case {}"], lambda r: r.choice([f"OPS-{digits(r, 5)}", digits(r, 7), f"INC0{digits(r, 6)}", f"CVE-2025-{digits(r, 5)}"])),
    ("parcel", ["parcel {}", "tracking number {}", "UPS {}"], lambda r: r.choice([f"1Z{letters(r, 6, BASE36)}{digits(r, 10)}", f"RR{digits(r, 9)}DE", no_luhn(r, lambda: "9400" + digits(r, 18))])),
    ("ean", ["EAN {}", "GTIN {}", "barcode {}", '"ean": "{}"'], ean13),
    ("isbn", ["ISBN {}", "isbn {}", "(ISBN: {})", "ISBN-13 {}"], isbn13),
    ("isbn10", ["ISBN {}", "isbn-10 {}"], isbn10),
    ("issn", ["ISSN {}", "issn: {}", "(ISSN {})"], issn),
    ("isin", ["ISIN {}", "bought {} at 12", '"isin":"{}"'], isin),
    ("lei", ["LEI {}", '"lei": "{}"'], lei),
    ("imo", ["IMO {}", "vessel IMO{}"], imo),
    ("zip4", ["Springfield, IL {}", "ZIP {}", '"zip": "{}"', "postal code {}"], lambda r: f"{digits(r, 5)}-{digits(r, 4)}"),
    ("coordinates", ["at {}", "location {}", '"geo": "{}"', "({})"], lambda r: f"{r.uniform(-90, 90):.{r.choice([4, 6, 7])}f}, {r.uniform(-180, 180):.{r.choice([4, 6, 7])}f}"),
    ("version", ["version {}", "v{}", "upgrade to {}", '"version": "{}"', "python-{}"], lambda r: version(r, r.choice([2, 3, 3]))),
    ("version-4", ["version {}", "Version={}, Culture=neutral", "firmware {}", "Chrome/{} Safari", "driver v{}"],
     lambda r: r.choice([version(r, 4), f"{r.randint(90, 140)}.0.{r.randint(1000, 7000)}.{r.randint(10, 200)}"])),
    ("oid", ["OID {}", "oid={}", "snmpget {}"], lambda r: r.choice(["1.3.6.1.4.1.", "2.16.840.1.113883.", "1.2.840.113549.1.", "2.5.29."]) + version(r, r.choice([2, 3, 4]))),
    ("score", ["score {}", "f1={}", "accuracy: {}", "loss {}", "p99 {} ms"], lambda r: r.choice([f"0.{digits(r, 9)}", f"{r.uniform(0, 100):.4f}", f"{r.uniform(0, 1):.16f}", f"{r.randint(1, 9)}.{digits(r, 6)}e-0{r.randint(1, 9)}"])),
    ("metric", ["http_requests_total {}", "bytes_in={}", "rss {} kB", "heap {}"], lambda r: no_luhn(r, lambda: r.choice(DIGITS[1:]) + digits(r, r.randint(5, 11)))),
    ("money", ["total ${}", "{} EUR", "USD {}", "balance: {}"], lambda r: r.choice([f"{r.randint(1000, 9999999):,}.{digits(r, 2)}", f"{r.randint(100, 99999)}.{digits(r, 2)}", f"1.{digits(r, 3)}.{digits(r, 3)},{digits(r, 2)}"])),
    ("part", ["part {}", "SKU {}", "P/N {}", "article {}"], lambda r: r.choice([f"{letters(r, 2)}-{digits(r, 4)}-{letters(r, 1)}", f"{digits(r, 3)}-{digits(r, 4)}-{digits(r, 3)}", f"A{digits(r, 4)}B{digits(r, 2)}", f"{digits(r, 2)}.{digits(r, 4)}.{digits(r, 3)}"])),
    ("flight", ["flight {}", "{} to FRA", "boarding {}"], lambda r: r.choice(["LH", "BA", "AF", "UA", "EK"]) + r.choice(["", " "]) + str(r.randint(10, 9999))),
    ("hex-dump", ["{}", "0040  {}", "payload: {}"], lambda r: octets(r, 16)),
    ("hex-colons", ["SHA256 fingerprint {}", "serial {}"], lambda r: octets(r, 20, ":").upper()),
    ("hex-word", ["at 0x{}", "color #{}", "flags=0x{}", "ptr 0x{}"], lambda r: letters(r, r.choice([6, 8, 12, 16]), HEX)),
    ("etag", ['ETag: "{}"', 'If-None-Match: W/"{}"', "etag={}"], lambda r: letters(r, r.choice([8, 16, 32]), HEX) + r.choice(["", f"-{letters(r, 5, HEX)}"])),
    ("mention", ["thanks @{}", "cc @{} please", "@{}: done", "by @{}/core"], lambda r: r.choice(["octo", "mara", "dev_ops", "li-chen", "team7"])),
    ("handle-like", ["user@{}", "root@{}:~#", "ssh git@{}", "{}@"], lambda r: r.choice(["localhost", "host7", "web01", "db"])),
    ("package", ["npm i {}", '"{}": "latest"', "import {}"], lambda r: f"@{r.choice(['types', 'babel', 'acme', 'vue'])}/{r.choice(['node', 'core', 'cli'])}@{version(r)}"),
    ("placeholder-email", ["mail to user@", "<your-email>", "name@<domain>", "to: {}"], lambda r: "{user}@{domain}"),
    ("placeholder-secret", ["API_KEY={}", "token: {}", 'api_key = "{}"', "password={}", "Authorization: Bearer {}"],
     lambda r: r.choice(["<your-key>", "xxxxxxxxxxxxxxxx", "${API_KEY}", "{{ secrets.TOKEN }}", "YOUR_API_KEY", "********", "$TOKEN", "null", "process.env.KEY", "[REDACTED]"])),
    ("placeholder-number", ["card {}", "ssn: {}", "call {}", "SSN {}"], lambda r: r.choice(["XXXX-XXXX-XXXX-1234", "###-##-####", "XXX-XX-6789", "0000 0000 0000 0000", "(XXX) XXX-XXXX", "000-00-0000", "**** **** **** 4242"])),
    ("bad-card", ["card {}", "assert not luhn('{}')", "rejects {}", "credit card {} is invalid"], lambda r: no_luhn(r, lambda: (r.choice(["4", "51", "37", "6011"]) + digits(r, 15))[:16])),
    ("bad-ssn", ["ssn {}", "invalid: {}", "rejects {}"], lambda r: r.choice([f"000-{digits(r, 2)}-{digits(r, 4)}", f"666-{digits(r, 2)}-{digits(r, 4)}", f"{r.randint(100, 600)}-00-{digits(r, 4)}", f"{r.randint(100, 600)}-{r.randint(10, 99)}-0000"])),
    ("bad-iban", ["IBAN {}", "assertFalse(valid('{}'))"], bad_iban),
    ("bad-ip", ["{}", "rejects {}", "parse error: {}"], lambda r: r.choice([f"{r.randint(256, 999)}.{version(r, 3)}", f"10.0.{r.randint(256, 999)}.1", f"1.2.{r.randint(1, 9)}.{r.randint(256, 900)}"])),
    ("loopback", ["listening on {}", "bind {}"], lambda r: r.choice(["127.0.0.1:8080", "0.0.0.0:80", "[::1]:443", "[::]:80"])),
    ("mac-zero", ["link/loopback {}", "brd {}"], lambda r: r.choice(["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"])),
    ("clock-colons", ["at {}", "duration {}", "lap {}"], lambda r: r.choice([clock(r), clock(r) + f".{digits(r, 3)}", f"{r.randint(1, 99)}:{clock(r)}", f"{clock(r)}:{r.randint(0, 29):02d}"])),
    ("cpp-scope", ["{}();", "use {};"], lambda r: r.choice(["std::vec::Vec", "a::b::c", "face::dead::beef", "db::cafe::Add", "std::fs::File"])),
    ("ratio", ["{} in favour", "score {}", "aspect {}"], lambda r: r.choice(["3:2", "16:9", "1080x1920", "10-3", "6-4 7-5 6-3", "100-200-300"])),
    ("range", ["pages {}", "ports {}", "lines {}", "rows {}"], lambda r: f"{r.randint(100, 999)}-{r.randint(1000, 9999)}"),
    ("digits-7", ["{} rows", "id {}", "build {}", "job {}"], lambda r: r.choice(DIGITS[1:]) + digits(r, r.choice([6, 7, 8]))),
    ("digits-9", ["id {}", "build {}", "{} bytes", '"id": {},', "user {}"], lambda r: r.choice(DIGITS[1:]) + digits(r, 8)),
    ("digits-10", ["id {}", "{} bytes", '"id": {},', "offset {}"], lambda r: r.choice(DIGITS[1:]) + digits(r, 9)),
    ("digits-11", ["id {}", "{} bytes", '"seq": {}', "offset {}"], lambda r: r.choice(DIGITS[1:]) + digits(r, 10)),
    ("snowflake", ["status/{}", '"id": "{}"', "message {}"], lambda r: no_luhn(r, lambda: "1" + digits(r, 18))),
    ("object-id", ['ObjectId("{}")', "_id: {}"], lambda r: letters(r, 24, HEX)),
    ("ulid", ["id {}", '"id": "{}"'], lambda r: "01" + letters(r, 24, "0123456789ABCDEFGHJKMNPQRSTVWXYZ")),
    ("arn", ["{}", "resource {}"], lambda r: f"arn:aws:s3:::{r.choice(['logs', 'assets'])}/{r.choice(['a', 'b'])}/*"),
    ("lock-file", ['{}'], lambda r: r.choice([f'"node_modules/a": {{"version": "{version(r)}", "integrity": "{sri(r, "sha512")}"}}', f'checksum = "{hashed(r, "sha256")}"', f'    --hash=sha256:{hashed(r, "sha256")}',
                                             f'golang.org/x/net v0.{r.randint(1, 40)}.0 h1:{base64.b64encode(r.randbytes(32)).decode()}', f'resolved "https://registry.example/a/-/a-{version(r)}.tgz#{hashed(r, "sha1")}"'])),
    ("public-key", ["ssh-ed25519 {} deploy", "{}"], lambda r: "AAAAC3NzaC1lZDI1NTE5AAAAI" + letters(r, 43, ALNUM)),
    ("image-data", ["data:image/png;base64,{}", "src: url(data:font/woff2;base64,{})"], lambda r: base64.b64encode(r.randbytes(90)).decode()),
    ("chemical", ["CAS {}", "{} g/mol"], lambda r: r.choice(["7732-18-5", "64-17-5", "50-00-0", "58-08-2", "7647-14-5"])),
    ("doi", ["doi:{}", "https://doi.org/{}", "arXiv:{}"], lambda r: r.choice([f"10.{r.randint(1000, 9999)}/{letters(r, 4, LETTERS.lower())}.{digits(r, 7)}", f"2{digits(r, 3)}.{digits(r, 5)}"])),
    ("plate", ["plate {}", "car {}"], lambda r: r.choice([f"B-{letters(r, 2)} {digits(r, 4)}", f"{letters(r, 2)}{digits(r, 2)} {letters(r, 3)}"])),
    ("vin", ["VIN {}", "vin: {}"], lambda r: letters(r, 3, "WVJKL") + letters(r, 14, "ABCDEFGHJKLMNPRSTUVWXYZ0123456789")),
    ("size", ["{} px", "screen {}", "viewBox 0 0 {}"], lambda r: f"{r.randint(100, 4000)}x{r.randint(100, 4000)}"),
    ("matrix", ["[{}]", "array([{}])", "{}"], lambda r: ", ".join(str(r.randint(0, 9999)) for _ in range(8))),
    ("table-numbers", ["{}", "| {} |"], lambda r: "  ".join(str(r.randint(10, 99999)) for _ in range(5))),
    ("spaced-figures", ["population {}", "{} km", "{} users"], lambda r: r.choice([f"{r.randint(1, 99)} {digits(r, 3)} {digits(r, 3)}", f"{r.randint(1, 9)} {digits(r, 3)} {digits(r, 3)} {digits(r, 3)}"])),
    ("phone-like", ["HTTP 200-404-500", "see RFC {}", "dial {}", "ext {}"], lambda r: r.choice(["3261", "911", "4711", "112"])),
    ("label-without-value", ["{}"], lambda r: r.choice(["Please enter your password.", "The ssn field is required.", "password reset link sent", "card number missing", "IBAN: n/a", "email is invalid", "phone: -",
                                                       "Forgot password?", "the api key was rotated", "passport required", "secret santa", "token expired", "NHS number not given", "tax id unknown", "password: required|string|min:8",
                                                       "password = getpass()", "Enter SSN or ITIN", "passwort vergessen?", "mot de passe oublié", "contraseña incorrecta", "密码错误", "パスワードを入力してください", "пароль изменён"])),
]

CLEAN = r"""fn main() { println!("{}", add(2, 3)); }
let total: u64 = rows.iter().map(|row| row.bytes).sum();
pub struct Span { pub start: usize, pub end: usize }
match self.state { State::Idle => None, State::Open(at) => Some(at) }
impl Iterator for Tokens<'_> { type Item = Token; }
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
const MAX: usize = 16 * 1024 * 1024;
use std::collections::{BTreeMap, HashMap};
assert_eq!(parse("1.5e-3"), Ok(0.0015));
if value < 0x8000_0000 { return Err(Overflow); }
for (i, byte) in input.iter().enumerate().skip(4) {
    let hash = hash.wrapping_mul(6364136223846793005).wrapping_add(1);
def parse(line: str) -> tuple[str, int]:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
if __name__ == "__main__": raise SystemExit(main(sys.argv[1:]))
from dataclasses import dataclass, field
rows = [row for row in reader if row["state"] == "open"]
df.groupby("region")["amount"].agg(["mean", "std"]).round(3)
np.array([[1.0, 0.5], [0.25, 0.125]], dtype=np.float32)
with open(path, encoding="utf-8") as handle: data = json.load(handle)
logger.info("processed %d items in %.2f s", count, elapsed)
import React, { useState, useEffect } from "react";
const [open, setOpen] = useState(false);
export default async function handler(req, res) { res.status(200).json({ ok: true }); }
document.querySelectorAll(".row").forEach((row) => row.classList.add("done"));
setTimeout(() => controller.abort(), 30_000);
const rgba = "rgba(255, 128, 0, 0.75)";
function debounce(fn, ms = 250) { let t; return (...a) => { clearTimeout(t); t = setTimeout(() => fn(...a), ms); }; }
.button { margin: 0 auto; padding: 12px 24px; color: #1f2937; }
@media (max-width: 1024px) { .sidebar { display: none; } }
<svg width="24" height="24" viewBox="0 0 24 24"><path d="M12 2.5 3.75 7v10L12 21.5 20.25 17V7z"/></svg>
<a href="/docs/getting-started#install" class="link">Install</a>
<meta name="viewport" content="width=device-width, initial-scale=1">
SELECT id, created_at, count(*) FROM events GROUP BY 1, 2 HAVING count(*) > 100;
CREATE INDEX CONCURRENTLY idx_orders_state ON orders (state, updated_at DESC);
ALTER TABLE users ADD COLUMN locale varchar(10) NOT NULL DEFAULT 'en-GB';
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reporting;
func (s *Server) ListenAndServe(ctx context.Context) error {
if err != nil { return fmt.Errorf("open %s: %w", name, err) }
ch := make(chan struct{}, 128)
var ErrNotFound = errors.New("not found")
public static void main(String[] args) throws IOException {
private final Map<String, List<Integer>> index = new ConcurrentHashMap<>();
@Override public int hashCode() { return 31 * id + (name == null ? 0 : name.hashCode()); }
at com.example.app.Service.run(Service.java:142)
Caused by: java.lang.IllegalStateException: queue is closed
#include <stdint.h>
static const uint32_t K[4] = { 0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5 };
for (size_t i = 0; i < n; ++i) sum += a[i] * b[i];
#define ALIGN(x, a) (((x) + (a) - 1) & ~((a) - 1))
printf("%08x %5.2f%%\\n", flags, 100.0 * hits / total);
std::unordered_map<std::string, int> counts;
template <typename T> concept Hashable = requires(T a) { std::hash<T>{}(a); };
curl -fsSL https://example.com/install.sh | sh
docker run --rm -p 8080:80 -v "$PWD":/data nginx:1.27-alpine
kubectl get pods -n kube-system -o wide --sort-by=.metadata.creationTimestamp
tar --exclude=.git -czf release-2.4.1.tar.gz src
find . -name '*.log' -mtime +30 -size +10M -delete
git rebase -i HEAD~3 && git push --force-with-lease
chmod 0644 /etc/app/config.toml; chown root:root /etc/app
apt-get install -y --no-install-recommends build-essential=12.9
ssh -L 8443:internal:443 bastion
export PATH="$HOME/.local/bin:$PATH"
awk -F, 'NR > 1 { n[$3]++ } END { for (k in n) print k, n[k] }' data.csv
FROM rust:1.88-slim AS build
COPY --from=build /app/target/release/app /usr/local/bin/app
image: ghcr.io/acme/web:2026.3.1
replicas: 3
resources: { requests: { cpu: 250m, memory: 512Mi }, limits: { memory: 1Gi } }
schedule: "*/15 6-22 * * 1-5"
uses: actions/checkout@v4
runs-on: ubuntu-24.04
serde = { version = "1.0.219", features = ["derive"] }
"typescript": "^5.8.3",
requires-python = ">=3.11,<3.15"
<version>3.14.0</version>
implementation("org.jetbrains.kotlinx:kotlinx-coroutines-core:1.10.2")
## Getting started
The API answers with `429 Too Many Requests` after 100 calls in 60 seconds.
Set `max_connections` to at least 200; the default of 151 is too low for this load.
See RFC 9110, section 15.5.21, and RFC 8446, appendix D.4.
Version 2.0 removed the `--legacy` flag; use `--compat=1.x` instead.
The password must have at least 12 characters, one digit and one symbol.
Tokens expire after 3600 seconds. Refresh them before that.
Use the `Authorization` header to send your token.
Rotate the secret every 90 days and keep it in a vault.
An email address is required; we never show it to others.
Phone numbers are stored in E.164 format.
Card data never touches our servers (PCI DSS 4.0, SAQ A).
| option | default | meaning |
| `timeout` | 30 | seconds until a request is given up |
1. Open the settings. 2. Choose *Security*. 3. Press *Revoke*.
Figure 4.2 shows throughput of 1,234,567 ops/s at 16 threads.
Chapter 12, pages 345-367, covers the proof of theorem 3.14.
The temperature fell from 21.5 to -3.25 degrees between 18:00 and 06:00.
In 2024 the company had 12,480 employees in 31 countries and a revenue of 4.2 billion.
The match ended 6-4, 3-6, 7-6 after 3 hours and 42 minutes.
Flight LH 454 to San Francisco leaves gate B42 at 10:15.
Room 1204, floor 12, opens at 07:30 and closes at 22:00.
Take 500 mg twice a day for 10 days.
The recipe asks for 250 g of flour, 125 ml of milk and 2 eggs.
Bus 100 stops at 12:05, 12:25, 12:45 and 13:05.
The bill passed with 412 votes to 218.
He was born in 1879 and died in 1955.
Der Umsatz stieg um 12,5 % auf 1.234.567 Euro.
Die Sitzung beginnt um 14:30 Uhr in Raum 3.107.
Le chiffre d'affaires atteint 3 456 789 euros en 2025.
La réunion aura lieu le 14/03/2026 à 10h30.
El pedido llegará entre el 12 y el 15 de marzo.
Il treno 9612 parte alle 08:45 dal binario 12.
A reunião começa às 9h na sala 204.
De vergadering duurt van 9:00 tot 11:30 uur.
Spotkanie odbędzie się 12.05.2026 o godzinie 17:00.
Встреча состоится 12 мая 2026 года в 15:00.
会议将于2026年3月12日下午3点在305室举行。
会議は2026年3月12日15時から第2会議室で行います。
회의는 2026년 3월 12일 오후 3시에 시작합니다.
الاجتماع يوم 12 مارس 2026 الساعة 15:00
बैठक 12 मार्च 2026 को 15:00 बजे होगी।
GET /static/app.3f2a91bc.js HTTP/1.1" 200 48213 "-" "Mozilla/5.0 (X11; Linux x86_64; rv:139.0)"
level=info ts=2026-03-12T10:15:00.123Z caller=main.go:87 msg="server started" port=8080 pid=4711
[12345.678901] usb 1-1.2: new high-speed USB device number 5 using xhci_hcd
kernel: Out of memory: Killed process 31337 (java) total-vm:8123456kB, anon-rss:4012345kB
nginx: worker process 2345 exited with code 0
postgres[812]: [3-1] LOG: checkpoint complete: wrote 12034 buffers (73.4%); 0 WAL file(s) added
Mar 12 10:15:01 host7 CRON[22113]: (root) CMD (run-parts /etc/cron.hourly)
{"level":"warn","msg":"slow query","ms":1532,"rows":100234,"plan":"seq scan"}
{"model":"gpt-5","usage":{"prompt_tokens":1234,"completion_tokens":567,"total_tokens":1801}}
{"id":"chatcmpl-1","object":"chat.completion","created":1767225600,"choices":[]}
{"type":"FeatureCollection","features":[{"geometry":{"type":"Point","coordinates":[13.404954,52.520008]}}]}
{"width":1920,"height":1080,"fps":59.94,"bitrate":12000000}
{"jsonrpc":"2.0","method":"tools/list","id":42}
id,name,qty,price\\n1001,bolt,250,0.12\\n1002,nut,300,0.08
2026-03-12,open,182.35,184.10,181.02,183.77,48213377
<item sku="AB-1234-C"><qty>12</qty><price currency="EUR">19.99</price></item>
<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom">
Content-Length: 348213
Cache-Control: public, max-age=31536000, immutable
Accept-Language: de-DE,de;q=0.9,en;q=0.8
Date: Thu, 12 Mar 2026 10:15:00 GMT
Strict-Transport-Security: max-age=63072000; includeSubDomains
User-Agent: curl/8.12.1
page=2&limit=50&sort=-created_at&filter=state%3Dopen
https://example.com/articles/2026/03/12/how-to-measure-latency?ref=home
https://cdn.example.com/img/1024x768/banner-03.webp?v=20260312
git diff --stat: 12 files changed, 348 insertions(+), 91 deletions(-)
@@ -142,7 +142,9 @@ impl Stream {
diff --git a/src/main.rs b/src/main.rs
merge: Merge pull request from acme/feature-x
test result: ok. 128 passed; 0 failed; 2 ignored; finished in 3.42s
error[E0502]: cannot borrow `self.buffer` as mutable because it is also borrowed as immutable
warning: unused variable: `count` at src/lib.rs:214:9
TypeError: Cannot read properties of undefined (reading 'length')
Segmentation fault (core dumped)
E = mc^2, where c = 299792458 m/s
pi = 3.14159265358979323846, e = 2.71828182845904523536
6.02214076e23 per mole
F(10) = 55, F(20) = 6765, F(30) = 832040, F(40) = 102334155
2^31 - 1 = 2147483647 and 2^63 - 1 = 9223372036854775807
0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233
user: what is the capital of Portugal? assistant: Lisbon.
assistant: Here are three ideas for your garden: 1) lavender 2) thyme 3) sage
system: You are a helpful assistant. Answer in fewer than 100 words.
I'll be there at ten, see you at the main entrance @ platform 9.
Could you look at the slides before Thursday? Page 14 has a typo.
Thanks for the quick answer! The second option sounds better to us.
We shipped 1,024 units last week and 2,048 the week before.
The train was 45 minutes late, so we missed the 17:20 connection.
"""

SYLLABLES = "read write open close parse emit load store find merge split count build check fetch apply scan".split()
NOUNS = "buffer token stream frame row index cache key page node tree block header field event batch queue".split()


def made_lines(r, count):
    """Lines of code, documentation and logs from patterns, none of which holds a value."""
    word, noun, number = (lambda: r.choice(SYLLABLES)), (lambda: r.choice(NOUNS)), (lambda: r.randint(0, 9999))
    for _ in range(count):
        a, b, n = word(), noun(), number()
        yield r.choice([
            f"pub fn {a}_{b}(&mut self, limit: usize) -> Result<(), Error> {{", f"let {b} = self.{a}({n})?;", f"self.{b}.{a}_{noun()}({n}, {number()});",
            f"def {a}_{b}(self, {noun()}=None, limit={n}):", f"const {b} = await {a}({{ page: {n}, size: 50 }});", f"// {a.title()} the {b} before the {noun()} ends.",
            f"/// Returns the {b} at `{n}`, or `None` where there is no {noun()}.", f"if {b}.len() > {n} {{ return {a}({b}); }}", f"- {a.title()} the {b} ({n} of {number()})",
            f"INFO {a} {b} done in {n} ms, {number()} left", f"{b}_{a}_total{{shard=\"{n % 16}\"}} {number()}", f"<li data-index=\"{n}\">{a} {b}</li>",
            f"WHERE {b}_id = {n} AND {noun()}_state = 'open'", f"{b}: {{ {a}: {n}, enabled: true }}", f"The {b} is {a} at most {n} times per {noun()}.",
            f"func {a.title()}{b.title()}(n int) ({noun()} []byte, err error) {{", f"test {a}::{b}_{noun()} ... ok", f"#define {b.upper()}_{a.upper()} 0x{n:04x}",
            f"  at {a}{b.title()} (/app/src/{b}.js:{n}:{n % 80})", f"version {n % 40}.{number() % 100}.{number() % 10} fixes {a} of {b}s",
        ])


def texts(r, each, clean):
    """Every look-alike `each` times with its class, the lines above and `clean` made ones."""
    for name, templates, make in LOOKALIKES:
        for _ in range(each):
            template = r.choice(templates)
            before, hole, after = template.replace("{{", "{").replace("}}", "}").partition("{}")
            yield f"lookalike.{name}", before + (make(r) if hole else "") + after
    for line in CLEAN.splitlines():
        yield "clean.line", line
    for line in made_lines(r, clean):
        yield "clean.made", line
