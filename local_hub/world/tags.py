"""Tags of generated models, as lists of texts.

What belongs here: which tags a model bears, lineage (`base_model:X`) among them. Built from
codes into one Arrow array; only the parents' tags need texts of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from local_hub.world import names
from local_hub.world.chance import chance
from local_hub.world.population import MAX_PARENTS, Ints, Models

Codes = npt.NDArray[np.int32]


class _Vocabulary:
    """Words that are tags, by their codes; -1 is no tag."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def codes(self, words: Iterable[str | None]) -> Codes:
        return np.array([-1 if word is None else self._code(word) for word in words], np.int32)

    def _code(self, word: str) -> int:
        if word not in self.words:
            self.words.append(word)
        return self.words.index(word)


_VOCABULARY = _Vocabulary()
_LIBRARY = _VOCABULARY.codes(names.LIBRARIES)
_FORMAT = _VOCABULARY.codes(
    "gguf" if "GGUF" in ending else "onnx" if "onnx" in ending else "safetensors"
    for ending, *_ in names.SUFFIXES
)
_ARCHITECTURE = _VOCABULARY.codes(names.ARCHITECTURES)
_TASK = _VOCABULARY.codes(task for task, *_ in names.TASKS)
_TALKS = _VOCABULARY.codes("conversational" if speaks else None for _, speaks, _ in names.TASKS)
_SERVED = _VOCABULARY.codes(
    "text-generation-inference" if speaks else None for _, speaks, _ in names.TASKS
)
_LANGUAGE = _VOCABULARY.codes(names.LANGUAGES)
_LICENSE = _VOCABULARY.codes(f"license:{name}" if name else None for name, _ in names.LICENSES)
_KIND = _VOCABULARY.codes(
    {"quantization": "quantized", "adapter": "lora", "merge": "mergekit"}.get(kind)
    for _, kind, _ in names.SUFFIXES
)
_COMPATIBLE, _REGION = _VOCABULARY.codes(["endpoints_compatible", "region:us"])
_TASK_UNTOLD = np.array([task is None for task, *_ in names.TASKS])
_RELATIONS = pa.array([relation or "finetune" for *_, relation in names.SUFFIXES])
_WORDS = pa.array(_VOCABULARY.words)


def tags_of(
    models: Models, rows: Ints, seed: int, born_ids: Callable[[Ints], pa.Array]
) -> pa.Array:
    """The tags of `rows`, a list of texts each. `born_ids` tells the ids parents are cited by."""
    suffix, task = models.suffix[rows], models.task[rows]
    luck = chance(rows, seed, 8)
    library, form = _LIBRARY[models.library[rows]], _FORMAT[suffix]
    always_told = _TASK_UNTOLD[task]  # else nothing would tell that it is a language model
    cited, lineage = _lineage(models, rows, born_ids)
    slots = np.column_stack(
        [
            library,
            np.where(form == library, -1, form),
            _ARCHITECTURE[models.architecture[rows]],
            _TASK[task],
            np.where(always_told | (luck < 0.6), _TALKS[task], -1),
            np.where(luck > 0.5, _SERVED[task], -1),
            _LANGUAGE[models.language[rows]],
            cited,
            _KIND[suffix],
            _LICENSE[models.license[rows]],
            np.where(luck < 0.7, _COMPATIBLE, -1),
            np.full(len(rows), _REGION),
        ]
    ).astype(np.int32)
    borne = slots >= 0
    ends = np.concatenate([[0], np.cumsum(borne.sum(axis=1))]).astype(np.int32)
    words = pa.concat_arrays([_WORDS, lineage])
    return pa.ListArray.from_arrays(pa.array(ends), words.take(pa.array(slots[borne])))


def _lineage(
    models: Models, rows: Ints, born_ids: Callable[[Ints], pa.Array]
) -> tuple[Codes, pa.Array]:
    """Codes of the lineage tags, two columns a parent, and the texts these codes mean."""
    parents = models.parents[rows]
    relations = np.broadcast_to(models.suffix[rows][:, None], parents.shape)
    here = parents != -1
    known, place = np.unique(parents[here], return_inverse=True)
    texts = _cited_as(known, born_ids)
    ties, tie_place = np.unique(
        place.astype(np.int64) * len(_RELATIONS) + relations[here], return_inverse=True
    )
    relation = _RELATIONS.take(pa.array(ties % len(_RELATIONS)))
    tied_to = texts.take(pa.array(ties // len(_RELATIONS)))
    codes = np.full((len(rows), MAX_PARENTS, 2), -1, dtype=np.int32)
    begin = len(_WORDS)
    codes[here, 0] = begin + place
    codes[here, 1] = begin + len(known) + tie_place
    words = pa.concat_arrays(
        [
            pc.binary_join_element_wise("base_model", texts, ":"),
            pc.binary_join_element_wise("base_model", relation, tied_to, ":"),
        ]
    )
    return codes.reshape(len(rows), 2 * MAX_PARENTS), words


def _cited_as(parents: Ints, born_ids: Callable[[Ints], pa.Array]) -> pa.Array:
    """The text by which each parent is cited; those below -1 are lost or unreadable."""
    lost = parents[parents < 0]
    texts = (*names.LOST_PARENTS, *names.UNREADABLE_PARENTS)
    return pa.concat_arrays(
        [
            pa.array([texts[-2 - int(code)] for code in lost], pa.string()),
            born_ids(parents[parents >= 0]),
        ]
    )
