"""Colours for specs in documentation: a lexer for Pygments, which finds it as `spine`.

Words mean something where the grammar says so; here, as in editors without a language server, they are
told by what stands around them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text, Whitespace

DECLARING = ("network", "model", "space", "conventions", "block", "resampling", "merge", "part", "head")
"""Words in front of a name that is declared, or used by its word."""
DECLARATIONS = (
    "act", "adjust", "backbone", "choose", "connect", "dangling", "default", "drop_path", "each", "else", "endpoints",
    "expect", "freeze", "from", "import", "input", "member", "neck", "norm", "padding", "permute", "pixels",
    "published", "repeat", "require", "resample", "rounding", "scale", "sizes", "stack", "stem", "title", "when",
    "width", "without",
)  # fmt: skip
"""Words that begin a declaration or statement."""
JOINING = (
    "and", "by", "constant", "earlier", "extends", "for", "last", "level", "linear", "not", "of", "or",
    "pools", "to", "via", "within",
)  # fmt: skip
"""Words that stand within one."""
OPERATORS = (
    "add", "avgpool", "concat", "conv", "deconv", "dense", "depthwise", "global_maxpool", "global_pool",
    "hard_sigmoid", "hard_swish", "maxpool", "multiply", "relu", "relu6", "sigmoid", "space_to_depth", "sum",
    "swish", "upsample", "weighted_sum",
)  # fmt: skip
"""Operators of bodies that aren't declarations, too."""
_END = r"(?![A-Za-z0-9_.])"


class SpineLexer(RegexLexer):  # type: ignore[misc]
    """Lexer of the .spine language."""

    name = "Spine"
    url = ""
    aliases: ClassVar[list[str]] = ["spine"]
    filenames: ClassVar[list[str]] = ["*.spine"]
    version_added = ""

    tokens: ClassVar[dict[str, list[Any]]] = {
        "root": [
            (r"\s+", Whitespace),
            (r"#[^\n]*", Comment.Single),
            (r'"[^"\n]*"', String.Double),
            (
                rf"({'|'.join(DECLARING)})([ \t]+)([A-Za-z_][A-Za-z0-9_]*)",
                bygroups(Keyword.Declaration, Whitespace, Name.Class),
            ),
            (r"([A-Za-z_][A-Za-z0-9_]*)(\s*)(:)(?!=)", bygroups(Name.Label, Whitespace, Punctuation)),
            (r"[A-Za-z_][A-Za-z0-9_]*(?=\s*=(?![=>]))", Name.Attribute),
            (r"[0-9]+(?:[ \t]*x[ \t]*[0-9]+){1,2}(?![A-Za-z0-9_])", Number.Integer),
            (r"[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+|[KMGT]\b|%)?", Number),
            (r"@", Operator),
            (r"<-|->|=>|\.\.|<=|>=|==|!=|[-+*/<>=]", Operator),
            (r"[(){},:]", Punctuation),
            (rf"(?:true|false){_END}", Keyword.Constant),
            (words(DECLARATIONS, suffix=_END), Keyword),
            (words(DECLARING, suffix=_END), Keyword.Declaration),
            (words(JOINING, suffix=_END), Keyword),
            (words(OPERATORS, suffix=_END), Name.Builtin),
            (r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*", Name),
            (r".", Text),
        ]
    }
