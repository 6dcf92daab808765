#!/usr/bin/env python3
"""Sealing beside `openssl cms -encrypt -stream` and the bare speed of the cipher, in one interleaved run.

    cargo build --release -p cdds-benches --example seal
    python3 benches/sealing.py [--rounds 5]

Each program reads a file and writes a file. The bare speed is what `openssl speed` tells. Prints a Markdown table of
medians, and the peak memory by size.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

from measure import measured

ROOT = Path(__file__).resolve().parent.parent
SEAL = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/examples/seal"
SIZES = {"1 MB": 1_000_000, "100 MB": 100_000_000, "2 GB": 2_000_000_000}
OURS, THEIRS, OURS_GCM, THEIRS_GCM = "ours, CBC", "openssl cms -stream, CBC", "ours, GCM", "openssl cms, GCM"
# openssl holds the whole of a GCM message in memory, which it cannot with 2 GB.
NOT_AT = {THEIRS_GCM: "2 GB"}


def commands(cipher):
    openssl = ["openssl", "cms", "-encrypt", "-binary", "-stream", "-outform", "DER", f"-aes-256-{cipher}",
               "-in", "data", "-out", "out", "certificate.pem"]
    ours = [SEAL, "certificate.pem", "data", "out"] + (["auth-gcm"] if cipher == "gcm" else [])
    return ours, openssl


def bare(cipher):
    """MB of 10^6 bytes a second, in blocks of 64 KiB."""
    told = subprocess.run(["openssl", "speed", "-mr", "-seconds", "2", "-bytes", "65536", "-evp", f"aes-256-{cipher}"],
                          check=True, capture_output=True, text=True).stdout
    return float([line for line in told.splitlines() if line.startswith("+F:")][0].split(":")[-1]) / 1e6


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    (ours, theirs), (ours_gcm, theirs_gcm) = commands("cbc"), commands("gcm")
    runs = {OURS: ours, THEIRS: theirs, OURS_GCM: ours_gcm, THEIRS_GCM: theirs_gcm}
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=bench",
                        "-keyout", "key.pem", "-out", "certificate.pem"], cwd=folder, check=True, stderr=subprocess.DEVNULL)
        speeds = {cipher: [] for cipher in ("cbc", "gcm")}
        print("| | size | wall | × ours | MB/s of user CPU | of the bare cipher | peak memory |\n|---|---|---|---|---|---|---|")
        for size, count in SIZES.items():
            with open(Path(folder) / "data", "wb") as data:
                for _ in range(count // 1_000_000):
                    data.write(os.urandom(1_000_000))
            found = {name: [] for name in runs if NOT_AT.get(name) != size}
            for _ in range(rounds):
                for name in found:
                    found[name].append(measured(runs[name], folder))
                for cipher, told in speeds.items():
                    told.append(bare(cipher))
            for name, costs in found.items():
                wall, user, memory = (statistics.median(getattr(cost, what) for cost in costs) for what in ("wall", "user", "peak_mb"))
                base = statistics.median(cost.wall for cost in found[OURS_GCM if "GCM" in name else OURS])
                # Programs are timed in steps of 10 ms: too coarse for the smallest size.
                speed = count / 1e6 / user if user > 0.1 else None
                share = f"{speed:.0f} | {speed / statistics.median(speeds['gcm' if 'GCM' in name else 'cbc']):.2f}" if speed else " | "
                print(f"| {name} | {size} | {wall:.3f} s | {wall / base:.2f} | {share} | {memory:.1f} MB |")
        told = ", ".join(f"{cipher.upper()} {statistics.median(found):.0f} MB/s" for cipher, found in speeds.items())
        print(f"\nThe bare cipher (`openssl speed -evp aes-256-…`): {told}; medians of {rounds} rounds.")


if __name__ == "__main__":
    main()
