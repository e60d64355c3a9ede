"""Print the verdicts on planted truths: python tests/recovery/run.py rich 1 11 1000 700 2."""

import sys
import tempfile
from pathlib import Path

from planted import LU_LIKE, RICH, judge_planted

from toolkit.fit import FitSettings

if __name__ == "__main__":
    design = {"rich": RICH, "lu": LU_LIKE}[sys.argv[1]]
    per_truth, seed, draws, tune, chains = map(int, sys.argv[2:7])
    settings = FitSettings(draws, tune, chains, 0.95, seed)
    with tempfile.TemporaryDirectory() as cache:
        for each in judge_planted(design, per_truth, settings, Path(cache), rivals=True):
            sys.stdout.write(each.line + f" {each.parts}\n")
            failed = "; ".join(check.text for check in each.verdict.diagnosis.failures)
            sys.stdout.write(f"    {failed}\n" if failed else "")
