"""`sortline check`: whether a bundle's model runs on this machine as it did in the workshop."""

import argparse
import sys
from pathlib import Path

import msgspec

from sortline_bundle.archive import Bundle, open_bundle
from sortline_bundle.choices import RUNTIME_CHOICES, RuntimeChoice
from sortline_bundle.golden import check_golden, hold_against_manifest
from sortline_bundle.manifest import RuntimeName
from sortline_bundle.probe import probe
from sortline_bundle.runtime import Model, find_runtime


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found.

    Attributes:
        name: Of the bundle.
        version: Of the bundle.
        digest: Of the bundle.
        runtime: That ran the model.
        runtime_version: Of the runtime.
        images: Golden images asked.
        worst: The one that came nearest to its limit.
        difference: Largest difference of any of its scores from what it must be.
        tolerance: The largest difference it may have.
    """

    name: str
    version: int
    digest: str
    runtime: RuntimeName
    runtime_version: str
    images: int
    worst: str
    difference: float
    tolerance: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline check` takes."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="bundle to try on this machine")
    parser.add_argument("--runtime", choices=RUNTIME_CHOICES, default="auto", help="to run it with (default auto)")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Open the bundle, try its model in a process of its own, then ask it the golden images."""
    checked = check(open_bundle(arguments.bundle), arguments.runtime)
    if arguments.json:
        sys.stdout.write(msgspec.json.encode(checked).decode() + "\n")
    else:
        sys.stdout.write(
            f"{checked.name}, version {checked.version} ({checked.digest[:12]}), on {checked.runtime}"
            f" {checked.runtime_version}\n{checked.images} golden images: scores within {checked.difference:.4f}"
            f" of the workshop's, {checked.tolerance:g} allowed ({checked.worst})\n"
        )
    return 0


def check(bundle: Bundle, runtime: RuntimeChoice = "auto") -> Checked:
    """Check that a bundle's model runs on this machine, is what its manifest describes, and gives its golden answers.

    Raises:
        ModelRefused: the model does not load or run.
        ContractMismatch: it is not the one the manifest describes.
        GoldenMismatch: a golden image does not give its scores.
        ConfigError: the runtime is not installed.
    """
    hold_against_manifest(bundle.manifest, probe(bundle.model, runtime))
    model = Model(bundle.model, runtime=find_runtime(runtime))
    result = check_golden(bundle, model)
    return Checked(
        name=bundle.manifest.name,
        version=bundle.manifest.version,
        digest=bundle.digest,
        runtime=model.runtime.name,
        runtime_version=model.runtime.version,
        images=len(bundle.manifest.golden),
        worst=result.member,
        difference=result.difference,
        tolerance=result.tolerance,
    )
