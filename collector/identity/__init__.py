"""Who is who: from a cgroup's id to its folder, from the folder's name to pod and container, and
from the kubelet or the API server to names and workloads. `identity.Identity` is the whole.
"""
