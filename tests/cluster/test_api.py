"""Lists come in pages; one that expires half-way is begun again, once."""

import msgspec
import pytest

from recommender.cluster.api import Listing, decode, read_object
from recommender.cluster.fake import FakeApi
from recommender.cluster.manifest import MetadataOnly
from recommender.cluster.resource import PODS
from recommender.errors import ClusterReplyError
from tests.cluster.builder import pod

SEVEN = [f"p{index}" for index in range(7)]


class Watched:
    """Passes requests on, notes their queries; `expire` makes some continue tokens fail."""

    source = "watched"

    def __init__(self, inner, *, expire=0):
        self.inner, self.queries, self.expire = inner, [], expire

    def request(self, method, path, *, query=None, **rest):
        self.queries.append(dict(query))
        if self.expire and "continue" in query:
            self.expire -= 1
            raise ClusterReplyError("the provided continue parameter is too old", status=410)
        return self.inner.request(method, path, query=query, **rest)


def names(listing, client):
    return [each.metadata.name for each in listing.read(client)]


def pages_of(client, namespace):
    return names(Listing(PODS, MetadataOnly, namespace, query={"limit": "3"}), client)


def test_a_list_is_read_in_pages_from_the_real_api_server(control_plane, connection, shop):
    control_plane.apply([pod(shop, name) for name in SEVEN])
    client = Watched(connection)
    assert pages_of(client, shop) == SEVEN
    assert [query["limit"] for query in client.queries] == ["3", "3", "3"]
    assert ["continue" in query for query in client.queries] == [False, True, True]


def test_a_page_has_five_hundred_objects():
    client = Watched(FakeApi([pod("shop", "p0")]))
    names(Listing(PODS, MetadataOnly, "shop"), client)
    assert client.queries == [{"limit": "500"}]


def test_a_list_that_expires_half_way_is_begun_again():
    client = Watched(FakeApi(pod("shop", name) for name in SEVEN), expire=1)
    assert pages_of(client, "shop") == SEVEN
    assert ["continue" in query for query in client.queries] == [False, True, False, True, True]


def test_a_list_that_expires_twice_is_given_up():
    client = Watched(FakeApi(pod("shop", name) for name in SEVEN), expire=2)
    with pytest.raises(ClusterReplyError) as caught:
        pages_of(client, "shop")
    assert caught.value.status == 410


def test_a_token_that_the_real_api_server_does_not_know_is_an_error(connection, shop):
    listing = Listing(PODS, MetadataOnly, shop, query={"continue": "nonsense"})
    with pytest.raises(ClusterReplyError, match="continue key is not valid"):
        listing.read(connection)


def test_items_of_null_are_no_items():
    body = b'{"metadata":{},"items":null}'

    class Null:
        source = "null"

        def request(self, *_, **__):
            return body

    assert Listing(PODS, MetadataOnly).read(Null()) == []


@pytest.mark.parametrize(
    "body", [b"<html>sign in</html>", b'{"metadata":', b"", b"[]", b'{"metadata": 7}']
)
def test_a_reply_that_is_no_answer_is_named(body):
    with pytest.raises(ClusterReplyError, match="reply to /x cannot be read") as caught:
        decode(body, MetadataOnly, "/x")
    assert caught.value.status == 200


def test_one_object_can_be_read_by_its_metadata(control_plane, connection, shop):
    control_plane.apply([pod(shop, "web", labels={"app": "web"})])
    path = PODS.path(shop, "web")
    found = read_object(connection, path, MetadataOnly, is_metadata_only=True)
    assert found.metadata.labels == {"app": "web"}
    raw = connection.request(
        "GET", path, accept="application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    )
    assert "spec" not in msgspec.json.decode(raw)
