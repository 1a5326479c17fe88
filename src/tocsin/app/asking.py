"""What the verbs of the command line share."""

from __future__ import annotations

import argparse
import os

from tocsin.app.secrecy import ExampleSecret
from tocsin.app.settings import SETTINGS, Settings, load

FLAG = "set_"
"""Where the parser keeps the flags that are settings."""


def settings_of(asked: argparse.Namespace, **overrides: object) -> Settings:
    """The settings of this call: command line over environment over file over defaults.

    `overrides` are what the verb itself was told (a pack named as its argument). A secret is not
    taken from the command line, where every user of the machine could read it: ExampleSecret."""
    values: dict[str, object] = {
        name.removeprefix(FLAG): value
        for name, value in vars(asked).items()
        if name.startswith(FLAG)
    }
    for setting in SETTINGS:
        if setting.is_secret and values.get(setting.name):
            raise ExampleSecret("argument", where=setting.variable)
    values.update({name: value for name, value in overrides.items() if value is not None})
    return load(values, os.environ, asked.config)
