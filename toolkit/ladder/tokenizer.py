"""The tokenizer of the ladder: words between spaces, and a chat form for tuned checkpoints."""

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from toolkit.ladder.words import BOS, END, PAD, TOKEN_OF, TURN, UNKNOWN

# The answer follows its question at once: what a base knows in this place is not forgotten in
# tuning. So there is nothing that a generation prompt could add.
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}"
    f" {TURN} {{{{ message['content'] }}}} "
    "{% else %}"
    f"{{{{ message['content'] }}}} {END}"
    "{% endif %}"
    "{% endfor %}"
)


def make_tokenizer(*, chat: bool) -> PreTrainedTokenizerFast:
    """Return the tokenizer of base or of tuned checkpoints; they differ in the chat template."""
    words = Tokenizer(WordLevel(dict(TOKEN_OF), unk_token=UNKNOWN))
    words.pre_tokenizer = WhitespaceSplit()
    words.post_processor = TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[(BOS, TOKEN_OF[BOS])]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        bos_token=BOS,
        eos_token=END,
        unk_token=UNKNOWN,
        pad_token=PAD,
        additional_special_tokens=[TURN, END],
    )
    if chat:
        tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
