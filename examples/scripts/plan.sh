#!/bin/sh
# Splits the numbers below $1 into three ranges.
set -eu
limit=$1
sleep 0.5
echo "planning for the numbers below $limit"
printf '{"small": [2, 2000], "medium": [2001, %d], "large": [%d, %d]}\n' \
  $((limit / 2)) $((limit / 2 + 1)) $((limit - 1)) > "$YARD_OUTPUT"
