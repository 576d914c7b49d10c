"""Replies and matrices as tests need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from recommender.history.client import RangeQuery
from recommender.history.matrix import Matrix, parse_reply
from recommender.history.reply import Reply, decode_reply

START = 1_700_000_100  # a multiple of 300
STEP = 300


def reply_of(*series: tuple[Mapping[str, str], Sequence[tuple[float, str]]]) -> Reply:
    """A reply with these labels and samples (unix seconds, text of the value)."""
    result = [
        {"metric": labels, "values": [[at, value] for at, value in samples]}
        for labels, samples in series
    ]
    data = {"resultType": "matrix", "result": result}
    return decode_reply(msgspec.json.encode({"status": "success", "data": data}), store="test")


def matrix_of(
    values: Mapping[str, Mapping[int, float]]
    | Sequence[tuple[Mapping[str, str], Mapping[int, float]]],
    *,
    first_at: int = 0,
) -> Matrix:
    """A matrix of values by grid point; a plain name stands for the labels {"series": name}."""
    pairs = (
        [({"series": name}, points) for name, points in values.items()]
        if isinstance(values, Mapping)
        else values
    )
    reply = reply_of(
        *(
            (labels, [(START + at * STEP, repr(value)) for at, value in sorted(points.items())])
            for labels, points in pairs
            if points
        )
    )
    first = START + first_at * STEP
    return parse_reply(reply, RangeQuery("q", first, first, STEP, first_at=first_at))
