"""A data set of takes on disk: FLAC files and one line about each, in Hugging Face's AudioFolder layout.

::

    DIR/metadata.jsonl              one row (JSON) a take, in the order of recording
    DIR/takes/000/000012.flac       take 12: mono, 24 bit; a thousand takes a folder
    DIR/README.md                   the data card
    DIR/.jx.lock                    carries the lock of the one process that records into DIR
    DIR/.aside/                     what a repair after a crash took out

`jxctl.dataset.writer` writes one; this package reads, checks and rearranges it. A row never speaks of
audio that is not there, and a take without a row was never finished.
"""

from __future__ import annotations

from jxctl.dataset.reader import (
    ASIDE,
    METADATA,
    TAKES,
    file_name,
    last_line,
    read,
    rows,
    take_audio,
    torn_bytes,
)
from jxctl.dataset.schema import FIELDS, SCHEMA, Indices, Row
from jxctl.dataset.verify import check

__all__ = [
    "ASIDE",
    "FIELDS",
    "METADATA",
    "SCHEMA",
    "TAKES",
    "Indices",
    "Row",
    "check",
    "file_name",
    "last_line",
    "read",
    "rows",
    "take_audio",
    "torn_bytes",
]
