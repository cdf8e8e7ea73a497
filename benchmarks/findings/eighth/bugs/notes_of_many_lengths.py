"""Next-note prediction for melodies of different lengths."""

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(31)
PAD, START, N_NOTES = 0, 1, 24


def compose():
    """A walk on the scale with a preferred step for each melody."""
    length = int(torch.randint(5, 15, (1,))) if torch.rand(1) < 0.85 else 60
    step = int(torch.randint(1, 5, (1,)))
    note = int(torch.randint(0, N_NOTES - 2, (1,)))
    melody = [START]
    for _ in range(length):
        melody.append(note + 2)
        jump = step if torch.rand(1) < 0.6 else int(torch.randint(-3, 4, (1,)))
        note = (note + jump) % (N_NOTES - 2)
    return torch.tensor(melody)


class Melodies(Dataset):
    def __init__(self, n):
        self.items = [compose() for _ in range(n)]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i][:-1], self.items[i][1:]


def collate(batch):
    src, tgt = zip(*batch)
    return (
        pad_sequence(src, batch_first=True, padding_value=PAD),
        pad_sequence(tgt, batch_first=True, padding_value=PAD),
    )


class MelodyModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(N_NOTES, 32, padding_idx=PAD)
        self.gru = nn.GRU(32, 64, batch_first=True)
        self.head = nn.Linear(64, N_NOTES)

    def forward(self, src):
        return self.head(self.gru(self.embed(src))[0])


def loop(dataloader, model, loss_fn, optimizer=None):
    total = 0.0
    model.train(optimizer is not None)
    for src, tgt in dataloader:
        with torch.set_grad_enabled(optimizer is not None):
            logits = model(src)
            loss = loss_fn(logits.transpose(1, 2), tgt)
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        total += loss.item()
    return total / len(dataloader)


def main():
    train_loader = DataLoader(Melodies(600), batch_size=32, shuffle=True, collate_fn=collate)
    val_loader = DataLoader(Melodies(150), batch_size=50, collate_fn=collate)
    model = MelodyModel()
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for epoch in range(10):
        train_loss = loop(train_loader, model, loss_fn, optimizer)
        val_loss = loop(val_loader, model, loss_fn)
        perplexity = torch.tensor(val_loss).exp().item()
        print(
            f"epoch {epoch} train {train_loss:.3f} val {val_loss:.3f} perplexity {perplexity:.2f}"
        )


main()
