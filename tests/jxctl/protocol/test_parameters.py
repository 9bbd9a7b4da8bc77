"""The parameter table against the documents it was made from, read here a second time."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest

from jxctl.protocol import parameters
from jxctl.protocol.parameters import (
    PARAMETERS,
    TONE_PARAMETERS,
    Parameter,
    parameter,
    table_hash,
)

TONE_IDS = range(0x80, 0xB0)

# Raw ranges of every switch, copied out by hand: jx_hardware.md 4.5 (tone), 2.3 (performance).
FOURTHS = ((0, 31), (32, 63), (64, 95), (96, 127))
RANGE = dict(zip(("16'", "8'", "4'", "2'"), FOURTHS, strict=True))
WAVE = dict(zip(("noise", "square", "pulse", "sawtooth"), FOURTHS, strict=True))
XMOD = dict(zip(("off", "sync 1", "sync 2", "x-mod"), FOURTHS, strict=True))
OFF_TO_3 = dict(zip(("off", "1", "2", "3"), FOURTHS, strict=True))
MODE = dict(zip(("ENV-2 inverted", "ENV-2", "ENV-1 inverted", "ENV-1"), FOURTHS, strict=True))
HPF = dict(zip(("0", "1", "2", "3"), FOURTHS, strict=True))
BEND = dict(zip(("2", "3", "4", "7"), FOURTHS, strict=True))
CHORUS = {"off": (0, 31), "1": (32, 63), "2": (64, 127)}
LFO = {"random": (0, 31), "square": (32, 63), "triangle": (64, 127)}
OFF_ON = {"off": (0, 63), "on": (64, 127)}
# fmt: off
TUNE = {
    "-12": (0, 5), "-11": (6, 10), "-10": (11, 15), "-9": (16, 20), "-8": (21, 25), "-7": (26, 30),
    "-6": (31, 35), "-5": (36, 40), "-4": (41, 45), "-3": (46, 50), "-2": (51, 55), "-1": (56, 60),
    "0": (61, 66),
    "+1": (67, 71), "+2": (72, 76), "+3": (77, 81), "+4": (82, 86), "+5": (87, 91), "+6": (92, 96),
    "+7": (97, 101), "+8": (102, 106), "+9": (107, 111), "+10": (112, 116), "+11": (117, 121),
    "+12": (122, 127),
}
BINS = {
    0x80: RANGE, 0x81: WAVE, 0x82: TUNE, 0x85: RANGE, 0x86: WAVE, 0x87: XMOD, 0x88: TUNE,
    0x8F: OFF_TO_3, 0x90: MODE, 0x94: OFF_TO_3, 0x95: MODE, 0x96: HPF, 0x9C: OFF_TO_3, 0x9D: MODE,
    0x9F: OFF_TO_3, 0xA0: CHORUS, 0xA1: LFO, 0xA8: OFF_TO_3, 0xAD: OFF_TO_3,
    0xAF: {"gate": (0, 63), "ENV-2": (64, 127)},
    0xB5: OFF_ON, 0xB6: OFF_ON, 0xB7: BEND, 0xB8: OFF_ON, 0xB9: OFF_ON, 0xBA: OFF_ON, 0xBB: OFF_ON,
    0xBD: OFF_ON, 0xBF: {"down": (0, 63), "up": (64, 127)},
}
# fmt: on


def test_ids_run_from_80_to_bf_without_gap() -> None:
    assert [p.id for p in PARAMETERS] == list(range(0x80, 0xC0))
    assert [p.id for p in TONE_PARAMETERS] == list(TONE_IDS)
    assert [p.column for p in TONE_PARAMETERS] == list(range(48))
    assert [p.is_tone for p in PARAMETERS] == [True] * 48 + [False] * 16


def test_names_and_numbers_are_those_of_the_thesis(shared: Path) -> None:
    (thesis,) = (shared / "papers").glob("003_*.txt")
    lines = re.findall(r"^SOUND\.PARAM\.(\S+) equ \$([0-9A-F]{2})$", thesis.read_text("utf-8"), re.MULTILINE)
    printed = {int(number, 16): name.replace(".", " ") for name, number in lines}
    ours = {p.id: p.name for p in PARAMETERS}
    assert len(lines) == len(printed) == 63
    assert set(ours) - set(printed) == {0xAE}, "the one number that Appendix A leaves out"
    assert {id: ours[id] for id in printed} == printed


def cross_reference(text: str) -> dict[int, tuple[int, str]]:
    """Bus id -> (SysEx number, positions) from the first table of section 2.3."""
    section = text.split("### 2.3")[1].split("### 2.4")[0]
    row = r"^\| ([0-9A-F]{2})(?:-([0-9A-F]{2}))? \| (\d\d)(?:-\d\d)? \| [^|]+ \| (.*) \|$"
    found = {}
    for first, last, sysex, meaning in re.findall(row, section, re.MULTILINE):
        for offset in range(int(last or first, 16) - int(first, 16) + 1):
            found[int(first, 16) + offset] = (int(sysex) + offset, meaning)
    return found


def test_sysex_numbers_and_positions_are_those_of_the_dossier(shared: Path) -> None:
    table = cross_reference((shared / "reference" / "jx_hardware.md").read_text("utf-8"))
    assert sorted(table) == list(TONE_IDS)
    for id, (sysex, meaning) in table.items():
        p = parameter(id)
        assert p.sysex == sysex, p.name
        many = re.match(r"(0-127|idem)|(\d+)", meaning)
        if id == 0xAE:
            assert p.kind == "level"
        else:
            assert many is not None, meaning
            assert p.positions == (128 if many[1] else int(many[2])), p.name


def test_sysex_numbers_follow_the_rule_and_stop_at_the_tone() -> None:
    assert [p.sysex for p in TONE_PARAMETERS] == list(range(11, 59))
    assert [p.sysex for p in PARAMETERS[48:]] == [None] * 16


def test_the_switches_are_these_and_no_others() -> None:
    assert {p.id for p in PARAMETERS if p.kind == "switch"} == set(BINS)
    assert all(p.labels == p.starts == () and p.positions == 128 for p in PARAMETERS if p.kind == "level")


@pytest.mark.parametrize("id", BINS, ids=lambda id: parameter(id).name)
def test_every_raw_value_falls_in_exactly_its_position(id: int) -> None:
    p, bins = parameter(id), BINS[id]
    assert p.labels == tuple(bins)
    for raw in range(128):
        (expected,) = [label for label, (low, high) in bins.items() if low <= raw <= high]
        assert p.label(raw) == expected
        assert p.labels[p.position(raw)] == expected
    assert [p.start(position) for position in range(p.positions)] == [low for low, _ in bins.values()]


def test_tune_covers_an_octave_either_way_and_64_is_in_tune() -> None:
    for p in (parameter("DCO1 TUNE"), parameter("DCO2 TUNE")):
        assert p.positions == 25
        assert (p.label(0), p.label(64), p.label(127)) == ("-12", "0", "+12")
        # Six raw values at both ends and in the middle, five elsewhere.
        sizes = [sum(p.position(raw) == position for raw in range(128)) for position in range(25)]
        assert sizes == [6, *[5] * 11, 6, *[5] * 11, 6]


def test_a_factory_value_inside_a_bin_is_read() -> None:
    # One JX-8P factory tone holds 4C for DCO-1 range (jx_hardware.md 4.5).
    assert parameter("DCO1 RANGE").label(0x4C) == "4'"


def test_the_pg800_controls_are_its_44() -> None:
    # jx_hardware.md 3.2: the wire order of the programmer's controls.
    order = "80 81 82 85 86 87 88 89 91 92 96 97 98 9E AF 9B 83 84 8A 8B 93 99 9A 8F 90 94 95 9C 9D A1 A2 A3"
    order += " A4 A5 A6 A7 A8 A9 AA AB AC AD A0 9F"
    assert len(order.split()) == 44
    assert {p.id for p in PARAMETERS if p.pg800} == {int(id, 16) for id in order.split()}


def test_what_is_called_captured_is_in_the_capture(shared: Path) -> None:
    data = (shared / "data" / "captures" / "superjx_patch_load_bus.bin").read_bytes()
    seen = {command for command, value in itertools.pairwise(data) if 0x80 <= command < 0xC0 and value < 0x80}
    claimed = {p.id for p in PARAMETERS if p.evidence == "captured"}
    assert claimed
    assert claimed <= seen
    assert seen <= {p.id for p in PARAMETERS}


def test_rows_whose_meaning_is_not_certain_say_so() -> None:
    assert parameter(0xAE).evidence == "captured"
    assert "meaning unknown" in parameter(0xAE).note
    assert all(p.note for p in PARAMETERS if p.evidence in ("inferred", "assumed"))
    # A level whose law no profile could name would be silent in the simulator.
    assert [p.id for p in PARAMETERS if p.kind == "level" and not p.law] == [0xAE]


@pytest.mark.parametrize("key", ["VCF FREQ", "vcf freq", "VCF.FREQ", "vcf_freq", 0x97])
def test_a_parameter_is_found_by_id_and_by_any_spelling(key: int | str) -> None:
    assert parameter(key).id == 0x97


@pytest.mark.parametrize("key", [0x7F, 0xC0, -1, "VCF", "", "NO SUCH"])
def test_what_is_not_in_the_table_is_a_key_error(key: int | str) -> None:
    with pytest.raises(KeyError):
        parameter(key)


def changed(id: int, **changes: object) -> tuple[Parameter, ...]:
    return tuple(replace(p, **changes) if p.id == id else p for p in PARAMETERS)


@pytest.mark.parametrize(
    "rows",
    [
        PARAMETERS[:5] + PARAMETERS[6:],
        (*PARAMETERS[:5], PARAMETERS[4], *PARAMETERS[5:]),
        changed(0xA0, starts=(1, 32, 64)),
        changed(0xA0, starts=(0, 64, 32)),
        changed(0xA0, starts=(0, 32, 128)),
        changed(0xA0, labels=("off", "1")),
    ],
    ids=["gap", "overlap", "bins start late", "bins fall", "bins pass 127", "label missing"],
)
def test_a_damaged_table_is_refused(rows: tuple[Parameter, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "PARAMETERS", rows)
    with pytest.raises(AssertionError):
        parameters._check()


def test_the_hash_changes_with_the_meaning_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    before = table_hash()
    assert re.fullmatch(r"[0-9a-f]{16}", before)
    meanings = [
        {"name": "CHORUS TYPE"},
        {"starts": (0, 32, 65)},
        {"labels": ("off", "2", "1")},
        {"kind": "level", "labels": (), "starts": ()},
    ]
    for meaning in meanings:
        monkeypatch.setattr(parameters, "TONE_PARAMETERS", changed(0xA0, **meaning)[:48])
        assert table_hash() != before, meaning
    monkeypatch.setattr(parameters, "TONE_PARAMETERS", changed(0xA0, note="reworded")[:48])
    assert table_hash() == before
