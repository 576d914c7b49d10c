"""Which changes of objects are answered at once: those of what is asked, never our own writes."""

import pytest

from recommender.operator import Bell

CLASS = "joulefit.io/work-class"


def vpa(uid="1", *, generation=1, namespace="shop", names=("joulefit",), annotations=None, **more):
    metadata = {"uid": uid, "name": "web", "namespace": namespace, "generation": generation}
    if annotations:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "spec": {"recommenders": [{"name": n} for n in names]}, **more}


@pytest.fixture
def rings():
    return []


@pytest.fixture
def bell(rings):
    return Bell(
        lambda: rings.append("!"), recommender_name="joulefit", ignored_namespaces=["kube-system"]
    )


def test_what_was_there_at_the_start_is_no_news(bell, rings):
    bell.take_vpa(None, vpa())
    assert rings == []


def test_a_new_vpa_rings(bell, rings):
    bell.take_vpa("ADDED", vpa())
    assert rings == ["!"]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(vpa(generation=2), id="its spec"),
        pytest.param(vpa(annotations={CLASS: "batch"}), id="its work class"),
    ],
)
def test_a_changed_vpa_rings_once(bell, rings, changed):
    bell.take_vpa(None, vpa())
    bell.take_vpa("MODIFIED", changed)
    bell.take_vpa("MODIFIED", changed)
    assert rings == ["!"]


def test_our_own_status_does_not_ring(bell, rings):
    bell.take_vpa(None, vpa())
    bell.take_vpa("MODIFIED", vpa(status={"conditions": []}))
    bell.take_vpa("MODIFIED", vpa(annotations={"kubectl.kubernetes.io/last-applied": "{}"}))
    assert rings == []


@pytest.mark.parametrize("names", [(), ("default",), ("joulefit2",)])
def test_vpas_of_others_do_not_ring(bell, rings, names):
    bell.take_vpa("ADDED", vpa(names=names))
    assert rings == []


def test_one_that_names_us_from_now_on_rings(bell, rings):
    bell.take_vpa("ADDED", vpa(names=()))
    bell.take_vpa("MODIFIED", vpa(generation=2))
    assert rings == ["!"]


def test_ignored_namespaces_do_not_ring(bell, rings):
    bell.take_vpa("ADDED", vpa(namespace="kube-system"))
    assert rings == []


def test_a_deleted_and_recreated_vpa_rings_again(bell, rings):
    bell.take_vpa("ADDED", vpa())
    bell.take_vpa("DELETED", vpa())
    bell.take_vpa("ADDED", vpa("2"))
    assert rings == ["!", "!"]


def test_a_watch_that_starts_anew_tells_what_changed_meanwhile(bell, rings):
    bell.take_vpa(None, vpa())
    bell.take_vpa(None, vpa(generation=2))
    assert rings == ["!"]


@pytest.mark.parametrize("spec", [None, {}, {"recommenders": None}, {"recommenders": ["joulefit"]}])
def test_a_spec_of_another_form_is_not_ours(bell, rings, spec):
    bell.take_vpa("ADDED", {**vpa(), "spec": spec})
    assert rings == []


def test_a_changed_energy_profile_rings(bell, rings):
    bell.take_profile(None, vpa("9", names=()))
    bell.take_profile("MODIFIED", vpa("9", generation=2, names=()))
    assert rings == ["!"]
