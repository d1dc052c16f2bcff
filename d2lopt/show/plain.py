"""What a terminal can show of a text: plain substitutes, and nothing that steers it.

Texts of this package have Greek letters and signs (η, ½, −, √), which the encoding of a
terminal may lack: Windows' cp1252, say. They are written in plain letters there. Texts
of others, the error of a student's function or of a framework, may hold anything.
"""

from __future__ import annotations

import codecs
import re
import sys
import unicodedata
from io import TextIOWrapper
from typing import TextIO

SIGNS = {
    **{"−": "-", "–": "-", "—": "-", "→": "->", "←": "<-", "↦": "->"},
    **{"×": "x", "·": "*", "±": "+-", "√": "sqrt", "∂": "d", "∝": "~", "⁄": "/"},
    **{"‖": "||", "⌊": "[", "⌋": "]", "…": "...", "’": "'", "‘": "'"},
    **{"“": '"', "”": '"', "✓": "yes", "✗": "no", "\u0302": "^"},  # ĝ: g with ^ above
}
# ESC [ … letter: a colour, or where the cursor goes.
SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\r(?=\n)")
# All other control characters but the end of a line and the tab, those that turn the
# direction of writing, and halves of surrogate pairs, which are no characters.
UNSEEN = re.compile(
    r"[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def cleared(text: str) -> str:
    """The text without escape sequences, and `�` for each other control character.

    >>> cleared("\\x1b[31mred\\x1b[0m \\x07")
    'red �'
    """
    return UNSEEN.sub("\ufffd", SEQUENCE.sub("", text))


def substitute(character: str) -> str:
    """ASCII for one character: "½" → "1/2", "η" → "eta", "²" → "^2"; else "?"."""
    if character in SIGNS:
        return SIGNS[character]
    if character.isascii():
        return character
    name = unicodedata.name(character, "").split()
    if name[:1] == ["GREEK"] and "LETTER" in name:
        letter = "lambda" if name[3:4] == ["LAMDA"] else name[3].lower()
        return letter.capitalize() if "CAPITAL" in name else letter
    kind, *parts = unicodedata.decomposition(character).split() or [""]
    if not kind:
        return "" if unicodedata.combining(character) else "?"
    if not kind.startswith("<"):  # a letter and its accent
        parts = [kind, *parts]
    plain = "".join(substitute(chr(int(part, 16))) for part in parts)
    return f"^{plain}" if kind == "<super>" else plain


def _substitutes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(substitute, error.object[error.start : error.end])), error.end


PLAIN = "d2lopt.plain"  # as the `errors` of a text file: substitutes
codecs.register_error(PLAIN, _substitutes)


def plain(text: str, stream: TextIO | None) -> str:
    """The text, cleared, in characters that the stream's encoding has."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return cleared(text).encode(encoding, PLAIN).decode(encoding)


def make_output_plain() -> None:
    """Let all that this process prints have substitutes where its encoding needs them.

    For programs: it changes standard output and standard error.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=PLAIN)
