"""Real programs for tests and benchmarks: a Kubernetes control plane, a node that runs pods,
Prometheus, VictoriaMetrics, and the synthetic fleet that fills them.

`install.sh` gets the programs; each class here starts one as a context manager, on loopback, with
its own temporary folder and free ports, and ends it by its own process id.
"""
