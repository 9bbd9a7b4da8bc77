"""Import of folders: not one tone lost or altered, damage named, the same again when it is done again."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from jxctl.errors import JxError, UsageError
from jxctl.librarian.importing import import_paths
from jxctl.librarian.index import Library
from jxctl.librarian.search import by_name, chosen, duplicates
from jxctl.library.files import encoded
from jxctl.protocol.bank import Bank
from jxctl.protocol.patch import Patch
from jxctl.protocol.tone import INIT_TONE, Tone
from simulator.prior import read_table

Run = Callable[..., subprocess.CompletedProcess[str]]

SINGLES, IMAGES, BANKS = 700, 16, 15


def apr(tone: Tone) -> bytes:
    """A whole JX-8P tone message, by hand (jx_hardware.md 4.4)."""
    return (
        bytes.fromhex("F0 41 35 00 21 20 01")
        + tone.name_bytes
        + bytes([tone.byte_10])
        + tone.values
        + b"\xf7"
    )


def image(tones: list[Tone]) -> bytes:
    """A cartridge image: 160 bytes of header, then 32 records of 59 bytes (4.8)."""
    return bytes(160) + b"".join(tone.record for tone in tones)


def stored(library: Library) -> list[tuple[str, bytes]]:
    """Name and values of every tone, in an order of their own."""
    return sorted((each.name, each.tone.values) for each in library.tones())


@pytest.fixture(scope="module")
def real(shared: Path) -> list[Tone]:
    """The tones of the table that share no sound, with their names."""
    values, names, _ = read_table(shared / "data" / "tones_dev.csv")
    return [Tone(bytes(row)).named(name) for row, name in zip(values, names, strict=True)]


@pytest.fixture(scope="module")
def folder(real: list[Tone], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Tone]]:
    """A player's folder, and all the tones in it, duplicates counted."""
    root = tmp_path_factory.mktemp("owner")
    rng = random.Random(22)
    every: list[Tone] = []
    (root / "singles").mkdir()
    for number in range(SINGLES):
        # 439 different ones, then the first 261 again under other names.
        tone = real[number % len(real)]
        tone = tone if number < len(real) else tone.named(f"AGAIN {number}")
        every.append(tone)
        (root / "singles" / f"{number:03}.syx").write_bytes(apr(tone))
    (root / "cartridges").mkdir()
    for number in range(IMAGES):
        tones = rng.sample(real, 32)
        every += tones
        (root / "cartridges" / f"{number:02}.bin").write_bytes(image(tones))
    (root / "banks").mkdir()
    for number in range(BANKS):
        tones = rng.sample(real, 50)
        every += tones
        bank = Bank("mks70", {slot: Patch.init() for slot in range(64)}, dict(enumerate(tones)))
        (root / "banks" / f"{number:02}.syx").write_bytes(encoded(bank, "syx"))
    return root, every


def test_a_folder_is_imported_without_losing_or_altering_a_tone(
    folder: tuple[Path, list[Tone]], real: list[Tone], tmp_path: Path
) -> None:
    root, every = folder
    with Library(tmp_path / "l.sqlite", create=True) as library:
        done = import_paths(library, [root])
        said = done.to_json()
        assert said["files_read"] == SINGLES + IMAGES + BANKS == 731
        assert [said[f"files_{state}"] for state in ("repaired", "unchanged", "unreadable", "foreign")] == [
            0
        ] * 4
        assert said["tones_added"] == len(every) == 700 + 16 * 32 + 15 * 50
        assert said["patches_added"] == 15 * 64
        assert stored(library) == sorted((tone.name, tone.values) for tone in every)
        assert said["sounds_added"] == len({tone.values for tone in real})
        groups = duplicates(library)
        counts = {tone.values: 0 for tone in every}
        for tone in every:
            counts[tone.values] += 1
        assert sorted(len(group) for group in groups) == sorted(n for n in counts.values() if n > 1)


def test_an_import_again_changes_nothing_and_goes_on_where_it_ended(
    folder: tuple[Path, list[Tone]], tmp_path: Path
) -> None:
    root, every = folder

    class StoppedError(Exception):
        pass

    def interrupt(done: int, path: str) -> None:
        if done == 300:
            raise StoppedError

    with Library(tmp_path / "l.sqlite", create=True) as library:
        with pytest.raises(StoppedError):
            import_paths(library, [root], report=interrupt)
        first = import_paths(library, [root])
        assert (first.count("unchanged"), first.count("read")) == (300, 431)
        whole = stored(library)
        assert len(whole) == len(every)
        second = import_paths(library, [root, root / "singles"])
        assert (second.count("unchanged"), len(second.files)) == (731, 731)
        assert second.sounds == second.sounds_before
        again = import_paths(library, [root], again=True)
        assert again.count("read") == 731
        assert stored(library) == whole


def test_damage_is_named_and_costs_only_what_is_damaged(real: list[Tone], tmp_path: Path) -> None:
    root = tmp_path / "damaged"
    root.mkdir()
    good = [apr(tone) for tone in real[:6]]
    (root / "whole.syx").write_bytes(good[0])
    (root / "cut.syx").write_bytes(good[1] + good[2][:40])
    (root / "noise.syx").write_bytes(b"\x12\x34" * 50)
    (root / "readme.txt").write_text("my tones")
    (root / "half.bin").write_bytes(image([*real[:32]])[:1000])
    with Library(tmp_path / "l.sqlite", create=True) as library:
        done = import_paths(library, [root])
        states = {Path(file.path).name: file.state for file in done.files}
        assert states == {
            "whole.syx": "read", "cut.syx": "repaired", "noise.syx": "unreadable",
            "readme.txt": "foreign", "half.bin": "unreadable",
        }  # fmt: skip
        assert all(file.account for file in done.files if file.state not in ("read", "foreign"))
        assert stored(library) == sorted((tone.name, tone.values) for tone in real[:2])
        cut = next(file for file in library.files() if file.path.endswith("cut.syx"))
        assert cut.account
        assert library.content(cut.id) == good[1] + good[2][:40]


def test_the_cases_that_owners_have_are_stored_with_their_account(shared: Path, tmp_path: Path) -> None:
    cases = shared / "cases" / "sysex"
    with Library(tmp_path / "l.sqlite", create=True) as library:
        done = import_paths(library, [cases])
        states = {Path(file.path).name: file.state for file in done.files}
        # One tone with bit 7 set, a bulk dump without F7, one with two messages damaged: all are read.
        for name in ("value_bit7.syx", "mks_nof7_all.syx", "dropped.syx"):
            assert states[name] == "repaired"
        held = {Path(file.path).name: file for file in library.files()}
        assert held["value_bit7.syx"].tones == 1
        assert (held["mks_nof7_all.syx"].patches, held["mks_nof7_all.syx"].tones) == (64, 50)
        for file in library.files():
            assert file.account or file.state == "read"
            assert library.content(file.id) == (cases / Path(file.path).name).read_bytes()


def test_every_bank_of_a_file_is_stored(real: list[Tone], tmp_path: Path) -> None:
    one, two = (Bank("mks70", {}, dict(enumerate(real[k : k + 50]))) for k in (0, 50))
    (tmp_path / "two.syx").write_bytes(encoded(one, "syx") + encoded(two, "syx"))
    with Library(tmp_path / "l.sqlite", create=True) as library:
        assert import_paths(library, [tmp_path / "two.syx"]).to_json()["tones_added"] == 100
        assert stored(library) == sorted((tone.name, tone.values) for tone in real[:100])
        assert [(each.bank, each.slot) for each in library.tones()] == [
            (bank, slot) for bank in (0, 1) for slot in range(50)
        ]
        assert library.tones()[50].address == "two.syx bank 2 tone 1"


def test_a_changed_file_is_stored_beside_its_former_content(real: list[Tone], tmp_path: Path) -> None:
    file = tmp_path / "one.syx"
    with Library(tmp_path / "l.sqlite", create=True) as library:
        for tone in real[:2]:
            file.write_bytes(apr(tone))
            assert import_paths(library, [file]).count("read") == 1
        assert [each.name for each in library.tones()] == [real[1].name]
        assert [each.name for each in library.tones(former=True)] == [real[0].name, real[1].name]
        assert [each.former for each in library.files()] == [True, False]
        file.write_bytes(apr(real[0]))
        import_paths(library, [file])
        assert [each.name for each in library.tones()] == [real[0].name]
        assert len(library.tones(former=True)) == 2


def test_duplicates_are_by_what_sounds(tmp_path: Path) -> None:
    same = INIT_TONE.with_values({"DCO1 RANGE": 33}).named("OTHER")
    other = INIT_TONE.with_values({"VCF FREQ": 126})
    assert INIT_TONE.raw("DCO1 RANGE") == 32
    for name, tone in {"a": INIT_TONE, "b": same, "c": other}.items():
        (tmp_path / f"{name}.syx").write_bytes(apr(tone))
    with Library(tmp_path / "l.sqlite", create=True) as library:
        import_paths(library, [tmp_path / f"{name}.syx" for name in "abc"])
        assert [[each.name for each in group] for group in duplicates(library)] == [["INIT TONE", "OTHER"]]


def test_every_capture_is_kept_byte_for_byte(shared: Path, tmp_path: Path) -> None:
    with Library(tmp_path / "l.sqlite", create=True) as library:
        import_paths(library, [shared / "data" / "captures"])
        counts = {Path(file.path).name: (file.tones, file.patches) for file in library.files()}
        assert counts == {
            "jx8p_m16c_cartridge.bin": (32, 0), "mks70_bulk_bank.syx": (50, 64),
            "superjx_patch_load_bus.bin": (2, 0), "vecoven_v4_apr_set.syx": (81, 64),
            "vecoven_v4_bulk_bank.syx": (50, 64),
        }  # fmt: skip
        for file in library.files():
            assert library.content(file.id) == Path(file.path).read_bytes()
        kinds = {type(each.tone).__name__ for each in library.tones()}
        assert kinds == {"Tone", "ToneV4"}


def test_names_are_searched(real: list[Tone], tmp_path: Path) -> None:
    file = tmp_path / "tones.bin"
    tones = [INIT_TONE.named(f"BRASS {n}") if n < 3 else INIT_TONE.named("Slow Strg") for n in range(32)]
    file.write_bytes(image(tones))
    with Library(tmp_path / "l.sqlite", create=True) as library:
        import_paths(library, [file])
        assert [each.name for each in by_name(library, "brass")] == ["BRASS 0", "BRASS 1", "BRASS 2"]
        assert [each.slot for each in by_name(library, "2 brass")] == [2]
        assert by_name(library, "brasss 1")[0].name == "BRASS 1"
        assert by_name(library, "xylophone") == []
        assert len(chosen(library, ["brass", str(by_name(library, "brass")[0].id)])) == 3
        with pytest.raises(UsageError, match="no tone 9999"):
            chosen(library, ["9999"])


def test_what_is_no_library_is_refused_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no library"):
        Library(tmp_path / "none.sqlite")
    text = tmp_path / "text.sqlite"
    text.write_bytes(b"not a database, but quite a long text" * 100)
    with pytest.raises(UsageError, match="no library, or a damaged one"):
        Library(text, create=True)
    assert text.read_bytes().startswith(b"not a database")
    other = tmp_path / "other.sqlite"
    database = sqlite3.connect(other)
    database.execute("CREATE TABLE mine(x)")
    database.close()
    with pytest.raises(UsageError, match="no library of jx"):
        Library(other)
    newer = tmp_path / "newer.sqlite"
    Library(newer, create=True).close()
    database = sqlite3.connect(newer)
    database.execute("UPDATE setting SET value = '99' WHERE key = 'version'")
    database.commit()
    database.close()
    with pytest.raises(UsageError, match="version 99"):
        Library(newer)


def test_two_writers_do_not_lose_each_others_files(real: list[Tone], tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"{number}.syx").write_bytes(apr(real[number]))
    with Library(tmp_path / "l.sqlite", create=True) as one, Library(tmp_path / "l.sqlite") as two:
        import_paths(one, [tmp_path / "0.syx"])
        import_paths(two, [tmp_path / "1.syx"])
        assert len(one.tones()) == 2


def test_the_commands(jx: Run, real: list[Tone], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for number, tone in enumerate([*real[:3], real[0].named("TWIN")]):
        (tmp_path / "mine" / f"{number}.syx").write_bytes(apr(tone))
    (tmp_path / "mine" / "bad.syx").write_bytes(apr(real[4])[:30])
    where = ("--library", "l.sqlite")
    missing = jx("library", "list", *where)
    assert missing.returncode == 2
    assert "jx library import FOLDER makes one" in missing.stderr
    done = jx("library", "import", "mine", *where, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["format"], said["tones_added"], said["files_unreadable"]) == ("jx.library-import", 4, 1)
    assert "bad.syx" in jx("library", "import", "mine", *where).stdout
    listed = json.loads(jx("library", "list", *where, "--json").stdout)
    assert listed["format"] == "jx.library-tones"
    assert [tone["name"] for tone in listed["tones"]] == [*(tone.name for tone in real[:3]), "TWIN"]
    groups = json.loads(jx("library", "duplicates", *where, "--json").stdout)["groups"]
    assert [[tone["name"] for tone in group] for group in groups] == [[real[0].name, "TWIN"]]
    out = jx("library", "export", *where, "-o", "out", "--family", "jx8p")
    assert out.returncode == 0, out.stderr
    files = sorted(path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert files == sorted(apr(tone) for tone in [*real[:3], real[0].named("TWIN")])
    again = jx("library", "export", *where, "-o", "out")
    assert (again.returncode, "is there already" in again.stderr) == (2, True)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JxError, match="cannot make"):
        Library(tmp_path / "file" / "l.sqlite", create=True)
