"""The one command, `sortline VERB`. A verb's package is imported only when the verb is called."""

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

from sortline_bundle.errors import ConfigError, SortlineError, TryAgainError


class Verb(NamedTuple):
    """Where a verb's code is and what it is for."""

    module: str
    extra: str
    purpose: str


class VerbModule(Protocol):
    """What a verb's module offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the verb's arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it and return the exit code."""


# By name only: the contract's package depends on none of the rooms it opens the door to.
VERBS = {
    "catalogue": Verb("sortline_train.catalogue.command", "train", "draw item photographs to try things with"),
    "audit": Verb("sortline_train.audit.command", "train", "look for what is wrong with a folder of photographs"),
    "train": Verb("sortline_train.command", "train", "train a classifier on class folders of photographs"),
    "convert": Verb("sortline_convert.command", "convert", "make a proven int8 bundle out of a training run"),
    "classify": Verb("sortline_edge.commands.classify", "edge", "say what is on some images, with a picture"),
    "evaluate": Verb("sortline_edge.commands.evaluate", "edge", "measure a bundle on class folders of photographs"),
    "simulate": Verb("sortline_edge.commands.simulate", "edge", "let a bundle sort items on a simulated belt"),
    "drill": Verb("sortline_edge.commands.drill", "edge", "let everything go wrong on a simulated belt, one by one"),
    "run": Verb("sortline_edge.commands.run", "edge", "sort, live: camera frames in, output lines driven"),
    "service": Verb("sortline_edge.commands.service", "edge", "write the systemd unit that runs a station"),
    "slots": Verb("sortline_edge.commands.slots", "edge", "install bundles on this station, and go back"),
    "events": Verb("sortline_edge.commands.events", "edge", "show, sum up and export what a station has sorted"),
    "camera": Verb("sortline_edge.commands.camera", "edge", "measure a station's camera, and check its colours"),
    "check": Verb("sortline_bundle.check", "edge", "try a bundle's model and golden images on this machine"),
    "inspect": Verb("sortline_bundle.inspect", "edge", "check a bundle and show what it says of itself"),
    "keys": Verb("sortline_bundle.trust.commands.keys", "edge", "make keys, and keyrings that say whose count"),
    "sign": Verb("sortline_bundle.trust.commands.sign", "edge", "vouch for a bundle, a keyring or a channel"),
    "verify": Verb("sortline_bundle.trust.commands.verify", "edge", "tell whether trusted people vouch for a bundle"),
    "announce": Verb("sortline_bundle.trust.commands.announce", "edge", "say in a channel which bundle is the newest"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run `sortline` with `argv` (default: the process's arguments) and return the exit code."""
    try:
        arguments = _parse(sys.argv[1:] if argv is None else list(argv))
        exit_code = cast("int", arguments.run(arguments))
        sys.stdout.flush()  # here, where it is still known what to do if nobody takes it
    except SortlineError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        # The reader of our output has left, as `head` does; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # A full disk or a folder that may not be written: the input is right, the machine is not ready for it.
        return _fail(f"{error}. Make room or give access there, then run it again.", TryAgainError.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    return exit_code


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="sortline",
        description="From photographs to the right bin: train, prove and run item classifiers on sorting stations.",
        epilog="`sortline VERB --help` says more. Exit codes: 0 done, 2 command line, 3 settings, 4 photographs,"
        " 5 hardware, 6 bundle, 7 try again, 8 model not good enough.",
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True, title="verbs")
    asked = next((word for word in argv if word in VERBS), None)
    for name, verb in VERBS.items():
        child = verbs.add_parser(name, help=verb.purpose, description=verb.purpose.capitalize() + ".")
        if name == asked:
            module = _load(name, verb)
            module.add_arguments(child)
            child.set_defaults(run=module.run)
    return parser.parse_args(argv)


def _load(name: str, verb: Verb) -> VerbModule:
    try:
        return cast("VerbModule", importlib.import_module(verb.module))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("sortline_"):
            raise
        wanted = f"pip install 'sortline[{verb.extra}]'"
        message = f"`sortline {name}` needs {error.name}, which is not installed: {wanted}"
        sys.exit(_fail(message, ConfigError.exit_code))


def _fail(message: str, exit_code: int) -> int:
    if os.environ.get("SORTLINE_TRACEBACK"):
        traceback.print_exc()
    # What a file says of itself may stand in it, and shall not move the cursor of whoever reads it.
    shown = "".join(letter if letter.isprintable() or letter == "\n" else f"\\x{ord(letter):02x}" for letter in message)
    sys.stderr.write(f"sortline: {shown}\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
