"""The case: one thing that must be handled, from the first report to the verified close."""
