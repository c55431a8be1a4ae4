"""The console script: a command a step, `run` for all of them, and what people do beside them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from leastpack import __version__
from leastpack.config import Config, load_config
from leastpack.config.checks import check_catalog
from leastpack.config.packages import load_packages
from leastpack.config.sources import Kind
from leastpack.errors import ConfigError, LeastpackError
from leastpack.log import configure_log, log
from leastpack.road import BY_NAME, STEPS, Step
from leastpack.secrets import masked_text

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Which package can each product ship in.",
)
ConfigFiles = Annotated[
    list[Path] | None, typer.Option("--config", metavar="FILE", help="YAML over base.yaml; repeat, later files win.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="One config value, such as training.epochs=3; repeat. In a mapping of one's own keys the rest is "
        "one key, dots and all: spark.conf.spark.sql.shuffle.partitions=8.",
    ),
]
Accepted = Annotated[
    list[str] | None,
    typer.Option("--accept", metavar="SOURCE:GUARD", help="Let one guard of a source pass this once; repeat."),
]
Again = Annotated[
    list[str] | None,
    typer.Option("--again", metavar="SOURCE", help="Take what this source delivers for all there is of it; repeat."),
]
Chosen = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        metavar="NAME",
        help="Take in this source of history alone (test_results: sheets of testers that came back); repeat.",
    ),
]
Candidate = Annotated[
    bool,
    typer.Option("--candidate", help="For the model of model.candidate, with scores of its own."),
]
# Steps that a candidate model takes before it is in use.
OF_CANDIDATE = ("encode", "score", "certify")
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check the config and say what would be read and written.")]


def main() -> None:
    """Run the console script; exit 0 done, 1 failed, 2 bad arguments or config, 3 the data broke a promise."""
    _run(sys.argv[1:], "leastpack")


def job(step: str) -> None:
    """Run one step as a spark-submit job, with the same options as the console script."""
    _run([step, *sys.argv[1:]], BY_NAME[step].job or step)


def _run(arguments: list[str], name: str) -> None:
    # Done means returning: some schedulers take any SystemExit, even 0, for a failure.
    code = 0
    try:
        app(arguments, prog_name=name)
    except SystemExit as stop:
        code = int(stop.code or 0)
    except LeastpackError as error:
        told = f"leastpack: {masked_text(str(error))}"
        Console(stderr=True, highlight=False, soft_wrap=True).print(told, markup=False)
        code = error.exit_code
    except Exception as error:
        log.exception("failed", error=type(error).__name__)
        code = 1
    if code:
        sys.exit(code)


def _load(files: list[Path] | None, overrides: list[str] | None) -> Config:
    config = load_config(files or [], overrides or [])
    configure_log(config.log)
    return config


def _load_accepting(
    files: list[Path] | None, overrides: list[str] | None, accept: list[str] | None, kinds: tuple[Kind, ...]
) -> Config:
    from leastpack.guards import accepting

    return accepting(_load(files, overrides), accept or [], kinds)


def _plan(steps: list[Step], config: Config) -> None:
    from leastpack.session import make_session
    from leastpack.tables import Tables

    # Every function is imported, so that a missing package shows now and not hours into the run.
    functions = [step.load() for step in steps]
    tables, kept_as = Tables(make_session(config.spark), config.tables), config.tables.name_of

    def state(name: str) -> str:
        kept = kept_as(name)
        return f"{kept} at version {tables.version(name)}" if tables.exists(name) else f"{kept} (not there yet)"

    console = Console(highlight=False, soft_wrap=True)
    for step, function in zip(steps, functions, strict=True):
        console.print(f"{step.name}: {function.__module__}.{function.__name__}")
        for verb, names in (("reads", step.reads), ("writes", step.writes)):
            if names:
                console.print(f"  {verb} {', '.join(state(name) for name in names)}")
    console.print("nothing was written")


def _execute(steps: Iterable[Step], config: Config) -> None:
    from leastpack.session import make_session

    spark = make_session(config.spark)
    for step in steps:
        step.load()(spark, config)


def _steps(names: Collection[str]) -> list[Step]:
    """The steps of these names in the road's order; all but sample without any."""
    known = [step.name for step in STEPS[1:]]
    if unknown := sorted(set(names) - set(known)):
        raise ConfigError(f"there is no step {', '.join(unknown)}", expected=", ".join(known))
    return [step for step in STEPS[1:] if not names or step.name in names]


def _execute_road(config: Config, names: Collection[str]) -> None:
    """The steps, under one lease: nobody else writes between two of them."""
    from leastpack.session import make_session
    from leastpack.tables import Tables
    from leastpack.tables.places import leased

    tables = Tables(make_session(config.spark), config.tables)
    with leased(tables, "run", str(config.run_id)):
        _execute(_road(config, names), config)


def _make_command(step: Step) -> Callable[..., None]:
    def act(loaded: Config, dry_run: bool) -> None:
        if step.name == "catalog":  # before Spark starts
            check_catalog(loaded, load_packages(loaded.packages))
        if dry_run:
            _plan([step], loaded)
        else:
            _execute([step], loaded)

    def command(config: ConfigFiles = None, set_: Overrides = None, dry_run: DryRun = False) -> None:
        act(_load(config, set_), dry_run)

    def also_of_candidate(
        config: ConfigFiles = None, set_: Overrides = None, candidate: Candidate = False, dry_run: DryRun = False
    ) -> None:
        loaded = _load(config, set_)
        act(loaded.of_candidate() if candidate else loaded, dry_run)

    def guarded(
        config: ConfigFiles = None, set_: Overrides = None, accept: Accepted = None, dry_run: DryRun = False
    ) -> None:
        act(_load_accepting(config, set_, accept, step.sources), dry_run)

    def outcomes(
        config: ConfigFiles = None,
        set_: Overrides = None,
        accept: Accepted = None,
        again: Again = None,
        source: Chosen = None,
        dry_run: DryRun = False,
    ) -> None:
        loaded = _load_accepting(config, set_, accept, step.sources)
        act(loaded.with_again(again or []).with_chosen(source or []), dry_run)

    if step.name == "outcomes":
        return outcomes
    if step.name in OF_CANDIDATE:
        return also_of_candidate
    return guarded if step.sources else command


for _one in STEPS[1:]:
    app.command(_one.name, help=_one.help)(_make_command(_one))


sample = typer.Typer(help="The invented marketplace: its raw exports, and its testers.")
app.add_typer(sample, name="sample")


@sample.callback(invoke_without_command=True)
def write_sample(
    context: typer.Context, config: ConfigFiles = None, set_: Overrides = None, dry_run: DryRun = False
) -> None:
    """Write the invented marketplace's raw exports; needs no Spark."""
    if context.invoked_subcommand is not None:
        return
    loaded = _load(config, set_)
    function = BY_NAME["sample"].load()
    if dry_run:
        place = loaded.sample.out if loaded.sample else "(no `sample` section)"
        Console().print(f"sample: would write {place}; nothing was written")
    else:
        function(loaded)


@sample.command("answer")
def answer(
    sheet: Annotated[str, typer.Argument(help="Sheet of leastpack queue export; it is filled in.")],
    config: ConfigFiles = None,
    set_: Overrides = None,
) -> None:
    """Play the testers: fill in a sheet by the sample's hidden truth."""
    from leastpack.sample.generate import TRUTH
    from leastpack.sample.human_tests import answer_sheet

    loaded = _load(config, set_)
    if loaded.sample is None:
        raise ConfigError("there is no `sample` section", todo="name the config that the sample was written with")
    tests = answer_sheet(sheet, Path(loaded.sample.out) / TRUTH, loaded.decisions.day)
    Console(highlight=False, soft_wrap=True).print(f"{tests} tests answered in {sheet}", markup=False)


@sample.command("ship")
def ship(config: ConfigFiles = None, set_: Overrides = None) -> None:
    """Play the packing stations: deliver what ships in a pilot, and all that comes back until decisions.as_of."""
    from leastpack.sample.delivery import deliver_next
    from leastpack.sample.trials import trials_of
    from leastpack.session import make_session
    from leastpack.tables import Tables

    loaded = _load(config, set_)
    tables = Tables(make_session(loaded.spark), loaded.tables)
    arms = [row.asDict() for row in tables.read("pilots").collect()] if tables.exists("pilots") else []
    rows = deliver_next(loaded, trials_of(arms))
    _print([f"delivered: {', '.join(f'{count} {name}' for name, count in rows.items())}"])


def _road(config: Config, names: Collection[str]) -> Iterator[Step]:
    """The steps of these names, all but sample without any; `encode` again where training chose another engine."""
    from leastpack.encoders.engines import resolve_engines

    for step in _steps(names):
        before = resolve_engines(config)
        yield step
        if step.name == "train" and resolve_engines(config) != before:
            yield BY_NAME["encode"]


@app.command()
def run(
    config: ConfigFiles = None,
    set_: Overrides = None,
    accept: Accepted = None,
    step: Annotated[
        list[str] | None,
        typer.Option("--step", metavar="STEP", help="Only this step; repeat. Their order is the road's."),
    ] = None,
    source: Chosen = None,
    dry_run: DryRun = False,
) -> None:
    """Every step but sample, in order, under one run_id."""
    import uuid

    from leastpack.ahead import check_run

    steps = _steps(step or [])
    if source and "outcomes" not in [one.name for one in steps]:
        raise ConfigError("--source is for the step outcomes", todo="name it by --step too, or leave --source out")
    loaded = _load_accepting(config, set_, accept, tuple(kind for one in STEPS for kind in one.sources))
    loaded = loaded.with_chosen(source or [])
    check_run(loaded)
    if dry_run:
        _plan(steps, loaded)
        return
    loaded = loaded.model_copy(update={"run_id": loaded.run_id or uuid.uuid4().hex[:12]})
    _execute_road(loaded, step or [])
    if steps[-1].name not in ("publish", "report"):
        return

    from leastpack.reporting.summary import summary_lines
    from leastpack.session import make_session

    console = Console(highlight=False, soft_wrap=True)
    for line in summary_lines(make_session(loaded.spark), loaded):
        console.print(line, markup=False)


@app.command()
def preview(
    config: ConfigFiles = None,
    set_: Overrides = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", metavar="NAME", help="Look at this source alone; repeat.")
    ] = None,
    rows: Annotated[int, typer.Option("--rows", min=1, help="Rows to look at of each source.")] = 1000,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what the first rows of each source become; no table is touched."""
    import dataclasses
    import json

    from leastpack.preview.look import look_at_sources
    from leastpack.preview.show import show
    from leastpack.session import make_session

    loaded = _load(config, set_)
    previews = look_at_sources(make_session(loaded.spark), loaded, source or [], rows)
    if json_:
        print(json.dumps([dataclasses.asdict(one) for one in previews], ensure_ascii=False, indent=1))
    else:
        console = Console(highlight=False)
        # A pipe has no width of its own.
        show(console if console.is_terminal else Console(highlight=False, width=160), previews)
    if any(one.error is not None for one in previews):
        raise typer.Exit(1)


@app.command()
def promote(config: ConfigFiles = None, set_: Overrides = None) -> None:
    """Put the certified candidate model in the place of the one in use."""
    from leastpack.certificates.promote import promote as put_in_place
    from leastpack.session import make_session

    loaded = _load(config, set_)
    loaded.of_candidate()  # says what is missing before Spark starts
    _print(put_in_place(make_session(loaded.spark), loaded))


@app.command()
def rollback(release_id: str, config: ConfigFiles = None, set_: Overrides = None) -> None:
    """Make an earlier release the current one; nothing is copied."""
    from leastpack.releases import publish
    from leastpack.session import make_session

    loaded = _load(config, set_)
    publish.rollback(make_session(loaded.spark), loaded, release_id)


@app.command("export")
def export_rows(
    what: Annotated[Literal["pairs"], typer.Argument(help="What to export: pairs, the scores with a row a pair.")],
    place: Annotated[str, typer.Argument(help="Folder or object-store prefix to make.")],
    config: ConfigFiles = None,
    set_: Overrides = None,
    format_: Annotated[Literal["delta", "parquet", "csv"], typer.Option("--format", help="Of the files.")] = "parquet",
    where: Annotated[str | None, typer.Option("--where", metavar="SQL", help="Which of them.")] = None,
    release: Annotated[str | None, typer.Option("--release", help="Of this release; else of the current one.")] = None,
) -> None:
    """Write rows of a release for readers that want no lists."""
    from leastpack.releases.export import export_pairs
    from leastpack.session import make_session

    loaded = _load(config, set_)
    count = export_pairs(make_session(loaded.spark), loaded, place, format_, where, release)
    _print([f"{count:,} {what} in {place}"])


queue = typer.Typer(no_args_is_help=True, help="The test queue as a sheet for testers, and its results back.")
app.add_typer(queue, name="queue")


@queue.command("export")
def export(
    sheet: Annotated[str, typer.Argument(help="File to write, .xlsx or .csv.")],
    config: ConfigFiles = None,
    set_: Overrides = None,
    most: Annotated[int | None, typer.Option("--most", min=1, help="Tests at most; else the whole queue.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    photos: Annotated[bool, typer.Option("--photos/--no-photos", help="Show the products, in XLSX.")] = True,
) -> None:
    """Write the sheet that testers fill in."""
    from leastpack.queue.export import export_queue
    from leastpack.session import make_session

    loaded = _load(config, set_)
    count = export_queue(make_session(loaded.spark), loaded, sheet, most, force=force, photos=photos)
    told = (
        f"{count} tests in {sheet}; fill in result (SAFE or UNSAFE) and tested_on, then: leastpack queue import {sheet}"
    )
    Console(highlight=False, soft_wrap=True).print(told, markup=False)


@queue.command("import")
def import_(
    sheets: Annotated[list[str], typer.Argument(help="Sheets that came back, .xlsx or .csv.")],
    config: ConfigFiles = None,
    set_: Overrides = None,
    correct: Annotated[
        bool, typer.Option("--correct", help="SAFE replaces an earlier UNSAFE of the same test.")
    ] = False,
) -> None:
    """Take results back; `leastpack outcomes` counts them. Again the same sheet changes nothing."""
    from leastpack.queue.take_back import import_results
    from leastpack.session import make_session

    loaded = _load(config, set_)
    console = Console(highlight=False, soft_wrap=True)
    for sheet, taken in import_results(make_session(loaded.spark), loaded, sheets, correct=correct).items():
        told = [f"{len(taken.results)} results taken"]
        told += [f"{rows} {reason}" for reason, rows in sorted(taken.aside.items())]
        told += [f"{len(taken.faulty)} rows in quarantine"] if taken.faulty else []
        console.print(f"{sheet}: {', '.join(told)}", markup=False)


pilot = typer.Typer(no_args_is_help=True, help="Trial shipments of products drawn by chance, which certify moves.")
app.add_typer(pilot, name="pilot")


def _print(lines: Iterable[str]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(line, markup=False)


@pilot.command("propose")
def propose(config: ConfigFiles = None, set_: Overrides = None) -> None:
    """Draw a pilot for the policy of today: table pilots tells packing stations what to ship in what."""
    from leastpack.pilots.propose import propose_pilot
    from leastpack.session import make_session

    loaded = _load(config, set_)
    _print(propose_pilot(make_session(loaded.spark), loaded))


@pilot.command("status")
def status(config: ConfigFiles = None, set_: Overrides = None) -> None:
    """Show what pilots have shipped and broken, beside their control."""
    from leastpack.pilots.status import pilot_lines
    from leastpack.session import make_session

    loaded = _load(config, set_)
    _print(pilot_lines(make_session(loaded.spark), loaded))


@pilot.command("stop")
def stop(
    why: Annotated[str, typer.Argument(help="Why; it stands in the table.")],
    config: ConfigFiles = None,
    set_: Overrides = None,
) -> None:
    """End the pilot that is going on: from tomorrow on it assigns nothing. What it shipped still counts."""
    from leastpack.pilots.status import stop_pilots
    from leastpack.session import make_session

    loaded = _load(config, set_)
    products = stop_pilots(make_session(loaded.spark), loaded, why)
    _print([f"trial shipments of {products} products end tomorrow"])


reader = typer.Typer(no_args_is_help=True, help="The reader of damage in reviews, learned from return comments.")
app.add_typer(reader, name="reader")


@reader.command("fit")
def fit(config: ConfigFiles = None, set_: Overrides = None) -> None:
    """Learn a reader from the kept returns; the next `outcomes` judges all reviews by it."""
    from leastpack.outcomes.readers.fit import fit_reader
    from leastpack.session import make_session

    loaded = _load(config, set_)
    _print(fit_reader(make_session(loaded.spark), loaded))


@reader.command("show")
def show_readers(config: ConfigFiles = None, set_: Overrides = None) -> None:
    """Show the readers that are kept, who speaks in which language, and how often each was right."""
    from leastpack.outcomes.readers.show import reader_lines
    from leastpack.session import make_session

    loaded = _load(config, set_)
    _print(reader_lines(make_session(loaded.spark), loaded))


def _note(event: str, why: str, config: ConfigFiles, set_: Overrides) -> None:
    from leastpack.certificates.pause import note_event
    from leastpack.session import make_session

    loaded = _load(config, set_)
    told = note_event(make_session(loaded.spark), loaded, event, why)
    Console(highlight=False, soft_wrap=True).print(told, markup=False)


@app.command()
def pause(
    why: Annotated[str, typer.Argument(help="Why; it stands in the tables and in the log.")],
    config: ConfigFiles = None,
    set_: Overrides = None,
) -> None:
    """Send all certified moves back with the next decide and publish; `resume` ends that."""
    _note("paused", why, config, set_)


@app.command()
def resume(
    why: Annotated[str, typer.Argument(help="Why; it stands in the tables.")],
    config: ConfigFiles = None,
    set_: Overrides = None,
) -> None:
    """Let certificates move products again, from the next decide on."""
    _note("resumed", why, config, set_)


@app.command()
def unlock(config: ConfigFiles = None, set_: Overrides = None) -> None:
    """Take the tables' lease from a run that is gone, and say whose it was."""
    from leastpack.session import make_session
    from leastpack.tables import Tables
    from leastpack.tables.places import place_of
    from leastpack.tables.writer import unlock as take_away

    loaded = _load(config, set_)
    place = place_of(Tables(make_session(loaded.spark), loaded.tables))
    lease = take_away(place)
    told = "nobody holds the lease" if lease is None else f"unlocked; the lease was held by {lease.told()}"
    Console(highlight=False, soft_wrap=True).print(f"{told} ({place.name})", markup=False)


@app.command()
def repair(
    table: str,
    config: ConfigFiles = None,
    set_: Overrides = None,
    apply: Annotated[bool, typer.Option("--apply", help="Remove the rows; without it they are only counted.")] = False,
) -> None:
    """Leave one row a key in a table that holds some more than once; counts first, removes with --apply."""
    from leastpack.runs import step_run
    from leastpack.session import make_session
    from leastpack.tables import Tables
    from leastpack.tables.repeated import RULE, mend, repeated

    loaded = _load(config, set_)
    spark = make_session(loaded.spark)
    tables = Tables(spark, loaded.tables)
    found = repeated(tables, table)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{table}: {found.keys} keys have more than one row, {found.rows} rows are too many", markup=False)
    if not found.keys:
        return
    if not apply:
        console.print(f"nothing was removed; --apply removes them: {RULE}", markup=False)
        return
    with step_run(spark, tables, loaded, "repair") as run:
        run.reads(table, tables.version(table))
        run.figure(f"removed.{table}", mend(tables, table))
    console.print(f"{int(run.figures[f'removed.{table}'])} rows were removed in one commit: {RULE}", markup=False)


@app.command()
def doctor(
    config: ConfigFiles = None,
    set_: Overrides = None,
    spark: Annotated[
        bool,
        typer.Option("--spark", help="Also write and read a Delta table, and look for repeated keys in the tables."),
    ] = False,
) -> None:
    """Check Python, Java, packages, disk and the configured encoders, and say what to do."""
    from rich.table import Table

    from leastpack.doctor import check_encoders, diagnose

    loaded = _load(config, set_)
    checks = [*diagnose(spark=spark), check_encoders(loaded)]
    if spark:
        from leastpack.doctor_tables import check_tables

        checks += check_tables(loaded)
    table = Table("check", "status", "found", "expected", "what to do")
    colours = {"ok": "green", "warn": "yellow", "fail": "red"}
    for check in checks:
        status = f"[{colours[check.status]}]{check.status}[/]"
        table.add_row(check.name, status, check.found, check.expected, check.todo)
    Console().print(table)
    if any(check.status == "fail" for check in checks):
        raise typer.Exit(1)


@app.command()
def version() -> None:
    """Print the version."""
    Console(highlight=False).print(__version__)


if __name__ == "__main__":
    main()
