"""What a store answers to a range query: decoded but for labels and samples.

Samples are nine tenths of a reply; `recommender.history.sample` reads them in bulk.
"""

from __future__ import annotations

import msgspec

from recommender.errors import StoreReplyError

_ERROR_LENGTH = 300

_CHECK = "is --store the address of a Prometheus-compatible API?"

_NO_SAMPLES = msgspec.Raw(b"[]")

# What a bulk reader may touch before and after the text.
PAD = b"0" * 16


class Reply(msgspec.Struct, frozen=True):
    """A matrix of S series: labels and samples still as text.

    metrics    the labels of each series, a JSON object
    text       JSON [[time, "value"], ...] of one series after another, between two PADs
    lengths    bytes of each series in `text`
    size       bytes received
    warnings   what the store warns of, for example a partial answer
    """

    metrics: list[bytes]
    text: bytes
    lengths: list[int]
    size: int = 0
    warnings: tuple[str, ...] = ()


_LABELS_DECODER = msgspec.json.Decoder(dict[str, str])


def decode_labels(metric: bytes) -> dict[str, str]:
    """The labels of a series. Raises StoreReplyError for what are none."""
    try:
        return _LABELS_DECODER.decode(metric)
    except msgspec.DecodeError as error:
        raise StoreReplyError(
            f"the store's answer has labels that are none ({error}); {_CHECK}",
            detail=f"labels begin {metric[:200]!r}",
        ) from error


class _Series(msgspec.Struct):
    metric: msgspec.Raw
    values: msgspec.Raw = _NO_SAMPLES


class _Data(msgspec.Struct):
    result: list[_Series]
    resultType: str = "matrix"  # noqa: N815 - the API's name


class _Envelope(msgspec.Struct):
    status: str
    data: _Data | None = None
    errorType: str = ""  # noqa: N815 - the API's name
    error: str = ""
    warnings: tuple[str, ...] | None = None


class _Failure(msgspec.Struct):
    """The envelope of an error, whose `data` may be anything."""

    errorType: str = ""  # noqa: N815 - the API's name
    error: str = ""


_DECODER = msgspec.json.Decoder(_Envelope)
_FAILURE_DECODER = msgspec.json.Decoder(_Failure)


def decode_reply(body: bytes, *, store: str) -> Reply:
    """The matrix in a reply's body.

    Raises StoreReplyError for an error inside of it, HTML, a truncated body and anything else
    that is no matrix; `store` names the store in the message.
    """
    try:
        envelope = _DECODER.decode(body)
    except msgspec.DecodeError as error:
        raise StoreReplyError(_describe_foreign(body, store), detail=str(error)) from error
    if envelope.status != "success" or envelope.data is None:
        said = describe_failure(body) or f"status {envelope.status}"
        raise StoreReplyError(
            f"store {store} could not answer: {said}; try later, or with a shorter --history"
        )
    if envelope.data.resultType != "matrix":
        raise StoreReplyError(
            f"store {store} answered a {envelope.data.resultType} to a range query; {_CHECK}"
        )
    return _join(envelope.data.result, len(body), envelope.warnings or ())


def _join(series: list[_Series], size: int, warnings: tuple[str, ...]) -> Reply:
    """The parts that are needed, copied, so that the body can go."""
    values = [each.values for each in series]
    return Reply(
        metrics=[bytes(each.metric) for each in series],
        text=b"".join((PAD, *values, PAD)),
        lengths=[len(each) for each in values],
        size=size,
        warnings=warnings,
    )


def describe_failure(body: bytes) -> str:
    """Type and text of the error that the API reports in a body; "" where there is none."""
    try:
        failure = _FAILURE_DECODER.decode(body)
    except msgspec.DecodeError:
        return ""
    parts = (failure.errorType, " ".join(failure.error.split())[:_ERROR_LENGTH])
    return ": ".join(part for part in parts if part)


def is_html(body: bytes) -> bool:
    return body[:256].lstrip().startswith(b"<")


def describe_html(store: str) -> str:
    return (
        f"store {store} answered with a web page; is this the address of Prometheus' API "
        "(without a login page before it)?"
    )


def describe_truncated(store: str) -> str:
    return (
        f"the answer of store {store} was cut off; try again, and look at the limits of "
        "proxies between here and the store"
    )


def _describe_foreign(body: bytes, store: str) -> str:
    if is_html(body):
        return describe_html(store)
    if body.startswith(b'{"status"') and not body.rstrip().endswith(b"}"):
        return describe_truncated(store)
    return (
        f"store {store} answered something that is no result of Prometheus' API; "
        "is --store the right address?"
    )


def refuse_samples(error: Exception, *, asked: object) -> StoreReplyError:
    """The error of samples that cannot be read; `asked` is the query, for its detail."""
    return StoreReplyError(
        f'the store\'s answer has samples that are no [time, "value"]; {_CHECK}',
        detail=f"{asked}: {error}",
    )
