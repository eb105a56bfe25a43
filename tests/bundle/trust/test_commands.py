"""`sortline keys`, `sign`, `verify`, `announce`: the way of the guide, and what is refused on it."""

import json
import subprocess
import sys

import pytest

from sortline_bundle.archive import open_bundle
from sortline_bundle.command import main
from sortline_bundle.trust.ed25519 import key_id
from sortline_bundle.trust.keyfiles import make_key_files, read_public_key
from sortline_bundle.trust.keyring import Keyring
from sortline_bundle.trust.signatures import SIGNATURES_BYTES


@pytest.fixture
def shop(tmp_path, put, bundle_data, monkeypatch):
    """A folder with keys of Alice, Bob and Carol, a keyring that asks two of them for a bundle, and a bundle."""
    monkeypatch.chdir(tmp_path)
    for name in ("alice", "bob", "carol"):
        make_key_files(tmp_path / name, None)
    put(bundle_data, "some.sortline")
    keys = ["alice.pub", "bob.pub=bundle,channel", "carol.pub=keyring"]
    assert main(["keys", "ring", "new", *keys, "--threshold", "bundle=2", "-o", "ring-1.json"]) == 0
    return tmp_path


@pytest.fixture
def does(capsys):
    """Runs `sortline ...` and gives its exit code, output and error."""

    def run(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        return code, *capsys.readouterr()

    return run


def ok(ran):
    code, out, error = ran
    assert (code, error) == (0, "")
    return out


def test_a_bundle_is_trusted_once_enough_have_signed_it(shop, does):
    before = open_bundle(shop / "some.sortline")
    code, _, error = does("verify", "some.sortline", "--keyring", "ring-1.json")
    assert (code, "asks for 2 of its keys to sign a bundle, and 0 did" in error) == (6, True)
    for name in ("alice", "carol", "alice"):
        ok(does("sign", "some.sortline", "--key", f"{name}.key"))
    code, _, error = does("verify", "some.sortline", "--keyring", "ring-1.json")
    assert (code, "1 did" in error, "may not sign a bundle" in error) == (6, True, True)
    assert "signatures on it: 3" in ok(does("sign", "some.sortline", "--key", "bob.key"))
    out = ok(does("verify", "some.sortline", "--keyring", "ring-1.json"))
    for shown in ("waste-7, version 3, is trusted", before.digest, " alice\n", " bob\n", "may not sign a bundle"):
        assert shown in out
    assert open_bundle(shop / "some.sortline").digest == before.digest
    verdict = json.loads(ok(does("verify", "some.sortline", "--keyring", "ring-1.json", "--json")))
    assert sorted(signer["label"] for signer in verdict["signers"]) == ["alice", "bob"]
    assert [one["reason"] for one in verdict["not_counted"]] == ["may not sign a bundle"]
    assert (verdict["kind"], verdict["digest"], verdict["alarms"]) == ("bundle", before.digest, [])


def test_inspect_says_who_signed_and_that_it_has_not_checked(shop, does):
    assert "signed   by nobody\n" in ok(does("inspect", "some.sortline"))
    ok(does("sign", "some.sortline", "--key", "alice.key"))
    key = key_id(read_public_key(shop / "alice.pub"))
    out = ok(does("inspect", "some.sortline"))
    assert f"signed   by {key[:12]}, which `sortline verify` checks\n" in out
    assert "made for pi5-belt, desk, until 2185-02-28T12:30:00Z\n" in out
    assert json.loads(ok(does("inspect", "some.sortline", "--json")))["signed_by"] == [key]


def sign_for_all(does, path="some.sortline"):
    for name in ("alice", "bob"):
        ok(does("sign", path, "--key", f"{name}.key"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--floor", "4"], "waste-7 3 is older than 4"),
        (["--station", "pi4-belt"], "is made for pi5-belt, desk, and this is pi4-belt"),
    ],
)
def test_verify_refuses_what_does_not_suit_the_station(shop, does, options, says):
    sign_for_all(does)
    ok(does("verify", "some.sortline", "--keyring", "ring-1.json", "--floor", "3", "--station", "desk"))
    code, out, error = does("verify", "some.sortline", "--keyring", "ring-1.json", *options)
    assert (code, out, says in error) == (6, "", True)


def test_a_channel_announces_a_bundle_and_no_other(shop, does, bundle_data, put):
    sign_for_all(does)
    assert "sequence 1 announces waste-7 version 3" in ok(does("announce", "some.sortline", "-o", "channel.json"))
    ok(does("sign", "channel.json", "--key", "bob.key"))
    assert " bob\n" in ok(does("verify", "channel.json", "--keyring", "ring-1.json"))
    told = ("--keyring", "ring-1.json", "--channel", "channel.json")
    ok(does("verify", "some.sortline", *told))
    assert "sequence 2" in ok(does("announce", "some.sortline", "-o", "channel.json", "--days", "1"))
    assert not (shop / "channel.json.sig").exists()
    code, _, error = does("verify", "some.sortline", *told)  # announced anew, and not signed anew
    assert (code, "to sign a channel, and 0 did" in error) == (6, True)
    ok(does("sign", "channel.json", "--key", "alice.key"))
    ok(does("verify", "channel.json", "--keyring", "ring-1.json", "--floor", "2"))
    assert does("verify", "channel.json", "--keyring", "ring-1.json", "--floor", "3")[0] == 6
    text = (shop / "channel.json").read_text().replace(open_bundle(shop / "some.sortline").digest, "0" * 64)
    (shop / "channel.json").write_text(text)
    ok(does("sign", "channel.json", "--key", "alice.key"))
    code, _, error = does("verify", "some.sortline", *told)
    assert (code, "is not the newest: the channel announces version 3 (000000000000)" in error) == (6, True)


def announce_in(year, shop, does):
    """A channel of that year, signed."""
    ok(does("announce", "some.sortline", "-o", "channel.json"))
    document = json.loads((shop / "channel.json").read_text())
    document.update(created=f"{year}-01-01T00:00:00Z", expires=f"{year}-02-01T00:00:00Z")
    (shop / "channel.json").write_text(json.dumps(document))
    ok(does("sign", "channel.json", "--key", "alice.key"))


def test_a_channel_tells_what_time_it_is_at_least(shop, does):
    sign_for_all(does)
    announce_in(2190, shop, does)
    ok(does("verify", "some.sortline", "--keyring", "ring-1.json"))
    code, _, error = does("verify", "some.sortline", "--keyring", "ring-1.json", "--channel", "channel.json")
    assert code == 6
    assert "waste-7 version 3 has expired: 2185-02-28T12:30:00Z, and it is 2190-01-01T00:00:00Z" in error


def test_an_old_channel_is_an_alarm(shop, does):
    sign_for_all(does)
    announce_in(2020, shop, does)
    out = ok(does("verify", "some.sortline", "--keyring", "ring-1.json", "--channel", "channel.json"))
    assert "alarm        channel expired\n" in out


def test_a_key_is_taken_out_by_a_successor_and_what_it_signed_counts_no_more(shop, does):
    sign_for_all(does)
    options = ("--threshold", "bundle=1", "--expires", "2190-01-31", "-o", "ring-2.json")
    out = ok(does("keys", "ring", "remove", "ring-1.json", "alice", *options))
    assert "to be signed by at least 1 of the keyring in use: alice, carol\n" in out
    assert "to be signed by at least 1 of the keyring new: carol\n" in out
    assert "version 2" in out
    assert "until 2190-01-31T00:00:00Z" in out
    told = ("--keyring", "ring-1.json")
    assert does("verify", "ring-2.json", *told)[0] == 6
    ok(does("sign", "ring-2.json", "--key", "alice.key"))
    assert does("verify", "ring-2.json", *told)[0] == 6
    ok(does("sign", "ring-2.json", "--key", "carol.key"))
    assert "keyring version 2 follows version 1\n" in ok(does("verify", "ring-2.json", *told))
    verdict = json.loads(ok(does("verify", "ring-2.json", *told, "--json")))
    assert {signer["label"] for signer in verdict["signers"]} == {"alice", "carol"}
    out = ok(does("verify", "some.sortline", "--keyring", "ring-2.json"))
    assert "is not in the keyring" in out
    ok(does("keys", "ring", "remove", "ring-1.json", key_id(read_public_key(shop / "carol.pub")), "-o", "other.json"))
    assert "carol" not in (shop / "other.json").read_text()


def test_a_key_is_added_or_given_other_roles(shop, does):
    make_key_files(shop / "dave", None)
    ok(does("keys", "ring", "add", "ring-1.json", "dave.pub", "carol.pub=channel", "-o", "ring-2.json"))
    ring = Keyring.parse((shop / "ring-2.json").read_bytes())
    assert {key.label: set(key.roles) for key in ring.keys} == {
        "alice": {"bundle", "keyring", "channel"},
        "bob": {"bundle", "channel"},
        "dave": {"bundle", "keyring", "channel"},
        "carol": {"channel"},
    }
    assert (ring.version, ring.thresholds.bundle) == (2, 2)


def test_show_tells_of_a_key_and_of_a_keyring(shop, does):
    public = read_public_key(shop / "alice.pub")
    assert ok(does("keys", "show", "alice.pub")) == f"id      {key_id(public)}\npublic  {public.hex()}\n"
    assert json.loads(ok(does("keys", "show", "alice.pub", "--json"))) == {"id": key_id(public), "public": public.hex()}
    assert "a bundle is signed by at least 2 of these\n" in ok(does("keys", "show", "ring-1.json"))
    shown = json.loads(ok(does("keys", "show", "ring-1.json", "--json")))["keyring"]
    assert [key["label"] for key in shown["keys"]] == ["alice", "bob", "carol"]


@pytest.mark.parametrize(
    ("code", "words", "says"),
    [
        (3, "keys ring new alice.pub -o ring-1.json", "ring-1.json is there already and is not overwritten"),
        (3, "keys ring remove ring-1.json dave -o ring-2.json", "ring-1.json has no key 'dave'"),
        (3, "announce some.sortline -o channel.json --days 0", "--days must be from 1 to 3660, received 0"),
        (3, "verify ring-1.json --keyring ring-1.json --station desk", "--station and --channel are for bundles"),
        (3, "verify some.sortline --keyring ring-1.json --channel ring-1.json", "is a keyring; name a channel"),
        (6, "keys ring remove ring-1.json alice -o ring-2.json", "2 keys must sign a bundle, and 1 may"),
        (3, "keys ring new absent.pub -o ring-2.json", "absent.pub cannot be read: No such file"),
        (6, "keys show absent.pub", "absent.pub cannot be read: No such file"),
        (3, "sign some.sortline --key absent.key", "absent.key cannot be read: No such file"),
        (6, "sign absent.sortline --key alice.key", "absent.sortline cannot be read: No such file"),
        (6, "sign alice.pub --key alice.key", "alice.pub: not a whole bundle"),
        (6, "verify some.sortline --keyring some.sortline", "some.sortline: keyring: not the JSON expected"),
        (6, "verify ring-1.json --keyring ring-1.json", "keyring version 1 is offered where version 1 is in use"),
        (6, "announce some.sortline -o ring-1.json", "ring-1.json: channel: `format`: received 'sortline-keyring'"),
        (2, "keys ring new alice.pub=boss -o ring-2.json", "roles are bundle, keyring, channel, received 'boss'"),
        (2, "keys ring new alice.pub --threshold 2 -o ring-2.json", "as in bundle=2"),
        (2, "keys ring new alice.pub --expires tomorrow -o ring-2.json", "as in 2028-01-31"),
        (2, "keys new alice --unencrypted --passphrase-file some", "not allowed with argument"),
    ],
)
def test_what_cannot_be_done_is_told_and_leaves_nothing(shop, does, capsys, code, words, says):
    before = {path.name: path.read_bytes() for path in shop.iterdir()}
    if code == 2:
        with pytest.raises(SystemExit) as caught:
            does(*words.split())
        ended, error = caught.value.code, capsys.readouterr().err
    else:
        ended, out, error = does(*words.split())
        assert out == ""
        assert error.count("\n") == 1
    assert ended == code
    assert says in error
    assert {path.name: path.read_bytes() for path in shop.iterdir()} == before


def test_11_signatures_beside_a_document_are_read_to_their_limit_only(shop, does):
    (shop / "ring-1.json.sig").write_bytes(b" " * (10 << 20))
    code, _, error = does("sign", "ring-1.json", "--key", "alice.key")
    assert code == 6
    assert f"ring-1.json.sig: signatures: {SIGNATURES_BYTES + 1} bytes, where at most" in error


def test_a_signature_is_added_whole_or_not_at_all(shop, does, monkeypatch):
    before = (shop / "some.sortline").read_bytes()
    monkeypatch.setattr("pathlib.Path.replace", full)
    code, _, error = does("sign", "some.sortline", "--key", "alice.key")
    assert (code, "No space left" in error) == (7, True)
    assert (shop / "some.sortline").read_bytes() == before
    assert len(list(shop.iterdir())) == 8


def full(*_):
    raise OSError(28, "No space left on device")


def test_checking_loads_no_cryptography_until_there_is_a_signature(shop):
    code = (
        "import pathlib, sys; from sortline_bundle.archive import open_bundle; open_bundle(pathlib.Path(sys.argv[1]));"
        "from sortline_bundle.trust import keyring, verify; sys.exit('cryptography' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, shop / "some.sortline"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_keyring_may_have_a_key_that_is_called_like_a_channel(shop, does):
    make_key_files(shop / "sortline-channel", None)
    ok(does("keys", "ring", "new", "sortline-channel.pub", "-o", "named.json"))
    assert "keyring signed with key" in ok(does("sign", "named.json", "--key", "sortline-channel.key"))


def test_a_successor_runs_out_when_the_one_before_does_unless_it_is_told_otherwise(shop, does):
    ok(does("keys", "ring", "new", "alice.pub", "--expires", "2031-01-31", "-o", "first.json"))
    ok(does("keys", "ring", "add", "first.json", "bob.pub", "-o", "second.json"))
    ok(does("keys", "ring", "remove", "second.json", "bob", "--expires", "never", "-o", "third.json"))
    expires = [
        Keyring.parse((shop / name).read_bytes()).expires for name in ("first.json", "second.json", "third.json")
    ]
    assert expires == ["2031-01-31T00:00:00Z", "2031-01-31T00:00:00Z", None]


def test_a_floor_is_not_for_keyrings(shop, does):
    code, _, error = does("verify", "ring-1.json", "--keyring", "ring-1.json", "--floor", "2")
    assert (code, "--floor is not for keyrings" in error) == (3, True)
