"""Kubernetes objects for tests, as short as the API server accepts them."""

import uuid

APPS, BATCH = "apps/v1", "batch/v1"


def unique(prefix="ns"):
    """A name that no other test uses on the shared API server."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def namespace(name):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def container(name="app", *, cpu=None, memory=None, limits=None, restart=None):
    requests = {k: v for k, v in {"cpu": cpu, "memory": memory}.items() if v is not None}
    made = {"name": name, "image": "registry.invalid/app", "resources": {"requests": requests}}
    if limits:
        made["resources"]["limits"] = limits
    if restart:
        made["restartPolicy"] = restart
    return made


def owned_by(kind, name, version=APPS):
    return [{"apiVersion": version, "kind": kind, "name": name, "controller": True}]


def metadata(ns, name, *, labels=None, owners=None, annotations=None):
    made = {"name": name, "namespace": ns}
    parts = {"labels": labels, "ownerReferences": owners, "annotations": annotations}
    return made | {key: value for key, value in parts.items() if value}


def pod(ns, name, *, labels=None, owners=None, node=None, containers=None, phase="Running", **spec):
    made = {"containers": containers or [container(cpu="500m", memory="512Mi")], **spec}
    if node:
        made["nodeName"] = node
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(ns, name, labels=labels, owners=owners),
        "spec": made,
        "status": {"phase": phase},
    }


def template(labels, containers=None, **spec):
    listed = containers or [container(cpu="500m", memory="512Mi")]
    return {"metadata": {"labels": labels}, "spec": {"containers": listed, **spec}}


def controller(kind, ns, name, *, labels=None, owners=None, selector=None, containers=None):
    """Deployment, ReplicaSet, StatefulSet or DaemonSet."""
    app = {"app": name}
    spec = {
        "selector": selector or {"matchLabels": app},
        "template": template(app | (labels or {}), containers),
    }
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return {
        "apiVersion": APPS,
        "kind": kind,
        "metadata": metadata(ns, name, labels=labels or app, owners=owners),
        "spec": spec,
    }


def replication_controller(ns, name):
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": metadata(ns, name, labels={"app": name}),
        "spec": {"selector": {"app": name}, "template": template({"app": name})},
    }


def job(ns, name, *, owners=None):
    spec = {"template": template({"app": name}, restartPolicy="Never")}
    return {
        "apiVersion": BATCH,
        "kind": "Job",
        "metadata": metadata(ns, name, labels={"app": name}, owners=owners),
        "spec": spec,
    }


def cron_job(ns, name):
    inner = {"spec": {"template": template({"app": name}, restartPolicy="Never")}}
    return {
        "apiVersion": BATCH,
        "kind": "CronJob",
        "metadata": metadata(ns, name, labels={"app": name}),
        "spec": {"schedule": "0 * * * *", "jobTemplate": inner},
    }


def deployment_with_pods(ns, name, *, count=2, node=None, labels=None, containers=None):
    """A Deployment, an old and a current ReplicaSet, and the pods of the current one."""
    labels = {"app": name} | (labels or {})
    sets = [f"{name}-5d4f8c7b9", f"{name}-7c6b5d4f8"]
    return [
        controller("Deployment", ns, name, labels=labels, containers=containers),
        *(controller("ReplicaSet", ns, each, owners=owned_by("Deployment", name)) for each in sets),
        *(
            pod(
                ns,
                f"{sets[1]}-{suffix}",
                labels=labels,
                owners=owned_by("ReplicaSet", sets[1]),
                node=node,
                containers=containers,
            )
            for suffix in ["bcdfg", "hjklm", "npqrs", "tvwxz"][:count]
        ),
    ]


def vpa(
    ns, name, *, kind="Deployment", version=APPS, target=None, recommenders=("joulefit",), **rest
):
    """A VPA; `rest` are further keys of its spec, `annotations` and `status` aside."""
    annotations, status = rest.pop("annotations", None), rest.pop("status", None)
    reference = {"kind": kind, "name": target or name}
    if version:
        reference["apiVersion"] = version
    spec = {"targetRef": reference, **rest}
    if recommenders:
        spec["recommenders"] = [{"name": each} for each in recommenders]
    made = {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": metadata(ns, name, annotations=annotations),
        "spec": spec,
    }
    return made | ({"status": status} if status else {})


def energy_profile(ns, name, *, status=None, **spec):
    made = {
        "apiVersion": "joulefit.io/v1alpha1",
        "kind": "EnergyProfile",
        "metadata": metadata(ns, name),
        "spec": spec,
    }
    return made | ({"status": status} if status else {})


def policy(name="*", **rest):
    return {"containerPolicies": [{"containerName": name, **rest}]}


def node(name, *, cpu="32", memory="128Gi", labels=None):
    capacity = {"cpu": cpu, "memory": memory, "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels or {}},
        "status": {"allocatable": capacity, "capacity": capacity},
    }


def hpa(ns, name, *, target, kind="Deployment", metrics=None):
    resource = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}
    spec = {
        "scaleTargetRef": {"apiVersion": APPS, "kind": kind, "name": target},
        "maxReplicas": 10,
        "metrics": metrics or [{"type": "Resource", "resource": resource}],
    }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(ns, name),
        "spec": spec,
    }


def custom_definition(kind, group, *, is_scalable=True, has_selector=True):
    """A CRD of a namespaced kind with any content."""
    plural = f"{kind.lower()}s"
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {
            "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        },
    }
    if is_scalable:
        scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
        if has_selector:
            scale["labelSelectorPath"] = ".status.selector"
        version["subresources"] = {"status": {}, "scale": scale}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "plural": plural,
                "singular": kind.lower(),
                "listKind": f"{kind}List",
            },
            "versions": [version],
        },
    }


def custom(kind, group, ns, name, *, selector=None, owners=None, labels=None):
    made = {
        "apiVersion": f"{group}/v1",
        "kind": kind,
        "metadata": metadata(ns, name, owners=owners, labels=labels),
        "spec": {"replicas": 1},
    }
    return made | ({"status": {"replicas": 1, "selector": selector}} if selector else {})
