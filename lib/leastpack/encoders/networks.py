"""An encoder's network on one engine: arrays in, float32 vectors out.

torch runs from the weights that every machine has. OpenVINO runs an intermediate representation (IR), which is
converted from the same weights once, on the driver, and sent to the executors.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leastpack.errors import ModelError

# OpenVINO's own name of each precision.
HINTS = {"fp32": "f32", "bf16": "bf16"}


class Network(Protocol):
    """A network ready to run."""

    def __call__(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        """Vectors, shape (n, dim), of inputs with n rows each."""


@dataclass(frozen=True)
class Representation:
    """OpenVINO's intermediate representation of a network, as bytes."""

    xml: bytes
    weights: bytes


class TorchNetwork:
    """A torch module on a processor or a GPU.

    Args:
        module: In evaluation mode; takes tensors like the inputs, and gives float32 vectors.
        precision: `fp32`, `bf16` or `fp16`: of weights and pictures.
        device: `cpu` or `cuda`.
    """

    def __init__(self, module: Any, precision: str, device: str) -> None:
        import torch

        self._type = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
        self._device = device
        self._module = module.to(device=device, dtype=self._type)

    def __call__(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        """Vectors of the inputs."""
        import torch

        with torch.inference_mode():
            tensors = [torch.from_numpy(array).to(self._device) for array in inputs]
            typed = [tensor.to(self._type) if tensor.is_floating_point() else tensor for tensor in tensors]
            vectors: NDArray[np.float32] = self._module(*typed).float().cpu().numpy()
        return vectors


class OpenVinoNetwork:
    """An intermediate representation on this machine's processor.

    Args:
        representation: Of `convert`.
        precision: `fp32` or `bf16`.
        threads: Threads of one call.

    Raises:
        ModelError: The processor lacks the precision: it would compute in another one without a word.
    """

    def __init__(self, representation: Representation, precision: str, threads: int) -> None:
        core = _openvino().Core()
        capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision.upper() not in capabilities:
            raise ModelError(
                f"this processor has no {precision}",
                expected=f"{precision.upper()} among its capabilities",
                found=", ".join(capabilities),
                todo="use executors of one kind, or set the encoders' engine to openvino-fp32",
            )
        settings = {
            "INFERENCE_PRECISION_HINT": HINTS[precision],
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            # Workers know nothing of each other: pinned, they would sit on the same core.
            "ENABLE_CPU_PINNING": False,
        }
        model = core.read_model(model=representation.xml, weights=representation.weights)
        self._request = core.compile_model(model, "CPU", settings).create_infer_request()

    def __call__(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        """Vectors of the inputs."""
        answer = self._request.infer(list(inputs), share_inputs=True)
        return np.array(answer[0], dtype=np.float32)


def convert(module: Any, example: tuple[NDArray[Any], ...]) -> Representation:
    """The intermediate representation of a torch module, with all its weights in float32.

    Args:
        module: In evaluation mode, on the processor.
        example: Inputs it can be traced with; rows and lengths stay free.
    """
    import torch

    openvino = _openvino()
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of every branch; the vectors are compared by tests and the gate
        model = openvino.convert_model(module, example_input=tuple(map(torch.from_numpy, example)))
        path = Path(folder) / "network.xml"
        openvino.save_model(model, path, compress_to_fp16=False)
        return Representation(path.read_bytes(), path.with_suffix(".bin").read_bytes())


def parts(engine: str) -> tuple[str, str]:
    """Library and precision of an engine.

    Raises:
        ValueError: It is `auto`, which `resolve_engines` has to replace.
    """
    library, _, precision = engine.partition("-")
    if not precision:
        raise ValueError(f"engine {engine!r} has not been resolved")
    return library, precision


def _openvino() -> Any:
    """The library, without the package by which its converter would tell its makers about every use."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino
