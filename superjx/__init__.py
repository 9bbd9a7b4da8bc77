"""The front door: all that a user of the Roland Super-JX toolkit imports, in one place.

::

    import superjx

    tone = superjx.Tone.init("MY TONE").with_values({"VCF FREQ": 64})
    sound = superjx.render(tone, 60)

A name is imported when it is first asked for (PEP 562): ``import superjx`` loads neither numba nor torch, and
types are seen by editors and mypy all the same. Nothing is defined here: each name also stands at its home,
the package that its line below names. `docs/python.md` shows how they go together.
"""

from typing import TYPE_CHECKING

from jxctl._lazy import lazy

if TYPE_CHECKING:
    from estimator.calibration.calibration import Calibration, calibrate
    from estimator.calibration.experiments import CalibrationPlan
    from estimator.calibration.samples import from_data_set as calibration_samples
    from estimator.inference.estimator import Candidate, Estimator, Guess, ProposalEstimator
    from estimator.inference.methods import EstimatorProtocol, estimators, load_estimator
    from estimator.inference.note_detection import Played, Recording, load_recording
    from estimator.inference.posterior import Proposal
    from estimator.inference.posterior import from_marginals as proposal_from_marginals
    from estimator.inference.posterior import from_tones as proposal_from_tones
    from estimator.network.differentiable import render_features
    from estimator.training.train import TrainSettings, train
    from jxctl._version import __version__
    from jxctl.dataset.reader import read as read_takes
    from jxctl.dataset.take import Take
    from jxctl.dataset.verify import check as check_takes
    from jxctl.dataset.writer import Writer
    from jxctl.errors import DeviceError, JxError, UsageError, VerificationError
    from jxctl.library.files import read_library as read
    from jxctl.library.files import stock_tone as read_tone
    from jxctl.library.files import write_library as write
    from jxctl.library.formats import Loaded
    from jxctl.ports import AudiblePort, Port, open_port
    from jxctl.ports import available as list_ports
    from jxctl.ports.client import play_note
    from jxctl.protocol.bank import Bank
    from jxctl.protocol.parameters import PARAMETERS, Parameter, parameter
    from jxctl.protocol.patch import Patch
    from jxctl.protocol.tone import Tone
    from jxctl.recording.config import RigFile, settle
    from jxctl.recording.plan import Plan, tones_from
    from jxctl.recording.player import Player
    from jxctl.recording.recorder import Session, Tally, open_session
    from jxctl.recording.rig import Rig, open_player, open_rig
    from simulator.features.distance import log_mel_distance
    from simulator.features.mel import log_mel
    from simulator.instrument.board import Board
    from simulator.instrument.instrument import Instrument
    from simulator.prior import Prior
    from simulator.synth.jacobian import jacobian
    from simulator.synth.profile import Profile, load_profile
    from simulator.synth.render import SAMPLE_RATE, render
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "jxctl._version": "__version__",
            "jxctl.protocol.tone": "Tone",
            "jxctl.protocol.patch": "Patch",
            "jxctl.protocol.bank": "Bank",
            "jxctl.protocol.parameters": "PARAMETERS, Parameter, parameter",
            "jxctl.errors": "DeviceError, JxError, UsageError, VerificationError",
            "jxctl.library.files": "read_library as read, stock_tone as read_tone, write_library as write",
            "jxctl.library.formats": "Loaded",
            "jxctl.ports": "AudiblePort, Port, available as list_ports, open_port",
            "jxctl.ports.client": "play_note",
            "jxctl.recording.config": "RigFile, settle",
            "jxctl.recording.plan": "Plan, tones_from",
            "jxctl.recording.player": "Player",
            "jxctl.recording.recorder": "Session, Tally, open_session",
            "jxctl.recording.rig": "Rig, open_player, open_rig",
            "jxctl.dataset.reader": "read as read_takes",
            "jxctl.dataset.take": "Take",
            "jxctl.dataset.verify": "check as check_takes",
            "jxctl.dataset.writer": "Writer",
            "simulator.features.distance": "log_mel_distance",
            "simulator.features.mel": "log_mel",
            "simulator.instrument.board": "Board",
            "simulator.instrument.instrument": "Instrument",
            "simulator.prior": "Prior",
            "simulator.synth.jacobian": "jacobian",
            "simulator.synth.profile": "Profile, load_profile",
            "simulator.synth.render": "SAMPLE_RATE, render",
            "estimator.inference.estimator": "Candidate, Estimator, Guess, ProposalEstimator",
            "estimator.inference.methods": "EstimatorProtocol, estimators, load_estimator",
            "estimator.network.differentiable": "render_features",
            "estimator.inference.note_detection": "Played, Recording, load_recording",
            "estimator.inference.posterior": "Proposal, from_marginals as proposal_from_marginals, "
            "from_tones as proposal_from_tones",
            "estimator.calibration.calibration": "Calibration, calibrate",
            "estimator.calibration.experiments": "CalibrationPlan",
            "estimator.calibration.samples": "from_data_set as calibration_samples",
            "estimator.training.train": "TrainSettings, train",
        },
    )

__all__ = [
    "PARAMETERS",
    "SAMPLE_RATE",
    "AudiblePort",
    "Bank",
    "Board",
    "Calibration",
    "CalibrationPlan",
    "Candidate",
    "DeviceError",
    "Estimator",
    "EstimatorProtocol",
    "Guess",
    "Instrument",
    "JxError",
    "Loaded",
    "Parameter",
    "Patch",
    "Plan",
    "Played",
    "Player",
    "Port",
    "Prior",
    "Profile",
    "Proposal",
    "ProposalEstimator",
    "Recording",
    "Rig",
    "RigFile",
    "Session",
    "Take",
    "Tally",
    "Tone",
    "TrainSettings",
    "UsageError",
    "VerificationError",
    "Writer",
    "__version__",
    "calibrate",
    "calibration_samples",
    "check_takes",
    "estimators",
    "jacobian",
    "list_ports",
    "load_estimator",
    "load_profile",
    "load_recording",
    "log_mel",
    "log_mel_distance",
    "open_player",
    "open_port",
    "open_rig",
    "open_session",
    "parameter",
    "play_note",
    "proposal_from_marginals",
    "proposal_from_tones",
    "read",
    "read_takes",
    "read_tone",
    "render",
    "render_features",
    "settle",
    "tones_from",
    "train",
    "write",
]
