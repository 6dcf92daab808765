#!/usr/bin/env python3
"""First pages of lists over a catalog of a million executions, artifacts and audit entries, beside `sqlite3`.

    cargo build --release -p cdds-benches --example lists
    python3 benches/lists.py [--rows 1000000] [--jobs 20000] [--rounds 5] [--keep FILE] [--fresh]

Prints a table of each list: milliseconds of the first page of 50 rows for each filter and column, the median of the
rounds by the library; for executions the fastest round of `sqlite3` too, with the same filter and order
over the same file. A job of the filter has a thousandth part of the rows; all that was cancelled is of
the oldest thirtieth. One set has 3,000 parts. The titles of the oldest 15,000 jobs hold "omega", of the oldest
fiftieth "late", and of one job "zq". With `--rows 1000 --jobs 1000000` the jobs alone are many. With `--fresh` all
of it is of the last months, no file expires soon and no job is due, so that an engine may run over it.
"""

import argparse
import os
import random
import sqlite3
import subprocess
import tempfile
import time
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LISTS = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/examples/lists"
STATUSES = ["queued", "in_progress", "finished", "finished_with_errors", "failed", "cancelled", "skipped"]
RANK = "case status " + " ".join(f"when '{name}' then {at}" for at, name in enumerate(STATUSES)) + " end"
COLUMNS = {"Source": "source", "Type": "data_type", "Title": "title_folded", "Status": RANK, "Slot": "slot",
           "StartedAt": "started_at", "FinishedAt": "finished_at", "Duration": "(finished_at - started_at)",
           "Records": "records", "Files": "(case when has_files then id end)"}
WEEK = (1_715_000_000_000_000, 1_715_604_800_000_000)
SETTINGS = ('{"v":"1","title":"%s","source":"%s","data_type":"%s","categories":"all",'
            '"frequency":{"daily":{"at":"00:00"}},"timeframe":"all","protection":"plaintext"}')
ATTEMPTS = '{"v":1,"attempts":[{"epoch":1,"worker":"w","started_at":"2026-03-03T02:00:00Z"}]}'
DETAILS = {
    "failed": '{"v":1,"step":"read","kind":"missing","message":"the file is gone","retryable":false}',
    "skipped": '{"v":1,"reason":"suspended","first":"2026-01-09T00:00:00Z","last":"2026-01-10T00:00:00Z","count":2}',
}
FIRST = 1_700_000_000_000_000
DAY = 86_400 * 10**6


def insert(db, table, row):
    names = ", ".join(f'"{name}"' for name in row)
    return f"insert into {table} ({names}) values ({', '.join('?' * len(row))})"


def many(db, table, rows):
    rows = iter(rows)
    first = next(rows)
    db.execute(insert(db, table, first), tuple(first.values()))
    db.executemany(insert(db, table, first), (tuple(row.values()) for row in rows))


def fill(path, count, job_count, is_fresh):
    dice = random.Random(5)
    now = int(time.time()) * 10**6
    # When the first execution was due, how long files are kept, and when the first job is due.
    first, kept_for, due = (now - count * 30_000_000, 999 * DAY, now + 365 * DAY) if is_fresh else (
        FIRST, 30 * DAY, WEEK[0])
    db = sqlite3.connect(path)
    for pragma in ["synchronous=off", "cache_size=-800000", "foreign_keys=off"]:
        db.execute(f"pragma {pragma}")
    uuid = lambda version: "%08x-%04x-%d000-8000-%012x" % (
        dice.getrandbits(32), dice.getrandbits(16), version, dice.getrandbits(48))
    words = "daily weekly voice chat export report customer berlin madrid night audit sales media".split()

    def title(at):
        marks = " omega" * (at < 15_000) + " late" * (at < job_count // 50) + " zq" * (at == job_count // 2)
        return f"Job {at} of the house, {dice.choice(words)}{marks}"

    jobs = [(uuid(4), title(at), f"source-{at % 7}", f"type-{at % 11}") for at in range(job_count)]
    many(db, "job", (dict(
        id=job, owner="default", version=1, state="active", settings=SETTINGS % (title, source, kind),
        title_folded=title.lower(), source=source, data_type=kind, frequency="daily", created_at=first + at,
        updated_at=first + at, next_due_at=due + at * 10**8, revision=1)
        for at, (job, title, source, kind) in enumerate(jobs)))
    kept = []

    def executions():
        for at in range(count):
            # The newest job, which the filters name, has a thousandth part.
            job, title, source, kind = jobs[-1] if at % 1000 == 0 else jobs[at * 7919 % (job_count * 9 // 10)]
            status = "finished" if dice.random() < 0.97 else dice.choice(["failed", "skipped", "finished_with_errors"])
            status = "cancelled" if at < count // 30 else status
            slot = first + at * 30_000_000
            start = None if status == "skipped" else slot + dice.randrange(10**7)
            end = slot + 10**7 + dice.randrange(10**9)
            row = dict(
                id=uuid(5), job_id=job, owner="default", trigger="scheduled", slot=slot, window_end=slot,
                settings=SETTINGS % (title, source, kind), title_folded=title.lower(), source=source, data_type=kind,
                status=status, epoch=1, attempts=ATTEMPTS, not_before=slot, created_at=slot, started_at=start,
                finished_at=end, progress='{"v":1,"records":1,"bytes_read":0,"bytes_written":0,"parts":0}',
                records=dice.randrange(100_000), queue_at=slot)
            row["detail"] = DETAILS.get(status)
            if status.startswith("finished"):
                kept.append((row["id"], job, kind, end))
            yield row

    many(db, "execution", executions())
    many(db, "artifact_set", (dict(
        execution_id=of, manifest_name="m", manifest_key=f"{of}/1/m", manifest_bytes=1, manifest_sha256="0" * 64,
        published_at=end, expires_at=end + kept_for) for of, _, _, end in kept))

    def artifacts():
        for of, job, kind, end in kept:
            parts = 3_000 if of == kept[0][0] else 1
            for part in range(1, parts + 1):
                name = f"export-{of}.zip" if part == parts else f"export-{of}.z{part:02}"
                yield dict(
                    id=uuid(8), owner="default", execution_id=of, job_id=job, data_type=kind, name=name,
                    name_folded=name, part=part, parts=parts, key=f"{of}/1/{part:06}", bytes=dice.randrange(10**7),
                    sha256="0" * 64, created_at=end, expires_at=end + kept_for, hold=dice.random() < 0.02)

    many(db, "artifact", artifacts())
    people = ["ada", "grace", "lin"]
    many(db, "audit", (dict(
        id=uuid(4), at=first + at * 30_000_000, owner="default", principal=dice.choice(people),
        action=dice.choice(["download", "run_job", "edit_job"]), object_kind="job", object_id=dice.choice(jobs)[0],
        settings="[]", outcome="done") for at in range(count)))
    db.commit()
    db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    return jobs[-1][0]


def conditions(job):
    between = "{0} >= %d and {0} < %d" % WEEK
    return {"none": "1", "status=finished": "status = 'finished'", "status=failed": "status = 'failed'",
            "status=cancelled": "status = 'cancelled'", "source": "source = 'source-3'", "type": "data_type = 'type-4'",
            "job": f"job_id = '{job}'", "slot": between.format("slot"), "started": between.format("started_at"),
            "source status=failed": "source = 'source-3' and status = 'failed'"}


def by_sqlite3(path, condition, column, rounds):
    """Returns the fastest milliseconds of the same page."""
    page = (f"select id, {column} from execution where owner = 'default' and deleted_at is null and {condition} "
            "order by 2 desc, 1 desc limit 51;")
    said = subprocess.run(["sqlite3", "-readonly", "-cmd", ".timer on", path], input="\n".join([page] * rounds),
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    return min(float(line.split()[3]) * 1000 for line in said.splitlines() if line.startswith("Run Time"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", help="a file to keep the catalog in")
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
        path = options.keep or str(Path(folder) / "cdds.db")
        subprocess.run([LISTS, path], check=True)
        job = fill(path, options.rows, options.jobs, options.fresh)
        said = subprocess.run([LISTS, path, str(options.rounds)], stdout=subprocess.PIPE, text=True, check=True).stdout
        table, longest = defaultdict(dict), 0.0
        for line in said.splitlines():
            which, condition, column, median, most = line.split("\t")
            table[which, condition][column] = median
            longest = max(longest, float(most))
        size = os.path.getsize(path) / 2**20
        print(f"{options.rows:,} executions and audit entries, {options.jobs:,} jobs, {size:.0f} MiB")
        for (which, condition), cells in table.items():
            print(f"{which}, {condition}:", ", ".join(f"{column} {ms}" for column, ms in cells.items()))
            if which == "executions":
                peer = {column: by_sqlite3(path, conditions(job)[condition], sql, 3) for column, sql in COLUMNS.items()}
                print("    sqlite3:", ", ".join(f"{column} {ms:.1f}" for column, ms in peer.items()), flush=True)
        print(f"longest single page: {longest:.1f} ms")


if __name__ == "__main__":
    main()
