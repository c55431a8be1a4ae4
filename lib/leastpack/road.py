"""The steps in order: what each reads and writes, and the function that does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from leastpack.config.sources import Kind
from leastpack.errors import ConfigError


@dataclass(frozen=True)
class Step:
    """A step of the road.

    Attributes:
        name: Its name on the command line.
        job: The file in jobs/ that spark-submit runs; null where there is none.
        function: `module:function`, imported only when the step runs, so that no step needs another's packages.
        reads: Tables read.
        writes: Tables written.
        help: One line.
        sources: Kinds of the sources it reads.
    """

    name: str
    job: str | None
    function: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    help: str
    sources: tuple[Kind, ...] = ()

    def load(self) -> Callable[..., None]:
        """Import the step's function.

        Raises:
            ConfigError: A package the step needs is not installed.
        """
        module, _, function = self.function.partition(":")
        try:
            return getattr(import_module(module), function)  # type: ignore[no-any-return]
        except ModuleNotFoundError as error:
            if error.name is None or error.name.split(".")[0] == "leastpack":
                raise
            raise ConfigError(
                f"step {self.name} needs the package {error.name}",
                todo="install leastpack[train], or run leastpack doctor",
            ) from error


def _step(name: str, job: str | None, function: str, reads: str, writes: str, help_: str, *sources: Kind) -> Step:
    return Step(name, job, f"leastpack.{function}", tuple(reads.split()), tuple(writes.split()), help_, sources)


STEPS: tuple[Step, ...] = (
    _step("sample", None, "sample.generate:generate_sample", "", "", "Write the invented marketplace's raw exports."),
    _step(
        "catalog", "build_catalog.py", "catalog.build:build_catalog",
        "", "products product_images package_types packaging_rules quarantine",
        "Clean raw exports into products, photos, package types and rules.",
        "products", "product_images", "tunnel", "rules",
    ),
    _step(
        "outcomes", "label_outcomes.py", "outcomes.label:label_outcomes",
        "products package_types pilots",
        "shipment_items damage_reports human_tests outcome_buckets pair_outcomes pilot_outcomes pair_tests "
        "training_examples quarantine",
        "Turn shipments, returns, reviews and tests into labels.",
        "shipments", "returns", "reviews", "human_tests", "package_codes",
    ),
    _step(
        "encode", "encode_products.py", "encoders.encode:encode_products",
        "products product_images", "embeddings",
        "Encode new texts and photos.",
    ),
    _step(
        "train", "train_model.py", "training.train:train_model",
        "training_examples products product_images package_types embeddings", "training_metrics",
        "Train the fused model and write its directory.",
    ),
    _step(
        "score", "score_pairs.py", "scoring.score:score_pairs",
        "products product_images package_types embeddings", "product_vectors scores",
        "Score every product in every package type of its marketplace.",
    ),
    _step(
        "certify", "certify_policy.py", "certificates.certify:certify_policy",
        "products package_types packaging_rules scores pair_outcomes pair_tests training_examples "
        "training_metrics trials pilot_outcomes",
        "policy_rounds round_choices round_exclusions certificate_attempts certificates certificate_types pilots",
        "Draw a round of tests for the policy of today, and certify it once its results are in.",
    ),
    _step(
        "decide", "decide_packaging.py", "decisions.decide:decide_packaging",
        "products package_types packaging_rules scores pair_outcomes pair_tests trials policy_rounds "
        "round_choices round_exclusions certificate_attempts certificates certificate_types certificate_events pilots "
        "scores_of_candidate",
        "decisions recommendations test_queue",
        "Recommend a package for every product under the certificates in force, and queue tests.",
    ),
    _step(
        "publish", "publish_release.py", "releases.publish:publish_release",
        "products package_types scores certificates decisions recommendations",
        "releases recommendation_changes trials",
        "Audit the tables and release their versions.",
    ),
    _step(
        "report", "write_report.py", "reporting.write:write_report",
        "products product_images embeddings scores certificates decisions recommendations runs releases", "",
        "Write the HTML report.",
    ),
)  # fmt: skip
BY_NAME: dict[str, Step] = {step.name: step for step in STEPS}
