#!/usr/bin/env python3
"""The whole path beside what people would use instead, in one run on the same data.

    cargo build --release -p cdds-cli && cargo build --release -p cdds-benches --example contacts
    python3 benches/peers.py [--megabytes 1200] [--rounds 3]

Ours is `cdds run` from raw JSON lines: it prunes, compresses, seals, digests and stores with fsync. The peers get
what is left after pruning as files, and do the rest: archive in parts, seal each part with openssl, digest it.
Opening is measured too. Peers that are not installed are left out, and named
(Debian: time, zip, pigz, 7zip, isal, python3-orjson, python3-cryptography).

Every run begins with its data in memory and the disk idle, and ours is run again right before each peer: a machine
that is shared may be a quarter slower a minute later. Prints Markdown tables of medians; of the ratios, those of
neighbours.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Cost, measured

ROOT = Path(__file__).resolve().parent.parent
RELEASE = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
PARTS_MB = 64

SEAL = (
    "for part in {parts}; do openssl cms -encrypt -binary -stream -aes-256-cbc -outform DER "
    "-in $part -out $part.smime ../certificate.pem && rm $part || exit 1; done; sha256sum *.smime > sums"
)

# Name, programs needed, what it does in an empty folder beside `pruned` (files) and `pruned.jsonl` (one file).
PEERS = {
    "default": [
        ("zip -6 -s + openssl cms", ["zip"], f"zip -q -r -6 -s {PARTS_MB}m x.zip ../pruned && " + SEAL.format(parts="x.z*")),
        ("pigz -6 + openssl cms", ["pigz"], "pigz -p 2 -6 -c ../pruned.jsonl > x.gz && " + SEAL.format(parts="x.gz")),
        ("7zz -mx1 + openssl cms", ["7zz"], f"7zz a -tzip -mx1 -mmt2 -bso0 -v{PARTS_MB}m x.zip ../pruned && " + SEAL.format(parts="x.zip.*")),
        ("Python (orjson, zipfile, cryptography)", ["python3:orjson,cryptography"], "python3 ../python_peer.py ../contacts.jsonl"),
    ],
    "fast": [
        ("zip -1 -s + openssl cms", ["zip"], f"zip -q -r -1 -s {PARTS_MB}m x.zip ../pruned && " + SEAL.format(parts="x.z*")),
        ("pigz -1 + openssl cms", ["pigz"], "pigz -p 2 -1 -c ../pruned.jsonl > x.gz && " + SEAL.format(parts="x.gz")),
        ("igzip -1 + openssl cms", ["igzip"], "igzip -1 -c ../pruned.jsonl > x.gz && " + SEAL.format(parts="x.gz")),
    ],
}

# Prunes what the export prunes, and seals in one piece, as a script would.
PYTHON_PEER = '''
import hashlib, sys, zipfile, orjson
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
def pruned(value):
    if isinstance(value, dict):
        kept = ((key, pruned(inner)) for key, inner in value.items())
        return {key: inner for key, inner in kept if inner not in (None, "", {}, [])}
    return value
with zipfile.ZipFile("x.zip", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("contacts.jsonl", "w") as to:
    for line in open(sys.argv[1], "rb"):
        to.write(orjson.dumps(pruned(orjson.loads(line))) + b"\\n")
certificate = x509.load_pem_x509_certificate(open("../certificate.pem", "rb").read())
builder = pkcs7.PKCS7EnvelopeBuilder().set_data(open("x.zip", "rb").read()).add_recipient(certificate)
sealed = builder.encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])
open("x.zip.smime", "wb").write(sealed)
print(hashlib.sha256(sealed).hexdigest(), file=open("sums", "w"))
import os; os.remove("x.zip")
'''

CONFIG = """[archive]
level = "{level}"
[[source]]
id = "contacts"
kind = "json-lines"
url = "../contacts.jsonl"
[[source.type]]
id = "contact"
time = "started_at"
time_format = "iso"
"""


ONE_CORE = "the same on one core"
TITLES = {"default": "the whole path", "fast": "the same, at the fast levels", "opening": "opening a sealed split set"}


def bytes_below(folder, suffix):
    return sum(path.stat().st_size for path in folder.rglob("*" + suffix))


def cdds(*arguments, folder):
    command = [RELEASE / "cdds", "--output", "json", *arguments]
    return json.loads(subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE).stdout)


def prepare_ours(place, level, protection):
    place.mkdir()
    (place / "cdds.toml").write_text(CONFIG.format(level=level))
    if protection[0] == "--recipient":
        cdds("recipient", "add", protection[1], "../certificate.pem", folder=place)
    cdds("job", "create", "--title", "Contacts", "--source", "contacts", "--type", "contact", "--run", "once",
         "--split-size", f"{PARTS_MB}MiB", *protection, folder=place)


def ours(place, level, cores=None):
    prepare_ours(place, level, ("--recipient", "peer"))
    cost = measured([RELEASE / "cdds", "-q", "run", "--until-idle"], place, cores)
    cost.size = sum(file["size"] for file in cdds("artifact", "list", folder=place))
    return cost


def peer(place, command):
    place.mkdir()
    cost = measured(["sh", "-c", command], place)
    cost.size = bytes_below(place, ".smime")
    return cost


def download(place, to):
    execution = cdds("history", "list", folder=place)[0]["id"]
    cdds("artifact", "download", "--execution", execution, "--to", to, folder=place)


def prepare(work, megabytes):
    """Data, certificate, and the data as it is once pruned."""
    subprocess.run([RELEASE / "examples/contacts", work / "contacts.jsonl", str(megabytes)], check=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=peer",
                    "-keyout", work / "key.pem", "-out", work / "certificate.pem"], check=True, stderr=subprocess.DEVNULL)
    (work / "python_peer.py").write_text(PYTHON_PEER)
    plain = work / "plain"
    prepare_ours(plain, "fast", ("--plaintext",))
    measured([RELEASE / "cdds", "-q", "run", "--until-idle"], plain)
    download(plain, "out")
    measured(["sh", "-c", f"{RELEASE}/cdds -q extract out/*.zip --to {work}/pruned"], plain)
    with open(work / "pruned.jsonl", "wb") as whole:
        for path in sorted((work / "pruned").rglob("*.json")):
            with open(path, "rb") as part:
                shutil.copyfileobj(part, whole)
    shutil.rmtree(plain)


def touch(work):
    """Reads what a run will read: a system may have given the memory of files to others since the last one did."""
    for path in [work / "contacts.jsonl", work / "pruned.jsonl", *(work / "pruned").rglob("*.json")]:
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 20):
                pass


def is_there(need):
    program, _, modules = need.partition(":")
    if not shutil.which(program):
        return False
    return not modules or subprocess.run([program, "-c", f"import {modules}"], stderr=subprocess.DEVNULL).returncode == 0


def opening(work):
    """Our `extract` of a sealed split set, and openssl for each part with 7-Zip afterwards."""
    place = work / "opening"
    prepare_ours(place, "default", ("--recipient", "peer"))
    measured([RELEASE / "cdds", "-q", "run", "--until-idle"], place)
    download(place, "out")
    theirs = ("mkdir t && for part in out/*.smime; do openssl cms -decrypt -binary -inform DER -in $part "
              "-inkey ../key.pem -out t/$(basename $part .smime) || exit 1; done; 7zz x -bso0 -ot/x t/*.zip")
    own = f"{RELEASE}/cdds -q extract out/*.zip.smime --key ../key.pem --to t"

    def run(command):
        cost = measured(["sh", "-c", command], place)
        shutil.rmtree(place / "t")
        return cost

    return Pairs(("cdds extract", lambda: run(own)), {"openssl cms -decrypt + 7zz x": lambda: run(theirs)})


def exporting(work, level):
    """Our export at a level, and the peers that compress about as well."""

    def fresh(run, *arguments):
        touch(work)
        cost = run(work / "run", *arguments)
        shutil.rmtree(work / "run")
        return cost

    peers = {}
    for name, needs, command in PEERS[level]:
        if all(is_there(need) for need in needs):
            peers[name] = lambda command=command: fresh(peer, command)
        else:
            print(f"not installed: {name}")
    if level == "default":
        peers[ONE_CORE] = lambda: fresh(ours, level, "0")
    return Pairs((f"cdds, level {level}", lambda: fresh(ours, level)), peers)


def small(work):
    """Milliseconds of an export of 1,000 records, from the start of the program to its end."""
    place = work / "small"
    prepare_ours(place, "default", ("--recipient", "peer"))
    with open(work / "contacts.jsonl", "rb") as whole, open(work / "small.jsonl", "wb") as few:
        few.writelines(whole.readline() for _ in range(1_000))
    config = place / "cdds.toml"
    config.write_text(config.read_text().replace("contacts.jsonl", "small.jsonl"))
    times = []
    for _ in range(9):
        times.append(measured([RELEASE / "cdds", "-q", "run", "--until-idle"], place).wall * 1000)
        cdds("job", "create", "--title", "Again", "--source", "contacts", "--type", "contact", "--run", "once",
             "--split-size", f"{PARTS_MB}MiB", "--recipient", "peer", folder=place)
    return statistics.median(times)


def medians(costs):
    return Cost(*(statistics.median(getattr(cost, what) for cost in costs) for what in ("wall", "cpu", "user", "peak_mb", "size")))


class Pairs:
    """What ours and each peer cost, a run of ours with each run of a peer right after it."""

    def __init__(self, ours, peers):
        self.ours, self.peers, self.pairs = ours, peers, {name: [] for name in peers}

    def round(self):
        for name, run in self.peers.items():
            self.pairs[name].append((self.ours[1](), run()))

    def times_ours(self, name):
        return statistics.median(peer.wall / ours.wall for ours, peer in self.pairs[name])

    def base(self):
        return medians([ours for pairs in self.pairs.values() for ours, _ in pairs])

    def table(self, title):
        base = self.base()
        print(f"\n| {title} | wall | × ours | CPU | size | size ÷ ours | peak memory |\n|---|---|---|---|---|---|---|")
        rows = {name: medians([peer for _, peer in pairs]) for name, pairs in self.pairs.items()}
        for name, cost in {self.ours[0]: base, **rows}.items():
            ratio = self.times_ours(name) if name in rows else 1
            size = f"{cost.size / 1e6:.1f} MB | {cost.size / base.size:.3f}" if base.size else " | "
            print(f"| {name} | {cost.wall:.1f} s | {ratio:.2f} | {cost.cpu:.1f} s | {size} | {cost.peak_mb:.0f} MB |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=1_200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
        work = Path(folder)
        prepare(work, options.megabytes)
        pruned = bytes_below(work / "pruned", ".json")
        raw = (work / "contacts.jsonl").stat().st_size
        print(f"{raw / 1e6:.0f} MB of contact records, {pruned / 1e6:.0f} MB once pruned; {os.cpu_count()} cores; "
              f"medians of {options.rounds} rounds")
        comparisons = {level: exporting(work, level) for level in PEERS}
        comparisons["opening"] = opening(work)
        for _ in range(options.rounds):
            for comparison in comparisons.values():
                comparison.round()
        default = comparisons["default"]
        print(f"cdds, level default: {raw / 1e6 / default.base().wall:.0f} MB of raw records a second; two cores are "
              f"{default.times_ours(ONE_CORE):.2f} times as fast as one; {small(work):.0f} ms for 1,000 records")
        for name, comparison in comparisons.items():
            comparison.table(TITLES[name])


if __name__ == "__main__":
    main()
