"""`spinec completion`: what makes a shell complete spinec's words.

The scripts hand over the line up to the cursor, and show the lines that they get: a word, a tab, a remark.
All else is decided here, so that an installed script stays good when spinec changes.
"""

from __future__ import annotations

import os
from typing import Any

import click
from click.shell_completion import CompletionItem, ShellComplete, add_completion_class, split_arg_string

from spinedsl.cli.words import entries

SCRIPTS = {
    "bash": r"""# Completion of spinec for bash.
%(complete_func)s() {
    local line="${COMP_LINE:0:COMP_POINT}" word kept="" sign
    local typed="${line##*[[:space:]]}"
    # Where a sign ends a word for bash, only what stands behind it is completed.
    for sign in : =; do
        word="${typed%%"$sign"*}$sign"
        if [[ $COMP_WORDBREAKS == *$sign* && $typed == *$sign* && ${#word} -gt ${#kept} ]]; then kept="$word"; fi
    done
    COMPREPLY=()
    while IFS= read -r word; do
        word="${word%%%%$'\t'*}"
        printf -v word '%%q' "${word#"$kept"}"
        COMPREPLY+=("$word")
    done < <(COMP_LINE="$line" %(complete_var)s=bash_complete %(prog_name)s 2>/dev/null)
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[/:] ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null || complete -F %(complete_func)s %(prog_name)s
""",
    "zsh": r"""#compdef %(prog_name)s
# Completion of spinec for zsh.
%(complete_func)s() {
    local line="${(j: :)words[1,CURRENT-1]} $PREFIX" each word
    local -a found shown folders
    for each in "${(@f)$(COMP_LINE="$line" %(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null)}"; do
        word="${each%%%%$'\t'*}"
        if [[ $word == *[/:] ]]; then folders+=("$word")
        elif [[ -n $word ]]; then found+=("$word"); shown+=("${each/$'\t'/  -- }")
        fi
    done
    (( $#found )) && compadd -V words -l -d shown -a found
    (( $#folders )) && compadd -V folders -S '' -a folders
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
""",
    "fish": r"""# Completion of spinec for fish.
function %(complete_func)s
    set -lx %(complete_var)s fish_complete
    set -lx COMP_LINE (commandline -cp | string join ' ')
    %(prog_name)s 2>/dev/null
end
complete --no-files --keep-order --command %(prog_name)s --arguments '(%(complete_func)s)'
""",
}


class _Shell(ShellComplete):
    name = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words in front of the one that is being typed, and that one."""
        line = os.environ.get("COMP_LINE", "")
        words = split_arg_string(line)[1:]
        incomplete = words.pop() if words and not line[-1:].isspace() else ""
        return words, incomplete

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """As click finds them; files and folders are listed here, not in three shells' languages."""
        option, equals, _ = incomplete.partition("=")
        given = f"{option}=" if equals and option.startswith("--") else ""
        found: list[CompletionItem[str]] = []
        for item in super().get_completions(args, incomplete):
            if item.type == "plain":
                found.append(CompletionItem(given + item.value, help=item.help))
            else:
                paths = entries(item.value)
                found += [CompletionItem(given + p) for p in paths if item.type == "file" or p.endswith("/")]
        return found

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """A word and its remark, on one line."""
        remark = " ".join((item.help or "").split())
        return f"{item.value}\t{remark}" if remark else str(item.value)


def register() -> None:
    """Let click answer the scripts, for whom a variable of the environment names the shell."""
    for shell, script in SCRIPTS.items():
        add_completion_class(type(shell, (_Shell,), {"name": shell, "source_template": script}))


@click.command("completion")
@click.argument("shell", type=click.Choice(tuple(SCRIPTS)))
def command(shell: str) -> None:
    """Print a script that makes a shell complete commands, options, files and networks.

    \b
    Examples:
      spinec completion bash > ~/.local/share/bash-completion/completions/spinec
      spinec completion zsh > ~/.zfunc/_spinec
      spinec completion fish > ~/.config/fish/completions/spinec.fish
    """
    variables = {"complete_func": "_spinec", "complete_var": "_SPINEC_COMPLETE", "prog_name": "spinec"}
    click.echo(SCRIPTS[shell] % variables, nl=False)
