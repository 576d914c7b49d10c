"""A cluster without the VPA's kind, or with one that is too old: said at the installation, waited
for by the service."""

from __future__ import annotations

import pytest

from tests.deploy.helm import Helm
from tests.service.account import install_account
from tests.service.process import ServiceProcess
from tests.testbed.control_plane import ControlPlane, read_vpa_crd
from tests.testbed.process import wait_until
from tests.testbed.store import PrometheusServer

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
VPA_CRD = "verticalpodautoscalers.autoscaling.k8s.io"
VPAS = "/apis/autoscaling.k8s.io/v1/verticalpodautoscalers"


@pytest.fixture(scope="module")
def plane():
    """An API server without VPAs."""
    with ControlPlane() as plane:
        remove_vpa_crd(plane)
        yield plane


def remove_vpa_crd(plane):
    plane.api.delete(f"{CRDS}/{VPA_CRD}")
    wait_until(lambda: not plane.api.answers(VPAS), "VPAs are no longer served")


def install_vpa_crd(plane, **options):
    plane.apply([read_vpa_crd(**options)])
    wait_until(lambda: plane.api.answers(VPAS), "VPAs are served")


@pytest.fixture
def notes(plane, tmp_path):
    """What helm would say at an installation."""
    return lambda: Helm(plane.kubeconfig, tmp_path).install("--dry-run=server")


def test_the_notes_say_that_the_kind_is_missing(notes):
    said = notes()
    assert "WARNING: this cluster has no VerticalPodAutoscaler" in said
    assert "install the CRDs" in said


def test_the_notes_say_that_the_kind_has_no_status(plane, notes):
    install_vpa_crd(plane, with_status_subresource=False)
    assert "CRD of this cluster has no status subresource" in notes()
    remove_vpa_crd(plane)


def test_with_a_kind_of_today_there_is_no_warning(plane, notes):
    install_vpa_crd(plane)
    assert "WARNING" not in notes()
    remove_vpa_crd(plane)


def test_the_service_waits_for_the_kind_and_then_goes_on(plane):
    account = install_account(plane)
    with (
        PrometheusServer() as store,
        ServiceProcess(kubeconfig=account, store=store.url) as service,
    ):
        service.wait(lambda: service.log.count("cycle failed") >= 2, "two cycles failed")
        assert "no VerticalPodAutoscaler" in service.log
        assert service.is_running
        assert service.get("/healthz").status_code == 200
        assert service.get("/readyz").status_code == 503
        assert "no VerticalPodAutoscaler" in service.get("/").text

        failed = service.log.count("cycle failed")
        install_vpa_crd(plane)
        service.wait_cycles()
        assert service.is_running
        assert service.log.count("cycle failed") <= failed + 1  # one may have been under way
