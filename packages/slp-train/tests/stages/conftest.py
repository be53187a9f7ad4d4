"""The tiny pipeline as a fixture, and processes that may be killed."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import socket
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    torch.set_num_threads(1)
    spec = importlib.util.spec_from_file_location("tiny", Path(__file__).with_name("tiny.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def in_processes() -> Callable[..., list[int | None]]:
    """``in_processes(n, function, *arguments, **named)`` calls a function in ``n`` processes, as
    ``torchrun`` would, and gives their exit codes."""

    def run(world: int, function: Callable[..., Any], *args: Any, **named: Any) -> list[int | None]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        fork = multiprocessing.get_context("fork")
        places = [(rank, world, port, function, args, named) for rank in range(world)]
        processes = [fork.Process(target=_child, args=place) for place in places]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        return [process.exitcode for process in processes]

    return run


def _child(
    rank: int, world: int, port: int, function: Callable[..., Any], args: Any, named: Any
) -> None:
    if world > 1:
        os.environ.update(
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            WORLD_SIZE=str(world),
            LOCAL_WORLD_SIZE=str(world),
            MASTER_ADDR="127.0.0.1",
            MASTER_PORT=str(port),
        )
    function(*args, **named)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
