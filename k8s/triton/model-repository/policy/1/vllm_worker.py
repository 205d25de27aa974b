"""What vLLM's worker does beyond its own methods: vLLM mixes this class into it (worker_extension_cls), in every worker process.

vLLM 0.32 on CPUs keeps a packed copy of lm_head's weights, made when the model is loaded, and computes logits with that copy. A
tied checkpoint has no lm_head of its own: `reload_weights` finds nothing for it and leaves the copy as it was. The embedding is
new then, and the logits are those of the old one. On GPUs lm_head's weight is the embedding's tensor itself."""


class PolicyReload:
    """Method of the worker that `collective_rpc` calls."""

    def reload_policy(self, weights_path):
        """Takes up the weights of a Hugging Face directory, a tied lm_head included."""
        self.reload_weights(weights_path=weights_path)
        head = getattr(self.get_model(), "lm_head", None)
        if getattr(head, "cpu_linear", None) is not None:
            head.quant_method.process_weights_after_loading(head)
