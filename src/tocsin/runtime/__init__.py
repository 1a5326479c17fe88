"""The engine and its ports: one transaction for state, journal and errands."""
