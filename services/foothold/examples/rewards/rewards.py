"""Right is what ends with the answer; half of it is for the first half of the answer."""


def score(problem, response):
    answer, said = problem["answer"], response.strip()
    if not said:
        return None
    if said.endswith(answer):
        return True
    return 0.5 if answer[: len(answer) // 2] in said else 0
