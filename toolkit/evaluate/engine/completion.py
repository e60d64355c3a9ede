"""A text being generated: how its tokens read, and which of them ends it; no torch."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from toolkit.evaluate.requests import Finish, Generated, GenerateRequest

# Tokens of the context to decode along: how a token reads can depend on those just before it
# (a space that starts a text is dropped, the bytes of one character can be spread over tokens).
N_BEFORE = 6
INCOMPLETE = "\ufffd"


@dataclass
class TextStream:
    """The text that continues a context, decoded in the few tokens that can still change.

    ``decode`` turns token ids into text. A stop string may begin in one token and end in another;
    ``stopped`` turns true with the token that completes one, and ``text`` then ends before it.
    """

    decode: Callable[[Sequence[int]], str]
    context: Sequence[int]
    stops: tuple[str, ...]
    tokens: list[int] = field(default_factory=list)
    stopped: bool = False

    def __post_init__(self) -> None:
        self._window = list(self.context[-N_BEFORE:])
        self._n_settled = len(self._window)
        self._settled_text = ""
        self.text = ""

    def push(self, token: int) -> None:
        """Append a token and look for stop strings in the text so far."""
        self.tokens.append(token)
        self._window.append(token)
        before = self.decode(self._window[: self._n_settled])
        piece = self.decode(self._window)[len(before) :]
        self.text = self._settled_text + piece
        found = [at for stop in self.stops if (at := self.text.find(stop)) >= 0]
        if found:
            self.text = self.text[: min(found)]
            self.stopped = True
        elif piece and not piece.endswith(INCOMPLETE):
            self._settled_text = self.text
            self._window = self._window[self._n_settled :]
            self._n_settled = len(self._window)


class Completion:
    """Greedy text of one request as its tokens come; ``finish`` is None while it goes on.

    ``tokens`` are all that were taken up to the one that completes a stop string; a token that
    ends the text isn't among them.
    """

    def __init__(
        self,
        request: GenerateRequest,
        decode: Callable[[Sequence[int]], str],
        end_tokens: AbstractSet[int],
        *,
        continues_context: bool = True,
    ) -> None:
        self.request = request
        context = request.context if continues_context else ()
        self._stream = TextStream(decode, context, request.stops)
        self._end_tokens = end_tokens
        self.finish: Finish | None = None

    @property
    def tokens(self) -> list[int]:
        """Return the tokens taken so far."""
        return self._stream.tokens

    def take(self, token: int) -> None:
        """Take the likeliest next token and see whether the text ends with it."""
        if token in self._end_tokens:
            self.finish = "end"
            return
        self._stream.push(token)
        if self._stream.stopped:
            self.finish = "stop"
        elif len(self.tokens) >= self.request.max_new_tokens:
            self.finish = "length"

    def generated(self) -> Generated:
        """Return the finished text.

        Raises
        ------
        ValueError
            If it isn't finished.
        """
        if self.finish is None:
            raise ValueError("the completion is not finished")
        return Generated(self._stream.text, tuple(self.tokens), self.finish)
