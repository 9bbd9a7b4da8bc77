"""What a virtual synth holds when it is switched on."""

from __future__ import annotations

from pathlib import Path

import pytest

from jxctl.errors import UsageError
from jxctl.protocol.tone import INIT_TONE, write_tone
from simulator.instrument.assigner import Assigner
from simulator.instrument.memory import MODELS, Cartridge, Memory, model_named, read_memory

TONE = INIT_TONE.with_values({"VCF FREQ": 33}).named("ALONE")


@pytest.mark.parametrize("model", MODELS)
def test_one_tone_sounds_on_every_board(model: str, tmp_path: Path) -> None:
    write_tone(TONE, tmp_path / "tone.json")
    memory = read_memory(model_named(model), tone=tmp_path / "tone.json")
    assert memory is not None
    assigner = Assigner(model_named(model), memory=memory)
    assigner.power_up()
    assert set(assigner.buffer.tones.values()) == {TONE}


def test_a_cartridge_goes_into_a_jx10_as_it_is(tmp_path: Path) -> None:
    content = bytes(range(256)) * 8
    (tmp_path / "image.bin").write_bytes(content)
    memory = read_memory("jx10", tmp_path / "image.bin")
    assert memory is not None
    assert isinstance(memory.cartridge, Cartridge)
    assert memory.cartridge.content == content


def test_no_file_and_two_files(tmp_path: Path) -> None:
    assert read_memory("mks70") is None
    with pytest.raises(UsageError, match="a tone and a bank") as caught:
        read_memory("mks70", tmp_path, tmp_path)
    assert caught.value.exit_code == 2


def test_models_that_there_are_not() -> None:
    with pytest.raises(UsageError, match="no virtual 'mks80'"):
        model_named("mks80")
    assert Memory.with_tone("mks70", TONE).bank.patches[0].name == "ALONE"
