import os

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
sentences, labels = [], []
for _ in range(500):
    words = torch.randint(1, 30, (int(torch.randint(3, 15, (1,))),))
    sentences.append(words)
    labels.append(int((words > 15).float().mean() > 0.5))


def collate(batch):
    words, labels = zip(*batch)
    lengths = torch.tensor([len(w) for w in words])
    return pad_sequence(words, batch_first=True), lengths, torch.tensor(labels)


data = list(zip(sentences, labels))
train_loader = DataLoader(data[:400], batch_size=40, shuffle=True, collate_fn=collate)
val_loader = DataLoader(data[400:], batch_size=50, collate_fn=collate)


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(30, 16, padding_idx=0)
        self.rnn = nn.GRU(16, 24, batch_first=True)
        self.fc = nn.Linear(24, 2)

    def forward(self, words, lengths):
        packed = pack_padded_sequence(
            self.embed(words), lengths, batch_first=True, enforce_sorted=False
        )
        return self.fc(self.rnn(packed)[1][-1])


model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(4):
    model.train()
    for words, lengths, target in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(words, lengths), target)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        hits = torch.cat([(model(w, n).argmax(1) == t).float() for w, n, t in val_loader])
    print(epoch, loss.item(), hits.mean().item())
