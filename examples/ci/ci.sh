#!/bin/sh
# A project's jobs on any CI system, with one cache that all of them share; docs/ci.md says why each is as it is.
#
#   ci.sh main                       on a protected branch: builds what is new, signs and publishes it
#   ci.sh pull-request NUMBER [REF]  for a change: reads what main has signed, publishes for this change alone;
#                                    says what is new against REF, otherwise origin/main
#   ci.sh deploy [PLAN]              ships: signed bytes, and what it has to build itself; what PLAN says, if given
#   ci.sh audit                      each night: builds a share of everything again, and compares
#
# Each needs UNITGRAPH_CACHE_URL, unless deploy.cache.url of pikku.config.json says where the cache is, and the token
# in the variable that deploy.cache.tokenEnv names. Only main has UNITGRAPH_CACHE_KEY. That it is left out below
# guards against accidents, not against people: whoever may change this file decides what it does, so it is the CI
# system that must not give that key to any other job.
set -eu
export CI="${CI:-true}"     # publishing may take minutes; at a desk it gives up after seconds

case "${1-}" in
main)
    : "${UNITGRAPH_CACHE_KEY:?is missing: the private key of doit cache keygen, or the path of its file}"
    export UNITGRAPH_CACHE_TIER=trusted
    unitgraph plan --profile .deploy/trace.json
    ;;
pull-request)
    unset UNITGRAPH_CACHE_KEY
    export UNITGRAPH_CACHE_TIER="untrusted:pr-${2:?its number is missing}"
    unitgraph info --affected-by "${3:-origin/main}"
    unitgraph plan --profile .deploy/trace.json
    ;;
deploy)
    unset UNITGRAPH_CACHE_KEY
    export UNITGRAPH_CACHE_TIER=trusted
    unitgraph apply ${2:+--from-plan "$2"}
    ;;
audit)
    unset UNITGRAPH_CACHE_KEY
    export UNITGRAPH_CACHE_TIER=trusted
    unitgraph cache verify --rebuild 5% --seed "$(date -u +%F)"
    ;;
*)
    echo "usage: ci.sh main | pull-request NUMBER [REF] | deploy [PLAN] | audit" >&2
    exit 1
    ;;
esac
