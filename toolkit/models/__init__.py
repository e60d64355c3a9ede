"""Statistical models, one file each; ``MODELS`` maps the name in ``analysis.toml`` to its builder."""

from toolkit.models import step

MODELS = {"step": step.build_model}
