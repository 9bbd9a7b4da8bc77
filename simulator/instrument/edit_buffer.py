"""What a synth plays now: a patch, its tones, and what both mean for each sound board.

The assigner keeps patches and tones; a board knows only registers. `EditBuffer.value` is the law
between the two, for every register that a patch load writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from jxctl.ports.client import MASTER_TUNE
from jxctl.protocol.parameters import FIRST_ID, TONE_SIZE, parameter
from jxctl.protocol.patch import Patch
from jxctl.protocol.tone import INIT_TONE, Tone
from simulator.instrument.allocation import MODES, Mode

Board = Literal["lower", "upper"]

LEVEL = parameter("VCA LEVEL").id
TONE_IDS = tuple(range(FIRST_ID, FIRST_ID + TONE_SIZE))
_ON = 0x7F
_PORTA_TIME, _PORTA_SW = parameter("PORTA TIME").id, parameter("PORTA SW").id
_TUNES = (parameter("MASTER TUNE1").id, parameter("MASTER TUNE2").id)
_BEND_RANGE = parameter("BEND RANGE").id
_AFTER_DEPTHS = {0x8C: "AFTER VIB", 0x8D: "AFTER BRI", 0x8E: "AFTER VOL"}
_AFTER_SWITCHES = {0xB8: "AFTER VIB", 0xB9: "AFTER BRI", 0xBA: "AFTER VOL"}
_JX8P_AFTER = {0xB8: 1, 0xB9: 2, 0xBA: 4}

PATCH_IDS = (_PORTA_TIME, *_TUNES, _PORTA_SW, _BEND_RANGE, *_AFTER_SWITCHES)
"""Performance registers that follow from the patch."""


@dataclass(frozen=True, slots=True)
class Half:
    """One tone's share of a patch: how its keys become notes.

    ``keys``: the first and last key it plays. ``lfo_depth``: of the modulation wheel, 0-127.
    """

    boards: tuple[Board, ...]
    keys: tuple[int, int]
    mode: Mode
    shift: int
    hold: bool
    lfo_depth: int
    bender: bool


@dataclass(frozen=True, slots=True)
class EditBuffer:
    """A patch and the tones it plays. A Super JX patch has an upper and a lower tone.

    The one tone of a JX-8P is ``lower``, like its board. ``live``: registers that a controller
    changed since the patch was loaded, by bus id.
    """

    patch: Patch
    tones: Mapping[Board, Tone]
    live: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def init(cls, family: Literal["superjx", "jx8p"]) -> EditBuffer:
        """What a synth with nothing in its memory plays."""
        if family == "jx8p":
            return cls(Patch.init_jx8p(), {"lower": INIT_TONE})
        return cls(Patch.init(), {"upper": INIT_TONE, "lower": INIT_TONE})

    @property
    def boards(self) -> tuple[Board, ...]:
        """The sound boards of the instrument."""
        return ("lower",) if self.patch.family == "jx8p" else ("lower", "upper")

    @property
    def key_mode(self) -> str:
        """``dual``, ``split``, ``whole upper`` or ``whole lower``; a JX-8P is always ``whole lower``.

        A raw value outside the table is taken as dual (assumed). T-voice and X-fade are not modelled.
        """
        if self.patch.family == "jx8p":
            return "whole lower"
        label = self.patch.label("KEY MODE")
        return label if label in ("split", "whole upper", "whole lower") else "dual"

    def source(self, board: Board) -> Board:
        """Whose tone and settings ``board`` plays: in the whole modes both boards play one tone."""
        match self.key_mode:
            case "whole upper":
                return "upper"
            case "whole lower":
                return "lower"
        return board

    def halves(self) -> Iterator[Half]:
        """The parts of the keyboard, with the boards that play them.

        A split point of 0 is A0, key 21 (jx_hardware.md 4.6; sources differ).
        """
        match self.key_mode:
            case "dual":
                yield self._half(("lower",), (0, 127))
                yield self._half(("upper",), (0, 127))
            case "split":
                yield self._half(("lower",), (0, self.patch.raw("LOWER SPLIT") + 21))
                yield self._half(("upper",), (self.patch.raw("UPPER SPLIT") + 21, 127))
            case _:
                yield self._half(self.boards, (0, 127))

    def value(self, board: Board, id: int) -> int:
        """What register ``id`` of ``board`` has to hold: a tone parameter or one of `PATCH_IDS`."""
        if id in self.live:
            return self.live[id]
        tone = self.tones[self.source(board)]
        if id == LEVEL:
            return self._level(board, tone.raw(id))
        if id in _AFTER_DEPTHS and self.patch.family == "superjx":
            return self.patch.raw(_AFTER_DEPTHS[id])
        if id in TONE_IDS:
            return tone.raw(id)
        return self._performance(board, id)

    def _performance(self, board: Board, id: int) -> int:
        patch, name = self.patch, f"{self.source(board).upper()} "
        if id == _PORTA_TIME:
            return patch.raw("PORTA TIME")
        if id == _BEND_RANGE:
            return patch.raw("BEND RANGE")
        if patch.family == "jx8p":
            if id == _PORTA_SW:
                return _ON if patch.raw("PORTA SW") >= 64 else 0
            if id in _JX8P_AFTER:
                return _ON if patch.raw("AFTERTOUCH") == _JX8P_AFTER[id] else 0
            return MASTER_TUNE
        if id == _PORTA_SW:
            return _ON if patch.raw(name + "PORTA SW") else 0
        if id in _AFTER_SWITCHES:
            # Only off with a depth of 0 was captured; on with any other is assumed.
            return _ON if patch.raw(_AFTER_SWITCHES[id]) else 0
        # Captured and confirmed: the lower board is the one detuned (2.5). In dual only: assumed.
        detune = patch.raw("DUAL DETUNE") - 64 if board == "lower" and self.key_mode == "dual" else 0
        return min(max(MASTER_TUNE + detune, 0), 127)

    def _level(self, board: Board, level: int) -> int:
        """Tone level x total volume x balance (2.5).

        The curve of the balance is assumed: full on one side, falling in a line to 0 on the other. It
        gives both levels of the captured patch load; a whole mode ignores the balance (assumed).
        """
        if self.patch.family == "jx8p":
            return level
        balance = self.patch.raw("BALANCE")
        gain, of = (min(127 - balance, 63), 63) if board == "lower" else (min(balance, 64), 64)
        if self.key_mode.startswith("whole"):
            gain, of = 1, 1
        return level * self.patch.raw("TOTAL VOLUME") * gain // (128 * of)

    def _half(self, boards: tuple[Board, ...], keys: tuple[int, int]) -> Half:
        patch = self.patch
        if patch.family == "jx8p":
            mode = MODES.get(patch.raw("ASSIGN"), "poly 1")
            return Half(boards, keys, mode, 0, True, patch.raw("BEND LFO DEPTH"), True)
        name = f"{self.source(boards[0]).upper()} "
        shift = patch.raw(name + "SHIFT")
        return Half(
            boards=boards,
            keys=keys,
            mode=MODES.get(patch.raw(name + "ASSIGN"), "poly 1"),
            shift=shift - 128 if shift > 63 else shift,
            hold=bool(patch.raw(name + "HOLD")),
            lfo_depth=patch.raw(name + "LFO DEPTH"),
            bender=bool(patch.raw(name + "BENDER SW")),
        )
