"""The model card's content: what a person should know before relying on the model."""

from __future__ import annotations

from collections.abc import Mapping

from leastpack import __version__
from leastpack.config.root import Config
from leastpack.model.calibration import Calibrator
from leastpack.training.evaluation import Figures
from leastpack.training.examples import Counts
from leastpack.training.manifest import Manifest

USE = (
    "Ranks and scores every product in every package type of its marketplace: `risk`, the probability that more than "
    "{tau:.2%} of shipments arrive damaged, and `damage_rate`, the expected damage rate a shipment. It is made to be "
    "followed by the decide step, which certifies package types on outcomes the model never saw."
)
LIMITS = [
    "A risk alone is no promise; only a certificate is.",
    "It knows damage as it was reported: what customers do not report, or report as something else, it cannot learn.",
    "Shipped pairs were chosen by someone; pairs less protective than a product was ever shipped in are extrapolated, "
    "and tested only as far as human tests reach (see the less_protective figures).",
    "Whether a product fits is a rule apart from the model.",
    "More protection at equal or less void never raises the risk, by construction, also where the data say otherwise.",
    "Marketplaces, languages and vendor packings unlike the training data are guesses.",
]


def card_fields(
    version: str,
    config: Config,
    manifest: Manifest,
    counts: Counts,
    fitted: Mapping[str, Calibrator],
    figures: Figures,
) -> dict[str, object]:
    """Sections of the model card.

    Args:
        version: The model_version.
        config: The configuration it was trained with.
        manifest: The snapshot it was trained on.
        counts: Examples used and set aside.
        fitted: The calibrators.
        figures: Figures of validation and test.
    """
    spec, training = manifest.spec, config.training
    return {
        "Model": {
            "model_version": version,
            "leastpack": __version__,
            "text encoder": spec.text_encoder,
            "image encoder": spec.image_encoder,
            "marketplaces": ", ".join(spec.marketplaces),
            "protection attributes": ", ".join(spec.attributes),
        },
        "Intended use": USE.format(tau=spec.tau),
        "Limits": LIMITS,
        "Data": {
            **{f"table {name}, version": number for name, number in sorted(manifest.versions.items())},
            **{f"examples in split {split}": rows for split, rows in counts.splits.items()},
            **{f"examples set aside: {reason}": rows for reason, rows in sorted(counts.set_aside.items())},
            "train examples likely unsafe": counts.positive.rows,
            "snapshot digest": manifest.digest,
        },
        "Training": {
            "arm": training.arm,
            "epochs kept / run": f"{_shown(figures.get('best_epoch'))} / {_shown(figures.get('epochs'))}",
            "steps": _shown(figures.get("steps")),
            "products a step": training.micro_batch * training.groups_per_step,
            "learning rate": training.learning_rate,
            "seed": training.seed,
            **{
                f"calibrator of {head}": f"slope {c.slope:.3f}, intercept {c.intercept:.3f}"
                for head, c in fitted.items()
            },
        },
        "Figures": {name: _shown(value) for name, value in figures.items()},
        "Reading the figures": (
            "PR-AUC is average precision of UNSAFE among eligible test pairs at natural prevalence; a model that knows "
            "nothing reaches the prevalence. photos_hidden is the same model with all photos hidden; photo_gain is the "
            "difference, with its 5 % to 95 % bootstrap interval over product groups. n/a: only one class is there."
        ),
    }


def _shown(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4g}"
