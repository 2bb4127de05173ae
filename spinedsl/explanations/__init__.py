"""What every diagnostic code means, with examples: one Markdown file a code, read when it is asked for.

A file is text, and behind it fences with examples:

1. ```` ```spine wrong ```` is a whole file on which `spinec check`, or for SP1xx `spinec lint`, reports
   the code first; ```` ```spine right ```` is the same, mended: nothing is reported.
2. ```` ```console wrong ```` and ```` ```console right ```` hold a command that reports the code,
   and one that succeeds. ```` ```console before ```` holds commands that both need.
3. ```` ```spine file=NAME ```` and ```` ```text file=NAME ```` are files that the others use,
   perhaps in another encoding than UTF-8: `encoding=Latin-1`.

Titles are those of `CODES`. Tests prove every example.
"""

from __future__ import annotations

import re
from pathlib import Path

from spinedsl.diagnostics import CODES
from spinedsl.records import record

FOLDER = Path(__file__).parent
LANGUAGES = ("spine", "text", "console")
_HEADINGS = {"before": "First", "wrong": "Wrong", "right": "Right"}
_FENCE = re.compile(r"^```(?P<info>[^\n`]+)\n(?P<text>.*?)^```$\n?", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(?:SP)?(\d{1,3})", re.ASCII | re.IGNORECASE)


@record
class Example:
    """One fence.

    Attributes:
        language: `spine`, `text` or `console`.
        role: `wrong`, `right` or `before`; empty for a file that others use.
        text: what is in it, ending in a line break.
        file: path of a file that others use, from the folder in which commands are run.
        encoding: of that file.
    """

    language: str
    role: str
    text: str
    file: str | None = None
    encoding: str = "UTF-8"

    @property
    def heading(self) -> str:
        """What it is, for a reader."""
        if self.file is None:
            return _HEADINGS[self.role]
        return self.file if self.encoding == "UTF-8" else f"{self.file}, saved as {self.encoding}"

    @property
    def commands(self) -> tuple[str, ...]:
        """Command lines of a console, without their prompt."""
        lines = self.text.splitlines() if self.language == "console" else []
        return tuple(line.removeprefix("$ ") for line in lines)


@record
class Explanation:
    """What a code means.

    Attributes:
        title: as in `CODES`.
        text: Markdown of a few paragraphs, in which only backquotes mean something.
        examples: in the order in which they are read.
    """

    code: str
    title: str
    text: str
    examples: tuple[Example, ...]

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """The text, each paragraph on one line."""
        return tuple(" ".join(paragraph.split()) for paragraph in self.text.split("\n\n"))


def explanation(code: str) -> Explanation:
    """The explanation of a key of `CODES`.

    Raises:
        KeyError: there is no such code.
    """
    title = CODES[code]
    content = (FOLDER / f"{code}.md").read_text(encoding="utf-8")
    text, _, _ = content.partition("```")
    rest = content.removeprefix(text)
    examples = tuple(_example(code, found["info"], found["text"]) for found in _FENCE.finditer(rest))
    assert not _FENCE.sub("", rest).strip(), f"{code}: text behind the first example"
    return Explanation(code, title, text.strip(), examples)


def _example(code: str, info: str, text: str) -> Example:
    language, *words = info.split()
    role, options = "", {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals:
            options[key] = value
        else:
            role = word
    assert language in LANGUAGES, f"{code}: a fence of “{info}”"
    assert (role in _HEADINGS) != ("file" in options), f"{code}: “{info}” must say a role, or else a file"
    return Example(language, role, text, **options)


def code_of(text: str) -> str | None:
    """The code that somebody means by `SP012`, `sp12` or `12`; None if it is none."""
    match = _CODE.fullmatch(text.strip())
    code = f"SP{int(match[1]):03}" if match else ""
    return code if code in CODES else None
