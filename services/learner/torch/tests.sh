#!/usr/bin/env bash
# The Python tests of the torch backend in its pinned environment; ends with 2 where that or pytest cannot be had.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit
python=$(bash env.sh "$@") || { echo "torch-py: no Python environment with the versions of requirements.txt ($python)"; exit 2; }
# The tools stand beside the environment, which stays as its pins say.
tools=${XDG_CACHE_HOME:-$HOME/.cache}/foothold/torch-tests
read -r -a wanted <<< "$("$python" -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["test"])')"
"$python" -m pip -q install --no-compile --upgrade --target "$tools" "${wanted[@]}" > /dev/null 2>&1 \
  || { echo "torch-py: ${wanted[*]} cannot be installed (is a package registry within reach?)"; exit 2; }
export PYTHONPATH="$tools" PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$python" -m pytest --color no > "$log" 2>&1
code=$?
cat "$log"
echo "torch-py: $(tail -1 "$log")"
exit $code
