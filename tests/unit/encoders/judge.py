"""Decodes the pictures of a folder with several threads, as a worker does, and tells what came of them.

A program of its own: how much memory a process has taken at most includes what it did before.
"""

from __future__ import annotations

import json
import resource
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image
from tests.unit.encoders.hostile import Hostile, encoded

from leastpack.encoders.codes import ContentError
from leastpack.encoders.decode import decode

THREADS = 8
RIGHT = "right"


def write(pictures: Iterable[Hostile], folder: Path) -> None:
    """Put pictures into a folder."""
    for number, picture in enumerate(pictures):
        (folder / f"{number}.bin").write_bytes(picture.data)
        (folder / f"{number}.json").write_text(json.dumps({**asdict(picture), "data": None}))


def judged(picture: Hostile, memory: int) -> str:
    """The code of a picture, `right`, or what is wrong with it."""
    try:
        found = decode(picture.data, side=64, mean=(0, 0, 0), std=(1, 1, 1), max_memory=memory) * 255
    except ContentError as error:
        sound = picture.shows and (" with " in picture.name or picture.name.endswith((", sound", ", longer")))
        return f"{picture.name}: {error}" if sound or picture.code not in (None, error.code) else error.code
    if picture.code or not np.isfinite(found).all():
        return f"{picture.name}: decoded"
    if picture.shows:
        left, right = ((255, 0, 0) if picture.shows == "colour" else (76, 76, 76)), (255, 255, 255)
        corners = [(found[:, row, column], colour) for row in (3, 60) for column, colour in ((5, left), (58, right))]
        if max(np.abs(pixel - colour).max() for pixel, colour in corners) > 24:
            return f"{picture.name}: another picture"
    return RIGHT


def peak() -> int:
    """The most bytes this program has held; Linux counts those of the one that started it in `getrusage`."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def main(folder: Path, memory: int) -> None:
    """Print the answers by count, and the bytes this process grew by at most."""

    def judge(path: Path) -> str:
        told = json.loads(path.with_suffix(".json").read_text())
        return judged(Hostile(**{**told, "data": path.read_bytes()}), memory)

    decode(encoded(Image.new("RGB", (64, 64))))
    before = peak()
    with ThreadPoolExecutor(THREADS) as pool:
        answers = Counter(pool.map(judge, sorted(folder.glob("*.bin"))))
    print(json.dumps({"answers": answers, "grown": peak() - before}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
