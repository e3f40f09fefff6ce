"""``python -m reconciler``: the same program as ``helm-promoter``."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the program. The loop may be told to stop while it is still being loaded: then there is nothing to end."""
    if "run" in sys.argv and "--once" not in sys.argv:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from reconciler import cli

    cli.main()


if __name__ == "__main__":
    main()
