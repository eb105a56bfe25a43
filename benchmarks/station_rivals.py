"""What others do with a frame, for `station.py`. None of them finds items: each looks at the whole frame."""

import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import cv2
import flatbuffers
import numpy as np
from numpy.typing import NDArray
from station_scenes import Image, Scene

from sortline_bundle.archive import Bundle
from sortline_bundle.preprocess import Box, square_around


class TypicalScript:
    """What scripts do: convert the frame, squash it by area, set the tensor, invoke, softmax in NumPy."""

    def __init__(self, model: Any) -> None:
        self._interpreter = model
        self._source, self._target = model.get_input_details()[0], model.get_output_details()[0]

    def answer(self, frame: Image) -> int:
        """The likeliest class."""
        height, width = self._source["shape"][1:3]
        rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        resized = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
        return self._classify(np.expand_dims(resized, axis=0))

    def _classify(self, batch: NDArray[Any]) -> int:
        self._interpreter.set_tensor(self._source["index"], batch)
        self._interpreter.invoke()
        raw = self._interpreter.get_tensor(self._target["index"])[0]
        scale, zero_point = self._target["quantization"]
        logits = (raw.astype(np.float32) - zero_point) * scale if scale else raw
        scores = np.exp(logits - logits.max())
        return int((scores / scores.sum()).argmax())


class PackedFeatures(TypicalScript):
    """As Edge Impulse's Linux SDK prepares a frame: shorter side fitted, middle cut out, a list of a number a pixel.

    Its documentation packs red, green and blue into one number a pixel, and hands the list to a process that unpacks
    it. Packing is by NumPy here, not in a loop over pixels; the way to that process, JSON over a socket, is left out.
    """

    def answer(self, frame: Image) -> int:
        """The likeliest class."""
        height, width = (int(side) for side in self._source["shape"][1:3])
        rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        scale = max(width / rgb.shape[1], height / rgb.shape[0])
        size = (max(width, round(rgb.shape[1] * scale)), max(height, round(rgb.shape[0] * scale)))
        resized = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        left, top = (size[0] - width) // 2, (size[1] - height) // 2
        pixels = resized[top : top + height, left : left + width].astype(np.uint32)
        features = ((pixels[..., 0] << 16) + (pixels[..., 1] << 8) + pixels[..., 2]).ravel().tolist()
        packed = np.array(features, np.uint32).reshape(height, width)
        batch = np.stack([packed >> 16 & 255, packed >> 8 & 255, packed & 255], axis=-1).astype(np.uint8)
        return self._classify(batch[None])


class MediaPipe:
    """MediaPipe's ImageClassifier in a process of its own, which measures itself; a context manager.

    It takes an int8 file with raw pixels as input without metadata, but no int8 output: the file gets a DEQUANTIZE at
    its end. It has no setting for threads.
    """

    def __init__(self, folder: Path, bundle: Bundle, scenes: Sequence[Scene]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        python = _environment_with("mediapipe", folder)
        (folder / "model.tflite").write_bytes(with_float_output(bundle.model))
        np.savez(folder / "frames.npz", *[scene.second for scene in scenes])
        script = Path(__file__).with_name("station_mediapipe.py")
        command = [python, script, folder / "model.tflite", folder / "frames.npz"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.version = self._read().strip()
        self._spec = bundle.manifest.input

    def whole(self, nth: int) -> int:
        """Nanoseconds for the whole of frame `nth`."""
        return self._ask(f"{nth}")

    def told_the_box(self, nth: int, scene: Scene) -> int:
        """Nanoseconds for the square that our own look takes."""
        height, width = scene.second.shape[:2]
        square = square_around(scene.box, self._spec, self._spec.margin)[1]
        inside = Box(max(0, square.left), max(0, square.top), min(width, square.right), min(height, square.bottom))
        sides = (inside.left / width, inside.top / height, inside.right / width, inside.bottom / height)
        return self._ask(f"{nth} {' '.join(map(str, sides))}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def _ask(self, line: str) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return int(self._read())

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("MediaPipe's process ended; run benchmarks/station_mediapipe.py by hand to see why")
        return line


def with_float_output(data: bytes) -> bytes:
    """A TFLite file whose quantised output is made real numbers by one more operator."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data))
    graph = model.subgraphs[0]
    if graph.tensors[graph.outputs[0]].type == schema.TensorType.FLOAT32:
        return data
    code, tensor, operator = schema.OperatorCodeT(), schema.TensorT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = 2
    tensor.name, tensor.type = "float", schema.TensorType.FLOAT32
    tensor.shape = graph.tensors[graph.outputs[0]].shape
    operator.opcodeIndex, operator.inputs, operator.outputs = (
        len(model.operatorCodes),
        [graph.outputs[0]],
        [len(graph.tensors)],
    )
    model.operatorCodes.append(code)
    graph.tensors.append(tensor)
    graph.operators.append(operator)
    graph.outputs = operator.outputs
    model.signatureDefs = None
    builder = flatbuffers.Builder(len(data) + 4096)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _environment_with(package: str, folder: Path) -> Path:
    """The Python of a virtual environment that has a package; made on the first call."""
    python = folder / "venv" / "bin" / "python"
    if not python.exists():
        sys.stderr.write(f"making {folder / 'venv'} with {package}\n")
        venv.create(folder / "venv", with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", package], check=True)
    return python
