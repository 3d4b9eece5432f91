"""A second verifier of the audit log, written from src/audit/README.md alone: python3 verify.py DIR [KEY-IN-BASE64]."""

import base64
import datetime
import hashlib
import json
import pathlib
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ZERO = "0" * 64
UNSEALED, SPAN = 2048, 60  # records and seconds that may stand behind the last checkpoint


class Broken(Exception):
    pass


def need(holds, what):
    if not holds:
        raise Broken(what)


def tagged(kind, data):
    return hashlib.sha256(b"blackbar-audit/1/" + kind + b"\0" + len(data).to_bytes(8, "big") + data).hexdigest()


def whole(value, depth=8):
    need(depth > 0, "depth")
    if isinstance(value, dict):
        return all(name.isascii() and whole(inner, depth - 1) for name, inner in value.items())
    if isinstance(value, list):
        return all(whole(inner, depth - 1) for inner in value)
    return value is None or isinstance(value, (bool, str)) or (isinstance(value, int) and 0 <= value < 2**53)


def plain(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def canonical(line):
    need(len(line) <= 8192, "long line")
    try:
        value = json.loads(line)
    except ValueError:
        raise Broken("not JSON") from None
    need(isinstance(value, dict) and whole(value) and plain(value) == line, "not canonical")
    return value


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    def __init__(self, size=0, peaks=()):
        self.size, self.peaks = size, list(peaks)

    def push(self, line):
        leaf, rest = hashlib.sha256(b"\0" + line).digest(), self.size
        while rest & 1:
            leaf, rest = node(self.peaks.pop(), leaf), rest >> 1
        self.peaks.append(leaf)
        self.size += 1

    def root(self):
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node(peak, root)
        return root


def stretched(behind):
    """Whether records behind the last checkpoint span more time than a writer leaves there."""
    boot = mono = wall = None
    for record in behind:
        time = datetime.datetime.strptime(record["ts"], "%Y-%m-%dT%H:%M:%S.%fZ")
        if record["boot"] != boot:
            boot, mono, wall = record["boot"], record["mono_ns"], time
        if record["kind"] == "clock_jump":
            wall = time
        if record["mono_ns"] - mono > SPAN * 10**9 or abs(time - wall) > datetime.timedelta(seconds=SPAN):
            return True
    return False


def opened(note, origin, key):
    need("\r" not in note, "carriage return")
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    line = re.fullmatch("\u2014 " + re.escape(origin) + " ([A-Za-z0-9+/=]+)\n", signatures)
    need(line, "signature line")
    try:
        stamp = base64.b64decode(line[1], validate=True)
        need(base64.b64encode(stamp).decode() == line[1], "signature's base64")
        need(stamp[:4] == hashlib.sha256(origin.encode() + b"\n\1" + key).digest()[:4], "key id")
        Ed25519PublicKey.from_public_bytes(key).verify(stamp[4:], text.encode())
    except (InvalidSignature, ValueError):
        raise Broken("signature") from None
    return text.splitlines()


def changed(record, origin, keys):
    """Takes in a change of keys: both have signed it, and no key comes back."""
    text = "".join(
        f"{line}\n"
        for line in ("blackbar-audit/1/rotate", origin, f"record {record['seq']}", f"prev {record['prev']}", f"old {record['old']}", f"new {record['new']}")
    ).encode()
    need(record["old"] == keys[-1][1] and record["new"] not in [key for _, key in keys] and record["seq"] >= keys[-1][0], "order of keys")
    try:
        for which in ("old", "new"):
            public, stamp = (base64.b64decode(record[name], validate=True) for name in (which, f"{which}_signature"))
            need(base64.b64encode(public).decode() == record[which] and base64.b64encode(stamp).decode() == record[f"{which}_signature"], "base64")
            Ed25519PublicKey.from_public_bytes(public).verify(stamp, text)
    except (InvalidSignature, ValueError):
        raise Broken("a change of keys") from None
    keys.append((record["seq"] + 1, record["new"]))


def of_size(keys, size):
    """The keys that may sign over so many records: the one in force, then those that came later."""
    at = max(place for place, (since, _) in enumerate(keys) if since <= size)
    return [base64.b64decode(key) for _, key in keys[at:]]


def opened_later(note, origin, keys):
    for key in keys:
        try:
            return opened(note, origin, key)
        except Broken as error:
            fault = error
    raise fault


def balances(receipt):
    if receipt is None:
        return True
    reasons = receipt.get("unscanned", {}) if isinstance(receipt, dict) else None
    parts = [receipt.get("scanned", 0), receipt.get("withheld", 0), *reasons.values()] if isinstance(reasons, dict) else ["x"]
    return all(isinstance(part, int) for part in parts) and receipt.get("length") == sum(parts)


def verify(folder, pinned=None):
    folder = pathlib.Path(folder)
    genesis = (folder / "genesis.json").read_bytes()
    need(genesis.endswith(b"\n"), "genesis")
    fields = canonical(genesis[:-1])
    need(fields.get("v") == 1 and base64.b64encode(base64.b64decode(fields["key"], validate=True)).decode() == fields["key"], "key")
    log = tagged(b"genesis", genesis[:-1])
    origin, head, tree, sealed, last, bridge, torn, behind = f"{fields['name']}/{log}", log, Tree(), 0, (ZERO, 0), None, False, []
    keys, unseen, path = [(0, fields["key"])], {}, folder / "keys.jsonl"
    for line in path.read_bytes().split(b"\n")[:-1] if path.exists() else ():
        named = canonical(line)
        need(set(named) == {"new", "new_signature", "old", "old_signature", "prev", "seq"}, "file of keys")
        changed(named, origin, keys)
        unseen[named["seq"]] = named
    need(not path.exists() or path.read_bytes()[-1:] in (b"", b"\n"), "file of keys")
    names = sorted(path.name for path in folder.iterdir() if path.name.startswith("audit-"))
    for name in names:
        need(re.fullmatch(r"audit-\d{20}(-\d{20}\.(jsonl|stub)|\.(jsonl|ckpt|torn))", name), f"file {name}")
    segments = [name for name in names if name.endswith(".jsonl")]
    stubs = [name for name in names if name.endswith(".stub") and name[:-5] + ".jsonl" not in segments]
    closed, still_open = [name for name in segments if "-" in name[6:]], [name for name in segments if "-" not in name[6:]]
    need(len(still_open) <= 1 and segments, "segments")
    following = 0
    for name in stubs + closed + still_open:
        first = int(name[6:26])
        need(first == following, f"the segment with record {following}")
        ends = int(name[27:47]) if name[26] == "-" else None
        following = ends + 1 if ends is not None else None
        if name.endswith(".stub"):
            lines = opened_later((folder / name).read_bytes().decode(), origin, of_size(keys, ends + 1))
            unseen = {seq: named for seq, named in unseen.items() if seq > ends}
            need(lines[:4] == ["blackbar-audit/1/removed", origin, f"first {first}", f"last {ends}"], name)
            head, bridge, last = lines[4][5:], base64.b64decode(lines[5][5:]), (lines[6][11:], ends + 1)
            sealed = ends + 1
            continue
        path = folder / f"audit-{first:020}.ckpt"
        if ends is None and first and not path.exists() and not (folder / name).stat().st_size:
            continue  # it is being begun
        need(path.exists(), f"{path.name} is missing")
        text = path.read_bytes().decode()
        notes = re.findall("(?s)(.*?\n\n[^\n]*\n)", text)
        rest = text[sum(map(len, notes)) :]
        need(not rest or ends is None, "torn checkpoint")
        need("\r" not in text and len(rest) < 8192 and (rest + f"{origin}\n"[len(rest) :]).startswith(f"{origin}\n"), "no checkpoint")
        torn |= bool(rest)
        due = []
        for note in notes:
            lines = note.splitlines()[:6]
            need(lines[0] == origin and len(lines) == 6 and int(lines[1]) > first, "checkpoint")
            need(not due or int(lines[1]) >= due[-1][0], "order of checkpoints")
            due.append((int(lines[1]), note))
        data, clock, finished = (folder / name).read_bytes().split(b"\n"), None, False
        if data.pop():
            need(ends is None, "a line has no end")
            torn = True
        for place, line in enumerate(data):
            need(not finished, "a record behind the last")
            record = canonical(line)
            own, kind = record.pop("h", None), record.get("kind")
            need(own == tagged(b"rec", plain(record)), f"hash of record {tree.size}")
            need((record.get("v"), record.get("log")) == (1, log), "another log")
            need((kind == "segment_open") == (place == 0), "segment_open")
            if place == 0:
                peaks = [bytes.fromhex(peak) for peak in record["tree"]]
                need(len(peaks) == first.bit_count(), "tree")
                begun = Tree(first, peaks)
                need(begun.root() == bridge if bridge else peaks == tree.peaks and tree.size == first, "tree")
                need((record["checkpoint"], record["checkpoint_size"]) == last, "checkpoint before the segment")
                tree, bridge = begun, None
            need((record.get("seq"), record.get("prev")) == (tree.size, head), f"place of record {tree.size}")
            need(clock is None or clock[0] != record["boot"] or clock[1] <= record["mono_ns"], "time")
            need(balances(record.get("request")) and balances(record.get("response")), f"receipt in record {tree.size}")
            clock, finished = (record["boot"], record["mono_ns"]), kind == "segment_close"
            need(not finished or record.get("count") == tree.size + 1 - first, "count")
            head = own
            tree.push(line)
            behind.append(record)
            named = unseen.pop(record["seq"], None)
            need(named is None or (kind == "key_rotate" and named.items() <= record.items()), "the change of keys is another")
            if kind == "key_rotate" and named is None:
                changed(record, origin, keys)
            while due and due[0][0] == tree.size:
                size, note = due.pop(0)
                lines = opened(note, origin, of_size(keys, size)[0])
                need(len(lines) == 6 and base64.b64decode(lines[2]) == tree.root(), f"checkpoint {size}")
                need((lines[3], lines[5]) == (f"head {head}", f"previous {last[0]}"), f"checkpoint {size}")
                last, sealed, behind = (tagged(b"ckpt", note.encode()), size), size, []
        need(not due, "records that a checkpoint has seen are missing")
        need(ends is None or (finished and tree.size == ends + 1 == sealed), "the segment's end")
    need(not unseen, "the record of a change of keys is missing")
    need(pinned is None or pinned in [key for _, key in keys], "another key")
    unsigned = sealed == 0 or tree.size - sealed > UNSEALED or stretched(behind)
    need(not unsigned or pinned is None, "more stands behind the last checkpoint than a writer leaves there")
    return {"records": tree.size, "unsigned": unsigned, "unsealed": tree.size - sealed, "torn": torn, "head": head, "root": tree.root().hex()}


if __name__ == "__main__":
    try:
        print(json.dumps(verify(*sys.argv[1:])))
    except (Broken, OSError, KeyError, TypeError, ValueError, IndexError) as error:
        sys.exit(f"BROKEN: {error}")
