"""Whether a bundle's model is the one its manifest describes, and gives its golden answers on this machine."""

from typing import NamedTuple, Protocol

import numpy as np

from sortline_bundle.archive import Bundle
from sortline_bundle.errors import ContractMismatch, GoldenMismatch, PhotographError
from sortline_bundle.manifest import Manifest
from sortline_bundle.photographs import decode_image
from sortline_bundle.preprocess import preprocess
from sortline_bundle.runtime import Model, Tensor
from sortline_bundle.scores import log_scores


class Described(Protocol):
    """What has a model's two ends: a loaded model, or the facts of a probe."""

    @property
    def input(self) -> Tensor:
        """The input."""

    @property
    def output(self) -> Tensor:
        """The output."""


class GoldenResult(NamedTuple):
    """How golden images came out: the one nearest to its limit.

    Attributes:
        member: Its name.
        difference: Largest difference of any of its scores from what it must be.
        tolerance: The difference it may have.
    """

    member: str
    difference: float
    tolerance: float


def hold_against_manifest(manifest: Manifest, model: Described) -> None:
    """Compare a model's input and output with what the manifest promises of them.

    The input takes raw pixels: a stored number is the pixel itself, so its scale is 1 and its zero point 0. An int8
    output has a scale; which one, the manifest leaves to the file.

    Raises:
        ContractMismatch: naming what differs, what was said and what is.
    """
    spec, output = manifest.input, manifest.output
    _compare("input's shape", (1, spec.height, spec.width, 3), model.input.shape)
    _compare("input's type", spec.dtype, model.input.dtype)
    _compare("input's scale and zero point", (1.0, 0), (model.input.scale, model.input.zero_point))
    _compare("output's shape", (1, len(manifest.classes)), model.output.shape)
    _compare("output's type", output.dtype, model.output.dtype)
    if output.dtype != "float32" and not 0 < model.output.scale < np.inf:
        raise ContractMismatch(
            f"the model's output is {output.dtype} with scale {model.output.scale}, which is no number of a score;"
            " make or fetch the bundle anew"
        )


def _compare(what: str, said: object, found: object) -> None:
    if said != found:
        raise ContractMismatch(
            f"the manifest says that the model's {what} is {said}, but it is {found}; make or fetch the bundle anew"
        )


def check_golden(bundle: Bundle, model: Model) -> GoldenResult:
    """Let the bundle's model answer its own images on this machine.

    Args:
        bundle: With manifest and images.
        model: Its model, held against its manifest.

    Returns:
        The image that comes nearest to its limit.

    Raises:
        GoldenMismatch: a difference is above the tolerance, or a score is not a number.
        ContractMismatch: the bundle is not for the runtime that has loaded the model.
    """
    spec, temperature = bundle.manifest.input, bundle.manifest.calibration.temperature
    tolerances = {one.runtime: one.tolerance for one in bundle.manifest.runtimes}
    if model.runtime.name not in tolerances:
        raise ContractMismatch(
            f"the model is for {' and '.join(tolerances)}, and this machine runs it with {model.runtime};"
            " install another runtime, or convert with --runtime for this one"
        )
    tolerance = tolerances[model.runtime.name]
    results = []
    for golden in bundle.manifest.golden:
        try:
            image = decode_image(bundle.members[golden.member])
        except PhotographError as cause:
            raise GoldenMismatch(f"{golden.member} {cause}; make or fetch the bundle anew") from None
        preprocess(image, spec, model.view())
        scores = np.exp(log_scores(model.run(), temperature))
        difference = float(np.abs(scores - np.array(golden.scores)).max())
        if not difference <= tolerance:  # so that NaN is refused too
            raise GoldenMismatch(
                f"{golden.member} gives scores that differ by {difference:.3f} from those of the workshop"
                f" (at most {tolerance} is allowed); {model.runtime} does not run the model rightly on this"
                " machine"
            )
        results.append(GoldenResult(golden.member, difference, tolerance))
    return max(results, key=lambda result: result.difference)
