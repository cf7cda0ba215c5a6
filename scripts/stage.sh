# shellcheck shell=bash
# Stages with their durations, for scripts/test and .ci/run. Sourced, not run.

stage_name=""
stage_report=""

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

# stages NAME: prints every stage so far.
stages() {
    printf '\n=== %s: all passed in %d s\n%s' "$1" "$SECONDS" "$stage_report"
}

# Under `set -e` the first failure ends the script here.
stage_failed() {
    local code=$?
    if ((code != 0)) && [[ -n "$stage_name" ]]; then
        printf '\n=== FAILED: %s\n' "$stage_name" >&2
    fi
}
trap stage_failed EXIT
