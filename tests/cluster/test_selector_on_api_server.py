"""The API server and we agree on every selector: on its syntax and on what it matches."""

import json
import re

import pytest
import urllib3
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from recommender.cluster.selector import parse_selector
from recommender.errors import UsageError
from tests.cluster.builder import metadata, namespace, unique

LABELLED = {
    "bare": {},
    "web": {"app": "web"},
    "web-front": {"app": "web", "tier": "front"},
    "db": {"app": "db", "example.com/tier": "back"},
    "empty": {"app": ""},
    "eight": {"cores": "8", "in": "notin"},
    "word": {"cores": "many"},
}

keys = st.sampled_from(["app", "tier", "example.com/tier", "cores", "in", "absent"])
values = st.sampled_from(["web", "db", "front", "back", "", "8", "notin", "in"])
blank = st.sampled_from(["", " "])


@st.composite
def terms(draw):
    key, gap = draw(keys), draw(blank)
    form = draw(st.sampled_from(["=", "==", "!=", "in", "notin", "", "!", ">", "<"]))
    if form in {"in", "notin"}:
        listed = ",".join(draw(st.lists(values, max_size=3)))
        return f"{key} {form}{gap}({gap}{listed}{gap})"
    if form == "":
        return key
    if form == "!":
        return f"!{gap}{key}"
    value = draw(st.integers(-9, 9).map(str)) if form in {">", "<"} else draw(values)
    return f"{key}{gap}{form}{gap}{value}"


selectors = st.lists(terms(), max_size=3).map(",".join)
scribbles = st.text(alphabet="ai b=!<>(),.-/1T", max_size=12)


@pytest.fixture(scope="module")
def ask(control_plane):
    """`ask(selector)`: the names that the API server finds, or None where it refuses it."""
    where = unique("labels")
    made = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(where, name, labels=labels)}
        for name, labels in LABELLED.items()
    ]
    control_plane.apply([namespace(where), *made])
    user = json.loads(control_plane.kubeconfig.read_text())["users"][0]["user"]
    headers = {"Authorization": f"Bearer {user['token']}"}
    url = f"{control_plane.url}/api/v1/namespaces/{where}/configmaps"
    with urllib3.PoolManager(ca_certs=str(control_plane.authority)) as pool:

        def asked(selector):
            reply = pool.request("GET", url, fields={"labelSelector": selector}, headers=headers)
            if reply.status == 400:
                return None
            assert reply.status == 200
            return {item["metadata"]["name"] for item in reply.json()["items"]}

        yield asked


def answer(selector):
    try:
        parsed = parse_selector(selector)
    except UsageError:
        return None
    return {name for name, labels in LABELLED.items() if parsed.matches(labels)}


real = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@real
@given(selectors)
@example("app notin (web)")
@example("absent!=web")
@example("app in (,web)")
def test_a_well_formed_selector_finds_the_same_objects(ask, selector):
    # The API server takes (a,,b) and not (a,,): its parser eats two commas at once.
    assume(not re.search(r",\s*,\s*\)", selector))
    assert answer(selector) == ask(selector)


@real
@given(scribbles)
@example("a=b,")
@example("a in ()")
@example("a,,b")
@example("a==")
@example("a=!b")
def test_a_scribble_is_refused_or_understood_alike(ask, selector):
    assert answer(selector) == ask(selector)
