"""What one run of a program costs."""

import os
import subprocess
import time
from pathlib import Path


class Cost:
    """Seconds on the clock, of CPU, and of those in the program itself; the largest memory of any of its processes, in
    MB of 2^20 bytes; and how many bytes came out."""

    def __init__(self, wall, cpu, user, peak_mb, size=0):
        self.wall, self.cpu, self.user, self.peak_mb, self.size = wall, cpu, user, peak_mb, size


def measured(command, folder, cores=None):
    """Runs a command to its end, on some of the cores only if they are named.

    GNU time tells the memory (Debian: time): a child of this program would begin with what Python holds. What others
    have written is on the disk before it begins."""
    told = Path(folder) / "cost"
    pinned = ["taskset", "-c", cores] if cores else []
    os.sync()
    began = time.monotonic()
    subprocess.run(["/usr/bin/time", "-o", told, "-f", "%U %S %M", *pinned, *command], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL)
    wall = time.monotonic() - began
    user, system, kilobytes = told.read_text().split()
    told.unlink()
    return Cost(wall, float(user) + float(system), float(user), float(kilobytes) / 1024)
