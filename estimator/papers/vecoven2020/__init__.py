"""Vecoven 2020: 26 parameters of a simplified synth from a spectrogram; InverSynth (2019) beside it.

`task` is the problem: the synth, the tones, the target, the score. `corpus` renders its tones and keeps what
the `entries` are given of them (`views`, `reduced`); `networks` holds the architectures, one file each; `fit`
trains an entry, `measures` judges its answers, and `audible` and `ambiguous` say what nobody could know.
"""
