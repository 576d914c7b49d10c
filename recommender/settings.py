"""Every option, written once: flag, environment variable, default, help and its reason.

`option()` fields of these frozen dataclasses are the one table from which the command line
(`recommender.cli`), the environment variables (JOULEFIT_<FLAG>) and docs/settings.md come.
Settings are passed, never imported.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal


def option(  # noqa: PLR0913 - one row of the table
    default: Any,
    text: str,
    *,
    unit: str = "",
    why: str = "",
    flag: str = "",
    short: str = "",
    choices: tuple[str, ...] = (),
    is_secret: bool = False,
    metavar: str = "",
    is_path: bool = False,
    least: int = 0,
    most: int | None = None,
    separator: str = "",
) -> Any:
    """A field that is an option.

    unit: duration, time, bytes, cores, ... as `recommender.units` parses it; why: the
    default's reason, for the documentation; is_secret: never shown, in no log and no repr;
    least, most: the whole numbers allowed; separator: between several in the environment,
    where it is not a comma.
    """
    metadata = {
        "text": text,
        "unit": unit,
        "why": why,
        "flag": flag,
        "short": short,
        "choices": choices,
        "is_secret": is_secret,
        "metavar": metavar,
        "is_path": is_path,
        "least": least,
        "most": most,
        "separator": separator or ("\n" if is_secret else ","),
    }
    return dataclasses.field(default=default, metadata=metadata, repr=not is_secret)


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """The metric store: anything that speaks Prometheus' HTTP API."""

    store: str = option(
        "http://localhost:9090",
        "URL of Prometheus, Thanos, Mimir or VictoriaMetrics",
        why="where `kubectl port-forward` puts it",
        metavar="URL",
    )
    store_token: str = option("", "bearer token", is_secret=True, metavar="TOKEN")
    store_token_file: str = option(
        "",
        "file with the bearer token, read again for each request",
        why="tokens of service accounts rotate",
        is_path=True,
        metavar="FILE",
    )
    store_basic_auth: str = option("", "USER:PASSWORD", is_secret=True, metavar="USER:PASSWORD")
    store_header: tuple[str, ...] = option(
        (),
        "extra header 'NAME: VALUE', for example X-Scope-OrgID of Mimir; repeatable",
        is_secret=True,
        metavar="HEADER",
    )
    store_ca_file: str = option(
        "", "CA bundle that signed the store's certificate", is_path=True, metavar="FILE"
    )
    store_client_cert: str = option("", "client certificate (PEM)", is_path=True, metavar="FILE")
    store_client_key: str = option(
        "", "key of the client certificate (PEM)", is_path=True, metavar="FILE"
    )
    store_insecure: bool = option(False, "do not verify the store's certificate")
    store_proxy: str = option("", "proxy for the store", is_secret=True, metavar="URL")
    store_timeout: float = option(
        60.0,
        "time limit of one query",
        unit="duration",
        why="a coarse query over a whole namespace takes seconds, not minutes",
        metavar="DURATION",
    )
    store_connect_timeout: float = option(
        5.0, "time limit to connect", unit="duration", metavar="DURATION"
    )
    store_parallel: int = option(
        2,
        "queries under way at once",
        why="more did not help in our measurements and hurts a store that others use",
        metavar="N",
        least=1,
    )
    store_retries: int = option(3, "retries on 429, 5xx and connection errors", metavar="N")
    store_compression: str = option(
        "auto",
        "ask for gzip: auto asks where the store is not a near address",
        why="compressing costs a near server more time than it saves",
        choices=("auto", "on", "off"),
    )


@dataclass(frozen=True, kw_only=True)
class ClusterSettings:
    """Which cluster, which namespaces, which VPAs."""

    kubeconfig: str = option(
        "",
        "kubeconfig file (default: KUBECONFIG, ~/.kube/config, in-cluster)",
        is_path=True,
        metavar="FILE",
    )
    context: str = option("", "context of the kubeconfig", metavar="NAME")
    cluster_timeout: float = option(
        30.0, "time limit of one request to the API server", unit="duration", metavar="DURATION"
    )
    recommender_name: str = option(
        "joulefit",
        "answer VPAs whose spec.recommenders names this",
        why="users of CLEVER's manifests pass clever",
        metavar="NAME",
    )
    namespace: tuple[str, ...] = option(
        (), "only this namespace; repeatable (default: all)", short="n", metavar="NAMESPACE"
    )
    selector: str = option(
        "", "only workloads whose labels match, as in kubectl -l", short="l", metavar="SELECTOR"
    )
    ignore_namespace: tuple[str, ...] = option(
        (), "leave the VPAs of this namespace alone; repeatable", metavar="NAMESPACE"
    )
    all_workloads: bool = option(False, "also workloads that no VPA of ours targets")


@dataclass(frozen=True, kw_only=True)
class WindowSettings:
    """The time that is looked at."""

    history: float = option(
        14 * 86400.0,
        "length of the window",
        unit="duration",
        why="two weeks hold each weekday twice; the error of a p90 of bursty load needs them",
        metavar="DURATION",
    )
    step: int = option(
        300,
        "length of a time bin, the mean over which is one sample of usage; it divides an hour",
        unit="step",
        why="holds two samples of a scrape every two minutes, and bounds what is read and kept",
        metavar="DURATION",
    )
    end: float | None = option(
        None,
        "end of the window (default: now); nodes, requests and replicas stay those of now",
        unit="time",
        metavar="TIME",
    )
    no_bursts: bool = option(
        False,
        "do not read the last day by the minute; peaks within five minutes are not seen then",
        why="one pod of each workload costs a tenth of what the window costs",
    )


@dataclass(frozen=True, kw_only=True)
class SizingSettings:
    """What the sizing may do, cluster-wide; a VPA's own policy narrows it further."""

    work_class: str = option(
        "standard",
        "work class of workloads that name none (annotation joulefit.io/work-class)",
        choices=("critical", "standard", "batch"),
    )
    highest_tier: str = option(
        "T3",
        "highest evidence tier to size by; each needs its gates, which explain shows",
        choices=("T0", "T1", "T2", "T3"),
        why="a tier is used only where a replay of the pool's own history shows that it holds",
    )
    pod_min_cpu: int = option(
        25,
        "least CPU target of a pod, divided over its containers",
        unit="millicores",
        why="the stock recommender's floor",
        metavar="QUANTITY",
    )
    pod_min_memory: int = option(
        250 * 2**20,
        "least memory target of a pod, divided over its containers",
        unit="bytes",
        why="the stock recommender's floor",
        metavar="QUANTITY",
    )
    max_cpu: int = option(
        0,
        "cluster-wide cap of a container's CPU target where the VPA has none; 0: none",
        unit="millicores",
        metavar="QUANTITY",
    )
    max_memory: int = option(
        0,
        "cluster-wide cap of a container's memory target where the VPA has none; 0: none",
        unit="bytes",
        metavar="QUANTITY",
    )
    stock_cpu_percentile: float = option(
        0.9,
        "CPU percentile of the stock rule: the stock column, and the target of tier T0",
        unit="percentile",
        why="what the stock recommender takes; give what yours was started with",
        metavar="PERCENTILE",
    )
    least_history: float = option(
        3 * 86400.0,
        "history of a container below which the stock rule sizes it (tier T0)",
        unit="duration",
        why="three days tell a daily rhythm from an accident",
        metavar="DURATION",
    )
    least_samples: int = option(
        500,
        "usage in that history, in samples of five minutes, whatever the --step; 0: any",
        why="the 5 % that five hundred samples leave above a p95 are twenty-five",
        metavar="N",
    )
    power: str = option(
        "auto",
        "where node power comes from: auto takes what exists, modelled ignores meters",
        choices=("auto", "modelled"),
    )


@dataclass(frozen=True, kw_only=True)
class IntensitySettings:
    """What `objective: carbon` weighs the hours of the day by."""

    carbon_intensity: str = option(
        "",
        'what a kWh emits: a number in gCO2e/kWh, metric:NAME{label="value"} or file:FILE.csv,'
        " with another unit behind",
        metavar="SOURCE",
    )


@dataclass(frozen=True, kw_only=True)
class CarbonSettings(IntensitySettings):
    """What energy and nodes carry: shown beside watts, and used where `objective: carbon` asks."""

    energy_price: str = option(
        "",
        'what a kWh costs: 0.30EUR/kWh, metric:NAME{label="value"} EUR/kWh or'
        " file:FILE.csv EUR/kWh",
        metavar="SOURCE",
    )
    embodied_carbon: tuple[str, ...] = option(
        (),
        "kgCO2e of making one node of a class, and how long it serves (default: 4y);"
        " repeatable, shown apart",
        why="makers' product carbon footprints of servers reckon with four years",
        metavar="CLASS=KG[,LIFETIME]",
        separator="\n",
    )


@dataclass(frozen=True, kw_only=True)
class SourceSettings:
    """What is read instead of a cluster with its store."""

    recording: str = option(
        "",
        "read this recording (joulefit record) instead of a cluster and a store",
        is_path=True,
        metavar="FILE",
    )
    no_cluster: bool = option(
        False,
        "ask no API server: nodes, pods and requests come from the store too (all workloads)",
    )


@dataclass(frozen=True, kw_only=True)
class OutputSettings:
    """How a report is shown."""

    output: str = option(
        "table",
        "format of the report; html: one page for a browser, markdown: for a pull request,"
        " patch: the new requests for kustomize",
        flag="--output",
        short="o",
        choices=("table", "wide", "json", "yaml", "csv", "html", "markdown", "patch"),
    )


@dataclass(frozen=True, kw_only=True)
class ExplainSettings:
    """How an explanation is shown."""

    explain_output: str = option(
        "text",
        "format of the explanation",
        flag="--output",
        short="o",
        choices=("text", "html"),
    )


@dataclass(frozen=True, kw_only=True)
class ComparisonSettings:
    """How a comparison is shown."""

    comparison_output: str = option(
        "table",
        "format of the comparison",
        flag="--output",
        short="o",
        choices=("table", "wide", "json", "yaml", "csv"),
    )


@dataclass(frozen=True, kw_only=True)
class GateSettings:
    """When a run that worked ends with an error all the same."""

    strict: bool = option(
        False,
        "exit with 1 when anything was skipped that nobody had switched off;"
        " of doctor: when there is a warning",
    )


@dataclass(frozen=True, kw_only=True)
class ReportGateSettings:
    """What of a report ends it with exit code 3, for a pipeline to stop at."""

    fail_on_waste_watts: float | None = option(
        None,
        "exit with 3 when the present requests hold more watts than this above the recommended"
        " ones; what needs more does not make up for it",
        unit="watts",
        metavar="WATTS",
    )
    fail_on_risk: float | None = option(
        None,
        "exit with 3 when a container's usage is above its present CPU request for a larger"
        " share of the time than this",
        unit="share",
        metavar="SHARE",
    )
    fail_on_skipped: bool = option(
        False, "exit with 3 when anything was skipped that nobody had switched off"
    )


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What `run` does; the options below `once` and `dry-run` are those of the service."""

    once: bool = option(False, "one cycle, then end (default: a service that goes on)")
    dry_run: bool = option(False, "print the statuses instead of writing them; needs --once")
    interval: float = option(
        60.0,
        "time between the starts of two cycles, give or take a tenth",
        unit="duration",
        why="as the stock recommender; new bins of history come with every --step",
        metavar="DURATION",
    )
    settle: float = option(
        30.0,
        "how far behind now the newest history is that is read",
        unit="duration",
        why="scrapes of the last moments are not in the store yet; give more for remote write",
        metavar="DURATION",
    )
    no_lease: bool = option(
        False, "write without holding a Lease; only where no second replica can run"
    )


@dataclass(frozen=True, kw_only=True)
class LeaseSettings:
    """Where the Lease of the service is; `doctor` looks at what is granted there."""

    lease_namespace: str = option(
        "",
        "namespace of the Lease (default: that of the pod, else joulefit)",
        metavar="NAMESPACE",
    )


@dataclass(frozen=True, kw_only=True)
class PageSettings:
    """Where the service shows its metrics and its health."""

    listen: str = option(
        "0.0.0.0:8942",
        "address of /metrics and the health pages",
        why="the stock recommender's port",
        metavar="ADDRESS",
    )
    tls_cert: str = option("", "certificate (PEM) of the pages", is_path=True, metavar="FILE")
    tls_key: str = option("", "key (PEM) of the certificate", is_path=True, metavar="FILE")
    basic_auth_file: str = option(
        "", "file with USER:PASSWORD that /metrics and / ask for", is_path=True, metavar="FILE"
    )


@dataclass(frozen=True, kw_only=True)
class RecordSettings:
    """What `record` writes."""

    anonymize: bool = option(False, "replace all names by pseudonyms")
    from_csv: str = option(
        "",
        "read this table of usage instead of a cluster and a store; gzip is allowed",
        is_path=True,
        metavar="USAGE.csv",
    )
    nodes_csv: str = option(
        "",
        "table of the nodes of --from-csv: their power, use and size",
        flag="--nodes",
        is_path=True,
        metavar="NODES.csv",
    )
    server: str = option(
        "",
        "model the nodes of --from-csv as published servers of this name or CPU",
        metavar="NAME",
    )


@dataclass(frozen=True, kw_only=True)
class DoctorSettings:
    """How `doctor` shows what it found."""

    doctor_output: str = option(
        "text", "format of the page", flag="--output", short="o", choices=("text", "json")
    )


@dataclass(frozen=True, kw_only=True)
class CurveSettings:
    """Which node classes `curve` shows, and how."""

    curve_output: str = option(
        "table",
        "format of the node curves",
        flag="--output",
        short="o",
        choices=("table", "json", "yaml"),
    )
    node_class: str = option(
        "", "only this node class (default: all)", flag="--class", metavar="NAME"
    )


@dataclass(frozen=True, kw_only=True)
class BacktestSettings:
    """What `backtest` tests, on which days, and how it is shown."""

    train: float = option(
        5 * 86400.0,
        "days that a policy learns from",
        unit="duration",
        why="with the test a week, which two weeks of history hold more than once",
        metavar="DURATION",
    )
    test: float = option(
        2 * 86400.0,
        "days that follow, on which it is tested; then all moves on by them",
        unit="duration",
        metavar="DURATION",
    )
    policy: tuple[str, ...] = option(
        (),
        "only this policy; repeatable (default: all)",
        choices=(
            *("as-requested", "stock", "p95", "p99", "frequency-only"),
            *("T1", "T2", "T3", "limit"),
        ),
        metavar="NAME",
    )
    backtest_output: str = option(
        "table", "format", flag="--output", short="o", choices=("table", "json", "markdown", "html")
    )


@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """What `demo` simulates."""

    days: int = option(14, "simulated days", metavar="N", least=1, most=60)
    seed: int = option(7, "another number is another fleet", metavar="N")
    save: str = option("", "keep the recording in this file", is_path=True, metavar="FILE")


@dataclass(frozen=True, kw_only=True)
class SimulateSettings:
    """What `simulate` makes up."""

    kind: Literal["flat", "daily", "bursty", "batch", "mixed"] = option(
        "mixed",
        "how the load comes and goes; daily: to all containers at once",
        choices=("flat", "daily", "bursty", "batch", "mixed"),
    )
    containers: int = option(
        1000,
        "containers",
        why="enough for a pool of ten nodes, below which nothing is pooled",
        metavar="N",
        least=1,
        most=5000,
    )
    simulated_days: int = option(14, "simulated days", flag="--days", metavar="N", least=1, most=60)
    simulated_nodes: int = option(
        0,
        "nodes; 0: as many as the requests need",
        flag="--nodes",
        metavar="N",
        most=10_000,
    )
    simulated_server: str = option(
        "Lenovo SR645",
        "published server whose power curve the nodes have: its name, its CPU or a part of these",
        flag="--server",
        metavar="NAME",
    )
    simulated_seed: int = option(7, "another number is another fleet", flag="--seed", metavar="N")


ALL_SETTINGS = (
    OutputSettings,
    GateSettings,
    ReportGateSettings,
    ExplainSettings,
    ComparisonSettings,
    RunSettings,
    LeaseSettings,
    PageSettings,
    RecordSettings,
    DoctorSettings,
    CurveSettings,
    BacktestSettings,
    DemoSettings,
    SimulateSettings,
    SourceSettings,
    StoreSettings,
    ClusterSettings,
    WindowSettings,
    SizingSettings,
    CarbonSettings,
)
