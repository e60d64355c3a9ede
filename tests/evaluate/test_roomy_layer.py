"""A layer with room holds what a concatenation holds, and leaves what it began with alone."""

import pytest

torch = pytest.importorskip("torch")

from toolkit.evaluate.decoder import RoomyLayer, cache_of, key_values_of  # noqa: E402


def states(n_tokens, seed):
    made = torch.Generator().manual_seed(seed)
    return torch.randn(1, 2, n_tokens, 3, generator=made)


@pytest.mark.parametrize("n_prefix", [0, 4])
def test_appended_tokens_follow_the_prefix_which_stays_as_it_was(n_prefix):
    keys, values = states(n_prefix, 1), states(n_prefix, 2)
    prefix, before = keys, keys.clone()
    cache = cache_of([(keys, values)] if n_prefix else [], kind=RoomyLayer)
    for step, n_new in enumerate([5, 1, 1, 1, 7]):
        more = states(n_new, 10 + step), states(n_new, 20 + step)
        keys, values = torch.cat([keys, more[0]], -2), torch.cat([values, more[1]], -2)
        found = cache.update(*more, layer_idx=0)
        assert torch.equal(found[0], keys)
        assert torch.equal(found[1], values)
    assert torch.equal(prefix, before)
    assert cache.get_seq_length() == keys.shape[-2]


def test_two_rows_from_one_prefix_do_not_meet():
    prefix = [(states(4, 1), states(4, 2))]
    one, other = (cache_of(prefix, kind=RoomyLayer) for _ in range(2))
    for cache, seed in ((one, 3), (other, 4), (one, 5)):
        cache.update(states(1, seed), states(1, seed), layer_idx=0)
    [(found, _)] = key_values_of(one)
    assert torch.equal(found, torch.cat([prefix[0][0], states(1, 3), states(1, 5)], -2))


def test_kept_columns_are_followed_by_what_comes():
    cache = cache_of([(states(4, 1), states(4, 2))], kind=RoomyLayer)
    for seed in (3, 4):
        cache.update(states(2, seed), states(2, seed), layer_idx=0)
    [(held, values)] = key_values_of(cache)
    columns = torch.tensor([0, 1, 5, 7])
    cache = cache_of([(held[:, :, columns], values[:, :, columns])], kind=RoomyLayer)
    found, _ = cache.update(states(1, 6), states(1, 6), layer_idx=0)
    assert torch.equal(found, torch.cat([held[:, :, columns], states(1, 6)], -2))
