#!/usr/bin/env bash
# A whole dinner over HTTP, with curl and nothing else.
#
#   dinner.sh ADDRESS CAST
#
# ADDRESS is a server's (127.0.0.1:8080), CAST a file with what `fanju-server cast` printed. Two diners
# sit down, a till collects from them twice under one number, and pays them back. Ends with an error
# where anything is not as the contract says.
set -euo pipefail

address="$1"
cast="$(<"$2")"

fail() {
    echo "dinner.sh: $*" >&2
    exit 1
}

# The values of the field $1 in the JSON on standard input, one a line. Answers are written without
# spaces, and nothing that is asked for here holds a quote.
field() {
    grep -o "\"$1\":\"\?[^\",}]*" | sed 's/^"[^"]*":"\?//'
}

# $1 field, $2 JSON: its first value.
first() {
    field "$1" <<<"$2" | head -n 1
}

# $1 token, $2 verb, $3 path, $4 body, $5 key: the status in a line of its own behind the answer.
request() {
    curl --silent --show-error --max-time 30 --write-out '\n%{http_code}' --request "$2" \
        --header "Authorization: Bearer $1" --header 'Content-Type: application/json' \
        ${5:+--header "Idempotency-Key: $5"} ${4:+--data "$4"} "http://$address$3"
}

# The same, where only success will do: the answer.
ask() {
    local answer status
    answer="$(request "$@")"
    status="${answer##*$'\n'}"
    [[ "$status" == 200 ]] || fail "$2 $3: $answer"
    echo "${answer%$'\n'*}"
}

# $1 token, $2 wallet: what it owns.
posted() {
    first posted "$(ask "$1" GET "/v1/wallets/$2" '')"
}

people="${cast#*\"diners\":}"
shops="${cast#*\"merchants\":}"
mapfile -t tokens < <(field token <<<"$people")
mapfile -t wallets < <(field wallet <<<"$people")
till="$(first token "$shops")"
merchant="$(first merchant "$shops")"
ana="${tokens[0]}" bo="${tokens[1]}"
ana_wallet="${wallets[0]}" bo_wallet="${wallets[1]}"
run="curl-$$-$(date +%s)"

before_ana="$(posted "$ana" "$ana_wallet")"
before_bo="$(posted "$bo" "$bo_wallet")"

open="{\"name\":\"Curl\",\"host\":\"$ana_wallet\",\"cap\":100000}"
group="$(first group "$(ask "$ana" POST /v1/groups "$open" "$run-open")")"
again="$(first group "$(ask "$ana" POST /v1/groups "$open" "$run-open")")"
[[ "$group" == "$again" ]] || fail "one key opened two groups"

link="$(first link "$(ask "$ana" POST "/v1/groups/$group/links" "{\"by\":\"$ana_wallet\"}")")"
join="{\"wallet\":\"$bo_wallet\",\"cap\":100000,\"link\":\"$link\"}"
ask "$bo" POST "/v1/groups/$group/members" "$join" "$run-join" >/dev/null

code="$(first code "$(ask "$ana" POST "/v1/groups/$group/codes" "{\"by\":\"$ana_wallet\"}")")"
bill="{\"code\":\"$code\",\"order_no\":\"$run\",\"total\":1001}"
ended="$(ask "$till" POST "/v1/merchants/$merchant/orders" "$bill")"
[[ "$(first state "$ended")" == settled ]] || fail "not settled: $ended"
again="$(ask "$till" POST "/v1/merchants/$merchant/orders" "$bill")"
[[ "$(first replayed "$again")" == true ]] || fail "not replayed: $again"
[[ "$(first position "$again")" == "$(first position "$ended")" ]] || fail "collected twice"

paid=$((before_ana - $(posted "$ana" "$ana_wallet") + before_bo - $(posted "$bo" "$bo_wallet")))
((paid == 1001)) || fail "$paid paid, 1001 collected"
view="$(ask "$till" GET "/v1/merchants/$merchant/orders/$run" '')"
[[ "$(first state "$view")" == settled ]] || fail "the order is not settled: $view"
events="$(ask "$bo" GET "/v1/groups/$group/events?limit=1" '')"
[[ "$(field type <<<"$events")" == *fanju.settled* ]] || fail "not in the history: $events"

refund='{"refund_no":"1"}'
ask "$till" POST "/v1/merchants/$merchant/orders/$run/refunds" "$refund" >/dev/null
[[ "$(posted "$ana" "$ana_wallet")" == "$before_ana" ]] || fail "the refund is not exact"
[[ "$(posted "$bo" "$bo_wallet")" == "$before_bo" ]] || fail "the refund is not exact"
ask "$ana" POST "/v1/groups/$group/close" "{\"by\":\"$ana_wallet\"}" "$run-close" >/dev/null

refused="$(request "$bo" GET "/v1/wallets/$ana_wallet" '')"
[[ "${refused##*$'\n'}" == 403 ]] || fail "Bo sees Ana's wallet: $refused"
refused="$(request wrong GET "/v1/wallets/$ana_wallet" '')"
[[ "${refused##*$'\n'}" == 401 ]] || fail "a wrong token opens: $refused"
echo "dined with curl"
