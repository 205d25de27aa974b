"""Math-Verify on a file of graded cases: right answers on the core categories, and how long a check takes. Usage: FILE.jsonl"""
import json
import sys
import time

from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

OUTSIDE_THE_CORE = {"mcq", "text", "multilingual", "countdown", "format-policy", "policy-conflict", "disputed"}
targets = [LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig()]


def latex(text):
    """Bare LaTeX has to stand between dollars to be found."""
    return "$" + text + "$" if "$" not in text and "\\boxed" not in text else text


def check(row):
    prediction = latex(row["prediction"]) if row.get("note", "").startswith("form=answer") else row["prediction"]
    return verify(parse(latex(row["gold"]), targets), parse(prediction, targets))


rows = [json.loads(line) for line in open(sys.argv[1]) if line.strip()]
for row in rows[:20]:
    check(row)
times, core, right = [], 0, 0
for row in rows:
    start = time.perf_counter()
    try:
        verdict = check(row)
    except Exception:
        verdict = False
    times.append(1e6 * (time.perf_counter() - start))
    if "expected" in row and row.get("category") not in OUTSIDE_THE_CORE:
        core += 1
        right += verdict == row["expected"]
times.sort()
print(json.dumps({
    "peer": "math-verify", "cases": len(rows), "core": core, "core_right": right,
    "p50_micros": round(times[len(times) // 2]), "p99_micros": round(times[len(times) * 99 // 100]), "most_micros": round(times[-1]),
}))
