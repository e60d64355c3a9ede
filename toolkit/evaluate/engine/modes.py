"""The ways of computing for each kind of network, from the fastest to the plainest."""

from functools import partial
from operator import attrgetter

from toolkit.evaluate.engine.decoder import Decoder
from toolkit.evaluate.engine.encoder_decoder import (
    EncoderDecoder,
    score_after_encoder,
    score_each,
)
from toolkit.evaluate.engine.equal_lengths import EqualLengthScorer
from toolkit.evaluate.engine.generation import Begin, PackedGenerator
from toolkit.evaluate.engine.greedy_loop import LoopGenerator
from toolkit.evaluate.engine.memory import HELD_BY_BLOCK, HELD_PER_FORWARD, Room
from toolkit.evaluate.engine.scoring import DecoderScorer
from toolkit.evaluate.engine.scoring_ways import score_equal_rows
from toolkit.evaluate.engine.trie import read_tokens

Network = Decoder | EncoderDecoder
# Packed rows whose attention skips what is hidden: no score of two sequences is computed.
BY_BLOCK = "packed by block"
# Whole sequences of one length, where nothing that is cached or padded is exact.
EQUAL_ROWS = "rows of equal length"


def scoring_modes(network: Network) -> tuple[str, ...]:
    """Return the ways to score, the reference last."""
    if isinstance(network, EncoderDecoder):
        return "encoder once", "plain"
    return *_fast_modes(network, "rows"), EQUAL_ROWS, "plain"


def scorer(network: Network, mode: str, room: Room) -> DecoderScorer | EqualLengthScorer:
    """Return what scores in one of these ways."""
    if isinstance(network, EncoderDecoder):
        way = score_each if mode == "plain" else score_after_encoder
        return EqualLengthScorer(room, attrgetter("context"), partial(way, network))
    if mode == EQUAL_ROWS:
        return EqualLengthScorer(room, read_tokens, partial(score_equal_rows, network))
    if mode == BY_BLOCK:
        return DecoderScorer(network.by_block(), room, "packed")
    return DecoderScorer(network, room, mode)


def generation_modes(network: Network) -> tuple[str, ...]:
    """Return the ways to generate, the reference last."""
    if isinstance(network, EncoderDecoder):
        return "cached", "plain"
    return *_fast_modes(network, "cached"), "plain"


def generator(
    network: Network, mode: str, room: Room, begin: Begin
) -> PackedGenerator | LoopGenerator:
    """Return what generates in one of these ways."""
    if isinstance(network, Decoder) and mode == BY_BLOCK:
        return PackedGenerator(network.by_block(), room, begin, HELD_BY_BLOCK)
    if isinstance(network, Decoder) and mode == "packed":
        return PackedGenerator(network, room, begin, HELD_PER_FORWARD)
    return LoopGenerator(network, begin, cached=mode == "cached")


def _fast_modes(network: Decoder, unpacked: str) -> tuple[str, ...]:
    """Return the packed ways and the unpacked one that shares work; none where length counts."""
    if network.length_scaled:
        return ()
    return (BY_BLOCK, "packed", unpacked) if network.offers_blocks else ("packed", unpacked)
