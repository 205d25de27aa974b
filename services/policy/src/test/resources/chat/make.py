"""Makes expected.json of ChatTemplateTest: what transformers renders from the templates beside this file, which are ours.
Needs load-tests/peers/requirements.txt: python make.py"""
import json
import pathlib

from transformers.utils.chat_template_utils import render_jinja_template

here = pathlib.Path(__file__).parent
say = lambda role, text: {"role": role, "content": text}
CONVERSATIONS = [
    ([say("user", "  What is 2+2? \n")], True, {}),
    ([say("system", "Be brief."), say("user", "Hi"), say("assistant", "<think>\nhm\n</think>\n\nHello!"), say("user", "Sum [1, 2]\n{x} & <b>\"q\" é 😀")], True, {}),
    ([say("user", "a"), say("assistant", " b "), say("user", "<tool>c</tool>")], True, {"enable_thinking": False}),
    ([say("user", "a"), say("assistant", "<think>\nwhy\n\n</think>\n\ndone")], False, {"enable_thinking": True, "options": "more"}),
    ([say("assistant", "first"), say("user", "second")], True, {}),
    ([say("user", "{{ 7 * 7 }} {% raw %} %} \\boxed{\\frac{1}{2}} $x$"), say("tool", "t")], True, {"date": "now"}),
]
out = []
for file in sorted(here.glob("*.jinja")):
    for messages, generation, options in CONVERSATIONS:
        try:
            text = render_jinja_template([messages], chat_template=file.read_text(), add_generation_prompt=generation,
                                         bos_token="<bos>", eos_token="<eos>", **options)[0][0]
        except Exception as refusal:
            text = None
            print(file.name, "refuses:", refusal)
        out.append({"template": file.name, "messages": messages, "generation": generation, "options": options, "text": text})
(here / "expected.json").write_text(json.dumps(out, ensure_ascii=False, indent=1) + "\n")
