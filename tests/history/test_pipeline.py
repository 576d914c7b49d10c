"""Jobs in order: what is done with one reply may say what is asked for after it."""

from __future__ import annotations

from recommender.history.client import RangeQuery
from recommender.history.fake import FakeQueryClient
from recommender.history.pipeline import Job, Pipeline


def query(number):
    return RangeQuery(f"q{number}", 0, 300, 300)


def start():
    """A pipeline to a store that has series, what was read of it, and the steps it told."""
    read, steps = [], []
    client = FakeQueryClient(lambda asked: [({"q": asked.query}, [(0, 1.0)])])
    pipeline = Pipeline(client, 2, lambda *step: steps.append(step))
    return pipeline, read, steps


def test_replies_are_taken_in_the_order_of_the_jobs():
    pipeline, read, steps = start()
    jobs = [Job(query(i), lambda matrix: read.append(*matrix.metrics)) for i in range(6)]
    pipeline.run("history", jobs)
    assert read == [b'{"q":"q%d"}' % i for i in range(6)]
    assert steps == [("history", done, 6) for done in range(7)]
    assert pipeline.queries == 6


def test_of_no_jobs_nothing_is_said():
    pipeline, _, steps = start()
    pipeline.run("bursts", [])
    assert steps == []
    assert pipeline.queries == 0


def test_a_job_may_depend_on_what_was_read_before_the_last_replies():
    """With two at a time the fourth is made when the first was read, and before the second is."""
    pipeline, read, steps = start()

    def jobs():
        for number in range(3):
            yield Job(query(number), lambda _, number=number: read.append(number))
        assert read == [0]
        yield Job(query(3), lambda _: read.append(3))

    pipeline.run("bursts", jobs(), total=4)
    assert read == [0, 1, 2, 3]
    assert steps == [("bursts", done, 4) for done in range(5)]
