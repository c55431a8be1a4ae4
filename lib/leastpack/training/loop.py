"""The train function: the same in one process and in many, from the start or from the last checkpoint."""

from __future__ import annotations

import collections
import contextlib
import itertools
import math
import time
from dataclasses import dataclass

import pyarrow.fs as pafs
import torch

from leastpack.config.training import TrainingConfig
from leastpack.errors import LeastpackError
from leastpack.files import open_folder
from leastpack.log import log
from leastpack.model.fused import FusedModel, parameter_groups
from leastpack.training.arms import Phase, phases_of
from leastpack.training.checkpoint import Progress, load_checkpoint, save_checkpoint, save_weights
from leastpack.training.draws import seed_of
from leastpack.training.manifest import Manifest, read_manifest
from leastpack.training.progress import EpochLog, epoch_log
from leastpack.training.reader import PartReader
from leastpack.training.step import Draws, take_step
from leastpack.training.validation import validate, validation_score
from leastpack.training.workers import Workers

LEARNING_RATE_FLOOR = 0.05
"""Share of the learning rate that is left at the end of a phase."""


@dataclass(frozen=True)
class Job:
    """What every process of a training is told.

    Attributes:
        snapshot: Location of the whole snapshot.
        config: The training section.
        base_rates: Mean target, and damaged share of shipments, of the first phase's pairs.
    """

    snapshot: str
    config: TrainingConfig
    base_rates: tuple[float, float]


@dataclass(frozen=True)
class Trained:
    """What a training ended with; the weights are in the snapshot's work folder.

    Attributes:
        best_epoch: Epoch whose weights are kept: the best `validation_score` among the last phase's epochs, the later
            one of two equal ones, and the last epoch where there is nothing to validate on.
        epochs: Epochs done, over all phases.
        steps: Steps done, over all epochs.
        products_read: Products this process read in training.
        seconds: Time of the epochs this process ran.
    """

    best_epoch: int
    epochs: int
    steps: int
    products_read: int
    seconds: float


def fit(job: Job, workers: Workers) -> Trained:
    """Train, resuming where a stopped training left off.

    Args:
        job: What to do.
        workers: The processes that do it together.

    Returns:
        How it went; the kept weights are at `weights_path(best_epoch)`.

    Raises:
        PromiseError: Rows went missing between the snapshot and the loop.
        LeastpackError: It took longer than training.timeout_s, or the loss is no longer a number.
    """
    files = open_folder(job.snapshot)
    manifest = read_manifest(files, job.snapshot)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(job.config.seed, "weights"))
        model = FusedModel(manifest.spec)
        model.set_base_rates(*job.base_rates)
        optimizer = torch.optim.AdamW(parameter_groups(model, job.config.weight_decay), lr=job.config.learning_rate)
        return _Training(job, workers, files, manifest, model, optimizer).run()


class _Training:
    """The state of one run of `fit`."""

    def __init__(
        self,
        job: Job,
        workers: Workers,
        files: pafs.FileSystem,
        manifest: Manifest,
        model: FusedModel,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        self.job, self.workers, self.files, self.manifest = job, workers, files, manifest
        self.model, self.optimizer = model, optimizer
        self.progress = load_checkpoint(files, model, optimizer)
        self.started = time.monotonic()
        self.products_read = 0
        self.validation = PartReader(files, manifest, "validation") if manifest.groups("validation") else None

    def run(self) -> Trained:
        phases = phases_of(self.job.config)
        if self.workers.rank == 0 and self.progress.epochs:
            log.info("training resumes", epochs_done=self.progress.epochs, steps_done=self.progress.steps)
        first = 0
        for phase in phases:
            last = first + phase.epochs
            if self.progress.epochs < last:
                reader = PartReader(self.files, self.manifest, phase.name)
                for epoch in range(max(first, self.progress.epochs), last):
                    self._epoch(phase, reader, epoch, epoch - first, keep=phase is phases[-1])
            first = last
        return Trained(
            best_epoch=self.progress.best_epoch,
            epochs=self.progress.epochs,
            steps=self.progress.steps,
            products_read=self.products_read,
            seconds=time.monotonic() - self.started,
        )

    def _epoch(self, phase: Phase, reader: PartReader, epoch: int, epoch_of_phase: int, *, keep: bool) -> None:
        """Train one epoch, validate, keep the weights if they are the best so far, and checkpoint."""
        here = epoch_log(self.files, phase.name, epoch) if self.workers.rank == 0 else contextlib.nullcontext()
        started = time.monotonic()
        with here as record:
            steps = self._train(phase, reader, epoch, epoch_of_phase, record)
            figures = validate(self.model, self.validation, self.workers) if self.validation else {}
            if record is not None:
                seconds = time.monotonic() - started
                counts = {"products": self.manifest.products(phase.name), "pairs": self.manifest.pairs(phase.name)}
                record.end({**figures, **counts, "seconds": seconds})
        best_epoch, best_score = self.progress.best_epoch, self.progress.best_score
        score = validation_score(figures)
        better = keep and (score is None or best_score is None or score >= best_score)
        if better:
            best_epoch, best_score = epoch, score
        self.progress = Progress(epoch + 1, self.progress.steps + steps, best_epoch, best_score)
        if self.workers.rank == 0:
            if better:
                save_weights(self.files, self.model, epoch)
            save_checkpoint(self.files, self.model, self.optimizer, self.progress)

    def _train(self, phase: Phase, reader: PartReader, epoch: int, epoch_of_phase: int, record: EpochLog | None) -> int:
        config = self.job.config
        draws = Draws(config.seed, epoch, config.modality_dropout)
        # A step takes one micro-batch of every lane, whichever process has it.
        lanes = config.groups_per_step
        own = range(self.workers.rank, lanes, self.workers.size)
        size, salts = config.micro_batch, (config.seed, phase.name, epoch)
        streams = [(lane, reader.drawn(lane, lanes, size, *salts)) for lane in own]
        of = self.manifest.steps(phase.name, lanes, size)
        self.model.train()
        for step in range(of):
            rate = config.learning_rate * _cosine(epoch_of_phase * of + step, phase.epochs * of)
            for settings in self.optimizer.param_groups:
                settings["lr"] = rate
            drawn = [(step * lanes + lane, batch) for lane, stream in streams for batch in itertools.islice(stream, 1)]
            figures = take_step(self.model, self.optimizer, drawn, draws, self.workers)
            self.products_read += sum(len(batch) for _, batch in drawn)
            self._check(figures["loss"], epoch, step)
            if record is not None:
                record.step(self.progress.steps + step, f"{step + 1} of {of}", {**figures, "learning_rate": rate})
        for _, stream in streams:
            collections.deque(stream, maxlen=0)  # at its end a reader proves that everything came
        return of

    def _check(self, loss: float, epoch: int, step: int) -> None:
        if not math.isfinite(loss):
            raise LeastpackError(
                f"the training loss is no longer a number in epoch {epoch}, step {step}",
                todo="lower training.learning_rate",
            )
        if time.monotonic() - self.started > self.job.config.timeout_s:
            raise LeastpackError(
                f"training took longer than training.timeout_s = {self.job.config.timeout_s} seconds",
                found=f"stopped in epoch {epoch}, step {step}; the epochs before are kept",
                todo="raise training.timeout_s and run the step again; it resumes",
            )


def _cosine(step: int, of: int) -> float:
    """Share of the learning rate at a step of a phase: a half cosine from 1 down to the floor."""
    fall = 0.5 * (1.0 + math.cos(math.pi * step / max(1, of)))
    return LEARNING_RATE_FLOOR + (1.0 - LEARNING_RATE_FLOOR) * fall
