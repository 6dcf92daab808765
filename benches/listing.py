#!/usr/bin/env python3
"""`cdds job list` on a thousand jobs beside `sqlite3` reading the same rows, from start to end.

    cargo build --release -p cdds-cli
    python3 benches/listing.py [--jobs 1000] [--rounds 30]

Prints medians and minima in milliseconds, interleaved.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CDDS = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/cdds"

SOURCE = """
[[source]]
id = "contacts"
kind = "json-lines"
url = "contacts.jsonl"
[[source.type]]
id = "contact"
time = "started_at"
"""

COMMANDS = {
    "sqlite3, every job": ["sqlite3", "cdds.db", "select * from job order by created_at desc"],
    "cdds job list": [CDDS, "job", "list"],
    "cdds job list --output json": [CDDS, "job", "list", "--output", "json"],
    "cdds --version": [CDDS, "--version"],
}


def milliseconds(command, folder):
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
        (Path(folder) / "cdds.toml").write_text(SOURCE)
        for number in range(options.jobs):
            create = ["job", "create", "--title", f"Job {number}", "--source", "contacts", "--type", "contact",
                      "--run", "daily", "--at", "02:00", "--timeframe", "rolling:1d", "--plaintext"]
            subprocess.run([CDDS, "-q", *create], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        found = {name: [] for name in COMMANDS}
        for _ in range(options.rounds):
            for name, command in COMMANDS.items():
                found[name].append(milliseconds(command, folder))
    base = statistics.median(found["sqlite3, every job"])
    print(f"| {options.jobs} jobs | median | × sqlite3 | fastest |\n|---|---|---|---|")
    for name, times in found.items():
        median = statistics.median(times)
        print(f"| {name} | {median:.1f} ms | {median / base:.1f} | {min(times):.1f} ms |")


if __name__ == "__main__":
    main()
