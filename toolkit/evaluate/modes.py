"""The ways of computing for each kind of network, from the fastest to the plainest."""

from toolkit.evaluate.decoder import Decoder
from toolkit.evaluate.encoder_decoder import EncoderDecoder, EncoderDecoderScorer
from toolkit.evaluate.generation import Begin, PackedGenerator
from toolkit.evaluate.greedy_loop import LoopGenerator
from toolkit.evaluate.memory import Room
from toolkit.evaluate.scoring import DecoderScorer

Network = Decoder | EncoderDecoder


def scoring_modes(network: Network) -> tuple[str, ...]:
    """Return the ways to score, the reference last."""
    if isinstance(network, EncoderDecoder):
        return "encoder once", "plain"
    return "packed", "rows", "plain"


def scorer(network: Network, mode: str, room: Room) -> DecoderScorer | EncoderDecoderScorer:
    """Return what scores in one of these ways."""
    if isinstance(network, EncoderDecoder):
        return EncoderDecoderScorer(network, room, mode)
    return DecoderScorer(network, room, mode)


def generation_modes(network: Network) -> tuple[str, ...]:
    """Return the ways to generate, the reference last."""
    if isinstance(network, EncoderDecoder):
        return "cached", "plain"
    return "packed", "cached", "plain"


def generator(
    network: Network, mode: str, room: Room, begin: Begin
) -> PackedGenerator | LoopGenerator:
    """Return what generates in one of these ways."""
    if isinstance(network, Decoder) and mode == "packed":
        return PackedGenerator(network, room, begin)
    return LoopGenerator(network, begin, cached=mode == "cached")
