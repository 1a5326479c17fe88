"""Asks devices that say nothing by themselves whether they are there. Health only."""
