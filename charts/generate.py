"""Writes the parts of the chart that follow from others: ``python charts/generate.py``, or ``make chart``.

README.md gets its table from the comments in values.yaml, and values.schema.json gets the schema of ``config`` from the
program: so ``helm install`` tells a mistake in the config before anything is installed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
CHART = Path(__file__).resolve().parent / "helm-promoter"
MARK = "# -- "
BEGIN, END = "<!-- values: from values.yaml, by make chart -->", "<!-- end of values -->"

if TYPE_CHECKING:
    from collections.abc import Iterator

    Values = dict[str, "Values"] | list["Values"] | str | int | bool


def documented(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Find each value with a comment above it that begins with ``# --``: its path, and what the comment says."""
    path: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in text.splitlines():
        bare = line.lstrip()
        if bare.startswith("#"):
            comment = [bare.removeprefix(MARK)] if bare.startswith(MARK) else [*comment, bare.lstrip("# ")]
        elif bare and not bare.startswith("- "):
            depth = len(line) - len(bare)
            path = [*(step for step in path if step[0] < depth), (depth, bare.partition(":")[0])]
            if comment:
                yield tuple(name for _, name in path), " ".join(comment)
            comment = []
        else:
            comment = []


def table(text: str) -> str:
    """Write the table of values."""
    values = YAML(typ="safe").load(text)
    rows = ["| value | default | meaning |", "|---|---|---|"]
    for path, meaning in documented(text):
        value = values
        for name in path:
            value = value[name]
        rows.append(f"| `{'.'.join(path)}` | `{json.dumps(value)}` | {meaning} |")
    return "\n".join(rows)


def readme(before: str, values: str) -> str:
    """Put the table of values into a README."""
    head, _, rest = before.partition(BEGIN)
    return f"{head}{BEGIN}\n{table(values)}\n{END}{rest.partition(END)[2]}"


def schema(before: str, config: str) -> str:
    """Put the schema of the config into that of the values."""
    inner = json.loads(config)
    whole = json.loads(before)
    whole["$defs"] = inner.pop("$defs")
    whole["properties"]["config"] = {key: value for key, value in inner.items() if key not in {"$schema", "title"}}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def generated() -> dict[Path, str]:
    """Give every generated file with its text."""
    page, values, of_values = CHART / "README.md", CHART / "values.yaml", CHART / "values.schema.json"
    return {
        page: readme(page.read_text(encoding="utf-8"), values.read_text(encoding="utf-8")),
        of_values: schema(of_values.read_text(encoding="utf-8"), (ROOT / "config/schema.json").read_text("utf-8")),
    }


def main() -> int:
    """Write them."""
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
