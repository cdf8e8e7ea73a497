"""A transformer turns sequences round: padding and causal masks, accumulated batches, warm-up."""

import os

import torch
import torch.nn as nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
PAD, BOS, EOS, VOCAB = 0, 1, 2, 13
ACCUMULATE, STEPS = 2, 500


def batch_of(n):
    lengths = torch.randint(3, 8, (n,))
    source = torch.full((n, 8), PAD)
    target = torch.full((n, 10), PAD)
    for i, length in enumerate(lengths.tolist()):
        word = torch.randint(3, VOCAB, (length,))
        source[i, :length] = word
        target[i, : length + 2] = torch.cat(
            [torch.tensor([BOS]), word.flip(0), torch.tensor([EOS])]
        )
    return source, target


class Reverser(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.token = nn.Embedding(VOCAB, d, padding_idx=PAD)
        self.place = nn.Parameter(0.1 * torch.randn(10, d))
        self.transformer = nn.Transformer(
            d,
            nhead=4,
            num_encoder_layers=1,
            num_decoder_layers=1,
            dim_feedforward=64,
            dropout=0.0,
            batch_first=True,
        )
        self.out = nn.Linear(d, VOCAB)

    def forward(self, source, target):
        length = target.size(1)
        future = torch.triu(torch.ones(length, length, dtype=torch.bool), diagonal=1)
        decoded = self.transformer(
            self.token(source) + self.place[: source.size(1)],
            self.token(target) + self.place[:length],
            tgt_mask=future,
            src_key_padding_mask=source == PAD,
            tgt_key_padding_mask=target == PAD,
            memory_key_padding_mask=source == PAD,
        )
        return self.out(decoded)


model = Reverser()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, (s + 1) / 50))
criterion = nn.CrossEntropyLoss(ignore_index=PAD)

for step in range(STEPS):
    optimizer.zero_grad()
    for _ in range(ACCUMULATE):
        source, target = batch_of(32)
        logits = model(source, target[:, :-1])
        loss = criterion(logits.flatten(0, 1), target[:, 1:].flatten())
        (loss / ACCUMULATE).backward()
    optimizer.step()
    warmup.step()
    if step % 100 == 99:
        model.eval()
        with torch.no_grad():
            source, target = batch_of(200)
            predicted = model(source, target[:, :-1]).argmax(-1)
            real = target[:, 1:] != PAD
            accuracy = (predicted == target[:, 1:])[real].float().mean().item()
        model.train()
        print(f"step {step + 1} loss {loss.item():.3f} accuracy of tokens {accuracy:.3f}")
