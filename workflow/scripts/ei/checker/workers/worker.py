"""A worker process: tasks come in by one pipe and verdicts go out by another, one JSON line each.

Nothing that a response holds is evaluated as code. Every piece of work on a response happens
inside `processor_limit`; whatever it prints goes nowhere, whatever it raises becomes a status.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace

from ei.checker.settings import Settings, Verdict
from ei.checker.workers.limits import (
    end_with_parent,
    limit_memory,
    private_stdout,
    processor_limit,
)

Judge = Callable[..., Verdict | None]


def main(parent: int, settings: str, job: str) -> None:
    """Serve tasks until the pipe closes or the parent is gone; `settings` is JSON."""
    chosen = Settings(**json.loads(settings))
    end_with_parent(parent)
    limit_memory(chosen.memory_mb)
    replies = private_stdout()
    stages = judges(chosen, job)
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in sys.stdin:
        verdict = limited(stages, json.loads(line), chosen)
        print(json.dumps(asdict(verdict)), file=replies, flush=True)
        if verdict.rule == "memory":  # the heap is fragmented now: a fresh process takes over
            return


def judges(settings: Settings, job: str) -> list[Callable[[], Judge]]:
    """What makes the judges to ask in turn, until one knows; making one is not work on a response.

    A later judge is made when it is first needed, so that a worker which meets plain numbers only
    never imports sympy.
    """
    if job == "explain":
        return [_explainer]
    if settings.reward:
        from ei.checker.reward import judge_of

        found = judge_of(settings.reward)
        return [lambda: found]
    return [_exact_rules, _precise_rules, _all_rules]


def limited(stages: list[Callable[[], Judge]], task: list[str], settings: Settings) -> Verdict:
    """The verdict of the first judge that has one; at the limit, the end of this process."""
    used = 0.0
    for stage in stages:
        judge = stage()
        start = time.process_time()
        with processor_limit(max(settings.timeout_s - used, 0.01)):
            verdict = _caught(judge, task, settings)
        used += time.process_time() - start
        if verdict is not None:
            return replace(verdict, milliseconds=used * 1000)
    return Verdict("unparsable", "undecided", None, used * 1000)


def _caught(judge: Judge, task: list[str], settings: Settings) -> Verdict | None:
    """The judge's verdict; any exception is a status."""
    try:
        return judge(*task, settings)
    except MemoryError:
        return Verdict("error", "memory")
    except RecursionError:
        return Verdict("unparsable", "nested too deeply")
    except Exception as error:  # hostile input makes sympy, or a user's function, raise anything
        return Verdict("error", f"exception: {type(error).__name__}")


def _exact_rules() -> Judge:
    from ei.checker.compare.rules import exact_rules

    return exact_rules


def _precise_rules() -> Judge:
    import ei.checker.compare.precise  # mpmath takes 0.1 s
    from ei.checker.compare.rules import precise_rules

    assert ei.checker.compare.precise
    return precise_rules


def _all_rules() -> Judge:
    from ei.checker.compare.calculus import warm_up
    from ei.checker.compare.rules import all_rules

    warm_up()  # sympy's first use takes as long as its import
    return all_rules


def _explainer() -> Judge:
    from ei.checker.explain import explained

    return explained
