"""What the set-up and a cluster install, read from pyproject.toml.

requirements.py key       a digest of everything the environment depends on
requirements.py packages  the requirements of the environment but Horovod, which is built apart
requirements.py cluster   the requirements on a cluster that brings its own Spark and Delta. petastorm asks for pyspark
                          and so cannot be among them: what it and Horovod need beside it is.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BROUGHT_BY_THE_CLUSTER = {"pyspark", "delta-spark"}
BUILT_APART = {"horovod"}
TRAIN_ONLY = ("petastorm", "horovod")


def name_of(requirement: str) -> str:
    """The package a requirement names, such as `moto` of `moto[s3]>=5`."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()


def requirements(project: dict[str, Any], extras: bool, without: set[str]) -> list[str]:
    """The project's requirements, with those of its extras if asked; never the project itself, which extras name."""
    listed = list(project["dependencies"])
    if extras:
        listed += [line for extra in project["optional-dependencies"].values() for line in extra]
    return sorted({line for line in listed if name_of(line) not in {project["name"], *without}})


def needs_of_training() -> set[str]:
    """What the installed petastorm and Horovod need; only the environment of the set-up can tell."""
    from importlib.metadata import requires

    from packaging.requirements import Requirement

    needs = [Requirement(line) for package in TRAIN_ONLY for line in requires(package) or []]
    return {need.name.lower() for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})}


def main(wanted: str) -> int:
    """Print what is wanted; 2 for anything else."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if wanted == "key":
        parts = ["dependencies", "optional-dependencies", "requires-python", "version", "scripts"]
        declared = json.dumps([project[part] for part in parts], sort_keys=True)
        files = [ROOT / "constraints.txt", ROOT / "scripts" / "setup.sh"]
        content = declared.encode() + b"".join(file.read_bytes() for file in files)
        print(hashlib.sha256(content).hexdigest()[:16], *sys.version_info[:3])
    elif wanted == "packages":
        print(*requirements(project, extras=True, without=BUILT_APART), sep="\n")
    elif wanted == "cluster":
        listed = requirements(project, extras=False, without=BROUGHT_BY_THE_CLUSTER)
        named = {name_of(line) for line in listed} | BROUGHT_BY_THE_CLUSTER
        print(*listed, *sorted(needs_of_training() - named), sep="\n")
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or [""]))
