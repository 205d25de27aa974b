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
  chunk_numbers : int
  kept_numbers : int
  def turns(self: __torch__.Transformer, pos: Tensor, heads: int) -> Tensor:
    angle = torch.outer(pos.to(6), self.inv_freq)
    turn = torch.complex(torch.cos(angle), torch.sin(angle)).unsqueeze(1)
    return turn.expand([turn.size(0), heads, turn.size(2)]).contiguous()
  def orders(self: __torch__.Transformer) -> Tuple[Tensor, Tensor]:
    hd = self.head_dim
    qk = self.heads + self.kv_heads
    pairs = torch.arange(hd).view([2, hd // 2]).t().reshape([-1])
    rows = torch.cat([(torch.arange(qk).unsqueeze(1) * hd + pairs.unsqueeze(0)).reshape([-1]), torch.arange(qk * hd, (qk + self.kv_heads) * hd)], 0)
    return (rows, pairs)
  def fold_layer(self: __torch__.Transformer, w: List[Tensor], rows: Tensor, pairs: Tensor) -> List[Tensor]:
    out = annotate(List[Tensor], [])
    hd = self.head_dim
    gain = float(w[0].size(0)) ** 0.5
    scale = float(hd) ** -0.5
    a = torch.index_select(w[1], 0, rows) * (w[0] * gain)
    if self.qk_norm:
      s = torch.cat([(w[6] * (scale * float(hd) ** 0.5)).expand([self.heads, hd]), (w[7] * (float(hd) ** 0.5)).expand([self.kv_heads, hd])], 0)
      s = torch.index_select(s, 1, pairs)
    else:
      s = torch.cat([torch.full([self.heads, hd], scale), torch.ones([self.kv_heads, hd])], 0)
    out.append(a.t().contiguous())
    out.append(s)
    out.append(w[2].t().contiguous())
    out.append((w[4] * (w[3] * gain)).t().contiguous())
    out.append(w[5].t().contiguous())
    if self.qkv_bias:
      out.append(torch.index_select(w[self.stride - 1], 0, rows))
    else:
      out.append(w[0])
    return out
  def fold(self: __torch__.Transformer, w: List[Tensor]) -> List[Tensor]:
    out = annotate(List[Tensor], [])
    gain = float(w[0].size(1)) ** 0.5
    out.append(w[0])
    if self.tied:
      out.append((w[0] * (w[1] * gain)).t().contiguous())
    else:
      out.append((w[len(w) - 1] * (w[1] * gain)).t().contiguous())
    rows, pairs = (self).orders()
    for i in range(self.layers):
      b = 2 + i * self.stride
      out.extend((self).fold_layer(w[b:b + self.stride], rows, pairs))
    return out
  def fold_layer_into(self: __torch__.Transformer, target: List[Tensor], w: List[Tensor]) -> int:
    rows, pairs = (self).orders()
    f = (self).fold_layer(w, rows, pairs)
    for i in range(len(f)):
      target[i].detach().copy_(f[i])
    gain = float(w[0].size(0)) ** 0.5
    if len(target) > len(f):
      target[len(f)].detach().copy_(w[0] * gain)
      target[len(f) + 1].detach().copy_(w[3] * gain)
    return len(target)
  def fold_head_into(self: __torch__.Transformer, target: Tensor, head: Tensor, norm: Tensor) -> int:
    gain = float(norm.size(0)) ** 0.5
    if target.dim() == 1:
      target.detach().copy_(norm * gain)
    else:
      target.detach().t().copy_(head).mul_(norm * gain)
    return 1
  def alike(self: __torch__.Transformer, a: Tensor, b: Tensor) -> bool:
    return torch.equal(a, b)
  def qkv(self: __torch__.Transformer, f: List[Tensor], b: int, a: List[Tensor], x: Tensor, turn: Tensor, fd: Tensor, fh: Tensor, first: int) -> Tuple[Tensor, Tensor]:
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
    if len(a) > 0 and a[0].numel() > 0:
      y = torch.addmm(y, torch.mm(h, a[0]), a[1])
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
  def tail(self: __torch__.Transformer, f: List[Tensor], b: int, a: List[Tensor], keep: bool, x: Tensor, o: Tensor, fd: Tensor) -> Tensor:
    if keep or torch.is_grad_enabled() or len(a) > 0:
      x = torch.addmm(x, o, f[b + 2])
      if len(a) > 0 and a[2].numel() > 0:
        x = torch.addmm(x, torch.mm(o, a[2]), a[3])
      h = __torch__.unit(x, fd)
      ff = f[b + 3].size(1) // 2
      g = torch.mm(h, torch.narrow(f[b + 3], 1, 0, ff))
      u = torch.mm(h, torch.narrow(f[b + 3], 1, ff, ff))
      if len(a) > 0 and a[4].numel() > 0:
        z = torch.mm(h, a[4])
        g = torch.addmm(g, z, torch.narrow(a[5], 1, 0, ff))
        u = torch.addmm(u, z, torch.narrow(a[5], 1, ff, ff))
      g = torch.silu(g) * u
      y = torch.addmm(x, g, f[b + 4])
      if len(a) > 0 and a[6].numel() > 0:
        y = torch.addmm(y, torch.mm(g, a[6]), a[7])
      return y
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
  def all_masks(self: __torch__.Transformer, query: List[Tensor], key: List[Tensor], before: List[Tensor]) -> Tuple[List[Optional[Tensor]], List[Optional[Tensor]]]:
    alloweds = annotate(List[Optional[Tensor]], [])
    biases = annotate(List[Optional[Tensor]], [])
    for j in range(len(query)):
      allowed, bias = (self).masks(query[j].size(1), key[j].size(1), before[j])
      alloweds.append(allowed)
      biases.append(bias)
    return (alloweds, biases)
  def block(self: __torch__.Transformer, f: List[Tensor], b: int, a: List[Tensor], keep: bool, last: bool, x: Tensor, turn: Tensor, fd: Tensor, fh: Tensor, query: List[Tensor], key: List[Tensor], alloweds: List[Optional[Tensor]], biases: List[Optional[Tensor]], back: Tensor, source: Tensor) -> Tensor:
    hd = self.head_dim
    H = self.heads
    KV = self.kv_heads
    qk, v = (self).qkv(f, b, a, x, turn, fd, fh, 0)
    heads = torch.split_with_sizes(qk, [H, KV], 1)
    if len(query) == 1 and query[0].numel() == x.size(0) and key[0].numel() == x.size(0):
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
    if last:
      x = torch.index_select(x, 0, source)
      o = torch.index_select(o, 0, source)
    return (self).tail(f, b, a, keep, x, o, fd)
  def hidden(self: __torch__.Transformer, w: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor) -> Tuple[Tensor, List[Tensor], Tensor]:
    f = (self).fold(w)
    fd, fh = (self).floors(w[0])
    turn = (self).turns(pos, self.heads + self.kv_heads)
    x = torch.embedding(w[0], ids)
    alloweds, biases = (self).all_masks(query, key, before)
    none = annotate(List[Tensor], [])
    for i in range(self.layers):
      x = (self).block(f, 2 + i * 6, none, False, i == self.layers - 1, x, turn, fd, fh, query, key, alloweds, biases, back, source)
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
      loss = loss - (weight * entropy).sum() * bonus
    return loss
  def objective(self: __torch__.Transformer, w: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, credit: Tensor, weight: Tensor, behaviour: Tensor, base: Tensor, row: Tensor, share: Tensor, off_policy: Tensor, rule: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    token, lp = (self).log_probs(w, ids, pos, query, key, before, back, source, target, float(rule[6].item()))
    entropy = token
    if float(rule[5].item()) > 0.:
      entropy = -(torch.exp(lp) * lp).sum([-1])
    return ((self).ruled(token, entropy, credit, weight, behaviour, base, row, share, off_policy, rule), token, lp)
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
  def factors(self: __torch__.Transformer, p: List[Tensor], at: List[int], i: int, scale: float, first: Tensor, second: Tensor, rows: Tensor) -> List[Tensor]:
    out = annotate(List[Tensor], [])
    count = 0
    for m in range(len(at)):
      if at[m] >= 0:
        count = count + 1
    if count == 0:
      return out
    nothing = torch.zeros([0])
    H = self.heads * self.head_dim
    K = self.kv_heads * self.head_dim
    begins = [0, H, H + K, 0, 0, 1, 0]
    groups = [0, 0, 0, 1, 2, 2, 3]
    for group in range(4):
      downs = annotate(List[Tensor], [])
      ups = annotate(List[Tensor], [])
      for m in range(7):
        if groups[m] == group and at[m] >= 0:
          down = p[2 * (count * i + at[m])]
          up = p[2 * (count * i + at[m]) + 1]
          size = up.size(0)
          begin = begins[m]
          total = size
          if group == 0:
            total = H + 2 * K
            down = down * first
            if m < 2:
              up = torch.index_select(up, 0, torch.narrow(rows, 0, begin, size) - begin)
          if group == 2:
            total = 2 * size
            begin = begin * size
            down = down * second
          downs.append(down)
          ups.append(torch.constant_pad_nd(up.t() * scale, [begin, total - begin - size], 0))
      if len(downs) == 0:
        out.append(nothing)
        out.append(nothing)
      else:
        out.append(torch.cat(downs, 0).t())
        out.append(torch.cat(ups, 0))
    return out
  def lean_block(self: __torch__.Transformer, w: List[Tensor], folded: bool, p: List[Tensor], at: List[int], scale: float, keep: bool, i: int, rows: Tensor, pairs: Tensor, x: Tensor, turn: Tensor, fd: Tensor, fh: Tensor, query: List[Tensor], key: List[Tensor], alloweds: List[Optional[Tensor]], biases: List[Optional[Tensor]], back: Tensor, source: Tensor) -> Tensor:
    last = i == self.layers - 1
    if folded:
      b = 2 + i * 8
      a = (self).factors(p, at, i, scale, w[b + 6], w[b + 7], rows)
      return (self).block(w, b, a, keep, last, x, turn, fd, fh, query, key, alloweds, biases, back, source)
    else:
      b = 2 + i * self.stride
      f = (self).fold_layer(w[b:b + self.stride], rows, pairs)
      return (self).block(f, 0, annotate(List[Tensor], []), keep, last, x, turn, fd, fh, query, key, alloweds, biases, back, source)
  def lean_gain(self: __torch__.Transformer, w: List[Tensor], folded: bool) -> Tensor:
    if folded:
      return w[1]
    else:
      return w[1] * float(w[1].size(0)) ** 0.5
  def lean_head(self: __torch__.Transformer, w: List[Tensor]) -> Tensor:
    if self.tied:
      return w[0].detach()
    else:
      return w[len(w) - 1].detach()
  def chunk_rows(self: __torch__.Transformer, vocabulary: int) -> int:
    return max(8, self.chunk_numbers // vocabulary)
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
  def lean_score(self: __torch__.Transformer, w: List[Tensor], p: List[Tensor], folded: bool, at: List[int], scale: float, ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, temperature: float) -> Tuple[Tensor, Tensor]:
    rows, pairs = (self).orders()
    fd, fh = (self).floors(w[0])
    turn = (self).turns(pos, self.heads + self.kv_heads)
    alloweds, biases = (self).all_masks(query, key, before)
    x = torch.embedding(w[0], ids)
    for i in range(self.layers):
      x = (self).lean_block(w, folded, p, at, scale, False, i, rows, pairs, x, turn, fd, fh, query, key, alloweds, biases, back, source)
    h = __torch__.unit(x, fd) * (self).lean_gain(w, folded)
    token, entropy, kept = (self).lean_scores(h, (self).lean_head(w), target, temperature, False)
    return (token, entropy)
  def lean(self: __torch__.Transformer, w: List[Tensor], p: List[Tensor], folded: bool, at: List[int], scale: float, g: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, credit: Tensor, weight: Tensor, behaviour: Tensor, base: Tensor, row: Tensor, share: Tensor, off_policy: Tensor, rule: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    temperature = float(rule[6].item())
    recomputed = int(rule[9].item())
    each = len(p) // self.layers
    rows, pairs = (self).orders()
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
      g[0].index_add_(0, ids, back_of)
      torch.set_grad_enabled(True)
    return (loss.detach(), token.detach(), entropy.detach())
  def places(self: __torch__.Transformer, at: Tensor) -> List[int]:
    out = annotate(List[int], [])
    for m in range(at.size(0)):
      out.append(int(at[m].item()))
    return out
  def score_lean(self: __torch__.Transformer, w: List[Tensor], p: List[Tensor], folded: bool, at: Tensor, scale: float, ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, temperature: float) -> Tuple[Tensor, Tensor]:
    return (self).lean_score(w, p, folded, (self).places(at), scale, ids, pos, query, key, before, back, source, target, temperature)
  def accumulate_lean(self: __torch__.Transformer, w: List[Tensor], g: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, credit: Tensor, weight: Tensor, behaviour: Tensor, base: Tensor, row: Tensor, share: Tensor, off_policy: Tensor, rule: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    return (self).lean(w, annotate(List[Tensor], []), False, annotate(List[int], []), 1., g, ids, pos, query, key, before, back, source, target, credit, weight, behaviour, base, row, share, off_policy, rule)
  def accumulate_adapters_lean(self: __torch__.Transformer, w: List[Tensor], p: List[Tensor], at: Tensor, scale: Tensor, g: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, credit: Tensor, weight: Tensor, behaviour: Tensor, base: Tensor, row: Tensor, share: Tensor, off_policy: Tensor, rule: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    return (self).lean(w, p, True, (self).places(at), float(scale[0].item()), g, ids, pos, query, key, before, back, source, target, credit, weight, behaviour, base, row, share, off_policy, rule)
  def merge_one(self: __torch__.Transformer, w: Tensor, a: Tensor, b: Tensor, scale: float) -> int:
    w.detach().copy_(w + torch.mm(b, a) * scale)
    return 1
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
  def prefill(self: __torch__.Transformer, f: List[Tensor], keys: List[Tensor], values: List[Tensor], ids: Tensor, slot: Tensor, origin: Tensor) -> int:
    none = annotate(List[Tensor], [])
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
      qk, v = (self).qkv(f, b, none, x, turn, fd, fh, first)
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
        x = (self).tail(f, b, none, False, x, o, fd)
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
    none = annotate(List[Tensor], [])
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
        qk, v = (self).qkv(f, b, none, x, turn, fd, fh, 0)
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
        x = (self).tail(f, b, none, False, x, o.view([n, self.heads * hd]), fd)
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
