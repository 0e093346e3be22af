# Sourced: on a busy machine a test of processes or of time may fail that is right. As with CPython's own runner, what
# failed is run once more by itself if it is three tests at most; it has to pass then, and is named.
once_more() { # PYTHON CODE CACHE PYTEST...
  local python=$1 code=$2 failed=$3/v/cache/lastfailed
  shift 3
  [ "$code" = 1 ] && [ -s "$failed" ] || return "$code"
  [ "$("$python" -c 'import json, sys; print(len(json.load(open(sys.argv[1]))))' "$failed")" -le 3 ] || return "$code"
  printf '\n== once more\n%s\n' "$(cat "$failed")"
  "$@" --last-failed </dev/null
}
