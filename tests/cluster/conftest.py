"""The real API server with a namespace of the test's own, and a reader of it."""

import pytest

from recommender.cluster.connection import connect
from recommender.cluster.reader import ClusterReader
from recommender.settings import ClusterSettings
from tests.cluster.builder import namespace, unique


@pytest.fixture
def shop(control_plane):
    """The name of a new namespace."""
    name = unique("shop")
    control_plane.apply([namespace(name)])
    return name


@pytest.fixture
def connection(control_plane):
    with connect(ClusterSettings(kubeconfig=str(control_plane.kubeconfig))) as opened:
        yield opened


@pytest.fixture
def read_shop(control_plane, connection, shop):
    """`read_shop(*objects, **settings)`: the state of the namespace after applying the objects."""

    def read(*objects, **settings):
        control_plane.apply(objects)
        settings = {"namespace": (shop,)} | settings
        return ClusterReader(connection, ClusterSettings(**settings)).read()

    return read
