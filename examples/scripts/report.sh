#!/bin/sh
# Compares the sum with the known number.
set -eu
sleep 0.3
number() { sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" "$YARD_PARENTS"; }
total=$(number total)
known=$(number known)
if [ "$total" -ne "$known" ]; then
  echo "counted $total primes, but there are $known" >&2
  exit 1
fi
echo "counted $total primes, as it should be"
printf '{"primes": %d, "verdict": "as it should be"}\n' "$total" > "$YARD_OUTPUT"
