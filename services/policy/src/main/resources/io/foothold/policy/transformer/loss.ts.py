# Log-probs of sampled tokens, and their slopes carried back to gradient sums that the caller holds. The loss stands in core (PolicyLoss):
# Java computes it from the log-probs between the two calls, so that nothing here knows one loss from another. Two ways: whole (all weights
# folded inside of autograd, log-probs [M, V] kept) and lean (a layer at a time, log-probs in chunks).
#
# The argument `how`, float32 [3]: temperature; 1 where entropies have slopes too; layers that are computed again.

  # Log-probs of raw weights, whole form, and entropies [M]: first on the weights' device with their autograd graph (entropies only where
  # they have slopes), then the same in host memory.
  def scored(self: __torch__.Transformer, w: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, how: Tensor) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
    ids, pos, back, source, target = (self).placed([ids, pos, back, source, target], w[0])
    token, lp = (self).log_probs(w, ids, pos, (self).placed(query, w[0]), (self).placed(key, w[0]), before, back, source, target, float(how[0].item()))
    torch.set_grad_enabled(float(how[1].item()) > 0.)
    entropy = -(torch.exp(lp) * lp).sum([-1])
    torch.set_grad_enabled(True)
    return (token, entropy, token.detach().cpu(), entropy.detach().cpu())

  # The same as Java calls it.
  def forward_whole(self: __torch__.Transformer, w: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, how: Tensor) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
    return (self).scored(w, ids, pos, query, key, before, back, source, target, how)

  # Adds the gradients of p to the sums g. token, entropy: what `scored` gave; of_token, of_entropy: slopes [M], of_entropy [0] for none.
  def backward_whole(self: __torch__.Transformer, p: List[Tensor], g: List[Tensor], token: Tensor, entropy: Tensor, of_token: Tensor, of_entropy: Tensor) -> Tensor:
    of_token, of_entropy = (self).placed([of_token, of_entropy], p[0])
    if of_entropy.numel() > 0:
      grads = torch.grad([token, entropy], p, annotate(List[Optional[Tensor]], [of_token, of_entropy]))
    else:
      grads = torch.grad([token], p, annotate(List[Optional[Tensor]], [of_token]))
    torch.set_grad_enabled(False)
    for i in range(len(p)):
      g[i].add_(ops.aten._unwrap_optional(grads[i]))
    torch.set_grad_enabled(True)
    return of_token

  # Rows of log-probs that are computed at a time: eight at least, as products of few rows take other kernels.
  def chunk_rows(self: __torch__.Transformer, vocabulary: int) -> int:
    return max(8, self.chunk_numbers // vocabulary)

  # Log-probs and entropies [M] of normed outputs h [M, D] in chunks, and the chunks [c, V] where they are to be kept; no gradients.
  def lean_scores(self: __torch__.Transformer, h: Tensor, head: Tensor, target: Tensor, temperature: float, keep: bool) -> Tuple[Tensor, Tensor, List[Tensor]]:
    tokens = annotate(List[Tensor], [])
    entropies = annotate(List[Tensor], [])
    kept = annotate(List[Tensor], [])
    c = (self).chunk_rows(head.size(0))
    for j in range(max(1, (h.size(0) + c - 1) // c)):
      n = min(c, h.size(0) - j * c)
      lp = torch.log_softmax(torch.mm(torch.narrow(h, 0, j * c, n), head.t()).div_(temperature), -1)
      tokens.append(torch.gather(lp, 1, torch.narrow(target, 0, j * c, n).unsqueeze(1)).squeeze(1))
      entropies.append(-torch.exp(lp).mul_(lp).sum([-1]))
      if keep:
        kept.append(lp)
    return (torch.cat(tokens, 0), torch.cat(entropies, 0), kept)

  # The backward pass of lean_scores by hand: from slopes of log-probs and entropies [M] to those of h [M, D]. With p = exp(lp), H the
  # entropy and y the target,
  #   d lp_y / d z_v = [v = y] - p_v        d H / d z_v = -p_v (lp_v + H)
  # over logits z times temperature. Adds to the head's gradient, `total`, where it is trained. Chunks that were not kept are computed
  # again.
  def lean_slopes(self: __torch__.Transformer, h: Tensor, head: Tensor, kept: List[Tensor], target: Tensor, of_token: Tensor, entropy: Tensor, of_entropy: Optional[Tensor], temperature: float, total: List[Tensor]) -> Tensor:
    outs = annotate(List[Tensor], [])
    c = (self).chunk_rows(head.size(0))
    for j in range(max(1, (h.size(0) + c - 1) // c)):
      n = min(c, h.size(0) - j * c)
      hj = torch.narrow(h, 0, j * c, n)
      if len(kept) > 0:
        lp = kept[j]
      else:
        lp = torch.log_softmax(torch.mm(hj, head.t()).div_(temperature), -1)
      s = torch.exp(lp)
      gt = torch.narrow(of_token, 0, j * c, n).unsqueeze(1)
      if of_entropy is not None:
        ge = torch.narrow(ops.aten._unwrap_optional(of_entropy), 0, j * c, n).unsqueeze(1)
        s.mul_((lp + torch.narrow(entropy, 0, j * c, n).unsqueeze(1)).mul_(ge).add_(gt)).neg_()
      else:
        s.mul_(-gt)
      s.scatter_add_(1, torch.narrow(target, 0, j * c, n).unsqueeze(1), gt)
      s.div_(temperature)
      outs.append(torch.mm(s, head))
      if len(total) > 0:
        total[0].addmm_(s.t(), hj)
    return torch.cat(outs, 0)

  # Log-probs and entropies of the targets [M], lean form.
  def lean_score(self: __torch__.Transformer, w: List[Tensor], p: List[Tensor], folded: bool, at: List[int], scale: float, ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, temperature: float) -> Tuple[Tensor, Tensor]:
    ids, pos, back, source, target = (self).placed([ids, pos, back, source, target], w[0])
    query = (self).placed(query, w[0])
    key = (self).placed(key, w[0])
    rows, pairs = (self).orders(w[0])
    fd, fh = (self).floors(w[0])
    turn = (self).turns(pos, self.heads + self.kv_heads)
    alloweds, biases = (self).all_masks(query, key, before)
    x = torch.embedding(w[0], ids)
    for i in range(self.layers):
      x = (self).lean_block(w, folded, p, at, scale, False, i, rows, pairs, x, turn, fd, fh, query, key, alloweds, biases, back, source)
    h = __torch__.unit(x, fd) * (self).lean_gain(w, folded)
    token, entropy, kept = (self).lean_scores(h, (self).lean_head(w), target, temperature, False)
    return (token.cpu(), entropy.cpu())

  # The same as Java calls it: `at` as a tensor.
  def score_lean(self: __torch__.Transformer, w: List[Tensor], p: List[Tensor], folded: bool, at: Tensor, scale: float, ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, temperature: float) -> Tuple[Tensor, Tensor]:
    return (self).lean_score(w, p, folded, (self).places(at), scale, ids, pos, query, key, before, back, source, target, temperature)

  # Log-probs and entropies [M], lean form, in host memory, then what `lean_back` needs of the pass: entropies, the last layer's output,
  # the same normed, inputs of the layers, their outputs ([0] of those that are computed again), log-probs in chunks ([0] where they were
  # not kept). Every layer is an autograd graph of its own, so that its gradients are added and gone before the next one's are made. Of the
  # first layers only the input is kept: they are computed again when the backward pass comes to them, after the graphs of the others are
  # gone. The whole form is its twin, in tests.
  def lean(self: __torch__.Transformer, w: List[Tensor], p: List[Tensor], folded: bool, at: List[int], scale: float, ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, how: Tensor) -> Tuple[Tensor, Tensor, Tensor, Tensor, Tensor, List[Tensor], List[Tensor], List[Tensor]]:
    temperature = float(how[0].item())
    recomputed = int(how[2].item())
    ids, pos, back, source, target = (self).placed([ids, pos, back, source, target], w[0])
    query = (self).placed(query, w[0])
    key = (self).placed(key, w[0])
    rows, pairs = (self).orders(w[0])
    fd, fh = (self).floors(w[0])
    turn = (self).turns(pos, self.heads + self.kv_heads)
    alloweds, biases = (self).all_masks(query, key, before)
    nothing = torch.zeros([0], device=w[0].device)
    inputs = annotate(List[Tensor], [])
    outputs = annotate(List[Tensor], [])
    x = torch.embedding(w[0].detach(), ids)
    for i in range(self.layers):
      torch.set_grad_enabled(i >= recomputed)
      x = x.detach()
      x.requires_grad_(i >= recomputed)
      inputs.append(x)
      x = (self).lean_block(w, folded, p, at, scale, True, i, rows, pairs, x, turn, fd, fh, query, key, alloweds, biases, back, source)
      if i >= recomputed:
        outputs.append(x)
      else:
        outputs.append(nothing)
    torch.set_grad_enabled(True)
    end = x.detach()
    end.requires_grad_(True)
    normed = __torch__.unit(end, fd) * (self).lean_gain(w, folded)
    head = (self).lean_head(w)
    torch.set_grad_enabled(False)
    token, entropy, kept = (self).lean_scores(normed.detach(), head, target, temperature, normed.size(0) * head.size(0) <= self.kept_numbers)
    torch.set_grad_enabled(True)
    if len(kept) == 0:
      kept.append(nothing)
    return (token.cpu(), entropy.cpu(), entropy, end, normed, inputs, outputs, kept)

  # Adds gradients to g. The head goes back by hand, in chunks; autograd only through norm and layers. of_token, of_entropy: slopes [M],
  # of_entropy [0] for none.
  def lean_back(self: __torch__.Transformer, w: List[Tensor], p: List[Tensor], folded: bool, at: List[int], scale: float, g: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, how: Tensor, entropy: Tensor, end: Tensor, normed: Tensor, inputs: List[Tensor], outputs: List[Tensor], kept: List[Tensor], of_token: Tensor, of_entropy: Tensor) -> Tensor:
    temperature = float(how[0].item())
    recomputed = int(how[2].item())
    each = len(p) // self.layers
    ids, pos, back, source, target, of_token, of_entropy = (self).placed([ids, pos, back, source, target, of_token, of_entropy], w[0])
    query = (self).placed(query, w[0])
    key = (self).placed(key, w[0])
    rows, pairs = (self).orders(w[0])
    fd, fh = (self).floors(w[0])
    turn = of_token
    alloweds = annotate(List[Optional[Tensor]], [])
    biases = annotate(List[Optional[Tensor]], [])
    if recomputed > 0:
      turn = (self).turns(pos, self.heads + self.kv_heads)
      alloweds, biases = (self).all_masks(query, key, before)
    slopes = annotate(Optional[Tensor], None)
    if of_entropy.numel() > 0:
      slopes = of_entropy
    torch.set_grad_enabled(False)
    total = annotate(List[Tensor], [])
    if not folded:
      if self.tied:
        total.append(g[0])
      else:
        total.append(g[len(g) - 1])
    if kept[0].numel() == 0:
      kept.clear()
    slope = (self).lean_slopes(normed.detach(), (self).lean_head(w), kept, target, of_token, entropy, slopes, temperature, total)
    # The caller holds them still: their memory is given back here.
    for j in range(len(kept)):
      torch.set_(kept[j])
    kept.clear()
    torch.set_grad_enabled(True)
    if folded:
      grads = torch.grad([normed], [end], annotate(List[Optional[Tensor]], [slope]))
    else:
      grads = torch.grad([normed], [end, w[1]], annotate(List[Optional[Tensor]], [slope]))
      g[1].add_(ops.aten._unwrap_optional(grads[1]))
    back_of = ops.aten._unwrap_optional(grads[0])
    # From the last layer to the first.
    for k in range(self.layers):
      i = self.layers - 1 - k
      xi = inputs.pop()
      y = outputs.pop()
      if i < recomputed:
        xi.requires_grad_(True)
        y = (self).lean_block(w, folded, p, at, scale, True, i, rows, pairs, xi, turn, fd, fh, query, key, alloweds, biases, back, source)
      into = annotate(List[Tensor], [])
      into.append(xi)
      if folded:
        first = each * i
        into.extend(p[first:first + each])
      else:
        first = 2 + i * self.stride
        into.extend(w[first:first + self.stride])
      grads = torch.grad([y], into, annotate(List[Optional[Tensor]], [back_of]))
      torch.set_grad_enabled(False)
      back_of = ops.aten._unwrap_optional(grads[0])
      for j in range(len(into) - 1):
        g[first + j].add_(ops.aten._unwrap_optional(grads[1 + j]))
      torch.set_grad_enabled(True)
    if not folded:
      torch.set_grad_enabled(False)
      # Of the embedding: a row for each token that went in.
      g[0].index_add_(0, ids, back_of)
      torch.set_grad_enabled(True)
    return of_token

  # Both as Java calls them, for all weights.
  def forward_lean(self: __torch__.Transformer, w: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, how: Tensor) -> Tuple[Tensor, Tensor, Tensor, Tensor, Tensor, List[Tensor], List[Tensor], List[Tensor]]:
    return (self).lean(w, annotate(List[Tensor], []), False, annotate(List[int], []), 1., ids, pos, query, key, before, back, source, target, how)

  def backward_lean(self: __torch__.Transformer, w: List[Tensor], g: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, how: Tensor, entropy: Tensor, end: Tensor, normed: Tensor, inputs: List[Tensor], outputs: List[Tensor], kept: List[Tensor], of_token: Tensor, of_entropy: Tensor) -> Tensor:
    return (self).lean_back(w, annotate(List[Tensor], []), False, annotate(List[int], []), 1., g, ids, pos, query, key, before, back, source, target, how, entropy, end, normed, inputs, outputs, kept, of_token, of_entropy)
