"""Two tenants in one real store: neither reaches a series of the other."""

import numpy as np
import pytest

from recommender.history.client import PrometheusClient
from recommender.history.work import WorkReader
from recommender.model.history import TimeGrid
from recommender.model.identity import PodOwners, WorkloadRef
from recommender.model.profile import MetricSelector
from recommender.settings import StoreSettings
from tests.testbed.openmetrics import Series

GRID = TimeGrid(end=1_760_054_400, bins=288)
TIMES = np.arange(GRID.start, GRID.end + 1, 60)
SHOP, BANK = (WorkloadRef(name, "Deployment", "web") for name in ("shop", "bank"))
OWNERS = PodOwners(workloads=frozenset([SHOP, BANK]))
NASTY = 'a"} or {namespace="bank",x=~".*" \\ \n # ä'
TRICKS = [
    'x"} or done_total{namespace="bank',
    'x",namespace="bank',
    'x\\",namespace=~\\".*',
    'x"}\n or {__name__="done_total',
    "} or vector(1)",
]


class Listening:
    """A client that keeps the labels of all that the store sends."""

    def __init__(self, client):
        self._client = client
        self.heard = []

    def query_range(self, query):
        reply = self._client.query_range(query)
        self.heard += reply.metrics
        return reply


@pytest.fixture(scope="module", params=["prometheus", "victoria_metrics"])
def store(request):
    serve = request.getfixturevalue(f"module_{request.param}_with")

    def of(namespace, per_second, **labels):
        labels = {"namespace": namespace, "pod": "web-7d9c5b8f6-bcdfg", **labels}
        return Series("done_total", labels, TIMES, 10.0 + per_second * (TIMES - TIMES[0]))

    source = [
        of("bank", 1000.0, code="200"),
        of("bank", 500.0, code="nasty", note=NASTY),
        of("shop", 3.0, code="200"),
        of("shop", 4.0, code="500"),
        of("shop", 5.0, code="nasty", note=NASTY),
    ]
    return StoreSettings(store=serve(source).url)


@pytest.fixture
def client(store):
    return Listening(PrometheusClient(store))


def read(store, client, ref, **labels):
    reader = WorkReader(store, client=client)
    return reader.read(MetricSelector("done_total", labels), ref, owners=OWNERS, grid=GRID)


@pytest.mark.parametrize(
    ("ref", "labels", "per_second"),
    [
        pytest.param(SHOP, {}, 12.0, id="all of the shop"),
        pytest.param(SHOP, {"code": "200"}, 3.0, id="one label"),
        pytest.param(SHOP, {"note": NASTY}, 5.0, id="a value full of syntax"),
        pytest.param(BANK, {}, 1500.0, id="all of the bank"),
        pytest.param(BANK, {"note": NASTY}, 500.0, id="its own of that value"),
    ],
)
def test_each_tenant_gets_its_own_rate(store, client, ref, labels, per_second):
    rate = read(store, client, ref, **labels)
    assert rate.per_second == pytest.approx(np.full(288, per_second))


@pytest.mark.parametrize("trick", TRICKS, ids=repr)
def test_no_label_value_reaches_the_other_tenant(store, client, trick):
    rate = read(store, client, SHOP, code=trick)
    assert (rate.series, rate.own) == (0, 0)
    assert client.heard == []


def test_series_of_the_other_tenant_are_never_even_sent(store, client):
    read(store, client, SHOP)
    sent = [metric for metric in client.heard if b"namespace" in metric]
    assert len(sent) == 3
    assert all(b'"namespace":"shop"' in metric for metric in sent)


@pytest.mark.parametrize("name", ["sum", "rate", "inf", "nan", "offset", "by", "bool", "up", ":"])
def test_a_name_that_is_a_word_of_the_language_is_only_a_name(store, name):
    reader = WorkReader(store)
    rate = reader.read(MetricSelector(name), SHOP, owners=OWNERS, grid=GRID)
    assert rate.series == 0
