"""Alarms: what devices say, told once, to whom it concerns, until somebody dealt with it."""
