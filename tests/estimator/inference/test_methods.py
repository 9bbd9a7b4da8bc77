"""Estimators of other packages: a toy distribution, made here, is found by name and guesses."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from estimator.inference.estimator import Estimator, Guess, Played, Recording
from estimator.inference.methods import estimators, load_estimator, usable
from estimator.inference.posterior import from_tones
from estimator.network.parameters import HEADS
from jxctl.errors import JxError, UsageError
from jxctl.protocol.tone import Tone
from simulator.synth import render

Run = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[3]
TOY = '''
"""An estimator that proposes the same two tones whatever it is given."""
import superjx

class Toy(superjx.ProposalEstimator):
    def propose(self, recordings, count, rng, fixed=None, threads=None):
        plain = superjx.Tone.init().with_values({"VCF FREQ": 40})
        return superjx.proposal_from_tones([list(plain.values), list(superjx.Tone.init().values)], fixed)

class Incomplete:
    def __init__(self, profile): pass

def failing(profile):
    raise ValueError("no weights")

def refusing(profile):
    raise superjx.UsageError("needs a licence", "buy one")
'''
PLAYED = Played(57, 100, 0.3)


def distribution(folder: Path, name: str, points: str) -> None:
    """A package as an installer leaves it: a module, and what is said of it."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[superjx.estimators]\n{points}")
    (folder / "toy_estimator.py").write_text(TOY)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the toy is installed."""
    folder = tmp_path / "site"
    points = "".join(
        f"{name} = toy_estimator:{thing}\n"
        for name, thing in {
            "toy": "Toy", "incomplete": "Incomplete", "failing": "failing", "refusing": "refusing",
            "gone": "Gone", "network": "Toy",
        }.items()
    )  # fmt: skip
    distribution(folder, "toy-estimators", points)
    monkeypatch.syspath_prepend(str(folder))
    return folder


def sound() -> np.ndarray:
    """A dull note of the simulator."""
    return render(Tone.init().with_values({"VCF FREQ": 40}), 57, 100, 0.3, 0.6)[0]


def test_an_installed_estimator_is_found_and_guesses(toy: Path) -> None:
    found = estimators()
    assert next(iter(found)) == "network"
    assert found["toy"] == "toy_estimator:Toy"
    guess = load_estimator("toy", "thesis").guess(
        [Recording(sound(), PLAYED)], renders=2, seed=0, report=lambda done: None, top=1, like=None,
        start=False, locked=(),
    )  # fmt: skip
    assert isinstance(guess, Guess)
    assert len(guess.candidates) == 2
    assert guess.candidates[0].tone.raw("VCF FREQ") == 40
    assert load_estimator("toy", "thesis").profile.name == "thesis"
    assert load_estimator("toy").profile.name == "superjx"


def test_the_network_is_the_built_in_whatever_is_installed(toy: Path) -> None:
    assert isinstance(load_estimator(), Estimator)
    assert estimators()["network"] == "estimator.inference.estimator:Estimator"


@pytest.mark.parametrize(
    ("name", "kind", "said", "hint"),
    [
        (
            "tyo",
            UsageError,
            "there is no estimator 'tyo'",
            "network, failing, gone, incomplete,",
        ),
        ("incomplete", JxError, "of toy-estimators has no guess()", "EstimatorProtocol"),
        ("failing", JxError, "cannot be used: ValueError: no weights", "at fault"),
        ("gone", JxError, "cannot be used: AttributeError", "at fault"),
        ("refusing", UsageError, "needs a licence", "buy one"),
    ],
)
def test_what_cannot_be_used_is_said(toy: Path, name: str, kind: type[JxError], said: str, hint: str) -> None:
    with pytest.raises(JxError) as caught:
        load_estimator(name)
    assert type(caught.value) is kind
    assert said in caught.value.message
    assert hint in caught.value.hint


def test_a_name_of_two_packages_is_refused(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution(tmp_path / "other", "more-toys", "toy = toy_estimator:Incomplete\n")
    monkeypatch.syspath_prepend(str(tmp_path / "other"))
    with pytest.raises(
        UsageError, match="several packages have an estimator 'toy': more-toys, toy-estimators"
    ):
        load_estimator("toy")


def test_weights_are_for_the_network(toy: Path) -> None:
    with pytest.raises(UsageError, match="not for toy"):
        load_estimator("toy", checkpoint=Path("weights"))


def test_only_what_has_a_guess_and_a_profile_is_usable() -> None:
    class Half:
        def guess(self) -> None: ...

    assert not usable(Half())
    assert usable(Estimator())


def test_the_command_takes_it_by_name(jx: Run, toy: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sound(), 44100)
    env = os.environ | {"PYTHONPATH": f"{toy}{os.pathsep}{ROOT}", "NO_COLOR": "1"}
    command = ["guess", "a.wav", "--note", "57", "--renders", "2", "--json", "-o", "t.json"]
    done = jx(*command, "--estimator", "toy", env=env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["tone"]["parameters"]["VCF FREQ"] == 40
    assert json.loads(done.stdout)["renders"] == 2
    wrong = jx(*command[:-1], "u.json", "--estimator", "tyo", env=env)
    assert wrong.returncode == 2
    assert "there is no estimator 'tyo'" in wrong.stderr
    assert not (tmp_path / "u.json").exists()


def test_a_proposal_of_tones_counts_their_values() -> None:
    tones = np.array([list(Tone.init().with_values({"VCF FREQ": v}).values) for v in (40, 40, 90)])
    proposal = from_tones(tones, fixed={0: 1})
    head = next(k for k, head in enumerate(HEADS) if head.parameter.name == "VCF FREQ")
    assert proposal.marginals[head][40] == pytest.approx(2 / 3)
    assert proposal.marginals[head][90] == pytest.approx(1 / 3)
    assert proposal.best[head] == 40
    assert (proposal.draws[:, 0] == 1).all()
    assert proposal.marginals[0][1] == 1


def test_at_a_prompt_a_guess_says_how_good_it_is(toy: Path) -> None:
    guess = load_estimator("toy").guess(
        [Recording(sound(), PLAYED)], renders=2, seed=0, report=lambda done: None, top=1, like=None,
        start=False, locked=(),
    )  # fmt: skip
    text = repr(guess)
    assert text.startswith(f"<Guess: note 57, distance {guess.candidates[0].distance_db:.2f} dB, best of 2, ")
    assert text.endswith(f"{guess.candidates[0].tone!r}>")
    assert "\n" not in text
