"""A 64-bit ARM system to run Python in, emulated by qemu in user mode, made once under build/ and kept.

The root is Debian 12's, unpacked and never booted, for its Python 3.11 and C library; the packages are the wheels that
a station would install. qemu must be version 10: LiteRT ends by a segmentation fault under version 7.2, which Debian 12
has. Where no newer one is installed, Debian 13's is taken, from the mirror that this machine uses.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "build" / "aarch64"
PACKAGES = ("ai-edge-litert", "msgspec", "numpy", "opencv-python-headless", "pillow", "rich")
REQUIREMENTS = {
    "litert": ("--constraint", str(ROOT / "constraints.txt"), *PACKAGES),
    "tflite-runtime": ("--no-deps", "--requirement", str(ROOT / "tests" / "runtimes" / "requirements.txt")),
}
PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_27", "manylinux_2_28", "manylinux_2_34")

# What the emulated Python takes itself for, so that it can start children; -0 tells it this file's name.
LAUNCHER = """#!/bin/sh
exec {qemu} -0 "$0" -L {root} -E PYTHONHOME={root}/usr -E PYTHONPATH={site}:{room} {root}/usr/bin/python3.11 "$@"
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def arm_python() -> Callable[[str], Run]:
    """Gives, for a runtime, a way to run an emulated Python that has it; skips, with a reason, where there is none."""
    qemu, root = _qemu(), _root()

    def give(runtime: str) -> Run:
        site, launcher = _site(runtime), PLACE / f"python-{runtime}"
        launcher.write_text(LAUNCHER.format(qemu=qemu, root=root, site=site, room=ROOT / "bundle"))
        launcher.chmod(0o755)

        def run(*arguments: object) -> subprocess.CompletedProcess[str]:
            command = [str(launcher), *map(str, arguments)]
            return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)

        return run

    return give


def _qemu() -> Path:
    """The emulator, version 10 or newer."""
    for name in ("qemu-aarch64", "qemu-aarch64-static"):
        found = shutil.which(name)
        if found and _version(Path(found)) >= 10:
            return Path(found)
    mine = PLACE / "qemu" / "usr" / "bin" / "qemu-aarch64"
    if not mine.exists():
        fetched = PLACE / "apt"
        shutil.rmtree(fetched, ignore_errors=True)
        (fetched / "lists" / "partial").mkdir(parents=True)
        (fetched / "archives" / "partial").mkdir(parents=True)
        mirror = _must("apt-get", "indextargets", "--format", "$(REPO_URI)", "Label: Debian").splitlines()[0]
        (fetched / "sources.list").write_text(f"deb {mirror} trixie main\n")
        options = [f"Dir::Etc::sourcelist={fetched}/sources.list", "Dir::Etc::sourceparts=-"]
        options += [f"Dir::State::lists={fetched}/lists", f"Dir::Cache={fetched}"]
        apt = ["apt-get", "-qq", *(word for option in options for word in ("-o", option))]
        _must(*apt, "update")
        _must(*apt, "download", "qemu-user", where=fetched)
        _must("dpkg", "-x", str(next(fetched.glob("qemu-user_*.deb"))), str(PLACE / "qemu"))
    return mine


def _version(qemu: Path) -> int:
    found = re.search(r"version (\d+)", _must(str(qemu), "--version"))
    return int(found[1]) if found else 0


def _root() -> Path:
    """Debian 12 for arm64, its packages unpacked over each other."""
    root, stamp = PLACE / "root", PLACE / "root-is-whole"
    if not stamp.exists():
        shutil.rmtree(root, ignore_errors=True)
        PLACE.mkdir(parents=True, exist_ok=True)
        _must(
            "debootstrap", "--foreign", "--arch=arm64", "--variant=minbase", "--include=python3", "bookworm", str(root)
        )
        for package in sorted((root / "var" / "cache" / "apt" / "archives").glob("*.deb")):
            _must("dpkg", "-x", str(package), str(root))
        stamp.touch()
    return root


def _site(runtime: str) -> Path:
    """The wheels of a station that has this runtime."""
    site, stamp = PLACE / f"site-{runtime}", PLACE / f"site-{runtime}-is-whole"
    if not stamp.exists():
        shutil.rmtree(site, ignore_errors=True)
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--target", str(site), "--only-binary=:all:")
        target = (
            "--python-version",
            "3.11",
            "--implementation",
            "cp",
            "--abi",
            "cp311",
            "--abi",
            "abi3",
            "--abi",
            "none",
        )
        platforms = (word for name in PLATFORMS for word in ("--platform", f"{name}_aarch64"))
        _must(*pip, *target, *platforms, *REQUIREMENTS[runtime])
        stamp.touch()
    return site


def _must(*command: str, where: Path | None = None) -> str:
    """Run a step of making the system and give what it says, or skip with its reason."""
    if not shutil.which(command[0]):
        pytest.skip(f"no 64-bit ARM system can be made here: {command[0]} is not installed")
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        pytest.skip(f"no 64-bit ARM system can be made here: {command[0]} says: {said}")
    return done.stdout
