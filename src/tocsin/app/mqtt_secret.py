"""`tocsin mqtt`: makes the secret of a device, and what stands of it in the file of the intakes."""

from __future__ import annotations

import argparse
import os
import re
import sys
from typing import Final

from tocsin.intakes.mqtt.secrets import SECRET_MIN, hashed
from tocsin.intakes.mqtt.settings import NAME

SECRET_BYTES: Final = 20
"""160 bits of chance: nobody guesses it, however fast its hash is checked."""
TOLD: Final = (
    "# for the device; it is shown this once: user name {name}, password {secret}",
    "# 供设备使用，仅显示这一次：用户名 {name}，密码 {secret}",
)
WRONG: Final = (
    "a name is 1 to 64 letters, digits, and . _ @ - inside; a secret at least {least} characters",
    "名称为 1 至 64 个字母、数字或（中间的）. _ @ -；密码至少 {least} 个字符",
)


def mqtt_secret(asked: argparse.Namespace) -> int:
    """Prints a secret and its lines for `intakes.toml`. 0, or 2 for a name that is none."""
    place = 1 if asked.language.startswith("zh") else 0
    secret = sys.stdin.readline().strip() if asked.stdin else os.urandom(SECRET_BYTES).hex()
    if not re.match(NAME, asked.name) or len(secret) < SECRET_MIN:
        print(f"tocsin: {WRONG[place].format(least=SECRET_MIN)}", file=sys.stderr)
        return 2
    if not asked.stdin:
        print(TOLD[place].format(name=asked.name, secret=secret))
    print("[[mqtt.device]]")
    print(f'name = "{asked.name}"')
    print(f'secret = "{hashed(secret, os.urandom(16))}"')
    return 0
