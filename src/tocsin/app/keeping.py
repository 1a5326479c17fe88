"""`tocsin verify`, `backup` and `restore`: what an operator rehearses before it is needed."""

from __future__ import annotations

import argparse


def verify(asked: argparse.Namespace) -> int:
    return 0


def backup(asked: argparse.Namespace) -> int:
    return 0


def restore(asked: argparse.Namespace) -> int:
    return 0
