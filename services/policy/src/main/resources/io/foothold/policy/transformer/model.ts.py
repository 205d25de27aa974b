# The transformer: Qwen2, Qwen3 and Llama. TorchScript as it lies in archives, one class in five files, which Java puts one behind the
# other: model, loss, adapters, optimizer, decode. What is folded into weights and why stands at the Java class Transformer; the naive
# twin of all that is here is NaiveTransformer of the tests, and Hugging Face's own classes by golden values.
#
# What is computed lies where the weights lie, on whatever device. What Java makes for a call, a batch of tokens or the noise of steps, lies in
# host memory and is brought there (placed); what is read as a number (rules, blocks, where spans begin) stays. Results that Java reads are
# brought back.
#
# Letters of shapes: N tokens of a call, D width of the model, F width of the feed-forward part, V vocabulary, H query heads, K key and
# value heads, d width of a head, r = H / K, T queries and L keys of a span, M predicted tokens, n rows of sampling. Log-probs, entropies
# and losses are in nats.
#
# Lists of weights. Raw, w: embedding [V, D]; gain of the last norm [D]; then `stride` a layer:
#   0 gain of the first norm [D]            1 q, k, v stacked by rows [(H + 2K)d, D]     2 o [D, Hd]
#   3 gain of the second norm [D]           4 gate and up stacked by rows [2F, D]        5 down [D, F]
#   with qk_norm the gains of q's and k's norms [d]; with qkv_bias the biases of q, k, v [(H + 2K)d];
# and the head [V, D] where it is not tied. Folded, f: embedding [V, D]; head with its gain in it [D, V]; then six a layer, see
# fold_layer.

# x over the root of its sum of squares and a floor: RMSNorm (Zhang and Sennrich 2019) without gain, times 1/sqrt(D). The floor is D *
# eps, and sqrt(D) stands in the matrix behind it.
def unit(x: Tensor, floor: Tensor) -> Tensor:
  return x * torch.rsqrt((x * x).sum([-1], True) + floor)

# A product with a matrix, in the matrix's type: rounded to it before and after where that is bfloat16.
def times(x: Tensor, m: Tensor) -> Tensor:
  return torch.mm(x.to(m.dtype), m).to(x.dtype)

class Transformer(Module):
  __parameters__ = []
  __buffers__ = ["inv_freq", ]
  training : bool
  # Rotary frequencies, float32 [d / 2].
  inv_freq : Tensor
  # Types of numbers as libtorch counts them.
  int32 : int
  int64 : int
  float32 : int
  float64 : int
  bfloat16 : int
  layers : int
  heads : int
  kv_heads : int
  head_dim : int
  eps : float
  qk_norm : bool
  qkv_bias : bool
  tied : bool
  # Attention in float64, rounded once: rows then have the same bits in batches of any size.
  exact : bool
  # Sampling with matrices, keys and values in bfloat16; what is added up, norms and the head stay float32.
  half : bool
  # Keys of sampling in pages, for libtorch's embedding bag on CPUs (see decode).
  paged : bool
  # Where weights lie, as libtorch names it.
  device : str
  # Raw weights of a layer.
  stride : int
  # Log-probs that are computed at a time, and most that are kept for the backward pass.
  chunk_numbers : int
  kept_numbers : int

  # Zeros on this script's device, [sizes] of a type; both as tensors, the only arguments that calls with gradients take. What such a call
  # makes may be trained.
  def made(self: __torch__.Transformer, sizes: Tensor, dtype: Tensor) -> Tensor:
    shape = annotate(List[int], [])
    for i in range(sizes.numel()):
      shape.append(int(sizes[i].item()))
    return torch.zeros(shape, dtype=int(dtype[0].item()), device=torch.device(self.device))

  # Copies numbers into a tensor, wherever both lie and whatever their types are. Gives how many.
  def assign(self: __torch__.Transformer, target: Tensor, values: Tensor) -> int:
    target.detach().copy_(values)
    return values.numel()

  # Some numbers of a tensor in the order of its rows, float32 [count] in host memory.
  def fetched(self: __torch__.Transformer, values: Tensor, begin: int, count: int) -> Tensor:
    part = torch.narrow(values.detach().reshape([-1]), 0, begin, count)
    return part.to(torch.device("cpu"), self.float32)

  # Tensors where another one lies.
  def placed(self: __torch__.Transformer, some: List[Tensor], like: Tensor) -> List[Tensor]:
    out = annotate(List[Tensor], [])
    for i in range(len(some)):
      out.append(some[i].to(like.device))
    return out

  # Rotations of positions, complex64 [N, heads, d / 2] of length 1: pair j turns by pos * inv_freq[j] (RoPE, Su et al., arXiv
  # 2104.09864).
  def turns(self: __torch__.Transformer, pos: Tensor, heads: int) -> Tensor:
    angle = torch.outer(pos.to(self.float32), self.inv_freq.to(pos.device))
    turn = torch.complex(torch.cos(angle), torch.sin(angle)).unsqueeze(1)
    return turn.expand([turn.size(0), heads, turn.size(2)]).contiguous()

  # Row orders that put the two numbers which turn together side by side: Hugging Face's files have them d / 2 apart. Of stacked q, k, v
  # [(H + 2K)d], of which v stays, and of one head [d]. Scores do not change when q and k are ordered alike.
  def orders(self: __torch__.Transformer, like: Tensor) -> Tuple[Tensor, Tensor]:
    hd = self.head_dim
    qk = self.heads + self.kv_heads
    pairs = torch.arange(hd, device=like.device).view([2, hd // 2]).t().reshape([-1])
    rows = torch.cat([(torch.arange(qk, device=like.device).unsqueeze(1) * hd + pairs.unsqueeze(0)).reshape([-1]), torch.arange(qk * hd, (qk + self.kv_heads) * hd, device=like.device)], 0)
    return (rows, pairs)

  # A layer as it is computed with, of raw weights:
  #   0 q, k, v with the first norm's gain in it, transposed [D, (H + 2K)d]    1 scale of q and k heads [H + K, d]
  #   2 o, transposed [Hd, D]        3 gate and up with the second norm's gain in it, transposed [D, 2F]
  #   4 down, transposed [F, D]      5 bias of q, k, v [(H + 2K)d], or a stand-in
  # All products then take contiguous matrices, and a norm is one division. Differentiable.
  def fold_layer(self: __torch__.Transformer, w: List[Tensor], rows: Tensor, pairs: Tensor) -> List[Tensor]:
    out = annotate(List[Tensor], [])
    hd = self.head_dim
    gain = float(w[0].size(0)) ** 0.5
    scale = float(hd) ** -0.5
    # RMSNorm(x) * w = unit(x) * (sqrt(D) * w), and that gain goes into the columns of the matrix behind.
    a = torch.index_select(w[1], 0, rows) * (w[0] * gain)
    if self.qk_norm:
      # Norms of q and k have gains of their own, sqrt(d) in them; 1/sqrt(d) of attention is q's.
      s = torch.cat([(w[6] * (scale * float(hd) ** 0.5)).expand([self.heads, hd]), (w[7] * (float(hd) ** 0.5)).expand([self.kv_heads, hd])], 0)
      s = torch.index_select(s, 1, pairs)
    else:
      s = torch.cat([torch.full([self.heads, hd], scale, device=w[0].device), torch.ones([self.kv_heads, hd], device=w[0].device)], 0)
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

  # All weights folded; NaiveTransformer does without. Differentiable.
  def fold(self: __torch__.Transformer, w: List[Tensor]) -> List[Tensor]:
    out = annotate(List[Tensor], [])
    gain = float(w[0].size(1)) ** 0.5
    out.append(w[0])
    if self.tied:
      out.append((w[0] * (w[1] * gain)).t().contiguous())
    else:
      out.append((w[len(w) - 1] * (w[1] * gain)).t().contiguous())
    rows, pairs = (self).orders(w[0])
    for i in range(self.layers):
      b = 2 + i * self.stride
      out.extend((self).fold_layer(w[b:b + self.stride], rows, pairs))
    return out

  # Folds a layer into tensors that are there, so that no more than one layer is in memory twice. Lean ones take the gains of both norms
  # too, sqrt(D) in them: adapters stand before these. Gives the count of tensors written.
  def fold_layer_into(self: __torch__.Transformer, target: List[Tensor], w: List[Tensor]) -> int:
    rows, pairs = (self).orders(w[0])
    f = (self).fold_layer(w, rows, pairs)
    for i in range(len(f)):
      target[i].detach().copy_(f[i])
    gain = float(w[0].size(0)) ** 0.5
    if len(target) > len(f):
      target[len(f)].detach().copy_(w[0] * gain)
      target[len(f) + 1].detach().copy_(w[3] * gain)
    return len(target)

  # Folds the head [V, D] and its gain into [D, V], or the gain alone into [D].
  def fold_head_into(self: __torch__.Transformer, target: Tensor, head: Tensor, norm: Tensor) -> int:
    gain = float(norm.size(0)) ** 0.5
    if target.dim() == 1:
      target.detach().copy_(norm * gain)
    else:
      target.detach().t().copy_(head).mul_(norm * gain)
    return 1

  # Whether two tensors are the same numbers.
  def alike(self: __torch__.Transformer, a: Tensor, b: Tensor) -> bool:
    return torch.equal(a, b)

  # What unit adds to sums of squares: of the width and of a head, float32 scalars.
  def floors(self: __torch__.Transformer, w: Tensor) -> Tuple[Tensor, Tensor]:
    return (torch.full([], float(w.size(1)) * self.eps, device=w.device), torch.full([], float(self.head_dim) * self.eps, device=w.device))

  # Queries and keys, turned and scaled, [N, H + K, d], and values [N, K, d], of x [N, D]. `b` is where the layer's folded weights begin,
  # `a` its adapters (see factors), `first` the heads to leave out: the last layer of a prefill needs keys and values only.
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
    if self.half:
      y = __torch__.times(h, m)
      if self.qkv_bias:
        y = y + torch.narrow(f[b + 5], 0, begin, m.size(1))
    elif self.qkv_bias:
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
    # In place where nothing is needed afterwards; the same bits.
    if torch.is_grad_enabled():
      qk = qk * scale
      z = torch.view_as_complex(qk.view([n, heads, self.head_dim // 2, 2])) * turn
    else:
      qk = qk.mul_(scale)
      z = torch.view_as_complex(qk.view([n, heads, self.head_dim // 2, 2])).mul_(turn)
    return (torch.view_as_real(z).view([n, heads, self.head_dim]), v)

  # Type of attention's products.
  def cache_dtype(self: __torch__.Transformer) -> int:
    if self.exact:
      return self.float64
    if self.half:
      return self.bfloat16
    else:
      return self.float32

  # Attention of spans as products: softmax(bias + q k) v, of q [nK, rT, d], k [nK, d, L], v [nK, L, d], bias [nK, rT, L]; 1/sqrt(d) is in
  # q.
  def weigh(self: __torch__.Transformer, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    if self.exact:
      # Rounded to float32 once, at the end: the order of sums is then lost in the rounding.
      p = torch.softmax(torch.baddbmm(bias, q.to(self.float64), k), -1)
      return torch.bmm(p, v).to(self.float32)
    else:
      return torch.bmm(torch.softmax(torch.baddbmm(bias, q, k), -1), v)

  # 0 where a query [T] may look at a key [L], -inf elsewhere, in the form of weigh: [n or nK, rT, L]. One row of heads stands for all
  # where there is one span.
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

  # Attention of n spans: q [n, T, H, d], k and v [n, L, K, d], gives [nT, Hd]. With a bias by products of our own, whose rows keep their
  # bits in exact precision; without one by libtorch's fused kernel, which never holds [T, L].
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

  # Which keys queries see: those up to their own place, `before` keys standing ahead of the first query. None for a plain causal triangle
  # in fast precision, which the kernel knows by itself; a bias too up to 512 keys, beyond which [T, L] would be too much.
  def masks(self: __torch__.Transformer, T: int, L: int, before: Tensor, causal: bool) -> Tuple[Optional[Tensor], Optional[Tensor]]:
    allowed = annotate(Optional[Tensor], None)
    bias = annotate(Optional[Tensor], None)
    if self.exact or not causal:
      mask = (torch.arange(L, device=before.device).view([1, 1, 1, L]) <= torch.arange(T, device=before.device).view([1, 1, T, 1]) + before.view([-1, 1, 1, 1]))
      allowed = mask
      if L <= 512:
        bias = (self).bias(mask)
    return (allowed, bias)

  # The same of all blocks of a packed batch, once for all layers.
  def all_masks(self: __torch__.Transformer, query: List[Tensor], key: List[Tensor], before: List[Tensor]) -> Tuple[List[Optional[Tensor]], List[Optional[Tensor]]]:
    alloweds = annotate(List[Optional[Tensor]], [])
    biases = annotate(List[Optional[Tensor]], [])
    for j in range(len(query)):
      causal = before[j].numel() == 1 and int(before[j][0].item()) == 0
      allowed, bias = (self).masks(query[j].size(1), key[j].size(1), before[j].to(query[j].device), causal)
      alloweds.append(allowed)
      biases.append(bias)
    return (alloweds, biases)

  # A layer: x [N, D] to [N, D], of the last layer only the rows `source` that something is predicted from. Packed rows are cut into
  # blocks of equal spans: query[j] and key[j] are the places in the stream of n spans [n, T] and [n, L]; shared prompts are keys of
  # several spans. `back` puts the outputs of all blocks back into the stream's order. `keep` says that x is still needed.
  def block(self: __torch__.Transformer, f: List[Tensor], b: int, a: List[Tensor], keep: bool, last: bool, x: Tensor, turn: Tensor, fd: Tensor, fh: Tensor, query: List[Tensor], key: List[Tensor], alloweds: List[Optional[Tensor]], biases: List[Optional[Tensor]], back: Tensor, source: Tensor) -> Tensor:
    hd = self.head_dim
    H = self.heads
    KV = self.kv_heads
    qk, v = (self).qkv(f, b, a, x, turn, fd, fh, 0)
    heads = torch.split_with_sizes(qk, [H, KV], 1)
    # Rows without shared beginnings: the stream is the spans.
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

  # A layer of folded weights with adapters, or of raw weights that are folded here, inside of autograd: one layer's folded weights at a
  # time.
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

  # Behind attention: the output projection and the gated feed-forward part, both added to x [N, D]; o [N, Hd]. Where neither a gradient
  # nor x itself is needed afterwards it writes into x, and takes gate and up in one product. With adapters or `keep` the products are
  # those of the pass with gradients, so that a layer which is computed again has the same bits.
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
    elif self.half:
      x.add_(__torch__.times(o, f[b + 2]))
      g, u = torch.chunk(__torch__.times(__torch__.unit(x, fd), f[b + 3]), 2, -1)
      return x.add_(__torch__.times(torch.silu_(g).mul_(u), f[b + 4]))
    else:
      x.addmm_(o, f[b + 2])
      g, u = torch.chunk(torch.mm(__torch__.unit(x, fd), f[b + 3]), 2, -1)
      return x.addmm_(torch.silu_(g).mul_(u), f[b + 4])

  # Logits [N, V] of the last layer's output.
  def head(self: __torch__.Transformer, f: List[Tensor], x: Tensor, fd: Tensor) -> Tensor:
    return torch.mm(__torch__.unit(x, fd), f[1])

  # All layers of a packed batch of raw weights, folded here: output of the rows `source` [M, D], the folded weights, the floor.
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

  # Log-probs of the targets [M] and of everything [M, V] at a temperature.
  def log_probs(self: __torch__.Transformer, w: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, temperature: float) -> Tuple[Tensor, Tensor]:
    n = source.size(0)
    # A row of a product keeps its bits in batches of 7 rows and more, not in smaller ones.
    if n < 8:
      source = source.repeat([8])
    x, f, fd = (self).hidden(w, ids, pos, query, key, before, back, source)
    logits = torch.narrow((self).head(f, x, fd), 0, 0, n) / temperature
    lp = torch.log_softmax(logits, -1)
    return (torch.gather(lp, 1, target.unsqueeze(1)).squeeze(1), lp)

  # Log-probs and entropies of the targets [M], whole form.
  def score(self: __torch__.Transformer, w: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, temperature: float) -> Tuple[Tensor, Tensor]:
    ids, pos, back, source, target = (self).placed([ids, pos, back, source, target], w[0])
    token, lp = (self).log_probs(w, ids, pos, (self).placed(query, w[0]), (self).placed(key, w[0]), before, back, source, target, temperature)
    return (token.cpu(), (-(torch.exp(lp) * lp).sum([-1])).cpu())

  # Gain of the last norm with sqrt(D) in it.
  def lean_gain(self: __torch__.Transformer, w: List[Tensor], folded: bool) -> Tensor:
    if folded:
      return w[1]
    else:
      return w[1] * float(w[1].size(0)) ** 0.5

  # The head as it is raw, [V, D]: a folded one would be a second copy of the largest matrix.
  def lean_head(self: __torch__.Transformer, w: List[Tensor]) -> Tensor:
    if self.tied:
      return w[0].detach()
    else:
      return w[len(w) - 1].detach()

  # Answers that Java knows: a libtorch that does not fit the glue between them reads memory wrongly without a word.
  def check(self: __torch__.Transformer, x: Tensor) -> Tuple[Tensor, int]:
    return (torch.mm(x, x), x.size(0))
