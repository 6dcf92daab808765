#!/usr/bin/env python3
"""Makes docs/demo.svg: a terminal in which `cdds demo` and what it suggests next were really run.

    cargo build --release
    python3 -m pip install pyte==0.8.2
    python3 docs/demo.py
"""

import html
import os
import pty
import shutil
import struct
import subprocess
import sys
import tempfile
import fcntl
import termios
from itertools import groupby
from pathlib import Path

import pyte

HERE = Path(__file__).resolve().parent
COLUMNS, LINES = 100, 200
COMMANDS = [
    "cdds demo",
    "cd cdds-demo && cdds job list",
    "cdds verify download/*.zip.smime --key key.pem",
]
CELL, LINE, MARGIN, BAR = 8.4, 19, 18, 34  # pixels
FOREGROUND, BACKGROUND, FRAME = "#d7dae0", "#1b1f27", "#2b303b"
COLOURS = {
    "default": FOREGROUND, "black": "#5c6370", "red": "#e06c75", "green": "#8cc570", "brown": "#e5c07b",
    "blue": "#61afef", "magenta": "#c678dd", "cyan": "#56b6c2", "white": "#ffffff",
}


def run(command, folder, stream):
    """Runs a command line on a terminal of its own and feeds what it prints to the screen."""
    stream.feed(f"\x1b[32m$\x1b[0m \x1b[1m{command}\x1b[0m\r\n".encode())
    screen_end, program_end = pty.openpty()
    fcntl.ioctl(program_end, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    # The next command begins where this one ended.
    shell = ["bash", "-c", f"{command}; code=$?; pwd >\"$ENDED_IN\"; exit $code"]
    process = subprocess.Popen(shell, cwd=folder, stdin=program_end, stdout=program_end, stderr=program_end)
    os.close(program_end)
    while True:
        try:
            piece = os.read(screen_end, 65536)
        except OSError:  # Linux's way to say that the program's end is closed
            break
        if not piece:
            break
        stream.feed(piece)
    os.close(screen_end)
    if process.wait() != 0:
        sys.exit(f"{command}: exit code {process.returncode}")
    return Path(os.environ["ENDED_IN"]).read_text().strip()


def style(cell):
    return (COLOURS.get(cell.fg, f"#{cell.fg}"), cell.bold)


def rows(screen):
    """Yields each line as runs of one style: column, text, colour, bold."""
    for y in range(screen.cursor.y):
        cells = [(x, screen.buffer[y][x]) for x in range(COLUMNS)]
        runs = []
        for (colour, bold), group in groupby(cells, key=lambda cell: style(cell[1])):
            group = list(group)
            text = "".join(cell.data for _, cell in group)
            if text.strip():
                runs.append((group[0][0], text.rstrip(), colour, bold))
        yield runs


def svg(lines):
    width, height = COLUMNS * CELL + 2 * MARGIN, len(lines) * LINE + BAR + MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-label="A terminal in which cdds demo was run">',
        f'<rect width="100%" height="100%" rx="9" fill="{BACKGROUND}" stroke="{FRAME}"/>',
        *(f'<circle cx="{20 + 18 * n}" cy="18" r="5.5" fill="{FRAME}"/>' for n in range(3)),
        '<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,\'DejaVu Sans Mono\',monospace" '
        'font-size="14" xml:space="preserve">',
    ]
    for number, runs in enumerate(lines):
        y = BAR + (number + 1) * LINE - 5
        for column, text, colour, bold in runs:
            lead = len(text) - len(text.lstrip())
            text, column = text.lstrip(), column + lead
            weight = ' font-weight="bold"' if bold else ""
            out.append(
                f'<text x="{MARGIN + column * CELL:g}" y="{y}" fill="{colour}"{weight} '
                f'textLength="{len(text) * CELL:g}" lengthAdjust="spacingAndGlyphs">{html.escape(text)}</text>'
            )
    return "\n".join([*out, "</g>", "</svg>", ""])


def main():
    binary = shutil.which("cdds", path=os.environ.get("CDDS_BIN") or HERE.parent / "target/release")
    if not binary:
        sys.exit("there is no target/release/cdds: build it, or name its folder in CDDS_BIN")
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PATH"] = f"{Path(binary).resolve().parent}:{os.environ['PATH']}"
        os.environ["TERM"] = "xterm-256color"
        os.environ["ENDED_IN"] = f"{folder}/.ended-in"
        here = folder
        for number, command in enumerate(COMMANDS):
            if number:
                stream.feed(b"\r\n")
            here = run(command, here, stream)
    if screen.cursor.y >= LINES - 1:
        sys.exit("the screen is too short")
    (HERE / "demo.svg").write_text(svg(list(rows(screen))))


if __name__ == "__main__":
    main()
