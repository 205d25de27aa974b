# AdamW (Loshchilov and Hutter, arXiv 1711.05101) on gradient sums.

  # One step over weights w with gradient sums g, moments m and v and counts of steps; clears the sums and gives their norm before
  # clipping. Decay is of matrices only, before the step. Where the norm is not finite nothing changes but the sums.
  def step(self: __torch__.Transformer, w: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], count: List[Tensor], lr: float, beta1: float, beta2: float, eps: float, decay: float, clip: float) -> Tensor:
    norm = torch.linalg_vector_norm(torch.stack(torch._foreach_norm(g, 2)))
    if bool(torch.isfinite(norm).item()):
      if clip > 0.:
        # As torch.nn.utils.clip_grad_norm_.
        torch._foreach_mul_(g, torch.clamp(torch.reciprocal(norm + 1e-06) * clip, None, 1.))
      torch._foreach_add_(count, 1)
      if decay > 0.:
        for i in range(len(w)):
          if w[i].dim() > 1:
            w[i].detach().mul_(1. - lr * decay)
      torch._fused_adamw_(w, g, m, v, annotate(List[Tensor], []), count, lr=lr, beta1=beta1, beta2=beta2, weight_decay=0., eps=eps, amsgrad=False, maximize=False)
    torch._foreach_zero_(g)
    return norm.cpu()

  # Forgets the gradient sums.
  def zero(self: __torch__.Transformer, g: List[Tensor]) -> int:
    torch._foreach_zero_(g)
    return len(g)
