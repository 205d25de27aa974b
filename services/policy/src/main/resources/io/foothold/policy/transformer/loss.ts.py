# The losses of core's LossRule, whose naive twin is NaiveLoss, and two ways to their gradients: whole (all weights folded inside of
# autograd, log-probs [M, V] kept) and lean (a layer at a time, log-probs in chunks). Both add to gradient sums that the caller holds.
#
# The argument `rule`, float32 [10]: ratio form (0 none, 1 token, 2 sequence), clip low, clip high, dual clip (0 off), KL coefficient,
# entropy coefficient, temperature, rows, shaping, layers that are computed again.

  # The loss of M tokens, a scalar; the equations stand at LossRule. token: log-probs now; entropy; credit: weight times advantage;
  # behaviour: log-probs that the ratio is taken to; base: log-probs of the base policy; row: which row a token is of, int64; share: 1 /
  # tokens of its row; off_policy: 1 for tokens of rows that were sampled under another prompt, [0] where there are none. All float32 [M]
  # but for row and off_policy.
  def ruled(self: __torch__.Transformer, token: Tensor, entropy: Tensor, credit: Tensor, weight: Tensor, behaviour: Tensor, base: Tensor, row: Tensor, share: Tensor, off_policy: Tensor, rule: Tensor) -> Tensor:
    ratio_form = int(rule[0].item())
    low = float(rule[1].item())
    high = float(rule[2].item())
    dual = float(rule[3].item())
    kl = float(rule[4].item())
    bonus = float(rule[5].item())
    rows = int(rule[7].item())
    shaping = float(rule[8].item())
    if ratio_form == 0:
      objective = credit * token
    else:
      if off_policy.numel() > 0:
        behaviour = torch.where(off_policy > 0, token.detach(), behaviour)
      log_ratio = token - behaviour
      if ratio_form == 2:
        # GSPO: one ratio a row, the geometric mean of its tokens'.
        mean = torch.index_add(torch.zeros([rows], dtype=self.float32, device=row.device), 0, row, log_ratio * share)
        log_ratio = torch.index_select(mean, 0, row)
      ratio = torch.exp(log_ratio)
      objective = torch.minimum(ratio * credit, torch.clamp(ratio, 1. - low, 1. + high) * credit)
      if dual > 0.:
        objective = torch.where(credit < 0, torch.maximum(objective, credit * dual), objective)
    if off_policy.numel() > 0:
      p = torch.exp(token)
      # Policy shaping: behaviour log-probs say nothing under another prompt.
      objective = torch.where(off_policy > 0, credit * p / (p + shaping), objective)
    loss = -objective.sum()
    if kl > 0.:
      # k3, an estimate of KL that is never negative.
      d = base - token
      loss = loss + (weight * (torch.exp(d) - d - 1.)).sum() * kl
    if bonus > 0.:
      loss = loss - (weight * entropy).sum() * bonus
    return loss

  # Loss of raw weights, whole form, with the log-probs that it was made of.
  def objective(self: __torch__.Transformer, w: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, credit: Tensor, weight: Tensor, behaviour: Tensor, base: Tensor, row: Tensor, share: Tensor, off_policy: Tensor, rule: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    ids, pos, back, source, target = (self).placed([ids, pos, back, source, target], w[0])
    token, lp = (self).log_probs(w, ids, pos, (self).placed(query, w[0]), (self).placed(key, w[0]), before, back, source, target, float(rule[6].item()))
    entropy = token
    if float(rule[5].item()) > 0.:
      entropy = -(torch.exp(lp) * lp).sum([-1])
    credit, weight, behaviour, base, row, share, off_policy = (self).placed([credit, weight, behaviour, base, row, share, off_policy], w[0])
    return ((self).ruled(token, entropy, credit, weight, behaviour, base, row, share, off_policy, rule), token, lp)

  # Adds the gradients of p to the sums g; gives loss, log-probs and entropies.
  def collected(self: __torch__.Transformer, loss: Tensor, token: Tensor, lp: Tensor, p: List[Tensor], g: List[Tensor]) -> Tuple[Tensor, Tensor, Tensor]:
    grads = torch.grad([loss], p)
    torch.set_grad_enabled(False)
    for i in range(len(p)):
      g[i].add_(ops.aten._unwrap_optional(grads[i]))
    entropy = -(torch.exp(lp) * lp).sum([-1])
    torch.set_grad_enabled(True)
    return (loss.detach().cpu(), token.detach().cpu(), entropy.cpu())

  # Gradient sums of all weights, whole form.
  def accumulate(self: __torch__.Transformer, w: List[Tensor], g: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, credit: Tensor, weight: Tensor, behaviour: Tensor, base: Tensor, row: Tensor, share: Tensor, off_policy: Tensor, rule: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    loss, token, lp = (self).objective(w, ids, pos, query, key, before, back, source, target, credit, weight, behaviour, base, row, share, off_policy, rule)
    return (self).collected(loss, token, lp, w, g)

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

  # Adds the gradient of the loss to g; gives loss, log-probs and entropies. Every layer is an autograd graph of its own, so that its
  # gradients are added and gone before the next one's are made. Of the first `recomputed` layers only the input is kept: they are
  # computed again when the backward pass comes to them, after the graphs of the others are gone. The whole form is its twin, in tests.
  def lean(self: __torch__.Transformer, w: List[Tensor], p: List[Tensor], folded: bool, at: List[int], scale: float, g: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, credit: Tensor, weight: Tensor, behaviour: Tensor, base: Tensor, row: Tensor, share: Tensor, off_policy: Tensor, rule: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    temperature = float(rule[6].item())
    recomputed = int(rule[9].item())
    each = len(p) // self.layers
    ids, pos, back, source, target = (self).placed([ids, pos, back, source, target], w[0])
    query = (self).placed(query, w[0])
    key = (self).placed(key, w[0])
    credit, weight, behaviour, base, row, share, off_policy = (self).placed([credit, weight, behaviour, base, row, share, off_policy], w[0])
    rows, pairs = (self).orders(w[0])
    fd, fh = (self).floors(w[0])
    turn = (self).turns(pos, self.heads + self.kv_heads)
    alloweds, biases = (self).all_masks(query, key, before)
    begin = torch.embedding(w[0].detach(), ids)
    inputs = annotate(List[Tensor], [])
    outputs = annotate(List[Tensor], [])
    x = begin
    for i in range(self.layers):
      torch.set_grad_enabled(i >= recomputed)
      x = x.detach()
      x.requires_grad_(i >= recomputed)
      inputs.append(x)
      x = (self).lean_block(w, folded, p, at, scale, True, i, rows, pairs, x, turn, fd, fh, query, key, alloweds, biases, back, source)
      if i >= recomputed:
        outputs.append(x)
    torch.set_grad_enabled(True)
    # The head by hand: log-probs and their slopes in chunks, autograd only through the loss itself.
    end = x.detach()
    end.requires_grad_(True)
    normed = __torch__.unit(end, fd) * (self).lean_gain(w, folded)
    h = normed.detach()
    head = (self).lean_head(w)
    torch.set_grad_enabled(False)
    token, entropy, kept = (self).lean_scores(h, head, target, temperature, h.size(0) * head.size(0) <= self.kept_numbers)
    torch.set_grad_enabled(True)
    token.requires_grad_(True)
    entropy.requires_grad_(True)
    loss = (self).ruled(token, entropy, credit, weight, behaviour, base, row, share, off_policy, rule)
    of_entropy = annotate(Optional[Tensor], None)
    if float(rule[5].item()) > 0.:
      slopes = torch.grad([loss], [token, entropy])
      of_entropy = slopes[1]
    else:
      slopes = torch.grad([loss], [token])
    torch.set_grad_enabled(False)
    total = annotate(List[Tensor], [])
    if not folded:
      if self.tied:
        total.append(g[0])
      else:
        total.append(g[len(g) - 1])
    slope = (self).lean_slopes(h, head, kept, target, ops.aten._unwrap_optional(slopes[0]), entropy, of_entropy, temperature, total)
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
      if i >= recomputed:
        y = outputs.pop()
      else:
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
    return (loss.detach().cpu(), token.detach().cpu(), entropy.detach().cpu())

  # Gradient sums of all weights, lean form.
  def accumulate_lean(self: __torch__.Transformer, w: List[Tensor], g: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, credit: Tensor, weight: Tensor, behaviour: Tensor, base: Tensor, row: Tensor, share: Tensor, off_policy: Tensor, rule: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    return (self).lean(w, annotate(List[Tensor], []), False, annotate(List[int], []), 1., g, ids, pos, query, key, before, back, source, target, credit, weight, behaviour, base, row, share, off_policy, rule)
