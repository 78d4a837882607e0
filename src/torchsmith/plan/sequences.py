"""Layers for sequences under their `torch.nn` names, batch first: `(N, L, features)`.

Source: https://docs.pytorch.org/docs/stable/nn.html#recurrent-layers
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from torchsmith.plan.layer_spec import STEPS, Eps, LayerSpec, Share, Size


class Embedding(LayerSpec):
    """`torch.nn.Embedding`: whole numbers `(N, …)` to `(N, …, embedding_dim)`.

    Attributes:
        embedding_dim: Width of each code's vector.
        num_embeddings: How many codes there are; follows from the data where all
            columns are category codes, and must be given elsewhere.
        padding_idx: The code whose vector is zero and stays so.
        max_norm: Longer vectors are shortened to this norm.
        norm_type: The p of that norm.
        scale_grad_by_freq: Divide a gradient by how often its code is in the batch.
    """

    main = "embedding_dim"
    embedding_dim: Size
    num_embeddings: Size | None = None
    padding_idx: int | None = None
    max_norm: float | None = Field(default=None, gt=0)
    norm_type: float = Field(default=2.0, gt=0)
    scale_grad_by_freq: bool = False


class Recurrent(LayerSpec):
    """What `RNN`, `LSTM` and `GRU` share; they read `(N, L, input_size)`.

    Attributes:
        hidden_size: H, the width of the state.
        num_layers: Each reads the steps of the one before.
        bias: Learn biases.
        dropout: Between the layers.
        bidirectional: A second net reads from the end; widths double.
        output: `last` is what is known when all was read: `(N, H)`, for a bidirectional
            net the last step of the one direction and the first of the other;
            `all` is every step: `(N, L, H)`.
    """

    main = "hidden_size"
    takes = (STEPS,)
    hidden_size: Size
    num_layers: Size = 1
    bias: bool = True
    dropout: Share = 0.0
    bidirectional: bool = False
    output: Literal["last", "all"] = "last"

    @model_validator(mode="after")
    def _dropout_has_a_place(self) -> Self:
        if self.dropout and self.num_layers == 1:
            raise ValueError(
                f"dropout {self.dropout:g} is between layers, and num_layers is 1; "
                "set num_layers: 2, or put a Dropout after it"
            )
        return self


class RNN(Recurrent):
    """`torch.nn.RNN`, always batch first."""

    nonlinearity: Literal["tanh", "relu"] = "tanh"


class LSTM(Recurrent):
    """`torch.nn.LSTM`, always batch first; `proj_size` narrows each step's output."""

    proj_size: int = Field(default=0, ge=0)


class GRU(Recurrent):
    """`torch.nn.GRU`, always batch first."""


class TransformerEncoder(LayerSpec):
    """`torch.nn.TransformerEncoder` of `torch.nn.TransformerEncoderLayer`s.

    `(N, L, d_model)` to the same; always batch first. It knows no order of the steps.

    Attributes:
        nhead: Attention heads of each layer; must divide `d_model`.
        num_layers: One after the other; as in PyTorch, all begin with equal weights.
        dim_feedforward: Width between each layer's two `Linear`.
        dropout: In each layer.
        activation: Between each layer's two `Linear`.
        layer_norm_eps: Added to the variance.
        norm_first: Normalise before attention and `Linear` rather than after.
        bias: Learn biases.
    """

    takes = (STEPS,)
    nhead: Size
    num_layers: Size
    dim_feedforward: Size = 2048
    dropout: Share = 0.1
    activation: Literal["relu", "gelu"] = "relu"
    layer_norm_eps: Eps = 1e-5
    norm_first: bool = False
    bias: bool = True


Sequences = Embedding | RNN | LSTM | GRU | TransformerEncoder
