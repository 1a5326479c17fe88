"""Tocsin: a town's response loop, from a report to a verified close."""

__version__ = "0.1.0"
