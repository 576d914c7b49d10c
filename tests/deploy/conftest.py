from __future__ import annotations

import pytest

from tests.deploy.cluster import UserCluster


@pytest.fixture(scope="session")
def user_cluster():
    """A Kubernetes of one node as a user has it, with the image that ships."""
    with UserCluster() as cluster:
        yield cluster
