#!/bin/sh
# Counts the primes of the small range, in shell arithmetic alone.
set -eu
range=$(sed -n 's/.*"small": *\[\([0-9]*\), *\([0-9]*\)\].*/\1 \2/p' "$YARD_PARENTS")
set -- $range
n=$1
count=0
while [ "$n" -le "$2" ]; do
  d=2
  while [ $((d * d)) -le "$n" ] && [ $((n % d)) -ne 0 ]; do d=$((d + 1)); done
  if [ $((d * d)) -gt "$n" ]; then count=$((count + 1)); fi
  n=$((n + 1))
done
echo "$count primes from $1 to $2"
printf '{"primes": %d}\n' "$count" > "$YARD_OUTPUT"
