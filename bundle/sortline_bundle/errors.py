"""The errors of all of sortline, by what the person does next.

    SortlineError            1  something sortline did not foresee: report it
    ├── ConfigError          3  correct the settings, the station file or the command
    │   └── KeyFileRefused      3  a key's file that is open to others, damaged, or locked by another passphrase
    ├── PhotographError      4  correct the photographs
    ├── HardwareError        5  correct the camera, the wiring or the machine
    ├── BundleError          6  distrust the bundle: make it or fetch it anew
    │   ├── ModelRefused        6  a model that does not load, or brings the process down that tries
    │   ├── ContractMismatch    6  a model that is not the one the manifest describes
    │   ├── GoldenMismatch      6  golden images that do not give their scores on this machine
    │   ├── ArchiveRefused      6  not an archive as sortline writes it
    │   ├── UnsupportedFormat   6  a format, version or algorithm that this sortline does not know
    │   ├── SchemaError         6  a document that does not hold to its format
    │   ├── DigestMismatch      6  a member that the manifest was not made for
    │   ├── SignatureInvalid    6  a signature by a known key that does not fit: somebody edited it
    │   ├── ThresholdNotMet     6  too few signatures that count
    │   ├── KeyRefused          6  a key in a keyring that is malformed, weak, or not the one its id says
    │   ├── SuccessionRefused   6  a keyring that does not follow the one in use
    │   ├── RollbackRefused     6  older than what was there already
    │   ├── ExpiredRefused      6  its time has run out
    │   ├── Incompatible        6  made for other stations
    │   └── NotAnnounced        6  not the bundle that the channel announces
    ├── TryAgainError        7  nothing is wrong with the input: wait, reconnect, run again
    └── ReleaseError         8  the model is not good enough to leave the workshop
        ├── WeightsMissing       8  a file that lost its weights in conversion
        ├── NotQuantised         8  a file that should be int8 and is not
        ├── ScaledTwice          8  photographs that were scaled before the model scales them
        ├── UnsupportedOperators 8  a file with operators that the station's runtime lacks
        ├── NotFinite            8  a file that answers NaN or infinity
        ├── DeadOutput           8  a file with an output that nothing moves
        ├── ChannelsSwapped      8  red and blue mixed up
        ├── LabelsReordered      8  classes in another order than the outputs
        ├── NotTheTrainedModel   8  another model than the run's
        ├── OtherPhotographs     8  photographs unlike those it is measured on
        ├── GateRefused          8  a file too far from the model it was made of
        └── NotPromised          8  a purity that cannot be promised

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


class KeyFileRefused(ConfigError):
    """A key's file is open to others, damaged, no key at all, or not opened by the passphrase."""


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


class ArchiveRefused(BundleError):
    """The file is no archive as sortline writes it: cut off, padded, compressed, or with other members."""


class UnsupportedFormat(BundleError):
    """A format, a format's version or a signature's algorithm that this sortline does not know."""


class SchemaError(BundleError):
    """A document has unknown, missing or contradictory fields, or is not JSON at all."""


class DigestMismatch(BundleError):
    """A member is not the one the manifest was made for."""


class SignatureInvalid(BundleError):
    """Too few signatures count, and one by a key that would count does not fit the document."""


class ThresholdNotMet(BundleError):
    """Fewer people of the keyring have signed than it asks for."""


class KeyRefused(BundleError):
    """A key in a keyring is malformed or weak, or not the one its id says."""


class SuccessionRefused(BundleError):
    """A keyring is not the next one after the keyring in use."""


class RollbackRefused(BundleError):
    """A document is older than what was there already, or another one under the same number."""


class ExpiredRefused(BundleError):
    """The time of a bundle, or of the keyring that vouches for it, has run out."""


class Incompatible(BundleError):
    """The bundle is made for other stations."""


class NotAnnounced(BundleError):
    """The channel announces another bundle as the newest."""


class TryAgainError(SortlineError, OSError):
    """The input is right; a network, a disk or another process was not ready."""

    exit_code = 7


class ReleaseError(SortlineError):
    """A converted model may not be shipped."""

    exit_code = 8


class WeightsMissing(ReleaseError):
    """A file lost its weights in conversion."""


class NotQuantised(ReleaseError):
    """A file that should be int8 holds its weights as real numbers."""


class ScaledTwice(ReleaseError):
    """Photographs were scaled before the model, which scales them itself."""


class UnsupportedOperators(ReleaseError):
    """A file has operators that the station's runtime does not know."""


class NotFinite(ReleaseError):
    """A file answers NaN or infinity."""


class DeadOutput(ReleaseError):
    """An output of a file says the same to every photograph."""


class ChannelsSwapped(ReleaseError):
    """Photographs come as blue, green, red where the model knows red, green, blue."""


class LabelsReordered(ReleaseError):
    """The classes of a run stand in another order than its model's outputs."""


class NotTheTrainedModel(ReleaseError):
    """A model is not the one whose figures the run records."""


class OtherPhotographs(ReleaseError):
    """The photographs that set a file's ranges are unlike those it is measured on."""


class GateRefused(ReleaseError):
    """A file is too far from the model it was made of."""


class NotPromised(ReleaseError):
    """The purity asked for cannot be promised from these photographs."""
