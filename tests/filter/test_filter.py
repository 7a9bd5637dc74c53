"""What SFT sees, and the report of what it does not."""

import importlib.util
import sys

import polars as pl

from helpers import SCRIPTS

spec = importlib.util.spec_from_file_location("filter_stage", SCRIPTS / "filter.py")
filter_stage = importlib.util.module_from_spec(spec)
sys.modules["filter_stage"] = filter_stage  # where its dataclass looks up its own types
spec.loader.exec_module(filter_stage)

ROWS = [  # question, sample, response, reward, response tokens
    ("a", 0, "x", 1.0, 2),
    ("a", 1, "x", 1.0, 2),
    ("a", 2, "y", 1.0, 9),
    ("a", 3, "z", 1.0, 2),
    ("a", 4, "w", 0.0, 2),
    ("b", 0, "x", 1.0, 2),
    ("c", 0, "v", 0.0, 2),
    ("c", 1, "v", 0.0, 2),
]


def scored():
    return pl.DataFrame(
        [
            {
                "question_id": q, "sample": s, "response": r, "reward": reward,
                "prompt_ids": [1, 1], "response_ids": [1] * n,
                "status": "correct" if reward else "wrong", "format_ok": r != "v", "seed": 7,
            }
            for q, s, r, reward, n in ROWS
        ]
    )  # fmt: skip


def label(scored, keep):
    return filter_stage.label(filter_stage.together({"first": scored}), keep)


def kept(**settings):
    rows = label(scored(), filter_stage.Keep(**{"dedupe": False, **settings}))
    return rows.filter(pl.col("dropped").is_null()).select("question_id", "sample").rows()


def test_only_right_responses_are_kept():
    assert kept() == [("a", 0), ("a", 1), ("a", 2), ("a", 3), ("b", 0)]


def test_a_repeated_response_is_kept_once_in_each_question():
    assert kept(dedupe=True) == [("a", 0), ("a", 2), ("a", 3), ("b", 0)]


def test_the_cap_counts_what_is_left_and_takes_the_lowest_samples():
    assert kept(dedupe=True, max_per_question=2) == [("a", 0), ("a", 2), ("b", 0)]
    assert kept(dedupe=True, max_per_question=2, max_tokens=8) == [("a", 0), ("a", 3), ("b", 0)]


def test_the_length_limit_counts_prompt_and_response():
    assert ("a", 2) in kept(max_tokens=11)
    assert ("a", 2) not in kept(max_tokens=10)


def test_wrong_responses_are_kept_on_request_and_still_counted_as_not_solved():
    keep = filter_stage.Keep(keep="all")
    report = filter_stage.report(label(scored(), keep))
    assert report["dropped"] == {"duplicate": 2}
    assert report["solved"] == {"never": 1, "sometimes": 1, "always": 1}


def test_the_order_of_the_rows_does_not_matter():
    keep = filter_stage.Keep(max_per_question=1)
    shuffled = scored().sample(fraction=1.0, shuffle=True, seed=1)
    assert label(shuffled, keep).equals(label(scored(), keep))


def test_every_row_is_kept_or_has_its_reason_in_the_report():
    report = filter_stage.report(label(scored(), filter_stage.Keep(max_per_question=2)))
    assert report["dropped"] == {"duplicate": 1, "over_cap": 1, "wrong": 3}
    assert report["kept"] + sum(report["dropped"].values()) == report["rollouts"] == len(ROWS)
    assert report["solved"] == {"never": 1, "sometimes": 1, "always": 1}
    assert report["distinct_responses"] == 6


def test_nothing_right_is_no_error():
    rows = label(
        scored().with_columns(reward=pl.lit(0.0)),
        filter_stage.Keep(max_per_question=4, max_tokens=10),
    )
    assert filter_stage.report(rows)["kept"] == 0


def test_nothing_right_is_explained_by_what_is_missing():
    wrong = scored().with_columns(reward=0.0)
    formless = wrong.with_columns(format_ok=pl.Series([True] + [False] * 7))
    one = filter_stage.Keep()
    assert "12.5 % have the form" in filter_stage.why_nothing(label(formless, one))
    assert "no answer is correct" in filter_stage.why_nothing(label(wrong, one))
    short = filter_stage.Keep(max_tokens=1)
    assert "as too_long" in filter_stage.why_nothing(label(scored(), short))
    assert "none to keep" in filter_stage.why_nothing(label(scored().clear(), one))


def test_a_reward_of_ones_own_counts_as_correct_from_the_least_reward_on():
    halves = scored().with_columns(pl.col("reward") / 2)

    def count(least):
        keep = filter_stage.Keep(dedupe=False, min_reward=least)
        return label(halves, keep)["dropped"].null_count()

    assert (count(0.5), count(0.6)) == (5, 0)


def test_right_form_is_enough_where_that_is_asked_for():
    assert kept(keep="format") == [*[("a", sample) for sample in range(5)], ("b", 0)]


def test_a_question_that_is_solved_often_enough_teaches_nothing():
    assert kept(solved_above=0.9) == [("a", 0), ("a", 1), ("a", 2), ("a", 3)]
    assert kept(solved_above=0.8) == []  # four of a's five rollouts are right
    rows = label(scored(), filter_stage.Keep(dedupe=False, solved_above=0.9))
    assert filter_stage.report(rows)["dropped"] == {"solved": 1, "wrong": 3}


def many():
    """Ten questions with ten rollouts each: 30 right, 70 of right form."""
    return pl.concat(
        scored()
        .head(1)
        .with_columns(
            question_id=pl.lit(f"q{question}"),
            sample=pl.lit(sample, pl.Int64),
            response=pl.lit(f"{sample}"),
            reward=pl.lit(1.0 if sample < 3 else 0.0),
            format_ok=pl.lit(sample < 7),
            seed=pl.lit(100 * question + sample, pl.Int64),
        )
        for question in range(10)
        for sample in range(10)
    )


def drawn(rows, **settings):
    keep = filter_stage.Keep(keep="random", **settings)
    found = label(rows, keep).filter(pl.col("dropped").is_null())
    assert found["format_ok"].all()
    return found


def test_the_random_control_keeps_as_many_as_are_right_whether_right_or_wrong():
    found = drawn(many())
    assert found.height == 30
    assert 5 <= (found["reward"] == 0).sum() <= 29  # of 70, 40 are wrong: about 17 of 30
    assert drawn(many(), max_per_question=2).height == 20


def test_which_ones_the_control_draws_depends_on_the_draws_seeds_not_on_the_order_of_rows():
    first, again = drawn(many()), drawn(many().sample(fraction=1.0, shuffle=True, seed=3))
    other = drawn(many().with_columns(pl.col("seed") + 1_000_000))
    assert first.equals(again)
    assert not first.select("question_id", "sample").equals(other.select("question_id", "sample"))


def with_rounds(**rows):
    """The first round, and rounds of rows (question, sample, response, reward, tokens)."""
    tables = {"first": scored()}
    for name, given in rows.items():
        template = scored().head(1).with_columns(prompt_ids=pl.lit([9, 9, 9, 9, 9]))
        tables[name] = pl.concat(
            template.with_columns(
                question_id=pl.lit(q), sample=pl.lit(s, pl.Int64), response=pl.lit(r),
                reward=pl.lit(reward), response_ids=pl.lit([1] * n),
                status=pl.lit("correct" if reward else "wrong"),
            )
            for q, s, r, reward, n in given
        )  # fmt: skip
    return filter_stage.together(tables)


def test_what_further_rounds_solve_is_kept_too_and_counted():
    rows = with_rounds(
        extra=[("c", 2, "u", 1.0, 2), ("c", 3, "t", 0.0, 2)], hints=[("c", 4, "u", 1.0, 2)]
    )
    labelled = filter_stage.label(rows, filter_stage.Keep())
    report = filter_stage.report(labelled)
    assert report["rounds"] == {
        "extra": {"rollouts": 2, "questions": 1, "correct": 1, "kept": 1},
        "hints": {"rollouts": 1, "questions": 1, "correct": 1, "kept": 0},  # the same text again
    }
    assert report["kept"] + sum(report["dropped"].values()) == report["rollouts"] == len(ROWS) + 3


def test_a_response_to_a_hint_is_trained_on_without_it():
    rows = with_rounds(hints=[("c", 2, "u", 1.0, 2)])
    kept = filter_stage.label(rows, filter_stage.Keep()).filter(pl.col("round") == "hints")
    assert kept["prompt_ids"].to_list() == [[1, 1]]
    assert kept["dropped"].to_list() == [None]


def test_a_question_that_only_a_hint_solved_counts_as_unsolved():
    rows = with_rounds(hints=[("c", 2, "u", 1.0, 2), ("c", 3, "t", 1.0, 2)])
    keep = filter_stage.Keep(solved_above=0.5)
    labelled = filter_stage.label(rows, keep)
    assert filter_stage.report(labelled)["solved"]["never"] == 1
    assert labelled.filter(pl.col("question_id") == "c")["dropped"].to_list() == [
        "wrong", "wrong", None, None,
    ]  # fmt: skip


def test_distinct_correct_responses_are_counted_in_each_question_before_any_cap():
    report = filter_stage.report(label(scored(), filter_stage.Keep(max_per_question=1)))
    assert report["distinct_correct"] == 4  # a: x, y, z; b: x


def test_a_graded_reward_solves_from_the_least_correct_one_on():
    half = scored().with_columns(reward=pl.col("reward") / 2)
    rows = label(half, filter_stage.Keep(min_reward=0.5))
    assert filter_stage.report(rows, 0.5)["solved"] == {"never": 1, "sometimes": 1, "always": 1}
    assert filter_stage.report(rows, 0.5)["distinct_correct"] == 4
    assert filter_stage.report(rows, 0.6)["solved"]["never"] == 3
