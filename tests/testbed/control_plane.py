"""etcd and kube-apiserver: a real control plane without nodes and controllers, ready in seconds."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.testbed.api import ApiClient
from tests.testbed.part import require_program
from tests.testbed.process import RunningService, answers, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CRD_FOLDER = Path(__file__).parent / "crds"
USER_NAMESPACE = "testbed-users"
TOKEN_SECONDS = 86_400

Object = dict[str, Any]


def read_vpa_crd(*, with_status_subresource: bool = True) -> Object:
    """The CRD of VerticalPodAutoscaler objects, as it stands in crds/vpa.yaml."""
    crd: Object = yaml.safe_load((CRD_FOLDER / "vpa.yaml").read_text())
    if not with_status_subresource:
        for version in crd["spec"]["versions"]:
            del version["subresources"]
    return crd


class ControlPlane(RunningService):
    """An API server of its own, with the VPA CRD installed.

    `kubeconfig` names a file for an administrator. There are no controllers: nothing creates pods
    for a Deployment, nothing collects garbage, a deleted namespace stays terminating.
    """

    def __init__(self, *, with_status_subresource: bool = True) -> None:
        super().__init__()
        self._crd = read_vpa_crd(with_status_subresource=with_status_subresource)
        self._token = secrets.token_hex(16)
        self._users = 0
        self._etcd_command: list[str] = []
        self._etcd_url, self._port, self._key = "", 0, Path()

    def _start(self) -> None:
        etcd_url = self._launch_etcd()
        self._launch_apiserver(etcd_url)
        self.kubeconfig = self.write_kubeconfig("admin", self._token)
        self.api = ApiClient(self.url, token=self._token, authority=self.authority)
        self.servers[-1].wait_ready(lambda: self.api.answers("/readyz"))
        self.apply([self._crd])
        wait_until(self._serves_vpas, "the VPA resource is served")

    def _launch_etcd(self) -> str:
        port = free_port()
        self._etcd_url = f"http://127.0.0.1:{port}"
        peer = f"http://127.0.0.1:{free_port()}"
        self._etcd_command = [
            str(require_program("etcd")),
            f"--data-dir={self.folder / f'etcd-{port}'}",
            f"--listen-client-urls={self._etcd_url}",
            f"--advertise-client-urls={self._etcd_url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]
        self._run_etcd()
        return self._etcd_url

    def _run_etcd(self) -> None:
        etcd = self.launch(*self._etcd_command)
        self.servers.insert(0, self.servers.pop())  # the last to end
        etcd.wait_ready(lambda: answers(f"{self._etcd_url}/health"))

    def kill_etcd(self) -> None:
        """End it by SIGKILL; the API server lives on and what was stored is on the disk."""
        self.servers[0].kill()
        self.servers.pop(0)

    def start_etcd(self) -> None:
        """Start it again at its address and wait until the API server is ready by it."""
        self._run_etcd()
        self.servers[-1].wait_ready(lambda: self.api.answers("/readyz") and self._serves_vpas())

    def kill_api_server(self) -> None:
        """End it by SIGKILL, with all its connections; etcd and what is stored live on."""
        self.servers[-1].kill()
        self.servers.pop()

    def start_api_server(self) -> None:
        """Start it again at its address and wait until it serves VPAs."""
        self._run_apiserver()
        self.servers[-1].wait_ready(lambda: self.api.answers("/readyz") and self._serves_vpas())

    def _launch_apiserver(self, etcd_url: str) -> None:
        self._etcd_url = etcd_url
        self._port = free_port()
        self.url = f"https://127.0.0.1:{self._port}"
        self._key = self._write_signing_key()
        self._run_apiserver()

    def _run_apiserver(self) -> None:
        tokens = self.folder / "tokens.csv"
        tokens.write_text(f"{self._token},admin,admin,system:masters\n")
        certificates = self.folder / "certificates"
        # The server signs a certificate for itself at its start and puts its issuer beside it.
        self.authority = certificates / "apiserver.crt"
        self.launch(
            str(require_program("kube-apiserver")),
            f"--etcd-servers={self._etcd_url}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--cert-dir={certificates}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._key}",
            f"--service-account-signing-key-file={self._key}",
            "--service-cluster-ip-range=10.0.0.0/24",
            # There are no controllers to create service accounts and to lift a new node's taint.
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
        )

    def _write_signing_key(self) -> Path:
        key = self.folder / "service-account.key"
        openssl = str(require_program("openssl"))
        command = [openssl, "ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out", str(key)]
        subprocess.run(command, check=True, capture_output=True)
        return key

    def _serves_vpas(self) -> bool:
        return self.api.answers("/apis/autoscaling.k8s.io/v1/verticalpodautoscalers")

    def _stop_servers(self) -> None:
        if self.servers and hasattr(self, "api"):
            self.api.close()
        for server in reversed(self.servers):
            server.kill()  # nothing is to be kept: a graceful end after watches takes ten seconds
        super()._stop_servers()

    def write_kubeconfig(self, user: str, token: str) -> Path:
        """A kubeconfig file for the bearer of a token, as JSON, which is YAML."""
        cluster = {"server": self.url, "certificate-authority": str(self.authority)}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "testbed", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": user, "context": {"cluster": "testbed", "user": user}}],
            "current-context": user,
        }
        path = self.folder / f"{user}.kubeconfig"
        path.write_text(json.dumps(content))
        return path

    def kubectl(self, *arguments: str, kubeconfig: Path | None = None) -> str:
        """What kubectl prints, as administrator or as the user of another kubeconfig.

        Raises:
            subprocess.CalledProcessError: kubectl failed; its notes hold what it said.
        """
        command = [str(require_program("kubectl")), *arguments]
        environment = os.environ | {
            "KUBECONFIG": str(kubeconfig or self.kubeconfig),
            "KUBECACHEDIR": str(self.folder / "kubectl-cache"),
            "NO_PROXY": "127.0.0.1",
        }
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, timeout=60
        )
        if done.returncode:
            error = subprocess.CalledProcessError(done.returncode, command, done.stdout)
            error.add_note(done.stderr)
            raise error
        return done.stdout

    def apply(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Create the objects, or change those that exist; a `status` is written too.

        Owners are written before what they own, and each owner reference without a `uid` gets the
        one of its owner.
        """
        self.api.apply(objects)

    def install(self, definition: Path) -> None:
        """Create or change the CRD of a YAML file; when this returns its kind is served."""
        crd: Object = yaml.safe_load(definition.read_text())
        self.apply([crd])
        spec = crd["spec"]
        version = next(each["name"] for each in spec["versions"] if each["served"])
        path = f"/apis/{spec['group']}/{version}/{spec['names']['plural']}"
        wait_until(lambda: self.api.answers(path), f"{path} is served")

    def new_user(self, name: str, rules: Sequence[Mapping[str, Any]]) -> Path:
        """The kubeconfig of a new service account that may do, in all namespaces, what rules say.

        A rule is one of a ClusterRole: `{"apiGroups": [""], "resources": ["pods"], "verbs": [...]}`.
        The rules are in force when this returns.
        """
        return self.write_kubeconfig(name, self.new_token(name, rules))

    def new_token(self, name: str, rules: Sequence[Mapping[str, Any]]) -> str:
        """As `new_user`, but only its bearer token, which is valid for a day."""
        account = {"kind": "ServiceAccount", "name": name, "namespace": USER_NAMESPACE}
        role = f"testbed-{name}"
        rbac = "rbac.authorization.k8s.io"
        # The last rule shows when the authorizer, which learns of roles by a watch, has read them.
        marker = {"nonResourceURLs": [f"/testbed/{role}"], "verbs": ["get"]}
        self.apply(
            [
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": USER_NAMESPACE}},
                {
                    "apiVersion": "v1",
                    "kind": "ServiceAccount",
                    "metadata": {"name": name, "namespace": USER_NAMESPACE},
                },
                {
                    "apiVersion": f"{rbac}/v1",
                    "kind": "ClusterRole",
                    "metadata": {"name": role},
                    "rules": [*rules, marker],
                },
                {
                    "apiVersion": f"{rbac}/v1",
                    "kind": "ClusterRoleBinding",
                    "metadata": {"name": role},
                    "subjects": [account],
                    "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": role},
                },
            ]
        )
        token = self._request_token(name)
        with ApiClient(self.url, token=token, authority=self.authority) as user:
            wait_until(lambda: user.may_get(f"/testbed/{role}"), f"the role of {name} is in force")
        return token

    def _request_token(self, name: str) -> str:
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_SECONDS},
        }
        path = f"/api/v1/namespaces/{USER_NAMESPACE}/serviceaccounts/{name}/token"
        token: str = self.api.post(path, request)["status"]["token"]
        return token

    def clear(self) -> None:
        """Delete all nodes, pods, workloads, autoscalers and namespaces that tests created."""
        self.api.delete_all()
