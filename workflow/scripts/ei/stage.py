"""What every stage script does the same way: flags, readable errors, progress."""

import argparse
import json
import logging
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, fields, is_dataclass
from types import UnionType
from typing import Any, NoReturn, TextIO, TypeVar, get_args, get_type_hints

from ei.disk import full_disk

T = TypeVar("T")


class UserError(Exception):
    """Something that the user can fix; only its message is printed, one clear sentence."""


def parser(doc: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the script's docstring; its flags are named as in config.yaml."""
    return argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )


def add_lineage(parser: argparse.ArgumentParser) -> None:
    """The flag `--lineage`, which goes into the metadata of every output."""
    parser.add_argument(
        "--lineage", default="", help="hash of all settings that the output depends on"
    )


def boolean(text: str) -> bool:
    """The value of a `--flag true` or `--flag false`."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    raise argparse.ArgumentTypeError(f"true or false, not {text!r}")


def finite(text: str) -> float:
    """The value of a flag that is a number; NaN and infinity, which `float` reads, are refused."""
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"a finite number, not {text!r}")
    return value


def setting(default: Any, help: str, choices: Sequence[Any] | None = None) -> Any:
    """A field of a dataclass of settings: its default, and the help text of its flag."""
    return field(default=default, metadata={"help": help, "choices": choices})


def add_settings(parser: argparse.ArgumentParser, settings: type) -> None:
    """A flag for every `setting` field of a dataclass, with its type, default, choices and help."""
    kinds = get_type_hints(settings)
    for one in fields(settings):
        if "help" not in one.metadata:
            continue
        parser.add_argument(
            f"--{one.name}",
            type=_reader(kinds[one.name]),
            default=one.default,
            choices=one.metadata["choices"],
            help=f"{one.metadata['help']} (default: {one.default})",
        )


def _reader(kind: Any) -> Callable[[str], Any]:
    """What turns a flag's text into a value of this type: of `int | None` an int.

    The fields of a dataclass are read from a JSON object.
    """
    if isinstance(kind, UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    if isinstance(kind, type) and is_dataclass(kind):
        return lambda text: kind(**json.loads(text))
    return {bool: boolean, float: finite}.get(kind, kind)


def settings_from(flags: argparse.Namespace, settings: type[T], **others: Any) -> T:
    """The dataclass filled from the flags of its fields; `others` are fields that have no flag."""
    own = fields(settings)  # type: ignore[arg-type]  # mypy cannot tell that T is a dataclass
    names = [one.name for one in own if "help" in one.metadata]
    return settings(**{name: getattr(flags, name) for name in names}, **others)


def settings(flags: argparse.Namespace, *names: str) -> dict[str, Any]:
    """The named flags and their values: what goes into the metadata of the outputs."""
    return {name: getattr(flags, name) for name in names}


def run(main: Callable[[], None]) -> NoReturn:
    """Run a stage; a UserError ends it with one sentence and status 1.

    So does the system's refusal of a file (no permission, a name too long), of which Python names
    the file, and a disk that is full, whatever that has led to. Any other exception is a fault of
    ours and keeps its traceback.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # else it logs every request to the hub
    try:
        main()
    except UserError as error:
        fail(str(error))
    except Exception as error:
        if sentence := full_disk(error):
            fail(sentence)
        if not isinstance(error, OSError) or error.filename is None or error.errno is None:
            raise
        fail(f"{os.fsdecode(error.filename)}: {os.strerror(error.errno)}")
    sys.exit(0)


def fail(sentence: str) -> NoReturn:
    """Print what is wrong and end this process with status 1."""
    print(f"error: {sentence}", file=sys.stderr, flush=True)
    sys.exit(1)


def die_with_parent(parent: int | None = None) -> None:
    """End this process within a second of its parent's end, however that came.

    At once, if `parent` is no longer this process's parent.
    """
    parent = parent or os.getppid()
    if os.getppid() != parent:
        os._exit(1)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _Lines:
    """A stream that ends each of tqdm's updates with a line feed, which keeps logs readable."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        text = text.replace("\r", "").strip()
        if text:
            self.stream.write(text + "\n")

    def flush(self) -> None:
        self.stream.flush()


def progress(items: Iterable[T] | None = None, **options: Any) -> Any:
    """tqdm over `items`: a bar on a terminal, one line every five seconds anywhere else."""
    from tqdm import tqdm  # 0.1 s, which stages without a bar save

    if sys.stderr.isatty():
        return tqdm(items, **options)
    return tqdm(items, file=_Lines(sys.stderr), mininterval=5.0, ascii=True, ncols=100, **options)
