"""Published results, and the logs of other tools, into our own table: one file per source.

``SOURCES`` re-make the scores of a bundled study; ``FORMATS`` read whatever a user brings.
"""

from toolkit.sources import (
    every_eval,
    flan_chung2022,
    gpt3_brown2020,
    helm,
    inspect_logs,
    lm_eval,
    long_table,
    lu2024,
    obsscaling2024,
    openllm_sloth2024,
    pythia2023,
    wide_table,
    wulo2025,
)

SOURCES = {
    "flan-chung2022": flan_chung2022,
    "gpt3-brown2020": gpt3_brown2020,
    "lu2024": lu2024,
    "obsscaling2024": obsscaling2024,
    "openllm-sloth2024": openllm_sloth2024,
    "pythia2023": pythia2023,
    "wulo2025": wulo2025,
}
FORMATS = {
    "every-eval-ever": every_eval,
    "helm": helm,
    "inspect": inspect_logs,
    "lm-eval": lm_eval,
    "long": long_table,
    "wide": wide_table,
}
