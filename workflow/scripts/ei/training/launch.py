"""Start the processes that the job asks for: this one on a CPU or one GPU, one to a GPU for several."""

import tempfile
from pathlib import Path
from typing import Any

import torch

from ei.stage import UserError
from ei.training import world
from ei.training.job import Job, run_job


def launch(job: Job, gpus: int, started: float) -> None:
    """Run the job on the CPU (`gpus` 0) or on that many GPUs."""
    if gpus > torch.cuda.device_count():
        raise UserError(
            f"sft.gpus is {gpus}, but torch sees {torch.cuda.device_count()}; gpus 0 trains on the CPU"
        )
    device = "cuda" if gpus else "cpu"
    there = world.from_torchrun(device)
    if there is not None:
        try:
            run_job(job, there, started)
        finally:
            torch.distributed.destroy_process_group()
    elif gpus <= 1:
        run_job(job, world.World(torch.device(device)), started)
    else:
        spawn(job, device, gpus, started)


def spawn(job: Job, device: str, processes: int, started: float) -> None:
    """Run the job in `processes` new processes; an error of the user's in one of them is raised here."""
    import torch.multiprocessing as mp
    from torch.multiprocessing.spawn import ProcessExitedException

    errors = mp.get_context("spawn").SimpleQueue()
    with tempfile.TemporaryDirectory() as meeting:
        arguments = (
            job,
            device,
            processes,
            f"file://{Path(meeting).resolve()}/rendezvous",
            started,
            errors,
        )
        try:
            mp.spawn(_process, arguments, nprocs=processes)
        except ProcessExitedException:
            if errors.empty():
                raise
            raise UserError(errors.get()) from None


def _process(
    rank: int, job: Job, device: str, processes: int, meeting: str, started: float, errors: Any
) -> None:
    here = world.join(device, rank, processes, meeting)
    try:
        run_job(job, here, started)
    except UserError as error:
        errors.put(str(error))
        raise SystemExit(1) from None
    finally:
        torch.distributed.destroy_process_group()
