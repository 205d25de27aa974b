# Low-rank adapters: W + scale * B A with A [rank, in], B [out, rank] (Hu et al., arXiv 2106.09685). Merged into the weights, or as thin
# products of their own beside folded weights.

  # A tensor of numbers as a list.
  def places(self: __torch__.Transformer, at: Tensor) -> List[int]:
    out = annotate(List[int], [])
    for m in range(at.size(0)):
      out.append(int(at[m].item()))
    return out

  # A layer's adapters in the form of folded matrices, four pairs [in, r], [r, out] for q k v, o, gate and up, down; [0] for none, and an
  # empty list where the layer has none at all. Adapters of one folded matrix stand side by side: their ranks add up, and each B fills its
  # own columns. `first` and `second` are the gains of the norms before them, which the matrices have in them already. `at`: which of a
  # layer's adapters is that of q, k, v, o, gate, up, down, -1 for none; p has them layer by layer, A and B in turn.
  def factors(self: __torch__.Transformer, p: List[Tensor], at: List[int], i: int, scale: float, first: Tensor, second: Tensor, rows: Tensor) -> List[Tensor]:
    out = annotate(List[Tensor], [])
    count = 0
    for m in range(len(at)):
      if at[m] >= 0:
        count = count + 1
    if count == 0:
      return out
    nothing = torch.zeros([0], device=first.device)
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

  # Adds an adapter to one matrix, in place.
  def merge_one(self: __torch__.Transformer, w: Tensor, a: Tensor, b: Tensor, scale: float) -> int:
    w.detach().copy_(w + torch.mm(b, a) * scale)
    return 1

  # All weights with adapters added; places: [adapters, 2], raw weight and first row of each. Differentiable.
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

  # The same into tensors that are there.
  def merge(self: __torch__.Transformer, target: List[Tensor], w: List[Tensor], p: List[Tensor], places: Tensor, scale: float) -> int:
    full = (self).merged(w, p, places, scale)
    for i in range(len(target)):
      target[i].detach().copy_(full[i])
    return places.size(0)

  # `scored` with adapters merged in, whole form; `backward_whole` carries slopes back to p.
  def forward_adapters_whole(self: __torch__.Transformer, w: List[Tensor], p: List[Tensor], places: Tensor, scale: Tensor, ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, how: Tensor) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
    return (self).scored((self).merged(w, p, places, float(scale[0].item())), ids, pos, query, key, before, back, source, target, how)

  # `lean` and `lean_back` of adapters: w are folded weights.
  def forward_adapters_lean(self: __torch__.Transformer, w: List[Tensor], p: List[Tensor], at: Tensor, scale: Tensor, ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, how: Tensor) -> Tuple[Tensor, Tensor, Tensor, Tensor, Tensor, List[Tensor], List[Tensor], List[Tensor]]:
    return (self).lean(w, p, True, (self).places(at), float(scale[0].item()), ids, pos, query, key, before, back, source, target, how)

  def backward_adapters_lean(self: __torch__.Transformer, w: List[Tensor], p: List[Tensor], at: Tensor, scale: Tensor, g: List[Tensor], ids: Tensor, pos: Tensor, query: List[Tensor], key: List[Tensor], before: List[Tensor], back: Tensor, source: Tensor, target: Tensor, how: Tensor, entropy: Tensor, end: Tensor, normed: Tensor, inputs: List[Tensor], outputs: List[Tensor], kept: List[Tensor], of_token: Tensor, of_entropy: Tensor) -> Tensor:
    return (self).lean_back(w, p, True, (self).places(at), float(scale[0].item()), g, ids, pos, query, key, before, back, source, target, how, entropy, end, normed, inputs, outputs, kept, of_token, of_entropy)
