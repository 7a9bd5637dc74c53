"""What keeps a file from being written, in words, and waiting until one is on the disk."""

import errno
import os
import re
from pathlib import Path

# What a user can do about a file that cannot be written, by the system's error.
REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space, or run in another folder"
    " (snakemake --directory)",
    errno.EDQUOT: "the disk quota is used up: free some space, or run in another folder"
    " (snakemake --directory)",
    errno.EFBIG: "the file would be larger than this system allows (ulimit -f)",
    errno.EROFS: "the file system is read-only: run in a folder that can be written to"
    " (snakemake --directory)",
    errno.EACCES: "no permission: run in a folder that you may write to (snakemake --directory)",
    errno.EPERM: "no permission: run in a folder that you may write to (snakemake --directory)",
    errno.ENAMETOOLONG: "the name is too long: run in a folder with a shorter path"
    " (snakemake --directory)",
    errno.ENOTDIR: "a file is in the place of its folder: move that away",
    errno.EEXIST: "a file is in the place of its folder: move that away",
    errno.EIO: "the disk reports an input/output error",
}
# Libraries in Rust (polars, safetensors) tell the system's error only in their message.
IN_MESSAGE = re.compile(r"os error (\d+)|Os \{ code: (\d+)")
# How file systems say that they cannot sync a folder; a file there is as safe as it can be.
CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}


def cannot_write(error: Exception, path: Path) -> str | None:
    """The remedy if the error says that `path` cannot be written; None for all other errors.

    An error that names another file, as one that was read on the way, is not about this one.
    """
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (found := IN_MESSAGE.search(str(error))):
        number = int(found[1] or found[2])
    named = getattr(error, "filename", None)
    if named is not None and not concerns(Path(os.fsdecode(named)), path):
        return None
    return REMEDIES.get(number) if number is not None else None


def concerns(named: Path, path: Path) -> bool:
    """Whether an error that names one file keeps `path` from being written."""
    partial = sibling(path)
    return named in (path, partial, *path.parents) or partial in named.parents


def sibling(path: Path) -> Path:
    """Where `whole` writes a file first."""
    return path.with_name(f".{path.name}.{os.getpid()}")


def sync(path: Path) -> None:
    """Wait until a file, or every file of a folder, is on the disk."""
    if path.is_dir():
        for inner in path.iterdir():
            sync(inner)
    sync_entry(path)


def sync_entry(path: Path) -> None:
    """Wait until this file's bytes, or this folder's list of names, are on the disk."""
    entry = os.open(path, os.O_RDONLY)
    try:
        os.fsync(entry)
    except OSError as error:
        if error.errno not in CANNOT_SYNC:
            raise
    finally:
        os.close(entry)
