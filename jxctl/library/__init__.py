"""The librarian: banks in files of every format, converted, merged and split without losing anything.

`files` reads and writes, `formats` knows the formats, `edit` merges, dedupes and splits, `families`
converts between instruments.
"""

from typing import TYPE_CHECKING

from jxctl._lazy import lazy

if TYPE_CHECKING:
    from jxctl.library.files import read_library, stock_tone, write_library
    from jxctl.library.formats import Loaded
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "jxctl.library.files": "read_library, stock_tone, write_library",
            "jxctl.library.formats": "Loaded",
        },
    )

__all__ = [
    "Loaded",
    "read_library",
    "stock_tone",
    "write_library",
]
