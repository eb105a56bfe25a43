"""Key files: for their owner's eyes, locked by a passphrase, and in no message, argument or document."""

import base64
import os
import select
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sortline_bundle.command import main
from sortline_bundle.errors import ConfigError, KeyFileRefused
from sortline_bundle.trust.keyfiles import make_key_files, new_passphrase, read_private_key, read_public_key
from sortline_bundle.trust.private import public_bytes

PASSPHRASE = b"five random words are good"


@pytest.fixture
def alice(tmp_path):
    """A locked key's files, with their passphrase in a third."""
    made = make_key_files(tmp_path / "alice", PASSPHRASE)
    passphrase = tmp_path / "passphrase"
    passphrase.write_bytes(PASSPHRASE + b"\n")
    passphrase.chmod(0o600)
    return made, passphrase


def pem_of(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_secret(path, data):
    path.write_bytes(data)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("passphrase", [PASSPHRASE, None])
def test_a_key_is_for_its_owner_only_from_the_first_moment(tmp_path, passphrase, monkeypatch):
    modes = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (modes.append(os.fstat(handle).st_mode), fsync(handle)))
    made = make_key_files(tmp_path / "alice", passphrase)
    assert stat.S_IMODE(modes[0]) == stat.S_IMODE(made.private.stat().st_mode) == 0o600
    assert (b"ENCRYPTED" in made.private.read_bytes()) == (passphrase is not None)
    assert read_public_key(made.public) == made.public_key
    assert {path.name for path in tmp_path.iterdir()} == {"alice.key", "alice.pub"}


def test_a_key_is_opened_by_its_passphrase_alone(alice, tmp_path):
    made, passphrase = alice
    assert public_bytes(read_private_key(made.private, passphrase)) == made.public_key
    for wrong in (PASSPHRASE + b" ", PASSPHRASE[:-1], b"", b"\xff" * 20):
        path = write_secret(tmp_path / "wrong", wrong)
        with pytest.raises(KeyFileRefused, match="is damaged, or that is not its passphrase") as caught:
            read_private_key(made.private, path)
        assert PASSPHRASE.decode() not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o777])
@pytest.mark.parametrize("which", ["key", "passphrase"])
def test_59_secrets_that_are_open_to_others_are_refused(alice, mode, which):
    made, passphrase = alice
    path = made.private if which == "key" else passphrase
    path.chmod(mode)
    with pytest.raises(KeyFileRefused, match=f"{path} is open to others .* chmod 600 {path}"):
        read_private_key(made.private, passphrase)


@pytest.mark.parametrize("there", ["alice.key", "alice.pub"])
def test_a_key_is_never_overwritten(tmp_path, there):
    (tmp_path / there).write_bytes(b"precious")
    with pytest.raises(ConfigError, match=f"{there} is there already and is not overwritten"):
        make_key_files(tmp_path / "alice", None)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(there, b"precious")]


def test_half_a_pair_is_not_left(tmp_path, monkeypatch):
    writes = []

    def fail_second(handle):
        writes.append(handle)
        if len(writes) == 3:  # the first file, its folder, the second file
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail_second)
    with pytest.raises(OSError, match="No space left"):
        make_key_files(tmp_path / "alice", None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is no private key"),
        (b"\xff" * 100, "is no private key"),
        (b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "is damaged"),
        (pem_of(ed448.Ed448PrivateKey.generate()), "is no Ed25519 key"),
        (pem_of(x25519.X25519PrivateKey.generate()), "is no Ed25519 key"),
    ],
)
def test_what_is_no_private_key_is_refused(tmp_path, data, says, alice):
    with pytest.raises(KeyFileRefused, match=says):
        read_private_key(write_secret(tmp_path / "some.key", data), alice[1])


def test_what_is_no_public_key_is_refused(tmp_path, alice):
    other = ed448.Ed448PrivateKey.generate().public_key()
    path = tmp_path / "some.pub"
    for data, says in (
        (b"", "is no public key"),
        (alice[0].private.read_bytes(), "is no public key"),
        (other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "is no Ed25519 key"),
        (weak_public_key(), "no safe Ed25519 key"),
        (b" " * 100_000, "is no public key"),
    ):
        path.write_bytes(data)
        with pytest.raises(KeyFileRefused, match=says):
            read_public_key(path)
    for missing in (tmp_path / "absent.pub", tmp_path):
        with pytest.raises(KeyFileRefused, match=f"{missing} cannot be read"):
            read_public_key(missing)


def weak_public_key():
    """A key of all zeros in PEM, under which anybody can sign."""
    der = bytes.fromhex("302a300506032b6570032100") + bytes(32)
    return b"-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(der) + b"\n-----END PUBLIC KEY-----\n"


def test_a_short_passphrase_is_refused(tmp_path):
    for short in (b"", b"\n", b"hello world\n"):
        with pytest.raises(ConfigError, match="at least 12 characters"):
            new_passphrase(write_secret(tmp_path / "short", short))


def on_a_terminal(typed, *words):
    """Run `sortline` on a terminal of its own, with somebody typing; gives exit code and what the terminal showed."""
    ours, theirs = os.openpty()
    # The first terminal that the leader of a session opens becomes the session's own.
    command = [
        "sh",
        "-c",
        'exec "$0" "$@" <"$TERMINAL" >"$TERMINAL" 2>&1',
        sys.executable,
        "-m",
        "sortline_bundle.command",
    ]
    environment = os.environ | {"TERMINAL": os.ttyname(theirs)}
    process = subprocess.Popen([*command, *map(str, words)], env=environment, start_new_session=True)
    shown, answers = b"", list(typed)
    while not (shown.endswith(b"\n") and not answers and process.poll() is not None):
        if select.select([ours], [], [], 0.1)[0]:
            shown += os.read(ours, 1000)
        if shown.endswith(b": ") and answers:
            os.write(ours, answers.pop(0) + b"\n")
    os.close(ours)
    os.close(theirs)
    return process.returncode, shown.decode()


def test_the_passphrase_is_asked_for_twice_and_not_shown(tmp_path):
    name = tmp_path / "alice"
    code, shown = on_a_terminal([PASSPHRASE, PASSPHRASE], "keys", "new", name)
    assert code == 0, shown
    assert PASSPHRASE.decode() not in shown
    public = read_public_key(tmp_path / "alice.pub")
    secret = write_secret(tmp_path / "passphrase", PASSPHRASE)
    assert public_bytes(read_private_key(tmp_path / "alice.key", secret)) == public
    code, shown = on_a_terminal([PASSPHRASE, b"something else"], "keys", "new", tmp_path / "bob")
    assert (code, "the two passphrases differ" in shown) == (3, True)
    assert not (tmp_path / "bob.key").exists()


def test_without_a_terminal_nothing_is_asked(tmp_path, monkeypatch, capsys, alice):
    monkeypatch.setattr("getpass.getpass", no_terminal)
    assert main(["keys", "new", str(tmp_path / "bob")]) == 3
    assert capsys.readouterr().err == (
        "sortline: there is no terminal to ask for the passphrase: give --passphrase-file\n"
    )


def no_terminal(prompt):
    import getpass
    import warnings

    warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=2)
    return "typed for all to see"


def test_59_the_secret_is_nowhere_but_in_its_file(tmp_path, put, bundle_data, capsys):
    path, name = put(bundle_data), tmp_path / "alice"
    secret = Path(write_secret(tmp_path / "passphrase", PASSPHRASE))
    assert main(["keys", "new", str(name), "--passphrase-file", str(secret)]) == 0
    key = read_private_key(tmp_path / "alice.key", secret)
    assert main(["sign", str(path), "--key", f"{name}.key", "--passphrase-file", str(secret)]) == 0
    assert main(["sign", f"{name}.pub", "--key", f"{name}.key", "--passphrase-file", str(secret)]) == 6
    seed = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    streams = capsys.readouterr()
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path != secret]
    for text in [streams.out.encode(), streams.err.encode(), *written]:
        for form in (seed, seed.hex().encode(), base64.b64encode(seed), PASSPHRASE):
            assert form not in text


def test_a_passphrase_longer_than_openssl_takes_is_refused(tmp_path):
    passphrase = write_secret(tmp_path / "passphrase", b"x" * 1024)
    with pytest.raises(ConfigError, match="at most 1023 bytes, received 1024"):
        new_passphrase(passphrase)


def test_a_key_needs_a_name():
    with pytest.raises(ConfigError, match=r"\. is no name for a key"):
        make_key_files(Path(), None)
