"""A rig: something that plays, and an audio input. It turns a tone and a note into a `Take`.

`open_rig` makes one of what a bench file names.

One take: load the tone unless the board holds it, wait until the board has settled, measuring the
noise floor meanwhile, play the note, record it and its tail until the sound has gone, end all notes.
The levels and the verdict are measured, never assumed; what could not be measured is `None`.

The next tone cannot be loaded under the tail of the last: all voices of a board share its registers,
and a load begins by closing the level (jx_hardware.md 2.3, 2.5).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from urllib.parse import parse_qs

import numpy as np

from jxctl.audio.analysis import peak_dbfs, rms_dbfs
from jxctl.audio.capture import DEFAULT_SAMPLE_RATE, Audio, AudioInput, LiveInput, SoundCard, open_input
from jxctl.dataset.take import Take
from jxctl.errors import DeviceError, UsageError
from jxctl.ports import AudiblePort, Port, model_in, open_port
from jxctl.ports.client import Synth
from jxctl.protocol.models import MODELS, model
from jxctl.protocol.tone import Tone
from jxctl.recording.config import RigFile
from jxctl.recording.plan import DEFAULT_MAX_SECONDS, check_note
from jxctl.recording.player import BoardPlayer, MidiPlayer, Player
from jxctl.recording.quality import Expectations, Heard, Latency, judge

TAIL_END_ABOVE_FLOOR_DB = 6.0
"""The tail has gone when its level over `_TAIL_STEP_S` is this near the noise floor (assumed)."""
TAIL_END_DBFS = -90.0
"""The tail has gone below this level, however quiet the floor (assumed)."""
SETTLE_S = 0.07
"""From the last byte of a load, or from silence, to the note: one control loop, in which every voice
has been served once. Its period is 10 or 60 ms, the sources leave it open (jx_hardware.md section 1),
so the longer and a rest. The latency of the input comes on top: what is heard is that much older."""
LOOPS = 3
REST_S = 0.01
"""A note waits for its turn in the loop, so that the period shows in the spread of the latencies. So many
spreads of eight notes and a rest are enough, where that is shorter: with the spread that is added to the
latency, it falls short of a period once in several thousand times (range of eight uniform numbers)."""
FLOOR_S = 0.05
"""The noise floor is measured over the end of that time, which has to pass anyway; over half of it at most,
because a note that is silenced sounds until its voice is served, and then fades."""

DEFAULT_PROFILE = "superjx"
"""Of a virtual board that names none, and of what is documented of an instrument."""

# The level of a tail is looked at over such stretches (chosen).
_TAIL_STEP_S = 0.1
# What has not been heard may still come this far below its peak (assumed).
_UNHEARD_DB = 30.0
# While the latency is not known, a note that has not been heard yet may still arrive (assumed).
_LATENCY_S = 0.5


@dataclass(frozen=True, slots=True)
class Bench:
    """What is known of a rig without measuring; None is unknown.

    ``unit``: serial number of the instrument. ``rom``: version of its firmware. ``profile``: of a
    virtual board. ``audio_device``: name of the input. ``gain``: where its gain stands, in words.
    ``minutes_on``: gives the minutes since power-on when asked.
    """

    unit: str | None = None
    rom: str | None = None
    profile: str | None = None
    audio_device: str | None = None
    gain: str | None = None
    minutes_on: Callable[[], float] | None = None


class Rig:
    """A player and the audio input that hears it.

    ``latency``, and ``tuning_cents`` above standard pitch, stand in it once they are measured.

    Args:
        player: what plays.
        audio: what hears it.
        bench: what else is known.
        expected: what tones should sound like.
        now: the time of day, in UTC.

    Examples:
        >>> with open_port("sim:") as port:
        ...     rig = Rig(open_player(port), port)
        ...     rig.take(Tone.init(), 60, gate_s=0.2, max_seconds=0.4).audio.shape
        (17640,)
    """

    def __init__(
        self,
        player: Player | Synth,
        audio: AudioInput,
        bench: Bench | None = None,
        expected: Expectations | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.player: Player = BoardPlayer(player) if isinstance(player, Synth) else player
        self.audio = audio
        self.bench = bench or Bench()
        self.latency: Latency | None = None
        self.tuning_cents = 0.0
        self.expected = expected
        self._now = now
        self._holds: Tone | None = None
        self._settling = False
        self._dropped = False
        self._loaded_dbfs = 0.0

    @property
    def live(self) -> bool:
        """Whether the input runs by itself, in real time."""
        return isinstance(self.audio, LiveInput)

    def take(
        self,
        tone: Tone,
        note: int,
        velocity: int = 100,
        gate_s: float = 1.0,
        max_seconds: float = DEFAULT_MAX_SECONDS,
        ready: Callable[[], object] = lambda: None,
        then: Tone | None = None,
    ) -> Take:
        """Play one note of a tone and record it, with its tail, for at most ``max_seconds``.

        ``ready`` is called when the board has settled, before the note: it may wait for something. ``then``
        is the tone of the next take: it is loaded at once, and settles while this take is judged. A tone that
        the board holds already, after a trusted take, is not loaded again; after one that was cut, it is.

        Raises `UsageError` for a note or times out of range, `DeviceError` when the port or the
        audio input fails. The player is silenced afterwards, whatever happens.
        """
        check_note(note, velocity, gate_s, max_seconds)
        holds, self._holds = self._holds, None
        try:
            floor_dbfs = self._settled(tone, holds)
            ready()
            take = self._recorded(tone, note, velocity, gate_s, max_seconds, floor_dbfs)
        finally:
            self.player.silence()
        reload = then is not None and (then != tone or bool(take.tail_cut))
        if then is not None and reload:
            self.player.load(then)
        # From here on the board settles, and what is heard of it is kept for the next take.
        self._catch_up()
        self._settling = True
        take = self._judged(take)
        # Lost audio says nothing about the board; any other doubt, and it is loaded anew.
        if take.trusted or take.verdict == "dropped audio":
            self._holds = then if reload else None if take.tail_cut else tone
        return take

    def hush(self, seconds: float) -> Audio:
        """End all notes, wait until the board has settled, and hear ``seconds`` of what is left: noise.

        Raises as `take`.
        """
        self.player.silence()
        self._catch_up()
        self._settling = False
        self._listen(self.settle_s)
        return self._listen(seconds)

    @property
    def settle_s(self) -> float:
        """Seconds before each note that are not recorded."""
        if self.latency is None:
            return SETTLE_S + FLOOR_S
        spread_s = self.latency.spread_s
        return min(SETTLE_S, LOOPS * spread_s + REST_S) + self.latency.latency_s + spread_s

    def _settled(self, tone: Tone, holds: Tone | None) -> float:
        """Have the tone loaded and the board quiet; the noise floor."""
        if holds != tone:
            self.player.load(tone)
        if holds != tone or not self._settling:
            self._catch_up()
        self._settling = False
        quiet = self._listen(self.settle_s)
        # Not what was still on its way from before.
        late_s = self.latency.latency_s if self.latency else 0.0
        floor_s = min(FLOOR_S, (self.settle_s - late_s) / 2)
        floor_dbfs = rms_dbfs(quiet[-max(1, round(floor_s * self.audio.sample_rate)) :])
        if holds != tone:
            self._loaded_dbfs = floor_dbfs
        return floor_dbfs

    def _recorded(
        self, tone: Tone, note: int, velocity: int, gate_s: float, max_seconds: float, floor_dbfs: float
    ) -> Take:
        self._catch_up()
        dropouts = self._dropouts()
        recorded_at = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        powered_on_min = self.bench.minutes_on() if self.bench.minutes_on is not None else None
        self.player.note_on(note, velocity)
        held = self._listen(gate_s)
        self.player.note_off(note)
        asked = (tone, note, velocity, gate_s, max_seconds)
        tail, tail_cut = self._tail(held, floor_dbfs, max_seconds, asked)
        audio = np.concatenate([held, *tail])

        self._dropped = self._dropouts() > dropouts
        bench, player, latency = self.bench, self.player, self.latency
        return Take(
            audio=audio,
            sample_rate=self.audio.sample_rate,
            tone=tone,
            note=note,
            velocity=velocity,
            gate_s=gate_s,
            max_seconds=max_seconds,
            port=player.port.url,
            noise_floor_dbfs=floor_dbfs,
            peak_dbfs=peak_dbfs(audio),
            onset_s=None,
            tail_cut=tail_cut,
            verdict=None,
            model=player.model,
            board=player.board,
            voice=player.voice,
            patch=player.patch_hex,
            unit=bench.unit,
            firmware=bench.rom,
            profile=bench.profile,
            audio_device=bench.audio_device,
            input_gain=bench.gain,
            latency_s=latency.latency_s if latency else None,
            latency_spread_s=latency.spread_s if latency else None,
            powered_on_min=powered_on_min,
            recorded_at=recorded_at,
        )

    def _judged(self, take: Take) -> Take:
        """The take with its verdict."""
        assert take.noise_floor_dbfs is not None
        heard = Heard(take.audio, take.sample_rate, take.noise_floor_dbfs, self._dropped)
        asked = (take.tone, take.note, take.velocity, take.gate_s)
        found = judge(heard, *asked, self.latency, self.expected, self.tuning_cents)
        return replace(
            take,
            onset_s=found.onset_s,
            verdict=found.verdict,
            reason=found.reason,
            expected=found.expected,
            pitch_cents=found.pitch_cents,
        )

    def _tail(
        self,
        held: Audio,
        floor_dbfs: float,
        max_seconds: float,
        asked: tuple[Tone, int, int, float, float],
    ) -> tuple[list[Audio], bool]:
        """What follows the note-off, and whether it was cut while it still sounded, or would have again."""
        rate = self.audio.sample_rate
        end = round(max_seconds * rate)
        late_s = _LATENCY_S if self.latency is None else self.latency.latency_s + self.latency.spread_s
        patience = held.size + round(late_s * rate)
        # A floor without a load before it may be the last tail, of which each would then leave more.
        floor_dbfs = min(floor_dbfs, self._loaded_dbfs)
        quiet_dbfs = max(floor_dbfs + TAIL_END_ABOVE_FLOOR_DB, TAIL_END_DBFS)
        heard = rms_dbfs(held) >= quiet_dbfs
        tail: list[Audio] = []
        size, gone_s = held.size, None
        while size < end:
            step = self._listen(min(_TAIL_STEP_S, (end - size) / rate))
            tail.append(step)
            size += step.size
            quiet = rms_dbfs(step) < quiet_dbfs
            heard = heard or not quiet
            if not quiet or not (heard or size >= patience):
                continue
            if gone_s is None:
                peak = max(peak_dbfs(part) for part in (held, *tail))
                gone_s = late_s + self._gone_s(asked, peak - quiet_dbfs if heard else _UNHEARD_DB)
            if size >= gone_s * rate:
                return tail, False
        cut = rms_dbfs((tail or [held])[-1]) >= quiet_dbfs
        return tail, cut or (gone_s is not None and size < gone_s * rate)

    def _gone_s(self, asked: tuple[Tone, int, int, float, float], below_peak_db: float) -> float:
        """Until when a tone that is quiet may sound again, in seconds from the key; minus infinity if not."""
        known = None if self.expected is None else self.expected.lasts_s(*asked, below_peak_db)
        return -np.inf if known is None else known

    def _listen(self, seconds: float) -> Audio:
        audio = self.audio.listen(seconds)
        if not audio.size or not np.isfinite(audio).all():
            raise DeviceError(
                "the audio input delivered no samples, or samples that are not numbers",
                "check the audio device; the same command continues",
            )
        return audio

    def _catch_up(self) -> None:
        if isinstance(self.audio, LiveInput):
            self.audio.catch_up()

    def _dropouts(self) -> int:
        return self.audio.dropouts if isinstance(self.audio, LiveInput) else 0


@contextmanager
def open_rig(bench: RigFile, profile: str | None = None, minutes: float | None = None) -> Iterator[Rig]:
    """Open the port and the audio input that a bench file names; both are closed at the end.

    Args:
        bench: what stands on the bench.
        profile: of a virtual board behind the port, with whose renders takes are compared.
        minutes: since power-on, which win over the bench file.

    Returns:
        A context manager that gives the `Rig`.

    Raises:
        UsageError: something is not said, or does not go together.
        DeviceError: something cannot be opened.

    Examples:
        >>> with open_rig(RigFile(port="sim:")) as rig:
        ...     rig.take(Tone.init(), 60, gate_s=0.2, max_seconds=0.4).verdict
        'ok'
    """
    if bench.port is None:
        raise UsageError("jx record needs a port", "--port URL, or a bench file with one (--rig FILE)")
    virtual = profile or _profile_of(bench.port)
    with ExitStack() as stack:
        port = stack.enter_context(open_port(bench.port))
        player = open_player(port, bench.model, bench.channel)
        audio = _open_audio(port, bench, stack)
        known = Bench(
            unit=bench.unit,
            rom=bench.rom,
            profile=virtual,
            audio_device=audio.name or bench.audio if isinstance(audio, SoundCard) else None,
            gain=bench.gain,
            minutes_on=_minutes_on(bench, minutes),
        )
        # In this process nothing lies between, so that only boards behind real ports are compared.
        expected = expectations(virtual, audio.sample_rate, profile is not None, player.model)
        yield Rig(player, audio, known, expected)


def open_player(port: Port, model_name: str | None = None, channel: int | None = None) -> Player:
    """What plays on an open port: a bare board, which is woken, or a synth behind MIDI.

    Args:
        port: an open port.
        model_name: of the synth, where the port's URL does not say it.
        channel: MIDI channel, 1 to 16; None for 1.

    Returns:
        The player.

    Raises:
        UsageError: the model is not behind such a port, or is not known.

    Examples:
        >>> with open_port("sim:") as port:
        ...     open_player(port).model
        'board'
    """
    if port.language == "bus":
        if model_name not in (None, "board"):
            raise UsageError(f"{port.url} leads to a bare board, not to a {model_name}", "leave out --model")
        synth = Synth(port)
        synth.wake()
        return BoardPlayer(synth)
    name = model_name or model_in(port.url)
    if name is None:
        raise UsageError(f"what is behind {port.url}?", f"add --model, one of {', '.join(MODELS)}")
    return MidiPlayer(port, model(name), (channel or 1) - 1)


def expectations(
    virtual: str | None, sample_rate: int, compare: bool, model_name: str | None
) -> Expectations:
    """What the simulator expects of takes. ``virtual``: profile of a virtual board; None for an instrument.
    ``compare``: takes are compared with its renders. ``model_name``: of the synth."""
    # Late, because the simulator loads numba.
    from jxctl.recording.expectation import Simulated

    return Simulated(
        virtual or DEFAULT_PROFILE,
        sample_rate,
        exact=virtual is not None,
        compare=compare,
        scaled=model_name is not None and model(model_name).family not in (None, "jx8p"),
    )


def _open_audio(port: Port, bench: RigFile, stack: ExitStack) -> AudioInput:
    """The sound card that the bench file names, or the port where that can be heard by itself."""
    if bench.audio is not None:
        rate = bench.sample_rate or DEFAULT_SAMPLE_RATE
        return stack.enter_context(open_input(bench.audio, rate, bench.audio_channel or 1))
    if isinstance(port, AudiblePort):
        if bench.sample_rate not in (None, port.sample_rate):
            raise UsageError(
                f"{port.url} sounds at {port.sample_rate} Hz, not at {bench.sample_rate}",
                f"write sim:?sample_rate={bench.sample_rate}, or name the audio input with --audio DEVICE",
            )
        return port
    raise UsageError(
        f"{port.url} makes no sound that jx can hear by itself", "name the audio input with --audio DEVICE"
    )


def _profile_of(url: str) -> str | None:
    """The profile of a virtual board in this process; None for anything else."""
    if not url.startswith("sim:"):
        return None
    return parse_qs(url.partition("?")[2]).get("profile", [DEFAULT_PROFILE])[0]


def _minutes_on(bench: RigFile, minutes: float | None) -> Callable[[], float] | None:
    """Minutes since power-on, counted on from now by a clock that is never set back."""
    if minutes is not None and not math.isfinite(minutes):
        raise UsageError(f"--powered-on-minutes is {minutes}", "minutes since it was switched on")
    at_start = bench.minutes_on() if minutes is None else minutes
    if at_start is None:
        return None
    begun, known = monotonic(), at_start
    return lambda: known + (monotonic() - begun) / 60
