"""A causal language model of transformers, made ready for packed rows: loading, adapters, sharding, and the forward pass to log-probs."""
from __future__ import annotations

import dataclasses
import json
import logging
import pathlib
from collections.abc import Callable

import torch
import torch.distributed as dist
import transformers
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.initialization import no_init_weights

from . import attention, files, head, packing
from .errors import Refused
from .rows import Lora, Row

log = logging.getLogger(__name__)
PEFT_PREFIX = "base_model.model."
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
NO_EFFECT = {"auto_mapping", "base_model_name_or_path", "revision", "task_type", "inference_mode", "init_lora_weights", "lora_dropout",
             "runtime_config", "loftq_config", "peft_version", "megatron_core", "qalora_group_size", "ensure_weight_tying",
             "r", "lora_alpha", "target_modules", "use_rslora"}
"""Keys of a PEFT configuration that are read, or that say nothing about the arithmetic of a finished adapter."""
POSITIONS = ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length", "max_seq_len", "max_seq_length", "seq_length")
"""How families spell the longest sequence, the first one that is there counts."""


@dataclasses.dataclass(frozen=True)
class Form:
    """How a policy is held.

    device         cpu or cuda:N
    dtype          of master weights, moments and gradients: float32 (float64 in tests)
    compute        of activations and products: bfloat16 or the same as dtype
    checkpointing  whether activations of a layer are computed again backwards
    attention      auto (packed rows where the architecture lets its attention be replaced, through the device's best kernel), sdpa or flash
                   (packed rows through that kernel), or eager (padded rows through the architecture's own attention)
    """

    device: torch.device = torch.device("cpu")
    dtype: torch.dtype = torch.float32
    compute: torch.dtype = torch.float32
    checkpointing: bool = False
    attention: str = "auto"


class Policy(nn.Module):
    """A causal language model that maps packed rows to log-probs and entropies of their targets. Weights are sharded over the mesh's ranks
    when there are several, or when it computes in another dtype than it keeps its weights in."""

    def __init__(self, directory: pathlib.Path, form: Form, mesh: DeviceMesh | None, lora: Lora | None = None,
                 adapter: pathlib.Path | None = None, *, trained: bool = True, beat: Callable[[str], None] = lambda _: None) -> None:
        """Loads a Hugging Face directory (never from the hub).

        lora     adapters to train on frozen weights; None trains all weights
        adapter  PEFT directory that adapters begin with, or, without lora, that is merged into the weights
        trained  False freezes all
        beat     called whenever the work has come further
        Raises Refused, naming file and value, before any work on weights where the directory is not whole or not known."""
        super().__init__()
        kinds = ("auto", "sdpa", "flash", "eager")
        if form.attention not in kinds:
            raise Refused(f"attention is '{form.attention}' (expected one of {', '.join(kinds)})")
        self.varlen = form.attention in ("auto", "flash") and form.device.type == "cuda" and form.compute == torch.bfloat16
        if form.attention == "flash" and not self.varlen:
            raise Refused(f"attention 'flash' needs a GPU and compute dtype bfloat16, not {form.device} and {form.compute} (expected sdpa)")
        self.directory, self.form = directory, form
        weight_files = files.weight_files(directory)
        config = read_config(directory)
        begin, tensors = (lora, None) if adapter is None else read_adapter(adapter)
        if adapter is not None and lora is not None:
            wanted = dataclasses.replace(lora, seed=begin.seed, targets=begin.targets if not lora.targets else tuple(sorted(lora.targets)))
            if begin != wanted:
                raise Refused(f"{adapter} holds adapters of another form: {begin} (expected {wanted})")
        tensors_of_base = files.Tensors(weight_files)
        self.stored = set(tensors_of_base.places)
        beat("make the model")
        self.causal, empty = made(directory, config, form, tensors_of_base)
        self.text = self.causal.config.get_text_config()
        if empty and begin is not None and lora is None:
            self._fill(tensors_of_base, beat)
            empty = False
        self.lora: Lora | None = None
        if begin is not None:
            self._inject(begin, tensors, adapter)
            if lora is None:
                self._merge()
        for name, parameter in self.causal.named_parameters():
            parameter.requires_grad_(trained and (lora is None or ".lora_" in name))
        for module in self.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        self.train()
        if form.checkpointing:
            if not self.causal.supports_gradient_checkpointing:
                raise Refused(f"{type(self.causal).__name__} cannot compute activations again (expected checkpointing off)")
            self.causal.activation_checkpointing_enable({"use_reentrant": False})
        self.logits = logits_form(self.text)
        self.packed = False
        self.sharded = mesh is not None and (mesh.size() > 1 or form.compute != form.dtype)
        if not self.sharded:
            self.causal.to(form.device)
        else:
            # A layer at a time goes to the device, and only its shard stays.
            policy = MixedPrecisionPolicy(param_dtype=None if form.compute == form.dtype else form.compute, reduce_dtype=form.dtype)
            for block in blocks(self.causal):
                fully_shard(block, mesh=mesh, mp_policy=policy)
            fully_shard(self, mesh=mesh, mp_policy=policy)
        if empty:
            self._fill(tensors_of_base, beat)
        beat("check")
        self.packed = self._probe()

    # --- what it is made of

    @property
    def vocabulary(self) -> int:
        """Rows of the embedding: token ids are below it."""
        return self.causal.get_input_embeddings().num_embeddings

    @property
    def longest(self) -> int:
        """Most tokens of a row."""
        return next((value for name in POSITIONS if (value := getattr(self.text, name, None))), 1 << 30)

    def trained(self) -> dict[str, nn.Parameter]:
        """What has a gradient, by the name it has in files."""
        return {file_name(n): p for n, p in self.causal.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def _fill(self, stored: files.Tensors, beat: Callable[[str], None]) -> None:
        """Reads the weights, of sharded ones this rank's part only."""
        persistent = set(self.causal.state_dict())
        values = {n: p.data for n, p in self.causal.named_parameters() if ".lora_" not in n}
        values |= {n: b for n, b in self.causal.named_buffers() if n in persistent}
        for name, value in values.items():
            beat(name)
            if isinstance(value, DTensor):
                # FSDP2 deals out the first dimension as torch.chunk does.
                most = -(-value.shape[0] // value.device_mesh.size())
                begin = min(value.device_mesh.get_local_rank() * most, value.shape[0])
                local = value.to_local()
                local.copy_(stored.get(file_name(name), begin, begin + local.shape[0]))
            else:
                value.copy_(stored.get(file_name(name)))

    def _inject(self, settings: Lora, tensors: dict[str, torch.Tensor] | None, adapter: pathlib.Path | None) -> None:
        linear = {n.rsplit(".", 1)[-1] for b in blocks(self.causal) for n, m in b.named_modules() if isinstance(m, nn.Linear)}
        unknown = sorted(set(settings.targets) - linear)
        if unknown:
            raise Refused(f"LoRA target '{unknown[0]}' is no linear layer of {type(self.causal).__name__} (expected some of "
                          f"{', '.join(sorted(linear))})")
        targets = sorted(settings.targets or linear)
        if not targets:
            raise Refused(f"{type(self.causal).__name__} has no linear layers that LoRA could be given (expected rank 0: all weights)")
        self.lora = settings = dataclasses.replace(settings, targets=tuple(targets))
        inject_adapter_in_model(LoraConfig(r=settings.rank, lora_alpha=settings.alpha, target_modules=targets, lora_dropout=0.0,
                                           use_rslora=settings.rank_stabilised, bias="none"), self.causal)
        fresh = {file_name(n): p for n, p in self.causal.named_parameters() if ".lora_" in n}
        if tensors is None:
            generator = torch.Generator().manual_seed(settings.seed)
            tensors = {}
            for name, parameter in fresh.items():
                bound = parameter.shape[1] ** -0.5 if ".lora_A." in name else 0.0
                tensors[name] = torch.empty(parameter.shape, dtype=torch.float64).uniform_(-1, 1, generator=generator) * bound
        other = sorted(set(fresh) ^ set(tensors)) or sorted(n for n, p in fresh.items() if p.shape != tensors[n].shape)
        if other:
            name = other[0]
            found = tuple(tensors[name].shape) if name in tensors else "none"
            wanted = tuple(fresh[name].shape) if name in fresh else "none"
            raise Refused(f"{adapter}: the adapter is for another base than {self.directory}: tensor '{PEFT_PREFIX}{name}' has shape "
                          f"{found} (expected {wanted})")
        with torch.no_grad():
            for name, parameter in fresh.items():
                parameter.copy_(tensors[name])

    def _merge(self) -> None:
        """Merges the adapters into the weights, which are then all that there is."""
        for name, layer in self.lora_layers().items():
            layer.merge()
            parent, _, last = name.rpartition(".")
            setattr(self.causal.get_submodule(parent), last, layer.get_base_layer())
        self.lora = None

    def lora_layers(self) -> dict[str, LoraLayer]:
        """Layers with an adapter, by the name of the layer in files."""
        return {n: m for n, m in self.causal.named_modules() if isinstance(m, LoraLayer)}

    def adapters(self, enabled: bool) -> None:
        """Switches adapters on or off; without them the policy is its base."""
        for layer in self.lora_layers().values():
            layer.enable_adapters(enabled)

    # --- forward

    def forward(self, packed: packing.Packed, temperature: float, plain: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probs and entropies [targets] of a micro-batch, nats, float32 or wider. With `plain` ids are computed as the model's own
        classes do, whole logits included: what the rest is checked against."""
        if plain:
            logits = self.causal(input_ids=packed.ids, use_cache=False).logits
            logits = logits.to(torch.promote_types(logits.dtype, torch.float32)).flatten(0, 1)[packed.source] / temperature
            found = torch.log_softmax(logits, -1)
            return found.gather(1, packed.label[:, None])[:, 0], -(found.exp() * found).sum(-1)
        more = {"position_ids": packed.positions} if packed.blocks else {}
        states = decoder(self.causal)(input_ids=packed.ids, use_cache=False, **more).last_hidden_state
        states = states.flatten(0, 1).index_select(0, packed.source)
        last = self.causal.get_output_embeddings()
        return head.log_probs(states, last.weight, getattr(last, "bias", None), packed.label, self.logits, temperature)

    def pack(self, rows: list[Row]) -> packing.Packed:
        """Rows in the form that this policy computes, on its device."""
        made = packing.pack(rows) if self.packed else packing.pad(rows)
        made.varlen = self.varlen
        return made.to(self.form.device)

    def implementation(self, name: str) -> None:
        """Sets the attention implementation of all layers."""
        self.causal.set_attn_implementation(name)

    @torch.no_grad()
    def _probe(self) -> bool:
        """Compares log-probs and entropies with those that the model's own forward computes row by row: packed rows that share a prefix
        where the architecture lets its attention be replaced, else rows beside each other. Gives whether rows are packed.

        Raises Refused where neither agrees: the model is not causal, or its logits are made in a way that is not known here."""
        generator = torch.Generator().manual_seed(0)
        size = packing.MIN_SHARED + 9
        tokens = [torch.randint(self.vocabulary, (size,), generator=generator).tolist() for _ in range(3)]
        tokens[1] = tokens[0][: packing.MIN_SHARED + 2] + tokens[1][packing.MIN_SHARED + 2 :]
        rows = [Row(t, list(range(1, size - i)) if size - i > 1 else [1]) for i, t in enumerate(tokens)]
        if self.longest < size:
            raise Refused(f"{self.directory}: the model takes {self.longest} tokens (expected {size} or more)")
        plain = "eager" if self.form.attention == "eager" or not self.causal._supports_sdpa else "sdpa"
        self.implementation(plain)
        own = torch.cat([torch.stack(self(packing.pad([row]).to(self.form.device), 1.0, plain=True)) for row in rows], 1)
        bound = {torch.bfloat16: 0.3, torch.float32: 1e-3}.get(self.form.compute, 1e-6)
        worst = {}
        for packed in (True, False):
            if packed and (self.form.attention == "eager" or not replaceable(self.causal)):
                continue
            self.packed = packed
            if packed:
                self.implementation(attention.NAME)
            try:
                batch = self.pack(rows)
                with attention.layout(batch):
                    found = torch.stack(self(batch, 1.0))
            except Refused as e:
                worst["packed attention"] = str(e)
                continue
            finally:
                if packed:
                    self.implementation(plain)
                self.settle()
            difference = (found - own).abs().max().item()
            if difference <= bound:
                if packed:
                    self.implementation(attention.NAME)
                elif worst or self.form.attention in ("sdpa", "flash"):
                    log.warning("%s: rows are padded, and shared prompts computed once a row: %s", self.directory,
                                worst.get("packed attention", type(self.causal).__name__ + " does not let its attention be replaced"))
                return packed
            worst["packed attention" if packed else "padded rows"] = f"{difference:.2g} nats"
        raise Refused(f"{self.directory}: {type(self.causal).__name__} does not compute rows in a batch as it does one by one: "
                      + ", ".join(f"{k}: {v}" for k, v in worst.items()))

    def settle(self) -> None:
        """Gives back what a forward pass without a backward one holds of other ranks' shards."""
        if isinstance(self, FSDPModule):
            self.reshard()

    # --- out

    def full(self, parameter: torch.Tensor) -> torch.Tensor:
        """A whole tensor; every rank must ask for the same ones in the same order."""
        return parameter.full_tensor() if isinstance(parameter, DTensor) else parameter.detach()

    @torch.no_grad()
    def export(self, path: pathlib.Path, dtype: torch.dtype) -> int:
        """Writes the weights, adapters merged in, as one safetensors file under the names of the directory it was loaded from; tied tensors
        once. Called on every rank, writes on rank 0. Gives the size in bytes."""
        layers = self.lora_layers()
        state = {}
        for name, value in self.causal.named_parameters():
            if ".lora_" not in name:
                state[file_name(name)] = value
        persistent = set(self.causal.state_dict())
        state |= {file_name(n): b for n, b in self.causal.named_buffers() if n in persistent}

        def merged(name: str) -> torch.Tensor:
            whole = self.full(state[name])
            layer = layers.get(name.removesuffix(".weight")) if name.endswith(".weight") else None
            if layer is None:
                return whole
            a, b = (self.full(part["default"].weight) for part in (layer.lora_A, layer.lora_B))
            return torch.addmm(whole, b, a, alpha=layer.scaling["default"])

        if set(state) <= self.stored:
            return files.write(path if rank() == 0 else None, [(n, tuple(state[n].shape)) for n in sorted(state)], dtype, merged)
        # transformers keeps some architectures' weights in other shapes than files do.
        whole = {n: merged(n).to("cpu", dtype) for n in sorted(state)}
        size = 0
        if rank() == 0:
            whole = transformers.core_model_loading.revert_weight_conversion(self.causal, whole)
            strange = sorted(set(whole) - self.stored)
            if strange:
                raise Refused(f"{self.directory}: tensor '{strange[0]}' of {type(self.causal).__name__} has no counterpart in its files")
            size = files.write(path, [(n, tuple(whole[n].shape)) for n in sorted(whole)], dtype, whole.__getitem__)
        return size

    @torch.no_grad()
    def export_adapter(self, directory: pathlib.Path) -> int:
        """Writes the adapters as PEFT's two files, float32. Called on every rank, writes on rank 0; gives the size in bytes."""
        assert self.lora is not None
        names = {PEFT_PREFIX + n: p for n, p in self.trained().items()}
        size = files.write(directory / ADAPTER_WEIGHTS if rank() == 0 else None, [(n, tuple(names[n].shape)) for n in sorted(names)],
                           torch.float32, lambda name: self.full(names[name]))
        text = json.dumps({
            "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": str(self.directory), "r": self.lora.rank,
            "lora_alpha": self.lora.alpha, "lora_dropout": 0.0, "bias": "none", "fan_in_fan_out": False, "inference_mode": True,
            "use_rslora": self.lora.rank_stabilised, "target_modules": list(self.lora.targets)}, indent=2)
        if rank() == 0:
            files.write_text(directory / ADAPTER_CONFIG, text)
        return size + len(text)


def rank() -> int:
    """Rank of this process; 0 when it is alone."""
    return dist.get_rank() if dist.is_initialized() else 0


def file_name(name: str) -> str:
    """A parameter's name in files: without what PEFT puts into it."""
    return name.replace(".base_layer.", ".").replace(".lora_A.default.", ".lora_A.").replace(".lora_B.default.", ".lora_B.")


def read_config(directory: pathlib.Path) -> transformers.PretrainedConfig:
    """config.json; Refused where transformers knows no causal language model of that architecture."""
    found = files.read_json(directory / "config.json")
    kind = found.get("model_type")
    if found.get("auto_map"):
        raise Refused(f"{directory / 'config.json'}: auto_map asks for code beside the weights, which is never run")
    if kind not in transformers.models.auto.modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise Refused(f"{directory / 'config.json'}: model_type '{kind}' is no causal language model that transformers "
                      f"{transformers.__version__} knows")
    try:
        return AutoConfig.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    except (ValueError, TypeError, KeyError, OSError) as e:
        raise Refused(f"{directory / 'config.json'}: {e}") from None


def made(directory: pathlib.Path, config: transformers.PretrainedConfig, form: Form,
         stored: files.Tensors) -> tuple[transformers.PreTrainedModel, bool]:
    """The model in the master dtype on the CPU, and whether its weights are still to be read: their memory is not touched before, so that a
    rank never holds more than its part. Where files name weights otherwise than transformers' classes they are read whole.

    Raises Refused for tensors that are absent, of another shape or of no use."""
    with no_init_weights():
        causal = AutoModelForCausalLM.from_config(config, dtype=form.dtype, trust_remote_code=False)
        causal.tie_weights()
    state = causal.state_dict()
    own = {n for n, _ in causal.named_parameters()} | {n for n, _ in causal.named_buffers() if n in state}
    if not own <= stored.places.keys():
        return load(directory, config, form), False
    wrong = sorted(n for n in own if tuple(state[n].shape) != stored.shapes[n])
    if wrong:
        raise Refused(f"{stored.places[wrong[0]]}: tensor '{wrong[0]}' has shape {stored.shapes[wrong[0]]} (config.json asks for "
                      f"{tuple(state[wrong[0]].shape)})")
    strange = sorted(n for n in stored.places if n not in state and not n.endswith(files.WITHOUT_WEIGHTS))
    if strange:
        raise Refused(f"{directory}: tensor '{strange[0]}' has no place in {type(causal).__name__} ({len(strange)} tensors in all)")
    return causal, True


def load(directory: pathlib.Path, config: transformers.PretrainedConfig, form: Form) -> transformers.PreTrainedModel:
    """The model with its weights in the master dtype, on the CPU."""
    try:
        causal, info = AutoModelForCausalLM.from_pretrained(
            directory, config=config, dtype=form.dtype, local_files_only=True, trust_remote_code=False, use_safetensors=True,
            output_loading_info=True)
    except (ValueError, RuntimeError, OSError, KeyError) as e:
        raise Refused(f"{directory}: {e}") from None
    missing = sorted(info["missing_keys"])
    if missing:
        raise Refused(f"{directory}: weights of '{missing[0]}' are missing ({len(missing)} tensors in all)")
    if info.get("mismatched_keys"):
        raise Refused(f"{directory}: tensors have other shapes than config.json says: {sorted(map(str, info['mismatched_keys']))[0]}")
    strange = sorted(k for k in info["unexpected_keys"] if not k.endswith(files.WITHOUT_WEIGHTS))
    if strange:
        raise Refused(f"{directory}: tensor '{strange[0]}' has no place in {type(causal).__name__} ({len(strange)} tensors in all)")
    return causal


def read_adapter(adapter: pathlib.Path) -> tuple[Lora, dict[str, torch.Tensor]]:
    """Settings and tensors of a PEFT directory, names without its prefix. Raises Refused for settings that change the arithmetic and are
    not known here."""
    where = adapter / ADAPTER_CONFIG
    found = files.read_json(where)
    for key, value in found.items():
        known = key in NO_EFFECT or (key, value) in (("peft_type", "LORA"), ("bias", "none"))
        if not known and value not in (None, False, [], {}, ""):
            raise Refused(f"{where}: '{key}' = {value!r} is not supported")
    targets = found.get("target_modules")
    if targets == "all-linear":
        targets = []
    elif not isinstance(targets, list) or not targets:
        raise Refused(f"{where}: target_modules must be a list of names, got {targets!r}")
    try:
        settings = Lora(int(found["r"]), float(found["lora_alpha"]), tuple(sorted({t.rsplit(".", 1)[-1] for t in targets})),
                        bool(found.get("use_rslora")))
    except (KeyError, TypeError, ValueError) as e:
        raise Refused(f"{where}: r and lora_alpha must be numbers: {e}") from None
    stored = files.Tensors([adapter / ADAPTER_WEIGHTS])
    return settings, {n.removeprefix(PEFT_PREFIX): stored.get(n) for n in stored.places}


def decoder(causal: transformers.PreTrainedModel) -> nn.Module:
    """All of the model but the head."""
    return getattr(causal, causal.base_model_prefix)


def blocks(causal: transformers.PreTrainedModel) -> list[nn.Module]:
    """The layers, in order: the longest list of modules of the decoder."""
    lists = [m for m in decoder(causal).modules() if isinstance(m, nn.ModuleList)]
    if not lists:
        raise Refused(f"{type(causal).__name__} has no list of layers")
    return list(max(lists, key=len))


def replaceable(causal: transformers.PreTrainedModel) -> bool:
    """Whether all of its layers attend through transformers' attention interface, to everything before or to a window."""
    text = causal.config.get_text_config()
    kinds = set(getattr(text, "layer_types", None) or ())
    return bool(causal._supports_attention_backend) and kinds <= {"full_attention", "sliding_attention"} \
        and not getattr(text, "attention_chunk_size", None)


def logits_form(text: transformers.PretrainedConfig) -> head.Logits:
    """What a configuration says is done to the head's output: Gemma's soft cap, Granite's divisor, Cohere's factor."""
    scale = (getattr(text, "logit_scale", None) or 1.0) / (getattr(text, "logits_scaling", None) or 1.0)
    return head.Logits(float(scale), float(getattr(text, "final_logit_softcapping", None) or 0.0))
