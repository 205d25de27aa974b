"""Right is what goes on with the additions of the solution, line by line, to the last: no lucky total, and no wrong line, passes."""

import re


def score(problem, response):
    numbers = [int(n) for n in re.findall(r"\d+", problem["statement"])]
    total, lines = numbers[0], []
    for n in numbers[1:]:
        lines.append(f"{total} + {n} = {total + n}")
        total += n
    said = [line.strip() for line in response.strip().split("\n")]
    # Behind a prefix the response is what is left of the solution.
    return 0 < len(said) <= len(lines) and said == lines[-len(said) :]
