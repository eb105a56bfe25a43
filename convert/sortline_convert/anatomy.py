"""What a TFLite file is made of, read from the file itself, without loading it into a runtime.

Every count in the file is held against a limit before it is believed, and nothing is read twice, so that a malformed
file costs no more time or memory than a sound one of its size.
"""

import struct
from collections import Counter
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sortline_bundle.errors import ModelRefused
from sortline_convert.versions import TFLITE_2_14

_MARK = b"TFL3"
_MOST_CODES, _MOST_SUBGRAPHS, _MOST_PARTS, _MOST_SIDES = 1_000, 64, 50_000, 16
_MALFORMED = (struct.error, ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError)
_BITS = {"INT4": 4, "UINT4": 4, "INT2": 2, "INT8": 8, "UINT8": 8, "BOOL": 8, "INT16": 16, "UINT16": 16, "FLOAT16": 16}
_BITS |= {"BFLOAT16": 16, "INT32": 32, "UINT32": 32, "FLOAT32": 32, "INT64": 64, "UINT64": 64, "FLOAT64": 64}


class Operator(NamedTuple):
    """A kind of operator in a file.

    Attributes:
        name: TFLite's name of a builtin, or the name of a custom one.
        version: Of it.
        uses: How often it stands there; 0 where the file only announces it.
        custom: It is none of TFLite's own.
    """

    name: str
    version: int
    uses: int
    custom: bool

    @property
    def flex(self) -> bool:
        """It is one of TensorFlow's own, which TFLite runs only with all of TensorFlow beside it."""
        return self.custom and self.name.startswith("Flex")


class Tensor(NamedTuple):
    """A tensor in a file.

    Attributes:
        name: As the converter called it.
        shape: With 1 where the file leaves a size open.
        dtype: TFLite's name, such as INT8.
        scales: `(C,) float32`, one for each channel or one for all; none where it is not quantised.
        zero_points: `(C,) int64`, likewise.
        axis: Of the channels.
        constant_bytes: Of its values where the file holds them, else 0.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]
    axis: int
    constant_bytes: int


class Anatomy(NamedTuple):
    """A TFLite file.

    Attributes:
        operators: In alphabetical order.
        tensors: Of all subgraphs, in the order of the file.
        constants: How many numbers the file holds, what several tensors share counted once.
        constant_bytes: Theirs.
    """

    operators: tuple[Operator, ...]
    tensors: tuple[Tensor, ...]
    constants: int
    constant_bytes: int


class Finding(NamedTuple):
    """Something in a file that keeps it, or may keep it, from running on a station.

    Attributes:
        kind: Of what is wrong.
        message: The sentence for a person.
    """

    kind: Literal["custom op", "flex op", "newer op", "lost weights", "empty variable"]
    message: str


def read_anatomy(data: bytes) -> Anatomy:
    """Read a TFLite file.

    Raises:
        ModelRefused: it is none, or is damaged.
    """
    from ai_edge_litert import schema_py_generated as schema

    if data[4:8] != _MARK:
        raise ModelRefused("this is no TFLite file: it does not have their mark, TFL3")
    try:
        return _read(schema.Model.GetRootAs(data, 0), schema, len(data))
    except _MALFORMED as cause:
        raise ModelRefused(f"this TFLite file is damaged ({cause}); convert or fetch it anew") from None


def findings(anatomy: Anatomy, parameters: int = 0) -> list[Finding]:
    """What of a file would keep it from running, or from running as it was trained.

    Args:
        anatomy: Of the file.
        parameters: How many numbers the trained network holds. Folding batch normalisation into convolutions loses a
            few in a hundred of them; a file that holds under half has lost weights.
    """
    found = []
    names = {operator.name for operator in anatomy.operators if operator.uses and not operator.custom}
    for operator in anatomy.operators:
        known = TFLITE_2_14.get(operator.name, 0)
        if operator.flex:
            found.append(Finding("flex op", f"{operator.name} needs all of TensorFlow beside the runtime"))
        elif operator.custom:
            found.append(Finding("custom op", f"{operator.name} is an operator that no runtime brings along"))
        elif operator.version > known:
            limit = f"knows it up to version {known}" if known else "does not know it"
            found.append(
                Finding("newer op", f"{operator.name} version {operator.version}: tflite-runtime 2.14 {limit}")
            )
    if "READ_VARIABLE" in names and "ASSIGN_VARIABLE" not in names:
        found.append(Finding("empty variable", "READ_VARIABLE reads what nothing ever wrote: weights were left behind"))
    if anatomy.constants < parameters / 2:
        lost = f"the file holds {anatomy.constants} numbers for {parameters} parameters: weights were lost"
        found.append(Finding("lost weights", lost))
    return found


def _read(model: Any, schema: Any, size: int) -> Anatomy:
    codes = [
        _code(model.OperatorCodes(nth), schema) for nth in _upto(model.OperatorCodesLength(), _MOST_CODES, "codes")
    ]
    counted = Counter(dict.fromkeys(codes, 0))
    tensors: list[Tensor] = []
    constants: dict[int, tuple[int, int]] = {}
    names = parts = 0
    for graph in (model.Subgraphs(nth) for nth in _upto(model.SubgraphsLength(), _MOST_SUBGRAPHS, "subgraphs")):
        parts += graph.OperatorsLength() + graph.TensorsLength()
        _upto(parts, _MOST_PARTS, "operators and tensors")
        for nth in range(graph.OperatorsLength()):
            counted[codes[graph.Operators(nth).OpcodeIndex()]] += 1
        for nth in range(graph.TensorsLength()):
            raw = graph.Tensors(nth)
            held = _constant_bytes(model, raw.Buffer(), size)
            tensor = _tensor(raw, held, schema)
            names += len(tensor.name)
            _upto(names, size, "letters of names")
            tensors.append(tensor)
            constants[raw.Buffer()] = (held, held * 8 // _BITS[tensor.dtype] if tensor.dtype in _BITS else 0)
    held = sum(held for held, _ in constants.values())
    _upto(held, size, "bytes of constants")
    operators = (Operator(name, version, count, custom) for (name, version, custom), count in counted.items())
    return Anatomy(tuple(sorted(operators)), tuple(tensors), sum(count for _, count in constants.values()), held)


def _upto(count: int, most: int, what: str) -> range:
    if count > most:
        raise ValueError(f"{count} {what}, where at most {most} can be")
    return range(count)


def _code(raw: Any, schema: Any) -> tuple[str, int, bool]:
    # Old files keep the code in a byte of its own; for newer codes that byte is 127.
    code = max(raw.BuiltinCode(), raw.DeprecatedBuiltinCode())
    if code == schema.BuiltinOperator.CUSTOM:
        name = (raw.CustomCode() or b"without a name")[:64].decode(errors="replace")
        return "".join(letter for letter in name if letter.isprintable()), raw.Version(), True
    return _names(schema.BuiltinOperator).get(code, f"operator {code}"), raw.Version(), False


def _tensor(raw: Any, held: int, schema: Any) -> Tensor:
    quantisation = raw.Quantization()
    sides = _upto(raw.ShapeLength(), _MOST_SIDES, "sides of a tensor")
    return Tensor(
        name=(raw.Name() or b"").decode(errors="replace"),
        shape=tuple(raw.Shape(nth) for nth in sides),
        dtype=_names(schema.TensorType)[raw.Type()],
        scales=_array(quantisation and quantisation.ScaleAsNumpy(), np.float32),
        zero_points=_array(quantisation and quantisation.ZeroPointAsNumpy(), np.int64),
        axis=quantisation.QuantizedDimension() if quantisation else 0,
        constant_bytes=held,
    )


def _array(found: Any, dtype: Any) -> NDArray[Any]:
    """A vector of the file as a view of it; flatbuffers gives 0 for one that is not there."""
    return np.asarray(found, dtype) if isinstance(found, np.ndarray) else np.empty(0, dtype)


def _constant_bytes(model: Any, nth: int, size: int) -> int:
    """The length of a buffer, whose data lies inside the flatbuffer or, in large files, behind it."""
    if nth >= model.BuffersLength():
        raise IndexError(f"buffer {nth} of {model.BuffersLength()}")
    buffer = model.Buffers(nth)
    if buffer.Offset() > 1:
        _upto(buffer.Offset() + buffer.Size(), size, "bytes up to the end of a buffer")
        return int(buffer.Size())
    data = buffer.DataAsNumpy()
    return len(data) if isinstance(data, np.ndarray) else 0


@cache
def _names(enumeration: Any) -> dict[int, str]:
    return {number: name for name, number in vars(enumeration).items() if not name.startswith("_")}
