"""What the verbs of the command line share."""

from __future__ import annotations

import argparse
import os

from tocsin.app.settings import Settings, load

FLAG = "set_"
"""Where the parser keeps the flags that are settings."""


def settings_of(asked: argparse.Namespace, **overrides: object) -> Settings:
    """The settings of this call: command line over environment over file over defaults.

    `overrides` are what the verb itself was told (a pack named as its argument)."""
    values: dict[str, object] = {
        name.removeprefix(FLAG): value
        for name, value in vars(asked).items()
        if name.startswith(FLAG)
    }
    values.update({name: value for name, value in overrides.items() if value is not None})
    return load(values, os.environ, asked.config)
