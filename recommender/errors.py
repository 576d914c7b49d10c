"""Every error that joulefit raises on purpose.

::

    JoulefitError                 exit code 1: one line saying what was wrong, where, what to do
    +-- UsageError                exit code 2: what the user typed cannot be meant
    +-- StoreError                the metric store
    |   +-- StoreUnreachableError     no connection, or slower than the time limit
    |   +-- StoreRefusedError         401 or 403
    |   +-- StoreReplyError           HTML, a truncated body, an error in the reply
    +-- NoDataError               the store answered, with nothing that can be used
    +-- ClusterError              the Kubernetes API
    |   +-- ClusterConfigError        kubeconfig, context or credentials
    |   +-- ClusterUnreachableError   no connection, or slower than the time limit
    |   +-- ClusterForbiddenError     a verb that our role lacks
    |   +-- ClusterReplyError         another HTTP error, or a reply that is no answer
    |   +-- StatusSubresourceMissingError   a VPA CRD without /status
    |   +-- NotLeadingError           another replica holds the Lease
    +-- TableError                a table (CSV) that is none, or whose times go back
    +-- RecordingError            a recording that is truncated, foreign or of another version
    +-- UnknownWorkloadError      `explain` of something that is not there
    +-- UnknownClassError         `curve` of a node class that is not there
    +-- GateError                 exit code 3: the report is there, and a gate of it tripped
    +-- WorkloadSkipped           one workload cannot be computed; becomes a row of `skipped`

Libraries' errors are translated where they arise, in the edges; nothing above an edge
catches anything but these.
"""

from __future__ import annotations


class JoulefitError(Exception):
    """Base of all: its text is one line for the user; `detail` is shown with -v.

    `detail` names the request that failed and never holds a secret.
    """

    exit_code = 1

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class UsageError(JoulefitError):
    """A flag, quantity, duration, percentile or selector that cannot be meant."""

    exit_code = 2


class StoreError(JoulefitError):
    """The metric store did not do what was asked."""


class StoreUnreachableError(StoreError):
    """No connection to the store, or no answer within the time limit."""


class StoreRefusedError(StoreError):
    """The store answered 401 or 403."""


class StoreReplyError(StoreError):
    """The store answered something that is no result."""


class NoDataError(JoulefitError):
    """The store holds no series that can be used."""


class ClusterError(JoulefitError):
    """The Kubernetes API did not do what was asked."""


class ClusterConfigError(ClusterError):
    """No usable kubeconfig, context or credentials."""


class ClusterUnreachableError(ClusterError):
    """No connection to the API server, or no answer within the time limit."""


class ClusterForbiddenError(ClusterError):
    """The API server forbids a verb that is needed."""


class ClusterReplyError(ClusterError):
    """The API server answered an error, or something that is no answer.

    `status` is the HTTP status: 404 and 410 mean something to those who ask; 200 where the
    body could not be read.
    """

    def __init__(self, message: str, *, status: int, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.status = status


class StatusSubresourceMissingError(ClusterError):
    """The VPA CRD of this cluster has no status subresource."""


class NotLeadingError(ClusterError):
    """Another replica holds the Lease, so nothing may be written here."""


class TableError(JoulefitError):
    """A table (CSV) that cannot be read."""


class RecordingError(JoulefitError):
    """A recording that cannot be read."""


class UnknownWorkloadError(JoulefitError):
    """No such workload in the report."""


class UnknownClassError(JoulefitError):
    """No such node class in the cluster."""


class GateError(JoulefitError):
    """A report that --fail-on-... does not let pass; the text says which gate, by how much."""

    exit_code = 3


class WorkloadSkipped(JoulefitError):  # noqa: N818 - a verdict on one row, not a failure
    """A workload or container that cannot be computed; the text is the reason shown."""
