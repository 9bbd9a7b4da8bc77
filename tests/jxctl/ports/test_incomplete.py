"""Memory is not overwritten from a file that is incomplete, repaired, or one of several banks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jxctl.errors import UsageError
from jxctl.library.files import read_library, write_tone_file
from jxctl.ports import Port
from jxctl.ports.delivery import Delivery, MessageShipment
from jxctl.ports.transfer import Collected
from jxctl.protocol.bank import Bank
from jxctl.protocol.models import Model
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex import PatchData, ToneData, encode, messages_of
from jxctl.protocol.sysex.mks70 import MKS70
from jxctl.protocol.tone import INIT_TONE


class Silent(Port):
    """Takes everything, as MIDI."""

    url, language = "silent:", "midi"

    def write(self, data: bytes) -> None:
        pass

    def close(self) -> None:
        pass


def prepared(file: Path, **choices: object) -> MessageShipment:
    made = Delivery(file, "mks70", **choices).prepare(Silent())  # type: ignore[arg-type]
    assert isinstance(made, MessageShipment)
    return made


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dropped.syx", "missing: patch 8"),
        ("lost_message.syx", "missing: patch 8"),
        ("mks_nof7_all.syx", "F7 is missing"),
        ("crlf.syx", "missing: patches 1, 3-13"),
        ("t0_trunc.mid", "cut short"),
    ],
)
def test_an_incomplete_or_repaired_bank_is_refused(shared: Path, name: str, said: str) -> None:
    file = shared / "cases" / "sysex" / name
    with pytest.raises(UsageError, match=said) as refused:
        prepared(file, write="all")
    assert "--anyway" in refused.value.hint
    shipment = prepared(file, write="all", anyway=True)
    assert any(said in line for line in shipment.warnings())
    assert shipment.to_json()["account"]["whole"] is False


def test_one_whole_patch_of_an_incomplete_file_may_be_stored(shared: Path) -> None:
    file = shared / "cases" / "sysex" / "lost_message.syx"
    shipment = prepared(file, patch=1, write="5")
    assert shipment.slots["patch"] == [4]
    assert "overwrites patch 5" in shipment.dry_text()


def test_of_several_banks_one_has_to_be_named(tmp_path: Path) -> None:
    banks = [
        Bank("mks70", {}, {n: INIT_TONE.named(f"{letter}{n}") for n in range(50)}) for letter in ("A", "B")
    ]
    file = tmp_path / "two.syx"
    file.write_bytes(b"".join(encode(messages_of(bank)) for bank in banks))
    with pytest.raises(UsageError, match="holds 2 banks"):
        prepared(file, write="all")
    shipment = prepared(file, write="all", bank=2)
    assert shipment.plan.messages == messages_of(banks[1])
    assert shipment.slots == {"tone": list(range(50))}


def test_what_is_in_no_file_is_asked_for_before_it_is_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "tones.syx"
    file.write_bytes(encode(messages_of(Bank("mks70", {}, dict.fromkeys(range(50), INIT_TONE)))))
    asked: list[dict[str, list[int]]] = []

    def at_risk(_: Model, slots: dict[str, list[int]]) -> list[str]:
        asked.append(slots)
        return ["tone 3 MINE"]

    made = Delivery(file, "mks70", write="all", at_risk=at_risk).prepare(Silent())
    assert asked == [{"tone": list(range(50))}]
    assert "in no file: tone 3 MINE" in made.warnings()


@pytest.mark.parametrize(
    ("name", "family", "head"),
    [("a.syx", None, "f041350024"), ("a.syx", "jx8p", "f041350021"), ("a.syx", "vecoven4", "f041380024")],
)
def test_a_tone_is_written_in_the_format_of_its_ending(
    tmp_path: Path, name: str, family: None, head: str
) -> None:
    path = tmp_path / name
    write_tone_file(INIT_TONE, path, family)
    content = path.read_bytes()
    assert content[:5].hex() == head
    # One edit-buffer dump, which overwrites no memory.
    assert content.count(b"\xf0") == 1
    write_tone_file(INIT_TONE, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["name"] == "INIT TONE"
    write_tone_file(INIT_TONE, tmp_path / "a.mid", family)
    assert read_library(tmp_path / "a.mid").format == "midi"
    assert len(read_library(tmp_path / "a.mid").bank.tones) == 1


def test_tones_that_are_counted_are_tones() -> None:
    tone, patch = ToneData(wire=MKS70, tone=INIT_TONE), PatchData(wire=MKS70, patch=Patch.init())
    collected = Collected(2, counts_patches=False)
    for message in (patch, tone):
        collected.take(message.encoded())
    assert not collected.complete
    collected.take(tone.encoded())
    assert collected.complete
    assert collected.data == encode([patch, tone, tone])
