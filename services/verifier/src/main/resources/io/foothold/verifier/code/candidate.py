"""Loads a solution and answers calls of its functions with plain data, a JSON line each."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.set_int_max_str_digits(0)
from values import pack, say, unpack  # noqa: E402

calls, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)
names = {"__name__": "solution", "__builtins__": __builtins__}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "solution.py")) as f:
    source = f.read()
try:
    exec(compile(source, "solution.py", "exec"), names)
except BaseException as e:
    say(answers, {"error": type(e).__name__, "message": "the solution does not load: " + str(e)})
    sys.exit(0)
for line in calls:
    call = json.loads(line)
    try:
        name = call["call"]
        if name not in names and "Solution" in names:
            function = getattr(names["Solution"](), name)
        elif name in names:
            function = names[name]
        else:
            raise NameError("the solution defines no '" + name + "'")
        value = function(*unpack(call["args"]), **unpack(call["kwargs"])) if "args" in call else function
        say(answers, {"value": pack(value)})
    except BaseException as e:
        say(answers, {"error": type(e).__name__, "message": str(e)})
