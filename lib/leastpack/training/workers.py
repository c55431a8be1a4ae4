"""What the processes of one training do together; alone, or over Horovod."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


class Workers(Protocol):
    """The processes of a training, seen from one of them.

    Attributes:
        rank: This process, from 0; process 0 writes and reports.
        size: Number of processes.
    """

    rank: int
    size: int

    def sum(self, name: str, values: Tensor) -> Tensor:
        """Sum of a tensor over all processes, of the same shape; every process calls it equally often."""

    def gather(self, name: str, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Rows of all processes, one process's after another's; they may have different numbers of them, even none."""


class Alone:
    """One process."""

    rank = 0
    size = 1

    def sum(self, name: str, values: Tensor) -> Tensor:
        """The tensor itself."""
        return values

    def gather(self, name: str, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The rows themselves."""
        return values


class HorovodWorkers:
    """The processes that Horovod started; made once in each of them."""

    def __init__(self) -> None:
        import horovod.torch as hvd

        hvd.init()
        self._hvd = hvd
        self.rank = int(hvd.rank())
        self.size = int(hvd.size())

    def sum(self, name: str, values: Tensor) -> Tensor:
        """Sum over all processes (all-reduce)."""
        total: Tensor = self._hvd.allreduce(values, op=self._hvd.Sum, name=name)
        return total

    def gather(self, name: str, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Rows of all processes (all-gather)."""
        gathered: Tensor = self._hvd.allgather(torch.from_numpy(np.ascontiguousarray(values)), name=name)
        rows: npt.NDArray[np.float64] = gathered.numpy()
        return rows

    def close(self) -> None:
        """Leave; processes still waiting for this one get an error rather than wait for ever."""
        self._hvd.shutdown()
