"""The trie of token sequences, the bundles cut from it, and the work that both save."""

import subprocess
import sys

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.evaluate.engine.packing import MIN_PREFIX, Packing
from toolkit.evaluate.engine.trie import TokenTrie, Work, count_work, in_order
from toolkit.evaluate.requests import GenerateRequest, ScoreRequest

# Few different tokens, so that sequences meet and part often.
token = st.integers(0, 2)
sequence = st.lists(token, min_size=1, max_size=60).map(tuple)
request = st.one_of(
    st.builds(ScoreRequest, sequence, sequence),
    st.builds(GenerateRequest, sequence, st.just(()), st.integers(1, 5)),
)
# A busy machine is slow, not wrong.
without_deadline = settings(deadline=None)
requests = st.lists(request, min_size=1, max_size=25, unique=True)


def read(asked):
    if isinstance(asked, GenerateRequest):
        return asked.context
    return asked.context + asked.continuation[:-1]


def test_work_of_two_options_after_one_prefix():
    context = tuple(range(100))
    options = [ScoreRequest(context, (1,)), ScoreRequest(context, (1, 2)), ScoreRequest((5,), (1,))]
    assert count_work([*options, options[0]]) == Work(4, 100 + 101 + 1 + 100, 101 + 1)


def test_encoder_shares_whole_contexts_and_its_decoder_beginnings():
    context, other = tuple(range(100)), (*range(99), 7)
    asked = [
        ScoreRequest(context, (1, 2, 3)),
        ScoreRequest(context, (1, 2, 4)),
        ScoreRequest(other, (1, 2)),
        GenerateRequest(other, (), 5),
    ]
    # A decoder reads its first token and all of a continuation but the last.
    expected = Work(4, 4 * 100 + 3 + 3 + 2 + 1, 2 * 100 + 3 + 2)
    assert count_work(asked, encoder_decoder=True) == expected
    assert count_work([], encoder_decoder=True) == Work(0, 0, 0)


def test_no_requests_are_no_work():
    assert count_work([]) == Work(0, 0, 0)


@without_deadline
@given(requests)
def test_distinct_tokens_are_the_distinct_beginnings(asked):
    beginnings = {read(r)[: n + 1] for r in asked for n in range(len(read(r)))}
    assert count_work(asked).n_distinct_tokens == len(beginnings)


@without_deadline
@given(requests)
def test_order_depends_on_the_set_alone(asked):
    assert in_order(asked)[0] == in_order(asked[::-1])[0]


@without_deadline
@given(requests)
def test_trie_holds_each_sequence_and_who_is_before_whom(asked):
    _, tokens, _ = in_order(asked)
    trie = TokenTrie.build(tokens, 0)
    assert len(trie.tokens) == count_work(asked).n_distinct_tokens
    for path, sequence in zip(trie.paths, tokens, strict=True):
        assert trie.tokens[path].tolist() == sequence.tolist()
        assert trie.depth[path].tolist() == list(range(len(sequence)))
        last = path[-1]
        nodes = np.arange(len(trie.tokens))
        seen = (nodes <= last) & (trie.end > last)
        assert np.flatnonzero(seen).tolist() == path.tolist()


@without_deadline
@given(requests, st.integers(1, 200))
def test_bundles_cover_all_within_the_budget(asked, budget):
    ordered, tokens, shared = in_order(asked)
    limits = [len(r.context) - 1 for r in ordered]
    packing = Packing(tokens, shared, limits)
    bundles = list(packing.bundles(budget))
    assert [place for b in bundles for place in range(b.start, b.stop)] == list(range(len(asked)))
    for bundle in bundles:
        members = tokens[bundle.start : bundle.stop]
        prefix = members[0][: bundle.n_prefix]
        assert all(np.array_equal(prefix, member[: bundle.n_prefix]) for member in members)
        assert bundle.n_prefix <= min(limits[bundle.start : bundle.stop])
        assert all(np.diff(bundle.cuts) >= MIN_PREFIX)
        trie = TokenTrie.build(members, bundle.n_prefix)
        size = packing.size(bundle.start, bundle.stop, bundle.n_prefix)
        assert len(trie.tokens) == size
        assert size <= budget or bundle.stop - bundle.start == 1


def test_a_prefix_is_cut_once_for_all_bundles_that_share_it():
    shots = tuple(range(50))
    asked = [ScoreRequest((*shots, 100 + n, *range(10)), (1,)) for n in range(20)]
    ordered, tokens, shared = in_order(asked)
    bundles = list(Packing(tokens, shared, [60] * 20).bundles(40))
    assert {bundle.cuts for bundle in bundles} == {(0, 50)}
    assert [bundle.stop - bundle.start for bundle in bundles] == [3] * 6 + [2]
    assert len(ordered) == 20


def test_counting_work_needs_no_torch():
    code = (
        "import sys, toolkit.evaluate.requests, toolkit.evaluate.engine.trie, "
        "toolkit.evaluate.engine.packing, "
        "toolkit.evaluate.engine.fingerprint, toolkit.evaluate.engine.completion, "
        "toolkit.evaluate.engine.request_checks, toolkit.evaluate.engine.checkpoint_files; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
