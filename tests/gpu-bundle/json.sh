# shellcheck shell=bash
# What run.sh and stages.sh share: pieces of JSON, and files that are whole or not there.

# A string of JSON; control characters become blanks.
json() {
    local text=${1//\\/\\\\}
    text=${text//\"/\\\"}
    printf '"%s"' "$(printf '%s' "$text" | tr '\000-\037' ' ')"
}

join() { local IFS=,; printf '%s' "$*"; }

# Whole or not at all.
write() { printf '%s\n' "$2" >"$1.part" && mv -f "$1.part" "$1"; }
