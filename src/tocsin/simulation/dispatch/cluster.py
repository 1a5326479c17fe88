"""The runs of an ensemble on a Ray cluster: an extra (`pip install tocsin[ray]`).

The same code plays each run as in a process of one's own, so the results are the same bytes; only
who plays which run differs. The town is put into the cluster once, not with every job.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, cast

from tocsin.geography.spoken import SpokenError

if TYPE_CHECKING:
    from collections.abc import Mapping

W = TypeVar("W")
J = TypeVar("J")
R = TypeVar("R")

LOCAL: Final = "local"
"""Instead of an address: a cluster of this machine alone, which ends with the command."""


class ClusterError(SpokenError, RuntimeError):
    """The cluster can not be used."""

    TEXTS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "absent": (
            "--ray needs the extra: pip install tocsin[ray]",
            "--ray 需要安装附加组件：pip install tocsin[ray]",
        ),
        "unreachable": (
            "no Ray cluster answers at {address}: {detail}",
            "{address} 处没有可用的 Ray 集群：{detail}",
        ),
    }


def played_on(
    address: str, play: Callable[[W, J], R], world: W, jobs: Sequence[J], most: int
) -> list[R]:
    """`play` of every job on a cluster (`LOCAL`, or an address such as "10.0.0.5:6379"), in the
    order of the jobs; `most` cores where the cluster is local. Raises ClusterError. A run that
    fails in the cluster raises here what it raised there."""
    try:
        ray = cast("Any", import_module("ray"))
    except ImportError as error:
        raise ClusterError("absent") from error
    started = _joined(ray, address, most)
    try:
        town = ray.put(world)
        remote = ray.remote(play)
        return cast("list[R]", ray.get([remote.remote(town, job) for job in jobs]))
    except ray.exceptions.RayTaskError as error:
        raise error.as_instanceof_cause() from None
    finally:
        if started:
            ray.shutdown()


def _joined(ray: Any, address: str, most: int) -> bool:
    """Joins the cluster, unless this process is in one already; whether it has joined now."""
    if ray.is_initialized():
        return False
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address == LOCAL:
            ray.init(address=LOCAL, num_cpus=most, **quiet)
        else:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError, TimeoutError, OSError) as error:
        detail = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ClusterError("unreachable", address=address, detail=detail) from error
    return True
