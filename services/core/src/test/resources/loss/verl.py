"""Makes verl.json: losses, their slopes by log-prob, and advantages by verl's own functions on a random batch.

    python verl.py DIRECTORY > verl.json

DIRECTORY is a checkout of https://github.com/volcengine/verl (Apache-2.0), commit b178a3cd56f58b2d502255daba591e92833930a7; the numbers were
made with torch 2.15.0 on a CPU, in float64. Of verl only verl/trainer/ppo/core_algos.py and verl/utils/torch_functional.py are run: what
they import besides torch and numpy, and do not need here, is replaced by empty modules."""
import importlib.machinery
import importlib.util
import json
import pathlib
import sys
import types
from unittest import mock

import numpy as np
import torch

root = pathlib.Path(sys.argv[1])


def load(name, file):
    spec = importlib.util.spec_from_file_location(name, root / file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class ActorConfig(types.SimpleNamespace):
    """Any settings; what is not given is None."""

    global_batch_info = {}

    def get(self, name, default=None):
        return getattr(self, name, default)


class AlgoConfig(types.SimpleNamespace):
    pass


def empty(name, **more):
    module = mock.MagicMock(name=name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    module.__path__ = []
    for key, value in more.items():
        setattr(module, key, value)
    sys.modules[name] = module


for name in ("omegaconf", "tensordict", "verl", "verl.utils", "verl.utils.device", "verl.trainer"):
    empty(name)
sys.modules["omegaconf"].DictConfig = dict
empty("verl.utils.import_utils", deprecated=lambda *a, **k: lambda f: f)
empty("verl.trainer.config", AlgoConfig=AlgoConfig)
empty("verl.workers.config", ActorConfig=ActorConfig)
functional = load("verl.utils.torch_functional", "verl/utils/torch_functional.py")
sys.modules["verl.utils"].torch_functional = functional
sys.modules["verl"].utils = sys.modules["verl.utils"]
algos = load("core_algos", "verl/trainer/ppo/core_algos.py")

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
lengths = [5, 3, 7, 4, 6, 2, 5, 8]
groups = [0, 0, 0, 0, 1, 1, 1, 1]
rewards = [1.0, 0.0, 0.25, 1.0, 0.0, 0.5, 0.0, 0.0]
advantages = [1.2, -0.8, -0.3, 0.9, -1.5, 2.0, -0.6, 0.7]
width = max(lengths)
mask = torch.tensor([[1.0] * n + [0.0] * (width - n) for n in lengths])
now = -3 * torch.rand(len(lengths), width) - 0.05
behaviour = torch.clamp(now + 0.4 * torch.randn(len(lengths), width), max=-0.01)
advantage = torch.tensor(advantages)[:, None] * mask


def cut(matrix):
    return [row[:n].tolist() for row, n in zip(matrix, lengths, strict=True)]


out = {"what": "verl's own losses (token-mean) and estimators; see verl.py", "lengths": lengths, "groups": groups, "rewards": rewards,
       "advantages": advantages, "log_probs": cut(now), "behaviour": cut(behaviour), "losses": [], "estimators": []}
for name, kind, own in (
        ("ppo", "vanilla", {"clip_ratio_low": 0.2, "clip_ratio_high": 0.28, "clip_ratio_c": 3.0}),
        ("cispo", "cispo", {"clip_ratio_low": 0.2, "clip_ratio_high": 0.28}),
        ("cispo", "cispo", {"clip_ratio_low": 1.0, "clip_ratio_high": 0.5}),
        ("policy_gradient", "gpg", {}),
        ("kl_cov", "kl_cov", {"kl_cov_ratio": 0.1, "ppo_kl_coef": 0.7}),
        ("kl_cov", "kl_cov", {"kl_cov_ratio": 0.0002, "ppo_kl_coef": 1.0}),
        # Every candidate is cut, so that which ones are drawn does not matter.
        ("clip_cov", "clip_cov", {"clip_ratio_low": 0.2, "clip_ratio_high": 0.28, "clip_cov_ratio": 0.9, "clip_cov_lb": 0.1,
                                  "clip_cov_ub": 2.0})):
    config = ActorConfig(clip_ratio=0.2, **{"clip_ratio_low": None, "clip_ratio_high": None, "clip_ratio_c": 3.0, **own},
                         policy_loss=ActorConfig(**{"kl_cov_ratio": None, "ppo_kl_coef": None, "clip_cov_ratio": None, "clip_cov_lb": None,
                                                    "clip_cov_ub": None, **own}))
    lp = now.clone().requires_grad_()
    loss, _ = algos.get_policy_loss_fn(kind)(old_log_prob=behaviour, log_prob=lp, advantages=advantage, response_mask=mask,
                                             loss_agg_mode="token-mean", config=config)
    loss.backward()
    out["losses"].append({"name": name, "settings": own, "loss": loss.item(), "by_log_prob": cut(lp.grad)})
token_rewards = torch.zeros(len(lengths), width)
for i, (r, n) in enumerate(zip(rewards, lengths, strict=True)):
    token_rewards[i, n - 1] = r
index = np.array(groups)
for name in ("reinforce_plus_plus", "reinforce_plus_plus_baseline", "opo", "rloo"):
    found, _ = algos.get_adv_estimator_fn(name)(token_level_rewards=token_rewards.clone(), response_mask=mask, index=index,
                                                config=AlgoConfig(gamma=1.0))
    out["estimators"].append({"name": name, "advantages": [found[i, 0].item() for i in range(len(lengths))]})
print(json.dumps(out, indent=1))
