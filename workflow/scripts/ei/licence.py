"""Under which licence a model or a file of questions is, as far as what lies beside it says."""

from pathlib import Path

from ei.files import read_text

# How the text of a licence begins, and its identifier on the hub; the first that fits.
TEXTS = (
    ("apache license version 2.0", "apache-2.0"),
    ("mit license", "mit"),
    ("permission is hereby granted, free of charge", "mit"),
    ("gnu general public license version 3", "gpl-3.0"),
)
LOOKED_AT = 2000  # characters of a licence: its name is in the first lines


def licence_of(folder: Path) -> str | None:
    """The hub's identifier; "other" for a licence of another text, None where there is none.

    A README.md with the hub's front matter goes before the text of a LICENSE file.
    """
    return of_card(folder / "README.md") or of_text(folder)


def of_card(path: Path) -> str | None:
    """The `license` in a model card's front matter."""
    from huggingface_hub.repocard import metadata_load

    found = (metadata_load(path) or {}).get("license") if path.is_file() else None
    return found if isinstance(found, str) else None


def of_text(folder: Path) -> str | None:
    """What the first LICENSE file says that it is."""
    for path in sorted(folder.glob("LICEN[CS]E*")):
        begin = " ".join(read_text(path)[:LOOKED_AT].lower().split())
        begin = begin.replace(", version", " version")
        return next((name for text, name in TEXTS if text in begin), "other")
    return None
