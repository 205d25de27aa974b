"""Loads a function of a file and judges by it: a JSON list of [problem, response] a line comes in, a JSON object a call goes out."""
import difflib
import faulthandler
import inspect
import json
import linecache
import os
import reprlib
import sys
import traceback
import types

calls, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)
faulthandler.enable()
file, name, most_printed = sys.argv[1], sys.argv[2], int(sys.argv[3])
LONGEST = 4000


class Refused(Exception):
    """What is wrong with a file that Python finds nothing wrong with."""


def say(answer):
    data = json.dumps(answer).encode() + b"\n"
    while data:
        data = data[os.write(answers, data):]


def told(error):
    """Python's own report, from the user's file on."""
    try:
        at = error.__traceback__
        while at is not None and at.tb_frame.f_code.co_filename == __file__:
            at = at.tb_next
        text = "".join(traceback.format_exception(type(error), error, at)).strip()
    except BaseException:
        text = type(error).__name__
    return text if len(text) <= LONGEST else "…" + text[-LONGEST:]


def loaded():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), file), encoding="utf-8") as f:
        source = f.read()
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    module = types.ModuleType(file[:-3])
    module.__file__ = file
    sys.modules.setdefault(module.__name__, module)
    exec(compile(source, file, "exec"), module.__dict__)
    function = getattr(module, name, None)
    if not callable(function):
        functions = [n for n, f in vars(module).items() if inspect.isfunction(f)]
        near = difflib.get_close_matches(name, functions, 1)
        raise Refused(
            file + " has no function '" + name + "'"
            + (" (did you mean '" + near[0] + "'?)" if near else "; it has " + (", ".join(functions) or "none"))
        )
    try:
        inspect.signature(function).bind({}, "")
    except TypeError as e:
        raise Refused("'" + name + "' cannot be called as " + name + "(problem, response): " + str(e)) from None
    except ValueError:
        pass  # Some that are written in C do not say.
    return function


def answer(value):
    if value is None:
        return {"none": True}
    try:
        number = None if isinstance(value, (str, bytes, bytearray)) else float(value)
    except Exception:
        number = None
    if number is not None and 0 <= number <= 1:
        return {"score": number}
    try:
        shown = reprlib.repr(value)
    except Exception:
        shown = "what cannot be shown"
    return {"error": name + " returned " + shown + " (" + type(value).__name__ + "): expected a number in [0, 1], a bool, or None"}


def printed():
    """Forgets what a call printed; whether that was more than it may."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return True
    size = os.fstat(2).st_size
    if size:
        os.ftruncate(2, 0)
        os.lseek(2, 0, os.SEEK_SET)
    return size >= most_printed


try:
    score = loaded()
except Refused as e:
    say({"error": str(e)})
    sys.exit(0)
except BaseException as e:
    say({"error": told(e)})
    sys.exit(0)
printed()
say({"loaded": True})
for line in calls:
    for problem, response in json.loads(line):
        try:
            result = answer(score(problem, response))
        except BaseException as e:
            result = {"error": told(e)}
        if printed():
            say({"error": name + " printed more than " + str(most_printed >> 10) + " KiB in a call", "ends": True})
            os._exit(0)
        say(result)
