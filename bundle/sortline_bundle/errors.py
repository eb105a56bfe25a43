"""The errors of all of sortline, by what the person does next.

    SortlineError            1  something sortline did not foresee: report it
    ├── ConfigError          3  correct the settings, the station file or the command
    ├── PhotographError      4  correct the photographs
    ├── HardwareError        5  correct the camera, the wiring or the machine
    ├── BundleError          6  distrust the bundle: make it or fetch it anew
    │   ├── ModelRefused        6  a model that does not load, or brings the process down that tries
    │   ├── ContractMismatch    6  a model that is not the one the manifest describes
    │   └── GoldenMismatch      6  golden images that do not give their scores on this machine
    ├── TryAgainError        7  nothing is wrong with the input: wait, reconnect, run again
    └── ReleaseError         8  the model is not good enough to leave the workshop

The number is the exit code of the command (2 is argparse's: the command line itself is wrong; 130: interrupted).
Each message is one sentence that says what, where, and what to do.
"""
# ruff: noqa: N818 the kinds of BundleError are named by what is wrong


class SortlineError(Exception):
    """The root. Catch it to catch everything that sortline raises on purpose."""

    exit_code = 1


class ConfigError(SortlineError, ValueError):
    """A setting, a station file or an argument is wrong."""

    exit_code = 3


class PhotographError(SortlineError, ValueError):
    """A photograph or a folder of photographs cannot be used."""

    exit_code = 4


class HardwareError(SortlineError, OSError):
    """A camera, an output line or another device does not do its part."""

    exit_code = 5


class BundleError(SortlineError, ValueError):
    """A bundle is damaged, edited, incomplete or contradicts itself."""

    exit_code = 6


class ModelRefused(BundleError):
    """A model file does not load, or brings the process down that tries."""


class ContractMismatch(BundleError):
    """A model is not the one that the manifest describes."""


class GoldenMismatch(BundleError):
    """Golden images do not give their scores on this machine."""


class TryAgainError(SortlineError, OSError):
    """The input is right; a network, a disk or another process was not ready."""

    exit_code = 7


class ReleaseError(SortlineError):
    """A converted model may not be shipped."""

    exit_code = 8
