"""Attention by block against one mask over the whole row, and where new tokens are put."""

import pytest

torch = pytest.importorskip("torch")
from torch.nn.functional import scaled_dot_product_attention  # noqa: E402

from toolkit.evaluate.engine.block_attention import (  # noqa: E402
    Block,
    Sight,
    Stretches,
    attention,
    seeing,
)
from toolkit.evaluate.engine.decoder import PlacedLayer, cache_of, key_values_of  # noqa: E402

CHANNELS = 8


def states(n_heads, n_tokens, seed):
    made = torch.Generator().manual_seed(seed)
    return torch.randn(1, n_heads, n_tokens, CHANNELS, generator=made)


def sight(n_prefix):
    """Two sequences of three and two tokens in one block, and one of four in the next.

    Then two tokens that see two and all four columns of stretches of their own.
    """
    first = torch.block_diag(torch.ones(3, 3).tril(), torch.ones(2, 2).tril()).bool()
    blocks = [
        Block(slice(0, 5), slice(n_prefix, n_prefix + 5), first),
        # The last token sees columns that hold no token of this forward as well.
        Block(slice(5, 6), slice(n_prefix + 5, n_prefix + 9), torch.ones(1, 4).bool()),
        Stretches(slice(6, 8), n_prefix + 9, torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]]).bool()),
    ]
    return Sight(n_prefix, blocks)


@pytest.mark.parametrize("n_prefix", [0, 7])
@pytest.mark.parametrize("n_key_heads", [1, 2, 4])
@pytest.mark.parametrize("scaling", [None, 0.2])
def test_blocks_read_what_a_mask_over_the_row_lets_them(n_prefix, n_key_heads, scaling):
    shown, n_columns = sight(n_prefix), n_prefix + 17
    query = states(4, 8, 1)
    key, value = (states(n_key_heads, n_columns, seed) for seed in (2, 3))
    with seeing(shown):
        found, weights = attention(None, query, key, value, None, scaling)
    expected = scaled_dot_product_attention(
        query,
        *(each.repeat_interleave(4 // n_key_heads, 1) for each in (key, value)),
        attn_mask=shown.mask(n_columns, query.device),
        scale=scaling,
    )
    assert weights is None
    assert torch.allclose(found, expected.transpose(1, 2), atol=1e-6)


def test_the_mask_of_a_sight_names_prefix_and_own_columns():
    shown = sight(2).mask(19, torch.device("cpu"))
    assert shown[0].nonzero()[:, 0].tolist() == [0, 1, 2]
    assert shown[4].nonzero()[:, 0].tolist() == [0, 1, 5, 6]
    assert shown[5].nonzero()[:, 0].tolist() == [0, 1, 7, 8, 9, 10]
    assert shown[6].nonzero()[:, 0].tolist() == [0, 1, 11, 12]
    assert shown[7].nonzero()[:, 0].tolist() == [0, 1, 15, 16, 17, 18]


def test_an_architecture_that_changes_scores_is_refused():
    query = states(2, 8, 1)
    key, value = states(2, 17, 2), states(2, 17, 3)
    with seeing(sight(0)), pytest.raises(NotImplementedError, match="knows no softcap"):
        attention(None, query, key, value, None, softcap=30.0)


def test_new_tokens_come_last_or_where_their_columns_are():
    prefix = [(states(2, 4, 1), states(2, 4, 2))]
    before = prefix[0][0].clone()
    cache = cache_of(prefix, kind=PlacedLayer)
    cache.update(states(2, 3, 3), states(2, 3, 4), layer_idx=0)
    assert torch.equal(key_values_of(cache)[0][0], torch.cat([before, states(2, 3, 3)], -2))
    cache.layers[0].columns = torch.tensor([6, 4])
    found, _ = cache.update(states(2, 2, 5), states(2, 2, 6), layer_idx=0)
    assert torch.equal(found[:, :, [6, 4]], states(2, 2, 5))
    assert torch.equal(found[:, :, 5], states(2, 3, 3)[:, :, 1])
    assert torch.equal(prefix[0][0], before)
