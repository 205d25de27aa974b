# Sampling over a cache of keys and values, with folded weights; no gradients. Keys and values are [nK, length, d] of each layer: float64 in
# exact precision, bfloat16 in half. On CPUs in fast precision keys lie in pages [nK, pages, d, page], both float32.

  # Indices for weigh_bags, of rows begin to end with L keys; the same for all layers and steps of a call. Keys and values are tables: a
  # row of the first is the page of one channel, a row of the second a key's value. Bags are their offsets.
  def bags(self: __torch__.Transformer, begin: int, end: int, L: int, keys: Tensor, values: Tensor) -> List[Tensor]:
    KV = self.kv_heads
    r = self.heads // KV
    hd = self.head_dim
    n = (end - begin) * KV
    pages = (L + keys.size(3) - 1) // keys.size(3)
    row = torch.arange(begin * KV, end * KV, dtype=self.int32, device=keys.device)
    page = row.view([-1, 1, 1]) * keys.size(1) + torch.arange(pages, dtype=self.int32, device=keys.device)
    k = page.unsqueeze(3) * hd + torch.arange(hd, dtype=self.int32, device=keys.device)
    v = row.view([-1, 1, 1]) * values.size(1) + torch.arange(L, dtype=self.int32, device=keys.device)
    out = annotate(List[Tensor], [])
    out.append(k.expand([n, r, pages, hd]).reshape([-1]))
    out.append(torch.arange(0, n * r * pages * hd + 1, hd, dtype=self.int32, device=keys.device))
    out.append(v.expand([n, r, L]).reshape([-1]))
    out.append(torch.arange(0, n * r * L + 1, L, dtype=self.int32, device=keys.device))
    return out

  # Attention of one query a head over the cache: weigh for T = 1. q [nK, r, d], bias [nK, 1, L], gives [nK, r, d].
  #
  # A product of one query with many keys is so thin that libtorch's batched product takes four lanes at a time on AMD. It is a weighted
  # sum of table rows too, sum_c q_c K[c] over channels and sum_l p_l V[l] over keys, which libtorch's embedding bag does with all lanes;
  # and it sums a bag in one order whatever its neighbours are. Its naive twin is weigh, which exact precision takes.
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

  # The same where keys lie as values do, k and v [nK, L, d]: in exact precision by weigh, else by libtorch's fused kernel.
  def weigh_whole(self: __torch__.Transformer, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    if self.exact:
      return (self).weigh(q, k.transpose(1, 2), v, bias)
    else:
      allowed = bias.expand([q.size(0), q.size(1), k.size(1)]).unsqueeze(1)
      o = torch.scaled_dot_product_attention(q.to(k.dtype).unsqueeze(1), k.unsqueeze(1), v.unsqueeze(1), allowed, 0., False, scale=1.)
      return o.squeeze(1).to(self.float32)

  # Computes prompts ids [n, P] and puts their keys and values into the cache: prompt origin[i] into slot[i], so that rows of one prompt
  # share the work. The last layer's output is of no use. Gives n.
  def prefill(self: __torch__.Transformer, f: List[Tensor], keys: List[Tensor], values: List[Tensor], ids: Tensor, slot: Tensor, origin: Tensor) -> int:
    none = annotate(List[Tensor], [])
    ids, slot, origin = (self).placed([ids, slot, origin], f[0])
    n = ids.size(0)
    P = ids.size(1)
    KV = self.kv_heads
    fd, fh = (self).floors(f[0])
    turn = (self).turns(torch.arange(P, device=ids.device).repeat([n]), self.heads + KV)
    x = torch.embedding(f[0], ids.view([-1])).to(self.float32)
    allowed, bias = (self).masks(P, P, torch.zeros([1], dtype=self.int64, device=ids.device), True)
    for i in range(self.layers):
      b = 2 + i * 6
      first = 0
      if i == self.layers - 1 and not self.exact:
        first = self.heads
      qk, v = (self).qkv(f, b, none, x, turn, fd, fh, first)
      k = torch.narrow(qk, 1, self.heads - first, KV).view([n, P, KV, self.head_dim])
      vv = v.view([n, P, KV, self.head_dim])
      vc = values[i].view([-1, KV, values[i].size(1), self.head_dim])
      if not self.paged:
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

  # Copies the first `length` keys and values of rows `origin` to rows `target`. Gives the count of layers.
  def move(self: __torch__.Transformer, keys: List[Tensor], values: List[Tensor], origin: Tensor, target: Tensor, length: int) -> int:
    filled = length
    origin, target = (self).placed([origin, target], keys[0])
    if self.paged:
      filled = (length + keys[0].size(3) - 1) // keys[0].size(3)
    for i in range(self.layers):
      k = torch.narrow(keys[i], 1, 0, filled)
      k.index_copy_(0, target, torch.index_select(k, 0, origin))
      v = torch.narrow(values[i], 1, 0, length)
      v.index_copy_(0, target, torch.index_select(v, 0, origin))
    return len(keys)

  # Some steps of n rows, see Decode in Java: state [n, 3 + steps] int64 (token, its position, top-k; then the given token of each step,
  # -1 for none), numbers [n, 2 + steps] float32 (temperature, top-p; then the uniform number of each step), blocks [b, 2] int64 (end row,
  # keys), ends: tokens that rows with hold [n, 1] do not draw. Noise is an input: what is drawn depends on seed and position alone. Gives
  # tokens and log-probs [n, steps].
  def decode(self: __torch__.Transformer, f: List[Tensor], keys: List[Tensor], values: List[Tensor], state: Tensor, numbers: Tensor, steps: int, blocks: Tensor, ends: Tensor, hold: Tensor, restrict: bool, plain: bool) -> Tuple[Tensor, Tensor]:
    none = annotate(List[Tensor], [])
    state, numbers, ends, hold = (self).placed([state, numbers, ends, hold], f[0])
    n = state.size(0)
    KV = self.kv_heads
    r = self.heads // KV
    hd = self.head_dim
    tok = state[:, 0]
    start = state[:, 1]
    topk = state[:, 2]
    temperature = numbers[:, 0].unsqueeze(1)
    topp = numbers[:, 1].unsqueeze(1)
    row = torch.arange(n * KV, device=state.device)
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
      if self.paged:
        bags.append((self).bags(begin, end, length, keys[0], values[0]))
      starts.append(begin * KV)
      sizes.append((end - begin) * KV)
      lengths.append(length)
      most = max(most, length)
      begin = end
    bias = torch.where(torch.arange(most, device=state.device).unsqueeze(0) <= first.unsqueeze(1), 0., -inf).to((self).cache_dtype())
    masks = annotate(List[Tensor], [])
    for j in range(len(sizes)):
      masks.append(torch.narrow(torch.narrow(bias, 1, 0, lengths[j]), 0, starts[j], sizes[j]).unsqueeze(1))
    zero = torch.zeros([n * KV], dtype=(self).cache_dtype(), device=state.device)
    channel = torch.arange(hd, device=state.device).unsqueeze(0)
    turns = (self).turns((start.unsqueeze(0) + torch.arange(steps, device=state.device).unsqueeze(1)).reshape([-1]), self.heads + KV)
    for s in range(steps):
      at = first + s
      if s > 0:
        torch.index_put_(bias, [row, at], zero)
      if not self.paged:
        place = at
        line = at
      else:
        line = row * values[0].size(1) + at
        page = keys[0].size(3)
        place = ((at // page) * (hd * page) + at % page).unsqueeze(1) + channel * page
      turn = torch.narrow(turns, 0, s * n, n)
      x = torch.embedding(f[0], tok).to(self.float32)
      for i in range(self.layers):
        b = 2 + i * 6
        qk, v = (self).qkv(f, b, none, x, turn, fd, fh, 0)
        q = torch.narrow(qk, 1, 0, self.heads).reshape([n * KV, r, hd])
        k = torch.narrow(qk, 1, self.heads, KV).reshape([n * KV, hd])
        v = v.reshape([n * KV, hd])
        outs = annotate(List[Tensor], [])
        if not self.paged:
          torch.index_put_(keys[i], [row, at], k.to(keys[i].dtype))
          torch.index_put_(values[i], [row, at], v.to(values[i].dtype))
          for j in range(len(sizes)):
            kj = torch.narrow(torch.narrow(keys[i], 0, starts[j], sizes[j]), 1, 0, lengths[j])
            vj = torch.narrow(torch.narrow(values[i], 0, starts[j], sizes[j]), 1, 0, lengths[j])
            outs.append((self).weigh_whole(torch.narrow(q, 0, starts[j], sizes[j]), kj, vj, masks[j]))
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
      # Rows that are held may not end.
      if ends.numel() > 0:
        part = torch.index_select(logits, 1, ends)
        logits = torch.index_copy(logits, 1, ends, torch.masked_fill(part, hold > 0, -inf))
      if not plain:
        logits = logits / divisor
      # Top-k and top-p over sorted logits; what is dropped is -inf before the softmax, so log-probs are of what was drawn from.
      if restrict:
        ordered, order = torch.sort(logits, -1, True)
        V = logits.size(1)
        keep = torch.where(topk > 0, topk, torch.full_like(topk, V)).unsqueeze(1)
        p = torch.softmax(ordered, -1)
        before = torch.cumsum(p, -1) - p
        drop = torch.bitwise_or(torch.arange(V, device=state.device).unsqueeze(0) >= keep, torch.bitwise_and(before >= topp, torch.arange(V, device=state.device).unsqueeze(0) > 0))
        logits = torch.scatter(logits, 1, order, torch.masked_fill(ordered, drop, -inf))
      lp = torch.log_softmax(logits, -1)
      cdf = torch.cumsum(torch.exp(lp), -1)
      # By inversion: the first token whose cumulated probability exceeds u.
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
    return (torch.cat(tokens, 1).cpu(), torch.cat(found, 1).cpu())
