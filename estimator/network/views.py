"""What a network is given of a batch of sounds."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Views:
    """``mel``: float32[N, 96, 200], dB, 20 ms a frame. ``partials``: float32[N, 168, 6], dB, quarter
    tones around the note in six moments. ``known``: float32[N, 4], MIDI note / 127, velocity / 127,
    gate in seconds / 4, and how long the recording is, in seconds / 4. Decibels run from -80 to 0."""

    mel: torch.Tensor
    partials: torch.Tensor
    known: torch.Tensor
