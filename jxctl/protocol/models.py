"""The models: what each can receive, send and be asked, and how fast.

Flat rows, no inheritance: a firmware that differs is a row of its own. Capabilities are those of
jx_hardware.md 4.3. Pacing is the pause after a message: 20 ms is the tested default of another
editor (section 8, one source, on a JX-10 with Fraser's SE); other values are marked inferred.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from jxctl.errors import UsageError
from jxctl.protocol.bank import FamilyName
from jxctl.protocol.sysex.decode import AnyMessage
from jxctl.protocol.sysex.forms import KINDS, Form, Kind, forms, kind_of, transfer_forms

Verb = Literal["receive", "send", "ask"]

PACING_S = 0.020
"""Pause after a message unless a model says otherwise: documented (section 8)."""

_EDIT: tuple[Kind, ...] = ("IPR tone", "IPR patch", "APR tone", "APR patch")


@dataclass(frozen=True, slots=True)
class Model:
    """One instrument with one firmware.

    ``family``: its wire form; None for a board, which has no MIDI. ``receives``, ``sends``: kinds of
    message. ``asks``: what it can be made to send, and how. ``slots``: tones and patches it stores
    by MIDI, ``(tones, patches)``. ``groups``: memories a bulk dump can be for, 1 internal, 2 cartridge.
    ``pacing_s``: pauses that are not `PACING_S`, all inferred. ``instead``: per verb or kind, what to do
    where the model cannot. ``dump``: how a dump is started.
    """

    name: str
    title: str
    family: FamilyName | None
    receives: tuple[Kind, ...]
    sends: tuple[Kind, ...]
    asks: Mapping[Kind, str] = field(default_factory=dict)
    slots: tuple[int, int] = (0, 0)
    groups: tuple[int, ...] = (1,)
    pacing_s: Mapping[Kind, float] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)
    dump: str = ""
    note: str = ""

    def can(self, verb: Verb, kind: Kind) -> bool:
        """Whether the model can do that with a kind of message."""
        known = {"receive": self.receives, "send": self.sends, "ask": tuple(self.asks)}
        return kind in known[verb]

    def require(self, verb: Verb, kind: Kind) -> None:
        """Raise `UsageError`, with what can be done instead, unless the model can."""
        if self.can(verb, kind):
            return
        asked = {"receive": "take", "send": "send", "ask": "be asked for"}[verb]
        hint = self.instead.get(f"{verb} {kind}") or self.instead.get(verb)
        raise UsageError(f"a {self.title} cannot {asked} {kind} messages", hint or self._rest(verb))

    def _rest(self, verb: Verb) -> str:
        known = [kind for kind in KINDS if self.can(verb, kind)]
        doing = {"receive": "takes", "send": "sends", "ask": "answers"}[verb]
        return f"it {doing} {', '.join(known)}" if known else f"it {doing} nothing"

    def pacing(self, what: Kind | AnyMessage, override_s: float | None = None) -> float:
        """Seconds to wait after a message, or a kind of message, before the next. ``override_s`` wins."""
        if override_s is not None:
            if override_s < 0:
                raise UsageError(f"the pause is {override_s} s; it must not be negative")
            return override_s
        kind = what if isinstance(what, str) else kind_of(what)
        return self.pacing_s.get(kind, 0.0 if kind == "bus" else PACING_S)

    @property
    def forms(self) -> list[Form]:
        """The forms of the messages it receives or sends."""
        found = forms(self.family) if self.family is not None else []
        used = {*self.receives, *self.sends, *self.asks}
        return [form for form in (*found, *transfer_forms()) if form.kind in used]


_ONE_WAY = "the bus is one-way: keep what was sent, or record the sound (jx record)"
_PANEL_BULK = "start it on the panel: MIDI and WRITE, then BULK DUMP; jx receive waits for it"
_JX10_EDIT = (
    "send a whole cartridge by file transfer, drive a sound board directly (serial:, model board), "
    "or fit Fraser's SE or Vecoven's firmware"
)
_SE_EDIT = "it takes single tone parameters of the active tone (IPR): send the tone as those"
_AT_PANEL = "copy the memory to a cartridge on the panel, then dump the cartridge by file transfer"
_BY_PROGRAM = "a program change makes it send PGR and APR"

_ROWS = (
    Model(
        "jx8p", "JX-8P", "jx8p",
        receives=(*_EDIT, "PGR"), sends=_EDIT, slots=(32, 0),
        pacing_s={"APR tone": 0.050, "APR patch": 0.050, "PGR": 0.100},
        instead={
            "receive BLD": "send each tone whole (APR), then a PGR that writes it to its slot",
            "receive transfer": "write a cartridge image instead (jx bank convert), or send the tones",
            "receive bus": "only a bare sound board takes bus bytes (model board)",
            "ask": "nothing can be asked of it: press a tone button, it sends that tone (APR)",
            "send BLD": "press the tone buttons one by one: each sends its tone (APR)",
        },
        dump="Switch system exclusive on (MIDI functions), then press the tone buttons one by one.",
        note="memory protect must be off to write; it answers nothing, so it cannot be detected",
    ),
    Model(
        "jx10", "JX-10 (stock)", "mks70",
        receives=("transfer",), sends=("transfer",), asks={"transfer": "RQF"},
        instead={
            "receive": _JX10_EDIT,
            "ask": _AT_PANEL,
            "send": _AT_PANEL,
        },
        dump="Save the memory to a cartridge, then start the cartridge dump on the panel.",
        note="cartridge only: the internal memory cannot be reached by MIDI",
    ),
    Model(
        "jx10-se", "JX-10 with Fraser's SE", "mks70",
        receives=("IPR tone", "transfer"), sends=("transfer",), asks={"transfer": "RQF"},
        instead={
            "receive": "it takes single tone parameters and cartridge files; change patches on the panel",
            "receive APR tone": _SE_EDIT,
            "receive PGR": "select the tone on the panel; edits go to the active one",
            "ask": _AT_PANEL,
            "send": _AT_PANEL,
        },
        dump="Save the memory to a cartridge, then start the cartridge dump on the panel.",
        note="IPR of group 01 only, to the active tone (the one with a dot in dual and split)",
    ),
    Model(
        "mks70", "MKS-70 (1.08)", "mks70",
        receives=(*_EDIT, "PGR", "BLD"), sends=(*_EDIT, "PGR", "BLD"), slots=(50, 64),
        asks={"PGR": _BY_PROGRAM, "APR tone": _BY_PROGRAM, "APR patch": _BY_PROGRAM},
        instead={
            "ask": _PANEL_BULK,
            "receive transfer": "send a bulk dump (BLD); its cartridge transfer is undocumented",
            "send transfer": _PANEL_BULK,
        },
        dump="On the panel press MIDI and WRITE and choose BULK DUMP. System exclusive is MIDI item 14.",
        note="bulk dumps are of the internal memory only",
    ),
    Model(
        "vecoven3", "Vecoven V3 (JX-10, MKS-70)", "mks70",
        receives=(*_EDIT, "PGR", "BLD"), sends=(*_EDIT, "PGR", "BLD"), slots=(50, 64), groups=(1, 2),
        asks={"PGR": _BY_PROGRAM, "APR tone": _BY_PROGRAM, "APR patch": _BY_PROGRAM},
        instead={
            "ask": _PANEL_BULK,
            "receive transfer": "send a bulk dump (BLD), with --cartridge for the cartridge",
            "send transfer": _PANEL_BULK,
        },
        dump="Switch SysEx (item 21) and APR (22) on; start a bulk dump on the panel.",
        note="item 51 (compatibility) slows it to factory speed; APR patches have 53 values",
    ),
    Model(
        "vecoven4", "Vecoven V4 (JX-10, MKS-70)", "vecoven4",
        receives=(*_EDIT, "PGR", "BLD", "request"), sends=(*_EDIT, "PGR", "BLD"),
        slots=(50, 64), groups=(1, 2),
        asks={
            "APR tone": "edit-buffer request (4.19 on), or a program change",
            "APR patch": "edit-buffer request (4.19 on), or a program change",
            "PGR": _BY_PROGRAM,
        },
        instead={
            "ask": _PANEL_BULK,
            "receive transfer": "send a bulk dump (BLD), with --cartridge for the cartridge",
            "send transfer": _PANEL_BULK,
        },
        dump="Start a bulk dump on the panel, internal or cartridge.",
        note="tones are V4 tones: jx bank convert turns stock ones into them and says what is lost",
    ),
    Model(
        "board", "bare sound board", None,
        receives=("bus",), sends=(), slots=(0, 0),
        instead={
            "receive": "a board takes bus bytes, not SysEx: jx send TONE --port serial:...",
            "ask": _ONE_WAY,
            "send": _ONE_WAY,
        },
        note="one tone, no memory, no voice assignment; nothing answers",
    ),
)  # fmt: skip

MODELS: dict[str, Model] = {row.name: row for row in _ROWS}
"""Every model by name."""


def model(name: str) -> Model:
    """The model of that name. Raises `UsageError` with the names."""
    if name not in MODELS:
        raise UsageError(f"there is no model {name!r}", f"models are {', '.join(MODELS)}")
    return MODELS[name]


def cell(row: Model, kind: Kind) -> str:
    """One cell of the matrix: what the model does with a kind of message."""
    does = [word for word, kinds in (("rx", row.receives), ("tx", row.sends)) if kind in kinds]
    return "/".join(does) or "-"


def markdown_matrix() -> str:
    """Models by kinds of message as a Markdown table, for the README."""
    header = ["message", *(f"`{name}`" for name in MODELS)]
    rows = [[kind, *(cell(row, kind) for row in MODELS.values())] for kind in KINDS]
    rows.append(["asked for", *(", ".join(row.asks) or "-" for row in MODELS.values())])
    rows.append(["pause, ms", *(_pauses(row) for row in MODELS.values())])
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _pauses(row: Model) -> str:
    if row.family is None:
        return "0"
    usual = f"{1000 * PACING_S:.0f}"
    others = [f"{kind} {1000 * gap:.0f} (inferred)" for kind, gap in row.pacing_s.items()]
    return ", ".join([usual, *others])
