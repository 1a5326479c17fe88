"""Ships the packs inside the wheel; an editable install reads packs/ in the tree instead."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PacksHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            build_data["force_include"]["packs"] = "tocsin/_packs"
