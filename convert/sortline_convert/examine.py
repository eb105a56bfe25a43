"""What a converted file is made of: does it hold its weights, is it what was asked for, and which runtimes know it."""

from typing import NamedTuple, get_args

from sortline_bundle.errors import BundleError, NotQuantised, ScaledTwice, UnsupportedOperators, WeightsMissing
from sortline_bundle.manifest import RuntimeName
from sortline_convert.anatomy import Anatomy, findings, read_anatomy
from sortline_convert.graph import Graph
from sortline_convert.quantise import Kind

RUNTIMES: tuple[RuntimeName, ...] = get_args(RuntimeName)


class Facts(NamedTuple):
    """A file that holds what it should.

    Attributes:
        ends: Lowest and highest logit it can say; None where its output is not quantised.
        runtimes: That know all its operators.
        remarks: Why not all of them do.
    """

    ends: tuple[float, float] | None
    runtimes: tuple[RuntimeName, ...]
    remarks: tuple[str, ...]


def examine(file: bytes, kind: Kind, parameters: int, runs_on: RuntimeName = "litert") -> Facts:
    """Look into a file, without running it.

    Args:
        file: TFLite.
        kind: What it should be.
        parameters: How many numbers the trained network holds.
        runs_on: The station's runtime.

    Raises:
        WeightsMissing, NotQuantised, ScaledTwice, UnsupportedOperators: it may not ship.
    """
    try:
        anatomy = read_anatomy(file)
    except BundleError as cause:
        raise WeightsMissing(f"the {kind} file is no model: {cause}") from None
    found = findings(anatomy, parameters)
    for one in found:
        if one.kind in {"lost weights", "empty variable"}:
            raise WeightsMissing(
                f"the {kind} file: {one.message}; convert from the Keras model, not from a function of it"
            )
        if one.kind in {"custom op", "flex op"}:
            raise UnsupportedOperators(f"the {kind} file: {one.message}; take a backbone without it")
    graph = Graph(file)
    if kind == "int8":
        _check_int8(anatomy, graph)
    newer = tuple(one.message for one in found)
    if newer and runs_on == "tflite-runtime":
        raise UnsupportedOperators(f"the station has tflite-runtime 2.14: {'; '.join(newer)}; take another --kind")
    return Facts(graph.ends(), RUNTIMES[:1] if newer else RUNTIMES, newer)


def _check_int8(anatomy: Anatomy, graph: Graph) -> None:
    held = {tensor.dtype for tensor in anatomy.tensors if tensor.constant_bytes}
    if "INT8" not in held:
        raise NotQuantised(f"the file should be int8 but holds its weights as {', '.join(sorted(held)) or 'nothing'}")
    made = {tensor.dtype for tensor in anatomy.tensors if not tensor.constant_bytes}
    if "INT8" not in made:
        raise NotQuantised(f"the file should be int8 but computes with {', '.join(sorted(made))}")
    steps = graph.scales(graph.input)
    if steps is None:
        raise NotQuantised("the file should be int8 but takes pixels that are no whole numbers")
    if steps[0] != 1:
        raise ScaledTwice(
            "the file takes scaled pixels instead of raw ones: the photographs that set its ranges were scaled before"
            " the model, which scales them itself"
        )
