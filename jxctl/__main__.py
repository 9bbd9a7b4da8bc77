"""``python -m jxctl`` is ``jx``."""

from jxctl.cli import main

if __name__ == "__main__":
    main()
