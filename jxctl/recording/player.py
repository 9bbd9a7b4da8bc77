"""What a rig plays on: a bare board or a whole synth, behind the same five verbs.

A bare board is told its voice; a whole synth chooses one itself and does not say which. A board takes
a tone in the captured order of the assigner (`jxctl.protocol.load_order`). A whole synth takes it into
its edit buffer, once after a plain patch has made sure that nothing else sounds with it.
"""

from __future__ import annotations

from typing import Protocol

from jxctl.errors import UsageError
from jxctl.library.edit import tone_for
from jxctl.ports import Port
from jxctl.ports.client import Keys, MidiKeys, Synth
from jxctl.ports.transfer import patch_plan, tone_plan, transmit
from jxctl.protocol.bank import AnyTone, Bank
from jxctl.protocol.bus import BoardName, SetParameter, encode
from jxctl.protocol.load_order import load_sequence
from jxctl.protocol.models import Model
from jxctl.protocol.patch import Patch
from jxctl.protocol.tone import Tone


class Player(Keys, Protocol):
    """Something that plays one tone: `load`, `note_on`, `note_off`, `silence`.

    Attributes:
        port: what is behind it.
        model: a name in `jxctl.protocol.models`, None when unknown.
        board: which of them sounds, None when unknown.
        voice: likewise.
        patch_hex: what was sent beside the tone and sounds with it: bus pairs of a board, messages of a
            whole synth.

    Examples:
        >>> from jxctl.ports import open_port
        >>> with open_port("sim:") as port:
        ...     player = BoardPlayer(Synth(port))
        ...     player.load(Tone.init())
        ...     player.note_on(60, 100)
        ...     float(abs(port.listen(0.1)).max()) > 0.01
        True
    """

    port: Port
    model: str | None
    board: BoardName | None
    voice: int | None
    patch_hex: str | None

    def load(self, tone: Tone) -> None:
        """Load a tone and end what sounds. Raises `DeviceError` when the port is gone."""

    def silence(self) -> None:
        """End all notes."""


class BoardPlayer:
    """A bare sound board, on voice 0: the board itself allocates no voices."""

    voice: int | None = 0

    def __init__(self, synth: Synth, board: BoardName = "lower") -> None:
        self.port = synth.port
        self.model: str | None = "board"
        self.board: BoardName | None = board
        self.patch_hex: str | None = None
        self._synth = synth
        self._name = board

    def load(self, tone: Tone) -> None:
        """Load a tone into the board. Takes 41 ms on a real bus; voices that sound are cut."""
        self._synth.load(tone, self._name)
        beside = [
            message
            for message in load_sequence(tone, self._name)
            if isinstance(message, SetParameter) and message.id >= 0xB0
        ]
        self.patch_hex = encode(beside).hex()

    def note_on(self, note: int, velocity: int) -> None:
        """Start voice 0."""
        self._synth.note_on(note, velocity)

    def note_off(self, note: int) -> None:
        """Release voice 0."""
        self._synth.note_off(note)

    def silence(self) -> None:
        """End all notes on both boards."""
        self._synth.silence()


class MidiPlayer(MidiKeys):
    """A whole synth behind MIDI, on ``channel`` 0-15; its memory is left alone.

    The first `load` sends a plain patch where the model takes one: poly 1, no portamento, and of a Super
    JX one tone on all voices (whole upper) without detune and at full volume.

    Raises `UsageError` for a model that takes no tones.
    """

    board: BoardName | None = None
    voice: int | None = None

    def __init__(self, port: Port, model: Model, channel: int = 0) -> None:
        super().__init__(port, channel)
        self.model: str | None = model.name
        self.patch_hex: str | None = None
        self._row = model
        self._prepared = False
        # Whatever cannot be sent is refused here, before anything is.
        tone_plan(self._own(Tone.init()), model, None, channel, None)

    def load(self, tone: Tone) -> None:
        """Send a tone to the edit buffer with the model's pauses. What V4 firmware lacks is left out."""
        own = self._own(tone)
        if not self._prepared and self._row.can("receive", "APR patch"):
            assert self._row.family is not None
            plain = Patch.init_jx8p() if self._row.family == "jx8p" else Patch.init()
            bank = Bank(self._row.family, {0: plain})
            messages = patch_plan(bank, self._row, self._channel, None).messages
            transmit(self.port, messages, self._row)
            self.patch_hex = b"".join(message.encoded() for message in messages).hex()
        self._prepared = True
        transmit(self.port, tone_plan(own, self._row, None, self._channel, None).messages, self._row)

    def _own(self, tone: Tone) -> AnyTone:
        if self._row.family is None:
            raise UsageError(f"a {self._row.title} has no MIDI", "use serial: or sim:")
        return tone_for(tone, self._row.family)[0]
