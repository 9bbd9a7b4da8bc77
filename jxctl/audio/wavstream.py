"""A WAV that is written piece by piece, whole or not at all, in memory that does not grow with it."""

from __future__ import annotations

import contextlib
import io
import math
import tempfile
import wave
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from jxctl.errors import AudioError, JxError
from jxctl.files import written_atomically

if TYPE_CHECKING:
    import numpy as np

MOST_BYTES = 2**32 - 4096
"""A WAV counts its bytes in 32 bits."""
_SAMPLE_BYTES = 3
_AT_ONCE = 1 << 18


class WavStream:
    """A 24-bit WAV of ``channels``, to be written at ``path`` once `finish` is called.

    Until then the samples wait in a file without a name in the same folder, which goes with the process: how
    far they have to be scaled down is known at the end only. ``peak``: the largest so far; 1 is full
    scale. Use it as a context manager. Raises `AudioError` for a name that does not end in .wav, `JxError`
    where nothing can be written.
    """

    def __init__(self, path: str | Path, channels: int, sample_rate: int) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in (".wav", ".wave"):
            raise AudioError(f"{path}: jx writes WAV files only", f"name it {self.path.stem or 'out'}.wav")
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
            raise AudioError(f"{self.path}: not written, the audio contains samples that are not numbers")
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
        return (f"{self.path}: scaled down by {20 * math.log10(scale):.1f} dB so that it does not clip",)

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


def _cannot(path: Path, error: OSError) -> JxError:
    return JxError(f"cannot write {path}: {error.strerror}", "check the folder and free space")
