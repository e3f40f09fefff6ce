"""``python -m reconciler``: the same program as ``helm-promoter``."""

from __future__ import annotations

from reconciler.cli import main

if __name__ == "__main__":
    main()
