"""How much of a large table a step works on at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def waves(pairs: Mapping[int, int], most: int) -> Iterator[list[int]]:
    """Hash buckets in order, a few at a time: a wave takes no further bucket once it has `most` pairs.

    Args:
        pairs: Bucket to its pairs.
        most: The limit.
    """
    wave: list[int] = []
    held = 0
    for bucket, count in sorted(pairs.items()):
        wave.append(bucket)
        held += count
        if held >= most:
            yield wave
            wave, held = [], 0
    if wave:
        yield wave
