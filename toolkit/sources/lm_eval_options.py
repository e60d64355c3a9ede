"""Log-likelihoods of an item's options in lm-evaluation-harness, and which option is the right one.

The harness writes one (log-likelihood, is greedy) pair per option, as texts, and the target as its
task gives it.
"""

from typing import Any

from toolkit.sources.option_scores import OptionScores, option_scores


def option_log_likelihoods(config: dict[str, Any], line: dict[str, Any]) -> list[float] | None:
    """Return the log-likelihood of each option of an item, or None where it has no options."""
    if config.get("output_type") != "multiple_choice":
        return None
    try:
        values = [float(pair[0]) for pair in line["filtered_resps"]]
    except (KeyError, TypeError, ValueError, IndexError):
        return None
    # With mutual information the second half repeats the options without their question.
    metrics = line.get("metrics")
    if isinstance(metrics, list) and "acc_mutual_info" in metrics:
        values = values[: len(values) // 2]
    return values if len(values) > 1 else None


def scores_of_options(line: dict[str, Any], options: list[float]) -> OptionScores | None:
    """Return what the options say of the right one, or None where it is not known which that is.

    A target is an index or the text of an option; a number may be either. The item's own ``acc``
    says whether the likeliest option was right, and an answer that disagrees with it is not used.
    """
    target = line.get("target")
    index = int(target) if isinstance(target, int | str) and str(target).isdecimal() else -1
    texts = [_continuation(line, at, len(options)) for at in range(len(options))]
    by_text = texts.index(str(target).strip()) if texts.count(str(target).strip()) == 1 else -1
    best = max(range(len(options)), key=options.__getitem__)
    acc = line.get("acc")
    for gold in dict.fromkeys((index, by_text)):
        if 0 <= gold < len(options) and (acc is None or (gold == best) == bool(acc)):
            both = 0 <= index < len(options) and by_text >= 0 and index != by_text
            # A number may be an index or the text of another option; acc alone can't always tell.
            if both and (acc is None or not acc):
                return None
            return option_scores(options, gold)
    return None


def _continuation(line: dict[str, Any], at: int, n_options: int) -> str | None:
    arguments = line.get("arguments")
    values = list(arguments.values()) if isinstance(arguments, dict) else arguments
    if not isinstance(values, list) or len(values) < n_options:
        return None
    pair = values[at]
    text = pair.get("arg_1") if isinstance(pair, dict) else pair[1] if len(pair) > 1 else None
    return text.strip() if isinstance(text, str) else None
