"""``python -m tools.docs.figures``."""

from tools.docs.figures.groups import main

main()
