"""Lookups of what a step may do besides: further rounds of sampling, and probes."""


def rounds_of_steps(wildcards):
    """The scored rollouts of the further rounds of each step."""
    return [path for name in rounds_of(wildcards) for path in of_steps(name, 1)(wildcards)]


def rounds_before(wildcards):
    """The scored rollouts of the rounds before this one."""
    extra = scored_in("extra")(wildcards) if wildcards.round == "hints" else []
    return [f"{wildcards.run}/step{wildcards.step}/scored.parquet", *extra]


def flags_of_round(wildcards, input):
    """The flags that make sample.py draw a further round."""
    settings = settings_of(wildcards)
    of_round = {"round": wildcards.round, "min_reward": settings["filter"]["min_reward"]}
    return [*setting_rules.flags(settings["sample"] | of_round), "--scored", *input.scored]


def lineage_of_round(wildcards):
    return lineage(wildcards.round)(wildcards)


def probe_prompt(wildcards):
    settings = probes.changed(settings_of(wildcards), wildcards.probe)
    return literal(prompt_file(settings["prompt"]))


def probe_flags(section, *more):
    """A params function: the flags of a section as a probe changes it, and `more` flags."""

    def get(wildcards):
        changed = probes.changed(settings_of(wildcards), wildcards.probe)[section]
        return [*setting_rules.flags(changed), *more]

    return get


def probe_lineage(stage):
    """A params function: the hash of every setting that a probe's output depends on."""

    def get(wildcards):
        settings = RUNS[wildcards.run].settings
        return lineages.probe_lineages(settings, wildcards.probe, step_of(wildcards))[stage]

    return get


def of_probes(name):
    """An input function: this file of each probe of the run."""

    def get(wildcards):
        run = wildcards.run
        found = probes.planned(RUNS[run].settings, last_step(run))
        return [f"{run}/step{step}/{probe}/{name}" for probe, step in found]

    return get
