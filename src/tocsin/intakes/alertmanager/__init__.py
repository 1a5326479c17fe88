"""Alerts of a Prometheus Alertmanager: the health of machines that the town rests on."""
