"""From a recording to a tone: note detection, posterior, search, confidence."""
