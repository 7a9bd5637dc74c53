"""What keeps a file from being written, in words, and waiting until one is on the disk."""

import errno
import os
import re
from collections.abc import Iterator
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
# Errors that are about the disk itself, whatever was being written.
STORAGE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
# Libraries in Rust (polars, safetensors) and compilers tell the system's error only in a message.
IN_MESSAGE = re.compile(r"os error (\d+)|Os \{ code: (\d+)|\[Errno (\d+)\]")
FILE_IN_MESSAGE = re.compile(r"\[Errno \d+\] [^:]+: '([^']+)'")
# How file systems say that they cannot sync a folder; a file there is as safe as it can be.
CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}


def cannot_write(error: Exception, path: Path) -> str | None:
    """The remedy if the error says that `path` cannot be written; None for all other errors.

    An error that names another file, as one that was read on the way, is not about this one.
    """
    for one in chain(error):
        number, named = number_of(one), file_of(one)
        if named is not None and not concerns(named, path):
            continue
        if number in REMEDIES and (one is error or number in STORAGE):
            return REMEDIES[number]
    return None


def full_disk(error: BaseException) -> str | None:
    """The sentence for an error that the disk itself has caused; None for all other errors.

    It may be the cause of another, as where a compiler cannot write to its cache.
    """
    for one in chain(error):
        number, named = number_of(one), file_of(one)
        if number in STORAGE:
            return f"{named or 'a file'} cannot be written: {REMEDIES[number]}"
    return None


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that it came from."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def number_of(error: BaseException) -> int:
    """The system's number of an error, if need be from its message; 0 where there is none."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = IN_MESSAGE.search(str(error))
    return int(next(filter(None, found.groups()))) if found else 0


def file_of(error: BaseException) -> Path | None:
    """The file that an error is about: of a copy, the copy."""
    named = getattr(error, "filename2", None) or getattr(error, "filename", None)
    if named is None and (found := FILE_IN_MESSAGE.search(str(error))):
        named = found[1]
    return None if named is None else Path(os.fsdecode(named))


def concerns(named: Path, path: Path) -> bool:
    """Whether an error that names one file keeps `path` from being written."""
    partial = sibling(path)
    return named in (path, partial, *path.parents) or not {path, partial}.isdisjoint(named.parents)


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
