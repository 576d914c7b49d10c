"""The service account of joulefit with the role that ships, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from tests.testbed.control_plane import ControlPlane

ROOT = Path(__file__).parents[2]
ROLE = ROOT / "docs" / "cluster-role.yaml"
PROFILE_CRD = ROOT / "crds" / "energyprofile.yaml"
HOME = "joulefit"
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}}
ACCOUNT = {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {"name": HOME, "namespace": HOME},
}
RBAC = "rbac.authorization.k8s.io"
SUBJECTS = [{"kind": "ServiceAccount", "name": HOME, "namespace": HOME}]
BINDINGS = [
    {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": HOME},
        "subjects": SUBJECTS,
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "joulefit"},
    },
    {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": HOME, "namespace": HOME},
        "subjects": SUBJECTS,
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "joulefit-lease"},
    },
]


def install_account(plane: ControlPlane) -> Path:
    """Create the CRD of EnergyProfiles, the account and its role; the account's kubeconfig."""
    plane.install(PROFILE_CRD)
    plane.apply([NAMESPACE, ACCOUNT, *yaml.safe_load_all(ROLE.read_text()), *BINDINGS])
    tokens = f"/api/v1/namespaces/{HOME}/serviceaccounts/{HOME}/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token: str = plane.api.post(tokens, request)["status"]["token"]
    return plane.write_kubeconfig("service", token)
