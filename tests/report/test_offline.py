"""The scan for anything a finished page would load."""

import pytest

from toolkit.errors import ReportError
from toolkit.report.rendering.offline import check_offline, outside_resources

LOADING = {
    '<img src="https://a.example/x.png">': "https://a.example/x.png",
    '<IMG SRC="//a.example/x.png">': "//a.example/x.png",
    '<img src="figures/x.png">': "figures/x.png",
    '<img srcset="data:image/png;base64,AA 1x, https://a.example/2.png 2x">': (
        "https://a.example/2.png"
    ),
    '<script src="https://a.example/x.js"></script>': "https://a.example/x.js",
    '<script id="vega" type="text/plain" data-src="vega.js"></script>': "vega.js",
    '<link rel="stylesheet" href="x.css">': "x.css",
    '<link rel="preload" as="font" href="https://a.example/f.woff2">': "https://a.example/f.woff2",
    '<link rel="shortcut icon" href="https://a.example/i.ico">': "https://a.example/i.ico",
    '<style>@import "https://a.example/x.css";</style>': "https://a.example/x.css",
    "<style>@import url(https://a.example/x.css);</style>": "https://a.example/x.css",
    "<style>a { background: url('https://a.example/x.png') }</style>": "https://a.example/x.png",
    '<p style="background: url(https://a.example/x.png)">': "https://a.example/x.png",
    '<video poster="https://a.example/p.png"></video>': "https://a.example/p.png",
    '<object data="https://a.example/x.svg"></object>': "https://a.example/x.svg",
    '<iframe src="https://a.example/"></iframe>': "https://a.example/",
    '<iframe srcdoc="&lt;img src=https://a.example/x.png&gt;"></iframe>': "https://a.example/x.png",
    '<svg><use href="https://a.example/s.svg#a"></use></svg>': "https://a.example/s.svg#a",
    '<base href="https://a.example/">': "https://a.example/",
}


@pytest.mark.parametrize("markup", LOADING)
def test_outside_resources_loading_markup_is_found(markup):
    page = f"<html><head></head><body>\n{markup}\n</body></html>"
    (found,) = outside_resources(page)
    assert found.target == LOADING[markup]
    assert found.line == (2 if "srcdoc" not in markup else 1)


@pytest.mark.parametrize(
    "markup",
    [
        '<a href="https://a.example/">a link to follow</a>',
        '<link rel="canonical" href="https://a.example/">',
        '<img src="data:image/png;base64,AA">',
        '<img srcset="data:image/png;base64,AA 1x, data:image/png;base64,BB 2x">',
        "<script>var page = '<img src=\"https://a.example/x.png\">';</script>",
        '<script type="application/json">{"$schema": "https://vega.github.io/x.json"}</script>',
        "<style>a { background: url(data:image/png;base64,AA) } /* url(//a.example) */</style>",
        '<svg><use href="#arrow"></use></svg>',
        '<math xmlns="http://www.w3.org/1998/Math/MathML"></math>',
        "<p>&lt;img src=https://a.example/x.png&gt; and url(https://a.example)</p>",
    ],
)
def test_outside_resources_complete_markup_gives_nothing(markup):
    assert outside_resources(markup) == []


def test_check_offline_lets_a_page_read_what_is_put_beside_it():
    markup = '<script type="text/plain" data-src="vega.js"></script>'
    check_offline(markup, "index.html", beside=("vega.js",))
    with pytest.raises(ReportError, match=r"vega\.js"):
        check_offline(markup, "index.html", beside=("other.js",))


def test_check_offline_names_page_line_element_and_target():
    page = '<p>\n<img src="https://a.example/x.png">\n<iframe src="b.html"></iframe>'
    with pytest.raises(ReportError) as caught:
        check_offline(page, "index.html")
    assert str(caught.value).splitlines() == [
        "index.html: the page would load 2 file(s) from outside:",
        "  line 2, <img src>: https://a.example/x.png",
        "  line 3, <iframe src>: b.html",
    ]
