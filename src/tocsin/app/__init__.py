"""Settings, wiring, the node and its command line: the only place that knows everybody."""
