"""docs/models.md has the table of models that the code has, and names each class.

    PYTHONPATH=workflow/scripts:tests python tests/model/test_models_page.py

prints the table, to be put there when models.tsv has changed.
"""

from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from ei.model import support
from helpers import ROOT

HEADER = ["| `model_type` | class | trained and sampled | rows, or why not |", "|---|---|---|---|"]


def table() -> list[str]:
    """A row for each model type, those that are trained first."""
    found = support.models()
    rows = []
    for kind in sorted(found, key=lambda kind: (found[kind][0] == support.REFUSED, kind)):
        way, why = found[kind]
        exact = "refused" if way == support.REFUSED else "exactly"
        how = why if way == support.REFUSED else f"{way}{': ' if why else ''}{why}"
        cells = (f"`{kind}`", MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[kind], exact, how)
        rows.append(f"| {' | '.join(cells)} |")
    return HEADER + rows


def test_the_page_has_the_table_of_the_code() -> None:
    lines = (ROOT / "docs/models.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("|")] == table()


if __name__ == "__main__":
    print("\n".join(table()))
