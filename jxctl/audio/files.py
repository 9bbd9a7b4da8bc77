"""Recordings in, WAV files out.

What `read_audio` decides, so that nothing after it has to:

- Mono: the mean of the channels, or the loudest channel where the mean would cancel.
- Constant offset (DC) is removed, as it is in silence: it carries no sound and would spoil levels.
- The level is left alone; what uses a recording scales it.
- Only the first `MAX_SECONDS` are read: one note is wanted, and an hour of sound must not fill the memory.

`write_wav` writes a sound that is there, `WavStream` one that comes piece by piece, in memory that does not
grow with it: both 24 bits, whole or not at all, and scaled down rather than clipped.
"""

from __future__ import annotations

import contextlib
import io
import math
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from jxctl._files import write_atomically, written_atomically
from jxctl.errors import AudioError, JxError

if TYPE_CHECKING:
    import numpy as np
    import soundfile

SAMPLE_RATE = 44100
"""Hz, to which recordings are brought unless another rate is asked for."""
MAX_SECONDS = 30.0
"""Of a recording, from its beginning: what lies behind is not read (chosen)."""
MIN_SECONDS = 0.1
"""Shorter than this, neither a low note nor an envelope can be told."""
MAX_CHANNELS = 8
"""Of a file (chosen)."""
RATES = (4000, 384000)
"""Lowest and highest sample rate of a file, Hz (chosen)."""
MAX_LEVEL = 1e12
"""Above any level, also that of whole numbers written as floats by mistake."""
SILENCE_PEAK = 1e-4
"""-80 dB of full scale, a little above the dither of a 16-bit file."""
CANCELLED = 0.1
"""Power of the channels' mean, relative to that of unrelated channels, below which they cancel."""
QUIET = 0.03
"""A stretch this much quieter than the loudest one is silence between or behind notes."""
DULL_RATE = 22050
"""Below this rate, Hz, a recording lacks what tells an open filter from a closed one."""
MOST_BYTES = 2**32 - 4096
"""A WAV counts its bytes in 32 bits."""
_BLOCKS = 40
"""Stretches of a recording of which the quietest is looked for (chosen)."""
_SAMPLE_BYTES = 3
"""Of a sample of 24 bits."""
_AT_ONCE = 1 << 18
"""Samples of each channel that are scaled and written at a time (chosen)."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A mono recording at the rate asked for.

    ``audio``: float32[samples], not normalised. ``original_rate`` (Hz) and ``channels``: of the
    file. ``peak``: largest absolute sample of ``audio``; 1 is full scale, float files may exceed it.
    ``warnings``: one sentence for each thing that was done to the recording and that a user should know.
    """

    audio: np.ndarray
    sample_rate: int
    original_rate: int
    channels: int
    path: Path
    peak: float
    warnings: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Length of ``audio`` in seconds."""
        return len(self.audio) / self.sample_rate


def read_audio(path: str | Path, sample_rate: int = SAMPLE_RATE) -> Recording:
    """Read any format libsndfile knows (WAV, AIFF, FLAC, Ogg, MP3, ...), any rate, mono or not.

    The result is mono, without DC, at ``sample_rate`` (soxr, high quality) and at most `MAX_SECONDS`
    long. Raises `AudioError` for a path that is missing, is no regular file or may not be read, and
    for a file that is no audio, is empty or damaged, is silent, holds samples that are not numbers,
    or is shorter than `MIN_SECONDS`.
    """
    import numpy as np

    path = Path(path)
    channels, rate, warnings = _read_channels(path)
    if not (np.abs(channels) < MAX_LEVEL).all():  # false for NaN too
        raise AudioError(
            f"{path}: contains samples that are not numbers (NaN or infinite)",
            "the program that wrote it failed; export the sound again",
        )
    audio, warning = _to_mono(channels)
    warnings += warning
    if float(np.abs(audio).max()) < SILENCE_PEAK:
        raise AudioError(
            f"{path}: silent, nothing above -80 dB in its first {len(audio) / rate:.0f} s",
            f"record it at a higher level, and cut silence: only the first {MAX_SECONDS:.0f} s are read",
        )
    if rate != sample_rate:
        import soxr

        audio = soxr.resample(audio, rate, sample_rate, quality="HQ")
    if rate < DULL_RATE:
        warnings.append(f"recorded at {rate} Hz: nothing above {rate / 2:.0f} Hz can be told from it")
    audio = audio.astype(np.float32)
    return Recording(
        audio, sample_rate, rate, channels.shape[1], path, float(np.abs(audio).max()), tuple(warnings)
    )


def write_wav(path: str | Path, audio: np.ndarray, sample_rate: int) -> tuple[str, ...]:
    """Write audio as 24-bit WAV, whole or not at all.

    ``audio``: float[samples], or for stereo float[2, samples], left and right; full scale 1. Audio with a
    larger peak is scaled down to full scale instead of clipped, and the warning returned says so. Raises
    `AudioError` for an empty array, another shape, samples that are not numbers, or a name that does not
    end in .wav; `JxError` where the file cannot be written.
    """
    import numpy as np
    import soundfile

    path = Path(path)
    _check_wav_name(path)
    if not audio.size or not (audio.ndim == 1 or (audio.ndim == 2 and len(audio) == 2)):
        raise AudioError(
            f"{path}: audio has shape {list(audio.shape)}; expected [samples] or [2, samples], at least one"
        )
    if not np.isfinite(audio).all():
        raise _not_numbers(path)
    warnings: tuple[str, ...] = ()
    samples = audio.astype(np.float64)
    peak = float(np.abs(samples).max())
    if peak > 1:
        samples = samples / peak
        warnings = (_scaled_down(path, peak),)
    content = io.BytesIO()
    soundfile.write(content, samples.T, sample_rate, subtype="PCM_24", format="WAV")
    write_atomically(path, content.getvalue())
    return warnings


class WavStream:
    """A 24-bit WAV of ``channels``, to be written at ``path`` once `finish` is called.

    Until then the samples wait in a file without a name in the same folder, which goes with the process: how
    far they have to be scaled down is known at the end only. ``peak``: the largest so far; 1 is full
    scale. Use it as a context manager. Raises `AudioError` for a name that does not end in .wav, `JxError`
    where nothing can be written.
    """

    def __init__(self, path: str | Path, channels: int, sample_rate: int) -> None:
        self.path = Path(path)
        _check_wav_name(path)
        self.channels, self.sample_rate = channels, sample_rate
        self.samples = 0
        self.peak = 0.0
        beside = self.path.parent if self.path.is_file() or not self.path.exists() else None
        try:
            self._waiting = tempfile.TemporaryFile(dir=beside)  # noqa: SIM115
        except OSError as error:
            raise _cannot(self.path, error) from error

    def write(self, audio: np.ndarray) -> None:
        """Append ``float32[channels, samples]``.

        Raises `AudioError` for samples that are not numbers and for more than a WAV can hold.
        """
        import numpy as np

        if not audio.size:
            return
        peak = float(np.abs(audio).max())
        if not math.isfinite(peak):
            raise _not_numbers(self.path)
        self.peak = max(self.peak, peak)
        self.samples += audio.shape[1]
        if self.samples * self.channels * _SAMPLE_BYTES > MOST_BYTES:
            raise AudioError(f"{self.path}: not written, it is longer than a WAV can be", "render less of it")
        try:
            self._waiting.write(np.ascontiguousarray(audio.T, dtype="<f4").tobytes())
        except OSError as error:
            raise _cannot(self.path, error) from error

    def finish(self) -> tuple[str, ...]:
        """Write the file. Audio that passes full scale is scaled down, and the warning returned says so.

        Raises `AudioError` when nothing was written to it and `JxError` where the file cannot be written.
        """
        import numpy as np
        import soundfile

        if not self.samples:
            raise AudioError(f"{self.path}: not written, there is no audio")
        scale = max(self.peak, 1.0)
        with written_atomically(self.path) as file, wave.open(file, "wb") as out:
            out.setparams((self.channels, _SAMPLE_BYTES, self.sample_rate, self.samples, "NONE", ""))
            self._waiting.seek(0)
            while data := self._waiting.read(_AT_ONCE * 4 * self.channels):
                piece = np.frombuffer(data, "<f4").reshape(-1, self.channels).astype(np.float64) / scale
                encoded = io.BytesIO()
                soundfile.write(encoded, piece, self.sample_rate, format="RAW", subtype="PCM_24")
                out.writeframesraw(encoded.getvalue())
        if scale == 1:
            return ()
        return (_scaled_down(self.path, scale),)

    def close(self) -> None:
        """Forget what was not finished."""
        # On a full disk, closing tries once more to write what waits in memory.
        with contextlib.suppress(OSError):
            self._waiting.close()

    def __enter__(self) -> WavStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _read_channels(path: Path) -> tuple[np.ndarray, int, list[str]]:
    """The beginning of a file as float32[samples, channels], its rate, and warnings."""
    import soundfile

    _check_path(path)
    try:
        with soundfile.SoundFile(path) as file:
            _check_header(path, file)
            limit = int(MAX_SECONDS * file.samplerate)
            expected = min(limit, file.frames)
            channels = file.read(limit, dtype="float32", always_2d=True)
            rate, cut = file.samplerate, file.frames > limit
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:
        # soundfile raises TypeError for a name that promises headerless data (.raw).
        raise AudioError(
            f"{path}: not an audio file that can be read ({_cause(error)})",
            "WAV, AIFF, FLAC, Ogg and MP3 can be read; convert others, as in: ffmpeg -i FILE out.wav",
        ) from error
    if len(channels) < MIN_SECONDS * rate:
        length = "without any samples" if not len(channels) else f"{1000 * len(channels) / rate:.0f} ms long"
        raise AudioError(
            f"{path}: {length}; at least {1000 * MIN_SECONDS:.0f} ms are needed",
            "record one whole note, best with its release",
        )
    if cut:
        return channels, rate, [f"longer than needed: only the first {MAX_SECONDS:.0f} s are used"]
    if len(channels) < expected:
        return channels, rate, [f"damaged: ends after {len(channels) / rate:.1f} s"]
    return channels, rate, []


def _check_path(path: Path) -> None:
    try:
        if path.is_dir():
            raise AudioError(f"{path}: a folder, not a recording", "name one file in it")
        if not path.exists():
            raise AudioError(f"{path}: no such file", "check the name and the folder")
        if not path.is_file():
            # A pipe cannot be searched for its header, and opening one may wait for ever.
            raise AudioError(f"{path}: not a regular file", "save the recording to a file first")
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise AudioError(
            f"{path}: cannot be read ({error.strerror})", "check its name and permissions"
        ) from error
    if empty:
        raise AudioError(f"{path}: an empty file", "record or export it again")


def _check_header(path: Path, file: soundfile.SoundFile) -> None:
    if not RATES[0] <= file.samplerate <= RATES[1]:
        raise AudioError(
            f"{path}: says its sample rate is {file.samplerate} Hz; {RATES[0]} to {RATES[1]} can be used",
            "export it again at 44100 Hz",
        )
    if file.channels > MAX_CHANNELS:
        raise AudioError(
            f"{path}: has {file.channels} channels; up to {MAX_CHANNELS} can be used",
            "export it as mono or stereo",
        )


def _cause(error: Exception) -> str:
    text = getattr(error, "error_string", "") or str(error)
    return text.rstrip(".").lower()


def _offset(channels: np.ndarray) -> np.ndarray:
    """DC of each channel, float64[channels]: its mean where the recording is quietest.

    A waveform need not be even about zero, so while it sounds its mean is no offset; only a recording that is
    nowhere `QUIET` is taken at its word.
    """
    import numpy as np

    size = max(1, len(channels) // _BLOCKS)
    blocks = channels[: size * (len(channels) // size)].reshape(-1, size, channels.shape[1])
    means = blocks.mean(axis=1, dtype=np.float64)
    spread = np.sqrt(np.mean((blocks - means[:, None]) ** 2, axis=(1, 2), dtype=np.float64))
    quietest = int(spread.argmin())
    if spread[quietest] < QUIET * spread.max():
        return np.asarray(means[quietest])
    return np.asarray(channels.mean(axis=0, dtype=np.float64))


def _to_mono(channels: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """float32[samples, channels] to float64[samples] without DC, and a warning where channels cancel."""
    import numpy as np

    channels = channels - _offset(channels).astype(np.float32)
    count = channels.shape[1]
    mean = channels.mean(axis=1, dtype=np.float64)
    energies = np.einsum("sc,sc->c", channels, channels, dtype=np.float64)
    unrelated = energies.sum() / count**2
    if count == 1 or float(mean @ mean) >= CANCELLED * unrelated:
        return mean, []
    loudest = int(energies.argmax())
    return channels[:, loudest].astype(np.float64), [
        f"the channels cancel each other: only channel {loudest + 1} is used"
    ]


def _check_wav_name(path: str | Path) -> None:
    name = Path(path)
    if name.suffix.lower() not in (".wav", ".wave"):
        raise AudioError(f"{path}: jx writes WAV files only", f"name it {name.stem or 'out'}.wav")


def _not_numbers(path: Path) -> AudioError:
    return AudioError(f"{path}: not written, the audio contains samples that are not numbers")


def _scaled_down(path: Path, peak: float) -> str:
    return f"{path}: scaled down by {20 * math.log10(peak):.1f} dB so that it does not clip"


def _cannot(path: Path, error: OSError) -> JxError:
    return JxError(f"cannot write {path}: {error.strerror}", "check the folder and free space")
