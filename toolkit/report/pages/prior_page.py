"""What the page says of the priors: each with its reason, and what they say of scores together."""

from toolkit.analysis.analyse import Analysis
from toolkit.charts.checks import prior_chart
from toolkit.predictive.prior_predictive import PriorPredictive, prior_predictive
from toolkit.report import html_tables as tables
from toolkit.report.display import show_chart, show_html
from toolkit.report.html_tables import Num
from toolkit.report.sentences import paragraphs


def prior_of(analysis: Analysis) -> PriorPredictive:
    """Return the prior predictive for the sizes and tasks of a study."""
    return prior_predictive(analysis.fitted.design)


def priors(prior: PriorPredictive) -> None:
    """Show what the priors say of scores, and every prior with its reason."""
    show_html(paragraphs(prior.sentence))
    text = (
        f"Expected scores in the controlled arm under the priors alone, over {prior.n_tasks} tasks "
        f"and {prior.n_draws} draws: the thick line is the median, the dark band holds half of the "
        "curves at each size, the light one 90%, and thin lines are single curves."
    )
    rows = [
        (Num(f"{row['n_params']:.3g}"), *(Num(f"{100 * row[name]:.0f}") for name in _QUANTILES))
        for row in prior.bands.to_dict("records")
    ]
    header = ("parameters", *_QUANTILES.values())
    data = tables.table(header, rows, "Per cent of the way from chance to perfect")
    chart = prior_chart(prior.bands.round(4), prior.examples.round(4), "Before any score is seen")
    show_html(paragraphs(text))
    show_chart(chart, text, data)
    show_html(tables.folds(tables.fold("Every prior with its reason", tables.prior_table())))


_QUANTILES = {
    "low": "5%",
    "quarter": "25%",
    "middle": "median",
    "three_quarters": "75%",
    "high": "95%",
}
