def rms(x: Tensor, weight: Tensor, eps: float) -> Tensor:
  return torch.rms_norm(x, [x.size(-1)], weight, eps)
def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
  a, b = torch.chunk(x, 2, -1)
  return torch.addcmul(x * cos, torch.cat([b, a], -1), sin)
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
  def tables(self: __torch__.Transformer, pos: Tensor) -> Tuple[Tensor, Tensor]:
    angle = torch.outer(pos.to(6), self.inv_freq).unsqueeze(1)
    cos = torch.cos(angle)
    sin = torch.sin(angle)
    return (torch.cat([cos, cos], -1), torch.cat([-sin, sin], -1))
  def scales(self: __torch__.Transformer, w: List[Tensor]) -> List[Tensor]:
    out = annotate(List[Tensor], [])
    for i in range(self.layers):
      b = 2 + i * self.stride
      if self.qk_norm:
        out.append(torch.cat([w[b + 6].expand([self.heads, self.head_dim]), w[b + 7].expand([self.kv_heads, self.head_dim])], 0))
      else:
        out.append(w[b])
    return out
  def qkv(self: __torch__.Transformer, w: List[Tensor], b: int, scale: Tensor, x: Tensor, cos: Tensor, sin: Tensor) -> Tuple[Tensor, Tensor]:
    h = __torch__.rms(x, w[b], self.eps)
    if self.qkv_bias:
      y = torch.linear(h, w[b + 1], w[b + self.stride - 1])
    else:
      y = torch.linear(h, w[b + 1])
    y = y.view([x.size(0), self.heads + 2 * self.kv_heads, self.head_dim])
    qk = torch.narrow(y, 1, 0, self.heads + self.kv_heads)
    v = torch.narrow(y, 1, self.heads + self.kv_heads, self.kv_heads)
    if self.qk_norm:
      qk = torch.rms_norm(qk, [self.head_dim], None, self.eps) * scale
    return (__torch__.rotate(qk, cos, sin), v)
  def tail(self: __torch__.Transformer, w: List[Tensor], b: int, x: Tensor, o: Tensor) -> Tensor:
    x = x + torch.linear(o, w[b + 2])
    g, u = torch.chunk(torch.linear(__torch__.rms(x, w[b + 3], self.eps), w[b + 4]), 2, -1)
    return x + torch.linear(torch.silu(g) * u, w[b + 5])
  def head(self: __torch__.Transformer, w: List[Tensor], x: Tensor) -> Tensor:
    h = __torch__.rms(x, w[1], self.eps)
    if self.tied:
      return torch.linear(h, w[0])
    else:
      return torch.linear(h, w[len(w) - 1])
  def cache_dtype(self: __torch__.Transformer) -> int:
    if self.exact:
      return 7
    else:
      return 6
  def weigh(self: __torch__.Transformer, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    scale = float(self.head_dim) ** -0.5
    if self.exact:
      p = torch.softmax(torch.baddbmm(bias.to(7), q.to(7), k, beta=1, alpha=scale), -1)
      return torch.bmm(p, v).to(6)
    else:
      return torch.bmm(torch.softmax(torch.baddbmm(bias, q, k, beta=1, alpha=scale), -1), v)
  def attend(self: __torch__.Transformer, q: Tensor, k: Tensor, v: Tensor, mask: Optional[Tensor]) -> Tensor:
    n = q.size(0)
    T = q.size(1)
    L = k.size(1)
    KV = self.kv_heads
    r = self.heads // KV
    hd = self.head_dim
    if L > 512 or not self.exact:
      qh = q.transpose(1, 2)
      kh = k.transpose(1, 2).unsqueeze(2).expand([n, KV, r, L, hd]).reshape([n, self.heads, L, hd])
      vh = v.transpose(1, 2).unsqueeze(2).expand([n, KV, r, L, hd]).reshape([n, self.heads, L, hd])
      o = torch.scaled_dot_product_attention(qh, kh, vh, mask, 0., mask is None)
      return o.transpose(1, 2).reshape([n * T, self.heads * hd])
    else:
      if mask is None:
        allowed = torch.tril(torch.ones([T, L], dtype=11)).view([1, 1, T, L])
      else:
        allowed = ops.aten._unwrap_optional(mask)
      bias = torch.where(allowed, 0., -inf).expand([n, KV, T, L]).unsqueeze(2).expand([n, KV, r, T, L]).reshape([n * KV, r * T, L])
      qh = q.view([n, T, KV, r, hd]).permute([0, 2, 3, 1, 4]).reshape([n * KV, r * T, hd])
      kh = k.permute([0, 2, 3, 1]).reshape([n * KV, hd, L])
      vh = v.transpose(1, 2).reshape([n * KV, L, hd])
      o = (self).weigh(qh, kh.to((self).cache_dtype()), vh.to((self).cache_dtype()), bias)
      return o.view([n, KV, r, T, hd]).permute([0, 3, 1, 2, 4]).reshape([n * T, self.heads * hd])
  def hidden(self: __torch__.Transformer, w: List[Tensor], ids: Tensor, pos: Tensor, whole: Tensor, whole_back: Tensor, query: Tensor, query_back: Tensor, key: Tensor, prompt_length: Tensor) -> Tensor:
    cos, sin = (self).tables(pos)
    scale = (self).scales(w)
    x = torch.embedding(w[0], ids)
    G = whole.size(0)
    P = whole.size(1)
    R = query.size(0)
    T = query.size(1)
    L = key.size(1)
    hd = self.head_dim
    qk_heads = self.heads + self.kv_heads
    dense = R == 0 and G * P == ids.size(0)
    mask = (torch.arange(L).view([1, 1, 1, L]) <= torch.arange(T).view([1, 1, T, 1]) + prompt_length.view([R, 1, 1, 1]))
    for i in range(self.layers):
      b = 2 + i * self.stride
      qk, v = (self).qkv(w, b, scale[i], x, cos, sin)
      if dense:
        qkv = qk
        o = (self).attend(torch.narrow(qk, 1, 0, self.heads).view([G, P, self.heads, hd]), torch.narrow(qk, 1, self.heads, self.kv_heads).view([G, P, self.kv_heads, hd]), v.view([G, P, self.kv_heads, hd]), None)
      else:
        qkv = torch.cat([qk, v], 1)
        s = torch.index_select(qkv, 0, whole.view([-1])).view([G, P, qk_heads + self.kv_heads, hd])
        o = (self).attend(torch.narrow(s, 2, 0, self.heads), torch.narrow(s, 2, self.heads, self.kv_heads), torch.narrow(s, 2, qk_heads, self.kv_heads), None)
        o = torch.index_select(o, 0, whole_back)
      if R > 0:
        q = torch.index_select(torch.narrow(qkv, 1, 0, self.heads), 0, query.view([-1])).view([R, T, self.heads, hd])
        kv = torch.index_select(torch.narrow(qkv, 1, self.heads, 2 * self.kv_heads), 0, key.view([-1])).view([R, L, 2 * self.kv_heads, hd])
        p = (self).attend(q, torch.narrow(kv, 2, 0, self.kv_heads), torch.narrow(kv, 2, self.kv_heads, self.kv_heads), mask)
        o = torch.cat([o, torch.index_select(p, 0, query_back)], 0)
      x = (self).tail(w, b, x, o)
    return x
  def log_probs(self: __torch__.Transformer, w: List[Tensor], ids: Tensor, pos: Tensor, whole: Tensor, whole_back: Tensor, query: Tensor, query_back: Tensor, key: Tensor, prompt_length: Tensor, source: Tensor, target: Tensor, temperature: float) -> Tuple[Tensor, Tensor]:
    x = (self).hidden(w, ids, pos, whole, whole_back, query, query_back, key, prompt_length)
    logits = (self).head(w, torch.index_select(x, 0, source)) / temperature
    lp = torch.log_softmax(logits, -1)
    return (torch.gather(lp, 1, target.unsqueeze(1)).squeeze(1), lp)
  def logits(self: __torch__.Transformer, w: List[Tensor], ids: Tensor, pos: Tensor, whole: Tensor, whole_back: Tensor, query: Tensor, query_back: Tensor, key: Tensor, prompt_length: Tensor) -> Tensor:
    return (self).head(w, (self).hidden(w, ids, pos, whole, whole_back, query, query_back, key, prompt_length))
  def score(self: __torch__.Transformer, w: List[Tensor], ids: Tensor, pos: Tensor, whole: Tensor, whole_back: Tensor, query: Tensor, query_back: Tensor, key: Tensor, prompt_length: Tensor, source: Tensor, target: Tensor, temperature: float) -> Tuple[Tensor, Tensor]:
    token, lp = (self).log_probs(w, ids, pos, whole, whole_back, query, query_back, key, prompt_length, source, target, temperature)
    return (token, -(torch.exp(lp) * lp).sum([-1]))
  def accumulate(self: __torch__.Transformer, w: List[Tensor], g: List[Tensor], ids: Tensor, pos: Tensor, whole: Tensor, whole_back: Tensor, query: Tensor, query_back: Tensor, key: Tensor, prompt_length: Tensor, source: Tensor, target: Tensor, credit: Tensor, weight: Tensor, behaviour: Tensor, base: Tensor, row: Tensor, share: Tensor, rule: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    ratio_form = int(rule[0].item())
    low = float(rule[1].item())
    high = float(rule[2].item())
    dual = float(rule[3].item())
    kl = float(rule[4].item())
    bonus = float(rule[5].item())
    temperature = float(rule[6].item())
    rows = int(rule[7].item())
    token, lp = (self).log_probs(w, ids, pos, whole, whole_back, query, query_back, key, prompt_length, source, target, temperature)
    if ratio_form == 0:
      objective = credit * token
    else:
      log_ratio = token - behaviour
      if ratio_form == 2:
        mean = torch.index_add(torch.zeros([rows], dtype=6), 0, row, log_ratio * share)
        log_ratio = torch.index_select(mean, 0, row)
      ratio = torch.exp(log_ratio)
      objective = torch.minimum(ratio * credit, torch.clamp(ratio, 1. - low, 1. + high) * credit)
      if dual > 0.:
        objective = torch.where(credit < 0, torch.maximum(objective, credit * dual), objective)
    loss = -objective.sum()
    if kl > 0.:
      d = base - token
      loss = loss + (weight * (torch.exp(d) - d - 1.)).sum() * kl
    if bonus > 0.:
      loss = loss - (weight * -(torch.exp(lp) * lp).sum([-1])).sum() * bonus
    grads = torch.grad([loss], w)
    torch.set_grad_enabled(False)
    for i in range(len(w)):
      g[i].add_(ops.aten._unwrap_optional(grads[i]))
    entropy = -(torch.exp(lp) * lp).sum([-1])
    torch.set_grad_enabled(True)
    return (loss.detach(), token.detach(), entropy)
  def step(self: __torch__.Transformer, w: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], count: List[Tensor], lr: float, beta1: float, beta2: float, eps: float, decay: float, clip: float) -> Tensor:
    norm = torch.linalg_vector_norm(torch.stack(torch._foreach_norm(g, 2)))
    if bool(torch.isfinite(norm).item()):
      if clip > 0.:
        torch._foreach_mul_(g, torch.clamp(torch.reciprocal(norm + 1e-06) * clip, None, 1.))
      torch._foreach_add_(count, 1)
      torch._fused_adamw_(w, g, m, v, annotate(List[Tensor], []), count, lr=lr, beta1=beta1, beta2=beta2, weight_decay=decay, eps=eps, amsgrad=False, maximize=False)
    torch._foreach_zero_(g)
    return norm
  def zero(self: __torch__.Transformer, g: List[Tensor]) -> int:
    torch._foreach_zero_(g)
    return len(g)
  def assign(self: __torch__.Transformer, target: List[Tensor], source: List[Tensor]) -> int:
    for i in range(len(target)):
      target[i].detach().copy_(source[i])
    return len(target)
  def prefill(self: __torch__.Transformer, w: List[Tensor], keys: List[Tensor], values: List[Tensor], ids: Tensor, slot: Tensor, origin: Tensor) -> int:
    n = ids.size(0)
    P = ids.size(1)
    KV = self.kv_heads
    cos, sin = (self).tables(torch.arange(P).repeat([n]))
    scale = (self).scales(w)
    x = torch.embedding(w[0], ids.view([-1]))
    for i in range(self.layers):
      b = 2 + i * self.stride
      qk, v = (self).qkv(w, b, scale[i], x, cos, sin)
      k = torch.narrow(qk, 1, self.heads, KV).view([n, P, KV, self.head_dim])
      vv = v.view([n, P, KV, self.head_dim])
      kc = keys[i].view([-1, KV, keys[i].size(1), self.head_dim])
      vc = values[i].view([-1, KV, values[i].size(1), self.head_dim])
      torch.narrow(kc, 2, 0, P).index_copy_(0, slot, torch.index_select(k.transpose(1, 2), 0, origin).to(kc.dtype))
      torch.narrow(vc, 2, 0, P).index_copy_(0, slot, torch.index_select(vv.transpose(1, 2), 0, origin).to(vc.dtype))
      if i < self.layers - 1:
        o = (self).attend(torch.narrow(qk, 1, 0, self.heads).view([n, P, self.heads, self.head_dim]), k, vv, None)
        x = (self).tail(w, b, x, o)
    return n
  def move(self: __torch__.Transformer, keys: List[Tensor], values: List[Tensor], origin: Tensor, target: Tensor, length: int) -> int:
    for i in range(self.layers):
      k = torch.narrow(keys[i], 1, 0, length)
      k.index_copy_(0, target, torch.index_select(k, 0, origin))
      v = torch.narrow(values[i], 1, 0, length)
      v.index_copy_(0, target, torch.index_select(v, 0, origin))
    return len(keys)
  def decode(self: __torch__.Transformer, w: List[Tensor], keys: List[Tensor], values: List[Tensor], state: Tensor, numbers: Tensor, steps: int, length: int, fixed: bool, restrict: bool, plain: bool) -> Tuple[Tensor, Tensor]:
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
    scale = (self).scales(w)
    tokens = annotate(List[Tensor], [])
    found = annotate(List[Tensor], [])
    greedy = temperature <= 0.
    divisor = torch.where(greedy, torch.ones_like(temperature), temperature)
    first = start.unsqueeze(1).expand([n, KV]).reshape([-1])
    most = length
    if not fixed:
      most = length + steps
    bias = torch.where(torch.arange(most).unsqueeze(0) <= first.unsqueeze(1), 0., -inf)
    zero = torch.zeros([n * KV])
    cosa, sina = (self).tables((start.unsqueeze(0) + torch.arange(steps).unsqueeze(1)).reshape([-1]))
    for s in range(steps):
      L = length
      if not fixed:
        L = length + s
      at = first + s
      if s > 0:
        torch.index_put_(bias, [row, at], zero)
      cos = torch.narrow(cosa, 0, s * n, n)
      sin = torch.narrow(sina, 0, s * n, n)
      mask = torch.narrow(bias, 1, 0, L).unsqueeze(1)
      x = torch.embedding(w[0], tok)
      for i in range(self.layers):
        b = 2 + i * self.stride
        qk, v = (self).qkv(w, b, scale[i], x, cos, sin)
        torch.index_put_(keys[i], [row, at], torch.narrow(qk, 1, self.heads, KV).reshape([n * KV, hd]).to(keys[i].dtype))
        torch.index_put_(values[i], [row, at], v.reshape([n * KV, hd]).to(values[i].dtype))
        q = torch.narrow(qk, 1, 0, self.heads).reshape([n * KV, r, hd])
        k = torch.narrow(torch.narrow(keys[i], 0, 0, n * KV), 1, 0, L)
        vv = torch.narrow(torch.narrow(values[i], 0, 0, n * KV), 1, 0, L)
        x = (self).tail(w, b, x, (self).weigh(q, k.transpose(1, 2), vv, mask).view([n, self.heads * hd]))
      logits = (self).head(w, x)
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
      drawn = torch.clamp((cdf <= u).sum([-1], True), 0, cdf.size(1) - 1)
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
