import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Sums on a CPU depend on the number of threads in their last bits, so there is one."""
    torch.set_num_threads(1)
