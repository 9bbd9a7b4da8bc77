"""A profile: the laws of one board, from raw values (0-127) to what they mean, read from TOML.

A level's law is one of a few closed forms or a measured table; a switch has one value (or row of values) for
each position. Either way the law becomes a table with an entry for every raw value, so that applying it to a
batch is one look-up. Every law carries its unit, its evidence and its source.

Two profiles come with jx: ``superjx`` (the hardware's topology, defaults of unmeasured laws assumed) and
``thesis`` (the simplified synth of Vecoven 2020, chapter 4). A user's own is any TOML file with the same
laws, or with ``base = "superjx"`` and the laws that differ.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jxctl._files import parse_toml, read_text
from jxctl.errors import ProfileError
from jxctl.protocol.parameters import PARAMETERS, TONE_PARAMETERS, Evidence, Parameter, parameter
from jxctl.protocol.tone import Tone

RAW = np.arange(128)
"""Every raw value of a parameter."""

FloatArray = NDArray[np.floating[Any]]

CHOICES = {
    "mixer": ("dco2", "crossfade"),
    "dco_phase": ("key", "free"),
    "lfo_wave3": ("triangle", "sine"),
    "lfo_phase": ("key", "free"),
    "divider_stepping": ("on", "off"),
    "chorus_phase": ("key", "free"),
}
LEVEL_LAWS = (
    "dco_ftune", "dco_lfo", "dco_env", "mix_level", "mix_env", "vcf_cutoff", "vcf_damping", "vcf_lfo",
    "vcf_env", "vcf_key", "vca_level", "lfo_delay", "lfo_rate", "env_attack", "env_decay", "env_sustain",
    "env_release", "bender", "master_tune", "modulation", "aftertouch", "after_vib", "after_bri", "after_vol",
    "porta_time", "midi_volume",
)  # fmt: skip
POSITION_LAWS = ("dco_range", "dco_prescale", "dco_tune", "dco_xmod", "hpf_corner", "env_key", "bend_range")
CONSTANT_LAWS = (
    "tick", "cv_slew", "dco_clock", "dco_pulse_width", "vcf_poles", "vcf_fixed_damping", "vcf_lowest",
    "vcf_highest", "vcf_key_centre", "env_key_lowest", "env_key_span", "lfo_fade", "voice_gain",
    "spread_cutoff", "spread_resonance", "spread_envelope", "spread_gain", "spread_pulse_width", "spread_hpf",
    "drift_cutoff", "drift_time", "noise_floor", "chorus_low_pass_in", "chorus_low_pass_out",
    "chorus_damping", "chorus_apart",
)  # fmt: skip
CHORUS_LAWS = ("chorus_rate", "chorus_shortest", "chorus_longest", "chorus_dry", "chorus_wet")
"""Laws with a number for each position of CHORUS."""
# What the arithmetic can bear, far wider than any board: times above zero, damping that damps.
LIMITS = {
    "tick": (1e-4, 1), "cv_slew": (0, 1), "dco_clock": (1e3, 1e9), "dco_prescale": (1, 1024),
    "dco_pulse_width": (0.001, 0.999), "dco_range": (-120, 120), "dco_tune": (-120, 120),
    "dco_ftune": (-12000, 12000), "dco_lfo": (-12000, 12000), "dco_env": (-12000, 12000), "dco_xmod": (-8, 8),
    "mix_level": (0, 16), "mix_env": (0, 1), "voice_gain": (0, 16), "vca_level": (0, 16), "dynamics": (0, 16),
    "hpf_corner": (0, 1e5), "vcf_cutoff": (0.1, 1e6), "vcf_damping": (0.001, 100),
    "vcf_fixed_damping": (0.001, 100), "vcf_lowest": (0.1, 1e6), "vcf_highest": (0.1, 1e6),
    "vcf_lfo": (-20, 20), "vcf_env": (-20, 20), "vcf_key": (-4, 4), "vcf_key_centre": (0, 127),
    "lfo_rate": (0, 1e3), "lfo_delay": (0, 1e3), "lfo_fade": (0, 1e3),
    "env_attack": (1e-5, 1e4), "env_decay": (1e-5, 1e4), "env_release": (1e-5, 1e4), "env_sustain": (0, 1),
    "env_key": (-16, 16), "env_key_lowest": (0, 127), "env_key_span": (1, 127),
    "bend_range": (0, 48), "bender": (0, 1), "master_tune": (-1200, 1200), "modulation": (0, 12000),
    "aftertouch": (0, 1), "after_vib": (0, 12000), "after_bri": (-20, 20), "after_vol": (-1, 16),
    "porta_time": (0, 100), "midi_volume": (0, 16),
    "spread_cutoff": (0, 4), "spread_resonance": (0, 0.9), "spread_envelope": (0, 0.9),
    "spread_gain": (0, 0.9), "spread_pulse_width": (0, 0.2), "spread_hpf": (0, 0.9),
    "drift_cutoff": (0, 4), "drift_time": (0.1, 1e4), "noise_floor": (-200, 0),
    "chorus_rate": (0, 1e3), "chorus_shortest": (0, 0.1), "chorus_longest": (0, 0.1), "chorus_dry": (0, 16),
    "chorus_wet": (-16, 16), "chorus_low_pass_in": (1, 1e6), "chorus_low_pass_out": (1, 1e6),
    "chorus_damping": (0.05, 100), "chorus_apart": (-1, 1),
}  # fmt: skip


@dataclass(frozen=True)
class Law:
    """One entry of a profile.

    ``values``: float64, [128] for a parameter's law, [positions] or [positions, k] for a law per
    switch position, or a scalar for a constant. ``choice``: the text of a law that selects one of
    several behaviours. ``evidence`` is documented, captured, inferred or assumed; ``source`` says
    where it comes from.
    """

    name: str
    values: FloatArray
    choice: str
    unit: str
    evidence: Evidence
    source: str

    def __float__(self) -> float:
        return float(self.values)


@dataclass(frozen=True)
class Profile:
    """A named set of laws: from raw values to physical ones, of one board.

    Args:
        name: of the profile.
        about: what it is of, in a sentence.
        laws: a law's name to it; see `Law`.

    Examples:
        >>> load_profile().constant("dco_clock")
        8000000.0
    """

    name: str
    about: str
    laws: Mapping[str, Law]
    _tables: dict[str, FloatArray] = field(default_factory=dict, compare=False, repr=False)

    def constant(self, law: str) -> float:
        """The value of a constant law."""
        return float(self.laws[law])

    def choice(self, law: str) -> str:
        """The word of a law that chooses a behaviour."""
        return self.laws[law].choice

    def replace(self, name: str | None = None, /, **laws: ArrayLike | Law) -> Profile:
        """This profile with other values in some laws, whose unit, evidence and source stay.

        Args:
            name: of the new profile, if not the same.
            laws: by name, a word for a law that chooses a behaviour, numbers for any other (one for a
                constant, or an array of the law's shape), or a whole `Law`.

        Raises:
            ProfileError: there is no such law, or a word is given for numbers, or numbers for a word.

        Examples:
            >>> load_profile().replace(chorus_phase="free", voice_gain=0.5).constant("voice_gain")
            0.5
        """
        changed = dict(self.laws)
        for law, value in laws.items():
            if law not in changed:
                raise ProfileError(f"profile {self.name}: no such law: {law}")
            changed[law] = value if isinstance(value, Law) else _changed(changed[law], value)
        return Profile(self.name if name is None else name, self.about, changed)

    def table(self, name: str, law: str = "") -> FloatArray:
        """The table over raw values, [128] or [128, k], of a parameter, by its name.

        ``law`` overrides the law that the parameter's row names (DCO RANGE has two).
        """
        key = f"{name}/{law}"
        if key not in self._tables:
            row = parameter(name)
            self._tables[key] = by_raw(self.laws[law or row.law], row)
        return self._tables[key]

    def physical(self, tones: np.ndarray, name: str, law: str = "") -> FloatArray:
        """Physical values of one parameter for a batch: ``uint8[N, 48]`` to float64[N] or [N, k]."""
        return self.table(name, law)[tones[:, parameter(name).column]]

    def gather(self, tones: np.ndarray, entries: tuple[tuple[str, str], ...]) -> FloatArray:
        """Physical values of several parameters at once, float64[N, len(entries)].

        ``entries``: (parameter, law), as of `table`; of laws that give one number only.
        """
        key, columns, each = _columns(entries)
        if key not in self._tables:
            self._tables[key] = np.stack([self.table(*entry) for entry in entries], axis=1)
        return self._tables[key][tones[:, columns], each]

    def view(self, tone: Tone) -> dict[str, tuple[float, str]]:
        """What a tone's raw values mean on this board: (value, unit) by parameter name.

        Only parameters whose law gives one number are listed: not the routing switches, nor those
        whose law no profile holds.
        """
        view = {}
        for row in TONE_PARAMETERS:
            law = self.laws.get(row.law)
            if law is not None and not law.choice and law.name != "dynamics":
                value = self.table(row.name)[tone.raw(row.id)]
                if value.ndim == 0:
                    view[row.name] = (float(value), law.unit)
        return view

    def dynamics(self, tones: np.ndarray, name: str, velocities: np.ndarray) -> FloatArray:
        """Factor 0 to 1 that velocity (0-127) gives through a DYNA switch: float64[N]."""
        row, key = parameter(name), f"{name}/velocity"
        if key not in self._tables:
            curves = self.laws["dynamics"].values
            grid = np.linspace(0, 127, curves.shape[1])
            table = np.stack([np.interp(np.arange(128), grid, curve) for curve in curves])
            self._tables[key] = table[np.array(row.classes)]
        return np.asarray(self._tables[key][tones[:, row.column], velocities])


def _changed(law: Law, value: ArrayLike) -> Law:
    """A law with another word or other numbers."""
    if isinstance(value, str) != bool(law.choice):
        wanted = "a word" if law.choice else "numbers"
        raise ProfileError(f"law {law.name} is {value!r}; it must be {wanted}")
    if isinstance(value, str):
        return replace(law, choice=value)
    return replace(law, values=np.asarray(value, np.float64))


@functools.cache
def _columns(entries: tuple[tuple[str, str], ...]) -> tuple[str, NDArray[np.int64], NDArray[np.int64]]:
    """Of entries of `Profile.gather`: a name, their columns in a tone batch, and their numbers."""
    return repr(entries), np.array([parameter(name).column for name, _ in entries]), np.arange(len(entries))


def load_profile(profile: str | Path | Profile = "superjx") -> Profile:
    """Read a profile: the laws of a board.

    Args:
        profile: a name (``superjx``, ``thesis``), a TOML file, or a `Profile`, which is returned as it is.

    Returns:
        The profile.

    Raises:
        ProfileError: no such profile, not TOML, a law missing, misspelt or malformed.

    Examples:
        >>> load_profile("thesis").name
        'thesis'
    """
    if isinstance(profile, Profile):
        return profile
    return _load(str(profile))


def names() -> list[str]:
    """Names of the profiles that come with jx."""
    folder = resources.files("simulator") / "profiles"
    return sorted(Path(file.name).stem for file in folder.iterdir() if file.name.endswith(".toml"))


@functools.lru_cache(maxsize=32)
def _load(profile: str) -> Profile:
    data = _read(profile)
    entries: dict[str, Any] = {}
    for layer in _layers(profile, data):
        laws_here = layer.get("laws", {})
        if not isinstance(laws_here, dict):
            raise ProfileError(f"profile {profile}: laws is no table", "write each law as [laws.NAME]")
        entries.update(laws_here)
    required = {*LEVEL_LAWS, *POSITION_LAWS, *CONSTANT_LAWS, *CHORUS_LAWS, *CHOICES, "dynamics"}
    missing, unknown = sorted(required - entries.keys()), sorted(entries.keys() - required)
    if missing:
        hint = 'begin the file with base = "superjx": what is not in it is then taken from there'
        raise ProfileError(f"profile {profile}: laws missing: {', '.join(missing)}", hint)
    if unknown:
        raise ProfileError(f"profile {profile}: no such law: {', '.join(unknown)}")
    laws = {name: make_law(name, entry) for name, entry in entries.items()}
    _check(laws)
    return Profile(str(data.get("name", profile)), str(data.get("about", "")), laws)


def _layers(profile: str, data: dict[str, Any]) -> list[dict[str, Any]]:
    """The file and what it builds on, the foundation first."""
    layers, seen = [data], {profile}
    while "base" in layers[0]:
        base = str(layers[0]["base"])
        if base in seen:
            raise ProfileError(f"profile {profile}: it builds on itself, through {base}", "correct its base")
        seen.add(base)
        layers.insert(0, _read(base))
    return layers


def _read(profile: str) -> dict[str, Any]:
    where = f"profile {profile}: "
    if profile in names():
        built_in = resources.files("simulator") / "profiles" / f"{profile}.toml"
        return parse_toml(built_in.read_text("utf-8"), where, ProfileError)
    if not os.path.lexists(profile):
        hint = f"profiles that come with jx: {', '.join(names())}; or give a TOML file"
        raise ProfileError(f"no profile is called {profile}", hint)
    return parse_toml(read_text(profile, error=ProfileError), where, ProfileError)


def _check(laws: Mapping[str, Law]) -> None:
    """Shapes that the simulator counts on."""
    for name, words in CHOICES.items():
        if laws[name].choice not in words:
            raise ProfileError(f"law {name} is {laws[name].choice!r}; it must be one of {', '.join(words)}")
    for name in CONSTANT_LAWS:
        if laws[name].values.ndim != 0 or laws[name].choice:
            raise ProfileError(f"law {name} must be a constant")
    for name in LEVEL_LAWS:
        if laws[name].values.shape != (128,):
            raise ProfileError(f"law {name} must give a value for each of the 128 raw values")
    if laws["dynamics"].values.ndim != 2 or len(laws["dynamics"].values) != 4:
        raise ProfileError("law dynamics must hold four curves over velocity")
    if laws["dco_xmod"].values.shape != (4, 4):
        raise ProfileError("law dco_xmod must hold four rows of four numbers")
    if float(laws["vcf_poles"]) not in (2, 4):
        raise ProfileError("law vcf_poles must be 2 or 4")
    for name, (low, high) in LIMITS.items():
        values = laws[name].values
        if not values.size or values.min() < low or values.max() > high:
            raise ProfileError(
                f"law {name} leaves the range of {low:g} to {high:g} {laws[name].unit}".rstrip()
            )
    if not np.isin(laws["dco_xmod"].values[:, :2], (0, 1)).all():
        raise ProfileError("law dco_xmod: sync, its first two columns, is 0 or 1")
    if float(laws["cv_slew"]) > float(laws["tick"]):
        raise ProfileError("law cv_slew is longer than law tick: voltages have to arrive within a tick")
    if float(laws["vcf_lowest"]) > float(laws["vcf_highest"]):
        raise ProfileError("law vcf_lowest is above law vcf_highest")
    for name in CHORUS_LAWS:
        if laws[name].values.shape != (3,):
            raise ProfileError(f"law {name} must give one number for each position of CHORUS")
    if np.any(laws["chorus_shortest"].values > laws["chorus_longest"].values):
        raise ProfileError("law chorus_shortest is above law chorus_longest")
    if laws["chorus_dry"].values[0] != 1 or laws["chorus_wet"].values[0] != 0:
        raise ProfileError("CHORUS off must be off: laws chorus_dry and chorus_wet begin with 1 and 0")
    by_position = [row for row in PARAMETERS if row.law in POSITION_LAWS]
    for row in by_position:
        by_raw(laws[row.law], row)
    for name in ("dco_range", "dco_prescale", "dco_tune", "hpf_corner", "env_key", "bend_range"):
        if laws[name].values.ndim != 1:
            raise ProfileError(f"law {name} must give one number for each position")


def make_law(name: str, entry: Mapping[str, Any]) -> Law:
    """A law from its profile entry; raises `ProfileError` with the entry's name.

    Forms (x = raw / 127):

    * ``constant``: ``value``
    * ``linear``: low + (high - low) x
    * ``exponential``: low (high / low)^x
    * ``power``: low + (high - low) x^exponent
    * ``table``: straight lines between the points ``raw`` and ``value``
    * ``positions``: ``values``, one number or row of numbers per switch position
    * ``choice``: ``value``, a word
    """
    if not isinstance(entry, Mapping):
        raise ProfileError(f"law {name} is no table", f"write it as [laws.{name}] with form, unit and so on")
    try:
        form = entry["form"]
        evidence, source, unit = entry["evidence"], entry["source"], entry["unit"]
        with np.errstate(all="ignore"):  # what is not finite is refused below
            values = law_values(entry)
    except KeyError as error:
        raise ProfileError(f"law {name}: {error.args[0]!r} is missing or not known") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise ProfileError(f"law {name}: {error}") from None
    if evidence not in get_args(Evidence):
        raise ProfileError(f"law {name}: evidence {evidence!r} is not one of {', '.join(get_args(Evidence))}")
    if values.size == 0 or not np.all(np.isfinite(values)):
        raise ProfileError(f"law {name}: it has no values, or some are not finite")
    choice = str(entry["value"]) if form == "choice" else ""
    return Law(name, values, choice, str(unit), evidence, str(source))


def law_values(entry: Mapping[str, Any]) -> FloatArray:
    """The numbers of a profile entry, float64, by its form: see `make_law`.

    Raises `KeyError`, `TypeError`, `ValueError` or `OverflowError` for an entry that is malformed.
    """
    return np.asarray(_FORMS[entry["form"]](entry), dtype=np.float64)


def by_raw(law: Law, parameter: Parameter) -> FloatArray:
    """The law as a table over raw values for one parameter: [128] or, for rows, [128, k].

    A switch's law has a value per position, or one for each raw value where a board is known to divide
    the range otherwise. Raises `ProfileError` for any other number of values.
    """
    if parameter.kind == "level" or len(np.atleast_1d(law.values)) == len(RAW):
        return law.values
    if law.values.ndim == 0:
        raise ProfileError(f"law {law.name} must have a value for each position of {parameter.name}")
    if len(law.values) != parameter.positions:
        raise ProfileError(
            f"law {law.name} has {len(law.values)} values, {parameter.name} {parameter.positions} positions"
        )
    return law.values[[parameter.position(int(raw)) for raw in RAW]]


def _exponential(entry: Mapping[str, Any]) -> FloatArray:
    if entry["low"] <= 0 or entry["high"] <= 0:
        raise ValueError("an exponential law needs low and high above 0")
    return np.geomspace(entry["low"], entry["high"], 128)


def _choice(entry: Mapping[str, Any]) -> float:
    if not isinstance(entry["value"], str):
        raise ValueError("the value of a choice is a word")
    return 0.0


def _power(entry: Mapping[str, Any]) -> FloatArray:
    return np.asarray(entry["low"] + (entry["high"] - entry["low"]) * (RAW / 127) ** entry["exponent"])


def _table(entry: Mapping[str, Any]) -> FloatArray:
    raw = np.asarray(entry["raw"], dtype=np.float64)
    if raw.ndim != 1 or not raw.size or raw[0] != 0 or raw[-1] != 127 or np.any(np.diff(raw) <= 0):
        raise ValueError("the points of a table must rise from raw 0 to raw 127")
    return np.interp(RAW, raw, entry["value"])


_FORMS: dict[str, Any] = {
    "constant": lambda entry: float(entry["value"]),
    "linear": lambda entry: np.linspace(entry["low"], entry["high"], 128),
    "exponential": _exponential,
    "power": _power,
    "table": _table,
    "positions": lambda entry: entry["values"],
    "choice": _choice,
}
