"""The worker behind the TensorBackend service: policies of transformers, trained from per-token credit."""
