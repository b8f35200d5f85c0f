# Completes the words of the command `patio` in bash. The words come from the command's own help.

# Prints the subcommands and the options that the help of `patio WORD...` lists.
_patio_words() {
  "${COMP_WORDS[0]}" "$@" --help 2>/dev/null |
    sed -n '/^Subcommands:$/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p
            s/^  \(-[a-z],\)\{0,1\}\(--[a-z-]*\).*/\2/p'
}

_patio() {
  local word=${COMP_WORDS[COMP_CWORD]} names=() next
  # The subcommands stand in front of all other words.
  for next in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $next == [a-z]* ]] && _patio_words "${names[@]}" | grep -qxe "$next" || break
    names+=("$next")
  done
  mapfile -t COMPREPLY < <(compgen -W "$(_patio_words "${names[@]}")" -- "$word")
}

# Where no word fits, bash offers the names of files, which many options take.
complete -o default -F _patio patio
