"""Alarms of any program that can sign JSON: a mapping says what its members mean."""
