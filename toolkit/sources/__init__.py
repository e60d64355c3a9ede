"""Published results, and the logs of other tools, into our own table: one file per source.

``SOURCES`` re-make the scores of a bundled study; ``FORMATS`` read whatever a user brings.
"""

from toolkit.sources import every_eval, helm, inspect_logs, lm_eval, long_table, lu2024, wide_table

SOURCES = {"lu2024": lu2024}
FORMATS = {
    "every-eval-ever": every_eval,
    "helm": helm,
    "inspect": inspect_logs,
    "lm-eval": lm_eval,
    "long": long_table,
    "wide": wide_table,
}
