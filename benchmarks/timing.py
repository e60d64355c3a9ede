"""Time functions beside each other in one run, so that a busy machine slows all of them alike."""

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import nutpie
import pymc as pm
from pymc.blocking import DictToArrayBijection

WARM_UP = 5


class Gradient(NamedTuple):
    """A compiled log density with its gradient, where it was compiled, and how long that took."""

    function: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    start: np.ndarray
    compile_seconds: float


def compile_gradient(model: pm.Model) -> Gradient:
    """Return a model's log density and gradient, compiled by numba as for sampling."""
    began = time.perf_counter()
    compiled = model.logp_dlogp_function(ravel_inputs=True, mode="NUMBA")
    compiled.set_extra_values({})
    function = compiled._pytensor_function
    function.trust_input = True  # as a sampler calls it
    start = DictToArrayBijection.map(model.initial_point()).data
    function(start)
    return Gradient(function, start, time.perf_counter() - began)


@contextmanager
def compilations() -> Iterator[list[float]]:
    """Yield a list that gets the seconds of every model that nutpie compiles in the block."""
    compile_model, seconds = nutpie.compile_pymc_model, []

    def timed(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            return compile_model(*args, **kwargs)
        finally:
            seconds.append(time.perf_counter() - began)

    nutpie.compile_pymc_model = timed
    try:
        yield seconds
    finally:
        nutpie.compile_pymc_model = compile_model


def interleaved(
    functions: Mapping[str, Callable[[], Any]], repetitions: int, calls: int
) -> dict[str, np.ndarray]:
    """Return CPU seconds per call of each function, (repetition,), taken in turns.

    CPU time and not the clock's: others who use the machine don't count. The order turns round
    from one repetition to the next.
    """
    for function in functions.values():
        for _ in range(WARM_UP):
            function()
    seconds = {name: np.zeros(repetitions) for name in functions}
    names = list(functions)
    gc.disable()
    try:
        for repetition in range(repetitions):
            for name in names if repetition % 2 else names[::-1]:
                function = functions[name]
                began = time.process_time()
                for _ in range(calls):
                    function()
                seconds[name][repetition] = (time.process_time() - began) / calls
    finally:
        gc.enable()
    return seconds


def spread(values: np.ndarray) -> dict[str, float]:
    """Return the median with the quartiles and the extremes of repetitions."""
    low, first, median, third, high = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
    return {
        "median": float(median),
        "quartile_1": float(first),
        "quartile_3": float(third),
        "min": float(low),
        "max": float(high),
    }
