#!/usr/bin/env python3
"""Works off a backlog with short leases: 64 jobs that are due each minute, seven days behind (645,120 slots).

    cargo build --release -p cdds-cli --locked
    benches/backlog.py target/release/cdds [SECONDS]

Runs the engine for SECONDS (600) with `lease = "3s"` and prints the peak of its memory, the longest that a lease went
without renewal, what was put on the record and what was exported. Ends with 1 if a lease was lost or the peak is 100 MB
or more. The figures depend on the disk: each export ends with several syncs.
"""

import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

JOBS = 64
DAYS = 7
MEMORY_MAX_MB = 100
CONFIG = """
[engine]
lease = "3s"

[[source]]
id = "calls"
kind = "json-lines"
url = "calls.jsonl"
[[source.type]]
id = "call"
time = "at"
"""


def prepare(cdds, folder):
    """A catalog of jobs that nobody has run for a week."""
    (folder / "artifacts").mkdir()
    (folder / "cdds.toml").write_text(CONFIG)
    record = '{"id":%d,"at":"2026-01-01T00:00:%02dZ"}\n'
    (folder / "calls.jsonl").write_text("".join(record % (number, number % 60) for number in range(100)))
    for number in range(JOBS):
        asked = ["job", "create", "--title", f"job {number}", "--source", "calls", "--type", "call"]
        asked += ["--run", "cron", "--cron", "* * * * *", "--timeframe", "rolling:1h", "--plaintext"]
        subprocess.run([cdds, *asked], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    week = DAYS * 86_400 * 1_000_000
    with sqlite3.connect(folder / "cdds.db") as catalog:
        catalog.execute("UPDATE job SET created_at = created_at - ?1, next_due_at = next_due_at - ?1", (week,))


def peak_kb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def watch(engine, folder, seconds):
    """The peak of memory, kB, and the longest that a lease went without renewal, seconds."""
    catalog = sqlite3.connect(f"file:{folder}/cdds.db?mode=ro", uri=True, timeout=30)
    peak, longest, end = 0, 0.0, time.monotonic() + seconds
    while time.monotonic() < end and engine.poll() is None:
        peak = max(peak, peak_kb(engine.pid))
        query = "SELECT min(lease_renewed_at) FROM execution WHERE status = 'in_progress'"
        (renewed,) = catalog.execute(query).fetchone()
        if renewed is not None:
            longest = max(longest, time.time() - renewed / 1e6)
        time.sleep(0.2)
    return peak, longest


def main():
    cdds = str(pathlib.Path(sys.argv[1]).resolve())
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 600.0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        prepare(cdds, folder)
        with open(folder / "log", "w") as log:
            engine = subprocess.Popen([cdds, "run"], cwd=folder, stdout=log, stderr=log)
            peak, longest = watch(engine, folder, seconds)
            engine.send_signal(signal.SIGTERM)
            code = engine.wait()
        catalog = sqlite3.connect(folder / "cdds.db")
        count = lambda where: catalog.execute(f"SELECT count(*) FROM execution WHERE {where}").fetchone()[0]
        lost = count("attempts LIKE '%\"crashed\"%'")
        print(f"ran {seconds:.0f} s, exit code {code}")
        print(f"peak of memory         {peak / 1000:>10.1f} MB")
        print(f"longest unrenewed lease {longest:>9.1f} s")
        print(f"leases lost            {lost:>10}")
        print(f"put on the record      {count('1'):>10} of {JOBS * DAYS * 1440}")
        print(f"exported               {count(chr(39) + 'finished' + chr(39) + ' = status'):>10}")
        print(f"failed                 {count('status = ' + chr(39) + 'failed' + chr(39)):>10}")
        return int(code != 0 or lost > 0 or peak >= MEMORY_MAX_MB * 1000)


if __name__ == "__main__":
    os.environ.pop("CDDS_CONFIG", None)
    sys.exit(main())
