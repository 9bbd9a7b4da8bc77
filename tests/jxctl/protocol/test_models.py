"""The models: the matrix of the documents, pacing, and refusals that say what can be done instead."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from jxctl.errors import UsageError
from jxctl.protocol.models import MODELS, cell, markdown_matrix, model
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex import (
    BulkTone,
    Changes,
    EditBufferRequest,
    PatchData,
    Program,
    ToneData,
    Transfer,
)
from jxctl.protocol.sysex.forms import KINDS, Kind, kind_of
from jxctl.protocol.sysex.jx8p import JX8P, WRITE
from jxctl.protocol.sysex.mks70 import MKS70
from jxctl.protocol.sysex.vecoven4 import VECOVEN4
from jxctl.protocol.tone import INIT_TONE

# jx_hardware.md 4.3, read again: receives and sends, as in its table.
DOCUMENTED = {
    "IPR tone": ["rx/tx", "-", "rx", "rx/tx", "rx/tx", "rx/tx", "-"],
    "IPR patch": ["rx/tx", "-", "-", "rx/tx", "rx/tx", "rx/tx", "-"],
    "APR tone": ["rx/tx", "-", "-", "rx/tx", "rx/tx", "rx/tx", "-"],
    "APR patch": ["rx/tx", "-", "-", "rx/tx", "rx/tx", "rx/tx", "-"],
    "PGR": ["rx", "-", "-", "rx/tx", "rx/tx", "rx/tx", "-"],
    "BLD": ["-", "-", "-", "rx/tx", "rx/tx", "rx/tx", "-"],
    "transfer": ["-", "rx/tx", "rx/tx", "-", "-", "-", "-"],
    "request": ["-", "-", "-", "-", "-", "rx", "-"],
    "bus": ["-", "-", "-", "-", "-", "-", "rx"],
}


def test_the_matrix_is_that_of_the_documents() -> None:
    assert list(MODELS) == ["jx8p", "jx10", "jx10-se", "mks70", "vecoven3", "vecoven4", "board"]
    assert {kind: [cell(row, kind) for row in MODELS.values()] for kind in KINDS} == DOCUMENTED


def test_the_markdown_has_a_row_a_kind_and_a_column_a_model() -> None:
    lines = markdown_matrix().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == ["message", *(f"`{name}`" for name in MODELS)]
    assert set(cells[1]) == {"---"}
    assert {row[0]: row[1:] for row in cells[2 : 2 + len(DOCUMENTED)]} == DOCUMENTED


def test_a_stock_jx10_says_what_can_be_done_instead() -> None:
    with pytest.raises(UsageError) as caught:
        model("jx10").require("receive", "IPR tone")
    assert "JX-10 (stock) cannot take IPR tone" in caught.value.message
    for way in ("file transfer", "serial:", "Fraser's SE", "Vecoven"):
        assert way in caught.value.hint
    model("jx10").require("receive", "transfer")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("verb", ["receive", "send", "ask"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_refusal_names_the_model_and_gives_a_next_step(name: str, verb: str, kind: Kind) -> None:
    row = model(name)
    if row.can(verb, kind):  # type: ignore[arg-type]
        row.require(verb, kind)  # type: ignore[arg-type]
        return
    with pytest.raises(UsageError) as caught:
        row.require(verb, kind)  # type: ignore[arg-type]
    assert row.title in caught.value.message
    assert kind in caught.value.message
    assert len(caught.value.hint) > 10


def test_an_unknown_model_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no model 'jx3p'") as caught:
        model("jx3p")
    assert "jx8p, jx10, jx10-se, mks70, vecoven3, vecoven4, board" in caught.value.hint


def test_pacing() -> None:
    """20 ms, tested by others; the JX-8P's are suggestions of jx_hardware.md section 8; a bus needs none."""
    write = Program(wire=JX8P, level="tone", number=0, flags=WRITE)
    assert model("jx8p").pacing(write) == 0.1
    assert model("jx8p").pacing(ToneData(wire=JX8P, tone=INIT_TONE)) == 0.05
    assert model("jx8p").pacing("IPR tone") == 0.02
    assert {model("mks70").pacing(kind) for kind in MODELS["mks70"].receives} == {0.02}
    assert model("board").pacing("bus") == 0
    assert model("jx8p").pacing(write, 0.2) == 0.2
    assert model("jx8p").pacing(write, 0) == 0
    with pytest.raises(UsageError, match="must not be negative"):
        model("jx8p").pacing(write, -0.1)
    assert "APR tone 50 (inferred)" in markdown_matrix()


def test_the_kind_of_every_message() -> None:
    messages = {
        "APR tone": ToneData(wire=MKS70, tone=INIT_TONE),
        "APR patch": PatchData(wire=MKS70, patch=Patch.init()),
        "IPR tone": Changes(wire=MKS70, level="tone", pairs=((11, 0),)),
        "IPR patch": Changes(wire=MKS70, level="patch", pairs=((18, 0),)),
        "PGR": Program(wire=MKS70, level="tone", number=0),
        "BLD": BulkTone(wire=MKS70, slot=0, tone=INIT_TONE),
        "request": EditBufferRequest(wire=VECOVEN4),
        "transfer": Transfer(kind="ACK"),
    }
    assert {kind: kind_of(message) for kind, message in messages.items()} == {k: k for k in messages}
    assert {*messages, "bus"} == set(KINDS)


def test_forms_have_the_lengths_of_the_documents() -> None:
    """jx_hardware.md 4.4, 4.6, 4.7, 4.10."""
    lengths = {name: {form.lengths for form in model(name).forms} for name in MODELS}
    assert lengths["jx8p"] == {(67, 67), (17, 17), (10, 126), (10, 26), (11, 11)}
    assert lengths["mks70"] == {(67, 67), (59, 61), (10, 10), (69, 69), (106, 106)}
    assert lengths["vecoven4"] == {(109, 109), (61, 61), (10, 10), (88, 88), (66, 66), (9, 9)}
    assert lengths["jx10"] == {(263, 263), (6, 6), (7, 71)}
    assert lengths["jx10-se"] == {(10, 10)} | lengths["jx10"]
    assert lengths["board"] == set()


def test_jx_models(jx: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    shown = jx("models")
    assert shown.returncode == 0
    for name in MODELS:
        assert name in shown.stdout
    assert "rx/tx" in shown.stdout
    rows = json.loads(jx("models", "--json").stdout)
    assert [row["name"] for row in rows] == list(MODELS)
    assert rows[0]["pacing_s"]["PGR"] == 0.1
    assert rows[0]["receives"] == ["IPR tone", "IPR patch", "APR tone", "APR patch", "PGR"]
