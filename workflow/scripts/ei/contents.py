"""The hash of a file's content, remembered, so that asking again costs nothing.

A lineage holds it for every file that a user brings: a path says nothing of what is in the file,
and its time is the old one after `cp -p` or `rsync -t`.
"""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

# Two writes within one tick of the file system's clock leave the same times, so a file that is this
# young, in seconds, is hashed again the next time. Git's index has the same rule.
SETTLED = 2.0


def files_of(path: Path) -> Iterable[Path]:
    """The file itself, or every file in a folder and the folders in it, by name."""
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def content_hash(
    path: Path,
    cache: Path,
    files: Callable[[Path], Iterable[Path]] = files_of,
    tell: Callable[[int], None] = lambda size: None,
) -> str | None:
    """SHA-256 (hex) of a file, or of a folder's files with their names; None where nothing is.

    `cache` is a folder of what was found before. A file that has been deleted since has the hash
    that it had last: what was made from it does not become wrong by that. `files` says which files
    of a folder count; `tell` is called with their size in bytes before they are read.
    """
    remembered = recall(path, cache)
    if not path.exists():
        return remembered.get("sha256")
    state = [state_of(file) for file in files(path)]
    if remembered.get("state") == state:
        return remembered["sha256"]
    tell(sum(size for _, size, _ in state))
    sha256 = hash_of(path, files)
    newest = max((max(changed) for *_, changed in state), default=0)
    settled = newest < (time.time() - SETTLED) * 1e9
    remember(path, cache, {"path": str(path), "state": state if settled else [], "sha256": sha256})
    return sha256


def state_of(path: Path) -> list[Any]:
    """What changes with a file's content: its size, and times of which nobody can set both."""
    stat = path.stat()
    return [str(path), stat.st_size, [stat.st_mtime_ns, stat.st_ctime_ns]]


def hash_of(path: Path, files: Callable[[Path], Iterable[Path]] = files_of) -> str:
    """SHA-256 of a file's bytes, or of the names and hashes of a folder's files."""
    if path.is_dir():
        listed = [f"{file.relative_to(path)} {hash_of(file)}" for file in files(path)]
        return hashlib.sha256("\n".join(listed).encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def recall(path: Path, cache: Path) -> dict[str, Any]:
    """What was remembered of a file; nothing where that cannot be read."""
    try:
        found = json.loads(entry(path, cache).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("path") == str(path) else {}


def remember(path: Path, cache: Path, found: dict[str, Any]) -> None:
    """Keep it for the next time; a cache that cannot be written only costs that time."""
    target = entry(path, cache)
    partial = target.with_suffix(f".{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(found))
        os.replace(partial, target)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()


def entry(path: Path, cache: Path) -> Path:
    """Where the cache holds what it knows of a file."""
    return cache / f"{hashlib.sha256(str(path).encode()).hexdigest()[:32]}.json"
