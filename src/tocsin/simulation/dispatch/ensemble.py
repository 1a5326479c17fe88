"""The same town under many seeds, on all cores; results come back in the order of the seeds."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from tocsin.simulation.dispatch.cluster import played_on
from tocsin.simulation.dispatch.measures import measure
from tocsin.simulation.dispatch.tuning import Tuning
from tocsin.simulation.dispatch.world import World


@dataclass(frozen=True, slots=True)
class Job:
    """One run: a policy under a seed, with other numbers than the town's where they are given."""

    policy: str
    seed: int
    tuning: Tuning | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The measures of one run, and a digest of its whole outcome."""

    policy: str
    seed: int
    measures: dict[str, float]
    digest: str
    decisions: int


_world: list[World] = []
"""The town of a worker process: handed over once, not with every job."""


def play(world: World, job: Job) -> Result:
    """One run and its measures."""
    if job.tuning is not None:
        world = replace(world, tuning=job.tuning)
    calls, outcome = world.play(job.policy, job.seed)
    digest = sha256(outcome.to_bytes()).hexdigest()
    return Result(job.policy, job.seed, measure(world, calls, outcome), digest, outcome.decisions)


def _enter(world: World) -> None:
    _world.append(world)


def _play_here(job: Job) -> Result:
    return play(_world[-1], job)


def play_all(
    world: World, jobs: Sequence[Job], processes: int = 1, ray: str | None = None
) -> list[Result]:
    """All runs, in the order of the jobs however many processes share them; with `ray` on that
    cluster (see `cluster`), with the same results. Raises ClusterError."""
    if ray is not None:
        return played_on(ray, play, world, jobs, max(1, processes))
    if processes <= 1 or len(jobs) <= 1:
        return [play(world, job) for job in jobs]
    # Spawned, not forked: a fork copies threads' locks of numerical libraries in any state.
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(processes, len(jobs)), _enter, (world,)) as pool:
        return pool.map(_play_here, jobs, chunksize=1)
