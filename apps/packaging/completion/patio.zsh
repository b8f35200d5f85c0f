#compdef patio
# Completes the words of the command `patio` in zsh. The words come from the command's own help.

local -a names found
local next
for next in ${words[2,CURRENT-1]}; do
  [[ $next == [a-z]* ]] || break
  patio $names $next --help >/dev/null 2>&1 || break
  names+=$next
done
found=(${(f)"$(patio $names --help 2>/dev/null |
  sed -n '/^Subcommands:$/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p
          s/^  \(-[a-z],\)\{0,1\}\(--[a-z-]*\).*/\2/p')"})
compadd -a found || _files
