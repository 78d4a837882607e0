"""The part of a script that makes columns of the words of texts."""

from collections.abc import Sequence

from torchsmith.data.steps import BagOfWords, Step
from torchsmith.data.tabular import TablePreparation
from torchsmith.data.text_columns import WORD
from torchsmith.eject.code import function

_WORDS_OF = function(
    "words_of(text)",
    "Return a text's words in small letters; of a code such as C85 its letters.",
    [f'return set(re.findall(r"{WORD}", text.lower()))'],
)


def word_functions(table: TablePreparation, steps: Sequence[Step]) -> list[str]:
    """Write the functions that make a column of each word of a column of texts."""
    step = next((step for step in steps if isinstance(step, BagOfWords)), None)
    if step is None or not table.texts:
        return []
    least = step.min_count
    about = (
        "Make a column of 0 and 1 of each word that tells texts apart.\n"
        f"At least {least} rows of the training part have it, and as many lack it.\n"
        "The most frequent come first; a last column says where a text is missing."
    )
    body = [
        "known = [words_of(text) for text in values[train].tolist()]",
        "counts = Counter(word for words in known for word in words)",
        f"most = len(known) - {least}",
        f"kept = [word for word, n in counts.items() if {least} <= n <= most]",
        f"kept = sorted(kept, key=lambda word: (-counts[word], word))[:{step.most}]",
        "found = [words_of(text) for text in values.tolist()]",
        "columns = [np.array([word in words for words in found]) for word in kept]",
        'missing = values == ""',
        "flags = [missing] if 0 < missing[train].sum() < len(known) else []",
        "return columns + flags",
    ]
    return [_WORDS_OF, function("bag_of_words(values, train)", about, body)]
