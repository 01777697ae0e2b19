"""Invented names and vocabularies of generated worlds.

What belongs here: words, and how often they come. No name is one of a real organization, so
that no generated number can be mistaken for a measured one.
"""

from __future__ import annotations

from itertools import product

_FIRST = ("Za", "Ke", "Vo", "Ny", "Tri", "Oru", "Ma", "Lu", "Qua", "Sel", "Bra", "Iri", "Xan",
          "Fe", "Dov", "Pal")  # fmt: skip
_SECOND = ("lum", "vex", "rid", "zor", "nak", "mir", "thel", "dun", "qor", "pash", "vel", "sim")
_THIRD = ("a", "o", "is", "en", "yx", "ar")

STEMS: tuple[str, ...] = tuple("".join(parts) for parts in product(_FIRST, _SECOND, _THIRD))
_USER_STEMS = tuple(stem.lower() for stem in STEMS)

_ORGANIZATION_STYLES = (
    "{}AI", "{}-labs", "{}-Research", "{}Tech", "{}-ai", "univ-{}", "{}Lab", "{}-community",
    "{}-systems", "Institute-{}", "{}-models", "{}HF",
)  # fmt: skip
_USER_STYLES = ("{}", "{}dev", "{}-ml", "x{}", "{}_hf", "the{}", "{}codes", "dr-{}")


def organization_name(number: int) -> str:
    """The name of the organization `number`, another for each."""
    return _styled(number, _ORGANIZATION_STYLES, STEMS, 389)


def user_name(number: int) -> str:
    """The name of the individual `number`, another for each and none an organization's."""
    return _styled(number, _USER_STYLES, _USER_STEMS, 727)


def _styled(number: int, styles: tuple[str, ...], stems: tuple[str, ...], step: int) -> str:
    # `step` has no factor in common with the number of stems: neighbours look different.
    turn, place = divmod(number, len(stems))
    again, style = divmod(turn, len(styles))
    name = styles[(style + place) % len(styles)].format(stems[place * step % len(stems)])
    return f"{name}{again + 1}" if again else name


# ISO code, share of the organizations, growth of its models' downloads (1: steady).
COUNTRIES: tuple[tuple[str, float, float], ...] = (
    ("US", 30, 1.00), ("CN", 20, 1.30), ("FR", 6, 1.05), ("DE", 6, 0.95), ("GB", 5, 0.95),
    ("JP", 5, 1.00), ("KR", 4, 1.10), ("IN", 4, 1.20), ("CA", 3, 0.90), ("IL", 2, 1.00),
    ("SG", 2, 1.10), ("CH", 2, 0.95), ("NL", 1.5, 0.90), ("SE", 1, 1.00), ("ES", 1, 1.00),
    ("IT", 1, 1.00), ("FI", 0.8, 0.90), ("NO", 0.6, 1.00), ("DK", 0.6, 1.00), ("PL", 0.8, 1.05),
    ("BR", 0.8, 1.10), ("AE", 0.8, 1.15), ("SA", 0.5, 1.20), ("TR", 0.6, 1.00), ("RU", 1, 0.90),
    ("UA", 0.4, 1.00), ("VN", 0.8, 1.15), ("ID", 0.4, 1.10), ("TH", 0.4, 1.00), ("TW", 0.8, 1.00),
    ("HK", 0.8, 1.15), ("MO", 0.2, 1.00), ("AU", 0.7, 0.95), ("AT", 0.4, 1.00), ("BE", 0.4, 0.95),
    ("CZ", 0.3, 1.00), ("PT", 0.3, 1.00), ("GR", 0.3, 1.00), ("EG", 0.3, 1.05), ("ZA", 0.3, 1.00),
    ("NG", 0.2, 1.10), ("AR", 0.2, 1.00), ("MX", 0.2, 1.00), ("CL", 0.1, 1.00),
)  # fmt: skip

ORGANIZATION_TYPES = ("company", "university", "research_institute", "non_profit", "government",
                      "community")  # fmt: skip

# Name in the id, billions of parameters (0: not told).
SIZES: tuple[tuple[str, float], ...] = (
    ("", 0.0), ("-0.5B", 0.5), ("-1B", 1.1), ("-1.5B", 1.5), ("-3B", 3.1), ("-4B", 4.0),
    ("-7B", 7.2), ("-8B", 8.0), ("-14B", 14.8), ("-32B", 32.8), ("-70B", 70.6), ("-120B", 117.0),
    ("-405B", 405.9), ("-small", 0.03), ("-base", 0.11), ("-large", 0.34),
)  # fmt: skip
LANGUAGE_SIZES = range(1, 13)
OTHER_SIZES = (0, 13, 14, 15)

# Ending of the name, release type, relation that the `base_model:` tag declares.
SUFFIXES: tuple[tuple[str, str, str], ...] = (
    ("", "base", ""),
    ("-Instruct", "finetune", "finetune"),
    ("-FP8", "quantization", "quantized"),
    ("-Instruct-FP8", "quantization", "quantized"),
    ("-GGUF", "format_conversion", "quantized"),
    ("-Instruct-GGUF", "format_conversion", "quantized"),
    ("-AWQ", "format_conversion", "quantized"),
    ("-GPTQ-Int4", "format_conversion", "quantized"),
    ("-mlx-4bit", "format_conversion", "quantized"),
    ("-onnx", "format_conversion", "quantized"),
    ("-bnb-4bit", "quantization", "quantized"),
    ("-sft", "finetune", "finetune"),
    ("-dpo", "finetune", "finetune"),
    ("-lora", "adapter", "adapter"),
    ("-merge", "merge", "merge"),
    ("-checkpoint-1000", "checkpoint", "finetune"),
)
SUFFIX = {ending: code for code, (ending, _, _) in enumerate(SUFFIXES)}

# Task (None: not told), whether it counts as a language model, weight.
TASKS: tuple[tuple[str | None, bool, float], ...] = (
    ("text-generation", True, 34), ("image-text-to-text", True, 9), ("any-to-any", True, 1),
    ("text2text-generation", True, 2), ("audio-text-to-text", True, 1), (None, True, 14),
    (None, False, 18), ("feature-extraction", False, 3), ("sentence-similarity", False, 2),
    ("text-to-image", False, 4), ("text-classification", False, 4),
    ("automatic-speech-recognition", False, 2), ("text-to-speech", False, 1),
    ("image-classification", False, 2), ("robotics", False, 2), ("token-classification", False, 1),
)  # fmt: skip

LANGUAGE_ARCHITECTURES = ("llama", "mistral", "qwen3", "gemma3", "gpt2", "phi3")
OTHER_ARCHITECTURES = ("bert", "vit", "whisper", "clip", "resnet", "wav2vec2")
ARCHITECTURES = LANGUAGE_ARCHITECTURES + OTHER_ARCHITECTURES
LIBRARIES: tuple[str | None, ...] = (
    None, "transformers", "peft", "mlx", "diffusers", "gguf", "sentence-transformers", "onnx",
    "lerobot",
)  # fmt: skip
LICENSES: tuple[tuple[str | None, float], ...] = (
    ("apache-2.0", 42), ("mit", 14), ("other", 8), ("cc-by-4.0", 3), ("openrail", 2), (None, 29),
    ("лицензия???", 1), ("商业许可", 1),
)  # fmt: skip
LANGUAGES: tuple[str | None, ...] = (None, "en", "zh", "multilingual", "fr", "ja")
GATES = ("false", "auto", "manual")

# Parents that no snapshot holds. The first ones tell who owned them, the rest tell nothing.
LOST_PARENTS = ("Luqoris-archive/Luqoris-1.0-7B", "Pathelen-old/Pathelen-2.0-14B",
                "gone-labs/Vanished-13B")  # fmt: skip
UNREADABLE_PARENTS = ("./output/checkpoint-500", "my base model", "/content/drive/модель")
