"""What is sent to each model, and never what it cannot take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jxctl.errors import UsageError
from jxctl.library.edit import converted
from jxctl.library.files import read_library
from jxctl.ports import Port, transfer
from jxctl.protocol.bank import Bank
from jxctl.protocol.models import MODELS, Model
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex import BulkPatch, BulkTone
from jxctl.protocol.sysex.forms import kind_of
from jxctl.protocol.tone import INIT_TONE

PATCH = Patch.init("ONE").with_tones(0, 60)


def a_bank(model: Model) -> Bank:
    """A bank of the model's own family."""
    assert model.family is not None
    if model.family == "jx8p":
        return Bank("jx8p", {}, {3: INIT_TONE})
    return converted(Bank("mks70", {5: PATCH}, {0: INIT_TONE}), model.family)[0]


Make = Callable[[Model, Bank], transfer.Plan]
PLANS: dict[str, Make] = {
    "tone": lambda model, bank: transfer.tone_plan(next(iter(bank.tones.values())), model, None, 0, None),
    "stored tone": lambda model, bank: transfer.tone_plan(next(iter(bank.tones.values())), model, None, 0, 9),
    "patch": lambda model, bank: transfer.patch_plan(bank, model, 0, None),
    "stored patch": lambda model, bank: transfer.patch_plan(bank, model, 0, 9),
    "bank": lambda model, bank: transfer.bank_plan(bank, model, 0),
}


@pytest.mark.parametrize("what", PLANS)
@pytest.mark.parametrize("name", [name for name, row in MODELS.items() if row.family is not None])
def test_no_model_is_sent_what_it_cannot_take(name: str, what: str) -> None:
    model = MODELS[name]
    bank = a_bank(model)
    if "patch" in what and not bank.patches:
        bank = Bank("jx8p", {0: Patch.init_jx8p(3)}, {3: INIT_TONE})
    plan, said = None, ""
    try:
        plan = PLANS[what](model, bank)
    except UsageError as refused:
        said = refused.message
    if plan is None:
        assert model.title in said
        return
    assert plan.messages
    assert {kind_of(message) for message in plan.messages} <= set(model.receives)
    assert bool(plan.overwrites) == (what in ("stored tone", "stored patch", "bank"))


def test_who_can_store_what() -> None:
    able = []
    for name, model in MODELS.items():
        for what, make in PLANS.items():
            try:
                make(model, a_bank(model))
            except (UsageError, StopIteration, AssertionError):
                continue
            able.append((name, what))
    assert [name for name, what in able if what == "bank"] == ["jx8p", "mks70", "vecoven3", "vecoven4"]
    assert [name for name, what in able if what == "tone"] == [
        "jx8p", "jx10-se", "mks70", "vecoven3", "vecoven4",
    ]  # fmt: skip


def test_a_stored_patch_takes_its_tones_along() -> None:
    plan = transfer.patch_plan(Bank("mks70", {5: PATCH}, {0: INIT_TONE}), MODELS["mks70"], 0, 9)
    patch, tone = plan.messages
    assert isinstance(patch, BulkPatch)
    assert (patch.slot, patch.patch) == (9, PATCH)
    assert isinstance(tone, BulkTone)
    assert (tone.slot, tone.tone) == (0, INIT_TONE)
    assert plan.overwrites == "patch 10 and tone 1"
    assert plan.notes == ["tone 61 of the patch: not in the file, the synth's own will play"]


def test_what_has_no_slot_is_left_out_and_said(shared: Path) -> None:
    bank = read_library(shared / "data" / "captures" / "vecoven_v4_apr_set.syx").bank
    plan = transfer.bank_plan(bank, MODELS["vecoven4"], 0)
    tones = [message.slot for message in plan.messages if isinstance(message, BulkTone)]
    assert tones == [slot for slot in bank.tones if slot < 50]
    assert sum(isinstance(message, BulkPatch) for message in plan.messages) == 64
    assert "left out: a Vecoven V4" in plan.notes[0]


def test_messages_leave_in_order_with_the_models_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    class Log(Port):
        url, language = "log:", "midi"

        def __init__(self) -> None:
            self.sent: list[bytes] = []

        def write(self, data: bytes) -> None:
            self.sent.append(data)

        def close(self) -> None:
            pass

    waits: list[float] = []
    clock = [0.0]

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock[0] += seconds

    pacer = transfer.Pacer
    monkeypatch.setattr(transfer, "Pacer", lambda port: pacer(port, clock=lambda: clock[0], sleep=sleep))
    plan = transfer.bank_plan(Bank("jx8p", {}, {0: INIT_TONE, 1: INIT_TONE}), MODELS["jx8p"], 0)
    port = Log()
    transfer.transmit(port, plan.messages, MODELS["jx8p"])
    assert [len(data) for data in port.sent] == [67, 11, 67, 11]
    # Byte time on the cable and the model's pause: 50 ms after APR, 100 ms after a write (section 8).
    apr, write = 67 * 320e-6 + 0.050, 11 * 320e-6 + 0.100
    assert waits == pytest.approx([apr, write, apr, write])


@pytest.mark.parametrize(("name", "op"), [("vecoven3", 0x37), ("vecoven4", 0x3A)])
def test_a_bank_for_the_cartridge_has_group_2(name: str, op: int) -> None:
    """Vecoven's bulk dumps: 01 internal, 02 cartridge (jx_hardware.md 4.2, 4.3)."""
    family = MODELS[name].family
    assert family is not None
    bank, _ = converted(Bank("mks70", {0: Patch.init()}, {0: INIT_TONE}), family)
    plan = transfer.bank_plan(bank, MODELS[name], 0, transfer.CARTRIDGE)
    assert [message.encoded()[2:7:4] for message in plan.messages] == [bytes((op, 2))] * 2
    assert plan.overwrites == "patch 1 and tone 1 of the cartridge"
    assert {message.encoded()[6] for message in transfer.bank_plan(bank, MODELS[name], 0).messages} == {1}


def test_a_stock_mks70_and_a_jx8p_have_no_cartridge_to_write() -> None:
    with pytest.raises(UsageError, match="no message stores into the cartridge of a MKS-70"):
        transfer.bank_plan(Bank("mks70", {}, {0: INIT_TONE}), MODELS["mks70"], 0, transfer.CARTRIDGE)
    with pytest.raises(UsageError, match="no message stores into the cartridge of a JX-8P"):
        transfer.tone_plan(INIT_TONE, MODELS["jx8p"], None, 0, 3, transfer.CARTRIDGE)


def test_what_a_dump_has_no_room_for_is_noted() -> None:
    patch = Patch.init().with_values({"UPPER UNKNOWN": 0x7B})
    plan = transfer.bank_plan(Bank("mks70", {2: patch}, {0: INIT_TONE}), MODELS["mks70"], 0)
    assert plan.notes == ["no room in a bulk dump for UPPER UNKNOWN of patch 3, in part or whole"]
