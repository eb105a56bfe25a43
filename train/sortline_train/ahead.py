"""Things made by threads before they are asked for."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Made = TypeVar("Made")


def make_ahead(make: Callable[[int], Made], count: int, workers: int) -> Iterator[Made]:
    """`make(0)` to `make(count - 1)` in this order, made by threads while the ones before are in use."""
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for nth in range(count):
                waiting.append(pool.submit(make, nth))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
