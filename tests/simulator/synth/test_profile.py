"""Profiles: what comes with jx is complete and labelled; what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jxctl.errors import ProfileError
from jxctl.protocol.parameters import parameter
from jxctl.protocol.tone import Tone
from simulator.synth import load_profile
from simulator.synth.profile import names

OVERRIDE = """
name = "mine"
base = "superjx"
[laws.lfo_rate]
form = "table"
raw = [0, 64, 127]
value = [0.2, 2.0, 15.0]
unit = "Hz"
evidence = "captured"
source = "measured"
"""


def test_every_law_says_how_it_is_known() -> None:
    assert {"superjx", "thesis"} <= set(names())
    for name in names():
        for law in load_profile(name).laws.values():
            assert law.evidence in ("documented", "captured", "inferred", "assumed")
            assert law.evidence == "assumed" or law.source


def test_the_documented_numbers() -> None:
    """thesis 3.1.2.1 and the manual, as jx_hardware.md 5.1 lists them."""
    profile = load_profile()
    assert profile.constant("dco_clock") == 8e6
    assert profile.table("DCO1 RANGE", "dco_prescale")[[0, 32, 64, 96]].tolist() == [8, 4, 2, 1]
    assert profile.table("DCO2 FTUNE")[[0, 64, 127]].tolist() == [-50, 0, 50]
    assert profile.table("VCF KEY")[106] == pytest.approx(1)
    assert profile.constant("vcf_poles") == 4
    assert load_profile("thesis").constant("vcf_poles") == 2


def test_a_tone_in_physical_units() -> None:
    tone = Tone.init().with_values({"DCO1 RANGE": "4'", "DCO2 FTUNE": 96, "LFO RATE": 127, "ENV1 SUS": 0})
    view = load_profile().view(tone)
    assert view["DCO1 RANGE"] == (12, "semitones")
    assert view["DCO2 FTUNE"] == (pytest.approx(50 * 32 / 63), "cents")
    assert view["LFO RATE"] == (pytest.approx(20), "Hz")
    assert view["ENV1 SUS"] == (0, "level")
    assert "DCO1 WF" not in view
    assert "UNKNOWN AE" not in view


def test_a_profile_of_ones_own_builds_on_another(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OVERRIDE)
    profile = load_profile(path)
    assert profile.table("LFO RATE")[[0, 32, 64, 127]] == pytest.approx([0.2, 1.1, 2.0, 15.0])
    assert profile.laws["lfo_rate"].evidence == "captured"
    assert np.array_equal(profile.table("VCF FREQ"), load_profile().table("VCF FREQ"))


def test_a_switch_may_have_a_value_for_each_raw_value(tmp_path: Path) -> None:
    """A board whose zero of DCO TUNE is wider than the table's bin."""
    path = tmp_path / "wide.toml"
    semitones = [0 if 56 <= raw <= 71 else round((raw - 63.5) / 5.3) for raw in range(128)]
    path.write_text(
        f'base = "superjx"\n[laws.dco_tune]\nform = "positions"\nvalues = {semitones}\n'
        'unit = "semitones"\nevidence = "assumed"\nsource = ""\n'
    )
    assert load_profile(path).table("DCO1 TUNE")[[57, 70, 127]].tolist() == [0, 0, 12]
    assert load_profile().table("DCO1 TUNE")[[57, 70, 127]].tolist() == [-1, 1, 12]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('evidence = "captured"', 'evidence = "hearsay"'), "hearsay"),
        (('form = "table"', 'form = "spline"'), "spline"),
        (("raw = [0, 64, 127]", "raw = [0, 64, 100]"), "127"),
        (("[laws.lfo_rate]", "[laws.lfo_speed]"), "lfo_speed"),
        (('unit = "Hz"\n', ""), "unit"),
        (("value = [0.2, 2.0, 15.0]", "value = [0.2, inf, 15.0]"), "finite"),
        (('base = "superjx"', 'base = "nothing"'), "nothing"),
        (('name = "mine"', "name = mine"), "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OVERRIDE.replace(*change))
    with pytest.raises(ProfileError, match=message):
        load_profile(path)


def test_a_profile_without_a_base_must_be_complete(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OVERRIDE.replace('base = "superjx"\n', ""))
    with pytest.raises(ProfileError, match="cv_slew"):
        load_profile(path)


def law(name: str, form: str, **fields: object) -> str:
    rest = "".join(f"{key} = {value}\n" for key, value in fields.items())
    return f'[laws.{name}]\nform = "{form}"\n{rest}unit = ""\nevidence = "assumed"\nsource = ""\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (law("tick", "constant", value=1e300), "law tick leaves the range"),
        (law("tick", "constant", value=1e-9), "law tick leaves the range"),
        (law("cv_slew", "constant", value=0.02), "longer than law tick"),
        (law("dco_clock", "constant", value=0), "law dco_clock"),
        (law("vcf_damping", "linear", low=1, high=-1), "law vcf_damping"),
        (law("env_attack", "linear", low=0, high=1), "law env_attack"),
        (law("dco_prescale", "positions", values=[0, 0, 0, 0]), "law dco_prescale"),
        (law("hpf_corner", "positions", values=[[1, 2]] * 4), "one number for each position"),
        (law("hpf_corner", "positions", values=[]), "law hpf_corner"),
        (law("env_key", "positions", values=5), "law env_key"),
        (law("dco_xmod", "positions", values=[[0, 0, 0, 0], [0.5, 0, 0, 0]] * 2), "0 or 1"),
        (law("dco_ftune", "table", raw=[], value=[]), "law dco_ftune"),
        (law("dynamics", "positions", values=[[], [], [], []]), "law dynamics"),
        (law("bend_range", "positions", values=[2, 3, 4]), "law bend_range has 3 values"),
        (law("porta_time", "linear", low=-1, high=1), "law porta_time"),
        (law("midi_volume", "constant", value=1), "law midi_volume must give a value for each"),
        (law("spread_resonance", "constant", value=1), "law spread_resonance"),
        (law("drift_time", "constant", value=0), "law drift_time"),
        (law("noise_floor", "constant", value=6), "law noise_floor"),
        (law("lfo_phase", "choice", value='"sometimes"'), "must be one of key, free"),
        (law("lfo_phase", "choice", value=3), "the value of a choice is a word"),
        (law("noise_floor", "choice", value='"on"'), "law noise_floor must be a constant"),
        (law("noise_floor", "constant", value=10**400), "law noise_floor: int too large"),
        (law("bender", "power", low=0, high=1, exponent=-2), "not finite"),
        ("laws = 3\n", "laws is no table"),
        ("[laws]\nnoise_floor = -90\n", "law noise_floor is no table"),
    ],
)
def test_laws_that_the_simulator_cannot_bear_are_refused(tmp_path: Path, text: str, message: str) -> None:
    """Each of these hung it, filled the memory, or gave samples that are no numbers."""
    path = tmp_path / "mine.toml"
    path.write_text('base = "superjx"\n' + text)
    with pytest.raises(ProfileError, match=message):
        load_profile(path)


def test_a_profile_that_builds_on_itself(tmp_path: Path) -> None:
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    first.write_text(f'base = "{second}"\n')
    second.write_text(f'base = "{first}"\n')
    with pytest.raises(ProfileError, match="builds on itself"):
        load_profile(first)


def test_replacing_laws_keeps_the_rest_their_evidence_and_the_original() -> None:
    before = load_profile()
    after = before.replace("mine", chorus_phase="free", voice_gain=0.5, dco_range=[-12, 0, 12, 24.5])
    assert (after.name, before.name) == ("mine", "superjx")
    assert (after.choice("chorus_phase"), after.constant("voice_gain")) == ("free", 0.5)
    assert after.laws["dco_range"].evidence == before.laws["dco_range"].evidence
    assert after.laws["dco_range"].unit == before.laws["dco_range"].unit
    raw = np.array(parameter("DCO1 RANGE").starts)
    assert list(after.table("DCO1 RANGE")[raw]) == [-12, 0, 12, 24.5]
    assert before.table("DCO1 RANGE")[raw[3]] != 24.5
    changed = {name for name, law in after.laws.items() if law is not before.laws[name]}
    assert changed == {"chorus_phase", "voice_gain", "dco_range"}


def test_a_whole_law_replaces_one() -> None:
    before, other = load_profile(), load_profile("thesis").laws["vcf_poles"]
    after = before.replace(vcf_poles=other)
    assert after.laws["vcf_poles"] is other
    assert after.name == before.name


@pytest.mark.parametrize(
    ("laws", "message"),
    [
        ({"voice_gian": 0.5}, "no such law: voice_gian"),
        ({"voice_gain": "loud"}, "law voice_gain is 'loud'; it must be numbers"),
        ({"mixer": 1.0}, "law mixer is 1.0; it must be a word"),
    ],
)
def test_laws_that_do_not_fit_are_not_replaced(laws: dict[str, float | str], message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        load_profile().replace(**laws)
