#!/bin/sh
# Knows how many primes there are, but not at once: the first attempt fails.
set -eu
sleep 0.3
if [ "$YARD_ATTEMPT" -eq 1 ]; then
  echo "attempt 1 fails on purpose" >&2
  exit 1
fi
case $PRIMES_BELOW in
  100000) known=9592 ;;
  200000) known=17984 ;;
  *) echo "nobody told me about $PRIMES_BELOW" >&2; exit 2 ;;
esac
printf '{"known": %d, "attempt": %d}\n' "$known" "$YARD_ATTEMPT" > "$YARD_OUTPUT"
