"""Work for several processors, with the answers in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class _Task(Generic[Item, Answer]):
    """Some items that one thread does; `done` can be acquired when their answers are there."""

    __slots__ = ("answers", "done", "error", "items")

    def __init__(self, items: list[Item]) -> None:
        self.items = items
        self.answers: list[Answer] = []
        self.error: BaseException | None = None
        self.done = Lock()
        self.done.acquire()

    def run(self, work: Callable[[Item], Answer]) -> None:
        try:
            self.answers = [work(item) for item in self.items]
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is awaited
            self.error = error
        self.done.release()


def _run(work: Callable[[Item], Answer], tasks: SimpleQueue[_Task[Item, Answer] | None]) -> None:
    while (task := tasks.get()) is not None:
        task.run(work)


def in_threads(
    work: Callable[[Item], Answer],
    items: Iterable[Item],
    threads: int | None = None,
    at_once: int = 1,
    ahead: int | None = None,
) -> Iterator[Answer]:
    """Yield ``work(item)`` of every item, in their order.

    Args:
        work: worth a thread only when it releases the interpreter's lock: reading, unpacking, digests.
        items: taken as they are needed, in the caller's thread.
        threads: how many; None: one for each processor that this process may use.
        at_once: items that a thread takes together; more is quicker when each is little work.
        ahead: how many times `at_once` items may wait or be under way, for items that come slowly and unevenly;
            None: twice as many as threads.

    No more than ahead * at_once answers wait to be taken. What `work` raises is raised here.

    """
    count = threads or len(os.sched_getaffinity(0))
    source = iter(items)
    if count < 2:
        yield from map(work, source)
        return
    most = ahead or 2 * count
    tasks: SimpleQueue[_Task[Item, Answer] | None] = SimpleQueue()
    waiting: deque[_Task[Item, Answer]] = deque()
    workers = [Thread(target=_run, args=(work, tasks), daemon=True) for _ in range(count)]
    for worker in workers:
        worker.start()
    try:
        while True:
            while len(waiting) < most and (some := list(islice(source, at_once))):
                waiting.append(_Task(some))
                tasks.put(waiting[-1])
                if not waiting[0].done.locked():
                    break  # what is finished is not kept until items have come
            if not waiting:
                break
            task = waiting.popleft()
            task.done.acquire()
            if task.error is not None:
                raise task.error
            yield from task.answers
    finally:
        for _ in workers:
            tasks.put(None)
        for worker in workers:
            worker.join()
