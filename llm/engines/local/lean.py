"""A lean forward pass for Llama, Mistral, Qwen2 and Qwen3: pieces of many sequences in one pass.

The architecture is that of Touvron et al. 2023 (RMSNorm, rotary positions, SwiGLU) with grouped queries, biases of
queries, keys and values (Qwen2) and norms of each head (Qwen3). Decoding rows and chunks of prompts share one pass, as
in Sarathi (Agrawal et al. 2024). Tests hold it against transformers' own modules. What makes it lean:

- Projections that read the same vector are one matrix, stored [in, out]: BLAS reads it a third faster than [out, in].
- Rotary positions as one multiplication of complex numbers: a head's dimensions are reordered so that those turned
  together stand side by side. Queries and keys are reordered alike, so their products stay what they are.
- Keys and values of a token lie together, so that they are written by one copy; slots are read in place.
- A group's queries are rows of one product with its keys, which therefore are never repeated.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import rms_norm, scaled_dot_product_attention, silu

from llm.engines.local.graphs import Graphs, Record, record
from llm.engines.local.network import Pass, Piece, slots_for

CONTEXT = 4096  # positions a slot holds at most
HEAD_BYTES = 2**26  # up to this size the output matrix is kept a second time, as [in, out]


class Missing(KeyError):
    """A weight that the file should hold."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers of a checkpoint. `speeds` are the rotary frequencies [head / 2], `strength` scales their waves."""

    layers: int
    heads: int
    groups: int
    head: int
    context: int
    epsilon: float
    speeds: Tensor
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Layer:
    before: Tensor | None  # norm weights [hidden], None where they are in the next matrix
    qkv: Tensor  # [hidden, (heads + 2 groups) * head]
    bias: Tensor | None
    turned: Tensor | None  # norm weights of queries and keys [heads + groups, head]
    out: Tensor
    after: Tensor | None
    gate_up: Tensor  # [hidden, 2 * inner]
    down: Tensor


@dataclass(slots=True)
class Rows:
    """The decoding rows of a pass: their slots lie in low .. high - 1, `index` says where, None if they fill it."""

    count: int
    low: int
    high: int
    index: Tensor | None
    mask: Tensor | None
    keys: Sequence[Tensor]  # of each layer, [high - low, groups, longest, head]
    values: Sequence[Tensor]


class Lean:
    """The network. Weights are taken out of `weights`, by the names that transformers gives them."""

    def __init__(self, shape: Shape, weights: dict[str, Tensor], device: str, dtype: torch.dtype) -> None:
        self.device, self._shape = device, shape
        held = _Weights(weights, device, dtype)
        self._layers = [_layer(held, f"model.layers.{number}.", shape) for number in range(shape.layers)]
        self._embedding = held["model.embed_tokens.weight"]
        self.vocabulary = len(self._embedding)
        head = held["lm_head.weight"] if "lm_head.weight" in weights else self._embedding
        small = head.numel() * head.element_size() <= HEAD_BYTES
        self._head = head.t().contiguous() if small else head.t()
        self._norm = held.norm("model.norm.weight")
        sizes = (self._embedding.shape[1], shape.head)
        self._least = {
            size: torch.tensor(math.sqrt(size * shape.epsilon), device=device, dtype=dtype) for size in sizes
        }
        self.context, self.stops = min(shape.context, CONTEXT), list[int | None]()
        angles = torch.outer(torch.arange(self.context, dtype=torch.float32), shape.speeds.float().cpu())
        self._waves = torch.polar(torch.full_like(angles, shape.strength), angles).to(device)
        entry = 2 * shape.groups * shape.head
        self.shared = shape.layers * entry * head.element_size()
        self.slots = slots_for(self.shared, self.context, device)
        # [layers, slots, positions, keys and values, groups, head], with a slot more that no sequence has
        size = (shape.layers, self.slots + 1, self.context, 2, shape.groups, shape.head)
        self._held = torch.zeros(size, device=device, dtype=dtype)
        self._flat = self._held.view(shape.layers, (self.slots + 1) * self.context, entry)
        self.graphs = self.graphed(device) if device == "cuda" else None

    def graphed(self, device: str, recorder: Record = record) -> Graphs:
        """Steps of decoding, recorded."""
        return Graphs(self._decode, self.slots, self.context, device, recorder)

    def forward(self, pieces: Sequence[Piece]) -> Pass:
        """See Network."""
        if self.graphs and (logits := self.graphs.logits(pieces)) is not None:
            return Pass(logits.cpu(), logits.new_empty(0).cpu())
        tokens = self._numbers([token for piece in pieces for token in piece.tokens])
        places = [at for piece in pieces for at in range(piece.start, piece.start + len(piece.tokens))]
        slots = [piece.slot * self.context for piece in pieces for _ in piece.tokens]
        waves = self._waves[self._numbers(places)][:, None]
        flat = self._numbers([slot + at for slot, at in zip(slots, places, strict=True)])
        rows, chunks = self._rows(pieces), [piece for piece in pieces if len(piece.tokens) > 1]
        masks = [self._chunk_mask(piece) for piece in chunks]
        return self._told(self._through(self._embedding[tokens], waves, flat, rows, chunks, masks), pieces)

    def _decode(self, inputs: Tensor, longest: int) -> Tensor:
        """See Graphs: nothing here asks what the tensors hold."""
        tokens, places, flat, ends = inputs
        count = len(tokens)
        mask = self._hidden(torch.arange(longest, device=self.device) >= ends[:, None])[:, None, None]
        rows = Rows(count, 0, count, None, mask, *self._kept(0, count, longest))
        hidden = self._through(self._embedding[tokens], self._waves[places][:, None], flat, rows, [], [])
        return torch.mm(self._normed(hidden, self._norm), self._head).float()

    def _through(
        self,
        hidden: Tensor,
        waves: Tensor,
        flat: Tensor,
        rows: Rows | None,
        chunks: Sequence[Piece],
        masks: Sequence[Tensor],
    ) -> Tensor:
        """Through all layers: hidden states [tokens, hidden]; `flat` says where keys and values are written."""
        shape = self._shape
        width = (shape.heads + shape.groups) * shape.head
        for number, (layer, flat_held) in enumerate(zip(self._layers, self._flat, strict=True)):
            read = self._normed(hidden, layer.before)
            qkv = torch.mm(read, layer.qkv) if layer.bias is None else torch.addmm(layer.bias, read, layer.qkv)
            self._turn(qkv[:, :width], layer, waves)
            flat_held.index_copy_(0, flat, qkv[:, shape.heads * shape.head :])
            hidden = torch.addmm(hidden, self._attend(qkv, number, rows, chunks, masks), layer.out)
            gate, up = torch.mm(self._normed(hidden, layer.after), layer.gate_up).view(len(hidden), 2, -1).unbind(1)
            hidden = torch.addmm(hidden, silu(gate).mul_(up), layer.down)
        return hidden

    def _told(self, hidden: Tensor, pieces: Sequence[Piece]) -> Pass:
        wanted: list[int] = []
        totals: list[Tensor] = []
        end = 0
        for piece in pieces:
            start, end = end, end + len(piece.tokens)
            wanted += range(end - piece.wanted, end)
            if piece.sums:
                totals.append(self._normed(hidden[start:end], self._norm).float().sum(0))
        rows = hidden[self._numbers(wanted)] if len(wanted) < len(hidden) else hidden
        logits = torch.mm(self._normed(rows, self._norm), self._head).float().cpu()
        return Pass(logits, torch.stack(totals).cpu() if totals else logits.new_empty(0))

    def _attend(
        self, qkv: Tensor, layer: int, rows: Rows | None, chunks: Sequence[Piece], masks: Sequence[Tensor]
    ) -> Tensor:
        """What each token reads from its sequence: [tokens, heads * head]."""
        shape = self._shape
        width, each = shape.heads * shape.head, shape.heads // shape.groups
        parts, at = [], 0
        if rows:
            query, at = qkv[: rows.count, :width].view(rows.count, shape.groups, each, shape.head), rows.count
            if rows.index is not None:
                spread = query.new_zeros(rows.high - rows.low, *query.shape[1:])
                query = spread.index_copy_(0, rows.index, query)
            said = scaled_dot_product_attention(query, rows.keys[layer], rows.values[layer], attn_mask=rows.mask)
            parts.append((said if rows.index is None else said[rows.index]).reshape(rows.count, width))
        for piece, mask in zip(chunks, masks, strict=True):
            size = len(piece.tokens)
            query = qkv[at : at + size, :width].view(size, shape.groups, each, shape.head)
            kept = self._held[layer, piece.slot, : piece.start + size].transpose(0, 2)  # [groups, 2, positions, head]
            said = scaled_dot_product_attention(
                query.permute(1, 2, 0, 3).reshape(1, shape.groups, each * size, shape.head),
                kept[None, :, 0],
                kept[None, :, 1],
                attn_mask=mask,
            )
            parts.append(said.view(shape.heads, size, shape.head).transpose(0, 1).reshape(size, width))
            at += size
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _rows(self, pieces: Sequence[Piece]) -> Rows | None:
        single = [piece for piece in pieces if len(piece.tokens) == 1]
        if not single:
            return None
        slots, ends = [piece.slot for piece in single], [piece.start + 1 for piece in single]
        low, high, longest = min(slots), max(slots) + 1, max(ends)
        index = None
        if slots != list(range(low, high)):
            index = self._numbers([slot - low for slot in slots])
        mask = None
        if min(ends) < longest:
            # Slots without a piece see all there is: what comes out is thrown away, but a row of nothing would be slow.
            seen = self._numbers(ends)
            seen = seen if index is None else seen.new_full((high - low,), longest).index_copy_(0, index, seen)
            mask = self._hidden(torch.arange(longest, device=self.device) >= seen[:, None])[:, None, None]
        return Rows(len(single), low, high, index, mask, *self._kept(low, high, longest))

    def _kept(self, low: int, high: int, longest: int) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        """Keys and values of some slots, a view for each layer: [slots, groups, positions, head]."""
        keys, values = self._held[:, low:high, :longest].permute(3, 0, 1, 4, 2, 5)
        return keys.unbind(), values.unbind()

    def _chunk_mask(self, piece: Piece) -> Tensor:
        """[queries of a group, positions]: each token sees those before it, for each query of the group."""
        size, each = len(piece.tokens), self._shape.heads // self._shape.groups
        later = torch.ones(size, piece.start + size, dtype=torch.bool, device=self.device).triu(piece.start + 1)
        return self._hidden(later).repeat(each, 1)

    def _hidden(self, later: Tensor) -> Tensor:
        return torch.zeros(later.shape, device=self.device, dtype=self._held.dtype).masked_fill_(later, -torch.inf)

    def _turn(self, queries_keys: Tensor, layer: Layer, waves: Tensor) -> None:
        """Turn queries and keys [tokens, (heads + groups) * head] by their positions, in place."""
        heads = queries_keys.view(len(queries_keys), -1, self._shape.head)
        if layer.turned is not None:
            heads.copy_(self._normed(heads, layer.turned))
        pairs = heads.float() if heads.dtype != torch.float32 else heads
        torch.view_as_complex(pairs.view(*pairs.shape[:-1], -1, 2)).mul_(waves)
        if pairs is not heads:
            heads.copy_(pairs)

    def _normed(self, vectors: Tensor, weights: Tensor | None) -> Tensor:
        """RMSNorm. On the CPU torch puts it together from six operations; these are three, the factor of the size's
        root being in the weights, and these where they can be in the matrix that comes after."""
        size = vectors.shape[-1]
        if not vectors.is_cpu:
            normed = rms_norm(vectors, (size,), None, self._shape.epsilon)
        else:
            normed = vectors / torch.linalg.vector_norm(vectors, dim=-1, keepdim=True).hypot_(self._least[size])
        return normed if weights is None else normed.mul_(weights)

    def _numbers(self, values: list[int]) -> Tensor:
        return torch.tensor(values, dtype=torch.long, device=self.device)

    def take(self, slot: int, start: int, end: int) -> Tensor:
        """See Positions."""
        return self._held[:, slot, start:end].clone()

    def give(self, slot: int, block: Tensor) -> None:
        """See Positions."""
        self._held[:, slot, : block.shape[1]] = block

    def leave(self, slot: int) -> None:
        """Nothing to do: what a slot holds is written over by its next sequence."""


class _Weights:
    """Weights by name, each given out once so that no more than one layer is held twice."""

    def __init__(self, weights: dict[str, Tensor], device: str, dtype: torch.dtype) -> None:
        self._weights, self._device, self._dtype = weights, device, dtype

    def __contains__(self, name: str) -> bool:
        return name in self._weights

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._weights:
            raise Missing(name)
        return self._weights.pop(name).to(self._device, self._dtype)

    def norm(self, name: str) -> Tensor:
        """Norm weights [size], with the size's root on the CPU."""
        weight = self[name]
        return weight * math.sqrt(len(weight)) if self._device == "cpu" else weight


def _layer(weights: _Weights, name: str, shape: Shape) -> Layer:
    attention, inner = f"{name}self_attn.", f"{name}mlp."
    bias = turned = None
    if f"{attention}q_proj.bias" in weights:
        bias = torch.cat([_paired(weights, f"{attention}{one}_proj.bias", shape) for one in "qkv"])
    if f"{attention}q_norm.weight" in weights:
        norms = [_beside(weights.norm(f"{attention}{one}_norm.weight"), shape.head) for one in "qk"]
        turned = torch.cat([norms[0].repeat(shape.heads, 1), norms[1].repeat(shape.groups, 1)])
    qkv = torch.cat([_paired(weights, f"{attention}{one}_proj.weight", shape) for one in "qkv"]).t().contiguous()
    gate_up = torch.cat([weights[f"{inner}gate_proj.weight"], weights[f"{inner}up_proj.weight"]]).t().contiguous()
    return Layer(
        _into(qkv, weights.norm(f"{name}input_layernorm.weight")),
        qkv,
        bias,
        turned,
        weights[f"{attention}o_proj.weight"].t().contiguous(),
        _into(gate_up, weights.norm(f"{name}post_attention_layernorm.weight")),
        gate_up,
        weights[f"{inner}down_proj.weight"].t().contiguous(),
    )


def _into(matrix: Tensor, norm: Tensor) -> Tensor | None:
    """Multiply a matrix [in, out] by the norm weights that come before it; where that would round, they stay."""
    if matrix.dtype != torch.float32:
        return norm
    matrix.mul_(norm[:, None])
    return None


def _paired(weights: _Weights, name: str, shape: Shape) -> Tensor:
    """Queries and keys with the dimensions that are turned together side by side; values as they are."""
    return weights[name] if "v_proj" in name else _beside(weights[name], shape.head)


def _beside(weight: Tensor, head: int) -> Tensor:
    """[heads * head, ...] with each head's halves interleaved: transformers turns dimension i with i + head / 2."""
    return weight.view(-1, 2, head // 2, *weight.shape[1:]).transpose(1, 2).reshape(weight.shape)
