"""Training from recorded takes: which ones, how they are aligned, and that a run can stop and go on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from takes import RATE, a_set, a_take, numbered_tone, sound, tone_number

from estimator.network import network
from estimator.network.inputs import SECONDS
from estimator.training.recorded import HELD_OUT, Recorded, judging_batches, mixed_batch
from estimator.training.train import TrainSettings, train
from jxctl.dataset import rows
from jxctl.dataset.writer import Writer
from jxctl.errors import UsageError, VerificationError
from jxctl.ports import AudiblePort, open_port
from jxctl.ports.client import Synth
from jxctl.protocol.tone import INIT_TONE, from_batch
from jxctl.recording.plan import Plan
from jxctl.recording.recorder import record, remaining
from jxctl.recording.rig import Rig
from simulator.prior import Prior
from simulator.synth import render

TINY = TrainSettings(tones=32, batch=8, width=16, validation=64, every=2, warm_up=2)
SAMPLES = round(SECONDS * 44100)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain tone and seven from the prior at two notes, recorded from the virtual board."""
    folder = tmp_path_factory.mktemp("recorded") / "set"
    tones = [INIT_TONE, *from_batch(Prior.load().sample(7, np.random.default_rng(3)))]
    with open_port("sim:") as port, Writer(folder) as data_set:
        assert isinstance(port, AudiblePort)
        plan = Plan(tones, [48, 60], [100], [1.0], 4.0)
        record(remaining(plan, data_set), Rig(Synth(port), port), data_set, 0)
    return folder


# -- which takes, and where they begin --------------------------------------------------------------


def test_only_trusted_takes_that_last_are_used(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    takes = [
        a_take(0), a_take(1, verdict="silent"), a_take(2, verdict="clipped"), a_take(3, verdict=None),
        a_take(4, verdict="expected silence"), a_take(5, tail_cut=True, seconds=1.0),
        a_take(6, tail_cut=True, seconds=3.9), a_take(7, tail_cut=True, seconds=4.0, latency_s=0.5),
    ]  # fmt: skip
    with Writer(folder) as data_set:
        for index, take in enumerate(takes):
            data_set.append(index, take)
    recorded = Recorded([folder])
    sounds = recorded.sounds(range(len(recorded)))
    assert [tone_number(bytes(tone).hex()) for tone in sounds.tones] == [0, 6]
    assert recorded.left_out == {
        "silent": 1, "clipped": 1, "not judged": 1, "expected silence": 1, "cut before 4 s": 2,
    }  # fmt: skip
    assert "1 clipped, 2 cut before 4 s" in recorded.reasons


def test_a_set_that_teaches_nothing_is_refused(tmp_path: Path) -> None:
    a_set(tmp_path / "set", 2, verdict="silent")
    with pytest.raises(UsageError, match="can be learnt from: 2 silent") as caught:
        Recorded([tmp_path / "set"])
    assert caught.value.hint
    with pytest.raises(UsageError, match="is not a data set"):
        Recorded([tmp_path])


@pytest.mark.parametrize("rate", [44100, 48000, 22050])
@pytest.mark.parametrize("known", [True, False])
def test_latency_is_cut_away_at_any_rate(rate: int, known: bool, tmp_path: Path) -> None:
    """The same sine, 30 ms late, from files of three rates, with the latency measured or only heard."""
    late_s = 0.03
    t = np.arange(round(1.5 * rate)) / rate - late_s
    audio = (0.5 * np.sin(2 * np.pi * 440 * t) * ((t >= 0) & (t < 1))).astype(np.float32)
    with Writer(tmp_path) as data_set:
        for index, onset_s in enumerate((0.09, 0.06 if known else late_s, 0.05)):
            take = a_take(index, sample_rate=rate, note=69, gate_s=1.0)
            take = replace(take, audio=audio, onset_s=onset_s, latency_s=late_s if known else None)
            data_set.append(index, take)
    sounds = Recorded([tmp_path]).sounds([0, 2])
    assert sounds.audio.shape == (2, SAMPLES)
    assert (sounds.notes.tolist(), sounds.velocities.tolist(), sounds.gates_s.tolist()) == (
        [69, 69], [100, 100], [1.0, 1.0],
    )  # fmt: skip
    at = np.arange(2000, 42000)
    wanted = 0.5 * np.sin(2 * np.pi * 440 * at / 44100)
    np.testing.assert_allclose(sounds.audio[:, at], np.stack([wanted, wanted]), atol=0.5 * 10 ** (-60 / 20))
    assert np.abs(sounds.audio[:, 46000:]).max() < 1e-3, "padded with silence"


def test_rigs_have_latencies_of_their_own(tmp_path: Path) -> None:
    with Writer(tmp_path) as data_set:
        for index, (port, onset_s) in enumerate(
            [("serial:a", 0.02), ("serial:a", 0.01), ("serial:b", 0.04), ("sim:", 0.03)]
        ):
            audio = np.zeros(44100, np.float32)
            audio[[441, 1323, 1764]] = 0.1, 0.3, 0.4
            take = a_take(index, sample_rate=44100, port=port)
            data_set.append(index, replace(take, audio=audio, onset_s=onset_s))
    audio = Recorded([tmp_path]).sounds(range(4)).audio
    assert [int(np.abs(one).argmax()) for one in audio] == [1323, 1323, 0, 1764]
    assert audio[1, 0] == pytest.approx(0.1, abs=1e-6), "the first rig's earliest onset is 10 ms"


def test_a_take_of_the_virtual_board_is_heard_as_its_render(simulated: Path) -> None:
    recorded = Recorded([simulated])
    sounds = recorded.sounds([0, 1])
    assert bytes(sounds.tones[0]) == INIT_TONE.values
    audio = render(
        sounds.tones, sounds.notes, sounds.velocities, sounds.gates_s, SECONDS, profile="superjx", seed=0
    )
    for ours, theirs in zip(sounds.audio, audio, strict=True):
        begins = [int(np.flatnonzero(np.abs(one) > 0.01)[0]) for one in (ours, theirs)]
        assert abs(begins[0] - begins[1]) < 0.02 * 44100, "within two ticks of the control loop"
        levels = [np.sqrt(np.mean(one[4410:44100] ** 2)) for one in (ours, theirs)]
        assert levels[0] == pytest.approx(levels[1], rel=0.05)


# -- the stream -------------------------------------------------------------------------------------


def test_every_take_is_heard_once_before_any_is_heard_again(tmp_path: Path) -> None:
    recorded = Recorded([a_set(tmp_path, 50)])
    learnt = set(range(50)) - set(recorded.held_out)
    size = len(learnt)
    first, second = recorded.numbers(1, 0, size), recorded.numbers(1, size, size)
    assert set(first) == set(second) == learnt
    assert first != second
    assert recorded.numbers(1, 10, 5) == first[10:15]
    assert recorded.numbers(1, size - 2, 4) == first[-2:] + second[:2]
    assert recorded.numbers(2, 0, size) != first


def test_a_tenth_of_the_tones_is_kept_for_judging_whatever_else_is_there(tmp_path: Path) -> None:
    with Writer(tmp_path / "many") as data_set:
        for index in range(240):
            data_set.append(index, a_take(index // 2, note=48 + index % 2, seconds=0.06))
    recorded = Recorded([tmp_path / "many"])
    assert len(recorded.held_out) == pytest.approx(240 * HELD_OUT, abs=20)
    tones = [tone_number(row["tone"]) for row in rows(tmp_path / "many")]
    judged = {tones[k] for k in recorded.held_out}
    assert not judged & {tones[k] for k in recorded.numbers(0, 0, 1000)}
    alone = Recorded([a_set(tmp_path / "few", 60, seconds=0.06)])
    assert set(alone.held_out) == {tone for tone in judged if tone < 60}, "the same tones in any set"
    assert sum(len(batch.tones) for batch in judging_batches(recorded, 8, 10)) == 10


@pytest.mark.parametrize(("mix", "taken"), [(1.0, 8), (0.5, 4), (0.25, 2), (0.01, 1)])
def test_the_mix_is_the_share_of_recorded_takes(mix: float, taken: int, simulated: Path) -> None:
    recorded = Recorded([simulated])
    batch = mixed_batch(recorded, mix, 1, 5, 8, "superjx")
    known = {row["tone"] for row in rows(simulated)}
    assert [bytes(tone).hex() in known for tone in batch.tones] == [True] * taken + [False] * (8 - taken)
    assert batch.views.mel.shape[0] == batch.target.shape[0] == batch.heard.shape[0] == 8
    again = mixed_batch(recorded, mix, 1, 5, 8, "superjx", threads=2)
    assert torch.equal(batch.views.mel, again.views.mel)
    assert torch.equal(batch.target, again.target)
    assert not torch.equal(batch.views.mel, mixed_batch(recorded, mix, 1, 6, 8, "superjx").views.mel)


# -- training ---------------------------------------------------------------------------------------


def weights(run: Path) -> dict[str, torch.Tensor]:
    return dict(network.load(run / "model")[0].state_dict())


@pytest.mark.parametrize("mix", [1.0, 0.5])
def test_a_run_that_was_stopped_ends_like_one_that_was_not(
    mix: float, simulated: Path, tmp_path: Path
) -> None:
    settings = replace(TINY, mix=mix)
    heard = 0

    def stop_at_third(steps: int, note: str) -> None:
        nonlocal heard
        heard += steps
        if heard == 3:
            raise KeyboardInterrupt

    whole = train(tmp_path / "whole", settings, recorded=Recorded([simulated]))
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", settings, stop_at_third, recorded=Recorded([simulated]))
    continued = train(tmp_path / "parts", settings, recorded=Recorded([simulated]))
    assert whole["step"] == continued["step"] == 4
    ours, theirs = weights(tmp_path / "parts"), weights(tmp_path / "whole")
    for name, tensor in theirs.items():
        assert torch.allclose(ours[name].float(), tensor.float(), atol=2e-3), name


def test_training_on_recordings_learns_them(simulated: Path, tmp_path: Path) -> None:
    recorded = Recorded([simulated])
    settings = replace(TINY, mix=1.0, width=32, validation=64)
    history = train(tmp_path / "run", replace(settings, tones=8 * 40, every=40), recorded=recorded)
    start = train(tmp_path / "start", replace(settings, tones=8, every=1), recorded=recorded)
    assert np.isfinite(history["loss"])
    # Per step: the mean over the run lies below the first step, which knows nothing.
    assert history["loss"] < start["loss"] - 0.1
    if recorded.held_out:
        assert np.isfinite(history["recorded"])


def test_other_latencies_are_other_takes(tmp_path: Path) -> None:
    """What is cut off before a note decides what is learnt, like a label."""
    folder = a_set(tmp_path / "set", 3, latency_s=0.02, seconds=0.3)
    before = Recorded([folder]).digest
    assert Recorded([folder]).digest == before
    metadata = folder / "metadata.jsonl"
    text = metadata.read_text("utf-8")
    assert text.count('"latency_s": 0.02') == 3
    metadata.write_text(text.replace('"latency_s": 0.02', '"latency_s": 0.01'), "utf-8")
    assert Recorded([folder]).digest != before


def test_a_take_that_does_not_say_its_onset_says_nothing_of_the_others(tmp_path: Path) -> None:
    with Writer(tmp_path) as data_set:
        for index, onset_s in enumerate((None, 0.02, 0.03)):
            data_set.append(index, a_take(index, onset_s=onset_s, latency_s=None))
    recorded = Recorded([tmp_path])
    sounds = recorded.sounds([1])
    whole = recorded._takes[1].samples
    assert whole is not None
    left = np.flatnonzero(sounds.audio[0])[-1] / 44100
    assert left == pytest.approx(whole / RATE - 0.02, abs=0.002)


def test_a_latency_below_zero_does_not_take_the_end_for_the_beginning(tmp_path: Path) -> None:
    a_set(tmp_path / "below", 1, latency_s=-0.01, seconds=0.2)
    a_set(tmp_path / "none", 1, latency_s=0.0, seconds=0.2)
    below, none = (Recorded([tmp_path / name]).sounds([0]).audio[0] for name in ("below", "none"))
    assert np.count_nonzero(below) > 0.9 * np.count_nonzero(none)


def test_a_tone_is_judged_at_all_its_notes_and_spellings(tmp_path: Path) -> None:
    """Neither another note nor another way to write a switch brings a judged tone into training."""
    with Writer(tmp_path) as data_set:
        for index in range(160):
            tone = numbered_tone(index // 4)
            spelt = tone.with_values({"DCO1 RANGE": tone.raw("DCO1 RANGE") + index % 2})
            assert spelt.label("DCO1 RANGE") == tone.label("DCO1 RANGE")
            data_set.append(index, a_take(index, tone=spelt, note=48 + index % 4))
    recorded = Recorded([tmp_path])
    judged = {tone_number(bytes(tone).hex()) for tone in recorded.sounds(recorded.held_out).tones}
    learnt = recorded.sounds(recorded.numbers(0, 0, len(recorded) - len(recorded.held_out))).tones
    assert judged
    assert not judged & {tone_number(bytes(tone).hex()) for tone in learnt}
    assert len(recorded.held_out) == 4 * len(judged)


def test_a_run_is_not_continued_with_other_takes(simulated: Path, tmp_path: Path) -> None:
    settings = replace(TINY, mix=1.0, tones=8, every=1)
    train(tmp_path / "run", settings, recorded=Recorded([simulated]))
    other = Recorded([simulated, a_set(tmp_path / "set", 1)])
    with pytest.raises(UsageError, match="another data"):
        train(tmp_path / "run", settings, recorded=other)
    with pytest.raises(UsageError, match="another mix"):
        train(tmp_path / "run", replace(settings, mix=0.5), recorded=Recorded([simulated]))
    with pytest.raises(UsageError, match="another mix, data"):
        train(tmp_path / "run", replace(settings, mix=0.0))
    with pytest.raises(UsageError, match="share"):
        train(tmp_path / "new", settings)
    assert not (tmp_path / "new").exists()


def test_a_damaged_take_is_named(tmp_path: Path) -> None:
    a_set(tmp_path / "set", 3)
    for k in range(3):
        (tmp_path / f"set/takes/000/00000{k}.flac").write_text("no sound")
    with pytest.raises(VerificationError, match=r"\.flac is listed but cannot be read") as caught:
        train(tmp_path / "run", replace(TINY, mix=1.0), recorded=Recorded([tmp_path / "set"]))
    assert "jx dataset check" in caught.value.hint


Jx = Callable[..., subprocess.CompletedProcess[str]]


def test_on_the_command_line(simulated: Path, tmp_path: Path, jx: Jx) -> None:
    given = ["--tones", "16", "--batch", "8", "--width", "16", "--every", "1"]
    done = jx("train", "run", "--data", simulated, "--mix", "1", *given, "--json")
    assert done.returncode == 0, done.stderr
    assert '"step": 2' in done.stdout
    assert "takes, " in done.stderr
    assert "kept for judging" in done.stderr
    assert (tmp_path / "run/model.safetensors").exists()
    done = jx("train", "run", "--data", simulated, *given)
    assert done.returncode == 2
    assert "another mix" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--mix", "0.5"], "--data"),
        (["--data", "none"], "none is not a data set"),
        (["--data", "failed"], "can be learnt from: 2 silent"),
        (["--data", "failed", "--mix", "0"], "the share of recorded takes is 0"),
        (["--data", "failed", "--mix", "1.5"], "the share of recorded takes is 1.5"),
        (["--data", "failed", "--mix", "nan"], "the share of recorded takes is nan"),
    ],
)
def test_wrong_requests_write_nothing(options: list[str], said: str, tmp_path: Path, jx: Jx) -> None:
    a_set(tmp_path / "failed", 2, verdict="silent")
    done = jx("train", "run", *options)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_the_helper_is_late_by_what_it_says() -> None:
    """Of the tests' own sounds: latency moves them and nothing else."""
    plain, late = (sound(1, 60, 0.2, 0.1, latency_s=late_s) for late_s in (0.0, 0.05))
    noise = np.abs(plain[:100] - sound(2, 60, 0.2, 0.1)[:100]).max()
    np.testing.assert_allclose(late[400:], plain[: len(plain) - 400], atol=4 * noise)
