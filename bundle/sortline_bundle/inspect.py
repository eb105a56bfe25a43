"""`sortline inspect`: check a bundle and show what it says of itself."""

import argparse
import sys
from pathlib import Path

import msgspec

from sortline_bundle.archive import Bundle, open_bundle
from sortline_bundle.manifest import ClassSpec, Manifest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `sortline inspect` takes."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="bundle to check")
    parser.add_argument("--json", action="store_true", help="print the manifest as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Open the bundle, which checks it whole, and print."""
    bundle = open_bundle(arguments.bundle)
    if arguments.json:
        signed_by = [signature.key for signature in bundle.signatures]
        document = {"digest": bundle.digest, "signed_by": signed_by, "manifest": bundle.manifest}
        sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
    else:
        sys.stdout.write(_describe(bundle))
    return 0


def _describe(bundle: Bundle) -> str:
    manifest, made = bundle.manifest, bundle.manifest.provenance
    signers = ", ".join(signature.key[:12] for signature in bundle.signatures)
    runtimes = " and ".join(one.runtime for one in manifest.runtimes)
    lines = [
        f"{manifest.name}, version {manifest.version}, made {manifest.created} by {made.tool}",
        f"digest   {bundle.digest}",
        f"input    {manifest.input.width} x {manifest.input.height} {manifest.input.channels} {manifest.input.dtype}",
        f"trained  on {made.photographs} photographs; on the {made.held_out} held out:",
        f"         {made.accuracy:.1%} right, trained model {made.accuracy_float:.1%}, {made.agreement:.1%} alike",
        f"model    {manifest.output.dtype}, {made.quantised_by}; runs on {runtimes}",
        f"signed   by {f'{signers}, which `sortline verify` checks' if signers else 'nobody'}",
        f"made for {', '.join(manifest.stations) or 'any station'}, until {manifest.expires or 'further notice'}",
        f"scores   softmax of the logits at temperature {manifest.calibration.temperature:.3f}",
        f"         {made.calibration_error:.1%} off the share right, {made.calibration_error_by_chance:.1%} by chance",
        f"purity   {_promise(manifest)}",
        *(f"class    {_class(spec)}" for spec in manifest.classes),
        f"golden   {len(manifest.golden)} images",
        "members  " + ", ".join(f"{name} ({member.size})" for name, member in manifest.members.items()),
    ]
    return "".join(f"{line}\n" for line in lines)


def _promise(manifest: Manifest) -> str:
    promise = manifest.promise
    if promise is None:
        return "nothing is promised: the thresholds were given by hand"
    where = "in each class's bin" if promise.scope == "class" else "in all bins together"
    if promise.overall_purity is not None:
        where = f"{where}, at least {promise.overall_purity:.1%}"
    mix = (
        ""
        if promise.mix is None
        else ", for the mix "
        + ", ".join(f"{name} {share:.0%}" for name, share in zip(manifest.class_names, promise.mix, strict=True))
    )
    return f"as promised {where}, {promise.confidence:.0%} of the time; from {promise.photographs} photographs{mix}"


def _class(spec: ClassSpec) -> str:
    promised = "no promise" if spec.target_purity is None else f"purity at least {spec.target_purity:.1%}"
    return f"{spec.name}, trusted from {spec.threshold:.3f}, {promised}"
