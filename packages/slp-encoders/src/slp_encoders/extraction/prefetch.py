"""An iterator that runs in a thread of its own, a bounded number of items ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from queue import Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

T = TypeVar("T")
_END = object()


def prefetch(items: Iterable[T], ahead: int) -> Iterator[T]:
    """The same items in the same order, at most ``ahead`` of them waiting.

    What the iterator raises is raised here. The thread ends when whoever reads it does.
    """
    queue: Queue[Any] = Queue(ahead)
    stopped = Event()

    def put(item: Any) -> bool:
        while not stopped.is_set():
            try:
                queue.put(item, timeout=0.1)
                return True
            except Full:
                continue
        return False

    def run() -> None:
        try:
            for item in items:
                if not put((item, None)):
                    return
            put((_END, None))
        except BaseException as error:  # raised again where it is read
            put((_END, error))

    thread = Thread(target=run, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = queue.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stopped.set()
        thread.join()
