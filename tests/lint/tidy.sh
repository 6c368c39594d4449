#!/bin/sh
# tidy.sh JOBS: clang-tidy and cppcheck over our own sources, from the compile
# commands of build/dev. What they look for: .clang-tidy and the list below.
set -eu
cd "$(dirname "$0")/../.."
jobs=${1:-2}
files=$(find crypto storage node cli simulations -name '*.c' | sort)
# shellcheck disable=SC2086
printf '%s\n' $files | xargs -P "$jobs" -n 4 \
    clang-tidy -p build/dev --quiet --warnings-as-errors='*' --extra-arg=-Wno-format-nonliteral 2>/dev/null
cppcheck --quiet -j "$jobs" --std=c11 --inline-suppr --error-exitcode=1 \
    --enable=warning --library=posix -D_GNU_SOURCE -I . \
    --suppress=missingIncludeSystem --suppress=nullPointerRedundantCheck --suppress=uninitvar \
    --suppress=unknownMacro --suppress=incorrectLogicOperator \
    crypto storage node cli simulations
echo "clang-tidy and cppcheck: nothing found"
