"""A row in `runs` for every run of a step, and the account that must balance."""

from __future__ import annotations

import json
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypedDict

import structlog
from pyspark.sql import SparkSession

from leastpack import __version__
from leastpack.config.load import digest, resolved
from leastpack.config.root import Config
from leastpack.errors import PromiseError, WriterError
from leastpack.log import log
from leastpack.secrets import masked_text
from leastpack.tables.places import leased
from leastpack.tables.schemas import RUNS
from leastpack.tables.store import Tables


class Account(TypedDict):
    """What became of the rows of an input."""

    rows_in: int
    used: int
    set_aside: dict[str, int]
    quarantined: int


@dataclass
class Run:
    """What one run of a step tells about itself.

    Attributes:
        step: The step.
        run_id: The logical run, kept by its restarts when the config names it.
        seconds: Seconds by phase.
        inputs: Delta versions read.
        accounts: For each input: rows in, used, set aside by reason, quarantined.
        outputs: For each output: rows written and rows expected.
        figures: Other numbers.
        guards: What each guard counted, and whether it held or was accepted.
        state: What it followed from and what it left, by which the next run knows that it has nothing to do.
        kept_as: The name under which a table is kept.
    """

    step: str
    run_id: str
    seconds: dict[str, float] = field(default_factory=dict)
    inputs: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    outputs: dict[str, dict[str, int]] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    guards: list[dict[str, object]] = field(default_factory=list)
    state: dict[str, object] = field(default_factory=dict)
    kept_as: Callable[[str], str] = str

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase and log its end."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - start
        log.info("phase done", phase=name, seconds=round(self.seconds[name], 1))

    def reads(self, table: str, version: int) -> int:
        """Record the version of an input table and return it."""
        self.inputs[self.kept_as(table)] = version
        return version

    def account(
        self, source: str, *, rows_in: int, used: int, set_aside: Mapping[str, int] | None = None, quarantined: int = 0
    ) -> None:
        """Account for every row of an input.

        Raises:
            PromiseError: rows in differ from used + set aside + quarantined.
        """
        aside = {reason: n for reason, n in (set_aside or {}).items() if n}
        self.accounts[source] = {"rows_in": rows_in, "used": used, "set_aside": aside, "quarantined": quarantined}
        log.info("account", source=source, rows_in=rows_in, used=used, set_aside=aside, quarantined=quarantined)
        total = used + sum(aside.values()) + quarantined
        if rows_in != total:
            raise PromiseError(
                f"the account of {source} in step {self.step} does not balance",
                expected=f"{rows_in} rows in = used + set aside + quarantined",
                found=f"{used} used + {sum(aside.values())} set aside {aside} + {quarantined} quarantined = {total}",
            )

    def expect(self, output: str, *, rows: int, expected: int, todo: str = "") -> None:
        """Check a count, as of an output's rows, against what it must be.

        Args:
            output: What is counted.
            rows: How many there are.
            expected: How many there must be.
            todo: What the user can do where they differ.

        Raises:
            PromiseError: They differ.
        """
        self.outputs[output] = {"rows": rows, "expected": expected}
        if rows != expected:
            raise PromiseError(
                f"step {self.step} counted wrong: {output}", expected=str(expected), found=str(rows), todo=todo
            )

    def same_as(self, account: Mapping[str, Any]) -> None:
        """Take over what a run before told: this one found that all of it still holds.

        Args:
            account: `unchanged.last_account`.
        """
        self.accounts, self.outputs, self.state = account["inputs"], account["outputs"], account["state"]
        self.figures = {**account["figures"], "unchanged": 1.0}

    def rate(self, name: str, figure: str, *phases: str) -> None:
        """Record a figure by the seconds of some phases, where there was something to do."""
        seconds = sum(self.seconds[phase] for phase in phases)
        if self.figures.get(figure) and seconds:
            self.figure(name, self.figures[figure] / seconds)

    def figure(self, name: str, value: float) -> None:
        """Record a number for the runs row, the log and the report."""
        self.figures[name] = float(value)


@contextmanager
def step_run(spark: SparkSession, tables: Tables, config: Config, step: str, *, writes: bool = True) -> Iterator[Run]:
    """Run a step under the tables' lease, its name bound to the log; its row is in `runs` whether it ends well or not.

    Args:
        spark: The session.
        tables: Its tables.
        config: The configuration.
        step: Its name.
        writes: Whether it writes anything but that row; one that does not needs no lease.

    Raises:
        WriterError: Another run writes to the tables; `runs` gets no row.
    """
    if config.tables.is_of_candidate:  # no run of the model in use
        step = f"{step} --candidate"
    run = Run(step=step, run_id=config.run_id or uuid.uuid4().hex[:12], kept_as=config.tables.name_of)
    started = datetime.now(UTC)
    with structlog.contextvars.bound_contextvars(step=step, run_id=run.run_id), ExitStack() as lease:
        if writes:
            lease.enter_context(leased(tables, step, run.run_id))
        log.info("step starts", config_digest=digest(config))
        try:
            yield run
        except Exception as error:
            _write(spark, tables, config, run, started, error)
            raise
        _write(spark, tables, config, run, started, None)
        log.info("step done", seconds=round((datetime.now(UTC) - started).total_seconds(), 1), **run.figures)


def _account(run: Run) -> dict[str, object]:
    account: dict[str, object] = {"inputs": run.accounts, "outputs": run.outputs, "guards": run.guards}
    return {**account, "state": run.state} if run.state else account


def _write(
    spark: SparkSession, tables: Tables, config: Config, run: Run, started: datetime, error: Exception | None
) -> None:
    row = (
        run.step,
        run.run_id,
        "failed" if error else "done",
        started,
        {**run.seconds, "total": (datetime.now(UTC) - started).total_seconds()},
        __version__,
        digest(config),
        run.inputs,
        json.dumps(_account(run), sort_keys=True),
        run.figures,
        masked_text("".join(traceback.format_exception_only(error)).strip())[:4000] if error else None,
        resolved(config),
    )
    try:
        tables.append("runs", spark.createDataFrame([row], RUNS.schema))
    except WriterError as lost:
        if error is None:
            raise
        log.warning("the row in `runs` could not be written", error=lost.what)
    except Exception:
        if error is None:
            raise
        # The step's own error matters more than the row that tells of it.
        log.exception("the row in `runs` could not be written")
