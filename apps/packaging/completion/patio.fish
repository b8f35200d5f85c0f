# Completes the words of the command `patio` in fish. The words come from the command's own help.
function __patio_words
    set -l names
    for word in (commandline --tokenize --current-process --cut-at-cursor)[2..-1]
        string match --quiet --regex '^[a-z]' -- $word; or break
        patio $names $word --help >/dev/null 2>&1; or break
        set --append names $word
    end
    patio $names --help 2>/dev/null | sed -n '
        /^Subcommands:$/,/^$/s/^  \([a-z][a-z-]*\)  *\(.*\)/\1\t\2/p
        s/^  \(-[a-z],\)\{0,1\}\(--[a-z-]*\).*/\2/p'
end
complete --command patio --arguments '(__patio_words)'
