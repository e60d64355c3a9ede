"""Published results, and the logs of other tools, into our own table: one file per source.

``SOURCES`` re-make the scores of a bundled study; ``FORMATS`` read whatever a user brings.
"""

from toolkit.sources import helm, inspect_logs, lm_eval, lu2024

SOURCES = {"lu2024": lu2024}
FORMATS = {
    "helm": helm,
    "inspect": inspect_logs,
    "lm-eval": lm_eval,
}
