"""The edge to the Kubernetes API: reads nodes, pods, workloads and VPAs, writes VPA statuses."""
