"""The Grafana dashboards; `python -m manifests.dashboards` writes their JSON beside these."""
