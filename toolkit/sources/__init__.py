"""Published results into our own table, one file per source."""

from toolkit.sources import (
    flan_chung2022,
    gpt3_brown2020,
    lu2024,
    obsscaling2024,
    openllm_sloth2024,
    pythia2023,
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
