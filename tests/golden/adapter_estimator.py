"""Every name of jx's estimator that the goldens use; see `adapter`."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

import estimator.closed_loop.comparison
import estimator.inference.metrics
import estimator.network.inputs
import estimator.papers.vecoven2020.task
import estimator.training.synthetic
from estimator.closed_loop.optimizer import closed_loop
from estimator.closed_loop.player import BoardPlay
from estimator.inference.estimator import Estimator
from estimator.inference.note_detection import Played, Recording, listen
from estimator.inference.objective import CELL, Target
from estimator.inference.posterior import from_prior
from estimator.network import parameters
from estimator.network.parameters import prior_marginals
from estimator.papers.vecoven2020.entries import ENTRIES
from estimator.papers.vecoven2020.networks.inversynth import VECTOR
from estimator.papers.vecoven2020.views import SHAPES, views_of
from jxctl.protocol.tone import INIT_TONE, Tone, to_batch
from simulator.features.mel import log_mel
from simulator.prior import Prior
from simulator.synth import load_profile

from .adapter import Array, Arrays, virtual_rig


def network_features(audio: Array, notes: Any, velocities: Any, gates_s: Any) -> Arrays:
    """What the network is given of sounds, float32[N, samples]."""
    return _views(estimator.network.inputs.features(audio, notes, velocities, gates_s))


def _views(views: Any) -> Arrays:
    return {name: getattr(views, name).numpy() for name in ("mel", "partials", "known")}


def ranking_cells(audio: Array) -> Array:
    """The log-mel cells that sounds are compared in: float32[N, bands, frames], dB."""
    return log_mel(audio)


def views26(audio: Array) -> Arrays:
    """The views of the task with 26 parameters of sounds, float32[N, 4 s]."""
    return views_of(audio)


def distances(audio: Array, target: Array) -> Arrays:
    """Every distance between sounds, float32[N, samples], and a target."""
    found = estimator.inference.metrics.distances(audio, target)
    return {
        name: getattr(found, name) for name in ("log_mel", "multi_scale", "warped_mfcc", "envelope")
    }  # fmt: skip


def compared(audio: Array, target: Array) -> Arrays:
    """How the search hears sounds beside a target: distances, and cells of residuals."""
    heard = Target(Recording(target, Played(60, 100, 1.0))).hear(audio, CELL, None)
    return {"distances": heard.distances, "cells": heard.cells, "sounding": heard.sounding}


def what_was_played(audio: Array, rate: int) -> Array:
    """Note (-1: none), cents, confidence, onset, gate, end, whether a release was heard: float64[7]."""
    heard = listen(audio, rate)
    note = -1 if heard.note is None else heard.note
    return np.array([
        note, heard.cents, heard.pitch_confidence, heard.onset_s, heard.gate_s, heard.end_s,
        heard.release_heard,
    ], np.float64)  # fmt: skip


def player_measures(audio: Array, note: int, velocity: int, gate_s: float, values: bytes) -> Array:
    """What ``jx check`` measures on one note, by name in order: float64[measures]."""
    found = estimator.closed_loop.comparison.measure(audio, Played(note, velocity, gate_s), Tone(values))
    return np.array([found[name] for name in sorted(found)], np.float64)


# The prior, the network, the search.


def prior_draws(count: int, seed: int) -> Array:
    """Tones from the prior: uint8[count, 48]."""
    return Prior.load().sample(count, np.random.default_rng(seed))


def prior_statistics() -> Arrays:
    """What the prior holds, and its marginals one after the other."""
    prior = Prior.load()
    held = {"columns": prior.columns, "probability": prior.probability, "correlation": prior.correlation}
    return {**held, "marginals": np.concatenate(prior_marginals())}


def prior_proposal(count: int, seed: int, fixed: Mapping[int, int]) -> Arrays:
    """What is proposed without listening."""
    return _said(from_prior(count, np.random.default_rng(seed), fixed))


def _said(proposal: Any) -> Arrays:
    marginals = np.concatenate(proposal.marginals)
    return {"best": proposal.best, "draws": proposal.draws, "marginals": marginals}


Sound = tuple[Array, int, int, float]
"""Audio, note, velocity and gate of a recording."""


def _recordings(sounds: Sequence[Sound]) -> list[Recording]:
    return [Recording(audio, Played(note, velocity, gate)) for audio, note, velocity, gate in sounds]


@functools.cache
def _estimator() -> Estimator:
    return Estimator()


def proposed(sounds: Sequence[Sound], count: int, seed: int, fixed: Mapping[int, int]) -> Arrays:
    """What the network that comes with jx proposes for recordings of one tone."""
    return _said(_estimator().propose(_recordings(sounds), count, np.random.default_rng(seed), fixed))


def guessed(sounds: Sequence[Sound], renders: int, seed: int, **options: Any) -> Arrays:
    """A guess: tones uint8[N, 48] and distances in order, what else it says, and the sound of the best."""
    if "like" in options:
        options["like"] = Tone(options["like"])
    guess = _estimator().guess(_recordings(sounds), renders=renders, seed=seed, **options)
    sure = [guess.confidence.get(head.parameter.name, -1.0) for head in parameters.HEADS]
    return {
        "tones": to_batch([candidate.tone for candidate in guess.candidates]),
        "distances": np.array([candidate.distance_db for candidate in guess.candidates]),
        "alternatives": to_batch([candidate.tone for candidate in guess.alternatives]),
        "audio": guess.audio, "confidence": np.array(sure), "loud": np.array([guess.loud_db]),
        "audible": np.array([guess.audible[head.parameter.name] for head in parameters.HEADS]),
    }  # fmt: skip


def training_batch(seed: int, index: int, size: int, recordings: int | None) -> tuple[Any, Arrays]:
    """A batch of training, for `network_says`, and what is in it."""
    batch = estimator.training.synthetic.make_batch(seed, index, size, "superjx", recordings=recordings)
    content = {"tones": batch.tones, "target": batch.target.numpy(), "heard": batch.heard.numpy()}
    return batch, content | _views(batch.views)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums of torch's do not depend on how many threads share them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.set_num_threads(before)


def network_says(batch: Any) -> Arrays:
    """Logits of the network that comes with jx for a batch of training, and the loss of each parameter."""
    with _one_thread():
        logits = _estimator().model(batch.views, batch.target, batch.recordings)
        return {
            "logits": logits.numpy(),
            "losses": parameters.soft_cross_entropy(logits, batch.target).numpy(),
        }


def networks26(seed: int) -> Iterator[tuple[str, Arrays]]:
    """Of every network for the task with 26 parameters but lcnn1, which is lcnn2 in large: its first weights
    by seed, added up one by one, and what it says of noise after some noise has moved them."""
    for entry in ENTRIES:
        if entry.name == "lcnn1":
            continue
        shapes = [(VECTOR,) if name in ("bag", "handmade") else SHAPES[name][0] for name in entry.views]
        with _one_thread():
            torch.manual_seed(seed)
            model = entry.make().eval()
            weights = [weight.double().sum().item() for weight in model.parameters()]
            for weight in model.parameters():
                weight += 0.02 * torch.randn(weight.shape)
            output = model(*(torch.randn(1, *shape) for shape in shapes))
            answer = entry.kind.answer(output).numpy()
        yield entry.name, {"weights": np.array(weights), "output": output.numpy(), "answer": answer}


def task26(count: int, seed: int) -> Arrays:
    """Draws of the task with 26 parameters: tones, targets, sounds and their spectrograms."""
    tones, targets = estimator.papers.vecoven2020.task.sample(count, np.random.default_rng(seed))
    audio = estimator.papers.vecoven2020.task.play(tones, seed=seed)
    pictures = estimator.papers.vecoven2020.task.spectrogram(audio)
    return {"tones": tones, "targets": targets, "audio": audio, "spectrogram": pictures}


def looped(values: bytes, start: bytes, takes: int, seed: int) -> Arrays:
    """The closed loop on a virtual board that differs: every choice played, in order, and its distance."""
    board, base = virtual_rig({"voice_gain": 0.3, "vcf_fixed_damping": 0.85}, 2), INIT_TONE.values
    blank = Recording(np.zeros(44100, np.float32), Played(57, 100, 0.5))
    [(_, target)] = BoardPlay(board, [blank], base).takes_of(Tone(values))
    rng = np.random.default_rng(seed)
    closed = closed_loop(
        BoardPlay(board, [target], base), [target], parameters.classes(np.frombuffer(start, np.uint8)[None]),
        from_prior(64, rng), load_profile(), base, takes, rng, renders=64, threads=1,
    )  # fmt: skip
    return {
        "choices": np.array([take.choice for take in closed.trials.takes]),
        "distances": np.array(closed.trials.distances), "target": target.audio,
    }  # fmt: skip
