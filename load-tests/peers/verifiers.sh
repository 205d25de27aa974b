#!/usr/bin/env bash
# Math-Verify and Foothold on the same file of graded cases, in one sitting. Usage: verifiers.sh DIRECTORY_OF_A_VENV CASES.jsonl
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=${1:?usage: verifiers.sh DIRECTORY_OF_A_VENV CASES.jsonl}
cases=${2:?usage: verifiers.sh DIRECTORY_OF_A_VENV CASES.jsonl}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" -q install --disable-pip-version-check math-verify==0.9.0
"$venv/bin/python" "$here/math_verify_cases.py" "$cases" 2> /dev/null
verdicts=$(mktemp)
"$here/../../foothold" verify --cases "$cases" --out "$verdicts"
rm -f "$verdicts"
