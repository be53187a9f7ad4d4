"""Several processes, as torchrun and accelerate start them; one process otherwise.

Kept free of torch until a process group can exist, so that the command line stays light.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def world_size() -> int:
    """How many processes take part."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which of them this one is."""
    return int(os.environ.get("RANK", "0"))


def is_main() -> bool:
    """Whether this process writes files and talks to the user."""
    return rank() == 0


def device() -> torch.device:
    """Where this process computes: on its own of the GPUs that torch sees, or on the CPU."""
    import torch

    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def start() -> None:
    """Join the process group if there are others and it is not joined yet."""
    if world_size() == 1:
        return
    import torch
    import torch.distributed as dist

    if not dist.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(device())  # whatever is gathered goes through it
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def barrier() -> None:
    """Wait for the other processes."""
    if world_size() > 1:
        import torch.distributed as dist

        start()
        dist.barrier()


def gather(value: Any) -> list[Any]:
    """The value of every process, by rank, in every process."""
    if world_size() == 1:
        return [value]
    import torch.distributed as dist

    start()
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value)
    return values
