"""Independent jobs on all cores of this machine, or on a Ray cluster: the same results from both.

A job is a function of plain data whose result depends on its arguments alone, so that where and in
which order it runs changes nothing. Results come as they finish; who asks keeps each of them.
"""

import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

import joblib

from toolkit.errors import EngineError, install_extra

ENGINES = ("local", "ray")
# A node that is lost takes its job with it; the job is done again elsewhere, so often.
RETRIES = 3
PATIENCE_SECONDS = 10
Result = TypeVar("Result")


@dataclass(frozen=True)
class Workers:
    """Where jobs run: ``n`` at a time here, or on the Ray cluster at ``address``.

    ``engine`` is one of ``ENGINES``.
    Without an address a cluster of ``n`` workers is started on this machine and ended with the
    jobs. ``gpus`` is what each job takes of the cluster's, and may be a fraction; None stands for
    one where the cluster has any.
    """

    engine: str = "local"
    n: int = 1
    address: str | None = None
    gpus: float | None = 0


HERE = Workers()


def run_unordered(
    function: Callable[..., Result], arguments: Sequence[tuple[Any, ...]], workers: Workers
) -> Iterator[Result]:
    """Yield the results of all jobs, whichever is done first.

    Raises
    ------
    EngineError
        When Ray is not installed or its cluster can't be reached.
    """
    if not arguments:
        return
    if workers.engine == "ray":
        yield from _on_ray(function, arguments, workers)
        return
    parallel = joblib.Parallel(n_jobs=workers.n, return_as="generator_unordered")
    results: Any = parallel(joblib.delayed(function)(*each) for each in arguments)
    yield from results


def check_asker() -> None:
    """Raise ``EngineError`` in a worker of this machine whose run was killed.

    Whoever starts the run again must not find somebody else at work on the same things.
    """
    asker = multiprocessing.parent_process()
    if asker is not None and asker.pid != os.getppid():
        msg = "the run that asked for this job is gone; nothing more is done for it."
        raise EngineError(msg)


def _on_ray(
    function: Callable[..., Result], arguments: Sequence[tuple[Any, ...]], workers: Workers
) -> Iterator[Result]:
    ray = _ray()
    started = not ray.is_initialized()
    if started:
        _connect(ray, workers)
    try:
        options = {"num_gpus": _gpus_of_a_job(ray, workers.gpus), "max_retries": RETRIES}
        job = ray.remote(**options)(function)
        waiting = [job.remote(*each) for each in arguments]
        while waiting:
            done, waiting = ray.wait(waiting, num_returns=1)
            yield ray.get(done[0])
    except ray.exceptions.RayTaskError as error:
        # The job's own error, not its traceback on another machine as a message.
        raise error.cause from error
    finally:
        if started:
            ray.shutdown()


def _connect(ray: Any, workers: Workers) -> None:
    where: dict[str, Any] = {"address": workers.address}
    if workers.address is None:
        where = {"num_cpus": workers.n, "include_dashboard": False}
    try:
        _reach(workers.address)
        ray.init(log_to_driver=False, logging_level="error", **where)
    except (OSError, ValueError, RuntimeError) as error:
        msg = (
            f"--address: got {workers.address!r}, where no Ray cluster answers ({error}); expected "
            "the address of a running one, or none to start workers on this machine."
        )
        raise EngineError(msg) from error


def _gpus_of_a_job(ray: Any, wanted: float | None) -> float:
    """Return what a job takes; refuse what isn't there, for which it would wait without a word."""
    # Of the whole cluster: the machine that asks may have none itself.
    has = ray.cluster_resources().get("GPU", 0)
    if wanted is None:
        return min(1, has)
    if has < wanted:
        msg = (
            f"--engine ray: got a cluster with {has:g} GPUs, expected {wanted:g} for each job; add "
            "a machine with a GPU, or set the plan's device to 'cpu'."
        )
        raise EngineError(msg)
    return wanted


def _reach(address: str | None) -> None:
    """Raise ``OSError`` unless something listens there: Ray itself tries for minutes."""
    host, _, port = (address or "").rpartition("://")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), PATIENCE_SECONDS).close()


def _ray() -> Any:
    try:
        return import_module("ray")
    except ImportError as error:
        msg = f"--engine ray: Ray is not installed; {install_extra('cluster')}"
        raise EngineError(msg) from error
