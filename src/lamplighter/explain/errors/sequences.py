"""Embeddings, recurrent networks, attention."""

from __future__ import annotations

from lamplighter.explain.errors.figures import shape, sizes
from lamplighter.explain.kind import Case, Kind


def _hidden(case: Case) -> str:
    wants, got = sizes(case["wants"]), sizes(case["got"])
    told = (
        f"The hidden state should be {shape(wants)} (layers × batch × hidden) and is {shape(got)}."
    )
    if len(wants) == 3 and len(got) == 3 and wants[1] != got[1] and wants[0] == got[0]:
        return (
            f"{told} The batch differs: {wants[1]} against {got[1]}. Either the last batch is smaller "
            "and the state was kept from the one before, or the input is batch × time × features and "
            "the layer was made without batch_first=True."
        )
    return told


SEQUENCES: tuple[Kind, ...] = (
    Kind(
        "embedding-out-of-range",
        "a token or category number past the end of the embedding",
        r"^index out of range in self",
        "nn.Embedding(n, d) has rows 0 to n − 1, and a number outside them was looked up. The vocabulary "
        "is larger than n (a tokenizer with added tokens), or padding is marked by −1.",
        (
            "print(tokens.min(), tokens.max(), embedding.num_embeddings)",
            "nn.Embedding(len(vocabulary), d, padding_idx=0)",
            "model.resize_token_embeddings(len(tokenizer))   # Hugging Face",
        ),
    ),
    Kind(
        "rnn-dimensions",
        "a recurrent layer wants two or three dimensions",
        r"(?P<layer>RNN|LSTM|GRU): Expected input to be 2D or 3D, got (?P<got>\d)D",
        "{layer} takes time × batch × features (batch × time × features with batch_first=True), or time × "
        "features for one sequence; a tensor of {got} dimensions came.",
        ("x = torch.flatten(x, 2)   # batch × time × (everything else)",),
    ),
    Kind(
        "rnn-input-size",
        "a recurrent layer wants another number of features",
        r"input\.size\(-1\) must be equal to input_size\. Expected (?P<want>\d+), got (?P<got>\d+)",
        "The layer was made with input_size={want}, and each step has {got} features: the last dimension "
        "of the input. The batch or the time may lie there by mistake.",
        ("nn.LSTM(input_size={got}, …)", "x = x.transpose(1, 2)   # if features are in the middle"),
    ),
    Kind(
        "rnn-hidden-size",
        "a hidden state of the wrong shape",
        r"Expected hidden(?:\[\d\])? size \((?P<wants>[\d, ]+)\), got \[(?P<got>[\d, ]+)\]",
        _hidden,
        (
            "nn.LSTM(…, batch_first=True)   # for batch × time × features",
            "h = torch.zeros(layers, x.size(0), hidden)   # for each batch anew",
            "leave the state out: zeros are the default",
        ),
    ),
    Kind(
        "rnn-hidden-dimensions",
        "a hidden state with too few or too many dimensions",
        r"For (?P<kind>batched 3-D|unbatched 2-D) input, hx should also be (?P<want>\d)-D but got (?P<got>\d)-D",
        "With {kind} input the hidden state has {want} dimensions (layers × batch × hidden when batched); "
        "{got} came.",
        ("h = torch.zeros(layers, batch, hidden)",),
    ),
    Kind(
        "packed-lengths",
        "sequence lengths out of order or zero",
        r"`lengths` array must be sorted in decreasing order|Length of all samples has to be greater than 0",
        "pack_padded_sequence wants lengths of at least 1, sorted from long to short unless told otherwise.",
        (
            "pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)",
            "take empty texts out of the data first",
        ),
    ),
    Kind(
        "attention-heads",
        "attention heads do not divide the embedding",
        r"embed_dim must be divisible by num_heads",
        "MultiheadAttention parts the embedding into equal heads, so embed_dim must be a multiple of num_heads.",
        ("nn.MultiheadAttention(embed_dim=64, num_heads=8)   # 64 / 8 = 8 per head",),
    ),
    Kind(
        "attention-size",
        "attention wants another embedding size",
        r"was expecting embedding dimension of (?P<want>\d+), but got (?P<got>\d+)",
        "MultiheadAttention was made with embed_dim={want}; the last dimension of the query is {got}.",
        ("nn.MultiheadAttention(embed_dim={got}, …)", "x = nn.Linear({got}, {want})(x)"),
    ),
    Kind(
        "attention-mask",
        "an attention mask of the wrong shape",
        r"The shape of the (?P<d>\dD) attn_mask is torch\.Size\(\[(?P<got>[\d, ]+)\]\), but should be \((?P<want>[\d, ]+)\)",
        "The mask is target length × source length and should be ({want}); it is ({got}). Without "
        "batch_first=True the first dimension of the input is the time, not the batch.",
        (
            "nn.MultiheadAttention(…, batch_first=True)",
            "key_padding_mask=…   # batch × source length, for padding",
        ),
    ),
)
