"""How far a board's sound is from the simulator's for one tone, and in which block.

The tone is played at a few notes and velocities and rendered at the same. What is compared are direct
measures of sound (`estimator.closed_loop.board_measures`), each with a unit, a threshold and a sentence.
Where a tone is partly chance (noise, a random LFO), two renders with other seeds say how much, and so much is
allowed on top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimator.closed_loop.board_measures import MEASURES, Measured, measure
from estimator.closed_loop.player import BoardPlay
from estimator.inference.posterior import Played, Recording
from estimator.network.inputs import SAMPLE_RATE, log_mel_distance
from jxctl.audio.capture import peak_dbfs
from jxctl.protocol.tone import Tone, to_batch
from jxctl.recording.rig import Rig
from simulator.synth import Profile, render

NOISE_DB = 50.0
"""A sound less far above the noise floor is told: what lies below it cannot be compared."""
DYNAMICS_DB = 1.5
"""How far loudness may follow velocity otherwise."""
TAIL_S = 1.5


@dataclass(frozen=True)
class Finding:
    """One measure at one note. ``off``: how much the board has more than the simulator, in ``unit``;
    ``allowed``: how much either way is no difference. ``board``, ``simulator``: the values themselves."""

    block: str
    measure: str
    unit: str
    note: int
    velocity: int
    board: float
    simulator: float
    off: float
    allowed: float
    sentence: str

    @property
    def differs(self) -> bool:
        """Whether it is more than is allowed."""
        return abs(self.off) > self.allowed

    @property
    def severity(self) -> float:
        """Multiples of what is allowed."""
        return abs(self.off) / self.allowed


@dataclass(frozen=True)
class Checked:
    """``distances``: log-mel L1 in dB at every (note, velocity); ``chance_db``: how far two renders of the
    same note lie apart by chance; ``findings``: everything measured, the largest difference first."""

    distances: dict[tuple[int, int], float]
    chance_db: float
    findings: list[Finding]

    @property
    def differing(self) -> list[Finding]:
        """The worst finding of each measure that differs."""
        worst: dict[tuple[str, str], Finding] = {}
        for finding in self.findings:
            if finding.differs:
                worst.setdefault((finding.block, finding.measure), finding)
        return list(worst.values())

    @property
    def blocks(self) -> list[str]:
        """The blocks that differ, the worst first."""
        return list(dict.fromkeys(finding.block for finding in self.differing))

    @property
    def distance_db(self) -> float:
        """The mean distance."""
        return float(np.mean(list(self.distances.values())))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "distance_db": round(self.distance_db, 3),
            "chance_db": round(self.chance_db, 3),
            "notes": [
                {"note": n, "velocity": v, "distance_db": round(d, 3)} for (n, v), d in self.distances.items()
            ],
            "blocks": self.blocks,
            "differs": [asdict(finding) for finding in self.differing],
            "measured": [asdict(finding) | {"differs": finding.differs} for finding in self.findings],
        }


def check_board(
    rig: Rig,
    tone: Tone,
    profile: Profile,
    notes: Sequence[int],
    velocities: Sequence[int],
    gate_s: float = 1.5,
) -> Checked:
    """Play and compare ``tone`` at all notes and velocities, keys held for ``gate_s`` seconds.

    Raises what `jxctl.recording.rig.Rig.take` raises, and `VerificationError` when nothing at all is heard.
    """
    blank = np.zeros(round((gate_s + TAIL_S) * SAMPLE_RATE), np.float32)
    asked = [Played(note, velocity, gate_s) for note in notes for velocity in velocities]
    board = BoardPlay(rig, [Recording(blank, played) for played in asked], tone.values)
    takes = board.takes_of(tone)
    distances, chances, findings = {}, [], []
    loudness: dict[tuple[int, int], tuple[float, float]] = {}
    for played, (take, heard) in zip(asked, takes, strict=True):
        key = (played.note, played.velocity)
        rendered, again = _rendered(tone, played, profile, len(blank))
        distances[key] = float(log_mel_distance(heard.audio[None], rendered)[0])
        chances.append(float(log_mel_distance(again[None], rendered)[0]))
        values = [measure(audio, played, tone) for audio in (heard.audio, rendered, again)]
        findings += _compared(played, *values)
        loudness[key] = (_rms_db(heard.audio), _rms_db(rendered))
        if take.noise_floor_dbfs is not None:
            findings.append(_noise(played, peak_dbfs(heard.audio) - take.noise_floor_dbfs))
    findings += _dynamics(loudness, notes, velocities)
    findings.sort(key=lambda finding: -finding.severity)
    return Checked(distances, float(np.mean(chances)), findings)


def _rendered(tone: Tone, played: Played, profile: Profile, samples: int) -> NDArray[np.float32]:
    """Two renders, with the seeds 0 and 1."""
    batch = np.repeat(to_batch([tone]), 2, axis=0)
    return render(
        batch, played.note, played.velocity, played.gate_s, samples / SAMPLE_RATE,
        profile=profile, seed=[0, 1],
    )  # fmt: skip


def _compared(played: Played, board: Measured, simulator: Measured, again: Measured) -> list[Finding]:
    out = []
    for name, row in MEASURES.items():
        ours, theirs = board.get(name), simulator.get(name)
        if ours is None or theirs is None:
            continue
        off = row.off(ours, theirs)
        repeated = again.get(name)
        chance = 0.0 if repeated is None else abs(row.off(repeated, theirs))
        if row.least and abs(ours - theirs) < row.least:
            off = 0.0
        direction = row.more if off > 0 else row.less
        where = f"note {played.note}, velocity {played.velocity}"
        sentence = (
            f"{row.what} of the board is {abs(off):.{row.digits}f} {row.unit} {direction} "
            "than the simulator's "
            f"({row.shown(ours)}, not {row.shown(theirs)}; {where})"
        )
        out.append(
            Finding(row.block, name, row.unit, played.note, played.velocity, float(ours), float(theirs),
                    float(off), row.allowed + chance, sentence)
        )  # fmt: skip
    return out


def _noise(played: Played, above_db: float) -> Finding:
    sentence = f"the noise floor is only {above_db:.0f} dB under the sound (note {played.note})"
    # Nothing above the threshold is off, however quiet the floor.
    off = max(0.0, NOISE_DB - above_db) + (1.0 if above_db < NOISE_DB else 0.0)
    return Finding("noise floor", "signal to noise", "dB", played.note, played.velocity, above_db, NOISE_DB,
                   off, 1.0, sentence)  # fmt: skip


def _dynamics(
    loudness: dict[tuple[int, int], tuple[float, float]], notes: Sequence[int], velocities: Sequence[int]
) -> list[Finding]:
    """How loudness follows velocity, at each note, from the softest to the hardest."""
    soft, hard = min(velocities), max(velocities)
    out = []
    for note in notes if hard > soft else ():
        (soft_b, soft_s), (hard_b, hard_s) = loudness[note, soft], loudness[note, hard]
        off = (hard_b - soft_b) - (hard_s - soft_s)
        sentence = (
            f"from velocity {soft} to {hard} the board gets {hard_b - soft_b:.1f} dB louder, the simulator "
            f"{hard_s - soft_s:.1f} dB (note {note})"
        )
        out.append(Finding("dynamics", "dynamics", "dB", note, hard, hard_b - soft_b, hard_s - soft_s, off,
                           DYNAMICS_DB, sentence))  # fmt: skip
    return out


def _rms_db(audio: NDArray[np.float32]) -> float:
    return 20 * float(np.log10(np.sqrt(np.mean(np.square(audio, dtype=np.float64))) + 1e-9))
