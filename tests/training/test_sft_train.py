import copy
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from ei import schema
from ei.model import folder, room
from ei.model.load import load
from ei.model.names import to_write
from ei.model.packing import Sequence
from ei.model.room import enough_or
from ei.model.weights import Policy, clear_gradients, prepare
from ei.stage import UserError
from ei.training import checkpoint
from ei.training.loop import BETAS, Record, make_update, train
from ei.training.memory import FULL, RECOMPUTE, SMALL, Plan, advice
from ei.training.processes import World
from ei.training.recipe import Recipe
from ei.training.schedule import Update, plan
from training import tiny

ALONE = World(torch.device("cpu"))
RECIPE = Recipe(epochs=2, lr=1e-2, batch=8, min_updates=1, row_tokens=100, clip=1e9)


def policy(seed: int = 0) -> Policy:
    net = tiny.qwen2(seed).double()
    return prepare(net, mixed=False)


def weights(policy: Policy) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in policy.weights.values()])


def gradient(policy: Policy) -> torch.Tensor:
    return torch.cat(
        [weight.grad.flatten() for weight in policy.weights.values() if weight.grad is not None]
    )


def one_update(trained: Policy, sequences: list[Sequence], recipe: Recipe) -> Record:
    clear_gradients(trained)
    optimizer = torch.optim.AdamW(
        trained.weights.values(), betas=BETAS, weight_decay=recipe.weight_decay
    )
    return make_update(trained, optimizer, Update(1, 1, recipe.lr, sequences), recipe, ALONE)


def summed_loss(net: Any, sequence: Sequence) -> torch.Tensor:
    """Of one sequence alone; transformers' own loss would round float64 logits to float32."""
    logits = net(torch.tensor([sequence.prompt + sequence.response])).logits[
        0, len(sequence.prompt) - 1 : -1
    ]
    return torch.nn.functional.cross_entropy(
        logits, torch.tensor(sequence.response), reduction="sum"
    )


def test_the_gradient_of_many_rows_is_that_of_one_big_batch() -> None:
    sequences, net = tiny.sequences(12), tiny.qwen2().double()
    many, one = policy(), policy()
    record = one_update(many, sequences, dataclasses.replace(RECIPE, row_tokens=50))
    one_update(one, sequences, dataclasses.replace(RECIPE, row_tokens=10_000))
    total = torch.zeros((), dtype=torch.float64)
    for sequence in sequences:
        total = total + summed_loss(net, sequence)
    loss = total / sum(len(sequence.response) for sequence in sequences)
    loss.backward()
    plain = torch.cat(
        [parameter.grad.flatten() for parameter in net.parameters() if parameter.grad is not None]
    )
    torch.testing.assert_close(gradient(many), plain, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(gradient(one), gradient(many), rtol=1e-9, atol=1e-12)
    assert record.loss == pytest.approx(float(loss.detach()), rel=1e-6)
    assert record.grad_norm == pytest.approx(float(plain.norm()), rel=1e-6)


def test_clipping_scales_all_gradients_by_the_global_norm() -> None:
    free, clipped = policy(), policy()
    record = one_update(free, tiny.sequences(8), RECIPE)
    same = one_update(clipped, tiny.sequences(8), dataclasses.replace(RECIPE, clip=0.5))
    assert record.grad_norm == same.grad_norm > 0.5
    torch.testing.assert_close(gradient(clipped), gradient(free) * (0.5 / record.grad_norm))


def test_training_is_adamw_on_the_mean_loss_with_the_planned_rates() -> None:
    sequences, recipe = tiny.sequences(10), dataclasses.replace(RECIPE, weight_decay=0.1, clip=1.0)
    trained, net = policy(), tiny.qwen2().double()
    train(trained, sequences, recipe, ALONE)
    optimizer = torch.optim.AdamW(net.parameters(), betas=BETAS, weight_decay=0.1)
    for update in plan(sequences, recipe):
        optimizer.zero_grad()
        tokens = sum(len(sequence.response) for sequence in update.sequences)
        for item in update.sequences:
            (summed_loss(net, item) / tokens).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.param_groups[0]["lr"] = update.lr
        optimizer.step()
    plain = torch.cat([parameter.detach().flatten() for parameter in net.parameters()])
    torch.testing.assert_close(weights(trained), plain, rtol=1e-5, atol=1e-7)


def test_the_loss_falls_and_records_count_tokens_and_sequences() -> None:
    sequences = tiny.sequences(20)
    records = train(policy(), sequences, dataclasses.replace(RECIPE, epochs=5), ALONE)
    assert [record.update for record in records] == list(range(1, 16))
    assert records[-1].loss < 0.8 * records[0].loss
    assert sum(record.tokens for record in records) == 5 * sum(map(len, sequences))
    assert sum(record.response_tokens for record in records) == 5 * sum(
        len(s.response) for s in sequences
    )
    assert sum(record.sequences for record in records) == 5 * 20


def test_a_reordered_filtered_set_gives_the_same_policy() -> None:
    one, other = policy(), policy()
    train(one, tiny.sequences(20), RECIPE, ALONE)
    train(other, tiny.sequences(20)[::-1], RECIPE, ALONE)
    assert torch.equal(weights(one), weights(other))


def test_resumed_training_equals_undisturbed_training(tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def kill(record: Record) -> None:
        if record.update == 5:
            raise Killed

    sequences, keep = tiny.sequences(20), tmp_path / "checkpoint.pt"
    whole, killed, resumed = policy(), policy(), policy()
    undisturbed = train(whole, sequences, RECIPE, ALONE)
    with pytest.raises(Killed):
        train(killed, sequences, RECIPE, ALONE, keep, kill)
    seen: list[Record] = []
    records = train(resumed, sequences, RECIPE, ALONE, keep, seen.append)
    assert torch.equal(weights(whole), weights(resumed))
    assert [record.loss for record in records] == [record.loss for record in undisturbed]
    assert records == seen
    state = torch.load(keep, weights_only=True)
    assert [record["seconds"] for record in state["records"]] == [
        record.seconds for record in records[:3]
    ]


@pytest.mark.parametrize("change", ["recipe", "sequences", "weights"])
def test_a_checkpoint_of_another_training_is_not_used(tmp_path: Path, change: str) -> None:
    keep, sequences = tmp_path / "checkpoint.pt", tiny.sequences(20)
    train(policy(), sequences, RECIPE, ALONE, keep)
    recipe = dataclasses.replace(RECIPE, lr=2e-2) if change == "recipe" else RECIPE
    other = tiny.sequences(20, seed=1) if change == "sequences" else sequences
    start = policy(seed=1 if change == "weights" else 0)
    optimizer = torch.optim.AdamW(start.weights.values())
    assert checkpoint.restore(start, optimizer, checkpoint.key_of(start, other, recipe), keep) == []


def test_a_training_too_short_for_a_checkpoint_writes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, fast = tmp_path / "slow.pt", tmp_path / "fast.pt"
    monkeypatch.setattr(checkpoint, "DISK_SPEED", 1.0)  # one byte per second
    train(policy(), tiny.sequences(20), RECIPE, ALONE, slow)
    assert not slow.exists()
    monkeypatch.setattr(checkpoint, "DISK_SPEED", 1e15)
    train(policy(), tiny.sequences(20), RECIPE, ALONE, fast)
    assert fast.exists()


def test_a_record_has_the_columns_of_training_parquet() -> None:
    assert [field.name for field in dataclasses.fields(Record)] == list(schema.UPDATES)


def test_a_loss_that_is_not_finite_names_the_update_and_the_questions() -> None:
    broken = policy()
    sequences = [Sequence("good", 0, [3, 4], [5, 6]), Sequence("bad", 0, [3, 4], [95, 6])]
    with torch.no_grad():
        broken.output[95] = float(
            "nan"
        )  # id 95 is an input of the bad sequence; its logit is NaN everywhere
    with pytest.raises(
        UserError, match=r"update 1: the loss is not finite .*questions bad, good.*lower sft.lr"
    ):
        one_update(broken, sequences, RECIPE)
    untied = model_with_bad_input()
    with pytest.raises(UserError, match=r"update 1: the loss is not finite .*questions bad\. "):
        one_update(untied, sequences, RECIPE)


def model_with_bad_input() -> Policy:
    net = copy.deepcopy(tiny.qwen2(tied=False).double())
    with torch.no_grad():
        net.get_input_embeddings().weight[95] = float("inf")
    return prepare(net, mixed=False)


def test_an_update_that_is_not_finite_leaves_the_weights_alone() -> None:
    broken = model_with_bad_input()
    before = weights(broken).clone()
    with pytest.raises(UserError):
        one_update(broken, [Sequence("bad", 0, [3, 95], [5, 6])], RECIPE)
    assert torch.equal(weights(broken), before)


def do_this() -> str:
    return "do this"


def test_out_of_memory_on_a_gpu_or_a_cpu_is_a_sentence_with_the_advice() -> None:
    with pytest.raises(UserError, match="out of memory: do this"), enough_or(do_this):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
    with pytest.raises(UserError, match="out of memory: do this"), enough_or(do_this):
        torch.empty(2**60)
    with pytest.raises(RuntimeError, match="shapes"), enough_or(do_this):
        raise RuntimeError("shapes")


def test_the_gpu_without_a_number_is_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch itself refuses to say how much of a device without a number a process may take."""
    asked = {
        "current_device": lambda: 3,
        "mem_get_info": lambda index: (40, 100)[: 2 if index == 3 else 0],
        "get_per_process_memory_fraction": lambda index: {3: 0.5}[index],
        "memory_reserved": lambda index: {3: 30}[index],
        "memory_allocated": lambda device: 20,
    }
    for name, answer in asked.items():
        monkeypatch.setattr(torch.cuda, name, answer)
    for device in (torch.device("cuda"), torch.device("cuda", 3)):
        assert room.reachable(device) == 50  # the cap, since 40 are free and 30 its own
        assert room.available(device) == 30


@pytest.mark.parametrize(
    ("memory", "plan", "row_tokens", "longest", "wanted"),
    [
        ("full", FULL, 16384, 900, "set sft.memory to auto"),
        (
            "auto",
            RECOMPUTE,
            90,
            9,
            "set sft.memory to small, or lower sft.row_tokens from 90 to 45",
        ),
        ("auto", SMALL, 16384, 900, "lower sft.row_tokens from 16384 to 8192"),
        ("small", SMALL, 16384, 900, "lower sft.row_tokens from 16384 to 8192"),
        ("small", SMALL, 1200, 900, "lower sft.row_tokens from 1200 to 900"),
        ("small", SMALL, 90, 90, "set filter.max_tokens to 45, since the longest sequence has 90"),
    ],
)
def test_the_advice_has_the_next_value(
    memory: str, plan: Plan, row_tokens: int, longest: int, wanted: str
) -> None:
    assert advice(memory, plan, row_tokens, longest) == wanted


def test_a_policy_in_mixed_precision_learns_in_fp32_and_is_written_rounded(tmp_path: Path) -> None:
    start = tiny.model_folder(tmp_path / "start")
    mixed = load(start, torch.device("cpu"), mixed=True)
    records = train(mixed, tiny.sequences(20), dataclasses.replace(RECIPE, epochs=5), ALONE)
    assert records[-1].loss < 0.8 * records[0].loss
    assert all(
        torch.equal(copy, mixed.weights[name].bfloat16()) for name, copy in mixed.copies.items()
    )
    folder.write(to_write(mixed, folder.tensor_names(start)), start, tmp_path / "policy")
    written = load_file(tmp_path / "policy/model.safetensors")
    assert written.keys() == mixed.weights.keys()
    assert all(
        torch.equal(tensor, mixed.weights[name].bfloat16()) for name, tensor in written.items()
    )


def test_an_output_matrix_stored_beside_the_embedding_it_is_tied_to_is_written_again(
    tmp_path: Path,
) -> None:
    start = tiny.model_folder(tmp_path / "start")
    stored = load_file(start / "model.safetensors")
    stored["lm_head.weight"] = stored["model.embed_tokens.weight"].clone()
    save_file(stored, start / "model.safetensors", metadata={"format": "pt"})
    trained = load(start, torch.device("cpu"))
    folder.write(to_write(trained, folder.tensor_names(start)), start, tmp_path / "policy")
    written = load_file(tmp_path / "policy/model.safetensors")
    assert torch.equal(written["lm_head.weight"], written["model.embed_tokens.weight"])
