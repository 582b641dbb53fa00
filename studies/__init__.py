"""Real studies with memscope: what was found, kept as archives of runs, and the pages that tell it.

Each directory is a run without its models (plan.toml, examples.h5, results, trajectories.h5), which every command reads
with `--stored`, and the page of the study with its numbers left open (`page.md`). `make results` fills them in.
"""
