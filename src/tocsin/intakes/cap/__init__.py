"""Public alerts of other bodies, in the Common Alerting Protocol: polled feeds and posts."""
