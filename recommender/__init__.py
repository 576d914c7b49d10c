"""joulefit's recommender: energy-optimal resource requests for Kubernetes workloads."""

__version__ = "0.1.0"
