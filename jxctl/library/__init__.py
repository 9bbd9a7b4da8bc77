"""The librarian: banks in files of every format, converted, merged and split without losing anything.

`files` reads and writes, `formats` knows the formats, `edit` merges, dedupes and splits, `families`
converts between instruments.
"""
