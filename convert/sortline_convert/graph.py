"""A TFLite file taken apart, changed, and put together again."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


class Weighted(NamedTuple):
    """An operator with weights of its own: which tensors it takes, and how its window moves.

    Attributes:
        kind: One of `WEIGHTED`.
        input: Tensor it looks at.
        weights: Constant tensor.
        bias: Constant tensor; None where there is none.
        output: Tensor it makes.
        stride: Steps of the window, down and across.
        dilation: Spread of the window, down and across.
        same: Whether the picture's edge is padded with zeros.
    """

    kind: str
    input: int
    weights: int
    bias: int | None
    output: int
    stride: tuple[int, int]
    dilation: tuple[int, int]
    same: bool


class Graph:
    """The only subgraph of a TFLite file, through the flatbuffer's own schema."""

    def __init__(self, file: bytes) -> None:
        """Take a file apart that our own converter made."""
        from ai_edge_litert import schema_py_generated as schema

        self._schema = schema
        self._model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file, 0))
        self._graph = self._model.subgraphs[0]
        for buffer in self._model.buffers:  # some writers keep long ones behind the flatbuffer
            if buffer.offset:
                buffer.data = np.frombuffer(file, np.uint8, buffer.size, buffer.offset)
                buffer.offset = buffer.size = 0
        self._kinds = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}

    def to_bytes(self) -> bytes:
        """The file as it is now."""
        import flatbuffers

        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    @property
    def input(self) -> int:
        """The tensor that takes the pixels."""
        return int(self._graph.inputs[0])

    @property
    def output(self) -> int:
        """The tensor that gives the answer."""
        return int(self._graph.outputs[0])

    def name(self, tensor: int) -> str:
        """A tensor's name."""
        return str(self._graph.tensors[tensor].name.decode())

    def made(self) -> list[int]:
        """The tensors that come about when the file is run: its input and what its operators make."""
        return [self.input, *(int(tensor) for operator in self._graph.operators for tensor in operator.outputs)]

    def steps(self) -> list[tuple[list[int], int]]:
        """What each operator takes and the first that it makes, in the order in which they run."""
        return [([int(one) for one in step.inputs], int(step.outputs[0])) for step in self._graph.operators]

    def weighted(self) -> list[Weighted]:
        """Operators with constant weights, in the order in which they run."""
        found = [self._weighted(operator) for operator in self._graph.operators if self._kind(operator) in WEIGHTED]
        return [operator for operator in found if len(self._buffer(operator.weights).data)]

    def array(self, tensor: int) -> NDArray[Any]:
        """A constant tensor's numbers."""
        table = self._graph.tensors[tensor]
        kind = {self._schema.TensorType.FLOAT32: np.float32, self._schema.TensorType.INT8: np.int8}.get(
            table.type, np.int32
        )
        return np.asarray(self._buffer(tensor).data, np.uint8).view(kind).reshape(table.shape)

    def scales(self, tensor: int) -> NDArray[np.float64] | None:
        """A tensor's steps, one or one for each channel; None where it is not quantised."""
        table = self._graph.tensors[tensor]
        quantised = table.quantization is not None and table.quantization.scale is not None
        return np.asarray(table.quantization.scale, np.float64) if quantised and table.type != 0 else None

    def ends(self) -> tuple[float, float] | None:
        """The lowest and highest number that the file can give; None where its output is not quantised."""
        steps = self.scales(self.output)
        if steps is None:
            return None
        zero = int(self._graph.tensors[self.output].quantization.zeroPoint[0])
        return float((-128 - zero) * steps[0]), float((127 - zero) * steps[0])

    def put(self, tensor: int, array: NDArray[Any]) -> None:
        """Give a constant tensor other numbers of the same type and shape."""
        self._buffer(tensor).data = np.ascontiguousarray(array).view(np.uint8).ravel()

    def put_scales(self, tensor: int, scales: NDArray[np.float64]) -> None:
        """Give a quantised tensor other steps, one for each channel; its zeros stay zero."""
        quantization = self._graph.tensors[tensor].quantization
        quantization.scale = scales.astype(np.float32)
        quantization.zeroPoint = np.zeros(len(scales), np.int64)

    def put_out(self, tensors: Sequence[int]) -> None:
        """Let the file give these tensors and no others; it has no signatures then."""
        self._graph.outputs = np.array(tensors, np.int32)
        self._model.signatureDefs = []

    def take_raw_pixels(self) -> None:
        """Let the file take uint8 pixels: one operator before all others turns them into what the first one takes."""
        schema, inner = self._schema, self._graph.tensors[self.input]
        quantised = inner.type == schema.TensorType.INT8
        raw = schema.TensorT()
        raw.name, raw.shape, raw.shapeSignature, raw.buffer = b"pixels_uint8", inner.shape, inner.shapeSignature, 0
        raw.type = schema.TensorType.UINT8
        # A pixel is its own value, whichever operator takes it: that is what a manifest says of every model.
        raw.quantization = schema.QuantizationParametersT()
        raw.quantization.scale, raw.quantization.zeroPoint = np.ones(1, np.float32), np.zeros(1, np.int64)
        self._graph.tensors.append(raw)
        first, place = schema.OperatorT(), len(self._graph.tensors) - 1
        first.inputs, first.outputs = np.array([place], np.int32), np.array([self.input], np.int32)
        code = schema.BuiltinOperator.QUANTIZE if quantised else schema.BuiltinOperator.CAST
        first.opcodeIndex = self._code(code)
        if not quantised:
            first.builtinOptionsType = schema.BuiltinOptions.CastOptions
            first.builtinOptions = schema.CastOptionsT()
            first.builtinOptions.inDataType, first.builtinOptions.outDataType = raw.type, inner.type
        self._graph.operators.insert(0, first)
        for signature in self._model.signatureDefs or ():
            for entry in signature.inputs:
                entry.tensorIndex = place
        self._graph.inputs = np.array([place], np.int32)

    def _code(self, builtin: int) -> int:
        for nth, code in enumerate(self._model.operatorCodes):
            if self._builtin(code) == builtin:
                return nth
        code = self._schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, builtin, 1
        self._model.operatorCodes.append(code)
        return len(self._model.operatorCodes) - 1

    @staticmethod
    def _builtin(code: Any) -> int:
        return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))

    def _kind(self, operator: Any) -> str:
        return str(self._kinds[self._builtin(self._model.operatorCodes[operator.opcodeIndex])])

    def _buffer(self, tensor: int) -> Any:
        buffer = self._model.buffers[self._graph.tensors[tensor].buffer]
        if buffer.data is None:
            buffer.data = np.empty(0, np.uint8)
        return buffer

    def _weighted(self, operator: Any) -> Weighted:
        kind, options = self._kind(operator), operator.builtinOptions
        bias = int(operator.inputs[2]) if len(operator.inputs) > 2 and operator.inputs[2] >= 0 else None
        moves = kind != "FULLY_CONNECTED"
        return Weighted(
            kind=kind,
            input=int(operator.inputs[0]),
            weights=int(operator.inputs[1]),
            bias=bias,
            output=int(operator.outputs[0]),
            stride=(options.strideH, options.strideW) if moves else (1, 1),
            dilation=(options.dilationHFactor, options.dilationWFactor) if moves else (1, 1),
            same=moves and options.padding == self._schema.Padding.SAME,
        )
