# shellcheck shell=bash
# Stages with their durations, for scripts/test and .ci/run. Sourced, not run.

stage_name=""
stage_report=""
left_out=""

# stage NAME COMMAND…: runs the command and takes down how long it took.
stage() {
    local began=$SECONDS
    stage_name="$1"
    shift
    printf '\n=== %s\n' "$stage_name"
    "$@"
    stage_report+="$(printf '%6d s  %s' "$((SECONDS - began))" "$stage_name")"$'\n'
    stage_name=""
}

# leave_out LINES: told in the end; nothing if empty.
leave_out() {
    [[ -z "$1" ]] || left_out+="${1//$'\n'/$'\n        '}"$'\n        '
}

# stages NAME: prints every stage so far, and what was left out. With FANJU_SKIP_NOTHING that is a failure, unless nobody
# could have it who has only this repository.
stages() {
    local but=""
    [[ -z "$left_out" ]] || but=", but left out:"$'\n'"        ${left_out%$'\n'*}"
    printf '\n%s=== %s: all passed in %d s%s\n' "$stage_report" "$1" "$SECONDS" "$but"
    if [[ -n "${FANJU_SKIP_NOTHING:-}" ]] && grep '[^ ]' <<<"$left_out" | grep -qv 'not in this repository'; then
        echo "=== FAILED: nothing may be left out here" >&2
        exit 1
    fi
}

# Under `set -e` the first failure ends the script here.
stage_failed() {
    local code=$?
    if ((code != 0)) && [[ -n "$stage_name" ]]; then
        printf '\n=== FAILED: %s\n' "$stage_name" >&2
    fi
}
trap stage_failed EXIT
