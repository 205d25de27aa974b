def unit(x: Tensor, floor: Tensor) -> Tensor:
  return x * torch.rsqrt((x * x).sum([-1], True) + floor)
class Transformer(Module):
  __parameters__ = []
  __buffers__ = ["inv_freq", ]
  training : bool
  inv_freq : Tensor
  layers : int
  heads : int
  kv_heads : int
  head_dim : int
  eps : float
  qk_norm : bool
  qkv_bias : bool
  tied : bool
  exact : bool
  stride : int
  def turns(self: __torch__.Transformer, pos: Tensor, heads: int) -> Tensor:
    angle = torch.outer(pos.to(6), self.inv_freq)
    turn = torch.complex(torch.cos(angle), torch.sin(angle)).unsqueeze(1)
    return turn.expand([turn.size(0), heads, turn.size(2)]).contiguous()
  def fold(self: __torch__.Transformer, w: List[Tensor]) -> List[Tensor]:
    out = annotate(List[Tensor], [])
    hd = self.head_dim
    d = w[0].size(1)
    gain = float(d) ** 0.5
    scale = float(hd) ** -0.5
    out.append(w[0])
    if self.tied:
      out.append((w[0] * (w[1] * gain)).t().contiguous())
    else:
      out.append((w[len(w) - 1] * (w[1] * gain)).t().contiguous())
    qk = self.heads + self.kv_heads
    pairs = torch.arange(hd).view([2, hd // 2]).t().reshape([-1])
    rows = torch.cat([(torch.arange(qk).unsqueeze(1) * hd + pairs.unsqueeze(0)).reshape([-1]), torch.arange(qk * hd, (qk + self.kv_heads) * hd)], 0)
    for i in range(self.layers):
      b = 2 + i * self.stride
      a = torch.index_select(w[b + 1], 0, rows) * (w[b] * gain)
      if self.qk_norm:
        s = torch.cat([(w[b + 6] * (scale * float(hd) ** 0.5)).expand([self.heads, hd]), (w[b + 7] * (float(hd) ** 0.5)).expand([self.kv_heads, hd])], 0)
        s = torch.index_select(s, 1, pairs)
      else:
        s = torch.cat([torch.full([self.heads, hd], scale), torch.ones([self.kv_heads, hd])], 0)
      out.append(a.t().contiguous())
      out.append(s)
      out.append(w[b + 2].t().contiguous())
      out.append((w[b + 4] * (w[b + 3] * gain)).t().contiguous())
      out.append(w[b + 5].t().contiguous())
      if self.qkv_bias:
        out.append(torch.index_select(w[b + self.stride - 1], 0, rows))
      else:
        out.append(w[b])
    return out
  def qkv(self: __torch__.Transformer, f: List[Tensor], b: int, x: Tensor, turn: Tensor, fd: Tensor, fh: Tensor, first: int) -> Tuple[Tensor, Tensor]:
    h = __torch__.unit(x, fd)
    heads = self.heads + self.kv_heads - first
    scale = f[b + 1]
    m = f[b]
    begin = first * self.head_dim
    if first > 0:
      scale = torch.narrow(scale, 0, first, heads)
      m = torch.narrow(m, 1, begin, m.size(1) - begin)
      turn = torch.narrow(turn, 1, first, heads)
    if self.qkv_bias:
      y = torch.addmm(torch.narrow(f[b + 5], 0, begin, m.size(1)), h, m)
    else:
      y = torch.mm(h, m)
    n = y.size(0)
    y = y.view([n, heads + self.kv_heads, self.head_dim])
    parts = torch.split_with_sizes(y, [heads, self.kv_heads], 1)
    qk = parts[0]
    v = parts[1]
    if self.qk_norm:
      qk = __torch__.unit(qk, fh)
    if torch.is_grad_enabled():
      qk = qk * scale
      z = torch.view_as_complex(qk.view([n, heads, self.head_dim // 2, 2])) * turn
    else:
      qk = qk.mul_(scale)
      z = torch.view_as_complex(qk.view([n, heads, self.head_dim // 2, 2])).mul_(turn)
    return (torch.view_as_real(z).view([n, heads, self.head_dim]), v)
  def tail(self: __torch__.Transformer, f: List[Tensor], b: int, x: Tensor, o: Tensor, fd: Tensor) -> Tensor:
    if torch.is_grad_enabled():
      x = torch.addmm(x, o, f[b + 2])
      h = __torch__.unit(x, fd)
      ff = f[b + 3].size(1) // 2
      g = torch.mm(h, torch.narrow(f[b + 3], 1, 0, ff))
      u = torch.mm(h, torch.narrow(f[b + 3], 1, ff, ff))
      return torch.addmm(x, torch.silu(g) * u, f[b + 4])
    else:
      x.addmm_(o, f[b + 2])
      g, u = torch.chunk(torch.mm(__torch__.unit(x, fd), f[b + 3]), 2, -1)
      return x.addmm_(torch.silu_(g).mul_(u), f[b + 4])
  def head(self: __torch__.Transformer, f: List[Tensor], x: Tensor, fd: Tensor) -> Tensor:
    return torch.mm(__torch__.unit(x, fd), f[1])
  def floors(self: __torch__.Transformer, w: Tensor) -> Tuple[Tensor, Tensor]:
    return (torch.full([], float(w.size(1)) * self.eps), torch.full([], float(self.head_dim) * self.eps))
  def cache_dtype(self: __torch__.Transformer) -> int:
    if self.exact:
      return 7
    else:
      return 6
  def weigh(self: __torch__.Transformer, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    if self.exact:
      p = torch.softmax(torch.baddbmm(bias, q.to(7), k), -1)
      return torch.bmm(p, v).to(6)
    else:
      return torch.bmm(torch.softmax(torch.baddbmm(bias, q, k), -1), v)
  def bags(self: __torch__.Transformer, begin: int, end: int, L: int, keys: Tensor, values: Tensor) -> List[Tensor]:
    KV = self.kv_heads
    r = self.heads // KV
    hd = self.head_dim
    n = (end - begin) * KV
    pages = (L + keys.size(3) - 1) // keys.size(3)
    row = torch.arange(begin * KV, end * KV, dtype=3)
    page = row.view([-1, 1, 1]) * keys.size(1) + torch.arange(pages, dtype=3)
    k = page.unsqueeze(3) * hd + torch.arange(hd, dtype=3)
    v = row.view([-1, 1, 1]) * values.size(1) + torch.arange(L, dtype=3)
    out = annotate(List[Tensor], [])
    out.append(k.expand([n, r, pages, hd]).reshape([-1]))
    out.append(torch.arange(0, n * r * pages * hd + 1, hd, dtype=3))
    out.append(v.expand([n, r, L]).reshape([-1]))
    out.append(torch.arange(0, n * r * L + 1, L, dtype=3))
    return out
  def weigh_bags(self: __torch__.Transformer, q: Tensor, keys: Tensor, values: Tensor, bags: List[Tensor], bias: Tensor) -> Tensor:
    n = q.size(0)
    r = q.size(1)
    hd = q.size(2)
    L = bias.size(2)
    page = keys.size(3)
    pages = (L + page - 1) // page
    w = q.unsqueeze(2).expand([n, r, pages, hd]).reshape([-1])
    s = torch._embedding_bag_forward_only(keys.view([-1, page]), bags[0], bags[1], False, 0, False, w, True)[0]
    p = torch.softmax(torch.narrow(s.view([n, r, pages * page]), 2, 0, L) + bias, -1)
    o = torch._embedding_bag_forward_only(values.view([-1, hd]), bags[2], bags[3], False, 0, False, p.view([-1]), True)[0]
    return o.view([n, r, hd])
  def bias(self: __torch__.Transformer, allowed: Tensor) -> Tensor:
    n = allowed.size(0)
    T = allowed.size(2)
    L = allowed.size(3)
    r = self.heads // self.kv_heads
    KV = self.kv_heads
    if n == 1:
      KV = 1
    b = torch.where(allowed, 0., -inf).to((self).cache_dtype())
    return b.expand([n, KV, T, L]).unsqueeze(2).expand([n, KV, r, T, L]).reshape([n * KV, r * T, L])
  def attend(self: __torch__.Transformer, q: Tensor, k: Tensor, v: Tensor, allowed: Optional[Tensor], bias: Optional[Tensor]) -> Tensor:
    n = q.size(0)
    T = q.size(1)
    L = k.size(1)
    KV = self.kv_heads
    r = self.heads // KV
    hd = self.head_dim
    if bias is None:
      qh = q.transpose(1, 2)
      kh = k.transpose(1, 2).unsqueeze(2).expand([n, KV, r, L, hd]).reshape([n, self.heads, L, hd])
      vh = v.transpose(1, 2).unsqueeze(2).expand([n, KV, r, L, hd]).reshape([n, self.heads, L, hd])
      o = torch.scaled_dot_product_attention(qh, kh, vh, allowed, 0., allowed is None, scale=1.)
      return o.transpose(1, 2).reshape([n * T, self.heads * hd])
    else:
      qh = q.view([n, T, KV, r, hd]).permute([0, 2, 3, 1, 4]).reshape([n * KV, r * T, hd])
      kh = k.permute([0, 2, 3, 1]).reshape([n * KV, hd, L])
      vh = v.transpose(1, 2).reshape([n * KV, L, hd])
      o = (self).weigh(qh, kh.to((self).cache_dtype()), vh.to((self).cache_dtype()), ops.aten._unwrap_optional(bias))
      return o.view([n, KV, r, T, hd]).permute([0, 3, 1, 2, 4]).reshape([n * T, self.heads * hd])
  def masks(self: __torch__.Transformer, T: int, L: int, before: Tensor) -> Tuple[Optional[Tensor], Optional[Tensor]]:
    allowed = annotate(Optional[Tensor], None)
    bias = annotate(Optional[Tensor], None)
    causal = before.numel() == 1 and int(before[0].item()) == 0
    if self.exact or not causal:
      mask = (torch.arange(L).view([1, 1, 1, L]) <= torch.arange(T).view([1, 1, T, 1]) + before.view([-1, 1, 1, 1]))
      allowed = mask
      if L <= 512:
        bias = (self).bias(mask)
    return (allowed, bias)
  def hidden(self: __torch__.Transformer, w: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor) -> Tuple[Tensor, List[Tensor], Tensor]:
    f = (self).fold(w)
    fd, fh = (self).floors(w[0])
    turn = (self).turns(pos, self.heads + self.kv_heads)
    x = torch.embedding(w[0], ids)
    hd = self.head_dim
    H = self.heads
    KV = self.kv_heads
    dense = len(query) == 1 and query[0].numel() == ids.size(0) and key[0].numel() == ids.size(0)
    alloweds = annotate(List[Optional[Tensor]], [])
    biases = annotate(List[Optional[Tensor]], [])
    for j in range(len(query)):
      allowed, bias = (self).masks(query[j].size(1), key[j].size(1), before[j])
      alloweds.append(allowed)
      biases.append(bias)
    for i in range(self.layers):
      b = 2 + i * 6
      qk, v = (self).qkv(f, b, x, turn, fd, fh, 0)
      heads = torch.split_with_sizes(qk, [H, KV], 1)
      if dense:
        n = query[0].size(0)
        T = query[0].size(1)
        o = (self).attend(heads[0].view([n, T, H, hd]), heads[1].view([n, T, KV, hd]), v.view([n, T, KV, hd]), alloweds[0], biases[0])
      else:
        kv = torch.cat([heads[1], v], 1)
        outs = annotate(List[Tensor], [])
        for j in range(len(query)):
          q = torch.index_select(heads[0], 0, query[j].view([-1])).view([query[j].size(0), query[j].size(1), H, hd])
          s = torch.index_select(kv, 0, key[j].view([-1])).view([key[j].size(0), key[j].size(1), 2 * KV, hd])
          outs.append((self).attend(q, torch.narrow(s, 2, 0, KV), torch.narrow(s, 2, KV, KV), alloweds[j], biases[j]))
        o = torch.index_select(torch.cat(outs, 0), 0, back)
      if i == self.layers - 1:
        x = torch.index_select(x, 0, source)
        o = torch.index_select(o, 0, source)
      x = (self).tail(f, b, x, o, fd)
    return (x, f, fd)
  def log_probs(self: __torch__.Transformer, w: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, temperature: float) -> Tuple[Tensor, Tensor]:
    n = source.size(0)
    if n < 8:
      source = source.repeat([8])
    x, f, fd = (self).hidden(w, ids, pos, query, key, before, back, source)
    logits = torch.narrow((self).head(f, x, fd), 0, 0, n) / temperature
    lp = torch.log_softmax(logits, -1)
    return (torch.gather(lp, 1, target.unsqueeze(1)).squeeze(1), lp)
  def score(self: __torch__.Transformer, w: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, temperature: float) -> Tuple[Tensor, Tensor]:
    token, lp = (self).log_probs(w, ids, pos, query, key, before, back, source, target, temperature)
    return (token, -(torch.exp(lp) * lp).sum([-1]))
  def objective(self: __torch__.Transformer, w: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, credit: Tensor, weight: Tensor, behaviour: Tensor, base: Tensor, row: Tensor, share: Tensor, off_policy: Tensor, rule: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    ratio_form = int(rule[0].item())
    low = float(rule[1].item())
    high = float(rule[2].item())
    dual = float(rule[3].item())
    kl = float(rule[4].item())
    bonus = float(rule[5].item())
    temperature = float(rule[6].item())
    rows = int(rule[7].item())
    shaping = float(rule[8].item())
    token, lp = (self).log_probs(w, ids, pos, query, key, before, back, source, target, temperature)
    if ratio_form == 0:
      objective = credit * token
    else:
      if off_policy.numel() > 0:
        behaviour = torch.where(off_policy > 0, token.detach(), behaviour)
      log_ratio = token - behaviour
      if ratio_form == 2:
        mean = torch.index_add(torch.zeros([rows], dtype=6), 0, row, log_ratio * share)
        log_ratio = torch.index_select(mean, 0, row)
      ratio = torch.exp(log_ratio)
      objective = torch.minimum(ratio * credit, torch.clamp(ratio, 1. - low, 1. + high) * credit)
      if dual > 0.:
        objective = torch.where(credit < 0, torch.maximum(objective, credit * dual), objective)
    if off_policy.numel() > 0:
      p = torch.exp(token)
      objective = torch.where(off_policy > 0, credit * p / (p + shaping), objective)
    loss = -objective.sum()
    if kl > 0.:
      d = base - token
      loss = loss + (weight * (torch.exp(d) - d - 1.)).sum() * kl
    if bonus > 0.:
      loss = loss - (weight * -(torch.exp(lp) * lp).sum([-1])).sum() * bonus
    return (loss, token, lp)
  def collected(self: __torch__.Transformer, loss: Tensor, token: Tensor, lp: Tensor, p: List[Tensor], g: List[Tensor]) -> Tuple[Tensor, Tensor, Tensor]:
    grads = torch.grad([loss], p)
    torch.set_grad_enabled(False)
    for i in range(len(p)):
      g[i].add_(ops.aten._unwrap_optional(grads[i]))
    entropy = -(torch.exp(lp) * lp).sum([-1])
    torch.set_grad_enabled(True)
    return (loss.detach(), token.detach(), entropy)
  def accumulate(self: __torch__.Transformer, w: List[Tensor], g: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, credit: Tensor, weight: Tensor, behaviour: Tensor, base: Tensor, row: Tensor, share: Tensor, off_policy: Tensor, rule: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    loss, token, lp = (self).objective(w, ids, pos, query, key, before, back, source, target, credit, weight, behaviour, base, row, share, off_policy, rule)
    return (self).collected(loss, token, lp, w, g)
  def accumulate_adapters(self: __torch__.Transformer, w: List[Tensor], p: List[Tensor], places: Tensor, scale: Tensor, g: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, credit: Tensor, weight: Tensor, behaviour: Tensor, base: Tensor, row: Tensor, share: Tensor, off_policy: Tensor, rule: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    loss, token, lp = (self).objective((self).merged(w, p, places, float(scale[0].item())), ids, pos, query, key, before, back, source, target, credit, weight, behaviour, base, row, share, off_policy, rule)
    return (self).collected(loss, token, lp, p, g)
  def merged(self: __torch__.Transformer, w: List[Tensor], p: List[Tensor], places: Tensor, scale: float) -> List[Tensor]:
    out = annotate(List[Tensor], [])
    for i in range(len(w)):
      out.append(w[i])
    for j in range(places.size(0)):
      slot = int(places[j][0].item())
      row = int(places[j][1].item())
      delta = torch.mm(p[2 * j + 1], p[2 * j]) * scale
      rest = out[slot].size(0) - row - delta.size(0)
      out[slot] = out[slot] + torch.constant_pad_nd(delta, [0, 0, row, rest], 0)
    return out
  def merge(self: __torch__.Transformer, target: List[Tensor], w: List[Tensor], p: List[Tensor], places: Tensor, scale: float) -> int:
    full = (self).merged(w, p, places, scale)
    for i in range(len(target)):
      target[i].detach().copy_(full[i])
    return places.size(0)
  def step(self: __torch__.Transformer, w: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], count: List[Tensor], lr: float, beta1: float, beta2: float, eps: float, decay: float, clip: float) -> Tensor:
    norm = torch.linalg_vector_norm(torch.stack(torch._foreach_norm(g, 2)))
    if bool(torch.isfinite(norm).item()):
      if clip > 0.:
        torch._foreach_mul_(g, torch.clamp(torch.reciprocal(norm + 1e-06) * clip, None, 1.))
      torch._foreach_add_(count, 1)
      if decay > 0.:
        for i in range(len(w)):
          if w[i].dim() > 1:
            w[i].detach().mul_(1. - lr * decay)
      torch._fused_adamw_(w, g, m, v, annotate(List[Tensor], []), count, lr=lr, beta1=beta1, beta2=beta2, weight_decay=0., eps=eps, amsgrad=False, maximize=False)
    torch._foreach_zero_(g)
    return norm
  def zero(self: __torch__.Transformer, g: List[Tensor]) -> int:
    torch._foreach_zero_(g)
    return len(g)
  def assign(self: __torch__.Transformer, target: List[Tensor], source: List[Tensor]) -> int:
    for i in range(len(target)):
      target[i].detach().copy_(source[i])
    return len(target)
  def prefill(self: __torch__.Transformer, f: List[Tensor], keys: List[Tensor], values: List[Tensor], ids: Tensor, slot: Tensor, origin: Tensor) -> int:
    n = ids.size(0)
    P = ids.size(1)
    KV = self.kv_heads
    fd, fh = (self).floors(f[0])
    turn = (self).turns(torch.arange(P).repeat([n]), self.heads + KV)
    x = torch.embedding(f[0], ids.view([-1]))
    allowed, bias = (self).masks(P, P, torch.zeros([1], dtype=4))
    for i in range(self.layers):
      b = 2 + i * 6
      first = 0
      if i == self.layers - 1 and not self.exact:
        first = self.heads
      qk, v = (self).qkv(f, b, x, turn, fd, fh, first)
      k = torch.narrow(qk, 1, self.heads - first, KV).view([n, P, KV, self.head_dim])
      vv = v.view([n, P, KV, self.head_dim])
      vc = values[i].view([-1, KV, values[i].size(1), self.head_dim])
      if self.exact:
        kc = keys[i].view([-1, KV, keys[i].size(1), self.head_dim])
        torch.narrow(kc, 2, 0, P).index_copy_(0, slot, torch.index_select(k.transpose(1, 2), 0, origin).to(kc.dtype))
      else:
        page = keys[i].size(3)
        kp = keys[i].view([-1, KV, keys[i].size(1), self.head_dim, page])
        for j in range((P + page - 1) // page):
          count = min(page, P - j * page)
          part = torch.narrow(k, 1, j * page, count).permute([0, 2, 3, 1])
          torch.narrow(torch.select(kp, 2, j), 3, 0, count).index_copy_(0, slot, torch.index_select(part, 0, origin))
      torch.narrow(vc, 2, 0, P).index_copy_(0, slot, torch.index_select(vv.transpose(1, 2), 0, origin).to(vc.dtype))
      if i < self.layers - 1:
        o = (self).attend(torch.narrow(qk, 1, 0, self.heads).view([n, P, self.heads, self.head_dim]), k, vv, allowed, bias)
        x = (self).tail(f, b, x, o, fd)
    return n
  def move(self: __torch__.Transformer, keys: List[Tensor], values: List[Tensor], origin: Tensor, target: Tensor, length: int) -> int:
    filled = length
    if not self.exact:
      filled = (length + keys[0].size(3) - 1) // keys[0].size(3)
    for i in range(self.layers):
      k = torch.narrow(keys[i], 1, 0, filled)
      k.index_copy_(0, target, torch.index_select(k, 0, origin))
      v = torch.narrow(values[i], 1, 0, length)
      v.index_copy_(0, target, torch.index_select(v, 0, origin))
    return len(keys)
  def decode(self: __torch__.Transformer, f: List[Tensor], keys: List[Tensor], values: List[Tensor], state: Tensor, numbers: Tensor, steps: int, blocks: Tensor, ends: Tensor, hold: Tensor, restrict: bool, plain: bool) -> Tuple[Tensor, Tensor]:
    n = state.size(0)
    KV = self.kv_heads
    r = self.heads // KV
    hd = self.head_dim
    tok = state[:, 0]
    start = state[:, 1]
    topk = state[:, 2]
    temperature = numbers[:, 0].unsqueeze(1)
    topp = numbers[:, 1].unsqueeze(1)
    row = torch.arange(n * KV)
    fd, fh = (self).floors(f[0])
    tokens = annotate(List[Tensor], [])
    found = annotate(List[Tensor], [])
    greedy = temperature <= 0.
    divisor = torch.where(greedy, torch.ones_like(temperature), temperature)
    first = start.unsqueeze(1).expand([n, KV]).reshape([-1])
    starts = annotate(List[int], [])
    sizes = annotate(List[int], [])
    lengths = annotate(List[int], [])
    bags = annotate(List[List[Tensor]], [])
    begin = 0
    most = 0
    for j in range(blocks.size(0)):
      end = int(blocks[j][0].item())
      length = int(blocks[j][1].item())
      if not self.exact:
        bags.append((self).bags(begin, end, length, keys[0], values[0]))
      starts.append(begin * KV)
      sizes.append((end - begin) * KV)
      lengths.append(length)
      most = max(most, length)
      begin = end
    bias = torch.where(torch.arange(most).unsqueeze(0) <= first.unsqueeze(1), 0., -inf).to((self).cache_dtype())
    masks = annotate(List[Tensor], [])
    for j in range(len(sizes)):
      masks.append(torch.narrow(torch.narrow(bias, 1, 0, lengths[j]), 0, starts[j], sizes[j]).unsqueeze(1))
    zero = torch.zeros([n * KV], dtype=(self).cache_dtype())
    channel = torch.arange(hd).unsqueeze(0)
    turns = (self).turns((start.unsqueeze(0) + torch.arange(steps).unsqueeze(1)).reshape([-1]), self.heads + KV)
    for s in range(steps):
      at = first + s
      if s > 0:
        torch.index_put_(bias, [row, at], zero)
      if self.exact:
        place = at
        line = at
      else:
        line = row * values[0].size(1) + at
        page = keys[0].size(3)
        place = ((at // page) * (hd * page) + at % page).unsqueeze(1) + channel * page
      turn = torch.narrow(turns, 0, s * n, n)
      x = torch.embedding(f[0], tok)
      for i in range(self.layers):
        b = 2 + i * 6
        qk, v = (self).qkv(f, b, x, turn, fd, fh, 0)
        q = torch.narrow(qk, 1, 0, self.heads).reshape([n * KV, r, hd])
        k = torch.narrow(qk, 1, self.heads, KV).reshape([n * KV, hd])
        v = v.reshape([n * KV, hd])
        outs = annotate(List[Tensor], [])
        if self.exact:
          torch.index_put_(keys[i], [row, at], k.to(keys[i].dtype))
          torch.index_put_(values[i], [row, at], v.to(values[i].dtype))
          for j in range(len(sizes)):
            kj = torch.narrow(torch.narrow(keys[i], 0, starts[j], sizes[j]), 1, 0, lengths[j])
            vj = torch.narrow(torch.narrow(values[i], 0, starts[j], sizes[j]), 1, 0, lengths[j])
            outs.append((self).weigh(torch.narrow(q, 0, starts[j], sizes[j]), kj.transpose(1, 2), vj, masks[j]))
        else:
          torch.narrow(keys[i].view([keys[i].size(0), -1]), 0, 0, n * KV).scatter_(1, place, k)
          values[i].view([-1, hd]).index_copy_(0, line, v)
          for j in range(len(sizes)):
            outs.append((self).weigh_bags(torch.narrow(q, 0, starts[j], sizes[j]), keys[i], values[i], bags[j], masks[j]))
        if len(outs) == 1:
          o = outs[0]
        else:
          o = torch.cat(outs, 0)
        x = (self).tail(f, b, x, o.view([n, self.heads * hd]), fd)
      logits = (self).head(f, x, fd)
      if ends.numel() > 0:
        part = torch.index_select(logits, 1, ends)
        logits = torch.index_copy(logits, 1, ends, torch.masked_fill(part, hold > 0, -inf))
      if not plain:
        logits = logits / divisor
      if restrict:
        ordered, order = torch.sort(logits, -1, True)
        V = logits.size(1)
        keep = torch.where(topk > 0, topk, torch.full_like(topk, V)).unsqueeze(1)
        p = torch.softmax(ordered, -1)
        before = torch.cumsum(p, -1) - p
        drop = torch.bitwise_or(torch.arange(V).unsqueeze(0) >= keep, torch.bitwise_and(before >= topp, torch.arange(V).unsqueeze(0) > 0))
        logits = torch.scatter(logits, 1, order, torch.masked_fill(ordered, drop, -inf))
      lp = torch.log_softmax(logits, -1)
      cdf = torch.cumsum(torch.exp(lp), -1)
      u = torch.narrow(numbers, 1, 2 + s, 1) * torch.narrow(cdf, 1, cdf.size(1) - 1, 1)
      drawn = torch.clamp(torch.searchsorted(cdf, u, right=True), None, cdf.size(1) - 1)
      if not plain:
        drawn = torch.where(greedy, torch.argmax(logits, -1, True), drawn)
        given = torch.narrow(state, 1, 3 + s, 1)
        drawn = torch.where(given >= 0, given, drawn)
      chosen = torch.gather(lp, 1, drawn)
      if not plain:
        chosen = torch.where(greedy, torch.zeros_like(temperature), chosen)
      tokens.append(drawn)
      found.append(chosen)
      tok = drawn.squeeze(1)
    return (torch.cat(tokens, 1), torch.cat(found, 1))
  def check(self: __torch__.Transformer, x: Tensor) -> Tuple[Tensor, int]:
    return (torch.mm(x, x), x.size(0))
