"""Typed configuration: YAML files over base.yaml, checked before anything runs."""

from leastpack.config.load import load_config
from leastpack.config.root import Config

__all__ = ["Config", "load_config"]
