"""Key files and passphrases, on the disk and at the terminal: never in arguments, logs or messages."""

import getpass
import os
import stat
import warnings
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sortline_bundle.errors import ConfigError, KeyFileRefused
from sortline_bundle.files import read_at_most, write_new
from sortline_bundle.trust.private import (
    decode_private,
    decode_public,
    encode_private,
    encode_public,
    is_encrypted,
    public_bytes,
)

KEY_FILE_BYTES = 16 << 10
# OpenSSL makes the file's key out of the passphrase by 2,048 rounds of PBKDF2, which is quick to try words with.
SHORTEST_PASSPHRASE = 12
LONGEST_PASSPHRASE = 1023  # what OpenSSL takes

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeyFiles(NamedTuple):
    """Where the two halves of a new key are, and the public one."""

    private: Path
    public: Path
    public_key: bytes


def make_key_files(name: Path, passphrase: bytes | None) -> KeyFiles:
    """Make a key and write it as NAME.key, for its owner's eyes only, and NAME.pub.

    Raises:
        ConfigError: one of the files is there already.
        OSError: the disk is full or the folder may not be written; neither file is there.
    """
    if not name.name:
        raise ConfigError(f"{name} is no name for a key; give one such as alice")
    private, public = (name.with_name(name.name + suffix) for suffix in (".key", ".pub"))
    for path in (private, public):
        if path.exists():
            raise ConfigError(f"{path} is there already and is not overwritten; choose another name")
    key = Ed25519PrivateKey.generate()
    write_new(private, encode_private(key, passphrase), mode=0o600)
    try:
        write_new(public, encode_public(key))
    except BaseException:
        private.unlink()
        raise
    return KeyFiles(private, public, public_bytes(key))


def read_private_key(path: Path, passphrase_file: Path | None) -> Ed25519PrivateKey:
    """Read a private key; what it takes to open it is asked for at the terminal where no file holds it.

    Raises:
        KeyFileRefused: the file is open to others than its owner, is no such key, or the passphrase is not its own.
        ConfigError: there is no terminal to ask at.
    """
    pem = _read_secret(path)
    passphrase = None
    if is_encrypted(pem):
        passphrase = _read_passphrase(passphrase_file) if passphrase_file else _ask(f"passphrase of {path}: ")
    return decode_private(pem, passphrase, where=str(path))


def read_public_key(path: Path) -> bytes:
    """Read the 32 bytes of a public key.

    Raises:
        KeyFileRefused: the file is no such key.
    """
    try:
        return decode_public(read_at_most(path, KEY_FILE_BYTES), where=str(path))
    except OSError as cause:
        raise KeyFileRefused(f"{path} cannot be read: {cause.strerror}; name the .pub file") from None


def new_passphrase(passphrase_file: Path | None) -> bytes:
    """A passphrase for a new key: from a file, or asked for twice.

    Raises:
        ConfigError: it is too short or differs the second time, or there is no terminal to ask at.
        KeyFileRefused: the file is open to others than its owner.
    """
    if passphrase_file:
        passphrase = _read_passphrase(passphrase_file)
    else:
        passphrase = _ask("passphrase for the new key: ")
        if passphrase != _ask("again: "):
            raise ConfigError("the two passphrases differ; run it again")
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise ConfigError(f"a passphrase has at least {SHORTEST_PASSPHRASE} characters; five random words are good")
    if len(passphrase) > LONGEST_PASSPHRASE:
        raise ConfigError(f"a passphrase has at most {LONGEST_PASSPHRASE} bytes, received {len(passphrase)}")
    return passphrase


def _read_passphrase(path: Path) -> bytes:
    return _read_secret(path).rstrip(b"\r\n")


def _read_secret(path: Path) -> bytes:
    """The bytes of a file that only its owner may read; pipes and terminals are their opener's own."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISREG(mode) and mode & _OTHERS:
                raise KeyFileRefused(f"{path} is open to others than its owner; take that away: chmod 600 {path}")
            return file.read(KEY_FILE_BYTES)
    except OSError as cause:
        raise KeyFileRefused(f"{path} cannot be read: {cause.strerror}; name the file that holds the secret") from None


def _ask(prompt: str) -> bytes:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)  # it would show what is typed
            return getpass.getpass(prompt).encode()
    except (getpass.GetPassWarning, EOFError):
        raise ConfigError("there is no terminal to ask for the passphrase: give --passphrase-file") from None
