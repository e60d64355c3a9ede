"""Statistical models, one file each; ``MODELS`` maps a name in ``analysis.toml`` to a builder."""

from toolkit.models import step

MODELS = {"step": step.build_model}
