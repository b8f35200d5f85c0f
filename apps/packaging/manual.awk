# Turns the help of the command, or of a subcommand, into a manual page. The help begins with a
# description and the usage. Sections follow: a heading, then lines "  TERM    TEXT", of which TERM
# or TEXT may have a line to itself. Expects the variables `name` and `version`.
function escaped(text) {
  gsub(/\\/, "\\e", text)
  gsub(/-/, "\\-", text)
  sub(/^[.']/, "\\\\\\&&", text)
  return text
}

NR == 1 {
  print ".TH " toupper(escaped(name)) " 1 \"\" \"" version "\" \"User commands\""
  print ".SH NAME\n" escaped(name) " \\- " escaped($0)
  next
}
/^Usage: / {
  print ".SH SYNOPSIS\n.B " escaped(substr($0, 8))
  next
}
/^$/ { next }
/^[^ ].*:$/ {
  if (example) print ".fi"
  heading = substr($0, 1, length($0) - 1)
  example = heading ~ /^Example/
  print ".SH " toupper(escaped(heading))
  if (example) print ".nf"
  next
}
example { print escaped(substr($0, 3)); next }
/^  [^ ]/ {
  term = substr($0, 3)
  text = ""
  if (match(term, /   */)) {
    text = substr(term, RSTART + RLENGTH)
    term = substr(term, 1, RSTART - 1)
  }
  print ".TP\n.B " escaped(term)
  if (text != "") print escaped(text)
  next
}
{
  sub(/^ */, "")
  print escaped($0)
}
END {
  if (example) print ".fi"
  if (name != "patio") print ".SH SEE ALSO\n.BR patio (1)"
}
